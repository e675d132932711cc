"""Changes to several stacks: each previewed, asked about and made, in order, and told of.

`up` and `down` say what the change is; the engine and the schedule do the work.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Mapping
from typing import ClassVar

from ops import telling
from ops.engine import Engine
from ops.schedule import Schedule, Step, Work
from ops.ticker import Board
from ops.updates import Update


class Changes(ABC):
    """A change to each of several stacks, by their full names.

    `again` is the command that goes on after a failure; the class says how the change is called.
    """

    verb: ClassVar[str]
    past: ClassVar[str]

    def __init__(
        self, engines: Mapping[str, Engine], board: Board, question: telling.Question, again: str
    ) -> None:
        self._engines = engines
        self._board = board
        self._question = question
        self._again = again
        self._absent: list[str] = []
        self._is_interrupted = False

    def run(self) -> int:
        """Make all of them and tell what came of it; return the exit status."""
        waits_for = {name: self._before(name) for name in self._engines}
        schedule = Schedule(waits_for, self._work, self._interrupt)
        try:
            schedule.run()
        finally:
            self._board.write(telling.tally(schedule, self.past, self._absent))
        return 0 if len(schedule.done) == len(self._engines) else 1

    @abstractmethod
    def _before(self, name: str) -> Collection[str]:
        """Return which of the stacks have to be done before one."""

    @abstractmethod
    def _previewed(self, engine: Engine) -> Generator[Step, Update, Update | None]:
        """Find out what the change of a stack would be; None where there is no stack to change."""

    @abstractmethod
    def _made(self, engine: Engine) -> Update:
        """Make the change of a stack."""

    def _work(self, name: str) -> Work:
        engine = self._engines[name]
        preview = yield from self._previewed(engine)
        if preview is None:
            self._absent.append(name)
            return True
        if self._is_interrupted:
            return None
        if not preview.succeeded:
            self._board.write(telling.failure(engine.stack, preview, None, self._again))
            return False
        self._board.write(telling.previewed(engine.stack, preview))
        if not self._question.ask(f"{self.verb} {name}?"):
            return None
        made = yield lambda: self._made(engine)
        if not made.succeeded:
            self._board.write(telling.failure(engine.stack, made, preview, self._again))
        return made.succeeded

    def _interrupt(self) -> None:
        self._is_interrupted = True
        self._board.write("Interrupted: what runs ends after the step it is at.")
        for engine in self._engines.values():
            engine.interrupt()
