#!/bin/sh
# Installs what building and testing dstack needs: Debian packages, and uv as a help where pip can fetch it.
# Safe to repeat, and quick when nothing is missing. It never removes a package. The other scripts call it first.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

packages="g++ cmake ninja-build ccache mold pkg-config git ca-certificates
libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev libsqlite3-dev libssl-dev libsodium-dev
libcurl4-openssl-dev nlohmann-json3-dev libtomlplusplus-dev libexpected-dev catch2 python3 python3-venv
python3-jsonschema python3-yaml zsh fish btrfs-progs xfsprogs"

say() { printf '%s\n' "$*"; }
die() { say "setup: $*" >&2; exit 1; }

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The highest Boost version among the installed packages whose names match the pattern, as "1.81".
boost_version_of() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$1" 2>/dev/null |
    sed -n 's/^installed [a-z-]*\([0-9]*\.[0-9]*\).*/\1/p' | sort -V | tail -n 1
}

# Debian's Boost versions exclude each other as -dev packages, so the one that a user has decides. A machine whose
# distribution has neither of ours gets its default version.
boost_packages() {
  version=$(boost_version_of 'libboost[0-9]*-dev')
  [ -n "$version" ] || version=$(boost_version_of 'libboost-filesystem[0-9]*-dev')
  [ -n "$version" ] || version=$(boost_version_of 'libboost-filesystem[0-9]*')
  [ -n "$version" ] || version=1.81
  say "libboost$version-dev libboost-filesystem$version-dev"
}

missing_of() {
  for package in "$@"; do
    installed "$package" || printf '%s ' "$package"
  done
}

# How this user may install packages: "" for root, else a sudo that asks only where somebody can answer.
choose_sudo() {
  if [ "$(id -u)" = 0 ]; then
    sudo=
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo=sudo
  else
    say "setup: these packages are missing: $missing" >&2
    say "setup: you are neither root nor allowed to use sudo; ask an administrator to run" >&2
    say "  apt-get install --no-install-recommends --no-remove $missing" >&2
    exit 1
  fi
}

apt() {
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

known() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

install_packages() {
  boost=$(boost_packages)
  # Words on purpose: both are lists.
  # shellcheck disable=SC2046,SC2086
  missing=$(missing_of $packages $boost)
  if [ -z "$missing" ]; then
    say "setup: all packages are installed"
    return
  fi
  choose_sudo
  say "setup: installing $missing"
  mkdir -p "$root/build"
  log=$root/build/setup.log
  apt update >"$log" 2>&1 || say "setup: apt-get update failed (see $log); going on with the package lists as they are" >&2
  case $missing in
    *libboost1.81-dev*)
      if ! known libboost1.81-dev; then
        # shellcheck disable=SC2086
        missing=$(missing_of $packages libboost-dev libboost-filesystem-dev)
      fi ;;
  esac
  # shellcheck disable=SC2086
  if ! apt install -y --no-install-recommends --no-remove $missing >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "apt-get could not install the packages; nothing was removed. The whole log: $log"
  fi
}

# uv makes Python environments several times faster than pip. dstack works without it, so a closed network is no
# error. It gets a folder of its own: the interpreter beside it must not become the `python3` of anybody's PATH.
install_uv() {
  tools=$root/build/tools
  if command -v uv >/dev/null || [ -x "$tools/bin/uv" ]; then
    return
  fi
  say "setup: installing uv into build/tools (optional; pip does the same more slowly)"
  mkdir -p "$tools/bin"
  rm -rf "$tools/venv"
  if python3 -m venv "$tools/venv" >"$tools/uv.log" 2>&1 &&
    "$tools/venv/bin/python" -m pip install -q --disable-pip-version-check --timeout 15 --retries 1 \
      --require-hashes -r "$here/supply/uv.txt" >>"$tools/uv.log" 2>&1; then
    ln -sf ../venv/bin/uv "$tools/bin/uv"
  else
    say "setup: uv could not be fetched (see build/tools/uv.log); going on without it"
  fi
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  install_packages
else
  say "setup: no apt-get here; if the build misses something, install the equivalents of:"
  say "  $packages libboost-dev libboost-filesystem-dev"
fi
install_uv
