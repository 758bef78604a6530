#!/bin/sh
# npm run torture: installs what is missing, then tries to break Postern for some minutes. Arguments select
# parts and how long: npm run torture -- fuzz --seconds 60
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
install_system redis-server:redis-server ceph-mon:ceph-mon ceph-osd:ceph-osd ceph:ceph-common radosgw:radosgw
exec node torture/main.ts "$@"
