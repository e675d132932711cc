"""What a service's model says of a call's arguments: lengths, ranges, patterns, enumerations.

botocore checks almost none of these before it sends a call, nor does moto on arrival. Only services
whose model AWS enforces word by word are checked, and by the modules that own them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.aws.call import AwsError, Call


def check(call: Call, code: str = "ValidationException") -> None:
    """Raise what AWS answers to arguments that the model forbids: every violation, by its path."""
    shape = call.model.input_shape
    found = list(_violations(shape, call.parameters, "")) if shape else []
    if found:
        errors = "error" if len(found) == 1 else "errors"
        raise AwsError(code, f"{len(found)} validation {errors} detected: {'; '.join(found)}")


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any argument
    if isinstance(shape, MapShape):
        broken = {broken for entry in value.values() for broken in _broken(shape.value, entry)}
        if broken:
            every = ", ".join(f"Member must {broken}" for broken in _constraints(shape.value))
            yield _violation(path, f"Map value must satisfy constraint: [{every}]")
        return
    for broken in _broken(shape, value):
        yield _violation(path, f"Member must {broken}")
    if isinstance(shape, ListShape):
        for number, entry in enumerate(value, start=1):
            yield from _violations(shape.member, entry, f"{path}.{number}.member")
    elif isinstance(shape, StructureShape):
        yield from _members(shape, value, path)


def _members(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        if value.get(name) is not None:
            below = f"{name[0].lower()}{name[1:]}"
            yield from _violations(member, value[name], f"{path}.{below}" if path else below)


def _violation(path: str, what: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {what}"


def _broken(shape: Shape, value: Any) -> Iterator[str]:  # noqa: ANN401 - any argument
    """Return the constraints that a value does not keep."""
    pattern, enumeration = shape.metadata.get("pattern"), shape.metadata.get("enum")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(value, int) and not isinstance(value, bool):
        kind, size = "value", value
    elif isinstance(value, (str, list)):
        kind, size = "length", len(cast("str | list[object]", value))
    else:
        return
    if high is not None and size > high:
        yield _at_most(kind, high)
    if low is not None and size < low:
        yield _at_least(kind, low)
    if (
        pattern is not None
        and isinstance(value, str)
        and not re.fullmatch(pattern, value, re.DOTALL)
    ):
        yield f"satisfy regular expression pattern: {pattern}"
    if enumeration and value not in enumeration:
        yield f"satisfy enum value set: [{', '.join(enumeration)}]"


def _constraints(shape: Shape) -> list[str]:
    """Return every constraint of a text's length, in AWS's order."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    texts = [_at_most("length", high)] if high is not None else []
    return texts + ([_at_least("length", low)] if low is not None else [])


def _at_most(kind: str, limit: int) -> str:
    return f"have {kind} less than or equal to {limit}"


def _at_least(kind: str, limit: int) -> str:
    return f"have {kind} greater than or equal to {limit}"
