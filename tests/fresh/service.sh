#!/usr/bin/env bash
# Under a booted systemd, after `./dev build`: the lines of docs/service.md, as they are
# printed, and whether the service then does what is said there.
set -euo pipefail
. "$(dirname "$0")/booted.sh"

# The n-th block of commands of the page; this is root, and there is no sudo.
block() {
    awk -v n="$1" '
        /^```/ { if (inside) inside = 0; else { inside = 1; count++ }; next }
        inside && count == n' docs/service.md | sed 's/\bsudo //g'
}

run_block() {
    echo "# block $1:"
    block "$1" >/tmp/block.sh
    cat /tmp/block.sh
    [ -s /tmp/block.sh ] || fail "docs/service.md has no such block"
    bash -euo pipefail /tmp/block.sh >/tmp/block.log 2>&1 || { cat /tmp/block.log; fail "block $1"; }
}

# Asks a line of the socket, as a user; prints the reply's first line.
ask() {
    local user=$1
    shift
    printf '%s\nquit\n' "$*" | runuser -u "$user" -- nc -w 5 -U "$socket" 2>&1 | head -1 | tr -d '\r'
}

# --- before -----------------------------------------------------------------------------------
for service in redis-server nutcracker valkey-server; do
    ! systemctl -q is-enabled "$service" 2>/dev/null || fail "./dev has enabled $service"
    ! systemctl -q is-active "$service" || fail "./dev has started $service"
done
ok "./dev has neither enabled nor started a service"

# --- installed, started, answers --------------------------------------------------------------
run_block 1
systemctl -q is-active cachesd || fail "it is not active"
until_true is_answering || fail "it does not answer"
[ "$(ask root key.set sessions a 1)" = +OK ] || fail "it does not store"
ok "it answers"

# --- the journal's fields ----------------------------------------------------------------------
# The fields of the last entry that matches, as JSON.
entry() { journalctl --no-pager -q -u cachesd -n 1 -o json "$@"; }

has_entry() { [ -n "$(entry "$@")" ]; }

until_true has_entry CACHESD_EVENT=ready || fail "the journal has no field that names the event"
for field in '"PRIORITY":"6"' '"MESSAGE":"ready"' '"SYSLOG_IDENTIFIER":"cachesd"' '"MESSAGE_ID":"' '"_TRANSPORT":"journal"'; do
    entry CACHESD_EVENT=ready | grep -qF "$field" || fail "the entry lacks $field"
done
systemctl stop redis-server
until_true has_entry CACHESD_EVENT=backend_down CACHESD_BACKEND=main PRIORITY=3 || fail "no entry of the backend"
entry CACHESD_EVENT=backend_down | grep -qF '"CACHESD_REASON":"' || fail "the entry does not say why"
journalctl --no-pager -x -u cachesd CACHESD_EVENT=backend_down | grep -qF "Backend main is down" ||
    fail "the catalogue does not explain it"
systemctl start redis-server
stores() { [ "$(ask root key.set sessions a 1)" = +OK ]; }

until_true stores || fail "it does not store again"
[ "$(journalctl --no-pager -q -u cachesd -o cat CACHESD_EVENT=backend_up CACHESD_BACKEND=main | wc -l)" = 2 ] ||
    fail "no entry of the backend's return"
ok "the journal has fields, and explains an event"

# --- who may ----------------------------------------------------------------------------------
[ "$(ask www-data ping)" != +PONG ] || fail "everybody may connect"
run_block 2
[ "$(ask www-data ping)" = +PONG ] || fail "the group's member may not connect"
! runuser -u www-data -- cat "$ini" >/dev/null 2>&1 || fail "a client may read the configuration"
ok "a client of the group may connect, and may not read the configuration"

# --- reloads ----------------------------------------------------------------------------------
shows() { printf 'namespaces\nquit\n' | nc -w 5 -U "$socket" | grep -q -- "$1"; }

pid=$(property MainPID)
sed -i 's/^ttl = 2h/ttl = 1h/' "$ini"
systemctl reload cachesd || fail "a good file is refused"
until_true shows "ttl=1h" || fail "it has not reloaded"
cp -p "$ini" /root/good.ini
echo "ttl = soon" >>"$ini"
! systemctl reload cachesd 2>/dev/null || fail "the reload of a bad file does not fail"
systemctl -q is-active cachesd || fail "the reload of a bad file ends it"
journalctl -u cachesd | grep -q "cachesd.ini:[0-9]*: .*ttl" || fail "the journal does not say why"
shows "ttl=1h" || fail "the old settings are no longer in force"
[ "$(property MainPID)" = "$pid" ] || fail "it was started again"
cp -p /root/good.ini "$ini"
ok "a good file is reloaded; a bad one is refused, visibly"

# --- secrets ----------------------------------------------------------------------------------
# Checked by a reload too, where systemd must show the credential to ExecReload=.
mkdir -p /etc/systemd/system/cachesd.service.d
printf '[Service]\nLoadCredential=redis-password:/etc/cachesd/redis-password\n' \
    >/etc/systemd/system/cachesd.service.d/secret.conf
(umask 077 && echo open-sesame >/etc/cachesd/redis-password)
redis-cli config set requirepass open-sesame >/dev/null
sed -i 's/^password_file =.*/password_file = redis-password/' "$ini"
systemctl daemon-reload
systemctl restart cachesd
[ "$(ask root key.set sessions a 1)" = +OK ] || fail "it does not use the credential"
systemctl reload cachesd || fail "a reload does not find the credential"
ok "the backend's password comes as a credential"

# --- starts again, or not ---------------------------------------------------------------------
cp -p "$ini" /root/good.ini
echo "ttl = soon" >>"$ini"
! systemctl restart cachesd 2>/dev/null || fail "it starts with a bad file"
sleep 2
[ "$(property ExecMainStatus)" = 78 ] || fail "the exit code is $(property ExecMainStatus)"
[ "$(property ActiveState)" = failed ] || fail "it is started again and again"
ok "a bad file at the start is said with 78, and not tried again"
cp -p /root/good.ini "$ini"
systemctl start cachesd || fail "it does not start with the good file again"
for i in 1 2 3 4 5 6 7; do
    until_true is_answering || fail "it does not come back after $i kills"
    systemctl kill -s KILL cachesd
    sleep 0.1
done
until_true is_answering || fail "it does not come back"
ok "killed seven times, it comes back each time"

# --- a socket that stays ----------------------------------------------------------------------
sed -i 's|^listen = .*|listen = systemd|' "$ini"
systemctl stop cachesd
systemctl enable -q --now cachesd.socket
[ "$(ask www-data ping)" = +PONG ] || fail "the passed socket is not served"
(for i in $(seq 40); do ask www-data ping; done) >/tmp/pings &
systemctl restart cachesd
wait $!
[ "$(sort -u /tmp/pings)" = +PONG ] || fail "a restart has refused a connection"
systemctl disable -q --now cachesd.socket
ok "with cachesd.socket no restart refuses a connection"

# --- removed ----------------------------------------------------------------------------------
run_block 3
left=$(find / -xdev -name '*cachesd*' -not -path '/root/*' -not -path '/etc/cachesd*' -not -path '/tmp/*' \
    -not -path '/run/*' -not -path '/var/lib/systemd/*' \
    -not -path '/etc/systemd/system/cachesd.service.d*')
[ -z "$left" ] || fail "these are left: $left"
! systemctl cat cachesd >/dev/null 2>&1 || fail "systemd still knows it"
[ -s "$ini" ] || fail "the configuration was removed"
ok "it is removed, but for its configuration"
