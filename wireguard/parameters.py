"""Where the host's keys and the peers stand in Systems Manager's Parameter Store."""

from wireguard.network import Peer

HOST_PATH = "/vpn/host"
PRIVATE_KEY = f"{HOST_PATH}/private-key"
"""Encrypted; made by the first host, read by every later one."""
PUBLIC_KEY = f"{HOST_PATH}/public-key"
"""Published by the host; what every client is told."""
PEERS_PATH = "/vpn/peers"
"""One parameter for each peer below it, since a parameter holds 4 KB (Systems Manager quotas)."""


def peer_parameter(peer: Peer) -> str:
    """Return the name of a peer's parameter."""
    return f"{PEERS_PATH}/{peer.name}"


def peer_value(peer: Peer) -> str:
    """Return what a peer's parameter holds: its key and its addresses, with a space between."""
    return f"{peer.public_key} {peer.addresses}"
