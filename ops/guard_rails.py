"""`python -m ops guard-rails`: who may do what is dangerous, in every account.

It is computed from the policies that the program registers, with `FullAWSAccess` beside them, which
AWS attaches; it asks AWS nothing. Service control policies only: what a principal's own policies
allow it is another question. Policies that people attached by hand are not seen here.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from components.guard_rails import Terms
from components.organization import ROOT_TARGET, with_parents
from components.service_control import UnusableGuardRailsError
from iam.policy import EVERYTHING, Effect, statements
from iam.service_control import Decision, Judgement, Level, exemption_of
from ops.dangers import Danger, Principal, asked, named, principals, spared
from ops.problem import OpsError, sentence
from ops.text import plain, table, wrapped
from ops.worktrees import Worktrees
from stacks.checkout import UnreleasableError, git
from stacks.guard_rails import policies_of
from stacks.settings import ROOT, OrgSettings, meant

FULL_AWS_ACCESS = "FullAWSAccess"
SETTINGS = Path("stacks/org/Pulumi.main.yaml")
OWN = Path("ops/guard_rails.py")
"""This module, in a checkout."""
PROGRAM = "from ops.guard_rails import Registered; print(Registered.here().model_dump_json())"
"""What prints the policies of another commit, in a work tree of it."""
SAME = "No difference."
SHOWN = 20
"""Requests that are shown of each difference."""

Place = tuple[str, ...]
"""Targets with policies, from the root down."""
Verdicts = Mapping[tuple[Danger, Principal], Judgement | None]
"""What decides against a request of a principal; None where it is allowed."""


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
        return cls.of(OrgSettings.read(ROOT / SETTINGS, "org"))

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
        return [ROOT_TARGET, *with_parents([self.accounts[account]]), account]

    def statements(self) -> Iterator[Mapping[str, object]]:
        """Return all statements of all documents."""
        for documents in self.policies.values():
            for document in documents.values():
                yield from statements(document)


class Judge:
    """Decides requests of principals in the accounts of what is registered.

    `requests` are whole rows, principal by principal. What a target says of a request is found once
    for all accounts below it.
    """

    def __init__(
        self, registered: Registered, dangers: Sequence[Danger], by: Sequence[Principal]
    ) -> None:
        self.requests = [
            (it, principal, it.by(principal)) for it, principal in product(dangers, by)
        ]
        self._registered = registered
        self._exemptions = [
            exemption_of(request, registered.management_account) for *_, request in self.requests
        ]
        self._level = functools.cache(self._compiled)
        self._judgement = functools.cache(self._judged)
        self._verdicts: dict[Place, Verdicts] = {}

    def place(self, account: str) -> Place:
        """Return the targets above an account that have policies; below the same all is alike."""
        return tuple(
            it for it in self._registered.targets(account) if it in self._registered.policies
        )

    def documents(self, account: str) -> dict[str, object]:
        """Return what is attached above an account, by target."""
        return {it: self._registered.policies[it] for it in self.place(account)}

    def verdicts(self, account: str) -> Verdicts:
        """Return what decides each request of each principal, principals within requests."""
        place = self.place(account)
        if place not in self._verdicts:
            self._verdicts[place] = {
                (danger, principal): self.decision(account, number).deciding
                for number, (danger, principal, _) in enumerate(self.requests)
            }
        return self._verdicts[place]

    def decision(self, account: str, number: int) -> Decision:
        """Judge the request with a number, from 0."""
        exemption = self._exemptions[number]
        if exemption:
            return Decision((), exemption)
        targets = self._registered.targets(account)
        return Decision(tuple(self._judgement(it, number) for it in targets))

    def effect(self, place: Place, target: str, number: int) -> Effect:
        """Return what a target does to a request; without policies it leaves FullAWSAccess."""
        return self._judgement(target, number).effect if target in place else Effect.ALLOW

    def _judged(self, target: str, number: int) -> Judgement:
        *_, request = self.requests[number]
        return self._level(target).judge(request)

    def _compiled(self, target: str) -> Level:
        return Level(
            target, {FULL_AWS_ACCESS: EVERYTHING, **self._registered.policies.get(target, {})}
        )


@dataclass(frozen=True)
class Change:
    """Who may do something now, or may not any longer, and the statement that denied or denies it.

    Where weakened protection comes first, `is_stronger` sorts.
    """

    is_stronger: bool
    principals: tuple[Principal, ...]
    reason: Judgement


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "List who may do what is dangerous, in every account, and which guard rail denies it. An "
        "admin is any role with all rights; linked is a service-linked role, which no guard rail "
        "binds; assumed root is a session that the management account takes of a root user."
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print JSON, for a program")
    how.add_argument(
        "--why",
        nargs=2,
        metavar=("ACCOUNT", "ACTION"),
        help="explain the decisions on an action in an account, level by level",
    )
    how.add_argument(
        "--against",
        metavar="REF",
        help="show only what becomes allowed or denied, compared with another commit: a branch, "
        "a tag, HEAD",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the table, one decision or the difference.

    Raises OpsError, or UnusableSettingsError.
    """
    registered = Registered.here()
    if arguments.why:
        lines = why(registered, *arguments.why)
    elif arguments.against is not None:
        lines = differences(registered_by(arguments.against), registered)
    elif arguments.json:
        lines = [json.dumps(list(entries(registered)), indent=2)]
    else:
        lines = shown(registered)
    sys.stdout.write("\n".join(lines) + "\n")


