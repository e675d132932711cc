"""Evaluates IAM policy documents: pure functions from documents and a request to an effect.

Owns the policy language (Effect, Action, Resource, Condition, policy variables). It knows nothing
of accounts, of the levels of an organization or of whom a Principal names: `authorization` and
`trust` put those together. A document is what `json.loads` gives; `problem` says what is wrong
with one, and `evaluate` is for documents without a problem.
"""

import functools
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias, cast

Document: TypeAlias = Mapping[str, object]
Statement: TypeAlias = Mapping[str, object]
Context: TypeAlias = Mapping[str, tuple[str, ...]]

_LANGUAGE_WITH_VARIABLES = "2012-10-17"
_LANGUAGES = ("2008-10-17", _LANGUAGE_WITH_VARIABLES)
_ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = ("*", "?", "$")  # "${*}" is the star itself
_GLOB_TOKEN = re.compile(r"\$\{[*?$]\}|[*?]|[^*?$]+|\$", re.DOTALL)


EVERYTHING: Document = {
    "Version": _LANGUAGE_WITH_VARIABLES,
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""What AWS calls AdministratorAccess."""


class Effect(Enum):
    """What a set of documents says of a request; NONE is the implicit denial."""

    ALLOW = "Allow"
    DENY = "Deny"
    NONE = "None"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One action on one resource; the keys of `context` are lower case."""

    action: str
    resource: str
    context: Context = field(default_factory=dict[str, tuple[str, ...]])


def evaluate(documents: Iterable[Document], request: Request) -> Effect:
    """Judge a request: an explicit denial in any document wins over an allowance in another."""
    found = {
        statement["Effect"]
        for document in documents
        for statement in statements(document)
        if _applies(statement, request, document.get("Version"))
    }
    if "Deny" in found:
        return Effect.DENY
    return Effect.ALLOW if "Allow" in found else Effect.NONE


def statements(document: Document) -> list[Statement]:
    """Return the statements of a document, which may hold a single one without a list."""
    return cast("list[Statement]", as_list(document.get("Statement", [])))


def as_list(value: object) -> list[object]:
    """Policies may leave the list around a single element away."""
    return cast("list[object]", value) if isinstance(value, list) else [value]


def texts(value: object) -> list[str]:
    """Return the elements of a policy value as AWS compares them: JSON true is "true"."""
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in as_list(value)]


