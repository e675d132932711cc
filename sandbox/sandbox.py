"""One sandbox in one directory: brought up, used and taken down.

Owns the order of things: embedded AWS, engine, checkout, what killed updates left, then each stack
at the git reference it deploys from. The commands and the engine tests both work through it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from ops.engine import Engine, Notify, shown
from ops.problem import OpsError, sentence
from ops.schedule import Schedule, Work
from ops.ticker import Board, Ticker
from ops.updates import Update
from ops.worktrees import PREFIX, Worktrees, variables_in
from sandbox import access, environment, processes, public, recovery
from sandbox.checkout import Checkout
from sandbox.embedded import EmbeddedAws, Server
from sandbox.engine import Built, on_path
from sandbox.lock import exclusive
from sandbox.problem import SandboxError, disk_full, is_disk_full, of_system
from stacks import catalogue
from stacks.catalogue import MANAGEMENT, Stack
from stacks.settings import TOOLS, UnusableSettingsError

ROOT = Path(__file__).parent.parent
ACCESS_ROLE = "OrganizationAccountAccessRole"
ACCOUNT_KEY = f"{MANAGEMENT}:managementAccountId"
ORG = f"{MANAGEMENT}/main"
"""The stack whose outputs say which accounts there are."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack after its update."""

    stack: Stack
    update: Update


