# Builds the third-party libraries into $MIX_DEPS_DIR/{native,wasm}. Source after the other libraries.
# shellcheck shell=bash

# third_party_inputs KIND COMPILER: one hash over all that decides the result.
third_party_inputs() {
  local kind=$1 compiler=$2
  {
    find "$MIX_ROOT/third_party" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
      sed "s# $MIX_ROOT/# #"
    sha256sum <"$MIX_ROOT/cmake/emscripten-toolchain.cmake"
    env | { grep -E '^MIX_[A-Z0-9]+_SOURCE_DIR=' || true; } | LC_ALL=C sort
    echo "$kind $compiler $MIX_DEPS_DIR"
    # Debian's own sources and headers that are compiled in or copied.
    dpkg-query -W -f '${Package} ${Version}\n' nlohmann-json3-dev googletest 2>/dev/null
  } | sha256sum | cut -d' ' -f1
}

# build_third_party KIND COMPILER CMAKE_ARGS...
build_third_party() {
  local kind=$1 compiler=$2 inputs lib build prefix dir
  shift 2
  prefix=$MIX_DEPS_DIR/$kind
  inputs=$(third_party_inputs "$kind" "$compiler")
  stamp_matches "third-party-$kind" "$inputs" && [ -d "$prefix/lib" ] && return 0
  stamp_clear "third-party-$kind"
  say "building third-party libraries ($kind)"
  local args=()
  for lib in $(pinned_libraries); do
    dir=$(source_dir "$lib") || return 1
    args+=("-DMIX_${lib^^}_SOURCE_DIR=$dir")
  done
  # Kept, so that a changed configuration header rebuilds one library; another compiler or checkout
  # starts afresh.
  build=$MIX_DEPS_DIR/build-$kind
  rm -rf "$prefix.new"
  [ "$(cat "$build/made-by" 2>/dev/null)" = "$compiler $MIX_ROOT" ] || rm -rf "$build"
  mkdir -p "$build"
  printf '%s\n' "$compiler $MIX_ROOT" >"$build/made-by"
  if ! { cmake -S "$MIX_ROOT/third_party" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_INSTALL_LIBDIR=lib "${args[@]}" "$@" &&
    cmake --build "$build" --parallel "$MIX_JOBS" &&
    cmake --install "$build" --prefix "$prefix.new"; } >"$MIX_DEPS_DIR/build-$kind.log" 2>&1; then
    tail -n 40 "$MIX_DEPS_DIR/build-$kind.log" >&2
    die "third-party libraries ($kind) failed; log in $MIX_DEPS_DIR/build-$kind.log"
  fi
  # Swapped in at the end: a failure leaves the old one, and builds beside this one see no half.
  rm -rf "$prefix"
  mv "$prefix.new" "$prefix"
  stamp_write "third-party-$kind" "$inputs"
}
