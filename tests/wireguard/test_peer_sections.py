"""A parameter that is no peer is left out and named, and costs the others nothing."""

import subprocess
import sys
from ipaddress import IPv4Network, IPv6Network

import pytest

from wireguard import peer_sections
from wireguard.client import new_key_pair
from wireguard.network import Network, Peer
from wireguard.parameters import peer_parameter, peer_value

NETWORK = Network(ipv4=IPv4Network("10.99.0.0/24"), ipv6=IPv6Network("fd42:99::/64"))
KEY = "lmlaCtqW1KhXpTgaGcG6A3vnoGEk2pQ1zZxJCTZSrWU="
OTHER_KEY = "pOmCKJZQ3ZhdI4X9kLCdxUtCYJZAY91HI3OgRLvQ0Rg="


def run(text: str) -> tuple[str, str]:
    """What the program prints, and what it complains about."""
    done = subprocess.run(
        [sys.executable, "-I", peer_sections.__file__, str(NETWORK.ipv4), str(NETWORK.ipv6)],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_a_peer_gets_the_section_that_wireguard_takes() -> None:
    pair = new_key_pair()
    peer = Peer(
        name="ada", public_key=pair.public_key, addresses=NETWORK.numbered(7), tunnel="full"
    )
    said, complaint = run(f"{peer_parameter(peer)}\t{peer_value(peer)}\n")
    assert said == (
        f"\n[Peer]\nPublicKey = {pair.public_key}\nAllowedIPs = 10.99.0.7/32, fd42:99::7/128\n"
    )
    assert complaint == ""


def test_the_order_of_an_answer_makes_no_change() -> None:
    lines = [
        f"b\t{KEY} 10.99.0.7/32,fd42:99::7/128\n",
        f"a\t{OTHER_KEY} 10.99.0.8/32,fd42:99::8/128\n",
    ]
    assert run("".join(lines)) == run("".join(reversed(lines)))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "'' is not `KEY IPV4/32,IPV6/128`"),
        ("nonsense", "'nonsense' is not `KEY IPV4/32,IPV6/128`"),
        (
            f"{KEY} 0.0.0.0/0,fd42:99::8/128",
            f"'{KEY} 0.0.0.0/0,fd42:99::8/128' is not `KEY IPV4/32,IPV6/128`",
        ),
        (
            f"{KEY[:-2]}V= 10.99.0.8/32,fd42:99::8/128",
            f"'{KEY[:-2]}V= 10.99.0.8/32,fd42:99::8/128' is not `KEY IPV4/32,IPV6/128`",
        ),
        (
            f"{KEY} 10.99.0.999/32,fd42:99::8/128",
            "Octet 999 (> 255) not permitted in '10.99.0.999'",
        ),
        (f"{KEY} 10.99.0.8/32,fd42:::8/128", "At most one '::' permitted in 'fd42:::8'"),
        (
            f"{KEY} 10.98.0.8/32,fd42:99::8/128",
            "10.98.0.8 and fd42:99::8 are not in 10.99.0.0/24 and fd42:99::/64",
        ),
        (
            f"{KEY} 10.99.0.8/32,fd43::8/128",
            "10.99.0.8 and fd43::8 are not in 10.99.0.0/24 and fd42:99::/64",
        ),
        (f"{KEY} 10.99.0.1/32,fd42:99::8/128", "10.99.0.1 belongs to the host"),
        (f"{KEY} 10.99.0.8/32,fd42:99::1/128", "fd42:99::1 belongs to the host"),
        (f"{OTHER_KEY} 10.99.0.8/32,fd42:99::8/128", f"{OTHER_KEY} belongs to a"),
        (f"{KEY} 10.99.0.7/32,fd42:99::8/128", "10.99.0.7 belongs to a"),
        (f"{KEY} 10.99.0.8/32,fd42:99:0:0::7/128", "fd42:99::7 belongs to a"),
    ],
)
def test_what_is_no_peer_is_left_out_and_named(value: str, reason: str) -> None:
    first, last = (
        f"a\t{OTHER_KEY} 10.99.0.7/32,fd42:99::7/128\n",
        f"z\t{new_key_pair().public_key} 10.99.0.9/32,fd42:99::9/128\n",
    )
    said, complaint = run(f"{first}m\t{value}\n{last}")
    assert said == run(first + last)[0]
    assert said.count("[Peer]") == 2
    assert complaint.startswith("m is left out: ")
    assert reason in complaint
