import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.sandbox.plugin.engine import Engine, plugin
from tests.sandbox.plugin.world import MANAGEMENT, REGION, World


@contextmanager
def embedded_aws() -> Iterator[str]:
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--account", MANAGEMENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline().removeprefix("listening on "))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[str]:
    with embedded_aws() as url:
        yield url


@pytest.fixture(scope="session")
def spare_aws() -> Iterator[str]:
    with embedded_aws() as url:
        yield url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard variables, nothing of the person's own, and no AWS unless a test asks."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with a plugin that is not configured."""
    with plugin() as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture
def world(shared_aws: str, shared_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An AWS in which other tests have made and deleted things, too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", shared_aws)
    return shared_world


@pytest.fixture
def empty_world(spare_aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An AWS in which nothing was made yet."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", spare_aws)
    reset = urllib.request.Request(f"{spare_aws}/moto-api/reset", method="POST")  # noqa: S310
    urllib.request.urlopen(reset)  # noqa: S310  loopback
    with World() as world:
        yield world