def cells(registered: Registered) -> Iterator[tuple[str, Verdicts]]:
    """Return what decides each request of the table, account by account."""
    judge = Judge(registered, asked(registered.terms), principals(registered.terms))
    for account in registered.accounts:
        yield account, judge.verdicts(account)


def entries(registered: Registered) -> Iterator[dict[str, object]]:
    """Return an object for each cell of the table."""
    for account, verdicts in cells(registered):
        for (danger, principal), against in verdicts.items():
            yield {
                "account": account,
                "principal": principal.name,
                "action": danger.action,
                "resource": danger.resource,
                "detail": danger.detail,
                "allowed": against is None,
                "target": against and against.level,
                "policy": against and against.policy,
                "statement": against and against.statement,
            }


def shown(registered: Registered) -> list[str]:
    """Return the lines of the table, once for all accounts that have the same.

    The number in a cell leads to what decides, below the tables.
    """
    alike: dict[tuple[Judgement | None, ...], list[str]] = {}
    by_account = dict(cells(registered))
    for account, verdicts in by_account.items():
        alike.setdefault(tuple(verdicts.values()), []).append(account)
    deciding = [it for its in alike for it in its if it]
    numbers = {it: number for number, it in enumerate(dict.fromkeys(deciding), start=1)}
    lines: list[str] = []
    for accounts in alike.values():
        lines += [*wrapped(f"In {_joined(accounts)}:").splitlines(), ""]
        lines += [*_rows(by_account[accounts[0]], numbers), ""]
    legend = [(str(number), *_cells(it)) for it, number in numbers.items()]
    return [*lines, *table(("no", "statement", "of policy", "on"), legend)]


def _rows(verdicts: Verdicts, numbers: Mapping[Judgement, int]) -> list[str]:
    by = list(dict.fromkeys(principal for _, principal in verdicts))
    rows = [
        (
            danger.action,
            danger.detail,
            *(
                f"no {numbers[against]}" if against else "yes"
                for against in (verdicts[danger, principal] for principal in by)
            ),
        )
        for danger in dict.fromkeys(danger for danger, _ in verdicts)
    ]
    return table(("may do", "", *(it.title for it in by)), rows)


def why(registered: Registered, account: str, action: str) -> list[str]:
    """Return sentences on each request of an action in an account, level by level.

    Raises OpsError.
    """
    if account not in registered.accounts:
        raise _unknown(f"account {account} in {SETTINGS}", account, registered.accounts)
    dangers = asked(registered.terms)
    found = [it for it in dangers if it.action.lower() == action.lower()]
    if not found:
        actions = sorted({it.action for it in dangers})
        raise _unknown(f"row about {action} in the table", action, actions)
    judge = Judge(registered, found, principals(registered.terms))
    lines: list[str] = []
    for number, (danger, principal, _) in enumerate(judge.requests):
        title = f"{danger} on {danger.resource} in {account}:"
        if title not in lines:
            lines.append(title)
        decision = judge.decision(account, number)
        lines.append(f"  {principal.name}: {'yes' if decision.allowed else 'no'}")
        lines += [f"    {it}" for it in decision.explanation()]
    return wrapped("\n".join(lines)).splitlines()


