"""A step shows that it goes on, on a terminal and in a log."""

import io
import time

import pytest

from sandbox import ticker
from sandbox.ticker import Ticker


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_at_the_start_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticker, "LINE_SECONDS", 0.1)
    log = io.StringIO()
    with Ticker("app/dev", log) as step:
        step.show("3 resources")
        time.sleep(0.25)
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("...    app/dev      0:00")
    assert lines[1] == "...    app/dev      0:00  3 resources"
    assert lines[-1] == "ok     app/dev      0:00  3 resources"


def test_a_terminal_gets_one_line_that_moves_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    with Ticker("app/dev", terminal) as step:
        step.show("a" * 100)
        time.sleep(0.35)
    assert terminal.getvalue().count("\n") == 1
    frames = terminal.getvalue().rstrip("\n").split("\r\033[K")[1:]
    assert max(map(len, frames)) < 40
    assert len({frame[0] for frame in frames}) > 2


def test_a_failed_step_says_so() -> None:
    log = io.StringIO()
    with pytest.raises(ZeroDivisionError), Ticker("app/dev", log):
        raise ZeroDivisionError
    assert log.getvalue().splitlines()[-1].startswith("failed app/dev")
