"""The address plan: every peer gets addresses of its own that nobody else's coming or going moves."""

import base64
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireguard.network import Addresses, Network, Peer, is_key
from wireguard.parameters import peer_parameter, peer_value

IPV6 = IPv6Network("fdc1:32d2:9e7b::/64")
keys = st.binary(min_size=32, max_size=32).map(lambda key: base64.b64encode(key).decode())
networks = st.builds(
    lambda prefix, start: Network(
        ipv4=IPv4Network(
            (int(IPv4Address("10.0.0.0")) | start >> (32 - prefix) << (32 - prefix), prefix)
        ),
        ipv6=IPV6,
    ),
    prefix=st.integers(16, 30),
    start=st.integers(0, 2**24 - 1),
)
small = networks.filter(lambda network: network.ipv4.prefixlen >= 26)


@st.composite
def occupied(draw: st.DrawFn) -> tuple[Network, set[IPv4Address]]:
    """A small network, and peers that have addresses in it already."""
    network = draw(small)
    numbers = draw(st.sets(st.integers(2, 1 + network.room), max_size=network.room))
    return network, {network.numbered(number).ipv4 for number in numbers}


@given(st.binary(max_size=64))
def test_a_key_is_32_bytes_in_base64(data: bytes) -> None:
    assert is_key(base64.b64encode(data).decode()) == (len(data) == 32)


@given(keys)
def test_a_key_has_one_spelling(key: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    position = alphabet.index(key[42])

    # The last character of 44 carries four bits of the key; the two others may be anything.
    others = [f"{key[:42]}{alphabet[position + more]}=" for more in (1, 2, 3)]

    assert {base64.b64decode(other) for other in others} == {base64.b64decode(key)}
    assert not any(map(is_key, others))


@pytest.mark.parametrize("wrong", ["", " ", "{}\n", " {}", "{} ", "-{}", "{}=", "ü"])
def test_what_stands_around_a_key_is_no_part_of_it(wrong: str) -> None:
    key = base64.b64encode(bytes(32)).decode()

    assert is_key(key)
    assert not is_key(wrong.format(key))


@given(networks)
def test_the_host_has_the_first_address_and_the_peers_the_others(network: Network) -> None:
    hosts = list(network.ipv4.hosts())

    assert network.host.ipv4 == hosts[0]
    assert [network.first_peer.ipv4, network.last_peer.ipv4] == [hosts[1], hosts[-1]]
    assert network.room == len(hosts) - 1


@given(networks, st.data())
def test_both_addresses_of_a_peer_have_one_number(network: Network, data: st.DataObject) -> None:
    number = data.draw(st.integers(2, 1 + network.room))

    addresses = network.numbered(number)

    assert int(addresses.ipv4) - int(network.ipv4.network_address) == number
    assert int(addresses.ipv6) - int(network.ipv6.network_address) == number
    assert network.at(addresses.ipv4) == addresses
    assert network.has_room_at(addresses.ipv4)


@given(networks)
def test_no_peer_has_the_networks_own_addresses_or_one_outside(network: Network) -> None:
    first, last = network.ipv4[0], network.ipv4[-1]

    for address in (first - 1, first, network.host.ipv4, last, last + 1):
        assert not network.has_room_at(address)


@given(networks, keys)
def test_the_addresses_of_a_key_are_for_a_peer(network: Network, key: str) -> None:
    assert network.has_room_at(network.of(key).ipv4)
    assert network.free(key, set()) == network.of(key)


def test_the_addresses_of_a_key_stay_the_same_for_good() -> None:
    network = Network(ipv4=IPv4Network("10.91.0.0/16"), ipv6=IPV6)

    # Another way to derive them would move every peer whose address is not written down.
    assert network.of(base64.b64encode(bytes(32)).decode()) == Addresses(
        ipv4=IPv4Address("10.91.45.51"), ipv6=IPv6Address("fdc1:32d2:9e7b::2d33")
    )


@given(occupied(), keys)
def test_free_addresses_are_nobodys(place: tuple[Network, set[IPv4Address]], key: str) -> None:
    network, taken = place

    free = network.free(key, taken)

    if len(taken) == network.room:
        assert free is None
    else:
        assert free is not None
        assert free.ipv4 not in taken
        assert network.has_room_at(free.ipv4)
        assert free == network.of(key) or network.of(key).ipv4 in taken


@given(small, st.lists(keys, unique=True, max_size=70))
def test_a_network_takes_as_many_peers_as_it_has_room(network: Network, wanted: list[str]) -> None:
    taken: set[IPv4Address] = set()
    for key in wanted:
        free = network.free(key, taken)
        if free is not None:
            taken.add(free.ipv4)

    assert len(taken) == min(len(wanted), network.room)


def test_a_peers_parameter_holds_its_key_and_its_two_addresses() -> None:
    network = Network(ipv4=IPv4Network("10.91.0.0/16"), ipv6=IPV6)
    peer = Peer(name="alice", public_key="KEY=", addresses=network.numbered(263), tunnel="split")

    assert peer_parameter(peer) == "/vpn/peers/alice"
    assert peer_value(peer) == "KEY= 10.91.1.7/32,fdc1:32d2:9e7b::107/128"
