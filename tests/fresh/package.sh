#!/usr/bin/env bash
# Under a booted systemd, in a Debian without anything of cachesd's: what the packages in /root/packages do when
# they are installed, upgraded under load, with a bad configuration, removed and purged.
set -euo pipefail
. "$(dirname "$0")/booted.sh"
packages=/root/packages
export DEBIAN_FRONTEND=noninteractive

quietly() { "$@" >/root/said.log 2>&1 || { cat /root/said.log; fail "$*"; }; }

# Asks a line of the socket, as a user; prints the reply's first line.
ask() {
    local user=$1
    shift
    runuser -u "$user" -- python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
try:
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode() + b"\n")
    print(s.makefile().readline().rstrip())
except OSError as error:
    print(error)' "$socket" "$*"
}

mode() { stat -c '%a %U:%G' "$1"; }

# --- higher versions -----------------------------------------------------------------------------

# The package with another version, and with nothing else changed.
raise_version() {
    local deb
    deb=$(echo "$packages"/cachesd_*.deb)
    dpkg-deb --raw-extract "$deb" /root/raised
    sed -i "s/^Version: .*/&+$1/" /root/raised/DEBIAN/control
    dpkg-deb --root-owner-group --build /root/raised "/root/raised_$1.deb" >/dev/null
    rm -rf /root/raised
}

raise_version 1
raise_version 2

# --- installed -----------------------------------------------------------------------------------
quietly apt-get install -q -y "$packages"/*.deb
for unit in cachesd.socket cachesd.service; do
    systemctl -q is-active "$unit" || fail "$unit is not active"
    systemctl -q is-enabled "$unit" || fail "$unit is not enabled"
done
stores() { [ "$(ask root key.set demo greeting hello)" = +OK ]; }
until_true stores || fail "it does not store: $(ask root key.set demo greeting hello)"
[ "$(property NRestarts)" = 0 ] || fail "its first start has failed"
[ "$(stat -c %U "/proc/$(property MainPID)")" = cachesd ] || fail "it does not run as cachesd"
ok "once installed it answers on its socket"

[ "$(mode "$ini")" = "640 root:cachesd" ] || fail "the configuration is $(mode "$ini")"
[ "$(mode /etc/cachesd)" = "2750 root:cachesd" ] || fail "the folder is $(mode /etc/cachesd)"
[ "$(mode "$socket")" = "660 cachesd:cachesd-clients" ] || fail "the socket is $(mode "$socket")"
[ "$(ask www-data ping)" != +PONG ] || fail "everybody may connect"
usermod -aG cachesd-clients www-data
[ "$(ask www-data ping)" = +PONG ] || fail "a member of cachesd-clients may not connect"
! runuser -u www-data -- cat "$ini" >/dev/null 2>&1 || fail "a client may read the configuration"
ok "clients of the group may connect, and not read the configuration"

journalctl --dump-catalog 65d9868539844936b13993d0a6331c5b >/root/said.log 2>&1 || fail "the journal's catalogue lacks it"
if [ -x /usr/bin/caches ]; then
    quietly caches ping
    ok "caches finds it"
fi
if compgen -G "$packages/python3-cachesd_*.deb" >/dev/null; then
    quietly python3 -c 'import cachesd'
    ok "python3 imports cachesd"
fi

# --- upgraded under load ---------------------------------------------------------------------------
pid=$(property MainPID)
python3 /root/cachesd/tests/package/visitors.py "$socket" 25 >/root/visitors.log 2>&1 &
visitors=$!
sleep 3 # of load, before
quietly apt-get install -q -y /root/raised_1.deb
[ "$(property MainPID)" != "$pid" ] || fail "the upgrade has not replaced the daemon"
[ "$(property NRestarts)" = 0 ] || fail "its start has failed"
for i in 1 2 3 4 5; do # what an upgrade does to it, a few times more
    sleep 1
    systemctl restart cachesd
done
wait "$visitors" || { cat /root/visitors.log; fail "the upgrade was noticed"; }
ok "upgraded, and restarted five times, under load: $(cat /root/visitors.log)"

# --- a bad configuration -----------------------------------------------------------------------------
pid=$(property MainPID)
cp -p "$ini" /root/good.ini
echo "ttl = soon" >>"$ini"
apt-get install -q -y /root/raised_2.deb >/root/said.log 2>&1 || { cat /root/said.log; fail "the upgrade fails"; }
grep -q "cachesd.ini:[0-9]*: .*ttl" /root/said.log || { cat /root/said.log; fail "the upgrade does not say what is wrong"; }
grep -q "the old version runs on" /root/said.log || fail "the upgrade does not say what it has done"
[ "$(property MainPID)" = "$pid" ] || fail "the old daemon was stopped"
is_answering || fail "the old daemon does not answer"
! systemctl reload cachesd 2>/dev/null || fail "the reload of a bad file does not fail"
is_answering || fail "the reload of a bad file ends it"
cp -p /root/good.ini "$ini"
systemctl restart cachesd
is_answering || fail "it does not answer with the good file"
ok "an upgrade with a bad configuration says so, and the old daemon runs on"

sed -i "s|^listen = systemd|listen = unix:$socket|" "$ini"
systemctl reload cachesd || true
is_told() { journalctl --no-pager -q -u cachesd | grep -q "systemd has this socket"; }
until_true is_told || fail "it does not say that systemd has the socket"
is_answering || fail "the socket that systemd has is no longer served"
cp -p /root/good.ini "$ini"
ok "told to listen where systemd does, it says so, and the old settings stay in force"

# --- removed, installed again, purged ----------------------------------------------------------------
echo "; mine" >>"$ini"
chmod 0600 "$ini"
chown cachesd:cachesd "$ini"
pid=$(property MainPID)
quietly apt-get remove -q -y cachesd
[ ! -e "/proc/$pid" ] || fail "the daemon runs"
[ ! -e "$socket" ] || fail "the socket is left"
[ ! -e /usr/bin/cachesd ] || fail "the program is left"
! systemctl cat cachesd.service cachesd.socket >/dev/null 2>&1 || fail "systemd still knows it"
grep -q "^; mine" "$ini" || fail "the configuration is gone"
id cachesd >/dev/null || fail "the user is gone"
ok "removed, it leaves its configuration and its user"

quietly apt-get install -q -y /root/raised_2.deb
until_true is_answering || fail "it does not answer again"
grep -q "^; mine" "$ini" || fail "the configuration was replaced"
[ "$(mode "$ini")" = "600 cachesd:cachesd" ] || fail "the configuration is $(mode "$ini")"
ok "installed again, it has the configuration as it was"

quietly apt-get purge -q -y cachesd
left=$(find / -xdev -name '*cachesd*' -not -path '/root/*' -not -path '/tmp/*' -not -path '/var/cache/*' \
    -not -path '/var/log/*' -not -path '*/python3*')
left+=$(find /run -maxdepth 2 -name '*cachesd*' -not -path '/run/systemd/*')
[ -z "$left" ] || fail "these are left: $left"
id cachesd >/dev/null || fail "the user is gone"
ok "purged, it leaves its user and groups, and no file"
