"""Tags, as most AWS services take and tell them: a list of keys and values."""

from collections.abc import Iterable

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
