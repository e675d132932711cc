"""Tags, as most AWS services take and tell them: a list of keys and values."""

from collections.abc import Iterable

from sandbox.plugin.account import Account
from sandbox.plugin.values import Values, nested


def tag_list(args: Values) -> list[Values] | None:
    """All tags of a resource for a call that creates it, or None for none."""
    tags = nested(args, "tagsAll")
    return [{"Key": key, "Value": value} for key, value in tags.items()] or None


def tag_map(tags: Iterable[Values]) -> Values:
    """Return the tags of an answer by key."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_changes(old: Values, new: Values) -> tuple[Values, list[str]]:
    """Return the tags to set, and the keys to remove."""
    before, after = nested(old, "tagsAll"), nested(new, "tagsAll")
    to_set = {key: value for key, value in after.items() if before.get(key) != value}
    return to_set, [key for key in before if key not in after]


def retag(account: Account, service: str, old: Values, new: Values, **resource: object) -> None:
    """Give a resource its new tags in place of its old ones; it is named as its service does."""
    to_set, to_remove = tag_changes(old, new)
    if to_remove:
        account.call(service, "UntagResource", **resource, TagKeys=to_remove)
    if to_set:
        tags = tag_list({"tagsAll": to_set})
        account.call(service, "TagResource", **resource, Tags=tags)
