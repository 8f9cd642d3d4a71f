#!/bin/sh
# Installs the real programs that tests of providers drive. Safe to repeat, and quick when nothing is missing.
#
#   sh cmake/scripts/applications.sh NAME...
#
#   browser      Debian's chromium and chromium-driver (root)
#   firefox      Debian's firefox-esr (root)
#   apps         a Python environment that drives applications (selenium, websocket-client), and Streamlit, JupyterLab
#                and Notebook in the cache of uv, from which the jobs' own environments are made
#   torch        PyTorch without a card's libraries, by cmake/scripts/torch.sh: a minute, 1.4 GB
#   code-server  VS Code for the browser, built from npm: some minutes, 1.3 GB
#
# What is no Debian package goes into ${XDG_CACHE_HOME:-~/.cache}/dstack-tests and stays there; to start afresh, remove
# that folder.
set -eu
umask 022
root=$(cd "$(dirname "$0")/../.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dstack-tests

say() { printf 'applications: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# Runs a command with its words in a log that is shown when it fails.
quietly() {
  log=$cache/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; return 1; }
}

# debian PACKAGE...: installs those that are missing.
debian() {
  missing=
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing, and only root can install them:$missing"
  say "installing$missing"
  quietly apt-update apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update || :
  # Words on purpose.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive quietly apt apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    install --no-install-recommends --no-remove $missing
}

# into NAME FUNCTION: FUNCTION fills the current folder, which becomes $cache/NAME only when it is whole.
into() {
  name=$1
  [ ! -e "$cache/$name/complete" ] || return 0
  say "making $name in $cache"
  rm -rf "${cache:?}/$name"
  mkdir -p "$cache/$name"
  (cd "$cache/$name" && "$2") || die "$name could not be made; see $cache/$name.log"
  : >"$cache/$name/complete"
}

browser() {
  debian chromium chromium-driver fonts-dejavu-core
}

firefox() {
  debian firefox-esr
}

find_uv() {
  uv=$(command -v uv || echo "$root/build/tools/bin/uv")
  [ -x "$uv" ]
}

# The newest Python that Streamlit and JupyterLab know.
python() {
  for version in 3.12 3.11 3.10 3.13; do
    for program in "$(command -v "python$version" || :)" "$HOME/.pyenv/versions/$version".*/bin/python; do
      if [ -x "$program" ] && "$program" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "$program"
        return
      fi
    done
  done
  echo python3
}

make_driver() {
  if find_uv; then
    UV_CACHE_DIR=$cache/uv quietly driver "$uv" venv --python "$(python)" environment
    UV_CACHE_DIR=$cache/uv quietly driver "$uv" pip install --python environment/bin/python \
      --require-hashes -r "$root/cmake/supply/driver.txt"
  else
    quietly driver "$(python)" -m venv environment
    quietly driver environment/bin/python -m pip install --disable-pip-version-check \
      --require-hashes -r "$root/cmake/supply/driver.txt"
  fi
}

warm_up() {
  find_uv || return 0
  UV_CACHE_DIR=$cache/uv quietly warm "$uv" venv --python "$(python)" environment
  UV_CACHE_DIR=$cache/uv quietly warm "$uv" pip install --python environment/bin/python \
    streamlit jupyterlab notebook
  rm -rf environment
}

apps() {
  into driver make_driver
  into warm warm_up
}

torch() {
  [ -x "$cache/torch/bin/python" ] || say "making torch in $cache"
  quietly torch sh "$root/cmake/scripts/torch.sh" "$cache/torch" || die "torch could not be made; see $cache/torch.log"
}

make_code_server() {
  cp "$root"/cmake/supply/code-server/package*.json .
  quietly code-server npm ci --no-audit --no-fund --ignore-scripts
  quietly code-server npm rebuild node
  PATH=$PWD/node_modules/node/bin:$PATH npm_config_unsafe_perm=true quietly code-server npm rebuild code-server
  mkdir bin
  cat >bin/code-server <<END
#!/bin/sh
PATH=$PWD/node_modules/node/bin:\$PATH exec $PWD/node_modules/.bin/code-server "\$@"
END
  chmod 755 bin/code-server
}

code_server() {
  debian libkrb5-dev libsecret-1-dev libxkbfile-dev g++ make
  into code-server make_code_server
}

[ $# -gt 0 ] || die "name what to install: browser, firefox, apps, torch, code-server"
mkdir -p "$cache"
for application in "$@"; do
  case $application in
    browser) browser ;;
    firefox) firefox ;;
    apps) apps ;;
    torch) torch ;;
    code-server) code_server ;;
    *) die "unknown: $application" ;;
  esac
done
