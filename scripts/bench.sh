#!/bin/sh
# npm run bench: installs what is missing, then measures. Arguments select parts: npm run bench -- rules
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
exec node bench/main.ts "$@"
