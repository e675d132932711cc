"""Processes are found by what they carry, and only a sandbox's own are ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from sandbox import processes

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def run(*words: str, sandbox: str = "/box") -> subprocess.Popen[bytes]:
            variables = os.environ | {processes.ID_VARIABLE: sandbox}
            process = subprocess.Popen(words, env=variables, stdout=subprocess.PIPE)
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout
            process.stdout.readline()
            return process

        yield run


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A program that is called like the engine and starts what its arguments say."""
    path = tmp_path / "pulumi"
    path.symlink_to("/bin/sh")
    return path


SLEEP = "echo; sleep 60"


def pids(found: list[psutil.Process]) -> set[int]:
    return {process.pid for process in found}


def test_the_engine_and_what_it_runs_are_found_and_a_shell_is_not(
    start: Start, engine: Path
) -> None:
    update = start(str(engine), "-c", SLEEP + "; :")
    plugin = start(
        sys.executable, "-c", "print(flush=True); import time; time.sleep(60)", "sandbox.plugin"
    )
    start("/bin/sh", "-c", SLEEP + "; :", "pulumi")
    start(str(engine), "-c", SLEEP + "; :", sandbox="/another")
    assert pids(processes.of_engine("/box")) == {update.pid, plugin.pid}


def test_only_what_lost_its_engine_is_an_orphan(start: Start, engine: Path) -> None:
    child = f"{sys.executable} -c 'import time; time.sleep(60)' sandbox.plugin"
    update = start(str(engine), "-c", f"{child} & echo; wait")
    plugin = psutil.Process(update.pid).children()[0]
    time.sleep(0.2)
    assert pids(processes.of_engine("/box")) == {update.pid, plugin.pid}
    assert processes.orphans("/box") == []
    update.kill()
    update.wait()
    assert pids(processes.orphans("/box")) == {plugin.pid}
    processes.end(processes.orphans("/box"))
    assert processes.orphans("/box") == []


def test_a_process_that_ignores_the_request_is_killed(start: Start) -> None:
    stubborn = start("/bin/sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done")
    processes.end([psutil.Process(stubborn.pid)], patience=0.3)
    assert stubborn.wait(5) == -9


def test_a_process_whose_end_nobody_collects_is_over(start: Start) -> None:
    ended = start("/bin/sh", "-c", "echo")
    identity = processes.Identity.of(ended.pid)
    processes.end([psutil.Process(ended.pid)], patience=5)
    assert not identity.is_running()
    assert not processes.holds_since(ended.pid, time.time())


def test_a_lock_is_not_held_by_a_process_that_started_after_it(start: Start) -> None:
    holder = start("/bin/sh", "-c", SLEEP)
    assert processes.holds_since(holder.pid, time.time())
    assert not processes.holds_since(holder.pid, time.time() - 60)
