"""Whom the Principal element of a policy names.

What a statement then says of the one it names is for `policy`; whether a named one exists is for
those who know the accounts.
"""

from collections.abc import Collection, Iterator

from iam.policy import Statement, mapping, texts

EVERYBODY = "*"


def principals(statement: Statement) -> Iterator[tuple[str, str]]:
    """Return who stands in Principal or NotPrincipal, as pairs of a kind and a name."""
    for element in ("Principal", "NotPrincipal"):
        if statement.get(element) == EVERYBODY:
            yield "AWS", EVERYBODY
        for kind, names in mapping(statement.get(element)).items():
            yield from ((kind, name) for name in texts(names))


def aws_principals(statement: Statement) -> list[str]:
    """Return the accounts, users, roles and sessions among them."""
    return [name for kind, name in principals(statement) if kind == "AWS"]


def names(statement: Statement, account: str, arns: Collection[str]) -> bool:
    """Tell whether a statement is about a caller, by one of its ARNs or by its account."""
    wanted = {EVERYBODY, account, account_arn(account), *arns}
    found = not wanted.isdisjoint(aws_principals(statement))
    return found != ("NotPrincipal" in statement)


def account_arn(account: str) -> str:
    """Return the ARN by which a policy names everybody in an account."""
    return f"arn:aws:iam::{account}:root"
