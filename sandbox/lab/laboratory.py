"""The laboratory put together: an account with its VPN's host, and devices that connect to it."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path

from sandbox.engine import WIREGUARD, Built
from sandbox.lab.cloud import PUBLIC_IP, Cloud
from sandbox.lab.instance import PROGRAMS, Instance
from sandbox.lab.internet import (
    AWS,
    HOME,
    METADATA,
    METADATA_IPV6,
    RESOLVER,
    Internet,
)
from sandbox.lab.namespaces import Machine, missing
from sandbox.lab.servers import Answer, Request
from sandbox.problem import SandboxError
from sandbox.sandbox import ROOT
from wireguard.client import Server, configuration, new_key_pair
from wireguard.host import user_data
from wireguard.network import FIRST_PEER, Network, Peer, Tunnel

NETWORK = Network(ipv4=IPv4Network("10.99.0.0/16"), ipv6=IPv6Network("fd42:99::/64"))
SPLIT_TUNNEL: Sequence[IPv4Network | IPv6Network] = (
    IPv4Network("198.51.100.80/32"),
    IPv6Network("2001:db8:100::80/128"),
)
"""What a split tunnel leads to here: the web site."""
_WIREGUARD = Built(ROOT / ".engine" / "wireguard", WIREGUARD)


def lacking() -> str | None:
    """Return in a sentence why there can be no laboratory here, or None; it may build WireGuard."""
    reason = missing()
    if reason is None:
        try:
            _WIREGUARD.ensure()
        except SandboxError as error:
            reason = str(error)
    return reason


class Device(Machine):
    """A colleague's device at home: a machine with the keys of a peer."""

    def __init__(self, internet: Internet, number: int, tunnel: Tunnel, wireguard: Path) -> None:
        self.keys = new_key_pair()
        self.peer = Peer(
            name=f"device-{number}",
            public_key=self.keys.public_key,
            addresses=NETWORK.numbered(number),
            tunnel=tunnel,
        )
        super().__init__(internet.router, [PROGRAMS])
        self.set({"WG_QUICK_USERSPACE_IMPLEMENTATION": str(wireguard)})
        self.script("mount -t tmpfs tmpfs /run")
        internet.machine(HOME, *HOME.number(number), self)

    def connect(self, server_key: str) -> None:
        """Bring the tunnel up as `wireguard.client` says."""
        text = configuration(
            self.peer,
            Server(
                name=str(PUBLIC_IP),
                public_key=server_key,
                network=NETWORK,
                resolver=RESOLVER,
                split_tunnel=SPLIT_TUNNEL,
            ),
            private_key=self.keys.private_key,
        )
        self.script(f"umask 077; cat >/run/vpn.conf <<'END'\n{text}END")
        self.run("wg-quick", "up", "/run/vpn.conf")


class Laboratory:
    """An account, the Internet, hosts and devices, until `stop`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._wireguard = _WIREGUARD.ensure() / "wireguard"
        self.internet = Internet(directory)
        self.cloud = Cloud(directory, NETWORK)
        self.hosts: list[Instance] = []
        self._devices: list[Device] = []
        self._refused: tuple[str, str] | None = None
        for address in (METADATA, METADATA_IPV6):
            self.internet.serve(self.internet.router, address, self.cloud.answer_metadata)
        self.internet.serve(self.internet.router, AWS, self._answer)

    def stop(self) -> None:
        """End everything."""
        for machine in (*self.hosts, *self._devices):
            machine.stop()
        self.internet.stop()
        self.cloud.stop()

    @contextmanager
    def refusing(self, action: str, code: str = "AccessDeniedException") -> Generator[None]:
        """Let AWS answer with an error the next time that Systems Manager is asked for it."""
        self._refused = (f"AmazonSSM.{action}", code)
        try:
            yield
        finally:
            self._refused = None

    def new_host(self) -> Instance:
        """Return the instance that the group runs, before it boots."""
        ((instance_id, found),) = self.cloud.instances().items()
        address = IPv4Address(found["PrivateIpAddress"])
        self.internet.exchange(self.cloud.public_addresses())
        host = Instance(self.internet, instance_id, address, self._wireguard)
        self.hosts.append(host)
        return host

    def boot(self, host: Instance) -> None:
        """Run the boot script on a new host."""
        host.boot(user_data(self.cloud.host))

    def device(self, tunnel: Tunnel = "full") -> Device:
        """Put another device into the home; it is no peer yet."""
        number = FIRST_PEER + len(self._devices)
        self._devices.append(Device(self.internet, number, tunnel, self._wireguard))
        return self._devices[-1]

    def _answer(self, request: Request) -> Answer:
        """Answer a call of AWS's API, and let what it does to addresses take effect at once."""
        if self._refused and self._refused[0] == request.headers.get("X-Amz-Target"):
            body = json.dumps({"__type": self._refused[1]}).encode()
            self._refused = None
            return Answer(status=400, body=body)
        answer = self.cloud.answer(request)
        if "/ec2/aws4_request" in request.headers.get("Authorization", ""):
            self.internet.exchange(self.cloud.public_addresses())
        return answer
