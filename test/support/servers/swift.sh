#!/usr/bin/env bash
# One-node OpenStack Swift with its S3 API, for tests: loopback only, no systemd, no root, all under DIR.
#   swift.sh start DIR PORT   prints endpoint=, region=, access_key=, secret_key= (takes PORT..PORT+4)
#   swift.sh stop DIR         ends what it started; the data stays in DIR
# Debian packages: serverPackages in build/setup/system.mjs.
set -euo pipefail
cmd=${1:?start or stop}; mkdir -p "${2:?DIR}"; D=$(cd "$2" && pwd)
ours() { tr '\0' ' ' < "/proc/$1/cmdline" 2>/dev/null | grep -qF "$D/"; } # never a reused pid
stop() {
  local f p sig
  for sig in TERM KILL; do for f in "$D"/run/*.pid; do
    if [ -e "$f" ] && p=$(cat "$f") && ours "$p"; then
      kill -$sig "$p" 2>/dev/null || true
      for _ in {1..10}; do ours "$p" || break; sleep 0.1; done
    fi
  done; done
  rm -f "$D"/run/*.pid
}
stop; [ "$cmd" = start ] || exit 0
P=${3:?PORT}; trap '[ $? = 0 ] || stop' EXIT
up() { (for n in "$@"; do : <> "/dev/tcp/127.0.0.1/$((P+n))" || exit 1; done) 2> /dev/null; }
for n in 0 1 2 3 4; do ! up $n || { echo "port $((P+n)) is taken" >&2; exit 1; }; done
mkdir -p "$D"/etc "$D"/srv/d1 "$D"/run "$D"/log "$D"/cache
PY=$(sed -n '1s/^#! *//p' "$(command -v swift-proxy-server)") # Debian's python3, never pyenv's
MC=$(command -v memcached || true)                            # optional: about twice as fast with it
cat > "$D/etc/swift.conf" <<E
[swift-hash]
swift_hash_path_suffix = test
[swift-constraints]
max_meta_value_length = 2048
E
conf() { # NAME PORT FILTERS; further sections on stdin
  printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nworkers = 0\nuser = %s\n' "$2" "$(id -un)"
  printf 'swift_dir = %s/etc\ndevices = %s/srv\nmount_check = false\nrecon_cache_path = %s/cache\n' "$D" "$D" "$D"
  printf 'log_level = WARNING\n[pipeline:main]\npipeline = %s %s-server\n' "$3" "$1"
  printf '[app:%s-server]\nuse = egg:swift#%s\n' "$1" "$1"; cat
  for f in $3; do printf '[filter:%s]\nuse = egg:swift#%s\n' "$f" "${f/#cache/memcache}"; done; }
conf account $((P+3)) '' < /dev/null > "$D/etc/account.conf"
conf container $((P+2)) '' < /dev/null > "$D/etc/container.conf"
# a PUT answers only once the listing has it (else it waits 1 s, and leaves it to a daemon we don't run)
conf object $((P+1)) '' <<< 'container_update_timeout = 30' > "$D/etc/object.conf"
conf proxy "$P" "catch_errors gatekeeper healthcheck ${MC:+cache} listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink" \
  <<< 'account_autocreate = true' > "$D/etc/proxy.conf"
opt() { sed -i "s/^use = egg:swift#$1\$/&\n$2/" "$D/etc/proxy.conf"; }
opt s3api 'dns_compliant_bucket_names = false\nmax_upload_part_num = 10000'
opt tempauth 'user_test_tester = testing .admin'
opt slo 'max_manifest_segments = 10000'
opt versioned_writes 'allow_versioned_writes = true\nallow_object_versioning = true'
opt memcache "memcache_servers = 127.0.0.1:$((P+4))"
cat > "$D/etc/run.py" <<'E'
import sys
from swift.common import utils
etc, what, port = sys.argv[1:]
utils.SWIFT_CONF_FILE = etc + '/swift.conf'   # or it reads /etc/swift/swift.conf
if what == 'rings':
    from swift.common.ring import RingBuilder
    for k, n in enumerate(('object', 'container', 'account'), 1):
        b = RingBuilder(4, 1, 0)              # 2^4 partitions, 1 replica
        b.add_dev(dict(id=0, region=1, zone=1, ip='127.0.0.1', port=int(port) + k, device='d1', weight=1))
        b.rebalance()
        b.get_ring().save('%s/%s.ring.gz' % (etc, n))
else:
    from swift.common.wsgi import run_wsgi
    from swift.obj.server import global_conf_callback
    kw = {'global_conf_callback': global_conf_callback} if what == 'object' else {}
    sys.exit(run_wsgi('%s/%s.conf' % (etc, what), what + '-server', verbose=True, **kw))
E
"$PY" "$D/etc/run.py" "$D/etc" rings "$P"
bg() { "${@:2}" > "$D/log/$1.log" 2>&1 < /dev/null & echo $! > "$D/run/$1.pid"; }
[ -z "$MC" ] || bg memcached "$MC" -u "$(id -un)" -l 127.0.0.1 -p $((P+4)) -m 64 -P "$D/run/memcached.own"
for s in account container object proxy; do bg $s "$PY" "$D/etc/run.py" "$D/etc" $s "$P"; done
for _ in {1..600}; do
  if up 0 1 2 3 ${MC:+4}; then
    printf 'endpoint=http://127.0.0.1:%s\nregion=us-east-1\naccess_key=test:tester\nsecret_key=testing\n' "$P"; exit 0
  fi; sleep 0.2
done
echo "not ready after 2 min:" >&2; tail -n 5 "$D"/log/*.log >&2; exit 1
