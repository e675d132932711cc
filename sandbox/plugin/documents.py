"""JSON documents (policies, OpenAPI bodies, event patterns): equal when they say the same."""

import json
import re

from iam.policy import Statement, mapping, statements, texts
from iam.principals import account_arn

_UNORDERED = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")


def canonical(text: str) -> str:
    """Return the document without white space and with its keys in order.

    What is no JSON is returned as it is.
    """
    try:
        return _compact(json.loads(text))
    except ValueError:
        return text


def policy_meaning(text: str) -> str:
    """Return a policy in the one spelling of all those that IAM takes for the same.

    A single value stands for a list of one, the order of values says nothing, and an account's id
    as a principal is the account's root. AWS gives a policy back in any of these.
    """
    try:
        policy = mapping(json.loads(text))
    except ValueError:
        return text
    plain = [_statement(mapping(statement)) for statement in statements(policy)]
    return _compact({**policy, "Statement": plain})


def _statement(statement: Statement) -> Statement:
    plain = dict(statement)
    for name in _UNORDERED:
        if name in plain:
            plain[name] = sorted(texts(plain[name]))
    for name in _PRINCIPALS:
        if by_kind := mapping(plain.get(name)):
            plain[name] = {
                kind: sorted(map(_principal, texts(names))) for kind, names in by_kind.items()
            }
    if conditions := mapping(plain.get("Condition")):
        plain["Condition"] = {
            operator: {key: sorted(texts(values)) for key, values in mapping(keys).items()}
            for operator, keys in conditions.items()
        }
    return plain


def _principal(name: str) -> str:
    return account_arn(name) if re.fullmatch(r"\d{12}", name) else name


def _compact(document: object) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
