"""The processes of one sandbox, found by what they carry and never by a bare process id.

Every process that the sandbox starts has its directory in the environment variable SANDBOX_ID, and
so has everything that the engine starts in turn. A process id alone proves nothing: ids come back.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Self

import psutil

ID_VARIABLE = "SANDBOX_ID"
PATIENCE_SECONDS = 30.0
"""How long a plugin may take to finish the step it is at before it is killed."""

POLL_SECONDS = 0.05
SAME_START_SECONDS = 1.0
ENGINE = "pulumi"
SERVER_MODULE = "sandbox.aws"
PYTHON_PARTS = {"sandbox.plugin", "pulumi-language-python-exec"}
"""What Python runs for the engine: the stand-in plugin, and the program in its executor."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A process for good: its id and when it started."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of a running process."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def is_running(self) -> bool:
        """Tell whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < SAME_START_SECONDS
        except psutil.NoSuchProcess:
            return False
        return same and not _is_over(process)


def holds_since(pid: int, since: float) -> bool:
    """Tell whether the process with this id runs, and ran already at that time."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= since + SAME_START_SECONDS and not _is_over(process)
    except psutil.NoSuchProcess:
        return False


def of_engine(sandbox_id: str) -> list[psutil.Process]:
    """Return the engines, language hosts, programs and plugins of a sandbox that still run."""
    return [process for process in _of_sandbox(sandbox_id) if _is_of_engine(process)]


def orphans(sandbox_id: str) -> list[psutil.Process]:
    """Return what engines of a sandbox started and left behind when they were killed."""
    started = [process for process in of_engine(sandbox_id) if not _is_engine(process)]
    return [process for process in started if not any(map(_is_engine, _ancestors(process)))]


def servers(sandbox_id: str) -> list[psutil.Process]:
    """Return the embedded AWS servers of a sandbox that still run."""
    return [process for process in _of_sandbox(sandbox_id) if SERVER_MODULE in _words(process)]


def end(processes: Iterable[psutil.Process], patience: float = PATIENCE_SECONDS) -> None:
    """End processes and wait: by a request at first, so that a plugin finishes its step."""
    asked = list(processes)
    for process in asked:
        _signal(process, kill=False)
    for process in still_running(asked, patience):
        _signal(process, kill=True)
    still_running(asked, patience)


def of_session(leader: int) -> list[psutil.Process]:
    """Return the processes that the leader of a session has started, itself included."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(OSError):
            if os.getsid(process.pid) == leader:
                found.append(process)
    return found


def still_running(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Return which processes have not ended after as many seconds, or none as soon as all have."""
    deadline = time.monotonic() + patience
    while running := [process for process in processes if not _is_over(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return running


def _is_over(process: psutil.Process) -> bool:
    """Tell whether a process has ended, even where nobody collects its status."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _of_sandbox(sandbox_id: str) -> Iterable[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(ID_VARIABLE) == sandbox_id:
                yield process
        except (psutil.Error, OSError):
            continue


def _is_engine(process: psutil.Process) -> bool:
    return PurePath((_words(process) or [""])[0]).name == ENGINE


def _is_of_engine(process: psutil.Process) -> bool:
    words = [PurePath(word).name for word in _words(process)]
    if not words:
        return False
    return (
        words[0] == ENGINE
        or words[0].startswith(f"{ENGINE}-")
        or (words[0].startswith("python") and not PYTHON_PARTS.isdisjoint(words))
    )


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _ancestors(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.parents()
    except psutil.Error:
        return []


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        pass
