#!/bin/sh
# Installs what is missing, builds, and runs the tests; the last line is "N passed, N failed, N skipped".
#
#   sh cmake/test.sh [PRESET] [CTEST OPTIONS...]      PRESET: dev (default), release, asan, tsan
#   sh cmake/test.sh asan -L unit                     for example
#
# Root hides every mistake with permissions, so when root starts this, all tests run as root and then those that
# need no privilege once more as an ordinary user (uid 1001, with an entry in passwd, which is made where there is
# none), with a home and a temp folder of its own; and the unit tests as uid 65534, who has no entry of its own and to
# whom files of unknown owners seem to belong.
#
# A few tests that fail beside all others run once more, alone. One that passes then is counted as passed and listed as
# flaky, with what it printed: a fault of the test or a race in the program, to be looked into.
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd -P)
user=1001
nobody=65534
labels='^(unit|integration|cli|abi|security)$'

preset=dev
case ${1-} in
  dev | release | asan | tsan) preset=$1; shift ;;
esac
build=$root/build/$preset
results=$build/results

say() { printf 'test: %s\n' "$*"; }

# Runs a command with its words in a log: quiet when it succeeds, all of it when it fails.
quietly() {
  log=$1
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    return 1
  fi
}

build_everything() {
  say "building ($preset, in build/$preset)"
  mkdir -p "$results"
  (cd "$root" && quietly "$results/configure.log" cmake --preset "$preset")
  if [ -t 1 ]; then
    cmake --build "$build"
  else
    cmake --build "$build" -- --quiet
  fi
}

jobs() { echo $(($(nproc) + 1)); }

# How many tests failed in the pass whose folder is FOLDER, by what CTest writes for --rerun-failed.
failures_in() {
  cat "$1/entrance/Testing/Temporary/LastTestsFailed.log" 2>/dev/null | wc -l
}

# run_pass NAME COMMAND...: runs `COMMAND... ctest options`; the results go to results/NAME.xml, and those of what failed
# and ran again to results/NAME-again.xml. A failed test is no failure of this function: the tally tells.
run_pass() {
  name=$1
  shift
  rm -f "$results/$name.xml" "$results/$name-again.xml"
  prepare_home "$scratch/$name"
  run_tests "$name" "$@" -j "$(jobs)"
  failures=$(failures_in "$scratch/$name")
  if [ "$failures" -gt 0 ] && [ "$failures" -le 10 ]; then
    say "running again, one by one, what failed ($failures)"
    run_tests "$name-again" "$@" --rerun-failed -j 1
  fi
}

# run_tests RESULTS COMMAND...: one call of CTest in the folder of the pass $name.
run_tests() {
  into=$1
  shift
  set -- "$@" --test-output-size-passed 65536 --output-junit "$scratch/$name/results.xml"
  rm -f "$scratch/$name/results.xml"
  if [ -t 1 ]; then
    "$@" --progress </dev/null || :
  else
    "$@" >"$results/$into.log" 2>&1 </dev/null || :
  fi
  cp "$scratch/$name/results.xml" "$results/$into.xml" 2>/dev/null || :
}

# prepare_home FOLDER: what one pass may write in. CTest writes its log where it starts, and an ordinary user cannot
# write in the build, so it starts in a folder that leads to the build's tests.
prepare_home() {
  mkdir -p "$1/tmp" "$1/entrance"
  printf 'subdirs("%s")\n' "$build" >"$1/entrance/CTestTestfile.cmake"
}

as_user() {
  setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"
}

# Programs look their user up by its number. This one has no password.
make_user() {
  [ -n "$(getent passwd "$user")" ] ||
    useradd --uid "$user" --no-create-home --home-dir /nonexistent --shell /bin/sh dstack-test
}

# Whether the ordinary user sees the sources and the build where they are.
user_can_read() {
  # The variables belong to the inner shell.
  # shellcheck disable=SC2016
  as_user sh -c 'cd "$1" 2>/dev/null && cd "$2" && cd "$1" &&
    [ -z "$(find cmake docs plugins sdk tests "$2" ! -readable -print -quit 2>&1)" ]' _ "$root" "$build" 2>/dev/null
}

