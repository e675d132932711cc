import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from tests.sandbox.aws.embedded import MANAGEMENT, Client, Embedded


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--account", MANAGEMENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline().removeprefix("listening on "))
        finally:
            server.terminate()


@pytest.fixture
def aws(port: int) -> Embedded:
    """The embedded AWS without any resource."""
    reset = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset)  # noqa: S310  loopback
    return Embedded(port)


@pytest.fixture
def corp(aws: Embedded) -> tuple[str, Client]:
    """A member account and its administrator."""
    aws.organize()
    account = aws.account("corp")
    return account, aws.session(account)
