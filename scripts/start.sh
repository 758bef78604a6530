#!/bin/sh
# npm start: installs what is missing, then serves. Arguments go to postern: npm start -- --config FILE
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
install_system redis-server:redis-server
# Without a virus scanner Postern runs as well, and says what is missing.
[ "$(id -u)" != 0 ] || install_system clamd:clamav-daemon || true
exec bin/postern "$@" serve
