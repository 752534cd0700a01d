# Debian packages that build and tests need. Source after common.sh.
# shellcheck shell=bash

MIX_PACKAGES=(
  # compilers: clang 19 natively and under Emscripten
  clang-19 lld-19 llvm-19 libclang-rt-19-dev clang-format-19 clang-tidy-19
  cmake ninja-build pkg-config python3
  # libraries of localnet and the tests
  libslirp-dev libglib2.0-dev nlohmann-json3-dev libcli11-dev
  libgtest-dev libgmock-dev googletest libbenchmark-dev valgrind
  # the tests' origin, resolver, roots and browsers
  nginx-light unbound openssl ca-certificates chromium firefox-esr
  # WebKitGTK's WebView, its driver, a display, and the language that its shell is written in
  webkit2gtk-driver xvfb gir1.2-webkit2-4.1 python3-gi
  # the reference of the C++ library
  doxygen
  # the set-up itself
  debian-archive-keyring curl git xz-utils bzip2
)

# Prints those of the packages that are installed. dpkg-query fails on a name it does not know.
installed_packages() {
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk '$1 == "installed" { print $2 }'
}

# Prints the packages that are absent, one a line.
missing_packages() {
  local have package
  have=$(installed_packages "${MIX_PACKAGES[@]}" libboost1.81-dev libboost-dev)
  for package in "${MIX_PACKAGES[@]}"; do
    grep -qxF "$package" <<<"$have" || echo "$package"
  done
  # Beast of 1.81 or newer: a package of its own in Debian 12, the default in Debian 13.
  local boost=libboost-dev
  [ "$(debian_major)" = 12 ] && boost=libboost1.81-dev
  grep -qxF "$boost" <<<"$have" || echo "$boost"
  # Debian 12's own Node is too old; there it comes from elsewhere.
  if ! command -v node >/dev/null && [ "$(debian_major)" != 12 ]; then echo nodejs; fi
  if ! command -v npm >/dev/null && [ "$(debian_major)" != 12 ]; then echo npm; fi
}

debian_major() { (. /etc/os-release && echo "${VERSION_ID:-0}" | cut -d. -f1); }

# Without Debian's package tools: the commands at least.
check_commands() {
  local missing=() tool
  for tool in clang-19 clang++-19 ld.lld-19 cmake ninja pkg-config python3 nginx openssl curl git; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} -eq 0 ] || die "not a Debian system, please provide: ${missing[*]}"
}

# Runs a command as root: directly, or by sudo, which may ask only where someone can answer.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

can_be_root() {
  [ "$(id -u)" = 0 ] && return 0
  command -v sudo >/dev/null || return 1
  [ -t 0 ] || sudo -n true 2>/dev/null
}

# The tests start nginx and unbound themselves on free ports; the packages must not start theirs.
install_packages() {
  local policy=/usr/sbin/policy-rc.d status=0 made_policy=no service new_services=()
  for service in nginx unbound; do
    [ -n "$(installed_packages "$service")" ] || new_services+=("$service")
  done
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made_policy=yes
  fi
  as_root apt-get update -qq || say "apt-get update failed, trying with the lists that are there"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
    </dev/null >&2 || status=$?
  if [ "$made_policy" = yes ]; then as_root rm -f "$policy"; fi
  if command -v systemctl >/dev/null; then
    for service in "${new_services[@]}"; do
      as_root systemctl disable --quiet "$service" 2>/dev/null || true
    done
  fi
  return "$status"
}

ensure_packages() {
  if ! command -v dpkg-query >/dev/null; then
    check_commands
    return 0
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! can_be_root; then
    say "missing Debian packages, and neither root nor sudo to install them:"
    printf '  %s\n' "${missing[@]}" >&2
    die "install them with: apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing Debian packages: ${missing[*]}"
  install_packages "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] || die "still missing: ${missing[*]}"
}

ensure_node() {
  local version
  command -v node >/dev/null || die "Node.js 20.19 or newer is needed"
  command -v npm >/dev/null || die "npm is needed"
  version=$(node --version)
  # The packages run from 20.0 on, the test runner's bundler asks for 20.19.
  version_at_least "${version#v}" 20.19.0 || die "Node.js 20.19 or newer is needed, found $version"
}
