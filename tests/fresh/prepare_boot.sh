#!/usr/bin/env bash
# In a root that will be booted: has a script of this folder run at the end of the boot, and its exit code end it.
#   prepare_boot.sh SCRIPT
set -euo pipefail
unit=/etc/systemd/system/fresh.service
cat >"$unit" <<UNIT
[Unit]
Description=$1 of the fresh tests
After=multi-user.target

[Service]
Type=oneshot
WorkingDirectory=/root/cachesd
Environment=HOME=/root
ExecStart=/root/cachesd/tests/fresh/$1
ExecStopPost=/bin/sh -c 'case \$EXIT_STATUS in [0-9]*) ;; *) EXIT_STATUS=99 ;; esac; systemctl exit \$EXIT_STATUS'
StandardOutput=file:/root/fresh.log
StandardError=inherit
TimeoutStartSec=5min
UNIT
systemctl set-default -q multi-user.target
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf "$unit" /etc/systemd/system/multi-user.target.wants/
