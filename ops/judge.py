"""The truth table: what decides each request of each principal in each account.

Judged are the documents that the program registers, with `FullAWSAccess` beside them, which AWS
attaches.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from json import dumps
from typing import TypeAlias

from components.service_control import document
from iam.policy import EVERYTHING, Effect, Request, Rule, Statement, rules
from iam.service_control import Decision, Judgement, Level, decide
from ops.dangers import Danger, Principal, asked, named, principals
from ops.registered import Registered

FULL_AWS_ACCESS = "FullAWSAccess"

Place: TypeAlias = tuple[str, ...]
"""Targets with policies, from the root down."""
Verdicts: TypeAlias = Mapping[tuple[Danger, Principal], Judgement | None]
"""What decides against a request of a principal; None where it is allowed."""


@dataclass(frozen=True)
class Target(Level):
    """A level that finds out once what it says of a request, for all accounts below it."""

    _known: dict[Request, Judgement] = field(default_factory=dict[Request, Judgement])

    def judge(self, request: Request) -> Judgement:
        """Say what the policies of this level make of a request."""
        if request not in self._known:
            self._known[request] = super().judge(request)
        return self._known[request]


class Judge:
    """Decides requests of principals in the accounts of what is registered.

    `requests` are whole rows, principal by principal; each is known by its number, from 0.
    """

    def __init__(
        self, registered: Registered, dangers: Sequence[Danger], by: Sequence[Principal]
    ) -> None:
        self.requests = [
            (it, principal, it.by(principal)) for it, principal in product(dangers, by)
        ]
        self._registered = registered
        self._target = functools.cache(self._compiled)
        self._alike = functools.cache(self._first_alike)
        self._by_content: dict[str, Target] = {}

    def place(self, account: str) -> Place:
        """Return the targets above an account that have policies; below the same all is alike."""
        return tuple(
            it for it in self._registered.targets(account) if it in self._registered.policies
        )

    def verdicts(self, account: str) -> Verdicts:
        """Return what decides each request of each principal, principals within requests."""
        return {
            (danger, principal): self.decision(account, number).deciding
            for number, (danger, principal, _) in enumerate(self.requests)
        }

    def decision(self, account: str, number: int) -> Decision:
        """Judge a request in an account."""
        targets = [self._target(it) for it in self._registered.targets(account)]
        return decide(targets, self.requests[number][2], self._registered.management_account)

    def effects(self, target: str) -> list[Effect]:
        """Return what a target alone makes of each request; without policies it lets all pass."""
        if target not in self._registered.policies:
            return [Effect.ALLOW] * len(self.requests)
        found = self._alike(target)
        return [found.judge(request).effect for *_, request in self.requests]

    def _first_alike(self, target: str) -> Target:
        """Return a target with the same documents, whatever they are called there."""
        content = dumps(list(self._registered.policies[target].values()))
        return self._by_content.setdefault(content, self._target(target))

    def _compiled(self, target: str) -> Target:
        documents = self._registered.policies.get(target, {})
        return Target(target, {FULL_AWS_ACCESS: EVERYTHING, **documents})


def cells(registered: Registered) -> Iterator[tuple[str, Verdicts]]:
    """Return what decides each request of the table, account by account.

    An OU without one has an account that stands for any.
    """
    whole = registered.with_every_unit()
    by = principals(registered.terms)
    judge = Judge(whole, rows(registered, by), by)
    for account in whole.accounts:
        yield account, judge.verdicts(account)


def rows(registered: Registered, by: Sequence[Principal]) -> list[Danger]:
    """Return the requests of the table, and one for each statement that none of them is about."""
    found = asked(registered.terms)
    requests = [danger.by(principal) for danger, principal in product(found, by)]
    for statement in registered.statements():
        rule = _rule(statement)
        if not any(rule.applies(it) for it in requests):
            # None where a statement has conditions that no request is made up for.
            made = named([statement], registered.terms)
            found += [it for it in made if any(rule.applies(it.by(whom)) for whom in by)][:1]
    return list(dict.fromkeys(found))


def about(action: str, registered: Registered, by: Sequence[Principal]) -> list[Danger]:
    """Return what the table asks of an action, or else what statements about it name."""
    found = [it for it in rows(registered, by) if it.action.lower() == action.lower()]
    if found:
        return found
    found = [Danger(action=action, resource="*", region=registered.terms.allowed_regions[0])]
    for statement in registered.statements():
        if _rule(statement).acts(action.lower()):
            rest = {key: it for key, it in statement.items() if key != "NotAction"}
            found += named([{**rest, "Action": action}], registered.terms)
    different: dict[tuple[object, ...], Danger] = {}
    for it in found:  # of the same requests, the first has the fewest words
        different.setdefault((it.resource, it.region, it.keys), it)
    return list(different.values())


def _rule(statement: Statement) -> Rule:
    (rule,) = rules(document([statement]))
    return rule
