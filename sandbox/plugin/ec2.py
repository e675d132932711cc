"""EC2: what its resource types have in common. The types stand in modules of their own."""

from sandbox.plugin.account import Account
from sandbox.plugin.tags import tag_changes, tag_list
from sandbox.plugin.values import Values

SERVICE = "ec2"


def tag_specifications(kind: str, args: Values) -> list[Values] | None:
    """All tags of a resource for the call that creates it, or None for none."""
    tags = tag_list(args)
    return tags and [{"ResourceType": kind, "Tags": tags}]


def retag(account: Account, resource_id: str, old: Values, new: Values) -> None:
    """Make the tags those that are wanted."""
    to_set, to_remove = tag_changes(old, new)
    if to_remove:
        tags = [{"Key": key} for key in to_remove]
        account.call(SERVICE, "DeleteTags", Resources=[resource_id], Tags=tags)
    if to_set:
        tags = tag_list({"tagsAll": to_set})
        account.call(SERVICE, "CreateTags", Resources=[resource_id], Tags=tags)


def arn(account: Account, kind: str, resource_id: str) -> str:
    """Return a resource's ARN, which EC2 itself does not tell for most types."""
    return f"arn:aws:ec2:{account.region}:{account.id}:{kind}/{resource_id}"


def matching(**filters: str) -> list[Values]:
    """Return filters of a description: each name's value; an underscore stands for a hyphen."""
    return [{"Name": name.replace("_", "-"), "Values": [it]} for name, it in filters.items()]
