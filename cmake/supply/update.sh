#!/bin/sh
# Takes the newest versions of what the build and the tests download, with their digests. Needs uv and npm. Look at the
# difference, and run the tests, before it is committed.
set -eu
cd "$(dirname "$0")"
for name in uv driver torch; do
  # Of PyTorch only what is named: its other requirements are for machines with a card.
  [ "$name" = torch ] && alone=--no-deps || alone=
  # shellcheck disable=SC2086
  uv pip compile -q --upgrade $alone --generate-hashes --universal --python-version 3.10 \
    --no-header --no-annotate --no-emit-index-url -o "$name.txt" "$name.in"
done
(cd code-server && rm -f package-lock.json && npm install --package-lock-only --no-audit --no-fund --ignore-scripts)
# Where a package is fetched from is the installer's setting, and no part of what it is.
sed -i '/^ *"resolved": /d' code-server/package-lock.json
