#!/bin/sh
# npm run bench: installs what is missing, then measures Postern beside its peers in ten minutes (-- --quick:
# in two). A word selects a part of its own instead: npm run bench -- rules
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
case ${1:-peers} in
  peers | --*)
    install_system smtp-source:postfix clamd:clamav-daemon rspamd:rspamd redis-server:redis-server \
      ceph-mon:ceph-mon ceph-osd:ceph-osd ceph:ceph-common radosgw:radosgw
    # Debian's Postfix and clamd are in there.
    PATH="$PATH:/usr/sbin:/sbin"
    ;;
esac
exec node bench/main.ts "$@"
