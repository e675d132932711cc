#!/bin/bash
# Applies every update there is. Amazon Linux 2023 stays at its image's version unless it is told
# otherwise, and this host has to be patched although its image is pinned: "latest" is on purpose.
set -euo pipefail
dnf -y upgrade --releasever=latest
# Its status is 1 where a reboot is needed, and where it fails as well.
if ! said=$(dnf needs-restarting --reboothint); then
    echo "$said"
    [[ $said == *"Reboot is required"* ]]
    systemctl reboot
fi
