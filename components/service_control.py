"""Service control policies: guard rails packed into documents, and attached where they hold.

Owns what goes into which document, what AWS would not take, and how a document is replaced. Leaves
alone what people attached by hand and `FullAWSAccess`, which AWS attaches. What guard rails deny is
for `guard_rails`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.guard_rails import (
    CHARACTERS,
    LIBRARY,
    POLICIES_PER_TARGET,
    GuardRail,
    Limits,
    Statement,
    Terms,
)
from components.statements import problems
from iam.policy import mapping

FULL_ACCESS = 1
"""FullAWSAccess, on each target from the start."""
NAME_CHARACTERS = 128
DESCRIPTION_CHARACTERS = 512
"""Characters of a policy's name, which has to be ASCII, and of its description (AWS Organizations
API, CreatePolicy, read 2026-11-25)."""

NAME = "guard-rails"
"""What the names of the policies start with."""
SUFFIX = "-1234567"
"""What Pulumi adds to a name: AWS takes each once, and a policy's successor is there beside it."""


@dataclass(frozen=True, kw_only=True)
class ServiceControlPolicy:
    """One document and its place: the path of an OU, the name of an account or of the root.

    `number` counts the documents of a target from 1. `guard_rails` are those that it has statements
    of, in the library's order.
    """

    target: str
    number: int
    guard_rails: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def place(self) -> str:
        """What tells the policy from the others of the organization."""
        return f"{self.target}-{self.number}"

    @property
    def name(self) -> str:
        """The name at AWS, up to what makes it unique."""
        return f"{NAME}-{self.place}"

    @property
    def description(self) -> str:
        """What is in it, for whoever looks at it in the console."""
        return f"{', '.join(self.guard_rails)} for {self.target}; changed by Pulumi only"

    @property
    def document(self) -> dict[str, Any]:
        """The policy document."""
        return document(self.statements)

    @property
    def content(self) -> str:
        """The document as it is sent."""
        return minified(self.document)


class UnusableGuardRailsError(Exception):
    """What keeps guard rails from being registered, a sentence on each line."""


