"""The address plan of the tunnel: whose address is which, and what a key looks like.

A peer's IPv6 address is the IPv6 network with the number that its IPv4 address has in its own, so
one number stands for both.
"""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain
from typing import Literal

PORT = 51820
"""The UDP port that WireGuard's documentation uses, so that people recognise it."""
KEY_BYTES = 32
"""The length of a Curve25519 key (WireGuard protocol)."""
MTU = 1420
"""Bytes of a packet in the tunnel: 1500 on the Internet less WireGuard's largest header of 80."""
FIRST_PEER = 2
"""The number of the first peer in the network; 1 is the host."""

Tunnel = Literal["full", "split"]


def is_key(text: str) -> bool:
    """Tell whether the text is a key of 32 bytes as WireGuard writes it: 44 characters of base64.

    Only the one canonical spelling counts, so that two spellings cannot hide one key.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) == KEY_BYTES and base64.b64encode(key).decode() == text


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What a host or a peer is called inside the tunnel."""

    ipv4: IPv4Address
    ipv6: IPv6Address

    def __str__(self) -> str:
        """Return both as networks of one address, as WireGuard's `AllowedIPs` takes them."""
        return f"{self.ipv4}/32,{self.ipv6}/128"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A person's device: its key, its addresses, and what it sends through the tunnel."""

    name: str
    public_key: str
    addresses: Addresses
    tunnel: Tunnel


@dataclass(frozen=True, kw_only=True)
class Network:
    """The two networks of the tunnel; the IPv6 one has at least as many addresses."""

    ipv4: IPv4Network
    ipv6: IPv6Network

    @property
    def host(self) -> Addresses:
        """The addresses of the host."""
        return self.numbered(1)

    @property
    def room(self) -> int:
        """How many peers fit in: every IPv4 address but the network's, the host's, the last."""
        return max(self.ipv4.num_addresses - FIRST_PEER - 1, 0)

    @property
    def first_peer(self) -> Addresses:
        """The lowest addresses that a peer may have."""
        return self.numbered(FIRST_PEER)

    @property
    def last_peer(self) -> Addresses:
        """The highest addresses that a peer may have."""
        return self.numbered(FIRST_PEER + self.room - 1)

    def numbered(self, number: int) -> Addresses:
        """Return the addresses with this number."""
        return Addresses(ipv4=self.ipv4[number], ipv6=self.ipv6[number])

    def at(self, ipv4: IPv4Address) -> Addresses:
        """Return the addresses of which this is the IPv4 one."""
        return self.numbered(int(ipv4) - int(self.ipv4.network_address))

    def has_room_at(self, ipv4: IPv4Address) -> bool:
        """Tell whether a peer may have this address."""
        number = int(ipv4) - int(self.ipv4.network_address)
        return FIRST_PEER <= number < FIRST_PEER + self.room

    def of(self, public_key: str) -> Addresses:
        """Return the addresses that go with a key.

        They depend on nothing else, so another peer's coming or going never moves them. Two keys
        may meet in one address; the settings refuse that, and one of them is then written down.
        """
        digest = int.from_bytes(sha256(public_key.encode()).digest())
        return self.numbered(FIRST_PEER + digest % self.room)

    def free(self, public_key: str, taken: Collection[IPv4Address]) -> Addresses | None:
        """Return the addresses that go with a key, or the next free ones; None where none is."""
        wanted = int(self.of(public_key).ipv4) - int(self.ipv4.network_address)
        end = FIRST_PEER + self.room
        for number in chain(range(wanted, end), range(FIRST_PEER, wanted)):
            if self.ipv4[number] not in taken:
                return self.numbered(number)
        return None
