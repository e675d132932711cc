"""What is judged: one IAM action on one resource."""

from typing import NamedTuple


class Access(NamedTuple):
    """An IAM action on one resource, by its ARN; "*" where the action has no resource."""

    action: str
    resource: str