def differences(before: Registered, after: Registered) -> list[str]:
    """Return what becomes allowed, then what becomes denied, in accounts that both have.

    Asked is what the tables of both ask and what any statement of both names, of the table's
    principals and of every role that a statement of both spares.
    """
    terms, every = (before.terms, after.terms), [*before.statements(), *after.statements()]
    dangers = [danger for it in terms for danger in asked(it)]
    dangers += [danger for it in terms for danger in named(every, it)]
    dangers = list(dict.fromkeys(dangers))
    by = list(dict.fromkeys([*principals(after.terms), *spared(every, after.terms)]))
    earlier, later = (Judge(it, dangers, by) for it in (before, after))
    alike: dict[tuple[Place, Place], list[str]] = {}
    for account in after.accounts:
        if account in before.accounts and earlier.documents(account) != later.documents(account):
            alike.setdefault((earlier.place(account), later.place(account)), []).append(account)
    where: dict[tuple[Change, Danger], list[str]] = {}
    for accounts in alike.values():
        for found in _changes(earlier, later, accounts[0]):
            where.setdefault(found, []).extend(accounts)
    common = [it for it in after.accounts if it in before.accounts]
    reasons: dict[tuple[bool, str, str], dict[str, list[Danger]]] = {}
    for (change, danger), accounts in where.items():
        place = _among(common, accounts)
        whom = _joined([it.name for it in change.principals])
        statement = "{} of {} on {}".format(*_cells(change.reason))
        its = reasons.setdefault((change.is_stronger, place, whom), {})
        its.setdefault(statement, []).append(danger)
    lines: list[str] = []
    for (is_stronger, place, whom), its in sorted(reasons.items(), key=lambda it: it[0][0]):
        word, tense = ("Denied", "denies") if is_stronger else ("Allowed", "denied")
        lines.append(f"{word} now in {place} to {whom}:")
        lines += [f"  what {it} {tense}: {_some(dangers)}" for it, dangers in its.items()]
    return wrapped("\n".join(lines)).splitlines() or [SAME]


def _changes(earlier: Judge, later: Judge, account: str) -> Iterator[tuple[Change, Danger]]:
    """Return who may do what, or may not, unlike before.

    Only requests are judged of which a changed target says something else than before.
    """
    old, new = earlier.documents(account), later.documents(account)
    changed = [it for it in dict.fromkeys([*old, *new]) if old.get(it) != new.get(it)]
    then, now = tuple(old), tuple(new)
    found: dict[tuple[Danger, bool, Judgement], list[Principal]] = {}
    for number, (danger, principal, _) in enumerate(later.requests):
        if all(earlier.effect(then, it, number) is later.effect(now, it, number) for it in changed):
            continue
        before, after = (it.decision(account, number).deciding for it in (earlier, later))
        reason = after or before
        if reason and not (after and before):
            found.setdefault((danger, bool(after), reason), []).append(principal)
    for (danger, is_stronger, reason), by in found.items():
        yield Change(is_stronger, tuple(by), reason), danger


def _among(every: Sequence[str], some: Iterable[str]) -> str:
    """Name some of all accounts, or those left out where that is shorter."""
    chosen = set(some)
    left_out = [it for it in every if it not in chosen]
    if 2 * len(left_out) >= len(chosen):
        return _joined([it for it in every if it in chosen])
    return f"every account but {_joined(left_out)}" if left_out else "every account"


def _some(dangers: Iterable[Danger]) -> str:
    """Return requests in a few words, those of statements only where no row has their action."""
    words: dict[str, None] = {}
    actions: set[str] = set()
    for danger in dangers:
        if danger.detail or danger.action not in actions:
            words[str(danger)] = None
        actions.add(danger.action)
    return _joined([*list(words)[:SHOWN], *_more(len(words) - SHOWN)])


def _more(count: int) -> list[str]:
    return [f"{count} more"] if count > 0 else []


def _joined(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def registered_by(ref: str) -> Registered:
    """Return what the program of another commit registers. Raises OpsError."""
    commit = _commit(ref)
    with Worktrees(ROOT, Path(tempfile.gettempdir())) as trees:
        tree = trees.files(commit)
        if not (tree / OWN).is_file():
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


def _unknown(what: str, word: str, known: Iterable[str]) -> OpsError:
    return OpsError(sentence(LookupError(f"There is no {what}{meant(word, known)}")))


def _cells(decided: Judgement) -> tuple[str, str, str]:
    return decided.statement or "", decided.policy or "", decided.level
