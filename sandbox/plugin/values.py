"""Property values: from the engine's protobuf structs to plain Python and back.

Owns the signatures by which the engine marks what JSON cannot say. Secrets are unwrapped on the
way in, so that nothing in between can tell them from other values, and `encode` wraps them again
on the way out. Assets and archives stay dictionaries with their signature; `archives` reads them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

Values = dict[str, Any]
"""The properties of one resource, by their Pulumi names."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  the engine's mark
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _UNKNOWN,  # a string, and whatever has no type yet
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
    }
)


class Unknown:
    """What a preview cannot know yet."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def decode(struct: Struct) -> Values:
    """Return the struct's values, without their secret marks."""
    return cast("Values", _plain(_wire(struct)))


def encode(values: Mapping[str, object], *patterns: Struct) -> Struct:
    """Return the values as a struct, secret wherever one of the patterns is secret."""
    wire = _to_wire(values)
    for pattern in patterns:
        wire = _conceal(wire, _wire(pattern))
    struct = Struct()
    struct.update(cast("dict[str, Any]", wire))
    return struct


def secret_keys(struct: Struct) -> frozenset[str]:
    """Return the names of the properties that hold a secret at any depth."""
    wire = cast("Values", _wire(struct))
    return frozenset(name for name, value in wire.items() if _holds_secret(value))


def as_secret(value: object) -> Values:
    """Return a value that `encode` leaves secret."""
    return {SIGNATURE: _SECRET, "value": value}


def nested(values: Mapping[str, Any], name: str) -> Values:
    """Return a nested object, empty where there is none."""
    return values.get(name) or {}


def listed(values: Mapping[str, Any], name: str) -> list[Any]:
    """Return a nested list, empty where there is none."""
    return values.get(name) or []


def is_known(value: object) -> bool:
    """Whether a value holds nothing unknown at any depth."""
    if isinstance(value, Mapping):
        return all(is_known(item) for item in cast("Mapping[str, object]", value).values())
    if isinstance(value, list):
        return all(is_known(item) for item in cast("list[object]", value))
    return value is not UNKNOWN


def _wire(struct: Struct) -> object:
    return MessageToDict(struct)


def _signature(value: object) -> object:
    return cast("Values", value).get(SIGNATURE) if isinstance(value, dict) else None


def _plain(wire: object) -> object:
    if isinstance(wire, str):
        return UNKNOWN if wire in _UNKNOWNS else wire
    if _signature(wire) == _SECRET:
        return _plain(cast("Values", wire)["value"])
    if isinstance(wire, dict):
        return {name: _plain(value) for name, value in cast("Values", wire).items()}
    if isinstance(wire, list):
        return [_plain(item) for item in cast("list[object]", wire)]
    if isinstance(wire, float) and wire.is_integer():
        return int(wire)
    return wire


def _to_wire(value: object) -> object:
    if value is UNKNOWN:
        return _UNKNOWN
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {name: _to_wire(item) for name, item in items if item is not None}
    if isinstance(value, list | tuple):
        return [_to_wire(item) for item in cast("Sequence[object]", value)]
    return value


def _holds_secret(wire: object) -> bool:
    if _signature(wire) == _SECRET:
        return True
    if isinstance(wire, dict):
        return any(_holds_secret(value) for value in cast("Values", wire).values())
    return isinstance(wire, list) and any(map(_holds_secret, cast("list[object]", wire)))


def _conceal(wire: object, pattern: object) -> object:
    """Mark as secret what the pattern marks, or all of it where the shapes differ."""
    if _signature(wire) == _SECRET or not _holds_secret(pattern):
        return wire
    if _signature(pattern) == _SECRET:
        return as_secret(wire)
    if isinstance(wire, dict) and isinstance(pattern, dict):
        marks = cast("Values", pattern)
        values = cast("Values", wire).items()
        return {name: _conceal(value, marks.get(name)) for name, value in values}
    if isinstance(wire, list) and isinstance(pattern, list):
        items, item_marks = cast("list[object]", wire), cast("list[object]", pattern)
        if len(items) == len(item_marks):
            return [_conceal(*pair) for pair in zip(items, item_marks, strict=True)]
    return as_secret(cast("object", wire))
