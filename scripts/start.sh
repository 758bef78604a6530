#!/bin/sh
# npm start: installs what is missing, then serves. Arguments go to postern: npm start -- --config FILE
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
install_system redis-server:redis-server
exec bin/postern "$@" serve
