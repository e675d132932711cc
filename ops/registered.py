"""What the program registers as guard rails, here or at another commit.

It is read from settings and code; AWS is asked nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from components.guard_rails import Terms
from components.organization import ROOT_TARGET, targets_above, with_parents
from components.service_control import UnusableGuardRailsError
from iam.policy import Statement, statements
from iam.service_control import Judgement
from ops.problem import OpsError
from ops.text import plain
from ops.worktrees import Worktrees
from stacks.checkout import UnreleasableError, git
from stacks.guard_rails import check_regions, policies_of
from stacks.settings import ROOT, OrgSettings

SETTINGS = Path("stacks/org/Pulumi.main.yaml")
COMMAND = Path("ops/guard_rails.py")
"""The module of the command, in a checkout."""
PROGRAM = "from ops.guard_rails import Registered; print(Registered.here().model_dump_json())"
"""What prints the policies of another commit, in a work tree of it; each has that name there."""


class Registered(BaseModel):
    """What the program registers: the documents of each target by name, and the OU of each account.

    A newer commit reads this of an older one: a new field needs a default.
    """

    model_config = ConfigDict(frozen=True)

    management_account: str
    accounts: dict[str, str]
    policies: dict[str, dict[str, dict[str, Any]]]
    terms: Terms

    @classmethod
    def here(cls) -> Self:
        """Return what the program of this checkout registers.

        Raises OpsError, or UnusableSettingsError.
        """
        settings = OrgSettings.read(ROOT / SETTINGS, "org")
        check_regions(settings)
        return cls.of(settings)

    @classmethod
    def of(cls, settings: OrgSettings) -> Self:
        """Return what the program registers with these settings. Raises OpsError."""
        try:
            found = policies_of(settings)
        except UnusableGuardRailsError as error:
            raise OpsError(f"The guard rails cannot be registered:\n{error}") from None
        return cls(
            management_account=settings.management_account_id,
            accounts={name: it.ou for name, it in settings.accounts.items()},
            policies={
                target: {it.name: it.document for it in its} for target, its in found.items()
            },
            terms=settings.terms,
        )

    def targets(self, account: str) -> list[str]:
        """Return the targets above an account, from the root down to itself."""
        return targets_above(account, self.accounts[account])

    def units(self) -> list[str]:
        """Return the OUs that have policies."""
        return [it for it in self.policies if it != ROOT_TARGET and it not in self.accounts]

    def with_every_unit(self) -> Self:
        """Add an account to each OU that has policies and no account."""
        return self.standing_in(self.units(), self.accounts)

    def standing_in(self, units: Iterable[str], accounts: Iterable[str]) -> Self:
        """Add an account to each of these OUs that none of the accounts is below.

        What holds there would be seen in no account.
        """
        taken = set(with_parents([self.accounts[it] for it in accounts]))
        added = {f"any in {unit}": unit for unit in units if unit not in taken}
        return self.model_copy(update={"accounts": self.accounts | added})

    def statements(self) -> Iterator[Statement]:
        """Return all statements of all documents, the same on two targets once."""
        found = (it for target in self.policies for it in self.attached(target))
        yield from {json.dumps(it): it for it in found}.values()

    def above(self, account: str) -> list[Statement]:
        """Return the statements that hold for an account."""
        return [it for target in self.targets(account) for it in self.attached(target)]

    def attached(self, target: str) -> Iterator[Statement]:
        """Return the statements of a target's documents."""
        for document in self.policies.get(target, {}).values():
            yield from statements(document)

    def statement(self, deciding: Judgement) -> Statement:
        """Return the statement that decided, by its Sid."""
        found = statements(self.policies[deciding.level][str(deciding.policy)])
        return next(it for it in found if it.get("Sid") == deciding.statement)


def registered_by(ref: str) -> Registered:
    """Return what the program of another commit registers. Raises OpsError."""
    commit = _commit(ref)
    with Worktrees(ROOT, Path(tempfile.gettempdir())) as trees:
        tree = trees.files(commit)
        if not (tree / COMMAND).is_file():
            raise OpsError(
                f"{ref} is from before there was python -m ops guard-rails, so that nothing can be "
                "compared with it; name a later commit."
            )
        done = subprocess.run(  # noqa: S603 - the person's own repository
            [sys.executable, "-P", "-c", PROGRAM],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    try:
        return Registered.model_validate_json(done.stdout)
    except ValidationError:
        said = done.stderr.strip() or "it prints what this checkout does not know"
        reason = plain(said.splitlines()[-1].strip())
        raise OpsError(
            f"The guard rails of {ref} cannot be read ({reason}): name another commit."
        ) from None


def _commit(ref: str) -> str:
    try:
        found = git(
            ROOT, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
    except UnreleasableError as reason:
        raise OpsError(f"{reason}.") from None
    if found.returncode:
        raise OpsError(
            f"This clone has no commit {ref}: name a branch, a tag or a commit of it, or fetch it "
            "first (git fetch --tags)."
        )
    return found.stdout.strip()
