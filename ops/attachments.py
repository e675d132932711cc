"""What the targets of guard rails deny before and after a plan, by all policies attached to each.

Owns which policy is on which target, and what a target denies less. Knows no tree of units: what
one above a target denies counts as denied elsewhere.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from ops import policies
from ops.plan import Plan, Step, is_told, shown

GUARD_RAIL = "aws:organizations/policy:Policy"
ATTACHMENT = "aws:organizations/policyAttachment:PolicyAttachment"
TYPE = "SERVICE_CONTROL_POLICY"
"""The type of a policy that names none; what one of another type denies is another matter."""


@dataclass(frozen=True)
class _Attachment:
    """A policy, by its URN, on a target; `document` is none where it cannot be read."""

    step: Step
    target: str
    policy: str
    document: policies.Document | None


class Attachments:
    """The attachments of a plan that tells the target and the policy of each."""

    def __init__(self, plan: Plan) -> None:
        before, after = (list(_attachments(plan, it)) for it in ("old_state", "new_state"))
        self._before, self._after = (_by(it, "target") for it in (before, after))
        self._by_policy = _by(before, "policy")
        self._by_step = {id(it.step): it for it in before}  # a replacement has steps of one URN
        self._stay = {(it.target, it.policy) for it in after}

    def left(self, step: Step) -> list[str]:
        """Return how an attachment leaves its target less guarded, each as the end of a sentence.

        Without its policy to read that is so whenever it leaves.
        """
        how = f"is detached from {shown(step.old.get('targetId'))}"
        attached = self._by_step.get(id(step))
        if attached is None:
            moves = step.change == "replace" and step.differs("targetId")
            return [how] if step.change == "delete" or moves else []
        if self._stays(attached):
            return []
        if attached.document is None:
            return [how]
        lost = self._lost(attached, attached.document)
        lines = [f"{how} and attached to {to}" if to else f"{how}, which {it}" for it, to in lost]
        # A list of what is allowed may make room for a wider one.
        limits = bool(policies.more_allowed(None, attached.document))
        return list(dict.fromkeys(lines)) or [how] * limits

    def less_denied(self, step: Step, old: policies.Document) -> list[str] | None:
        """Return what the targets of a policy deny less, each as the end of a sentence.

        What an attachment tells by itself is left out. None where no attachment is known.
        """
        attached = self._by_policy.get(step.urn)
        if not attached:
            return None
        silent = [it for it in attached if self._stays(it) or not it.step.change]
        lost = [gap for it in silent for gap in self._lost(it, old)]
        return list(dict.fromkeys(f"{it}, now attached to {to}" if to else it for it, to in lost))

    def _stays(self, attached: _Attachment) -> bool:
        return (attached.target, attached.policy) in self._stay

    def _lost(self, attached: _Attachment, old: policies.Document) -> Iterator[tuple[str, str]]:
        """Return what of a policy a target denies less, and which other targets gain."""
        # The policy's own words come first: they say best how a statement has changed.
        after = self._after.get(attached.target, [])
        its = sorted(after, key=lambda it: it.policy != attached.policy)
        for statement in policies.split(old):
            for gap in policies.less_denied(statement, *(it.document for it in its)):
                gaining = list(self._gaining(statement))
                yield gap, shown(gaining) if gaining else ""

    def _gaining(self, statement: policies.Document) -> Iterator[str]:
        for target, its in self._after.items():
            then, now = ([it.document for it in on] for on in (self._before.get(target, []), its))
            if then == now:
                continue
            if policies.less_denied(statement, *then) and not policies.less_denied(statement, *now):
                yield target


def _by(
    found: Iterable[_Attachment], key: Literal["policy", "target"]
) -> dict[str, list[_Attachment]]:
    grouped: dict[str, list[_Attachment]] = {}
    for it in found:
        grouped.setdefault(getattr(it, key), []).append(it)
    return grouped


def _attachments(plan: Plan, when: Literal["old_state", "new_state"]) -> Iterator[_Attachment]:
    """Return what is attached before or after; an id may be unknown, what it is made of is not."""
    state = attrgetter(when)
    documents = {
        step.urn: policies.parsed(state(step).inputs.get("content"))
        for step in plan.steps
        if step.type == GUARD_RAIL and state(step) and state(step).inputs.get("type", TYPE) == TYPE
    }
    for step in plan.steps:
        if step.type != ATTACHMENT or not state(step):
            continue
        made_of = state(step).property_dependencies.get("policyId", [])
        target = state(step).inputs.get("targetId")
        if len(made_of) == 1 and made_of[0] in documents and is_told(target):
            yield _Attachment(step, str(target), made_of[0], documents[made_of[0]])
