#!/bin/sh
# Fuzzes: builds the targets of tests/fuzz with clang and libFuzzer and runs each for a while, one after the other.
#
#   sh cmake/scripts/fuzz.sh [TARGET] [SECONDS]        default: each target, 60 seconds
#
# Inputs that reach something new gather in build/fuzz/corpus/TARGET, from run to run. An input with a fault ends the
# run; what to do with it is said then. Needs Debian's clang-14 and libclang-rt-14-dev.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
build=$root/build/fuzz

say() { printf 'fuzz: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

command -v clang++-14 >/dev/null ||
  die "clang is missing: apt-get install --no-install-recommends clang-14 libclang-rt-14-dev"
targets=
case ${1-} in
  '' | [0-9]*) ;;
  *) targets=$1; shift ;;
esac
seconds=${1-60}
known=$(sed -n 's/^dstack_fuzz_target(\([a-z_]*\) .*/\1/p' "$root/tests/fuzz/CMakeLists.txt")
if [ -n "$targets" ]; then
  # A word to look for in a list of words.
  # shellcheck disable=SC2086
  printf '%s\n' $known | grep -qx "$targets" || die "there is no target '$targets'; there are:" $known
else
  targets=$known
fi

cd "$root"
cmake --preset fuzz >/dev/null
# shellcheck disable=SC2046
cmake --build "$build" --target $(printf 'fuzz_%s ' $targets)

# fuzz TARGET: a slow input counts as a fault as well (-timeout, in seconds: sanitizers make everything several times
# slower), and so does one that takes much memory.
fuzz() {
  corpus=$build/corpus/$1
  findings=$build/findings/$1
  mkdir -p "$corpus" "$findings"
  say "$1, for $seconds s"
  # Folders of the project, whose names have no blanks.
  # shellcheck disable=SC2046
  ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    "$build/bin/fuzz_$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -malloc_limit_mb=256 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$findings/" \
    "$corpus" $(cat "$build/inputs/$1") >"$build/$1.log" 2>&1 || return 1
  grep -E '^#[0-9]+[[:space:]]+DONE' "$build/$1.log" || :
}

failed=
for target in $targets; do
  if ! fuzz "$target"; then
    failed="$failed $target"
    tail -n 40 "$build/$target.log"
    say "$target has a fault; its input is the last file in $build/findings/$target"
    say "  see it again:  $build/bin/fuzz_$target FILE"
    say "  make it small: $build/bin/fuzz_$target -minimize_crash=1 -max_total_time=60 FILE"
    say "  when it is fixed, keep it: cp FILE tests/fuzz/corpus/$target/WHAT-IT-SHOWED"
  fi
done
[ -z "$failed" ] || die "faults in:$failed"
say "no faults; new inputs are in $build/corpus"
