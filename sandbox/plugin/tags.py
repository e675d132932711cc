"""Tags, as most AWS services take and tell them: a list of keys and values."""

from collections.abc import Iterable

from sandbox.plugin.values import Values


def tag_list(args: Values) -> list[Values] | None:
    """All tags of a resource for a call that creates it, or None for none."""
    tags = args.get("tagsAll") or {}
    return [{"Key": key, "Value": value} for key, value in tags.items()] or None


def tag_map(tags: Iterable[Values]) -> Values:
    """The tags of an answer by key."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def tag_changes(old: Values, new: Values) -> tuple[Values, list[str]]:
    """The tags to set, and the keys to remove."""
    before, after = old.get("tagsAll") or {}, new.get("tagsAll") or {}
    to_set = {key: value for key, value in after.items() if before.get(key) != value}
    return to_set, [key for key in before if key not in after]