class Sandbox:
    """The sandbox in a directory, for the work tree at `source`."""

    def __init__(self, directory: Path, source: Path = ROOT) -> None:
        self.directory = directory.absolute()
        self.source = source
        self.checkout = Checkout(source, self.directory / "checkout")
        self._id = str(self.directory)
        self._aws = EmbeddedAws(self.directory)
        self._state = self.directory / "state"
        self._lock = self.directory / "lock"

    def up(self, stacks: Sequence[Stack] | None = None, port: int = 0) -> list[Deployed]:
        """Bring up these stacks, or all; what an earlier run left is made use of.

        Each comes after those of them whose outputs it reads, independent ones at the same time.
        """
        try:
            self._make_directory()
            with exclusive(self._lock):
                self._prepare(port)
                with Worktrees(self.checkout.directory, self.directory) as trees:
                    return self._deploy(self.stacks() if stacks is None else stacks, trees)
        except OSError as error:
            raise of_system(error) from error
        except OpsError as error:
            raise (disk_full() if is_disk_full(str(error)) else SandboxError(str(error))) from error

    def stacks(self) -> list[Stack]:
        """Return every stack of the work tree, each after those whose outputs it reads."""
        try:
            return catalogue.stacks(self.source)
        except UnusableSettingsError as error:
            raise SandboxError(sentence(error)) from error

    def down(self) -> bool:
        """End what was started here and remove it; return whether there was anything."""
        if not self.directory.exists():
            self._aws.stop()
            return False
        with exclusive(self._lock):
            self._aws.stop()
            processes.end(processes.of_engine(self._id))
            shutil.rmtree(self.directory)
        return True

    def engine(self) -> Path:
        """Return the folder of the engine's programs, found on PATH or built here."""
        built = Built(ROOT / ".engine")
        others = [
            folder
            for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
            if Path(folder) != built.programs
        ]
        return on_path(os.pathsep.join(others)) or built.ensure()

    def environment(self, outside: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return the variables with which programs run inside; the sandbox has to be up."""
        url = self._server().url  # before the engine is made, which takes minutes
        return environment.sandboxed(outside, self.directory, self.engine(), url)

    def public(self) -> dict[str, str]:
        """Return the further variables with which a shell or a build reaches public names."""
        return public.variables(self.directory, self._server().url)

    def pulumi(
        self, *arguments: str, folder: str = ".", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the engine in a project's folder of the checkout; `check` refuses failures."""
        variables = self.environment()
        result = subprocess.run(  # noqa: S603 - the engine, with the caller's words
            [_pulumi(variables), "--non-interactive", *arguments],
            cwd=self.checkout.directory / folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode:
            raise SandboxError(
                f"pulumi {' '.join(arguments)} failed in {folder}:\n{result.stdout}{result.stderr}"
            )
        return result

    def outputs(self, stack: Stack) -> dict[str, Any]:
        """Return a stack's outputs, secret ones in clear."""
        arguments = ("stack", "output", "--json", "--show-secrets", "--stack", stack.name)
        return json.loads(self.pulumi(*arguments, folder=stack.folder).stdout)

    def account_ids(self) -> dict[str, str]:
        """Return the id of every account by name, as AWS has them."""
        operator = access.client("organizations", access.as_operator(self._server().url))
        management = operator.describe_organization()["Organization"]["MasterAccountId"]
        return {
            MANAGEMENT if account["Id"] == management else account["Name"]: account["Id"]
            for page in operator.get_paginator("list_accounts").paginate()
            for account in page["Accounts"]
        }

    def held(self) -> AbstractContextManager[None]:
        """Keep other commands on this sandbox away meanwhile."""
        return exclusive(self._lock)

    def finish_connection(self) -> None:
        """Complete the handshake of the connection to the git host, as a person does."""
        tools = access.client("codeconnections", self.access(TOOLS))
        for connection in tools.list_connections()["Connections"]:
            access.finish_connection(self._server().url, connection["ConnectionArn"])

    def access(self, account: str) -> access.Access:
        """Return administrator's access to an account, for `boto3.client(service, **access)`."""
        url = self._server().url
        if account == MANAGEMENT:
            return access.as_operator(url)
        return access.as_role(url, f"arn:aws:iam::{self.account_ids()[account]}:role/{ACCESS_ROLE}")

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / ".gitignore").write_text("*\n", encoding="utf-8")

    def _prepare(self, port: int) -> None:
        """Make everything ready for updates."""
        self._start_aws(port)
        self.engine()
        self._state.mkdir(exist_ok=True)
        environment.provide_plugin(self.directory / "bin")
        for left in self.directory.glob(f"{PREFIX}*"):
            shutil.rmtree(left)
        commit = self.checkout.snapshot()
        self.checkout.lend(Path(sys.prefix))
        self.checkout.release(commit, [it.rule for it in self.stacks()])
        self._recover()

    def _start_aws(self, port: int) -> None:
        account = self._management_account()
        server = self._aws.server()
        if server and server.account == account and port in {0, server.port}:
            return
        if self._state.exists():
            why = "is for another account or port" if server else "has ended with all it held"
            sys.stdout.write(f"The embedded AWS {why}: every stack starts over.\n")
            processes.end(processes.of_engine(self._id))
            shutil.rmtree(self._state)
            shutil.rmtree(self.checkout.directory, ignore_errors=True)
        with Ticker("aws") as ticker:
            ticker.show(self._aws.start(account, port).url)

    def _management_account(self) -> str:
        file = f"stacks/{ORG.replace('/', '/Pulumi.')}.yaml"
        settings = self.source / file
        try:
            account = yaml.safe_load(settings.read_text(encoding="utf-8"))["config"][ACCOUNT_KEY]
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            account = None
        if not (isinstance(account, str) and account.isdigit()):
            raise SandboxError(
                f"{file} has no {ACCOUNT_KEY}, and the embedded AWS needs it: set it to "
                "the management account's twelve digits, in quotes."
            )
        return account

    def _server(self) -> Server:
        server = self._aws.server()
        if server is None:
            raise SandboxError(
                f"The embedded AWS does not run (if it did, {self._aws.log} may say why it ended): "
                "run `make sandbox`."
            )
        return server

    def _recover(self) -> None:
        """Put right what killed updates left, unless one is still at work."""
        for file in sorted(self._state.glob(".pulumi/locks/**/*.json")):
            held = json.loads(file.read_text(encoding="utf-8"))
            since = datetime.fromisoformat(held["timestamp"]).timestamp()
            if processes.holds_since(held["pid"], since):
                raise SandboxError(
                    f"pulumi (process {held['pid']}) works on {file.parent.parent.name}/"
                    f"{file.parent.name} in this sandbox: wait until it is done, then run "
                    "`make sandbox` again."
                )
        processes.end(processes.orphans(self._id))
        folders = {stack.project: stack.folder for stack in self.stacks()}
        for file in sorted(self._state.glob(".pulumi/stacks/*/*.json")):
            if file.parent.name in folders:
                self._recover_stack(file, folders[file.parent.name])

    def _recover_stack(self, file: Path, folder: str) -> None:
        """Take the lock from a stack and settle its pending operations, if it has any."""
        project, name = file.parent.name, file.stem
        locks = self._state / ".pulumi/locks/organization" / project / name
        if any(locks.glob("*.json")):
            self.pulumi("cancel", "--yes", "--stack", name, folder=folder)
        # The file stays until the refresh is done, so that a kill in between is seen, too.
        settled = self.directory / f"settled-{project}-{name}.json"
        is_pending = _has_pending(file)
        if not (is_pending or settled.exists()):
            return
        with Ticker(f"{project}/{name}") as ticker:
            ticker.show("settling what a killed update left")
            if is_pending:
                exported = self.pulumi("stack", "export", "--stack", name, folder=folder)
                state, told = self._settled(exported.stdout)
                settled.write_text(state, encoding="utf-8")
                self.pulumi(
                    *("stack", "import", "--stack", name, "--file", str(settled)), folder=folder
                )
                ticker.show("after a killed update: " + "; ".join(told))
            self.pulumi("refresh", "--yes", "--skip-preview", "--stack", name, folder=folder)
            settled.unlink()

    def _settled(self, exported: str) -> tuple[str, list[str]]:
        """Return the exported state without pending operations, and what became of them."""
        state = json.loads(exported)
        try:
            told = recovery.settle(state, self._server().url)
        except (BotoCoreError, ClientError) as error:
            raise SandboxError(
                f"What a killed update left cannot be looked up ({error}): start over with "
                "`make sandbox-down` and `make sandbox`."
            ) from error
        return json.dumps(state), told

    def _deploy(self, stacks: Sequence[Stack], trees: Worktrees) -> list[Deployed]:
        """Update stacks, independent ones at the same time; whatever failed is told at the end."""
        variables, board = self.environment(), Board()
        known = {str(it): it for it in stacks}
        roots = {name: trees.of(it) for name, it in known.items()}
        engines = {
            name: Engine(it, roots[name], variables_in(roots[name], variables))
            for name, it in known.items()
        }
        updates: dict[str, Update] = {}

        def work(name: str) -> Work:
            updates[name] = yield lambda: shown(board, name, self._run(engines[name]))
            return updates[name].succeeded

        def interrupt() -> None:
            for engine in engines.values():
                engine.interrupt()

        waits_for = {name: [it for it in known[name].reads if it in known] for name in known}
        schedule = Schedule(waits_for, work, interrupt)
        schedule.run()
        if schedule.failed:
            problems = [self._failure(known[it], updates[it]) for it in schedule.failed]
            raise SandboxError("\n".join(dict.fromkeys(map(str, problems))))
        return [Deployed(stack=it, update=updates[name]) for name, it in known.items()]

    def _run(self, engine: Engine) -> Callable[[Notify], Update]:
        """Return what updates a stack, without a preview; one that is new is made first."""
        if (self._state / f".pulumi/stacks/{engine.stack}.json").exists():
            return engine.update

        def run(notify: Notify) -> Update:
            made = engine.init()
            return engine.update(notify) if made.succeeded else made

        return run

    def _failure(self, stack: Stack, update: Update) -> SandboxError:
        said = "\n".join(update.errors)
        if self._aws.server() is None:
            return SandboxError(
                f"The embedded AWS ended while {stack} was updated ({self._aws.log}): run "
                "`make sandbox` again, it starts over."
            )
        if is_disk_full(said):
            return disk_full()
        return SandboxError(
            f"{said}\n{stack} failed. To look closer: make sandbox-shell, then {stack.command}"
        )


def account_ids(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the id of every account by name, from the outputs of org/main."""
    return {MANAGEMENT: outputs["management_account_id"], **outputs["accounts"]}


def _has_pending(state: Path) -> bool:
    stored = json.loads(state.read_text(encoding="utf-8"))
    latest: dict[str, Any] = stored["checkpoint"].get("latest") or {}
    return bool(latest.get("pending_operations"))


def _pulumi(variables: Mapping[str, str]) -> str:
    found = shutil.which("pulumi", path=variables["PATH"])
    if found is None:
        raise SandboxError("The Pulumi engine is gone from PATH: run `make sandbox` again.")
    return found
