#!/bin/sh
# npm's `prepare` (npm install here, npm pack): makes dist/, the library for other programs. Node strips
# no types below node_modules. Nothing else needs dist/, so where TypeScript is missing it is left out.
cd "$(dirname "$0")/.."
tsc=node_modules/.bin/tsc
"$tsc" --version >/dev/null 2>&1 || exit 0
rm -rf dist
exec "$tsc" -p tsconfig.client.json
