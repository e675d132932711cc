"""A backend, where stacks are kept, through the engine's own commands.

Each command runs in a folder made for it, which has the project's name and nothing else of it, so
that the person's settings files are never written. What is secret goes through pipes.
"""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from components.state import CONTEXT, context_of
from ops.engine import program
from ops.problem import OpsError
from ops.updates import LOCK_HOLDER, NO_STACK, Holder
from stacks.catalogue import Stack

Exported = dict[str, Any]
"""What `pulumi stack export --show-secrets` prints."""
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the variable's name
URL = "PULUMI_BACKEND_URL"
KMS = "awskms://"
ERROR = "error: "
REQUEST = re.compile(r", https response error StatusCode: \d+(, (RequestID|HostID): [^,]+)*")
"""What AWS's client adds to an error for AWS's own support."""


class Backend:
    """The backend at a URL, or the one that the person is logged in to.

    What it raises is OpsError.
    """

    def __init__(self, url: str | None = None) -> None:
        self.variables = {**os.environ, **({URL: url} if url else {})}
        done = self._pulumi(Path.cwd(), "whoami", "--json")
        if done.returncode:
            where = f"The backend {url}" if url else "The backend that you are logged in to"
            raise OpsError(
                f"{where} cannot be reached ({_reason(done)}): check its address and your "
                "credentials for it (pulumi whoami -v)."
            )
        self.url: str = json.loads(done.stdout)["url"]

    def command(self, stack: Stack, words: str) -> str:
        """Return what a person types at the repository's root to do something to a stack here."""
        place = "" if stack.folder == "." else f"-C {stack.folder} "
        return f"{URL}='{self.url}' pulumi {place}{words} -s {stack.name}"

    def export(self, stack: Stack) -> Exported | None:
        """Return a stack with its secrets in clear, None where there is no such stack."""
        with _project(stack) as folder:
            done = self._pulumi(folder, *_of(stack, "export", "--show-secrets"))
        if done.returncode and NO_STACK in done.stderr:
            return None
        self._expect(done, stack, "read", f"check that you may, and {PASSPHRASE}")
        return json.loads(done.stdout)

    def make(self, stack: Stack, provider: str) -> Exported:
        """Make an empty stack with a secrets provider, and return it."""
        with _project(stack) as folder:
            done = self._pulumi(
                folder, *_of(stack, "init", "--no-select", "--secrets-provider", provider)
            )
        self._expect(
            done,
            stack,
            "made",
            f"check the secrets provider {provider}: that it is there, that you may use it, and "
            f"for one with a passphrase {PASSPHRASE}",
        )
        made = self.export(stack)
        if made is None or not made["deployment"].get("secrets_providers"):
            raise OpsError(
                f"{self.url} does not say how {stack} would be encrypted there: name a "
                "--secrets-provider."
            )
        return made

    def load(self, stack: Stack, content: Exported) -> None:
        """Write a stack's content, with its secrets in clear, over what is there."""
        with _project(stack) as folder:
            done = self._pulumi(folder, *_of(stack, "import"), given=json.dumps(content))
        self._expect(done, stack, "written", "check that you may")

    def rename(self, stack: Stack, name: str) -> None:
        """Give a stack another name, which needs its lock."""
        with _project(stack) as folder:
            done = self._pulumi(folder, *_of(stack, "rename", name))
        self._expect(done, stack, "renamed", "check that you may")

    def remove(self, stack: Stack) -> None:
        """Remove a stack and leave what it is about."""
        with _project(stack) as folder:
            done = self._pulumi(folder, *_of(stack, "rm", "--yes", "--force", "--remove-backups"))
        self._expect(done, stack, "removed", "check that you may")

    def config(self, stack: Stack, settings: str) -> dict[str, Any]:
        """Return the configuration in a settings file's text, with its secrets in clear."""
        with _project(stack, settings) as folder:
            done = self._pulumi(folder, "config", "--show-secrets", "--json", "--stack", stack.name)
        self._expect(done, stack, "read", f"check {stack.settings} and {PASSPHRASE}")
        return json.loads(done.stdout)

    def encrypt(self, stack: Stack, settings: str, values: Sequence[str]) -> list[str]:
        """Return values as a settings file of the stack would hold them.

        `settings` is such a file's text, with no more than how it encrypts.
        """
        made: list[str] = []
        with _project(stack, settings) as folder:
            for value in values:
                # It takes one line's end away.
                done = self._pulumi(
                    folder,
                    *("config", "set", "--secret", "value", "--stack", stack.name),
                    given=f"{value}\n",
                )
                self._expect(done, stack, "encrypted", f"check {PASSPHRASE} or the key")
                written = yaml.safe_load((folder / f"Pulumi.{stack.name}.yaml").read_text())
                made.append(written["config"][f"{stack.project}:value"]["secure"])
        return made

    def _expect(
        self, done: subprocess.CompletedProcess[str], stack: Stack, verb: str, mend: str
    ) -> None:
        if not done.returncode:
            return
        holder = LOCK_HOLDER.search(done.stderr)
        if holder:
            raise OpsError(
                f"{stack} is locked in {self.url}: {Holder(**holder.groupdict())} works on it; "
                "wait until that has ended, or, only where that process is dead, run "
                f"{self.command(stack, 'cancel')}; then run this again."
            )
        raise OpsError(f"{stack} cannot be {verb} in {self.url} ({_reason(done)}): {mend}.")

    def _pulumi(
        self, folder: Path, *words: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the engine, with fixed words and a stack's name
            [program(self.variables), "-C", str(folder), "--non-interactive", *words],
            env=self.variables,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )


def encrypted_by(provider: str, stack: Stack) -> str:
    """Return a secrets provider as a stack uses it: a key of KMS with the stack's own context."""
    if not provider.startswith(KMS):
        return provider
    joint = "&" if "?" in provider else "?"
    return f"{provider}{joint}context_{CONTEXT}={context_of(stack.project, stack.name)}"


@contextmanager
def _project(stack: Stack, settings: str = "") -> Generator[Path]:
    """Make a folder that the engine takes for the stack's project."""
    with tempfile.TemporaryDirectory(prefix="stack-") as folder:
        place = Path(folder)
        (place / "Pulumi.yaml").write_text(f"name: {stack.project}\nruntime: python\n")
        (place / f"Pulumi.{stack.name}.yaml").write_text(settings)
        yield place


def _of(stack: Stack, command: str, *words: str) -> tuple[str, ...]:
    return ("stack", command, *words, "--stack", stack.name)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(ERROR)] or lines[-1:]
    reason = REQUEST.sub("", said[0].removeprefix(ERROR)) if said else "it gives no reason"
    return reason.strip().rstrip(".")
