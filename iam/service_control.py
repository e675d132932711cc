"""Decides a request by the service control policies of the levels above an account.

Owns how levels add up: an explicit denial on any of them denies, and each must allow (AWS
Organizations user guide, "SCP evaluation", read on 2026-11-25). Owns who is exempt too: "SCPs don't
affect users or roles in the management account", nor "any service-linked role". What a statement
says is for `policy`; which policies are attached where is for the caller, as is whether service
control policies are switched on: without levels everything is allowed.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from iam.policy import Document, Effect, Request, Rule, rules

PRINCIPAL = "aws:principalarn"
"""The condition key by which a request names its caller; a session's is the ARN of its role."""

_SERVICE_LINKED = "role/aws-service-role/"
_ARN_PARTS = 6
_REMEMBERED_ACTIONS = 1024


class Exemption(Enum):
    """Whom no service control policy binds, as the rest of a sentence."""

    MANAGEMENT_ACCOUNT = "is in the management account"
    SERVICE_LINKED_ROLE = "is a service-linked role"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one level says: by a statement (its Sid or number) of a policy, or by none."""

    level: str
    effect: Effect
    policy: str | None = None
    statement: str | None = None

    def __str__(self) -> str:
        """One sentence."""
        if self.effect is Effect.NONE:
            return f"{self.level} has no statement that allows it."
        verb = "denied" if self.effect is Effect.DENY else "allowed"
        return f"{self.level}: {verb} by statement {self.statement} of {self.policy}."


@dataclass(frozen=True)
class Level:
    """The root, an organizational unit or an account, with the policies attached to it, by name.

    Keep a level for as long as its policies stay the same: they are compiled once.
    """

    name: str
    policies: Mapping[str, Document]

    def judge(self, request: Request) -> Judgement:
        """Say what the policies of this level make of a request, and the first that makes it so."""
        for policy, rule in self._about(request.plain_action):
            if rule.covers(request):
                return Judgement(self.name, rule.effect, policy, rule.name)
        return Judgement(self.name, Effect.NONE)

    @functools.cached_property
    def _about(self) -> Callable[[str], tuple[tuple[str, Rule], ...]]:
        """Return the rules about an action, the denials first, remembered for many actions."""
        named = [
            (name, rule) for name, document in self.policies.items() for rule in rules(document)
        ]
        named.sort(key=lambda found: found[1].effect is not Effect.DENY)

        @functools.lru_cache(maxsize=_REMEMBERED_ACTIONS)
        def of_service(prefix: str) -> list[tuple[str, Rule]]:
            return [it for it in named if it[1].services is None or prefix in it[1].services]

        @functools.lru_cache(maxsize=_REMEMBERED_ACTIONS)
        def about(action: str) -> tuple[tuple[str, Rule], ...]:
            rules_of_it = of_service(action.partition(":")[0])
            return tuple((policy, rule) for policy, rule in rules_of_it if rule.acts(action))

        return about


@dataclass(frozen=True, slots=True)
class Decision:
    """What the levels say of a request, in their order; an exemption leaves them unasked."""

    judgements: tuple[Judgement, ...]
    exemption: Exemption | None = None

    @property
    def effect(self) -> Effect:
        """DENY where a level denies, else NONE where a level does not allow."""
        deciding = self.deciding
        return deciding.effect if deciding else Effect.ALLOW

    @property
    def allowed(self) -> bool:
        """Whether nothing here stands in the way."""
        return self.effect is Effect.ALLOW

    @property
    def deciding(self) -> Judgement | None:
        """The first level that denies, else the first that does not allow; None if allowed."""
        refused = [found for found in self.judgements if found.effect is not Effect.ALLOW]
        denied = (found for found in refused if found.effect is Effect.DENY)
        return next(denied, refused[0] if refused else None)

    def explanation(self) -> list[str]:
        """Return sentences, level by level."""
        if self.exemption:
            return [f"No service control policy binds the caller, who {self.exemption.value}."]
        return [str(found) for found in self.judgements]


def decide(
    levels: Iterable[Level], request: Request, management_account: str | None = None
) -> Decision:
    """Judge a request of the caller that its aws:PrincipalArn names.

    The levels are those of the caller's account, in any order; the decision keeps it.
    """
    exemption = exemption_of(request, management_account)
    if exemption:
        return Decision((), exemption)
    return Decision(tuple(level.judge(request) for level in levels))


def exemption_of(request: Request, management_account: str | None) -> Exemption | None:
    """Say why no service control policy binds the caller, if none does."""
    for arn in request.context.get(PRINCIPAL, ()):
        parts = arn.split(":", _ARN_PARTS - 1)
        if len(parts) == _ARN_PARTS and parts[4] == management_account:
            return Exemption.MANAGEMENT_ACCOUNT
        if parts[-1].startswith(_SERVICE_LINKED):
            return Exemption.SERVICE_LINKED_ROLE
    return None
