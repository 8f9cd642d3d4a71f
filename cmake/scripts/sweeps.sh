#!/bin/sh
# The long tier of tests/fault: every call at which a process can be killed or fail, and 500 power cuts. Takes hours.
# Prints a table: what is guaranteed, how often that was tried, how often it failed; and for each failure how to repeat
# it. The tests themselves, which `sh cmake/test.sh` runs, take a sample.
#
#   sh cmake/scripts/sweeps.sh [PRESET] [PART OF A NAME]    PRESET: dev (default), release; after a build of it
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
preset=dev
case ${1-} in
  dev | release) preset=$1; shift ;;
esac
program=$root/build/$preset/bin/test_sweeps
[ -x "$program" ] || { echo "sweeps: build '$preset' first: cmake --build --preset $preset" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/dstack-sweeps.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
DSTACK_SWEEP=all DSTACK_SWEEP_TABLE=$work/table
export DSTACK_SWEEP DSTACK_SWEEP_TABLE
: >"$DSTACK_SWEEP_TABLE"

# Several at a time: they mostly wait. A name may contain commas, which the test program would take for separators.
"$program" --list-test-names-only | grep -F "${1-}" | sed 's/,/\\,/g' |
  tr '\n' '\0' | xargs -0 -P "$(nproc)" -n 1 sh -c '
    log=$(mktemp "$1/log.XXXXXX")
    "$2" "$3" >"$log" 2>&1 || cat "$log"' _ "$work" "$program" || :

echo
sort "$DSTACK_SWEEP_TABLE" | awk -F '\t' '
  BEGIN { printf "%-60s %8s %8s\n", "guarantee", "tried", "failed" }
  { printf "%-60s %8d %8d\n", $1, $2, $3; tried += $2; failed += $3 }
  END { printf "%-60s %8d %8d\n", "all", tried, failed; exit failed > 0 }'
