"""Compares IAM policy documents of any kind: what a new one allows that the old one did not.

Owns the comparison alone. Whether a request is admitted is for an evaluator; this needs no request:
it shows each new statement to be covered by an old one, or says which part of it is not. Where it
cannot show that, as with a condition it does not know, it takes the new one for wider.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_network
from typing import Any, Self, cast

Document = Mapping[str, Any]

SHOWN = 3
"""Elements of a list that a sentence names."""

EVERYTHING = ("*",)
NOBODY_NAMED = ("",)
"""The principals of an identity's own policy, which is about the identity."""
_WILDCARDS = {"*": ".*", "?": "[^*]"}
NEGATIONS = ("Not", "Null")
"""In a condition's operator: more values mean more that is excluded."""


def parsed(value: object) -> Document | None:
    """Return the policy document that a resource's argument holds, if it is one."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            document = _map(json.loads(value))
        except (ValueError, RecursionError):
            return None
        return document if "Statement" in document else None
    return None


def widenings(old: Document | None, new: Document | None) -> list[str]:
    """Return what is allowed more and denied less than before, each as the end of a sentence."""
    return [*more_allowed(old, new), *less_denied(old, new)]


def more_allowed(old: Document | None, new: Document | None) -> list[str]:
    """Return what is allowed more than before, each as the end of a sentence."""
    before, after = (_with(_statements(it), "Allow") for it in (old, new))
    return [gap.allowed() for gap in _gaps(before, after)]


def less_denied(old: Document | None, *new: Document | None) -> list[str]:
    """Return what all new documents together deny less, each as the end of a sentence."""
    before = _with(_statements(old), "Deny")
    after = [statement for it in new for statement in _with(_statements(it), "Deny")]
    return [gap.denied() for gap in _gaps(after, before)]


def split(document: Document) -> list[Document]:
    """Return each statement of a document as one of its own."""
    found: object = document["Statement"]
    items = cast("list[object]", found) if isinstance(found, list) else [found]
    return [{"Statement": it} for it in items]


def openings(document: Document, account: str | None) -> list[str]:
    """Return what a policy on something new allows others than the account itself and services."""
    found = [
        replace(statement, principals=foreign)
        for statement in _with(_statements(document), "Allow")
        if (foreign := statement.principals.outside(account))
    ]
    return [gap.allowed() for gap in _gaps([], found)]


@dataclass(frozen=True)
class _Names:
    """An element of a statement: patterns, or with `but` everything else than they match."""

    patterns: tuple[str, ...]
    but: bool = False

    @classmethod
    def of(cls, statement: Document, element: str) -> Self:
        """Return an element; where it is absent both ways, as in a trust policy, everything."""
        if f"Not{element}" in statement:
            return cls(_texts(statement[f"Not{element}"]), but=True)
        return cls(_texts(statement.get(element, "*")))

    def parts(self) -> "Iterator[_Names]":
        """Return what has to be covered, one by one."""
        return iter([self]) if self.but else (type(self)((it,)) for it in self.patterns)

    def cover(self, part: "_Names") -> bool:
        """Tell whether whatever a part of another element matches is matched here too."""
        if self.but and part.but:
            return all(any(_covers(it, own) for it in part.patterns) for own in self.patterns)
        if self.but:
            return not any(_overlap(own, part.patterns[0]) for own in self.patterns)
        if part.but:
            return "*" in self.patterns
        return any(_covers(own, part.patterns[0]) for own in self.patterns)

    def outside(self, account: str | None) -> "_Names | None":
        """Return the principals that are neither AWS services nor of an account, if any."""
        if self.but:
            return self
        others = tuple(it for it in self.patterns if not _is_own(it, account))
        return type(self)(others) if others else None

    def __str__(self) -> str:
        shown = [short(it) for it in self.patterns[:SHOWN]]
        more = len(self.patterns) - len(shown)
        text = ", ".join(shown) + (f" and {more} more" if more else "")
        return f"everything but {text}" if self.but else text


@dataclass(frozen=True, kw_only=True)
class _Statement:
    effect: str
    principals: _Names
    actions: _Names
    resources: _Names
    conditions: Mapping[tuple[str, str], tuple[str, ...]]

    @classmethod
    def of(cls, data: Document) -> Self:
        return cls(
            effect=str(data.get("Effect")),
            principals=_principals(data),
            actions=_Names.of(data, "Action"),
            resources=_Names.of(data, "Resource"),
            conditions={
                (operator, key): _texts(wanted)
                for operator, keys in _map(data.get("Condition")).items()
                for key, wanted in _map(keys).items()
            },
        )

    def covers(self, part: "_Statement") -> bool:
        return self.covers_without_conditions(part) and all(
            _implies(operator, wanted, _wanted(part, operator, key))
            for (operator, key), wanted in self.conditions.items()
        )

    def covers_without_conditions(self, part: "_Statement") -> bool:
        return (
            self.principals.cover(part.principals)
            and _folded(self.actions).cover(_folded(part.actions))
            and self.resources.cover(part.resources)
        )

    def parts(self) -> "Iterator[_Statement]":
        for principals in self.principals.parts():
            for actions in self.actions.parts():
                for resources in self.resources.parts():
                    yield replace(self, principals=principals, actions=actions, resources=resources)


@dataclass(frozen=True)
class _Gap:
    """What of a statement the others do not cover; `narrower` is what they ask for besides."""

    statement: _Statement
    narrower: Mapping[tuple[str, str], tuple[str, ...]] | None

    def allowed(self) -> str:
        if self.narrower is None:
            return f"also allows {self._what()}{self._conditions()}"
        return f"allows {self._what()} with wider conditions ({self._before_and_after()})"

    def denied(self) -> str:
        if self.narrower is None:
            return f"no longer denies {self._what()}{self._conditions()}"
        return f"denies {self._what()} only{_conditions(self.narrower)}"

    def _what(self) -> str:
        found = self.statement
        text = str(found.actions)
        if found.resources != _Names(EVERYTHING):
            text += f" on {found.resources}"
        if found.principals == _Names(EVERYTHING):
            text += " to everybody"
        elif found.principals != _Names(NOBODY_NAMED):
            text += f" to {found.principals}"
        return text

    def _conditions(self) -> str:
        return _conditions(self.statement.conditions)

    def _before_and_after(self) -> str:
        after = self.statement.conditions
        now = {key: f"{operator} {_Names(it)}" for (operator, key), it in after.items()}
        return "; ".join(
            f"{key} {operator} {_Names(it)} -> {now.get(key, 'any')}"
            for (operator, key), it in (self.narrower or {}).items()
            if it != after.get((operator, key))
        )


def _gaps(old: Collection[_Statement], new: Collection[_Statement]) -> Iterator[_Gap]:
    """Return what of new statements the old ones do not cover, put together again."""
    for statement in new:
        parts = [part for part in statement.parts() if not any(it.covers(part) for it in old)]
        if not parts:
            continue
        near = [it for it in old if all(it.covers_without_conditions(part) for part in parts)]
        yield _Gap(
            replace(
                statement,
                principals=_joined(part.principals for part in parts),
                actions=_joined(part.actions for part in parts),
                resources=_joined(part.resources for part in parts),
            ),
            near[0].conditions if near else None,
        )


def _joined(parts: Iterator[_Names]) -> _Names:
    found = list(parts)
    patterns = dict.fromkeys(it for part in found for it in part.patterns)
    return _Names(tuple(patterns), but=found[0].but)


def _statements(document: Document | None) -> list[_Statement]:
    return [_Statement.of(_map(it["Statement"])) for it in split(document)] if document else []


def _map(value: object) -> Document:
    """Return an element that must be a map; anything else counts as an empty one."""
    return cast("Document", value) if isinstance(value, dict) else {}


def _with(statements: Collection[_Statement], effect: str) -> list[_Statement]:
    return [it for it in statements if it.effect == effect]


def _principals(statement: Document) -> _Names:
    """Return whom a statement is about."""
    for element, but in (("Principal", False), ("NotPrincipal", True)):
        named = statement.get(element)
        if isinstance(named, dict):
            kinds = cast("dict[str, object]", named).values()
            return _Names(tuple(_whole(it) for kind in kinds for it in _texts(kind)), but=but)
        if named is not None:
            return _Names(_texts(named), but=but)
    return _Names(NOBODY_NAMED)


def _whole(principal: str) -> str:
    return f"arn:aws:iam::{principal}:root" if principal.isdigit() else principal


def _is_own(principal: str, account: str | None) -> bool:
    is_service = principal.endswith(".amazonaws.com")
    return is_service or (account is not None and f"::{account}:" in principal)


def _folded(names: _Names) -> _Names:
    """Return actions as AWS compares them, without regard to case."""
    return replace(names, patterns=tuple(it.lower() for it in names.patterns))


def _texts(value: object) -> tuple[str, ...]:
    """Return a value as a list of texts, in the way AWS compares them: JSON true is "true"."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return tuple(str(it).lower() if isinstance(it, bool) else str(it) for it in items)


