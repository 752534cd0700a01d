# Emscripten: any emcc >= 3.1.69 of the machine, else Debian 13's package unpacked privately on top of
# the system's clang 19. Source after common.sh and private-apt.sh.
# shellcheck shell=bash

MIX_EMSCRIPTEN_MIN=3.1.69
MIX_EMSCRIPTEN_PACKAGE=emscripten=3.1.69+dfsg-3
MIX_BINARYEN_PACKAGE=binaryen=120-4
MIX_EMSCRIPTEN_PREFIX=$MIX_DEPS_DIR/emscripten
MIX_LLVM_BIN=/usr/lib/llvm-19/bin
# Raised when what is unpacked below changes.
MIX_EMSCRIPTEN_RECIPE=2

emcc_version() { "$1" -dumpversion 2>/dev/null | head -n1 | sed 's/-.*//'; }

# Prints the folder of a good enough emcc that the machine already has.
find_system_emscripten() {
  local dir version
  for dir in "${EMSDK:+$EMSDK/upstream/emscripten}" "$(dirname "$(command -v emcc 2>/dev/null)" 2>/dev/null)"; do
    [ -n "$dir" ] && [ -x "$dir/emcc" ] || continue
    # The private copy put on PATH by someone is not the machine's own.
    [ "$(cd "$dir" && pwd -P)" != "$MIX_EMSCRIPTEN_PREFIX/emscripten" ] || continue
    # Asking the version costs half a second, so it is asked once for each emcc.
    if stamp_matches system-emscripten "$dir $(stat -L -c '%Y %s' "$dir/emcc")"; then
      echo "$dir"
      return 0
    fi
    version=$(emcc_version "$dir/emcc") || continue
    if [ -n "$version" ] && version_at_least "$version" "$MIX_EMSCRIPTEN_MIN"; then
      # Debian keeps the toolchain file away from the emcc on PATH.
      [ -d "$dir/cmake/Modules" ] || dir=/usr/share/emscripten
      [ -f "$dir/cmake/Modules/Platform/Emscripten.cmake" ] || continue
      stamp_write system-emscripten "$dir $(stat -L -c '%Y %s' "$dir/emcc")"
      echo "$dir"
      return 0
    fi
  done
  return 1
}

private_emscripten_inputs() {
  echo "$MIX_EMSCRIPTEN_RECIPE $MIX_EMSCRIPTEN_PACKAGE $MIX_BINARYEN_PACKAGE"
}

# Compiles and runs a program that needs each pruned part; sure to fail here and not in a later build.
check_emscripten() {
  local emcc=$1/em++ tmp
  tmp=$(mktemp -d "$MIX_DEPS_DIR/check.XXXXXX")
  cat >"$tmp/a.cpp" <<'END'
#include <emscripten/bind.h>
#include <cstdio>
#include <string>
static int twice(int x) { return 2 * x; }
EMSCRIPTEN_BINDINGS(check) { emscripten::function("twice", &twice); }
int main() { std::printf("%s\n", std::to_string(twice(21)).c_str()); }
END
  cat >"$tmp/b.cpp" <<'END'
#include <cstdio>
int main() { std::FILE* f = std::fopen(__FILE__, "r"); std::puts(f != nullptr ? "42" : "no file"); }
END
  if "$emcc" -O3 -msimd128 -fno-exceptions -lembind -sEXIT_RUNTIME=1 -sMALLOC=emmalloc \
    -sDYNAMIC_EXECUTION=0 "$tmp/a.cpp" -o "$tmp/a.js" >"$tmp/log" 2>&1 &&
    [ "$(node "$tmp/a.js" 2>>"$tmp/log")" = 42 ] &&
    "$emcc" -g -O1 -fno-exceptions -sNODERAWFS=1 -sASSERTIONS=2 -sSTACK_OVERFLOW_CHECK=2 \
      -sEXIT_RUNTIME=1 -sALLOW_MEMORY_GROWTH=1 "$tmp/b.cpp" -o "$tmp/b.js" >>"$tmp/log" 2>&1 &&
    [ "$(node "$tmp/b.js" 2>>"$tmp/log")" = 42 ]; then
    rm -rf "$tmp"
    return 0
  fi
  cut -c1-500 "$tmp/log" | tail -n 30 >&2
  rm -rf "$tmp"
  return 1
}

