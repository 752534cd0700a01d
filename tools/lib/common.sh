# Shared by the scripts in tools/. Source it; it defines functions and paths only.
# shellcheck shell=bash

MIX_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
MIX_DEPS_DIR=${MIX_DEPS_DIR:-$MIX_ROOT/.deps}
MIX_DOWNLOADS=$MIX_DEPS_DIR/downloads
MIX_STAMPS=$MIX_DEPS_DIR/stamps
# Two at most: a link of the wasm module and a compiler each want their own core.
MIX_JOBS=${MIX_JOBS:-2}
export MIX_ROOT MIX_DEPS_DIR MIX_DOWNLOADS MIX_STAMPS MIX_JOBS

say() { printf '%s: %s\n' "${MIX_TOOL:-setup}" "$*" >&2; }
die() { say "$*"; exit 1; }

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

# stamp_matches NAME HASH: true if the step NAME was last finished with these inputs.
stamp_matches() { [ -f "$MIX_STAMPS/$1" ] && [ "$(cat "$MIX_STAMPS/$1")" = "$2" ]; }
stamp_write() { mkdir -p "$MIX_STAMPS" && printf '%s\n' "$2" >"$MIX_STAMPS/$1"; }
stamp_clear() { rm -f "$MIX_STAMPS/$1"; }
