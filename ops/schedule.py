"""Work on several stacks: each after those it waits for, independent ones at the same time."""

import os
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from ops.problem import OpsError
from ops.updates import Update

Step = Callable[[], Update]
Work = Generator[Step, Update, bool | None]
"""What is done on one stack: it yields each step to be run, is sent what came of it, and returns
whether all went well, None where the stack was left as it is. Only the steps run beside each other;
between them one piece of work has the program to itself, so that it may print and ask."""

MENDABLE = (OpsError, OSError)
"""What a step raises where its stack alone is concerned, and an operator can mend it."""


class Schedule:
    """The order of the work on stacks, by their names.

    `waits_for` has for each stack those that have to be done before it; `begin` makes its work;
    `interrupt` lets the steps that run end soon. `done`, `failed`, `left` and `untried` say what
    came of it, the last one also what was in the way.
    """

    def __init__(
        self,
        waits_for: Mapping[str, Collection[str]],
        begin: Callable[[str], Work],
        interrupt: Callable[[], None],
    ) -> None:
        self._waits_for = waits_for
        self._begin = begin
        self._interrupt = interrupt
        self._running: dict[Future[Update], tuple[str, Work]] = {}
        self._waiting = list(waits_for)
        self.done: list[str] = []
        self.failed: list[str] = []
        self.left: list[str] = []

    def run(self) -> None:
        """Do all of it; what waits for something that failed is left out."""
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            try:
                self._start(pool)
                while self._running:
                    finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        step = self._sent(*self._running[future], _came(future))
                        name, work = self._running.pop(future)
                        if step:
                            self._running[pool.submit(step)] = (name, work)
                    self._start(pool)
            except BaseException:
                self._end(pool)
                raise

    @property
    def untried(self) -> dict[str, list[str]]:
        """The stacks that it did not come to, each with what failed or was left in its way."""
        return {name: self._in_the_way(name) for name in self._waiting}

    def _start(self, pool: ThreadPoolExecutor) -> None:
        while ready := [it for it in self._waiting if set(self._waits_for[it]) <= set(self.done)]:
            for name in ready:
                work = self._begin(name)
                if step := self._sent(name, work, None):
                    self._running[pool.submit(step)] = (name, work)
                self._waiting.remove(name)

    def _sent(self, name: str, work: Work, came: Update | None) -> Step | None:
        """Let a piece of work go on; return its next step, None where it is over."""
        try:
            return next(work) if came is None else work.send(came)
        except StopIteration as end:
            where = {True: self.done, False: self.failed, None: self.left}[end.value]
            where.append(name)
            return None

    def _end(self, pool: ThreadPoolExecutor) -> None:
        """Start nothing more, and wait for what runs, however impatient the person is."""
        pool.shutdown(wait=False, cancel_futures=True)
        self._interrupt()
        while unfinished := [future for future in self._running if not future.done()]:
            try:
                wait(unfinished)
            except KeyboardInterrupt:
                continue
        for future, (name, work) in self._running.items():
            if _is_lost(future) or self._sent(name, work, _came(future)):
                work.close()
                self.left.append(name)

    def _in_the_way(self, name: str) -> list[str]:
        found: dict[str, None] = {}
        for before in self._waits_for[name]:
            if before in self.failed or before in self.left:
                found[before] = None
            elif before in self._waiting:
                found |= dict.fromkeys(self._in_the_way(before))
        return list(found)


def _came(step: Future[Update]) -> Update:
    """Return what came of a step; what an operator can mend is the failure of its stack alone."""
    try:
        return step.result()
    except MENDABLE as error:
        return Update(errors=[str(error)])


def _is_lost(step: Future[Update]) -> bool:
    """Tell whether nothing came of a step that is over: it was not begun, or a bug ended it."""
    if step.cancelled():
        return True
    error = step.exception()
    return error is not None and not isinstance(error, MENDABLE)