install_private_emscripten() {
  local prefix=$MIX_EMSCRIPTEN_PREFIX dl=$MIX_DEPS_DIR/emscripten.download deb
  [ -x "$MIX_LLVM_BIN/clang" ] || die "$MIX_LLVM_BIN/clang is missing"
  say "fetching Emscripten (about 250 MB, once)"
  rm -rf "$prefix" "$dl"
  mkdir -p "$prefix"/{bin,rt} "$dl"
  private_apt_ready deb || die "no Debian mirror to take Emscripten from; put emcc >= $MIX_EMSCRIPTEN_MIN on PATH"
  local runtime=(libc6 libstdc++6 libgcc-s1 node-acorn)
  # Packaging revisions vanish with point releases; the check afterwards decides whether one will do.
  (cd "$dl" && { private_apt deb download -qq "$MIX_EMSCRIPTEN_PACKAGE" "$MIX_BINARYEN_PACKAGE" \
    "${runtime[@]}" || private_apt deb download -qq emscripten binaryen "${runtime[@]}"; } 2>/dev/null) ||
    die "download of Emscripten failed"

  # Everything but tests, documentation and the 1.6 GB of prebuilt libraries, of which only those stay
  # that single-threaded programs without exceptions link.
  local sysroot=./usr/share/emscripten/cache/sysroot/lib/wasm32-emscripten
  dpkg-deb --fsys-tarfile "$dl"/emscripten_*.deb | tar -x -C "$prefix" --strip-components=3 \
    --wildcards --exclude='*/lib/wasm32-emscripten/*' --exclude='*/emscripten/test/*' \
    --exclude='*/emscripten/docs/*' ./usr/share/emscripten
  dpkg-deb --fsys-tarfile "$dl"/emscripten_*.deb | tar -x -C "$prefix" --strip-components=3 \
    --wildcards --no-wildcards-match-slash --exclude='*-mt*' --exclude='*-ww*' --exclude='*asan*' \
    "$sysroot"/crt'*.o' "$sysroot"/lib'[cm]*.a' "$sysroot"/libdlmalloc'*.a' \
    "$sysroot"/libemmalloc'*.a' "$sysroot"/libembind'*.a' "$sysroot"/libnoexit.a \
    "$sysroot"/libsockets'*.a' "$sysroot"/libstubs'*.a' "$sysroot"/libstandalonewasm'*.a' \
    "$sysroot"/libunwind'*.a' "$sysroot"/libbulkmemory'*.a' "$sysroot"/libhtml5'*.a' \
    "$sysroot"/libal.a "$sysroot"/libGL-getprocaddr.a "$sysroot"/libjsmath.a "$sysroot"/libprintf'*.a'
  for deb in binaryen libc6 libstdc++6 libgcc-s1 node-acorn; do
    dpkg-deb --fsys-tarfile "$dl/$deb"_*.deb | tar -x -C "$prefix/rt"
  done
  # The JS optimizer imports acorn as an ES module, which NODE_PATH does not reach.
  mkdir -p "$prefix/emscripten/node_modules"
  cp -rL "$prefix/rt/usr/share/nodejs/acorn" "$prefix/emscripten/node_modules/"

  rm -rf "$prefix"/rt/usr/share/{doc,man,locale,gcc,gdb,lintian} "$prefix/rt/usr/share/nodejs"
  rm -rf "$dl"
}

# The files with absolute paths: written anew when the checkout moved or another Node is used.
configure_private_emscripten() {
  local prefix=$MIX_EMSCRIPTEN_PREFIX loader libs tool name
  # binaryen wants a newer glibc than Debian 12 has, so its tools start through the unpacked loader.
  loader=$(find "$prefix/rt" -name 'ld-linux-*.so.*' | head -n1)
  libs=$(dirname "$(find "$prefix/rt" -name libc.so.6 | head -n1)"):$(dirname "$(find "$prefix/rt" -name 'libstdc++.so.6' | head -n1)")
  # binaryen's own library, where the package splits it
  libs=$libs:$prefix/rt/usr/lib:$prefix/rt/usr/lib/binaryen
  for tool in "$prefix"/rt/usr/bin/{wasm,binaryen}*; do
    [ -f "$tool" ] || continue
    name=$(basename "$tool")
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$loader" "$libs" "$tool" \
      >"$prefix/bin/$name"
    chmod +x "$prefix/bin/$name"
  done

  # Frozen: a library that was left out is an error naming it, not a rebuild.
  cat >"$prefix/emscripten/.emscripten" <<END
LLVM_ROOT = '$MIX_LLVM_BIN'
BINARYEN_ROOT = '$prefix'
NODE_JS = '$(command -v node)'
FROZEN_CACHE = True
END
}

# ensure_emscripten: afterwards MIX_EMSCRIPTEN_ROOT is the folder with emcc, noted for CMake.
ensure_emscripten() {
  local inputs place
  if ! MIX_EMSCRIPTEN_ROOT=$(find_system_emscripten); then
    MIX_EMSCRIPTEN_ROOT=$MIX_EMSCRIPTEN_PREFIX/emscripten
    inputs=$(private_emscripten_inputs)
    place="$MIX_EMSCRIPTEN_PREFIX $(command -v node)"
    if ! stamp_matches emscripten "$inputs" || [ ! -x "$MIX_EMSCRIPTEN_ROOT/emcc" ]; then
      stamp_clear emscripten
      stamp_clear emscripten-place
      install_private_emscripten
      stamp_write emscripten "$inputs"
    fi
    if ! stamp_matches emscripten-place "$place"; then
      configure_private_emscripten
      check_emscripten "$MIX_EMSCRIPTEN_ROOT" || die "the unpacked Emscripten does not work"
      stamp_write emscripten-place "$place"
    fi
  fi
  # cmake/emscripten-toolchain.cmake reads this.
  [ "$(cat "$MIX_DEPS_DIR/emscripten-root" 2>/dev/null)" = "$MIX_EMSCRIPTEN_ROOT" ] ||
    printf '%s\n' "$MIX_EMSCRIPTEN_ROOT" >"$MIX_DEPS_DIR/emscripten-root"
}
