#!/usr/bin/env bash
# Builds contrib/container/Containerfile on a Debian that debootstrap has made, and tries the container. There is
# no engine and no registry: buildah runs what is in it by chroot, in this machine's network.
#   container.sh ROOT STORAGE       a folder with a Debian; a folder for buildah
set -euo pipefail
root=$1
storage=$2
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
export BUILDAH_ISOLATION=chroot
base=localhost/debian:fresh
image=localhost/cachesd:fresh
redis_port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

fail() {
    echo "not ok: $*"
    [ ! -e "$storage/log" ] || tail -20 "$storage/log"
    exit 1
}

ok() { echo "ok: $*"; }

tool() { buildah --root "$storage/root" --runroot "$storage/run" --storage-driver vfs "$@"; }

quietly() { "$@" >"$storage/log" 2>&1 || fail "$*"; }

# The daemon among the descendants of a process.
find_daemon() {
    local child
    for child in $(pgrep -P "$1"); do
        [ "$(cat "/proc/$child/comm")" != cachesd ] || { echo "$child"; return; }
        find_daemon "$child"
    done
}

of_image() { tool inspect --type image --format "{{$1}}" "$image"; }

# --- built ---------------------------------------------------------------------------------------

build() {
    local from
    from=$(tool from scratch)
    tar -C "$root" --one-file-system --exclude=./root/cachesd --exclude='./var/cache/apt/archives/*.deb' \
        --numeric-owner -cf "$storage/base.tar" .
    quietly tool add "$from" "$storage/base.tar" /
    quietly tool commit --rm "$from" "$base"
    rm "$storage/base.tar"
    quietly tool build --pull-never --layers=false --network host --format docker \
        --build-arg "DEBIAN=$base" --ignorefile "$checkout/contrib/container/Containerfile.dockerignore" \
        -f "$checkout/contrib/container/Containerfile" -t "$image" "$checkout"
    ok "it is built"
}

# What is built is run in a network of its own, since this machine's may have the port.
if [ "${3:-}" != run ]; then
    mkdir -p "$storage"
    trap 'rm -rf --one-file-system "$storage"' EXIT
    build
    unshare --net "$0" "$root" "$storage" run
    exit
fi

# --- run -----------------------------------------------------------------------------------------
daemon=
end() {
    local pid
    # Not buildah alone, which would leave the daemon behind.
    [ -z "$daemon" ] || for pid in $(find_daemon "$daemon") "$daemon"; do kill "$pid" 2>/dev/null || true; done
    [ ! -s "$storage/redis.pid" ] || kill "$(cat "$storage/redis.pid")" || true
    wait || true
}
trap end EXIT

[ "$(of_image .OCIv1.Config.User)" = 65532:65532 ] || fail "its user is $(of_image .OCIv1.Config.User)"
[ "$(of_image .OCIv1.Config.Entrypoint)" = "[cachesd]" ] || fail "it starts $(of_image .OCIv1.Config.Entrypoint)"
health=$(of_image .Docker.Config.Healthcheck.Test)
[[ $health = "[CMD "*"]" ]] || fail "it has no health check: $health"
read -ra health <<<"${health:5:-1}"

ip link set lo up
redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --daemonize yes --pidfile "$storage/redis.pid" \
    --dir "$storage" >/dev/null
timeout 10 sh -c "until redis-cli -p $redis_port ping >/dev/null 2>&1; do sleep 0.1; done" || fail "no Redis"
box=$(tool from --pull-never "$image")
inside() { tool run --network host "$box" -- "$@"; }

! inside cachesd >"$storage/log" 2>&1 || fail "it starts without a backend"
grep -q "has no backend" "$storage/log" || fail "it does not say that it has no backend"
! inside "${health[@]}" >/dev/null 2>&1 || fail "the health check finds a daemon that is not there"
ok "without a backend it says so"

tool run --network host --env "CACHES_DSN=redis://127.0.0.1:$redis_port/0#main" "$box" -- cachesd \
    >"$storage/log" 2>&1 &
daemon=$!
for i in $(seq 100); do
    ! inside "${health[@]}" >/dev/null 2>&1 || break
    [ "$i" -lt 100 ] || fail "the health check fails: $(inside "${health[@]}" 2>&1)"
    sleep 0.1
done
ok "the health check (${health[*]}) passes"
[ "$(inside caches -s /run/cachesd/cachesd.sock key.set demo greeting hello)" = OK ] || fail "it does not store"
[ "$(redis-cli -p "$redis_port" get demo:greeting)" = hello ] || fail "Redis has no such key"
[ "$(inside stat -c %u:%g /run/cachesd/cachesd.sock)" = 65532:65532 ] || fail "it runs as another user"
ok "it stores, as the user 65532"

pid=$(find_daemon "$daemon")
kill -TERM "$pid"
wait "$daemon" || fail "told to end, it ends with $?"
daemon=
grep -q "SIGTERM" "$storage/log" || fail "it does not log its end"
ok "told to end, it ends in order"
