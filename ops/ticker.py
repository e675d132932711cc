"""Shows that steps go on: a line each that changes on a terminal, else a line now and then.

Only the standard library, for the step that installs everything else uses it too.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

FRAME_SECONDS = 0.1
LINE_SECONDS = 10.0
SPINNER = "|/-\\"
LINE_START = "\r"
LINE_UP = "\033[A"
ERASE_BELOW = "\033[J"


class Board:
    """The place where steps that run at the same time are shown, one line each.

    What else is printed meanwhile goes through it, so that no line runs into another.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._lock = threading.RLock()
        self._tickers: list[Ticker] = []
        self._drawn = 0
        self._frame = 0
        self._over = threading.Event()
        self._thread = threading.Thread()

    def add(self, ticker: "Ticker") -> None:
        """Show a step from now on."""
        with self._lock:
            self._tickers.append(ticker)
            if not self._live:
                self.write(ticker.line("..."))
            if len(self._tickers) == 1:
                self._over = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._over,), daemon=True)
                self._thread.start()

    def remove(self, ticker: "Ticker", mark: str) -> None:
        """Show a step for the last time."""
        with self._lock:
            self._tickers.remove(ticker)
            line = ticker.line(mark)
            self.write(self._fitted(line) if self._live else line)
            thread = None if self._tickers else self._thread
            if thread:
                self._over.set()
        if thread:
            thread.join()

    def write(self, text: str) -> None:
        """Print lines above those of the steps."""
        with self.held():
            self._stream.write(f"{text}\n")

    @contextmanager
    def held(self) -> Generator[None]:
        """Take the lines of the steps away for a while, for a question to a person, say."""
        with self._lock:
            self._erase()
            try:
                yield
            finally:
                self._draw()

    def _run(self, over: threading.Event) -> None:
        while not over.wait(FRAME_SECONDS if self._live else LINE_SECONDS):
            with self._lock:
                self._frame += 1
                if self._live:
                    self._erase()
                    self._draw()
                else:
                    for ticker in self._tickers:
                        self.write(ticker.line("..."))

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(LINE_START + LINE_UP * (self._drawn - 1) + ERASE_BELOW)
        self._drawn = 0

    def _draw(self) -> None:
        if self._live:
            mark = SPINNER[self._frame % len(SPINNER)]
            lines = [self._fitted(ticker.line(mark)) for ticker in self._tickers]
            self._stream.write("\n".join(lines))
            self._drawn = len(lines)
        self._stream.flush()

    def _fitted(self, line: str) -> str:
        return line[: shutil.get_terminal_size().columns - 1]


class Ticker:
    """A step with a title, a detail that moves and the time it has taken.

    Leaving the `with` block by an exception marks the step as failed. Every line fits the width
    of the terminal.
    """

    def __init__(self, title: str, board: Board | None = None) -> None:
        self.failed = False
        self._title = title
        self._board = board or Board()
        self._detail: str | Callable[[], str] = ""
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._board.add(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._board.remove(self, "failed" if kind or self.failed else "ok")

    def show(self, detail: str | Callable[[], str]) -> None:
        """Set what is going on, or how to find it out each time it is shown."""
        self._detail = detail

    @property
    def seconds(self) -> float:
        """The time since the step began."""
        return time.monotonic() - self._started

    def line(self, mark: str) -> str:
        """Return the step as it is now, after a mark."""
        minutes, seconds = divmod(int(self.seconds), 60)
        detail = self._detail if isinstance(self._detail, str) else self._detail()
        return f"{mark:<6} {self._title:<12} {minutes}:{seconds:02}  {detail}".rstrip()
