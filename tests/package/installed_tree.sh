#!/bin/sh
# installed_tree.sh CMAKE BUILD: installs the build, moves what was installed, and runs a workflow with it.
set -eu
cmake=$1 build=$2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$cmake" --install "$build" --prefix "$scratch/installed" >"$scratch/install.log" || { cat "$scratch/install.log"; exit 1; }
mv "$scratch/installed" "$scratch/a moved place"
dstack="$scratch/a moved place/bin/dstack"
DSTACK_HOME=$scratch/home
export DSTACK_HOME

cd /
"$dstack" --version
share="$scratch/a moved place/share"
"$dstack" completion bash | cmp - "$share/bash-completion/completions/dstack"
"$dstack" completion zsh | cmp - "$share/zsh/site-functions/_dstack"
"$dstack" completion fish | cmp - "$share/fish/vendor_completions.d/dstack.fish"
"$dstack" providers list
for provider in bash curl docker python; do
  "$dstack" providers list --json | tr -d ' \n' | grep -q "\"name\":\"$provider\"" ||
    { echo "the installed tree lacks the provider $provider"; exit 1; }
done
for file in libdstack_http.so dstack-container-init; do
  [ -f "$scratch/a moved place/lib/dstack/$file" ] || { echo "the installed tree lacks $file"; exit 1; }
done

python3 -B "$here/sbom_check.py" "$scratch/a moved place"

mkdir -p "$scratch/project/.dstack"
cat >"$scratch/project/.dstack/workflows.yaml" <<'YAML'
workflows:
  - name: hello
    provider: bash
    commands: ["mkdir out", "echo greetings > out/file", "echo hello from an installed tree"]
    artifacts: [out]
YAML
cd "$scratch/project"
"$dstack" run hello >"$scratch/output" 2>"$scratch/errors" || { cat "$scratch/output" "$scratch/errors"; exit 1; }
grep -qx "hello from an installed tree" "$scratch/output" || { cat "$scratch/output" "$scratch/errors"; exit 1; }
"$dstack" artifacts list

# From a link in a folder of the PATH, as people install by hand.
ln -s "$dstack" "$scratch/dstack"
"$scratch/dstack" validate
