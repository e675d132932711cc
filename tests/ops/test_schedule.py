"""Work on several stacks: what waits for what, and an end in the middle of it."""

import os
import signal
import threading
import time

import pytest

from ops.problem import OpsError
from ops.schedule import Schedule, Work
from ops.updates import Update


def test_a_stack_between_two_that_are_worked_on_does_not_hide_what_failed() -> None:
    def work(name: str) -> Work:
        came = yield lambda: Update(succeeded=name != "org")
        return came.succeeded

    schedule = Schedule(
        {"org": [], "dns": ["org"], "app": ["dns"], "tools": []}, work, lambda: None
    )
    schedule.run()
    assert (schedule.done, schedule.failed) == (["tools"], ["org"])
    assert schedule.untried == {"dns": ["org"], "app": ["org"]}


@pytest.mark.parametrize("error", [OpsError("It cannot be read."), OSError("It is full.")])
def test_what_an_operator_can_mend_is_the_failure_of_its_stack_alone(error: Exception) -> None:
    begun, interrupted = threading.Event(), threading.Event()
    said: list[list[str]] = []

    def refused() -> Update:
        begun.wait(10)
        raise error

    def at_work() -> Update:
        begun.set()
        return Update(succeeded=not interrupted.wait(0.5))

    def work(name: str) -> Work:
        came = yield refused if name == "dev" else at_work
        said.append(came.errors)
        return came.succeeded

    schedule = Schedule({"dev": [], "stage": []}, work, interrupted.set)
    schedule.run()

    assert (schedule.failed, schedule.done) == (["dev"], ["stage"])
    assert [str(error)] in said


def test_a_broken_step_is_raised_once_all_that_runs_has_ended_and_is_told() -> None:
    begun, interrupted = threading.Event(), threading.Event()

    def broken() -> Update:
        begun.wait(10)
        raise KeyError("a bug")

    def at_work() -> Update:
        begun.set()
        return Update(succeeded=interrupted.wait(10))

    def work(name: str) -> Work:
        came = yield broken if name == "dev" else at_work
        return came.succeeded

    schedule = Schedule({"dev": [], "stage": [], "prod": ["stage"]}, work, interrupted.set)
    with pytest.raises(KeyError, match="a bug"):
        schedule.run()

    assert (schedule.left, schedule.done) == (["dev"], ["stage"])
    assert schedule.untried == {"prod": []}


def test_a_step_that_had_to_wait_for_others_is_not_begun_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    begun: list[str] = []
    interrupted = threading.Event()

    def work(name: str) -> Work:
        def step() -> Update:
            begun.append(name)
            time.sleep(0.5)  # until the other one waits in the pool
            os.kill(os.getpid(), signal.SIGINT)
            interrupted.wait(10)
            return Update(succeeded=True)

        came = yield step
        return came.succeeded

    schedule = Schedule({"dev": [], "stage": [], "prod": ["stage"]}, work, interrupted.set)
    # Where the tests run in the background, the signal is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            schedule.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun == ["dev"]
    assert (schedule.done, schedule.left) == (["dev"], ["stage"])
    assert schedule.untried == {"prod": ["stage"]}
