#!/bin/sh
# author.sh CMAKE BUILD GUIDE TEST_ABI GENERATOR COMPILER: does what the author's guide says, with the SDK as it is
# installed and the guide's own files, and then uses the provider.
set -eu
cmake=$1 build=$2 guide=$3 test_abi=$4 generator=$5 compiler=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The first block of a language in the guide.
block() { awk -v fence="\`\`\`$1" '$0 == fence && !done { on = 1; next } /^```/ && on { on = 0; done = 1 } on' "$guide"; }

quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }; }

mkdir "$scratch/hello"
block cpp >"$scratch/hello/hello.cpp"
block json >"$scratch/hello/manifest.json"
block cmake >"$scratch/hello/CMakeLists.txt"

# The script of the folder: that of the whole build would write into the build, which may be somebody else's.
quietly "$cmake" -DCMAKE_INSTALL_PREFIX="$scratch/sdk" -DCMAKE_INSTALL_COMPONENT=sdk -P "$build/sdk/cmake_install.cmake"
quietly "$cmake" -S "$scratch/hello" -B "$scratch/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$scratch/sdk" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
quietly "$cmake" --build "$scratch/build"

exported=$(nm -D --defined-only "$scratch/build/hello.so" | awk '{ print $3 }')
[ "$exported" = dstack_provider_entry_v0 ] || { echo "exported: $exported"; exit 1; }
strip "$scratch/build/hello.so"
DSTACK_TEST_PROVIDER=$scratch/build/hello.so "$test_abi" '[author]'