def mapping(value: object) -> Mapping[str, object]:
    """Return a policy element that must be an object; anything else counts as an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _applies(statement: Statement, request: Request, version: object) -> bool:
    def in_action(pattern: str) -> bool:
        return _glob(pattern.lower()).fullmatch(request.action.lower()) is not None

    def in_resource(pattern: str) -> bool:
        expanded = _expand(pattern, request.context, version)
        return expanded is not None and _like(expanded, request.resource)

    return (
        _selects(statement, "Action", in_action)
        and _selects(statement, "Resource", in_resource)
        and all(
            _holds(
                name,
                key,
                [_expand(text, request.context, version) for text in texts(wanted)],
                request.context,
            )
            for name, keys in mapping(statement.get("Condition")).items()
            for key, wanted in mapping(keys).items()
        )
    )


def _selects(statement: Statement, element: str, matches: Callable[[str], bool]) -> bool:
    """Tell whether an element selects; absent both ways it does: trust has no Resource."""
    if f"Not{element}" in statement:
        return not any(map(matches, texts(statement[f"Not{element}"])))
    return element not in statement or any(map(matches, texts(statement[element])))


def _expand(text: str, context: Context, version: object) -> str | None:
    """Fill in policy variables; None where one has no value, so that the text matches nothing.

    What is filled in never acts as a wildcard: its stars arrive as "${*}".
    """
    if "${" not in text:
        return text
    if version != _LANGUAGE_WITH_VARIABLES:
        return text.replace("${", "${$}{")
    parts: list[str] = []
    end = 0
    for variable in _VARIABLE.finditer(text):
        value = _value(variable[1], context)
        if value is None:
            return None
        parts += [text[end : variable.start()], value]
        end = variable.end()
    return "".join(parts) + text[end:]


def _value(variable: str, context: Context) -> str | None:
    name, comma, default = variable.partition(",")
    if name in _LITERALS:
        return f"${{{name}}}"
    values = context.get(name.strip().lower(), ())
    if len(values) != 1 and not comma:
        return None
    value = values[0] if len(values) == 1 else default.strip().strip("'")
    return re.sub(r"[*?$]", r"${\g<0>}", value)


@functools.lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    tokens = _GLOB_TOKEN.findall(pattern)
    return re.compile("".join(wild.get(t) or re.escape(_literal(t)) for t in tokens), re.DOTALL)


def _literal(text: str) -> str:
    return re.sub(r"\$\{([*?$])\}", r"\1", text)


def _like(pattern: str, value: str) -> bool:
    return _glob(pattern).fullmatch(value) is not None


def _arn_like(pattern: str, value: str) -> bool:
    """Compare part by part: a wildcard stays within its part, except in the last one."""
    wanted, found = pattern.split(":", _ARN_PARTS - 1), value.split(":", _ARN_PARTS - 1)
    return len(wanted) == len(found) and all(map(_like, wanted, found))


def _in_network(pattern: str, value: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(_literal(pattern), strict=False)


def _moment(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Comparison: TypeAlias = Callable[[str, str], bool]


def _ordered(number: Callable[[str], float], compare: Callable[[float, float], bool]) -> Comparison:
    return lambda wanted, value: compare(number(value), number(_literal(wanted)))


def _orderings(kind: str, number: Callable[[str], float]) -> dict[str, Comparison]:
    return {
        f"{kind}Equals": _ordered(number, operator.eq),
        f"{kind}LessThan": _ordered(number, operator.lt),
        f"{kind}LessThanEquals": _ordered(number, operator.le),
        f"{kind}GreaterThan": _ordered(number, operator.gt),
        f"{kind}GreaterThanEquals": _ordered(number, operator.ge),
    }


_COMPARISONS: dict[str, Comparison] = {
    "StringEquals": lambda wanted, value: _literal(wanted) == value,
    "StringEqualsIgnoreCase": lambda wanted, value: _literal(wanted).lower() == value.lower(),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "BinaryEquals": lambda wanted, value: wanted == value,
    "IpAddress": _in_network,
    **_orderings("Numeric", float),
    **_orderings("Date", _moment),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")


def _holds(name: str, key: str, wanted: list[str | None], context: Context) -> bool:
    parsed = _OPERATOR.fullmatch(name)
    if parsed is None:
        return False
    quantifier, base, if_exists = parsed.groups()
    values = context.get(key.lower(), ())
    if base == "Null":
        return wanted == [str(not values).lower()]
    negated = base in _NEGATIONS
    compare = _COMPARISONS[_NEGATIONS.get(base, base)]
    if not values:
        return quantifier == "ForAllValues" or bool(if_exists) or (negated and not quantifier)
    verdicts = [
        any(compare(text, value) for text in wanted if text is not None) != negated
        for value in values
    ]
    all_must_hold = quantifier == "ForAllValues" or (negated and not quantifier)
    return all(verdicts) if all_must_hold else any(verdicts)


def problem(document: object) -> str | None:
    """Say what AWS would refuse in a document of any kind, as one sentence, or None."""
    if not isinstance(document, Mapping):
        return "A policy document must be a JSON object."
    policy = cast("Document", document)
    if policy.get("Version", _LANGUAGES[0]) not in _LANGUAGES:
        return f"Version must be one of {', '.join(_LANGUAGES)}."
    if not statements(policy):
        return "A policy document needs at least one Statement."
    return next((found for found in map(_statement_problem, statements(policy)) if found), None)


def _statement_problem(statement: object) -> str | None:
    if not isinstance(statement, Mapping):
        return "Each Statement must be a JSON object."
    known = cast("Statement", statement)
    if known.get("Effect") not in ("Allow", "Deny"):
        return "Each Statement needs an Effect of Allow or Deny."
    if ("Action" in known) == ("NotAction" in known):
        return "Each Statement needs either Action or NotAction."
    if "Resource" in known and "NotResource" in known:
        return "A Statement has either Resource or NotResource."
    unknown = [name for name in mapping(known.get("Condition")) if not _is_operator(name)]
    return f"{unknown[0]} is no condition operator." if unknown else None


def _is_operator(name: str) -> bool:
    parsed = _OPERATOR.fullmatch(name)
    return parsed is not None and parsed[2] in {"Null", *_COMPARISONS, *_NEGATIONS}
