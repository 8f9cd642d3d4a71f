#!/bin/sh
# Installs what is missing, builds the release, and runs docs/examples/digits for real, step by step as a user would.
# Everything stays under build/: the project is a fresh copy in build/demo/digits, dstack's home is build/demo/home.
# The home is kept, so the second time is quick: the Python environment is there already.
#
#   sh cmake/demo.sh [EPOCHS]
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd -P)
demo=$root/build/demo
epochs=${1-15}

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
  bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
  bold='' plain=''
fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# Shows a command, then runs it.
show() {
  printf '%s$ %s%s\n' "$bold" "$*" "$plain"
  "$@"
}

build_release() {
  mkdir -p "$root/build"
  printf 'demo: building the release (build/release)\n'
  cd "$root"
  if ! cmake --preset release >"$root/build/demo-configure.log" 2>&1; then
    cat "$root/build/demo-configure.log" >&2
    exit 1
  fi
  if [ -t 1 ]; then
    cmake --build --preset release --target product
  else
    cmake --build --preset release --target product -- --quiet
  fi
}

make_project() {
  mkdir -p "$demo"
  rm -rf "$demo/digits" "$demo/result"
  cp -R "$root/docs/examples/digits" "$demo/digits"
  cd "$demo/digits"
  git -c init.defaultBranch=main init -q
  git add .
  git -c user.name=demo -c user.email=demo@localhost -c commit.gpgSign=false commit -q --no-verify -m "The digits example"
}

# The name of the run that was submitted last.
last_run() {
  dstack ps -n 1 --json | tr '{,' '\n\n' | sed -n 's/.*"run": *"\([^"]*\)".*/\1/p' | head -n 1
}

sh "$root/cmake/setup.sh"
build_release
PATH=$root/build/release/bin:$PATH:$root/build/tools/bin
DSTACK_HOME=$demo/home
export PATH DSTACK_HOME
make_project
printf 'demo: the project is %s, DSTACK_HOME is %s\n' "$demo/digits" "$DSTACK_HOME"

say "1. What is defined here"
show dstack workflows

say "2. Get the data; the first time this makes a Python environment"
show dstack run download

say "3. Give that data the name by which train asks for it"
download=$(last_run)
show dstack tags add latest "$download" --force

say "4. Train on it, with one hyper-parameter set on the command line"
show dstack run train --epochs "$epochs"
train=$(last_run)

say "5. What has run, what it printed, what it saved"
show dstack ps -a -n 5
show dstack logs "$train" -n 3
show dstack artifacts list "$train"

say "6. A workflow of shell commands, which runs download first, in the same run"
show dstack run report --digit 7

say "7. The model, as files"
show dstack artifacts download "$train" -o "$demo/result"
accuracy=$(sed -n 's/.*"accuracy": *\([0-9.]*\).*/\1/p' "$demo/result/model/metrics.json")
say "After $epochs epochs the model reads the digits that it never saw with an accuracy of $accuracy."
echo "Go on in $demo/digits with DSTACK_HOME=$DSTACK_HOME, for example: dstack run train --dry-run"
