"""Peers come and go while the others stay."""

import re
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from sandbox.lab.instance import Instance
from sandbox.lab.laboratory import NETWORK, Device, Laboratory
from sandbox.lab.namespaces import MachineError
from tests.network.conftest import NewDevice
from wireguard.client import new_key_pair
from wireguard.network import Peer
from wireguard.parameters import PEERS_PATH


@contextmanager
def losing_nothing(device: Device) -> Generator[None]:
    """Hold that no ping of a device is lost meanwhile."""
    assert device.pings(NETWORK.host.ipv4)
    ping = device.start("ping", "-i", "0.02", str(NETWORK.host.ipv4))
    yield
    said = device.interrupt(ping)
    answered = [int(number) for number in re.findall(r"icmp_seq=(\d+)", said)]
    # The interrupt may come between the last packet and its answer.
    assert answered == list(range(1, answered[-1] + 1))


def peers(host: Instance) -> set[str]:
    return set(host.machine.run("wg", "show", "wg0", "peers").split())


def test_a_revoked_device_is_cut_off_and_another_loses_nothing(
    laboratory: Laboratory, host: Instance, new_device: NewDevice
) -> None:
    leaver, colleague = new_device(), new_device()
    assert leaver.pings(NETWORK.host.ipv4)
    with losing_nothing(colleague):
        laboratory.cloud.revoke(leaver.peer)
        host.expire("vpn-peers")
    assert not leaver.pings(NETWORK.host.ipv4)


def test_a_new_device_gets_in_and_another_loses_nothing(new_device: NewDevice) -> None:
    colleague = new_device()
    with losing_nothing(colleague):
        newcomer = new_device()
    assert newcomer.pings(NETWORK.host.ipv4)


def test_more_peers_than_an_answer_holds_are_all_there(
    laboratory: Laboratory, host: Instance
) -> None:
    added = [
        Peer(
            name=f"many-{number}",
            public_key=new_key_pair().public_key,
            addresses=NETWORK.numbered(number),
            tunnel="full",
        )
        for number in range(1000, 1025)
    ]
    for peer in added:
        laboratory.cloud.add(peer)
    host.expire("vpn-peers")
    there = peers(host)
    for peer in added:
        laboratory.cloud.revoke(peer)
    host.expire("vpn-peers")
    assert there - peers(host) == {peer.public_key for peer in added}


def test_a_parameter_that_is_no_peer_costs_nobody_the_connection(
    laboratory: Laboratory, host: Instance, new_device: NewDevice
) -> None:
    device = new_device()
    before = peers(host)
    broken = f"{PEERS_PATH}/broken"
    laboratory.cloud.ssm.put_parameter(Name=broken, Value="a b\n\nc", Type="String")
    newcomer = new_device()
    laboratory.cloud.ssm.delete_parameter(Name=broken)
    assert peers(host) == before | {newcomer.peer.public_key}
    assert device.peer.public_key in before


def test_peers_that_cannot_be_read_stay_as_they_are(
    laboratory: Laboratory, host: Instance, new_device: NewDevice
) -> None:
    device = new_device()
    laboratory.cloud.revoke(device.peer)
    with laboratory.refusing("GetParametersByPath"), pytest.raises(MachineError):
        host.expire("vpn-peers")
    assert device.pings(NETWORK.host.ipv4)
