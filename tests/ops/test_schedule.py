"""Work on several stacks: what waits for what, and an end in the middle of it."""

import os
import signal
import threading
import time

import pytest

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
