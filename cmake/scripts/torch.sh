#!/bin/sh
# A PyTorch for tests on machines without a card, in 1.5 GB instead of 5: the package of the index and what it needs,
# but of NVIDIA's libraries only the small ones that it calls when it is loaded. In the place of the others stand
# libraries with the same names and functions, each of which ends the process: nothing calls them where no card is.
#
#   cmake/scripts/torch.sh [FOLDER]     an environment in FOLDER; default: dstack-tests/torch in the user's cache
set -eu
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/dstack-tests/torch}
if [ -x "$folder/bin/python" ]; then
  exit 0
fi
for python in python3 "$HOME"/.pyenv/versions/3.1[0-4]*/bin/python; do
  if "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' 2>/dev/null; then break; fi
done
draft=$folder.new
rm -rf "$draft"
mkdir -p "$(dirname "$folder")"
"$python" -m venv "$draft"
"$draft/bin/python" -m pip install -q --no-deps --require-hashes \
  -r "$(dirname "$0")/../supply/torch.txt"
packages=$("$draft/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
libraries=$packages/torch/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --undefined-only "$libraries"/*.so 2>/dev/null | awk '$1 == "U" || $1 == "w" { print $2 }' | sort -u > "$work/wanted"

# LIBRARY PREFIX: its functions are those asked for with a version of this library, and those that begin with PREFIX.
replace() {
  awk -F@ -v library="$1" -v prefix="^$2" '$2 == library || $1 ~ prefix { print $1 }' "$work/wanted" | sort -u \
    > "$work/names"
  version=$(awk -F@ -v library="$1" -v prefix="^$2" '$2 != "" && ($2 == library || $1 ~ prefix) { print $2; exit }' \
    "$work/wanted")
  set -- "$1" "-Wl,-soname,$1"
  if [ -n "$version" ]; then
    echo "$version { global: *; };" > "$work/versions"
    set -- "$@" "-Wl,--version-script=$work/versions"
  fi
  awk '{ print "void " $0 "(void) { __builtin_trap(); }" }' "$work/names" > "$work/functions.c"
  library=$1
  shift
  cc -shared -fPIC -w -fno-builtin -o "$libraries/$library" "$work/functions.c" "$@"
}

replace libcublas.so.13 'cublas[A-KM-Z]'
replace libcublasLt.so.13 cublasLt
replace libcudnn.so.9 cudnn
replace libcufft.so.12 cufft
replace libcurand.so.10 curand
replace libcusolver.so.12 cusolver
replace libcusparse.so.12 'cusparse[A-KM-Z]'
replace libcusparseLt.so.0 cusparseLt
replace libnccl.so.2 nccl
replace libnvrtc.so.13 nvrtc
replace libnvshmem_host.so.3 nvshmem
"$draft/bin/python" -c 'import torch, torch.distributed; assert torch.distributed.is_gloo_available()'
mv "$draft" "$folder"
