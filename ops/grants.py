"""Where a step of a plan allows more, or denies less, than there was: by any policy in it.

Owns where policies stand in a resource and whom a new one concerns; `policies` compares two.
"""

import re
from collections.abc import Iterator

from ops import policies
from ops.attachments import GUARD_RAIL, Attachments
from ops.plan import UNKNOWN, Plan, Step, Values, is_told, leaves, shown

TRUST = "assumeRolePolicy"
ARGUMENTS = frozenset({TRUST, "accessPolicies", "inlinePolicy", "policy", "policyDocument"})
"""Where a policy may stand that only the update will know; one that is known is seen anywhere."""
MANAGED = frozenset({"managedPolicyArn", "managedPolicyArns", "policyArn"})
IDENTITY = "aws:iam/"
PERMISSION = "aws:lambda/permission:Permission"


def widened(plan: Plan, step: Step, attachments: Attachments) -> Iterator[str]:
    """Return what is allowed more, or denied less, once the step is done."""
    old, new = _documents(step, step.old), _documents(step, step.new)
    given = dict(leaves(step.new))
    for path in dict.fromkeys([*old, *new]):
        if step.change == "create" and _concerns_others(step, path):
            yield from policies.openings(new[path], plan.account(step))
        elif step.change == "delete":
            if step.type.endswith("Policy") and not _goes_with_its_owner(plan, step):
                yield from _compared(step, attachments, old[path], None)
        # What is there but no policy is known only during the update.
        elif path in new or not given.get(path):
            yield from _compared(step, attachments, old.get(path), new.get(path))
    added = _managed(step.new) - _managed(step.old)
    if added:
        yield f"also has {', '.join(sorted(shown(it).rpartition('/')[2] for it in added))}"


def _compared(
    step: Step,
    attachments: Attachments,
    old: policies.Document | None,
    new: policies.Document | None,
) -> list[str]:
    """Compare two policies; what a guard rail denied, its targets may deny by another one."""
    if step.type == GUARD_RAIL and old:
        less_denied = attachments.less_denied(step, old)
        if less_denied is not None:
            return [*policies.more_allowed(old, new), *less_denied]
    return policies.widenings(old, new)


def unreadable(step: Step) -> Iterator[str]:
    """Return the paths of policies that become what only the update will know."""
    for path, value in leaves(step.new):
        if is_told(value) or not _is_policy(step, path):
            continue
        if step.change == "create":
            # A new resource's own policy opens nothing that was there before.
            if step.type.startswith(IDENTITY) or step.type.endswith("Policy"):
                yield path
        elif value == UNKNOWN or step.differs(path):
            yield path


def _is_policy(step: Step, path: str) -> bool:
    argument = re.sub(r"\[\d+\]", "", path).rpartition(".")[2]
    return argument in ARGUMENTS or step.type == GUARD_RAIL


def _concerns_others(step: Step, path: str) -> bool:
    """Tell whether a policy says who may use the resource, not what the resource may use."""
    return path == TRUST or not step.type.startswith(IDENTITY)


def _documents(step: Step, arguments: Values) -> dict[str, policies.Document]:
    """Return the policies in a resource's arguments, by their path."""
    found = {path: policies.parsed(value) for path, value in leaves(arguments)}
    if step.type == PERMISSION and arguments:
        found["permission"] = _permission(arguments)
    return {path: document for path, document in found.items() if document}


def _permission(arguments: Values) -> policies.Document:
    """Return a permission to invoke a function as the statement that Lambda makes of it."""
    conditions = {
        "ArnLike": {"aws:SourceArn": arguments.get("sourceArn")},
        "StringEquals": {"aws:SourceAccount": arguments.get("sourceAccount")},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": arguments.get("principal")},
        "Action": arguments.get("action"),
        "Condition": {it: keys for it, keys in conditions.items() if any(keys.values())},
    }
    return {"Statement": [statement]}


def _managed(arguments: Values) -> set[object]:
    """Return the managed policies that an identity is given."""
    named = ((re.split(r"[.\[]", path)[0], value) for path, value in leaves(arguments))
    return {value for argument, value in named if argument in MANAGED}


def _goes_with_its_owner(plan: Plan, step: Step) -> bool:
    """Tell whether what a policy is attached to is deleted too."""
    gone = {other.urn for other in plan.changes if other.change == "delete"}
    return bool(step.old_state and gone & set(step.old_state.dependencies))
