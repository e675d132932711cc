"""The embedded AWS as a process beside the sandbox's commands: started, found again, ended.

It keeps what it holds in memory only. When it has ended, every resource in it is gone.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox import processes
from sandbox.problem import SandboxError

HOST = "127.0.0.1"
ANSWER_SECONDS = 10.0
START_SECONDS = 60.0
MODULE = ("-P", "-m", processes.SERVER_MODULE)
LISTENING = re.compile(r"^listening on (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its process, its port, and the management account it was made for."""

    pid: int
    started: float
    port: int
    account: str

    @property
    def url(self) -> str:
        """Where its clients reach it."""
        return f"http://{HOST}:{self.port}"

    def answers(self) -> bool:
        """Tell whether it still runs and takes requests."""
        if not processes.Identity(pid=self.pid, started=self.started).is_running():
            return False
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"{self.url}/moto-api/", timeout=ANSWER_SECONDS):
                return True
        except OSError:
            return False


class EmbeddedAws:
    """The embedded AWS of one sandbox, by the record and the log it keeps in the directory."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "aws.log"
        self._id = str(directory)
        self._record = directory / "aws.json"
        self._process: subprocess.Popen[bytes] | None = None

    def server(self) -> Server | None:
        """Return the server that was started last, if it still answers."""
        try:
            server = Server(**json.loads(self._record.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return server if server.answers() else None

    def start(self, account: str, port: int) -> Server:
        """Start a server for the organization of a management account; port 0 is any free one."""
        self.stop()
        _refuse_taken(port)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this project's own module
                [sys.executable, *MODULE, "--port", str(port), "--account", account],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_variables() | {processes.ID_VARIABLE: self._id},
                cwd="/",
                start_new_session=True,
            )
        listening_on = self._port_of(self._process)
        identity = processes.Identity.of(self._process.pid)
        server = Server(**asdict(identity), port=listening_on, account=account)
        written = self._record.with_suffix(".new")
        written.write_text(json.dumps(asdict(server)), encoding="utf-8")
        written.replace(self._record)
        return server

    def stop(self) -> None:
        """End every server of this sandbox."""
        processes.end(processes.servers(self._id))
        if self._process:
            self._process.wait()
            self._process = None
        self._record.unlink(missing_ok=True)

    def _port_of(self, process: subprocess.Popen[bytes]) -> int:
        """Wait until the server says its port."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            text = self.log.read_text(encoding="utf-8", errors="replace")
            if said := LISTENING.search(text):
                return int(said[1])
            if ended:
                reason = (text.strip().splitlines() or ["it gave no reason"])[-1]
                raise SandboxError(f"The embedded AWS did not start ({self.log}): {reason}")
            time.sleep(0.05)
        processes.end(processes.servers(self._id))
        raise SandboxError(
            f"The embedded AWS did not start within {START_SECONDS:.0f} s (what it said is in "
            f"{self.log}): run `make sandbox` again when the machine is less busy."
        )


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise SandboxError(
                f"Port {port} is taken by another program: choose another with SANDBOX_PORT, or "
                "leave SANDBOX_PORT out to get any free one."
            ) from None


def _variables() -> dict[str, str]:
    """Return the environment without what would change how AWS or Python behave."""
    foreign = ("AWS_", "MOTO_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
