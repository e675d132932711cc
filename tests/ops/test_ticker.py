"""A step shows that it goes on, on a terminal and in a log."""

import io
import re
import time

import pytest

from ops import ticker
from ops.ticker import Board, Ticker


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_at_the_start_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticker, "LINE_SECONDS", 0.1)
    log = io.StringIO()
    with Ticker("app/dev", Board(log)) as step:
        step.show("3 resources")
        time.sleep(0.25)
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("...    app/dev      0:00")
    assert lines[1] == "...    app/dev      0:00  3 resources"
    assert lines[-1] == "ok     app/dev      0:00  3 resources"


def test_a_terminal_gets_one_line_that_moves_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    with Ticker("app/dev", Board(terminal)) as step:
        step.show("a" * 100)
        time.sleep(0.35)
    assert terminal.getvalue().count("\n") == 1
    frames = [it for it in terminal.getvalue().rstrip("\n").split("\r\033[J") if it]
    assert max(map(len, frames)) < 40
    assert len({frame[0] for frame in frames}) > 2


def test_a_failed_step_says_so() -> None:
    log = io.StringIO()
    with pytest.raises(ZeroDivisionError), Ticker("app/dev", Board(log)):
        raise ZeroDivisionError
    assert log.getvalue().splitlines()[-1].startswith("failed app/dev")


def test_steps_at_the_same_time_have_a_line_each_and_what_is_done_stays_above_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    board = Board(terminal)
    with Ticker("app/stage", board):
        with Ticker("app/dev", board):
            board.write("a word in between")
            time.sleep(0.25)
        time.sleep(0.25)
    assert seen(terminal.getvalue()) == [
        "a word in between",
        "ok     app/dev      0:00",
        "ok     app/stage    0:00",
        "",
    ]


def test_a_question_has_the_terminal_to_itself() -> None:
    terminal = Terminal()
    board = Board(terminal)
    with Ticker("app/dev", board), board.held():
        terminal.write("Update app/stage? ")
        shown = terminal.getvalue()
        time.sleep(0.25)
        assert terminal.getvalue() == shown
        assert seen(shown) == ["Update app/stage? "]


def seen(written: str) -> list[str]:
    """Return the lines that a terminal shows after it has obeyed what was written to it."""
    lines = [""]
    row = column = 0
    for part in re.findall(r"\r|\n|\033\[[AJ]|[^\r\n\033]+", written):
        if part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\033[A":
            row -= 1
        elif part == "\033[J":
            lines = [*lines[:row], lines[row][:column]]
        else:
            lines[row] = lines[row][:column] + part + lines[row][column + len(part) :]
            column += len(part)
    return lines
