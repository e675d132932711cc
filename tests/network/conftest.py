"""The laboratory with a host that has booted, for all tests, and devices of one test each."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.lab.instance import Instance
from sandbox.lab.laboratory import Device, Laboratory, lacking
from sandbox.lab.namespaces import MachineError
from wireguard.parameters import HOST_PATH

NewDevice = Callable[[], Device]
PATIENCE_SECONDS = 40.0
"""WireGuard tries a new handshake 15 s after the last answer, and then every 5 s."""


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true while a device has reason to try again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
    return True


@pytest.fixture(scope="session")
def first_boot(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Laboratory, list[str]]]:
    """A host whose first try met an error of AWS, and the parameters that there were after it."""
    reason = lacking()
    if reason and "CI" in os.environ:
        pytest.fail(f"The VPN's network cannot be tested here: {reason}")
    if reason:
        pytest.skip(f"The VPN's network cannot be tested here: {reason}")
    laboratory = Laboratory(tmp_path_factory.mktemp("laboratory"))
    host = laboratory.new_host()
    with laboratory.refusing("GetParameter"), pytest.raises(MachineError, match="AccessDenied"):
        laboratory.boot(host)
    found = laboratory.cloud.ssm.get_parameters_by_path(Path=HOST_PATH)["Parameters"]
    host.machine.run("systemctl", "boot")
    yield laboratory, [it["Name"] for it in found]
    laboratory.stop()


@pytest.fixture(scope="session")
def laboratory(first_boot: tuple[Laboratory, list[str]]) -> Laboratory:
    return first_boot[0]


@pytest.fixture
def host(laboratory: Laboratory) -> Instance:
    """The host as it is now: a test may have replaced it."""
    return laboratory.hosts[-1]


@pytest.fixture
def new_device(laboratory: Laboratory, host: Instance) -> Iterator[NewDevice]:
    """Make devices that are peers of the host and connected."""
    made: list[Device] = []

    def make() -> Device:
        device = laboratory.device()
        made.append(device)
        laboratory.cloud.add(device.peer)
        host.expire("vpn-peers")
        device.connect(laboratory.cloud.public_key())
        return device

    yield make
    for device in made:
        laboratory.cloud.revoke(device.peer)
        device.stop()
