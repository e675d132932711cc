"""The script that an instance of Amazon Linux 2023 becomes the VPN's host with.

Owns what the host runs: the programs and units in `machine`, and how they are put on it. What it
may do in AWS stands in its role's policy, who the peers are in their parameters.
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from string import Template

from wireguard.network import MTU, PORT, Network
from wireguard.parameters import PEERS_PATH, PRIVATE_KEY, PUBLIC_KEY

METRIC_NAMESPACE = "VPN"
METRIC_NAME = "HealthyHosts"
"""1 each minute from a healthy host, and nothing from another."""
USER_DATA_BYTES = 16_384
"""What EC2 takes, before its encoding in base64 (EC2 User Guide, read 2026-11-25)."""

_HERE = Path(__file__).parent
_MACHINE = _HERE / "machine"
_PROGRAMS = "/opt/vpn"
_UNITS = "/etc/systemd/system"
_END = "END-OF-FILE"


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a host has to know; `public_ip` and `allocation_id` are its Elastic IP's.

    `key_arn` names the KMS key for its private key. `update_hour` is the hour of the day, in UTC,
    at which it takes updates and may reboot.
    """

    region: str
    network: Network
    public_ip: str
    allocation_id: str
    key_arn: str
    update_hour: int


def files(host: Host) -> dict[str, str]:
    """Return every file that the script puts on the host, by its path there."""
    programs = {f"{_PROGRAMS}/{path.stem}": path.read_text() for path in _machine("*.sh")}
    units = {
        f"{_UNITS}/{path.name}": Template(path.read_text()).substitute(
            hour=f"{host.update_hour:02}"
        )
        for path in [*_machine("*.service"), *_machine("*.timer")]
    }
    others = {
        f"{_PROGRAMS}/settings": _settings(host),
        f"{_PROGRAMS}/rules.nft": (_MACHINE / "rules.nft").read_text(),
        f"{_PROGRAMS}/peer_sections.py": (_HERE / "peer_sections.py").read_text(),
    }
    return programs | units | others


def user_data(host: Host) -> str:
    """Return the script that cloud-init runs at an instance's first boot, as root.

    It only puts files in place: what can fail is in the service it enables, which tries again.
    """
    contents = files(host)
    started = [
        Path(path).name
        for path, text in contents.items()
        if path.startswith(_UNITS) and "[Install]" in text
    ]
    return "\n".join(
        [
            "#!/bin/bash",
            "# Makes this instance the VPN's host.",
            "set -euo pipefail",
            f"mkdir -p {_PROGRAMS}",
            *(f"cat >{path} <<'{_END}'\n{text}{_END}" for path, text in contents.items()),
            f"chmod 755 {' '.join(path for path, text in contents.items() if text[:3] == '#!/')}",
            "systemctl daemon-reload",
            # Without waiting: the first start takes its time, and a failed one comes again.
            f"systemctl enable --now --no-block {' '.join(started)}",
            "",
        ]
    )


def _machine(pattern: str) -> list[Path]:
    return sorted(_MACHINE.glob(pattern))


def _settings(host: Host) -> str:
    network = host.network
    settings = {
        "REGION": host.region,
        "PUBLIC_IP": host.public_ip,
        "ALLOCATION_ID": host.allocation_id,
        "KEY_ARN": host.key_arn,
        "PRIVATE_KEY": PRIVATE_KEY,
        "PUBLIC_KEY": PUBLIC_KEY,
        "PEERS_PATH": PEERS_PATH,
        "METRIC_NAMESPACE": METRIC_NAMESPACE,
        "METRIC_NAME": METRIC_NAME,
        "PORT": str(PORT),
        "MTU": str(MTU),
        "NETWORK_IPV4": str(network.ipv4),
        "NETWORK_IPV6": str(network.ipv6),
        "HOST_ADDRESSES": (
            f"{network.host.ipv4}/{network.ipv4.prefixlen},"
            f"{network.host.ipv6}/{network.ipv6.prefixlen}"
        ),
    }
    return "".join(f"{name}={quote(value)}\n" for name, value in settings.items())
