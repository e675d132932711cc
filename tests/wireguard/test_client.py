"""A device's configuration: what WireGuard's programs take, and nothing more of a private key."""

import base64
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest

from wireguard.client import Server, configuration, key_pair, new_key_pair
from wireguard.network import Network, Peer, is_key

NETWORK = Network(ipv4=IPv4Network("10.91.0.0/16"), ipv6=IPv6Network("fdc1:32d2:9e7b::/64"))
SERVER = Server(
    name="vpn.corp.example.com",
    public_key="3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
    network=NETWORK,
    resolver=IPv4Address("10.90.0.2"),
    split_tunnel=[IPv4Network("192.168.7.0/24"), IPv6Network("2001:db8:7::/48")],
)
ALICE = Peer(
    name="alice",
    public_key="hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    addresses=NETWORK.numbered(775),
    tunnel="full",
)


def line(text: str, key: str) -> str:
    (found,) = [it for it in text.splitlines() if it.startswith(f"{key} = ")]
    return found.removeprefix(f"{key} = ")


@pytest.mark.parametrize(
    ("private", "public"),
    [
        # RFC 7748, section 6.1, where the public keys follow from the private ones.
        (
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        ),
    ],
)
def test_a_public_key_is_the_one_that_every_wireguard_derives(private: str, public: str) -> None:
    pair = key_pair(bytes.fromhex(private))

    assert base64.b64decode(pair.private_key).hex() == private
    assert base64.b64decode(pair.public_key).hex() == public


def test_each_key_pair_is_new_and_made_of_keys() -> None:
    one, other = new_key_pair(), new_key_pair()

    assert is_key(one.private_key)
    assert is_key(one.public_key)
    assert len({one.private_key, one.public_key, other.private_key, other.public_key}) == 4


def test_a_key_pair_that_is_printed_shows_no_private_key() -> None:
    pair = new_key_pair()

    assert repr(pair) == f"KeyPair(public_key='{pair.public_key}')"


def test_a_full_tunnel_takes_everything_in_both_families() -> None:
    assert (
        configuration(ALICE, SERVER, private_key="dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=")
        == """\
[Interface]
PrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=
Address = 10.91.3.7/32, fdc1:32d2:9e7b::307/128
DNS = 10.90.0.2
MTU = 1280

[Peer]
PublicKey = 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
Endpoint = vpn.corp.example.com:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
"""
    )


def test_a_split_tunnel_takes_the_listed_blocks_the_tunnel_and_the_resolver() -> None:
    text = configuration(replace(ALICE, tunnel="split"), SERVER, private_key=None)

    assert line(text, "AllowedIPs").split(", ") == [
        "10.90.0.2/32",
        "10.91.0.0/16",
        "192.168.7.0/24",
        "2001:db8:7::/48",
        "fdc1:32d2:9e7b::/64",
    ]


def test_a_split_tunnel_names_no_address_twice() -> None:
    server = replace(SERVER, split_tunnel=[IPv4Network("10.0.0.0/8"), IPv4Network("10.90.0.0/24")])

    text = configuration(replace(ALICE, tunnel="split"), server, private_key=None)

    assert line(text, "AllowedIPs") == "10.0.0.0/8, fdc1:32d2:9e7b::/64"


def test_a_device_with_a_key_of_its_own_is_told_to_keep_it() -> None:
    text = configuration(ALICE, SERVER, private_key=None)

    assert text.splitlines()[1] == (
        "# The device has its private key: keep the line PrivateKey of the tunnel that you made there."
    )
    assert "PrivateKey =" not in text
