"""The embedded AWS as a process: started, found again, and known to be gone."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.embedded import EmbeddedAws
from sandbox.problem import SandboxError

ACCOUNT = "111122223333"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[EmbeddedAws]:
    aws = EmbeddedAws(tmp_path)
    yield aws
    aws.stop()


def test_a_server_is_found_again_until_it_is_killed(aws: EmbeddedAws, tmp_path: Path) -> None:
    started = aws.start(ACCOUNT, 0)
    assert EmbeddedAws(tmp_path).server() == started
    os.kill(started.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(started.pid)], timeout=5)
    assert aws.server() is None


def test_stopping_ends_its_own_server_and_no_other(tmp_path: Path) -> None:
    one, other = EmbeddedAws(tmp_path / "one"), EmbeddedAws(tmp_path / "other")
    for aws in (one, other):
        aws.log.parent.mkdir()
        aws.start(ACCOUNT, 0)
    one.stop()
    still = other.server()
    other.stop()
    assert one.server() is None
    assert still


def test_an_id_that_came_back_is_not_the_server(aws: EmbeddedAws, tmp_path: Path) -> None:
    server = aws.start(ACCOUNT, 0)
    record = tmp_path / "aws.json"
    record.write_text(record.read_text().replace(str(server.started), "1.0"))
    assert aws.server() is None
    record.write_text(record.read_text().replace(str(server.pid), str(os.getpid())))
    aws.stop()
    assert psutil.pid_exists(os.getpid())


def test_a_taken_port_is_one_sentence(aws: EmbeddedAws) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SandboxError) as error:
            aws.start(ACCOUNT, port)
    assert str(error.value) == (
        f"Port {port} is taken by another program: choose another with SANDBOX_PORT, or leave "
        "SANDBOX_PORT out to get any free one."
    )


def test_a_server_that_ends_at_once_is_told_with_its_last_words(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.embedded.MODULE", ("-c", "raise SystemExit('it is wrong')"))
    with pytest.raises(SandboxError) as error:
        aws.start(ACCOUNT, 0)
    assert str(error.value) == f"The embedded AWS did not start ({aws.log}): it is wrong"


def test_a_person_s_own_credentials_do_not_reach_it(
    aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "own")
    variables = psutil.Process(aws.start(ACCOUNT, 0).pid).environ()
    assert not [name for name in variables if name.startswith("AWS_")]
