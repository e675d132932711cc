"""A machine as an EC2 instance: a disk that outlives a reboot, metadata, and a boot script.

The script and the programs it installs run as they are. In the place of systemd and dnf stand
programs that do what the script asks of them.
"""

import sys
from ipaddress import IPv4Address
from pathlib import Path

from sandbox.lab.internet import AWS, VPC, Internet
from sandbox.lab.namespaces import Machine

PROGRAMS = Path(__file__).parent / "programs"
VARIABLES = {
    "AWS_ENDPOINT_URL": f"http://{AWS}",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
"""What a real instance needs not be told: that AWS is the embedded one."""


class Instance:
    """An instance at a private address of the VPC; `wireguard` is the program for its tunnel."""

    def __init__(
        self, internet: Internet, instance_id: str, private_ip: IPv4Address, wireguard: Path
    ) -> None:
        self.instance_id = instance_id
        self.private_ip = private_ip
        self.ipv6 = VPC.ipv6.network[int(private_ip) - int(VPC.ipv4.network.network_address)]
        self._internet = internet
        self._disk = internet.directory / instance_id
        self._wireguard = wireguard
        self.machine = self._switched_on()

    def boot(self, script: str) -> None:
        """Run the script of the first boot."""
        self.machine.script(f"cat >/run/user-data <<'END-OF-USER-DATA'\n{script}END-OF-USER-DATA")
        self.machine.run("bash", "/run/user-data")

    def reboot(self) -> None:
        """Switch it off and on again: the disk stays, memory and network are as new."""
        self.machine.stop()
        self.machine = self._switched_on()
        self.machine.run("systemctl", "boot")

    def expire(self, timer: str) -> None:
        """Let a timer that the script has enabled go off."""
        self.machine.run("systemctl", "expire", f"{timer}.timer")

    def stop(self) -> None:
        """End it, as a terminated instance ends."""
        self.machine.stop()

    def _switched_on(self) -> Machine:
        machine = Machine(self._internet.router, [PROGRAMS, Path(sys.prefix) / "bin"])
        machine.set(VARIABLES | {"WG_QUICK_USERSPACE_IMPLEMENTATION": str(self._wireguard)})
        # Only root outside could write to the real folders, so theirs is a copy made of links.
        machine.script(f"""
            for folder in etc opt; do
                under={self._disk}/under/$folder new={self._disk}/$folder
                mkdir -p "$under"
                mount --rbind "/$folder" "$under"
                if ! [ -e "$new" ]; then
                    mkdir -p "$new"
                    find "$under" -mindepth 1 -maxdepth 1 ! -name systemd \
                        -exec ln -st "$new" {{}} +
                fi
                mount --bind "$new" "/$folder"
            done
            mkdir -p /etc/systemd/system
            mount -t tmpfs tmpfs /run
        """)
        return self._internet.machine(VPC, self.private_ip, self.ipv6, machine)
