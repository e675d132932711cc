"""What a device reaches through the tunnel, and what it does not."""

from collections.abc import Iterator

import pytest

from sandbox.lab.cloud import PUBLIC_IP
from sandbox.lab.instance import Instance
from sandbox.lab.internet import (
    DNS,
    HOME_SHARED,
    METADATA,
    METADATA_IPV6,
    OTHER_SITE,
    RESOLVER,
    WEB_SITE,
    WEB_SITE_IPV6,
)
from sandbox.lab.laboratory import NETWORK, Device, Laboratory
from sandbox.lab.servers import Answer, tell_the_caller
from wireguard.network import MTU

PORT = 8080


@pytest.fixture(scope="module")
def devices(laboratory: Laboratory) -> Iterator[dict[str, Device]]:
    made = {
        "full": laboratory.device("full"),
        "split": laboratory.device("split"),
        "another": laboratory.device(),
    }
    for device in made.values():
        laboratory.cloud.add(device.peer)
    laboratory.hosts[-1].expire("vpn-peers")
    for device in made.values():
        device.connect(laboratory.cloud.public_key())
    yield made
    for device in made.values():
        laboratory.cloud.revoke(device.peer)
        device.stop()


@pytest.fixture(params=["full", "split"])
def device(devices: dict[str, Device], request: pytest.FixtureRequest) -> Device:
    return devices[request.param]


def test_a_device_reaches_the_web_from_the_hosts_addresses(host: Instance, device: Device) -> None:
    assert device.pings(NETWORK.host.ipv4)
    assert device.pings(NETWORK.host.ipv6)
    assert device.fetches(WEB_SITE) == str(PUBLIC_IP)
    assert device.fetches(WEB_SITE_IPV6) == str(host.ipv6)


def test_a_device_without_the_tunnel_comes_from_home(laboratory: Laboratory) -> None:
    assert laboratory.device().fetches(WEB_SITE) == str(HOME_SHARED)


def test_a_device_asks_the_resolver_of_the_vpc(host: Instance, device: Device) -> None:
    assert device.run("cat", "/run/name-servers") == f"nameserver {RESOLVER}"
    assert device.fetches(RESOLVER, DNS) == str(host.private_ip)


def test_a_split_tunnel_leaves_the_rest_alone(devices: dict[str, Device]) -> None:
    assert devices["full"].fetches(OTHER_SITE) == str(PUBLIC_IP)
    assert devices["split"].fetches(OTHER_SITE) == str(HOME_SHARED)


def test_a_key_that_is_no_peers_is_refused(laboratory: Laboratory) -> None:
    stranger = laboratory.device()
    stranger.connect(laboratory.cloud.public_key())
    assert not stranger.pings(NETWORK.host.ipv4)
    assert stranger.run("wg", "show", "vpn", "latest-handshakes").endswith("\t0")


def test_the_address_of_a_peer_without_its_key_is_refused(
    laboratory: Laboratory, devices: dict[str, Device]
) -> None:
    thief = laboratory.device()
    thief.peer = devices["another"].peer
    thief.connect(laboratory.cloud.public_key())
    assert not thief.pings(NETWORK.host.ipv4)
    assert devices["another"].pings(NETWORK.host.ipv4)


def test_the_tunnel_has_room_for_its_headers_on_the_internet(
    laboratory: Laboratory, host: Instance, devices: dict[str, Device]
) -> None:
    assert f"mtu {MTU} " in host.machine.run("ip", "link", "show", "wg0")
    text = "x" * 100_000
    laboratory.internet.serve(
        laboratory.internet.web_site, WEB_SITE, lambda _: Answer(body=text.encode()), PORT
    )
    assert devices["full"].fetches(WEB_SITE, PORT) == text


def test_a_device_reaches_no_instance_metadata(host: Instance, devices: dict[str, Device]) -> None:
    for address in (METADATA, METADATA_IPV6):
        assert host.machine.fetches(address) is not None
        assert devices["full"].fetches(address) is None


def test_devices_do_not_reach_each_other(devices: dict[str, Device]) -> None:
    other = devices["another"].peer.addresses
    for address in (other.ipv4, other.ipv6):
        assert devices["another"].pings(address)
        assert not devices["full"].pings(address)


def test_a_device_reaches_no_port_of_the_host(
    laboratory: Laboratory, host: Instance, devices: dict[str, Device]
) -> None:
    tunnel = NETWORK.host
    for address in (tunnel.ipv4, tunnel.ipv6, host.private_ip, host.ipv6):
        laboratory.internet.serve(host.machine, address, tell_the_caller, PORT)
        assert host.machine.fetches(address, PORT) == str(address)
        assert devices["full"].fetches(address, PORT) is None
