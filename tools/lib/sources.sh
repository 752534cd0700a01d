# Fetches and unpacks the pinned third-party sources. Source after common.sh and private-apt.sh.
# shellcheck shell=bash

MIX_PINS=$MIX_ROOT/third_party/pins.txt

pins_of() { awk -v lib="$1" '$1 == lib' "$MIX_PINS"; }
pinned_libraries() { awk '!/^#/ && NF { print $1 }' "$MIX_PINS" | uniq; }

archive_is_good() { [ -f "$1" ] && [ "$(sha256_of "$1")" = "$2" ]; }

# fetch_debian_source ARCHIVE SHA SOURCE=VERSION
fetch_debian_source() {
  local archive=$1 sha=$2 source=$3 tmp
  private_apt_ready deb-src || return 1
  tmp=$(mktemp -d "$MIX_DEPS_DIR/fetch.XXXXXX")
  # A packaging revision vanishes with a point release while the orig tarball stays, so the
  # unversioned source is asked second.
  (cd "$tmp" && { private_apt deb-src source -qq --download-only --tar-only "$source" ||
    private_apt deb-src source -qq --download-only --tar-only "${source%%=*}"; }) >/dev/null 2>&1
  if archive_is_good "$tmp/$archive" "$sha"; then
    mv "$tmp/$archive" "$MIX_DOWNLOADS/$archive"
    rm -rf "$tmp"
    return 0
  fi
  rm -rf "$tmp"
  return 1
}

# fetch_url ARCHIVE SHA URL
fetch_url() {
  local archive=$1 sha=$2 url=$3 part=$MIX_DOWNLOADS/$1.part
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 3 \
    --connect-timeout 20 --max-time 300 --output "$part" "$url" || { rm -f "$part"; return 1; }
  if archive_is_good "$part" "$sha"; then
    mv "$part" "$MIX_DOWNLOADS/$archive"
    return 0
  fi
  say "$url has an unexpected SHA-256, not used"
  rm -f "$part"
  return 1
}

# fetch_archive LIB: prints the path of a checked archive.
fetch_archive() {
  local lib=$1 how archive sha where
  mkdir -p "$MIX_DOWNLOADS"
  while read -r _ _ how archive sha where; do
    archive_is_good "$MIX_DOWNLOADS/$archive" "$sha" && { echo "$MIX_DOWNLOADS/$archive"; return 0; }
  done < <(pins_of "$lib")
  while read -r _ _ how archive sha where; do
    case $how in
      debian) fetch_debian_source "$archive" "$sha" "$where" || continue ;;
      url) fetch_url "$archive" "$sha" "$where" || continue ;;
      *) die "third_party/pins.txt: unknown way '$how'" ;;
    esac
    say "fetched $archive ($how)"
    echo "$MIX_DOWNLOADS/$archive"
    return 0
  done < <(pins_of "$lib")
  die "cannot fetch $lib; put one of its archives of third_party/pins.txt into $MIX_DOWNLOADS," \
    "or set MIX_${lib^^}_SOURCE_DIR"
}

# source_dir LIB: prints the folder of the unpacked source, fetching it first if necessary.
source_dir() {
  local lib=$1 override=MIX_${1^^}_SOURCE_DIR version archive dir tmp
  if [ -n "${!override:-}" ]; then
    [ -d "${!override}" ] || die "$override=${!override} is no folder"
    echo "${!override}"
    return 0
  fi
  version=$(pins_of "$lib" | awk 'NR == 1 { print $2 }')
  dir=$MIX_DEPS_DIR/src/$lib-$version
  if [ ! -d "$dir" ]; then
    archive=$(fetch_archive "$lib") || return 1
    tmp=$dir.unpacking
    rm -rf "$tmp"
    # Spelled out: set -e is off within a command substitution.
    mkdir -p "$tmp" && tar -xf "$archive" -C "$tmp" --strip-components=1 && mv "$tmp" "$dir" ||
      die "cannot unpack $archive"
  fi
  echo "$dir"
}