def document(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the policy document that these statements make."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def minified(content: Mapping[str, Any]) -> str:
    """Return a document as it is sent: AWS counts white space against the size of a policy."""
    return dumps(content, separators=(",", ":"))


def policies(
    guard_rails: Mapping[str, Sequence[str]],
    terms: Terms,
    limits: Limits,
    library: Mapping[str, GuardRail] = LIBRARY,
) -> dict[str, list[ServiceControlPolicy]]:
    """Return the policies of each target, of guard rails switched on by name for targets.

    Raises UnusableGuardRailsError.
    """
    on = {name: rail.statements(terms) for name, rail in library.items() if name in guard_rails}
    mistakes = [it for name, statements in on.items() for it in _mistakes(name, statements, limits)]
    if mistakes:
        raise UnusableGuardRailsError("\n".join(mistakes))
    held: dict[str, list[tuple[str, Statement]]] = {}
    for name, statements in on.items():
        for target in guard_rails[name]:
            held.setdefault(target, []).extend((name, it) for it in statements)
    found = {target: packed(target, it, limits.characters) for target, it in held.items()}
    mistakes = [it for target, its in found.items() for it in _excesses(target, its, limits)]
    if mistakes:
        raise UnusableGuardRailsError("\n".join(mistakes))
    return found


def packed(
    target: str, statements: Iterable[tuple[str, Statement]], characters: int
) -> list[ServiceControlPolicy]:
    """Return policies that hold all statements, each in the first one with room for it.

    A statement comes with its guard rail's name. One more at the end leaves every policy as it is
    but one; what is taken out or grows may move those after it.
    """
    bins: list[list[tuple[str, Statement]]] = []
    for named in statements:
        for it in bins:
            if len(minified(document(found for _, found in (*it, named)))) <= characters:
                it.append(named)
                break
        else:
            bins.append([named])
    return [
        ServiceControlPolicy(
            target=target,
            number=number,
            guard_rails=tuple(dict.fromkeys(name for name, _ in it)),
            statements=tuple(statement for _, statement in it),
        )
        for number, it in enumerate(bins, start=1)
    ]


def _mistakes(name: str, statements: Sequence[Statement], limits: Limits) -> Iterator[str]:
    """Return what is wrong with the statements of a guard rail."""
    for number, statement in enumerate(statements, start=1):
        which = f"guard rail {name}, statement {mapping(statement).get('Sid') or number}"
        found = problems(statement)
        yield from (f"{which}: {it}" for it in found)
        size = 0 if found else len(minified(document([statement])))
        if size > limits.characters:
            by = " by guardRailLimits.characters" if limits.characters < CHARACTERS else ""
            yield (
                f"{which}: alone it makes a policy of {size} characters, and one has at most "
                f"{limits.characters}{by}; split it"
            )


def _excesses(target: str, found: Sequence[ServiceControlPolicy], limits: Limits) -> Iterator[str]:
    """Return what of a target's policies AWS would not take."""
    count = len(found) + FULL_ACCESS
    most = limits.policies_per_target
    if count > most:
        by = " by guardRailLimits.policiesPerTarget" if most < POLICIES_PER_TARGET else ""
        yield (
            f"{target} has {count} service control policies with FullAWSAccess, and a target has "
            f"at most {most}{by}; switch a guard rail on at another level instead"
        )
    for policy in found:
        sids = Counter(str(it["Sid"]) for it in policy.statements)
        twice = [sid for sid, times in sids.items() if times > 1]
        if twice:
            yield (
                f"policy {policy.name} has more than one statement {twice[0]}; give each statement "
                "of the library its own Sid"
            )
        if not policy.name.isascii():
            yield f"policy {policy.name} has a name that is not ASCII; rename {target}"
        length = len(policy.name + SUFFIX)
        if length > NAME_CHARACTERS:
            yield (
                f"policy {policy.name} has a name of {length} characters with what makes it "
                f"unique, and AWS takes {NAME_CHARACTERS}; shorten {target}"
            )
        length = len(policy.description)
        if length > DESCRIPTION_CHARACTERS:
            yield (
                f"policy {policy.name} has a description of {length} characters, and AWS takes "
                f"{DESCRIPTION_CHARACTERS}; shorten the names of its guard rails"
            )


@dataclass(frozen=True, kw_only=True)
class GuardRailsArgs:
    """The policies of each target, and the id of each target by the same name.

    Policies are made in the organization, so `organization_id` has to be there first; the accounts
    need not. The keys of `policies` shape the graph.
    """

    organization_id: pulumi.Input[str]
    policies: Mapping[str, Sequence[ServiceControlPolicy]]
    target_ids: Mapping[str, pulumi.Input[str]]


class GuardRails(pulumi.ComponentResource):
    """The policies, each attached to its target; their ids by place."""

    policy_ids: pulumi.Output[dict[str, str]]

    def __init__(
        self, name: str, args: GuardRailsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:service_control:GuardRails", name, None, opts)
        organization_id = pulumi.Output.from_input(args.organization_id)
        ids: dict[str, pulumi.Output[str]] = {}
        self._warn_of_little_room(args.policies)
        for policy in (it for its in args.policies.values() for it in its):
            made = aws.organizations.Policy(
                f"{name}-{policy.place}",
                type="SERVICE_CONTROL_POLICY",
                description=policy.description,
                content=organization_id.apply(lambda _, content=policy.content: content),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    # What leaves one document may enter another: all that is new is attached
                    # before anything is detached, so that no guard rail is off for a moment.
                    replace_on_changes=["content"],
                ),
            )
            aws.organizations.PolicyAttachment(
                f"{name}-{policy.place}",
                policy_id=made.id,
                target_id=args.target_ids[policy.target],
                opts=pulumi.ResourceOptions(parent=self),
            )
            ids[policy.place] = made.id
        self.policy_ids = pulumi.Output.all(**ids).apply(dict[str, str])
        self.register_outputs({"policy_ids": self.policy_ids})

    def _warn_of_little_room(self, found: Mapping[str, Sequence[ServiceControlPolicy]]) -> None:
        for target, its in found.items():
            if 2 * len(its) + FULL_ACCESS > POLICIES_PER_TARGET:
                pulumi.log.warn(
                    f"{len(its)} policies on {target}: a change of all of them at once will fail, "
                    "since the new are attached before the old are detached and a target has at "
                    f"most {POLICIES_PER_TARGET}; switch some guard rails on at another level.",
                    resource=self,
                )
