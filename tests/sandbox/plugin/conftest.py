import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.sandbox.plugin.engine import Engine, plugin
from tests.sandbox.plugin.world import MANAGEMENT, REGION, World


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--account", MANAGEMENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline().removeprefix("listening on "))
        finally:
            server.terminate()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The standard variables, and nothing of the person's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_REGION", REGION)
    if "port" in request.fixturenames:
        url = f"http://127.0.0.1:{request.getfixturevalue('port')}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine with a plugin that is not configured."""
    with plugin() as engine:
        yield engine


@pytest.fixture
def world(port: int, environment: None) -> Iterator[World]:
    """An empty AWS, and providers in it."""
    reset = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset)  # noqa: S310  loopback
    with World() as world:
        yield world
