"""Runs Lambda functions: each in processes of its own, which stay warm between invocations.

Owns those processes: what they are started with, how long they may take, when they end. A process
has the function's package and boto3 on its path, Lambda's environment and the credentials of the
execution role. It is this machine's Python whatever the runtime says, and memory is not limited.
"""

import base64
import contextlib
import io
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import IO, Any, cast

from moto.iam.models import Role

from sandbox.aws import function_runtime
from sandbox.aws.credentials import Credentials
from sandbox.aws.sts import role_session
from sandbox.processes import ID_VARIABLE

_SESSION = timedelta(hours=12)
_LONGEST_LIFE = 3600.0  # seconds; well before the credentials of the process expire
_MOST_IDLE = 8
_START_SECONDS = 30.0
"""For loading the handler. Lambda gives 10 s, on machines that do nothing else."""
_LOG_TAIL = 4096  # bytes (Lambda API reference, Invoke, LogType)
_LIBRARY = "boto3"
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function as it is configured at one moment; where two are equal, a process serves both."""

    arn: str
    name: str
    handler: str
    region: str
    runtime: str
    memory_mb: int
    log_group: str
    digest: str
    variables: tuple[tuple[str, str], ...]
    role_arn: str
    package: bytes = field(compare=False, repr=False)
    role: Role = field(compare=False, repr=False)
    seconds: float = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an invocation ended; where it failed, the `payload` describes the function's error."""

    payload: bytes
    failed: bool
    log: str

    @property
    def log_tail(self) -> str:
        """The end of the function's output as Lambda returns it."""
        return base64.b64encode(self.log.encode()[-_LOG_TAIL:]).decode()


class Execution:
    """The processes of all functions; `url` in an invocation is where this AWS is reached."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._idle: list[_Process] = []
        self._lock = threading.Lock()

    def invoke(self, function: Function, event: bytes, url: str) -> Outcome:
        """Run a function; takes as long as it does."""
        process = self._idle_for(function) or _Process(
            function, self._library, self._variables(function, url)
        )
        outcome = process.invoke(function, event)
        self._keep(process)
        return outcome

    def _idle_for(self, function: Function) -> "_Process | None":
        with self._lock:
            self._end_outdated(function)
            found = next((it for it in self._idle if it.function == function), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _end_outdated(self, function: Function) -> None:
        """End what ran the function's earlier code or configuration, and what is too old."""
        for process in list(self._idle):
            replaced = process.function.arn == function.arn and process.function != function
            if replaced or process.age() > _LONGEST_LIFE:
                self._idle.remove(process)
                process.end()

    def _keep(self, process: "_Process") -> None:
        if not process.is_running():
            process.end()
            return
        with self._lock:
            self._idle.append(process)
            if len(self._idle) > _MOST_IDLE:
                self._idle.pop(0).end()

    @cached_property
    def _library(self) -> Path:
        """A folder with boto3 and what it needs, and nothing else of this environment."""
        self._folder = tempfile.TemporaryDirectory(prefix="functions-")
        library = Path(self._folder.name).resolve() / "library"
        library.mkdir()
        for name in _with_requirements(_LIBRARY):
            distribution = metadata.distribution(name)
            for entry in {file.parts[0] for file in distribution.files or []} - {".."}:
                if not (library / entry).exists():
                    (library / entry).symlink_to(str(distribution.locate_file(entry)))
        return library

    def _variables(self, function: Function, url: str) -> dict[str, str]:
        session = self._credentials.issue(role_session(function.role, function.name), _SESSION)
        own = {
            "_HANDLER": function.handler,
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ENDPOINT_URL": url,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": (
                f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
            ),
            "AWS_REGION": function.region,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
        }
        if ID_VARIABLE in os.environ:
            own[ID_VARIABLE] = os.environ[ID_VARIABLE]
        return {**dict(function.variables), **own}


class _Process:
    """One running function. It takes one invocation at a time."""

    def __init__(self, function: Function, library: Path, variables: Mapping[str, str]) -> None:
        self.function = function
        self._started = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="function-", dir=library.parent)
        code = Path(self._folder.name)
        with zipfile.ZipFile(io.BytesIO(function.package)) as package:
            package.extractall(code)
        # Unbuffered: both sides share one position in it.
        self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(  # noqa: S603 - this project's own program
            [sys.executable, "-P", "-S", function_runtime.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={
                **variables,
                "LAMBDA_TASK_ROOT": str(code),
                "PYTHONPATH": f"{code}{os.pathsep}{library}",
            },
            cwd=code,
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._is_loaded = False

    def age(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._started

    def is_running(self) -> bool:
        """Tell whether it can take another invocation."""
        return self._process.poll() is None

    def invoke(self, function: Function, event: bytes) -> Outcome:
        """Run the handler once. Where it does not answer in time, the process ends."""
        request_id = str(uuid.uuid4())
        self._log.seek(0)
        self._log.truncate()
        invocation = {
            "arn": function.arn,
            "event": event.decode(),
            "request_id": request_id,
            "seconds": function.seconds,
        }
        answer = self._answer(json.dumps(invocation).encode() + b"\n", function.seconds)
        if isinstance(answer, str):
            kind, _, message = answer.partition(": ")
            failure = {"errorMessage": f"RequestId: {request_id} Error: {message}"}
            answer = {"failure": {"errorType": kind, **failure}}
        failure = cast("dict[str, Any] | None", answer.get("failure"))
        if failure is not None:
            payload = json.dumps({**failure, "requestId": request_id}).encode()
        else:
            payload = str(answer["result"]).encode()
        return Outcome(payload=payload, failed=failure is not None, log=self._output())

    def end(self) -> None:
        """End the process and remove what it used."""
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._answers, self._log):
            with contextlib.suppress(BrokenPipeError):  # of what it did not come to read
                stream.close()
        self._folder.cleanup()

    def _answer(self, invocation: bytes, seconds: float) -> dict[str, Any] | str:
        """Return what the process answers, or in words why it has ended."""
        if not self._is_loaded:
            loaded = self._line(_START_SECONDS)
            if not loaded:
                return self._end_of(loaded, _START_SECONDS)
            self._is_loaded = True
        try:
            self._input.write(invocation)
            self._input.flush()
        except BrokenPipeError:
            return self._end_of(b"", seconds)
        line = self._line(seconds)
        return json.loads(line) if line else self._end_of(line, seconds)

    def _end_of(self, line: bytes | None, seconds: float) -> str:
        if line is None:
            self._process.kill()
        status = self._process.wait()
        if line is None:
            return f"Sandbox.Timedout: Task timed out after {seconds:.2f} seconds"
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        return f"Runtime.ExitError: Runtime exited with error: {how}"

    def _line(self, seconds: float) -> bytes | None:
        """Return a line of the process, empty if it has ended, None where it takes too long."""
        deadline = time.monotonic() + seconds
        read = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                part = os.read(self._answers.fileno(), 1 << 16)
                if not part:
                    return b""
                read += part
        return read

    def _output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")


def _with_requirements(distribution: str) -> Iterator[str]:
    yield distribution
    for requirement in metadata.requires(distribution) or []:
        name = _REQUIREMENT.match(requirement)
        if name is not None and ";" not in requirement:
            yield from _with_requirements(name[0])
