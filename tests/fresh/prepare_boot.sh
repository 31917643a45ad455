#!/usr/bin/env bash
# In a root that will be booted: has service.sh run at the end of the boot, and its exit code end it.
set -euo pipefail
unit=/etc/systemd/system/fresh.service
cat >"$unit" <<'UNIT'
[Unit]
Description=what README.md says of the service
After=multi-user.target

[Service]
Type=oneshot
WorkingDirectory=/root/cachesd
Environment=HOME=/root
ExecStart=/root/cachesd/tests/fresh/service.sh
ExecStopPost=/bin/sh -c 'case $EXIT_STATUS in [0-9]*) ;; *) EXIT_STATUS=99 ;; esac; systemctl exit $EXIT_STATUS'
StandardOutput=file:/root/service.log
StandardError=inherit
TimeoutStartSec=5min
UNIT
systemctl set-default -q multi-user.target
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf "$unit" /etc/systemd/system/multi-user.target.wants/
