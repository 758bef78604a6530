#!/bin/bash
# A Ceph RADOS gateway as a real S3 for tests: mon, one memstore OSD, radosgw; loopback only, no cephx.
# Debian: apt-get install --no-install-recommends ceph-mon ceph-osd ceph-common radosgw (no mgr needed).
#   ceph-rgw.sh start DIR S3PORT MONPORT1 MONPORT2   returns when it answers; pids in DIR/*.pid
#   ceph-rgw.sh stop DIR                             stops what the pid files name, nothing else
# Access key and secret are both "postern-test". Needs 60 MB of /tmp and about 15 s.
set -eu
command=$1 dir=$2 conf=$2/ceph.conf

stop() { # radosgw, then the OSD while its mon is still up, then the mon; -9 only for one that will not go
  for part in rgw osd mon; do
    [ -f "$dir/$part.pid" ] || continue
    pid=$(cat "$dir/$part.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.25; done
    kill -9 "$pid" 2>/dev/null || true
  done
}

fail() {
  echo "ceph-rgw.sh: $1; last words:" >&2
  tail -n 5 "$dir"/*.log "$dir"/*.out "$dir"/*.err >&2 2>/dev/null || true
  stop
  exit 1
}

if [ "$command" = stop ]; then stop; exit; fi

s3port=$3 mon="[v2:127.0.0.1:$4,v1:127.0.0.1:$5]"
mkdir -p "$dir"/{mon,osd,run,rgw}
fsid=$(cat /proc/sys/kernel/random/uuid)
# Ceph 16.2: without "ms mon client mode = crc" radosgw insists on secure mode and hangs with -13.
cat > "$conf" <<CONF
[global]
fsid = $fsid
mon host = $mon
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
keyring = $dir/keyring
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind port min = 20000
ms bind port max = 29999
run dir = $dir/run
admin socket = $dir/run/\$name.asok
pid file =
log file = $dir/\$name.log
mon cluster log file = $dir/cluster.log
mon data = $dir/mon
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 3221225472
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
ms mon client mode = crc
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
mon data avail warn = 0
mon data avail crit = 0
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$s3port tcp_nodelay=1
rgw enable usage log = false
rgw enable ops log = false
rgw dynamic resharding = false
rgw override bucket index max shards = 1
CONF

ceph-authtool --create-keyring --gen-key --name=mon. "$dir/keyring" --cap mon 'allow *' >/dev/null
ceph-authtool --gen-key --name=client.admin "$dir/keyring" --cap mon 'allow *' --cap osd 'allow *' >/dev/null
monmaptool --create --clobber --fsid "$fsid" --addv a "$mon" "$dir/monmap" >/dev/null
ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" 2>"$dir/mkfs-mon.err"
ceph-mon -c "$conf" -i a -f >"$dir/mon.out" 2>&1 & echo $! > "$dir/mon.pid"

osd=$(cat /proc/sys/kernel/random/uuid)
timeout 60 ceph -c "$conf" osd new "$osd" >"$dir/osd.id" 2>"$dir/osd-new.err" || fail 'the mon does not answer'
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" 2>"$dir/mkfs-osd.err"
ceph-osd -c "$conf" -i 0 -f >"$dir/osd.out" 2>&1 & echo $! > "$dir/osd.pid"
up=''
for _ in $(seq 120); do
  if timeout 10 ceph -c "$conf" osd stat 2>/dev/null | grep -q '1 up'; then up=1; break; fi
  sleep 0.5
done
[ -n "$up" ] || fail 'the OSD does not come up'

radosgw -c "$conf" -n client.admin -f >"$dir/rgw.out" 2>&1 & echo $! > "$dir/rgw.pid"
up=''
for _ in $(seq 180); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$s3port") 2>/dev/null; then up=1; break; fi
  sleep 0.5
done
[ -n "$up" ] || fail 'radosgw does not listen'
timeout 60 radosgw-admin -c "$conf" -n client.admin user create --uid=postern --display-name=postern \
  --access-key=postern-test --secret=postern-test >"$dir/user.json" 2>"$dir/user.err" ||
  fail 'no user could be made'
