# What the scripts under a booted systemd have in common: to be sourced.
ini=/etc/cachesd/cachesd.ini
socket=/run/cachesd/cachesd.sock

fail() {
    echo "not ok: $*"
    systemctl status --no-pager cachesd.socket cachesd || true
    journalctl --no-pager -n 50 -u cachesd || true
    exit 1
}

ok() { echo "ok: $*"; }

until_true() {
    local i
    for i in $(seq 100); do
        "$@" && return
        sleep 0.1
    done
    return 1
}

property() { systemctl show --value -p "$1" cachesd; }

# With ask(), which each script has in its own way.
is_answering() { [ "$(ask root ping)" = +PONG ]; }
