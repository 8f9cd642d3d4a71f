#!/bin/sh
# Builds the release twice, the second time from a copy of the sources in another folder, without a compiler cache and
# with other settings of the user, and compares all that is installed byte by byte: who builds these sources with the same
# compiler and libraries gets the files that we give out.
#
#   sh cmake/scripts/reproduce.sh              everything, as before a release: a quarter of an hour on two cores
#   sh cmake/scripts/reproduce.sh providers    the providers: what the tests have time for
#
# The first build is build/release, and stays there. The second is removed when it gave the same, and kept to be looked
# into when it did not.
set -eu
umask 022
root=$(cd "$(dirname "$0")/../.." && pwd -P)
part=${1-product}
case $part in
  product | providers) ;;
  *) echo "reproduce: '$part' is neither 'product' nor 'providers'" >&2; exit 2 ;;
esac

say() { printf 'reproduce: %s\n' "$*"; }

# build SOURCES LOG: configures and builds the release in SOURCES/build/release.
build() {
  if ! (cd "$1" && cmake --preset release && cmake --build --preset release --target "$part" -- --quiet) >"$2" 2>&1 </dev/null
  then
    cat "$2" >&2
    say "the build in $1 failed"
    exit 1
  fi
}

# Puts what is compared of the build in SOURCES into FOLDER.
collect() {
  case $part in
    product) cmake --install "$1/build/release" --prefix "$2" >/dev/null ;;
    # Not installed alone, and in the build their modes are whatever the user lets be made.
    providers) cp -R "$1/build/release/lib/dstack/plugins" "$2" && chmod -R u=rwX,go=rX "$2" ;;
  esac
}

# Sources, and nothing that a build or a test has left beside them.
copy_sources() {
  if git -C "$root" rev-parse --verify -q HEAD >/dev/null 2>&1; then
    (cd "$root" && git ls-files -z --cached --others --exclude-standard | tar -cf - --null -T -)
  else
    (cd "$root" && tar -cf - --exclude=./build .)
  fi | tar -C "$1" -xf -
}

say "the first build, in build/release"
mkdir -p "$root/build"
build "$root" "$root/build/reproduce-first.log"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/dstack-reproduce.XXXXXX")
trap 'exit 130' INT
trap 'exit 143' TERM
# Of another length than the first, so that a path that is built in moves what is behind it.
other=$scratch/the/same/sources/in/another/folder
mkdir -p "$other"
copy_sources "$other"
say "the second build, in $other"
(
  umask 077
  CCACHE_DISABLE=1 TZ=Pacific/Auckland LC_ALL=C HOME=$scratch USER=somebody
  export CCACHE_DISABLE TZ LC_ALL HOME USER
  build "$other" "$scratch/second.log"
)
collect "$root" "$scratch/first"
collect "$other" "$scratch/second"

# Names, bytes, modes and links; the times are those of the copy.
describe() {
  (
    cd "$1"
    find . -type l -printf 'link %p %l\n' -o -type f -printf 'mode %p %m\n'
    find . -type f -exec sha256sum {} +
  ) | LC_ALL=C sort
}
describe "$scratch/first" >"$scratch/first.list"
describe "$scratch/second" >"$scratch/second.list"
if ! diff -u --label first "$scratch/first.list" --label second "$scratch/second.list"; then
  say "the two builds differ, see above; both are in $scratch"
  exit 1
fi
files=$(grep -c '^mode ' "$scratch/first.list")
[ "$files" -gt 0 ] || { say "nothing was built"; exit 1; }
rm -rf --one-file-system "$scratch"
say "$files files, the same byte by byte"
