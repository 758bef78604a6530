#!/bin/sh
# npm test: installs what is missing, then runs every check and every test against the real parts. The
# last line is "N passed, N failed". Arguments go to vitest: npm test -- --project unit
set -e
cd "$(dirname "$0")/.."
. scripts/setup.sh
install_packages
install_system redis-server:redis-server swaks:swaks openssl:openssl python3:python3 strace:strace \
  /usr/lib/python3/dist-packages/nacl:python3-nacl \
  /usr/lib/python3/dist-packages/cryptography:python3-cryptography \
  clamd:clamav-daemon rspamd:rspamd rbldnsd:rbldnsd \
  /usr/lib/python3/dist-packages/dkim:python3-dkim \
  /usr/lib/python3/dist-packages/authres:python3-authres \
  ruby:ruby /usr/lib/ruby/vendor_ruby/aws-sdk-s3.rb:ruby-aws-sdk-s3 \
  /usr/lib/ruby/vendor_ruby/aws-sdk-kms.rb:ruby-aws-sdk-kms \
  ceph-mon:ceph-mon ceph-osd:ceph-osd ceph:ceph-common radosgw:radosgw \
  chromium:chromium ip:iproute2
machine=$(node -p 'process.platform + "-" + process.arch')
install_runtimes "node-$machine@22.23.3" deno@2.9.6 bun@1.4.5
status=0
tsc -p . || status=1
biome ci . || status=1
oxlint --type-aware -A all -D typescript/no-floating-promises -D typescript/no-misused-promises || status=1
results=$(mktemp)
vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@" || status=1
node scripts/count.ts "$results" "$status" || status=1
rm -f "$results"
exit "$status"
