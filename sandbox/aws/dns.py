"""The domain name system as the hosted zones of all accounts make it.

Owns how names compare and how a name is resolved by following delegations. Changing zones is for
`route53`.
"""


def normalized(name: str) -> str:
    """A name as Route 53 compares it: lower case, without the final dot."""
    return name.rstrip(".").lower()
