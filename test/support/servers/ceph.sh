#!/usr/bin/env bash
# One-node Ceph as an S3 server for tests: loopback only, no systemd, no root, all under DIR (a short path).
#   ceph.sh start DIR PORT   prints endpoint=, region=, access_key=, secret_key= (takes PORT..PORT+9)
#   ceph.sh stop DIR         ends what it started; the data stays in DIR, for a further start
# Debian packages: serverPackages in build/setup/system.mjs.
set -euo pipefail
cmd=${1:?start or stop}; mkdir -p "${2:?DIR}"; D=$(cd "$2" && pwd)
ours() { tr '\0' ' ' 2> /dev/null < "/proc/$1/cmdline" | grep -qF "$D/"; } 2> /dev/null # never a reused pid
stop() {
  local n p sig
  for n in rgw osd mon; do for sig in TERM KILL; do
    [ -e "$D/run/$n.pid" ] && p=$(cat "$D/run/$n.pid") && ours "$p" || continue
    kill -$sig "$p" 2> /dev/null || true; for _ in {1..20}; do ours "$p" || break; sleep 0.1; done
  done; done
  rm -f "$D"/run/*.pid
}
stop; [ "$cmd" = start ] || exit 0
P=${3:?PORT}; trap '[ $? = 0 ] || stop' EXIT
up() { (for n in "$@"; do : <> "/dev/tcp/127.0.0.1/$((P+n))" || exit 1; done) 2> /dev/null; }
for n in {0..9}; do ! up $n || { echo "port $((P+n)) is taken" >&2; exit 1; }; done
[ -e "$D/fsid" ] || cat /proc/sys/kernel/random/uuid > "$D/fsid"
cat > "$D/ceph.conf" <<E
[global]
fsid = $(cat "$D/fsid")
mon host = v2:127.0.0.1:$((P+1))
public addr = 127.0.0.1
ms bind port min = $((P+2))
ms bind port max = $((P+9))
auth supported = none
# without this line radosgw asks for a secure channel, which no-auth cannot give, and hangs (-13)
ms mon client mode = crc
keyring = $D/keyring
run dir = $D/run
log file = $D/log/\$name.log
crash dir = $D/log
mon cluster log file = $D/log/cluster.log
mon data = $D/mon
osd data = $D/osd
rgw data = $D/rgw
# a new pool waits for several rounds of paxos: 1 s each by default
paxos propose interval = 0.05
paxos min wait = 0.01
mon data avail crit = 1
mon allow pool size one = true
osd pool default size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = ${CEPH_STORE:-bluestore}
osd memory target = 939524096
bluestore block size = 20G
memstore device bytes = 4G
rgw frontends = beast endpoint=127.0.0.1:$P
rgw thread pool size = 64
rgw override bucket index max shards = 1
E
: >> "$D/keyring"
bg() { "${@:2}" -f -c "$D/ceph.conf" > "$D/log/$1.out" 2>&1 < /dev/null & echo $! > "$D/run/$1.pid"; }
[ "${CEPH_STORE:-}" != memstore ] || rm -rf "$D"/{mon,osd} # memstore: objects in memory (4 GiB at most), gone after stop
mkdir -p "$D"/{mon,osd,rgw,run,log}
if [ ! -e "$D/mon/kv_backend" ]; then
  monmaptool --create --clobber --fsid "$(cat "$D/fsid")" --addv a "[v2:127.0.0.1:$((P+1))]" "$D/monmap" > "$D/log/mkfs.out"
  ceph-mon --mkfs -i a --monmap "$D/monmap" -c "$D/ceph.conf" >> "$D/log/mkfs.out" 2>&1
fi
bg mon ceph-mon -i a
if [ ! -e "$D/osd/ready" ]; then
  u=$(cat /proc/sys/kernel/random/uuid)
  timeout 60 ceph -c "$D/ceph.conf" osd new "$u" >> "$D/log/mkfs.out" 2>&1
  ceph-osd --mkfs -i 0 --osd-uuid "$u" -c "$D/ceph.conf" >> "$D/log/mkfs.out" 2>&1; : > "$D/osd/ready"
fi
bg osd ceph-osd -i 0
adm() { timeout 90 radosgw-admin -c "$D/ceph.conf" user "$@" --uid test > "$D/log/user.out" 2>&1; }
adm info || adm create --display-name test --access-key test --secret-key testing
bg rgw radosgw -n client.rgw
for _ in {1..600}; do
  if up 0; then
    printf 'endpoint=http://127.0.0.1:%s\nregion=us-east-1\naccess_key=test\nsecret_key=testing\n' "$P"; exit 0
  fi; sleep 0.2
done
echo "not ready after 2 min:" >&2; tail -n 5 "$D"/log/*.out >&2; exit 1
