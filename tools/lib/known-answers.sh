# Fetches the known answers that others made. Source after sources.sh.
# shellcheck shell=bash

# Each ends up in $MIX_DEPS_DIR/src/NAME-VERSION, as the libraries' sources do.
ensure_known_answers() (
  MIX_PINS=$MIX_ROOT/tests/known_answers/pins.txt
  for name in $(pinned_libraries); do
    source_dir "$name" >/dev/null || exit 1
  done
)