def _covers(pattern: str, other: str) -> bool:
    """Tell whether a pattern matches whatever another one does.

    The root of an account stands for everybody in it.
    """
    start, root, end = pattern.rpartition(":root")
    if root and not end and start.startswith("arn:") and other.startswith(f"{start}:"):
        return True
    return _like(pattern, other)


@cache
def _like(pattern: str, other: str) -> bool:
    """Match a pattern with a pattern: a star takes anything, a question mark all but a star."""
    parts = (_WILDCARDS.get(it) or re.escape(it) for it in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), other, re.DOTALL) is not None


def _overlap(one: str, other: str) -> bool:
    """Tell whether there may be a text that both patterns match."""
    if _like(one, other) or _like(other, one):
        return True
    parts = re.split(r"[*?]", one), re.split(r"[*?]", other)
    (head, tail), (other_head, other_tail) = ((it[0], it[-1]) for it in parts)
    return (
        all(len(it) > 1 for it in parts)
        and (head.startswith(other_head) or other_head.startswith(head))
        and (tail.endswith(other_tail) or other_tail.endswith(tail))
    )


def _wanted(statement: _Statement, operator: str, key: str) -> tuple[str, ...] | None:
    """Return what a statement wants of a key by an operator, or by its stricter form."""
    for (own, name), values in statement.conditions.items():
        if name.lower() == key.lower() and own in (operator, operator.removesuffix("IfExists")):
            return values
    return None


