#!/bin/sh
# third_party.sh own|guide cpp|c|rust CMAKE BUILD SOURCE GENERATOR CXX
#
# Makes a provider as somebody who has an installed SDK, a `dstack` in the PATH and nothing else of ours, and uses it.
# own: the project in the folder of that language, dropped into the plugins folder and used by a workflow.
# guide: every command in the guide's section of that language, as it stands there; the files that it shows are those
# that `dstack providers new` writes.
set -eu
umask 022
part=$1 language=$2 cmake=$3 build=$4 source=$5
CMAKE_GENERATOR=$6 CXX=$7
guide=$source/docs/providers/writing.md
dstack=$build/bin/dstack

skip() { echo "[skipped] $1"; exit 77; }
die() { echo "$1"; exit 1; }

case $language in
  c) command -v cc >/dev/null || skip "there is no cc here" ;;
  rust) cargo --version >/dev/null 2>&1 || skip "there is no cargo here that this user can start" ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }; }

# The script of the folder: that of the whole build would write into the build, which may be somebody else's.
quietly "$cmake" -DCMAKE_INSTALL_PREFIX="$scratch/sdk" -DCMAKE_INSTALL_COMPONENT=sdk -P "$build/sdk/cmake_install.cmake"

RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=$scratch/cargo CARGO_NET_OFFLINE=true
HOME=$scratch/home PATH=$build/bin:$PATH CMAKE_PREFIX_PATH=$scratch/sdk C_INCLUDE_PATH=$scratch/sdk/include
export CMAKE_GENERATOR CXX RUSTUP_HOME CARGO_HOME CARGO_NET_OFFLINE HOME PATH CMAKE_PREFIX_PATH C_INCLUDE_PATH
unset DSTACK_HOME DSTACK_PROVIDER_PATH
mkdir -p "$HOME/.dstack/plugins"
plugins=$HOME/.dstack/plugins

# The blocks of a fence in the guide's section of this language, without the fences.
blocks() {
  awk -v fence="\`\`\`$1" -v section="## In $title" '
    /^## / { in_section = $0 == section }
    in_section && $0 == fence { on = 1; next }
    /^```/ { on = 0 }
    on && in_section' "$guide"
}

case $language in
  cpp) title='C++' ;;
  c) title='C, with one command' ;;
  rust) title='Rust' ;;
esac

build_own() {
  cp -R "$source/tests/third_party/$language" "$scratch/count"
  cp "$source/tests/third_party/manifest.json" "$scratch/count"
  cd "$scratch/count"
  case $language in
    cpp)
      [ "$(wc -l <count.cpp)" -le 25 ] || die "count.cpp has more than 25 lines"
      quietly "$cmake" -B build -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
      quietly "$cmake" --build build
      library=build/count.so ;;
    c)
      command=$(blocks sh | sed -n 's/hello/count/g; /^cc /p')
      [ -n "$command" ] || die "the guide has no command that begins with cc"
      quietly sh -c "$command -std=c11 -Wall -Wextra -Wpedantic -Werror"
      library=count.so ;;
    rust)
      cp "$scratch/sdk/include/dstack/provider.rs" src/dstack.rs
      quietly env RUSTFLAGS="-D warnings" cargo build --release
      library=target/release/libcount.so ;;
  esac
}

use_own() {
  exported=$(nm -D --defined-only "$library" | awk '{ print $3 }')
  [ "$exported" = dstack_provider_entry_v0 ] || die "exported: $exported"
  strip "$library"
  cp "$library" "$plugins"

  mkdir -p "$scratch/project/.dstack"
  cd "$scratch/project"
  cat >.dstack/workflows.yaml <<'YAML'
workflows:
  - {name: numbers, provider: count, first: 9, last: 11, padded: true, separator: " < "}
  - name: backwards
    provider: count
    last: -1
YAML
  quietly "$dstack" providers check count
  "$dstack" run numbers >"$scratch/output" 2>"$scratch/errors" || { cat "$scratch/output" "$scratch/errors"; exit 1; }
  [ "$(cat "$scratch/output")" = "09 < 10 < 11" ] || { cat "$scratch/output" "$scratch/errors"; exit 1; }
  [ "$("$dstack" run count 3 --padded 2>"$scratch/errors" | tr '\n' ' ')" = "1 2 3 " ] || { cat "$scratch/errors"; exit 1; }

  code=0
  "$dstack" run backwards >"$scratch/output" 2>&1 || code=$?
  [ "$code" = 2 ] || { cat "$scratch/output"; die "exit code $code"; }
  for line in "error: the range ends before it begins" " --> .dstack/workflows.yaml:5:11" "5 |     last: -1" \
    "  |           ^^"; do
    grep -qxF -- "$line" "$scratch/output" || { cat "$scratch/output"; die "missing in the output: $line"; }
  done
}

shown() {
  blocks "$1" >"$scratch/shown"
  [ -s "$scratch/shown" ] || die "the guide does not show $2"
  diff -u "$scratch/shown" "$scratch/hello/$2" || die "the guide shows another $2 than 'dstack providers new' writes"
}

follow_guide() {
  blocks sh >"$scratch/commands"
  cd "$scratch"
  sh -eu "$scratch/commands" >"$scratch/output" 2>"$scratch/errors" ||
    { cat "$scratch/commands" "$scratch/output" "$scratch/errors"; exit 1; }
  case $language in
    cpp) shown cpp hello.cpp && shown json manifest.json && shown cmake CMakeLists.txt ;;
    c) shown c hello.c ;;
    rust) shown rust src/lib.rs && shown toml Cargo.toml ;;
  esac
  grep -qx "hello Ada" "$scratch/output" || { cat "$scratch/output" "$scratch/errors"; die "nobody was greeted"; }
  [ "$("$dstack" run hello --who Grace 2>"$scratch/errors")" = "hello Grace" ] ||
    { cat "$scratch/errors"; die "the guide does not install the provider"; }
  ! "$dstack" run hello --who nobody >"$scratch/output" 2>&1 || die "nobody was greeted, too"
  grep -q "error: there is nobody to greet" "$scratch/output" || { cat "$scratch/output"; exit 1; }
}

case $part in
  own) build_own && use_own ;;
  guide) follow_guide ;;
esac
