#!/bin/sh
# Types, format, lint, floating promises, the import table: seconds, run it always.
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
tsc -p .
biome ci .
oxlint --type-aware -A all -D typescript/no-floating-promises -D typescript/no-misused-promises
vitest run test/unit/architecture.test.ts --reporter=dot
