"""One running sandbox for all tests on the real engine, beside the person's own."""

from collections.abc import Iterator

import pytest

from sandbox.sandbox import ROOT, Deployed, Sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[Sandbox, list[Deployed]]]:
    sandbox = Sandbox(ROOT / ".sandbox-test")
    sandbox.down()  # what an earlier run left, if it was killed
    yield sandbox, sandbox.up()
    sandbox.down()


@pytest.fixture(scope="session")
def sandbox(running: tuple[Sandbox, list[Deployed]]) -> Sandbox:
    return running[0]


@pytest.fixture(scope="session")
def deployed(running: tuple[Sandbox, list[Deployed]]) -> list[Deployed]:
    return running[1]
