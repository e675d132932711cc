"""Shows that a step goes on: a line that changes on a terminal, else a line now and then.

Only the standard library, for the step that installs everything else uses it too.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

FRAME_SECONDS = 0.1
LINE_SECONDS = 10.0
SPINNER = "|/-\\"


class Ticker:
    """A step with a title, a detail that moves and the time it has taken.

    Leaving the `with` block by an exception marks the step as failed. Every line fits the width
    of the terminal.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._detail: str | Callable[[], str] = ""
        self._started = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._write("failed" if kind else "ok", final=True)

    def show(self, detail: str | Callable[[], str]) -> None:
        """Set what is going on, or how to find it out each time it is shown."""
        self._detail = detail

    @property
    def seconds(self) -> float:
        """The time since the step began."""
        return time.monotonic() - self._started

    def _run(self) -> None:
        if not self._live:
            self._write("...")
        frame = 0
        while not self._over.wait(FRAME_SECONDS if self._live else LINE_SECONDS):
            frame += 1
            self._write(SPINNER[frame % len(SPINNER)] if self._live else "...")

    def _write(self, mark: str, *, final: bool = False) -> None:
        minutes, seconds = divmod(int(self.seconds), 60)
        detail = self._detail if isinstance(self._detail, str) else self._detail()
        line = f"{mark:<6} {self._title:<12} {minutes}:{seconds:02}  {detail}".rstrip()
        if self._live:
            line = "\r\033[K" + line[: shutil.get_terminal_size().columns - 1]
        self._stream.write(line + ("\n" if final or not self._live else ""))
        self._stream.flush()
