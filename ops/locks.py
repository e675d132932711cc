"""Locks: what keeps a mistake from doing harm, and where a step of a plan weakens one.

An argument is a lock by its name, wherever it stands, so that a further type needs nothing here.
"""

import re
from collections.abc import Iterator

from ops.plan import Step, is_told, leaves, number, shown

WHILE_ON = frozenset(
    {
        "EncryptionByDefault.enabled",
        "atRestEncryptionEnabled",
        "blockPublicAcls",
        "blockPublicPolicy",
        "deletionProtection",
        "deletionProtectionEnabled",
        "disableApiTermination",
        "enableDeletionProtection",
        "enableKeyRotation",
        "encryptAtRest.enabled",
        "encrypted",
        "httpTokens",
        "ignorePublicAcls",
        "nodeToNodeEncryption.enabled",
        "pointInTimeRecovery.enabled",
        "restrictPublicBuckets",
        "serverSideEncryption.enabled",
        "skipDestroy",
        "storageEncrypted",
        "transitEncryptionEnabled",
        "versioning.enabled",
        "versioningConfiguration.status",
    }
)
"""Arguments that lock while they are on; left out they are off. A name that many have follows what
it is in, or its type."""
ON = frozenset({"true", "enabled", "active", "required"})

WHILE_OFF = frozenset({"closeOnDeletion", "forceDestroy", "skipFinalSnapshot"})
WHILE_THERE = frozenset({"encryptionKey", "kmsKeyArn", "kmsKeyId", "kmsMasterKeyId"})
WHILE_THE_SAME = frozenset({"permissionsBoundary"})
THE_LONGER = frozenset(
    {
        "backupRetentionPeriod",
        "deletionWindowInDays",
        "recoveryPeriodInDays",
        "recoveryWindowInDays",
    }
)
THE_SHORTER = {"httpPutResponseHopLimit": (1, 64), "maxSessionDuration": (3600, 3600)}
"""Arguments that lock by a low number, each with the least and the most that it may be where it is
left out. A role's session lasts an hour at most (IAM, read 2026-11-25). Metadata travel one hop,
unless the account or the image says otherwise, up to 64 (EC2, read 2026-11-28)."""

PURE = re.compile(
    r":(AccountPublicAccessBlock|Bucket(PublicAccessBlock|Versioning|ServerSide|ObjectLock)\w*"
    r"|EncryptionByDefault|InstanceMetadataDefaults)$"
)
"""Types that are nothing but a lock."""


def weakened(step: Step) -> Iterator[str]:
    """Return how a step weakens locks; a new resource has none to lose."""
    old, new = step.old_state, step.new_state
    if old and new and step.is_of_cloud:
        # The engine's own locks: a step that changes nothing else is called `same`.
        for option, before, after in (
            ("protect", old.protect, new.protect),
            ("retainOnDelete", old.retain_on_delete, new.retain_on_delete),
        ):
            if before and not after:
                yield f"{option} true -> false"
    if step.change in {"update", "replace"}:
        yield from _weakened_arguments(step)
    elif step.change == "delete" and PURE.search(step.type):
        is_kept = old is not None and old.retain_on_delete
        yield "is deleted" + (" with its stack, and stays as it is in AWS" if is_kept else "")


def is_on(value: object) -> bool:
    """Tell whether a switch is on, in any of the ways to say so."""
    return str(value).lower() in ON


def _weakened_arguments(step: Step) -> Iterator[str]:
    before, after = dict(leaves(step.old)), dict(leaves(step.new))
    # A list or map that is known only during the update hides what is in it.
    hidden = tuple(f"{path}{it}" for path in after if not is_told(after[path]) for it in ".[")
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path), after.get(path)
        named = f"{step.type.rpartition(':')[2]}.{path}"
        if is_told(new) and not path.startswith(hidden) and _is_weaker(named, old, new):
            yield f"{path} {shown(old)} -> {shown(new)}"


def _is_weaker(path: str, old: object, new: object) -> bool:
    names = re.sub(r"\[\d+\]", "", path).split(".")
    last, last_two = names[-1], ".".join(names[-2:])
    if last in WHILE_OFF:
        return is_on(new) and not is_on(old)
    if WHILE_THERE & set(names):
        return bool(old) and not new
    if last in WHILE_THE_SAME:
        return bool(old) and new != old
    if last in THE_LONGER:
        return new is not None and number(new) < number(old)
    if last in THE_SHORTER:
        # No preference, -1, is left out too.
        before, after = (max(number(it), 0) for it in (old, new))
        least, most = THE_SHORTER[last]
        return before != after and (after or most) > (before or least)
    return bool(WHILE_ON & {last, last_two}) and is_on(old) and not is_on(new)
