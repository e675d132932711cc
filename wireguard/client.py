"""What a person's device runs: its key pair and its WireGuard configuration.

Pure: it keeps no key and reads nothing. Which devices there are, stands in the settings.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from wireguard.network import PORT, Network, Peer

MTU = 1280
"""Bytes of a packet in the tunnel: the least that IPv6 allows (RFC 8200), as WireGuard's telephone
apps take by default. Mobile networks and home lines often carry less than a host's Ethernet."""
KEEPALIVE_SECONDS = 25
"""How often a silent device says that it is there, so that routers keep its way back open
(WireGuard's documentation)."""
EVERYTHING = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
NO_PRIVATE_KEY = (
    "# The device has its private key: keep the line PrivateKey of the tunnel that you made there."
)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Two keys as WireGuard writes them; the private one stays out of what is printed of this."""

    private_key: str = field(repr=False)
    public_key: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """What every device is told of the host; `split_tunnel` is what a split tunnel leads to."""

    name: str
    public_key: str
    network: Network
    resolver: IPv4Address
    split_tunnel: Sequence[IPv4Network | IPv6Network]


def new_key_pair() -> KeyPair:
    """Return a key pair that nobody has yet."""
    return key_pair(X25519PrivateKey.generate().private_bytes_raw())


def key_pair(private_key: bytes) -> KeyPair:
    """Return the key pair of a private key of 32 bytes."""
    public_key = X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
    return KeyPair(
        private_key=base64.b64encode(private_key).decode(),
        public_key=base64.b64encode(public_key).decode(),
    )


def configuration(peer: Peer, server: Server, *, private_key: str | None) -> str:
    """Return the configuration of a peer's device.

    Where the device alone knows its private key, a comment tells its owner so.
    """
    own = NO_PRIVATE_KEY if private_key is None else f"PrivateKey = {private_key}"
    through = EVERYTHING if peer.tunnel == "full" else _split(server)
    return f"""\
[Interface]
{own}
Address = {peer.addresses.ipv4}/32, {peer.addresses.ipv6}/128
DNS = {server.resolver}
MTU = {MTU}

[Peer]
PublicKey = {server.public_key}
Endpoint = {server.name}:{PORT}
AllowedIPs = {", ".join(map(str, through))}
PersistentKeepalive = {KEEPALIVE_SECONDS}
"""


def _split(server: Server) -> list[IPv4Network | IPv6Network]:
    """Return what a split tunnel leads to: its blocks, the tunnel's own networks, the resolver."""
    ipv4 = [block for block in server.split_tunnel if isinstance(block, IPv4Network)]
    ipv6 = [block for block in server.split_tunnel if isinstance(block, IPv6Network)]
    return [
        *collapse_addresses([*ipv4, server.network.ipv4, IPv4Network(server.resolver)]),
        *collapse_addresses([*ipv6, server.network.ipv6]),
    ]