def _implies(operator: str, wanted: tuple[str, ...], values: tuple[str, ...] | None) -> bool:
    """Tell whether a condition holds whenever one with these values does."""
    if values is None:
        return False
    if any(word in operator for word in NEGATIONS):
        return set(wanted) <= set(values)
    matches = _MATCHES.get(operator.rpartition(":")[2].removesuffix("IfExists"), str.__eq__)
    return all(any(matches(it, value) for it in wanted) for value in values)


def _contains(network: str, other: str) -> bool:
    try:
        outer, inner = ip_network(network, strict=False), ip_network(other, strict=False)
    except ValueError:
        return network == other
    return outer.version == inner.version and inner.subnet_of(outer)  # pyright: ignore[reportArgumentType] - of one version


_MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "IpAddress": _contains,
    "StringLike": _like,
}
"""Operators whose values are more than equal or not."""


def _conditions(conditions: Mapping[tuple[str, str], tuple[str, ...]]) -> str:
    found = [f"{key} {operator} {_Names(it)}" for (operator, key), it in conditions.items()]
    return f" if {' and '.join(found)}" if found else ""


def short(name: str) -> str:
    """Return an ARN by what differs: the resource, and for a principal its account."""
    if not name.startswith("arn:"):
        return name
    _, _, service, _, account, resource = (name.split(":", 5) + [""] * 5)[:6]
    if service in ("iam", "sts") and account:
        return f"{resource} of {account}"
    return resource or name
