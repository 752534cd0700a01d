# A private apt state that reads one Debian suite without touching the system's own sources.
# Debian's signatures cover everything it fetches. Source after common.sh.
# shellcheck shell=bash

MIX_APT_DIR=$MIX_DEPS_DIR/apt
MIX_APT_SUITE=trixie

# private_apt_ready KIND: makes the state for KIND (deb or deb-src) and fetches its index.
# Non-zero when this machine has no apt or no Debian mirror to ask.
private_apt_ready() {
  local kind=$1 dir=$MIX_APT_DIR/$1 mirror
  [ -f "$dir/ready" ] && return 0
  command -v apt-get >/dev/null || return 1
  [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || return 1
  # The machine's own mirror, so that no host is named here.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
    grep -E '/debian/?$' | head -n1) || true
  mirror=${MIX_DEBIAN_MIRROR:-$mirror}
  [ -n "$mirror" ] || return 1
  mkdir -p "$dir"/{sources.d,lists/partial,cache/archives/partial,state}
  : >"$dir/status"
  cat >"$dir/sources.d/suite.sources" <<END
Types: $kind
URIs: $mirror
Suites: $MIX_APT_SUITE
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
  cat >"$dir/apt.conf" <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$dir/sources.d";
Dir::State "$dir/state";
Dir::State::Lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "root";
END
  private_apt "$kind" update -qq || return 1
  touch "$dir/ready"
}

# private_apt KIND ARGS...: apt-get on the private state, output in the current folder.
private_apt() {
  local kind=$1
  shift
  APT_CONFIG=$MIX_APT_DIR/$kind/apt.conf apt-get "$@"
}

private_apt_remove() { rm -rf "$MIX_APT_DIR"; }
