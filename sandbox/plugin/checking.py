"""What the engine is told about a program's arguments before anything is planned.

Refuses arguments that are unknown, missing, of the wrong type, in conflict or not carried here,
each by name; fills in defaults and names.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from sandbox.plugin.archives import is_archive
from sandbox.plugin.documents import canonical
from sandbox.plugin.naming import made_name
from sandbox.plugin.schema import Argument, Resource
from sandbox.plugin.values import UNKNOWN, Values

DEFAULTS = "__defaults"
"""Names the arguments that were filled in; the genuine plugin keeps the same list in the state."""

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "document": (str, dict),
    "list": (list,),
    "map": (dict,),
    "object": (dict,),
}
_TYPE_NAMES = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "document": "a JSON document in a string",
    "archive": "an archive",
    "list": "a list",
    "map": "a map",
    "object": "an object",
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What is wrong with one argument."""

    argument: str
    reason: str


def check(
    resource: Resource, name: str, olds: Values, news: Values, seed: bytes
) -> tuple[Values, list[Failure]]:
    """Return the arguments with defaults filled in, and everything that is wrong with them."""
    inputs = {key: value for key, value in news.items() if key != DEFAULTS and value is not None}
    failures = [*_refusals(resource, inputs)]
    filled: list[str] = []
    naming = resource.auto_name
    if naming and naming.argument not in inputs and not inputs.get(f"{naming.argument}Prefix"):
        kept = olds.get(naming.argument) if naming.argument in olds.get(DEFAULTS, []) else None
        inputs[naming.argument] = kept or naming.spelt(made_name(name, naming.length, seed))
        filled.append(naming.argument)
    for key, argument in resource.arguments.items():
        if argument.required and key not in inputs:
            failures.append(Failure(argument=key, reason=missing(key)))
        if argument.default is not None and key not in inputs:
            inputs[key] = argument.default
            filled.append(key)
        if argument.kind == "document" and isinstance(inputs.get(key), dict):
            inputs[key] = canonical(json.dumps(inputs[key]))
    return {**inputs, DEFAULTS: filled}, failures


def missing(name: str) -> str:
    """Return the sentence for an argument that is left out."""
    return (
        f'Missing required argument. The argument "{name}" is required, '
        "but no definition was found."
    )


def unsupported(name: str, known: Iterable[str]) -> str:
    """Return the sentence for an argument that does not exist."""
    path, dot, leaf = name.rpartition(".")
    near = difflib.get_close_matches(leaf, known, n=1)
    hint = f' Did you mean "{path}{dot}{near[0]}"?' if near else ""
    return f'Unsupported argument. An argument named "{name}" is not expected here.{hint}'


def type_failures(path: str, argument: Argument, value: object) -> Iterator[Failure]:
    """Return what is wrong with a value's type, at any depth."""
    if value is UNKNOWN or value is None:
        return
    if not _has_kind(argument, value):
        wanted = _TYPE_NAMES[argument.kind]
        reason = f'Incorrect type. The argument "{path}" must be {wanted}.'
        yield Failure(argument=path, reason=reason)
        return
    if argument.choices and value not in argument.choices:
        allowed = ", ".join(map(str, argument.choices))
        reason = f'The argument "{path}" must be one of {allowed}; it is {value}.'
        yield Failure(argument=path, reason=reason)
    if argument.kind == "list" and argument.element:
        for index, item in enumerate(cast("list[object]", value)):
            yield from type_failures(f"{path}[{index}]", argument.element, item)
    elif argument.kind == "map" and argument.element:
        for key, item in cast("Values", value).items():
            yield from type_failures(f"{path}.{key}", argument.element, item)
    elif argument.kind == "object":
        yield from _field_failures(path, argument, cast("Values", value))


def _field_failures(path: str, argument: Argument, values: Values) -> Iterator[Failure]:
    for key, value in values.items():
        if key == DEFAULTS:
            continue
        if key not in argument.fields:
            reason = unsupported(f"{path}.{key}", argument.fields)
            yield Failure(argument=f"{path}.{key}", reason=reason)
        elif not argument.fields[key].carried:
            yield Failure(argument=f"{path}.{key}", reason=_not_carried(f"{path}.{key}"))
        else:
            yield from type_failures(f"{path}.{key}", argument.fields[key], value)
    for key, child in argument.fields.items():
        if child.required and values.get(key) is None:
            yield Failure(argument=f"{path}.{key}", reason=missing(f"{path}.{key}"))


def _refusals(resource: Resource, inputs: Values) -> Iterator[Failure]:
    for key, value in inputs.items():
        argument = resource.arguments.get(key)
        if argument is None:
            yield Failure(argument=key, reason=unsupported(key, resource.arguments))
        elif argument.carried:
            yield from type_failures(key, argument, value)
        elif value not in ("", 0, False, [], {}):
            yield Failure(argument=key, reason=_not_carried(key))
    for one, other in resource.conflicts:
        if inputs.get(one) and inputs.get(other):
            reason = f'Conflicting configuration arguments. "{one}" conflicts with "{other}".'
            yield Failure(argument=one, reason=reason)


def _not_carried(name: str) -> str:
    return (
        f'The argument "{name}" exists, but the sandbox\'s AWS plugin does not carry it; '
        "leave it out or run with SANDBOX_AWS_PLUGIN=genuine."
    )


def _has_kind(argument: Argument, value: object) -> bool:
    if argument.kind == "archive":
        return is_archive(value)
    if isinstance(value, bool):
        return argument.kind == "boolean"
    return isinstance(value, _TYPES[argument.kind])
