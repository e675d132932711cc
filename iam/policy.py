"""Evaluates IAM policy documents: pure functions from documents and a request to an effect.

Owns the policy language (Effect, Action, Resource, Condition, policy variables), as the IAM user
guide has it: "IAM JSON policy elements reference", read on 2026-11-25. It knows nothing of accounts
or of whom a Principal names; the levels of an organization are for `service_control`. A document is
what `json.loads` gives; `problem` says what is wrong with one, and `evaluate` and `rules` are for
documents without a problem.

A document is compiled into rules, which judge a request in microseconds; who asks once calls
`evaluate`, who asks often keeps the rules.
"""

import functools
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TypeAlias, TypeVar, cast

Document: TypeAlias = Mapping[str, object]
Statement: TypeAlias = Mapping[str, object]
Context: TypeAlias = Mapping[str, tuple[str, ...]]

_LANGUAGE_WITH_VARIABLES = "2012-10-17"
_LANGUAGES = ("2008-10-17", _LANGUAGE_WITH_VARIABLES)
_ARN_PARTS = 6
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = ("*", "?", "$")  # "${*}" is the star itself
_GLOB_TOKEN = re.compile(r"\$\{[*?$]\}|[*?]|[^*?$]+|\$", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_EPOCH = re.compile(r"\d+(\.\d+)?", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """One action on one resource; the keys of `context` are lower case.

    Each is a request of its own: two that ask the same are not equal.

    A key of several values is a multivalued one, which only ForAllValues and ForAnyValue compare.
    Binary values are written in Base64, as in a policy.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict[str, tuple[str, ...]])

    @functools.cached_property
    def plain_action(self) -> str:
        """The action in the one spelling in which actions are compared."""
        return self.action.lower()


def evaluate(documents: Iterable[Document], request: Request) -> Effect:
    """Judge a request: an explicit denial in any document wins over an allowance in another."""
    found = {
        rule.effect for document in documents for rule in rules(document) if rule.applies(request)
    }
    if Effect.DENY in found:
        return Effect.DENY
    return Effect.ALLOW if Effect.ALLOW in found else Effect.NONE


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


def conditions(statement: Statement) -> Iterator[tuple[str, str, object]]:
    """Return each operator of a statement's conditions with each key below it and its values."""
    for name, keys in mapping(statement.get("Condition")).items():
        for key, values in mapping(keys).items():
            yield name, str(key), values


Predicate: TypeAlias = Callable[[str], object]
"""Whether a text matches: what it returns counts as true or false."""
Match: TypeAlias = Callable[[str, Context], object]
Test: TypeAlias = Callable[[Request], object]
Compile: TypeAlias = Callable[[list[str]], Predicate]
"""From the values that a policy gives to whether one of them matches a value of the request."""
T = TypeVar("T")
Number = TypeVar("Number", float, Decimal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One compiled statement: `name` is its Sid, or its number in its document."""

    name: str
    effect: Effect
    acts: Predicate
    """Whether it is about an action, given as `Request.plain_action`."""
    services: frozenset[str] | None
    """The prefixes of the actions that it may be about; None where it may be any."""
    tests: tuple[Test, ...]

    def applies(self, request: Request) -> bool:
        """Tell whether the statement is about a request; principals are not its business."""
        return bool(self.acts(request.plain_action)) and self.covers(request)

    def covers(self, request: Request) -> bool:
        """Tell the same of a request whose action is known to be one of the statement's."""
        for holds in self.tests:  # noqa: SIM110 - a generator takes as long as what it asks
            if not holds(request):
                return False
        return True


def rules(document: Document) -> tuple[Rule, ...]:
    """Compile the statements of a document, in its order."""
    with_variables = document.get("Version") == _LANGUAGE_WITH_VARIABLES
    return tuple(
        _rule(number, statement, with_variables=with_variables)
        for number, statement in enumerate(statements(document), start=1)
    )


def _rule(number: int, statement: Statement, *, with_variables: bool) -> Rule:
    return Rule(
        name=str(statement.get("Sid") or number),
        effect=Effect(statement["Effect"]),
        acts=_actions(statement),
        services=_services(statement),
        tests=(
            *_resources(statement, with_variables=with_variables),
            *(
                _condition(name, key.lower(), texts(wanted), with_variables=with_variables)
                for name, key, wanted in conditions(statement)
            ),
        ),
    )


def _actions(statement: Statement) -> Predicate:
    element = "NotAction" if "NotAction" in statement else "Action"
    patterns = [pattern.lower() for pattern in texts(statement[element])]
    named = frozenset(pattern for pattern in patterns if not _is_glob(pattern))
    globs = [pattern for pattern in patterns if _is_glob(pattern)]
    like = _like(globs)
    if element == "NotAction":
        return lambda action: action not in named and not like(action)
    if not globs:
        return named.__contains__
    if not named:
        return like
    return lambda action: action in named or like(action)


def _services(statement: Statement) -> frozenset[str] | None:
    if "NotAction" in statement:
        return None
    found = frozenset(it.lower().partition(":")[0] for it in texts(statement["Action"]))
    return None if any(map(_is_glob, found)) else found


def _resources(statement: Statement, *, with_variables: bool) -> list[Test]:
    """Test the resource; absent both ways the statement covers all: trust has no Resource."""
    negated = "NotResource" in statement
    patterns = texts(statement.get("NotResource" if negated else "Resource", "*"))
    if "*" in patterns and not negated:
        return []
    match = _match(patterns, _like_resource, with_variables=with_variables)
    return [lambda request: bool(match(request.resource, request.context)) is not negated]


def _match(values: list[str], compiled: Compile, *, with_variables: bool) -> Match:
    """Match any of the values, in which there may be variables.

    "When policy variables reference a condition context key that has no value or is not present in
    an authorization context for a request, the value is effectively null. There is no equal or like
    value." So such a value matches nothing, and an inverted operator holds.
    """
    if not with_variables:
        values = [value.replace("${", "${$}{") for value in values]
    variable = [value for value in values if with_variables and "${" in value]
    fixed = compiled([value for value in values if value not in variable])
    if not variable:
        return lambda value, _: fixed(value)

    def match(value: str, context: Context) -> object:
        expanded = [_expand(text, context) for text in variable]
        return fixed(value) or compiled([text for text in expanded if text is not None])(value)

    return match


def _expand(text: str, context: Context) -> str | None:
    """Fill in policy variables; None where one has no value.

    What is filled in never acts as a wildcard: its stars arrive as "${*}".
    """
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
    has_value = len(values) == 1 and values[0]
    if not has_value and not comma:
        return None
    value = values[0] if has_value else default.strip().strip("'")
    return re.sub(r"[*?$]", r"${\g<0>}", value)


def _is_glob(text: str) -> bool:
    return "*" in text or "?" in text


def _literal(text: str) -> str:
    return re.sub(r"\$\{([*?$])\}", r"\1", text)


def _never(_: str) -> bool:
    return False


def _regex(pattern: str, star: str = ".*", mark: str = ".") -> str:
    wild = {"*": star, "?": mark}
    tokens = _GLOB_TOKEN.findall(pattern)
    return "".join(wild.get(token) or re.escape(_literal(token)) for token in tokens)


def _regex_of_resource(pattern: str) -> str:
    """Translate the pattern of a resource, whose wildcards stay within a part of an ARN.

    But "if the * wildcard is the last character of a resource ARN segment, it can expand to match
    beyond the colon boundaries".
    """
    if not pattern.startswith("arn:"):
        return _regex(pattern)
    *parts, rest = pattern.split(":", _ARN_PARTS - 1)
    within = [
        _regex(part[:-1], "[^:]*", "[^:]") + ".*"
        if part.endswith("*")
        else _regex(part, "[^:]*", "[^:]")
        for part in parts
    ]
    return ":".join([*within, _regex(rest)])


def _regex_of_arn(pattern: str) -> str | None:
    """Translate a pattern of which "each of the six components [...] is checked separately"."""
    *parts, rest = pattern.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS - 1:
        return None
    return ":".join([*(_regex(part, "[^:]*", "[^:]") for part in parts), _regex(rest)])


def _globs(translate: Callable[[str], str | None]) -> Compile:
    def compiled(patterns: list[str]) -> Predicate:
        sources = [source for source in map(translate, patterns) if source is not None]
        return _fullmatch("|".join(sources)) if sources else _never

    return compiled


@functools.lru_cache(maxsize=4096)
def _fullmatch(source: str) -> Predicate:
    return re.compile(source, re.DOTALL).fullmatch


_like = _globs(_regex)
_like_resource = _globs(_regex_of_resource)
_like_arn = _globs(_regex_of_arn)


def _equal(wanted: list[str]) -> Predicate:
    return frozenset(map(_literal, wanted)).__contains__


def _equal_without_case(wanted: list[str]) -> Predicate:
    folded = frozenset(_literal(text).lower() for text in wanted)
    return lambda value: value.lower() in folded


def _compared(parse: Callable[[str], T | None], compare: Callable[[T, T], bool]) -> Compile:
    """Compare what can be read as numbers, moments or addresses; what cannot equals nothing."""

    def compiled(wanted: list[str]) -> Predicate:
        limits = [limit for limit in map(parse, wanted) if limit is not None]

        def holds(value: str) -> bool:
            found = parse(value)
            return found is not None and any(compare(found, limit) for limit in limits)

        return holds

    return compiled


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _moment(text: str) -> float | None:
    """Read one of the W3C's ISO 8601 formats, or the seconds of the UNIX epoch."""
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> Network | None:
    """Read an address, which is a network of one, or a network."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(found: Network, wanted: Network) -> bool:
    return found.network_address in wanted


def _orderings(kind: str, parse: Callable[[str], Number | None]) -> dict[str, Compile]:
    return {
        f"{kind}Equals": _compared(parse, operator.eq),
        f"{kind}LessThan": _compared(parse, operator.lt),
        f"{kind}LessThanEquals": _compared(parse, operator.le),
        f"{kind}GreaterThan": _compared(parse, operator.gt),
        f"{kind}GreaterThanEquals": _compared(parse, operator.ge),
    }


_WITH_VARIABLES: dict[str, Compile] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_without_case,
    "StringLike": _like,
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
    "Bool": _equal_without_case,
}
_COMPARISONS: dict[str, Compile] = {
    **_WITH_VARIABLES,
    "BinaryEquals": _equal,
    "IpAddress": _compared(_network, _within),
    **_orderings("Numeric", _number),
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
_QUANTIFIERS = (None, "ForAllValues", "ForAnyValue")
OPERATORS = frozenset({*_COMPARISONS, *_NEGATIONS})
"""What compares a key with values; `Null` asks only whether it is there."""


def _condition(name: str, key: str, wanted: list[str], *, with_variables: bool) -> Test:
    if name == "Null":
        return _null(key, wanted)
    quantifier, base, if_exists = _parsed(name)
    negated = base in _NEGATIONS
    comparison = _NEGATIONS.get(base, base)
    match = _match(
        wanted,
        _COMPARISONS[comparison],
        with_variables=with_variables and comparison in _WITH_VARIABLES,
    )
    if quantifier:
        return _over_values(key, match, every=quantifier == "ForAllValues", negated=negated)
    return _over_value(key, match, absent=negated or if_exists, negated=negated)


def _parsed(name: str) -> tuple[str | None, str, bool]:
    quantifier, _, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    return quantifier or None, base, base != rest


def _null(key: str, wanted: list[str]) -> Test:
    answers = {answer.lower() for answer in wanted}
    return lambda request: str(not any(request.context.get(key, ()))).lower() in answers


def _over_value(key: str, match: Match, *, absent: bool, negated: bool) -> Test:
    """Compare a key of one value: "Multivalued context keys require a condition set operator"."""

    def holds(request: Request) -> bool:
        values = request.context.get(key)
        if not values:
            return absent
        return len(values) == 1 and bool(match(values[0], request.context)) is not negated

    return holds


def _over_values(key: str, match: Match, *, every: bool, negated: bool) -> Test:
    """Compare each value of a key.

    Without one, or "if the context key value resolves to a null dataset, such as an empty string",
    ForAllValues holds and ForAnyValue does not, whether IfExists follows or not.
    """
    over = all if every else any

    def holds(request: Request) -> bool:
        values = request.context.get(key, ())
        if not any(values):
            return every
        return over(bool(match(value, request.context)) is not negated for value in values)

    return holds


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
    unknown = [name for name in mapping(known.get("Condition")) if not is_operator(name)]
    return f"{unknown[0]} is no condition operator." if unknown else None


def is_operator(name: str) -> bool:
    """Tell whether a condition may have an operator, with what qualifies it."""
    quantifier, base, _ = _parsed(name)
    known = quantifier in _QUANTIFIERS and base in OPERATORS
    return known or name == "Null"