# The topmost folder on the way to the sources that the ordinary user may not enter, or the sources' own.
first_closed_folder() {
  path=
  rest=${root#/}
  while [ -n "$rest" ]; do
    path=$path/${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    if ! as_user test -x "$path"; then
      echo "$path"
      return
    fi
  done
  echo "$root"
}

# Runs a command in a mount namespace where a readable copy of the sources, with the build in it, stands at the
# sources' own path. Nothing outside the namespace changes.
with_readable_tree() {
  tree=$scratch/tree
  mkdir -p "$tree/build/$preset"
  (cd "$root" && tar -cf - --exclude=./build --exclude=./.git .) | tar -C "$tree" -xf - --no-same-owner
  chmod -R u+rwX,go+rX "$tree" "$build"
  # shellcheck disable=SC2016
  unshare -m --propagation private sh -c '
    set -e
    root=$1 build=$2 tree=$3 closed=$4
    shift 4
    mount --bind "$build" "$tree/${build#"$root"/}"
    if [ "$closed" != "$root" ]; then
      mount -t tmpfs -o mode=755 tmpfs "$closed"
      mkdir -p "$root"
    fi
    mount --rbind "$tree" "$root"
    cd /
    exec "$@"' _ "$root" "$build" "$tree" "$(first_closed_folder)" "$@"
}

# Why the pass as an ordinary user cannot be made here; empty when it can.
why_no_user() {
  if ! as_user true 2>/dev/null; then
    echo "this root may not become uid $user"
  elif ! user_can_read && ! unshare -m --propagation private true 2>/dev/null; then
    echo "uid $user may not read $root, and this root may not mount a copy that it may read"
  fi
}

user_ctest() {
  home=$scratch/$name
  login=$(getent passwd "$user" | cut -d: -f1)
  chown -R "$user:$user" "$home"
  set -- ctest --test-dir "$home/entrance" -L "$labels" "$@"
  set -- env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME \
    HOME="$home" TMPDIR="$home/tmp" DSTACK_HOME="$home/.dstack" USER="${login:-nobody}" LOGNAME="${login:-nobody}" "$@"
  set -- setpriv --reuid "$user" --regid "$user" --clear-groups -- "$@"
  if user_can_read; then
    "$@"
  else
    with_readable_tree "$@"
  fi
}

own_ctest() {
  home=$scratch/$name
  TMPDIR=$home/tmp DSTACK_HOME=$home/.dstack ctest --test-dir "$home/entrance" "$@"
}

sh "$root/cmake/setup.sh"
# Behind everything else: a uv of the user's own comes first.
PATH=$PATH:$root/build/tools/bin
export PATH
unset DSTACK_HOME DSTACK_PROVIDER_PATH
build_everything
# Without them their tests are skipped, each with its reason. code-server takes too long to be part of this.
if [ $# -eq 0 ]; then
  sh "$root/cmake/scripts/applications.sh" apps browser firefox torch || say "some applications could not be installed"
fi

scratch=$(mktemp -d /tmp/dstack-test.XXXXXX)
chmod 755 "$scratch"
trap 'rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Options may leave one of the passes without a test; without options that is a mistake.
[ $# -gt 0 ] && filtered=--filtered || filtered=

if [ "$(id -u)" = 0 ]; then
  say "running all tests as root"
  run_pass root own_ctest "$@"
  reason=$(why_no_user)
  if [ -z "$reason" ]; then
    make_user || say "uid $user has no entry in passwd, and none could be made"
    say "running the tests that need no privilege as an ordinary user (uid $user)"
    run_pass user user_ctest "$@"
    user=$nobody labels='^unit$'
    say "running the unit tests as uid $user"
    run_pass nobody user_ctest "$@"
    set -- "root=$results/root.xml" "user=$results/user.xml" "nobody=$results/nobody.xml"
  else
    set -- "root=$results/root.xml" --skipped "the tests as an ordinary user: $reason"
  fi
else
  say "running all tests as $(id -un)"
  run_pass user own_ctest "$@"
  set -- "user=$results/user.xml"
fi
python3 "$root/cmake/scripts/tally.py" $filtered "$@"
