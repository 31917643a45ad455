#!/usr/bin/env bash
# Runs a command that installs packages, and leaves the services that they bring stopped and disabled.
#   without_services.sh "SERVICE …" COMMAND …
set -euo pipefail
services=$1
shift
policy=/usr/sbin/policy-rc.d

# Maintainer scripts ask this file whether they may start a service: deb-systemd-invoke(1p). It holds
# only as long as this script runs, however that ends.
forbid_starts() {
    [ ! -e "$policy" ] || return 0
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\n! kill -0 %s 2>/dev/null || exit 101\n' $$ >"$policy"
    chmod 755 "$policy"
}

# The first does it for systemd where that is installed, and for other inits; without systemd, the links are left.
disable() {
    local service=$1
    update-rc.d "$service" disable >/dev/null 2>&1 || true
    if [ -d /etc/systemd/system ]; then
        find /etc/systemd/system -type l -lname "*/$service.service" -delete
    fi
}

if [ -z "$services" ]; then
    exec "$@"
fi
forbid_starts
"$@"
for service in $services; do
    disable "$service"
done
