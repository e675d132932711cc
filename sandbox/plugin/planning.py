"""What follows from a resource type's declaration, without a call.

Owns the comparison of what is wanted with what is there, what a preview can say about the outcome,
and how what AWS answered becomes the state and the inputs that the engine keeps.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from sandbox.plugin.archives import content_hash
from sandbox.plugin.checking import DEFAULTS
from sandbox.plugin.documents import canonical
from sandbox.plugin.schema import Argument, Resource, string_map
from sandbox.plugin.values import UNKNOWN, Values, is_known, listed, nested

_TAGS = string_map()
_PLAIN_NAME = re.compile(r"[\w$-]+")
"""A name that stands in a property path as it is."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One property that differs, and whether it takes a replacement."""

    path: str
    kind: Literal["add", "delete", "update"]
    replaces: bool

    @property
    def argument(self) -> str:
        """The top-level property that the path begins with."""
        return self.path.partition(".")[0].partition("[")[0]


def all_tags(args: Values, default_tags: Values) -> object:
    """Return the provider's default tags overlaid with the resource's own."""
    tags = nested(args, "tags")
    return {**default_tags, **tags} if is_known([tags, default_tags]) else UNKNOWN


def changes(
    resource: Resource, state: Values, wanted: Values, ignored: Collection[str] = ()
) -> list[Change]:
    """Return how the state has to change to become what is wanted (with `tagsAll` and `region`)."""
    found: list[Change] = []
    for name, argument in resource.arguments.items():
        if name in ignored:
            continue
        old, new = state.get(name), wanted.get(name)
        replaces = argument.replaces
        if callable(replaces):
            replaces = replaces(old, new)
        found += _differences(argument, name, old, new, replaces=replaces)
    if resource.is_taggable and not {"tags", "tagsAll"} & set(ignored):
        old, new = state.get("tagsAll"), wanted.get("tagsAll")
        found += _differences(_TAGS, "tagsAll", old, new, replaces=False)
    return found


def deletes_before_replacing(resource: Resource, state: Values, wanted: Values) -> bool:
    """Whether the old one is in the way: it has the very name that the new one is to have."""
    if resource.auto_name is None:
        return resource.delete_before_replace
    name = resource.auto_name.argument
    given_by_hand = name in wanted and name not in listed(wanted, DEFAULTS)
    return given_by_hand and same(resource.arguments[name], state.get(name), wanted[name])


def same(argument: Argument, old: object, new: object) -> bool:
    """Whether two values of an argument mean the same to AWS."""
    return _normal(argument, old) == _normal(argument, new)


def preview_of_creation(resource: Resource, wanted: Values) -> Values:
    """Return the properties after a creation, as far as they are known before it."""
    computed = {name for name, argument in resource.arguments.items() if argument.computed}
    unknown = dict.fromkeys([*resource.outputs, *computed], UNKNOWN)
    return {**unknown, **_without_notes(wanted)}


def outcome_of_update(
    resource: Resource, state: Values, wanted: Values, ignored: Collection[str] = ()
) -> Values:
    """Return the properties after an update: what is wanted, and what nobody asked to change."""
    kept = {
        name: value
        for name, value in state.items()
        if name not in resource.arguments or resource.arguments[name].computed
    }
    left = {name: state.get(name) for name in ignored if name in state or name in wanted}
    return {**kept, **_without_notes(wanted), **left}


def preview_of_update(
    resource: Resource, state: Values, wanted: Values, ignored: Collection[str] = ()
) -> Values:
    """Return the properties after an update, as far as they are known before it."""
    outcome = outcome_of_update(resource, state, wanted, ignored)
    volatile = resource.volatile_in(state, outcome)
    unknown = [name for name in volatile if name not in wanted]
    return outcome | dict.fromkeys(unknown, UNKNOWN)


def defaults(resource: Resource) -> Values:
    """Return the defaults of all arguments that have one."""
    arguments = resource.arguments.items()
    return {name: value.default for name, value in arguments if value.default is not None}


def settled(resource: Resource, known: Values, live: Values, default_tags: Values) -> Values:
    """Return the state: what AWS answered, in the program's words where these mean the same."""
    state: Values = {}
    for name, argument in resource.arguments.items():
        value = live.get(name, known.get(name))
        if name in live and name in known and same(argument, known[name], live[name]):
            value = known[name]
        state[name] = value
    state |= {name: live.get(name) for name in resource.outputs}
    if resource.is_taggable:
        tags = {k: v for k, v in nested(live, "tagsAll").items() if not k.startswith("aws:")}
        own = nested(known, "tags")
        state["tagsAll"] = tags
        state["tags"] = {k: v for k, v in tags.items() if k in own or default_tags.get(k) != v}
    return {name: value for name, value in state.items() if value is not None}


def inputs_of(resource: Resource, state: Values, old_inputs: Values) -> Values:
    """Return the arguments that would make the state: those there were, and what has drifted.

    For an import (no old inputs) all arguments that differ from their defaults.
    """
    inputs: Values = {}
    meant = resource.understood(old_inputs)
    for name, argument in resource.arguments.items():
        value, given = state.get(name), old_inputs.get(name)
        if given is not None:
            drifted = any(_differences(argument, name, value, meant[name], replaces=False))
            inputs[name] = value if drifted else given
        elif _tells_something(argument, value) and not (argument.computed and old_inputs):
            inputs[name] = value
    if not old_inputs:
        inputs.pop("region", None)  # the provider's, unless the program says otherwise
        inputs.pop("namePrefix", None)
    if resource.is_taggable:
        inputs["tagsAll"] = nested(state, "tagsAll")
    return {**inputs, DEFAULTS: old_inputs.get(DEFAULTS, [])}


def _tells_something(argument: Argument, value: object) -> bool:
    return argument.carried and not same(argument, value, None)


def _without_notes(values: Values) -> Values:
    return {name: value for name, value in values.items() if name != DEFAULTS}


def _differences(
    argument: Argument, path: str, old: object, new: object, *, replaces: bool
) -> Iterator[Change]:
    if argument.computed and new is None:
        return
    if new is UNKNOWN:
        yield Change(path=path, kind="add" if old is None else "update", replaces=replaces)
        return
    if is_known(new) and same(argument, old, new):
        return
    if argument.kind in {"map", "object"} and isinstance(old, dict) and isinstance(new, dict):
        pair = cast("Values", old), cast("Values", new)
        yield from _member_differences(argument, path, *pair, replaces=replaces)
    elif pairs := _counterparts(argument, cast("object", old), new):
        element = cast("Argument", argument.element)
        for index, pair in enumerate(pairs):
            yield from _differences(element, f"{path}[{index}]", *pair, replaces=replaces)
    else:
        kind = _kind(cast("object", old), new)
        yield Change(path=path, kind=kind, replaces=replaces)


def _counterparts(
    argument: Argument, old: object, new: object
) -> list[tuple[object, object]] | None:
    """Return the pairs of objects with the same place in a list, where places mean something."""
    if not (isinstance(old, list) and isinstance(new, list)) or argument.unordered:
        return None
    before, after = cast("list[object]", old), cast("list[object]", new)
    of_objects = argument.element is not None and argument.element.kind == "object"
    if not of_objects or len(before) != len(after):
        return None
    return list(zip(before, after, strict=True))


def _member_differences(
    argument: Argument, path: str, old: Values, new: Values, *, replaces: bool
) -> Iterator[Change]:
    for name in sorted({*old, *new} - {DEFAULTS}):
        child = argument.fields.get(name) if argument.kind == "object" else argument.element
        if child is not None:
            member = f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f'{path}["{name}"]'
            yield from _differences(child, member, old.get(name), new.get(name), replaces=replaces)


def _empty(value: object) -> bool:
    return value in (None, "", 0, False) or value in ([], {})


def _kind(old: object, new: object) -> Literal["add", "delete", "update"]:
    if _empty(old):
        return "add"
    return "delete" if _empty(new) else "update"


def _normal(argument: Argument, value: object) -> object:
    """Return a value as it compares: what is empty is absent, names are spelt AWS's way."""
    if value is None:
        value = argument.default
    if _empty(value):
        return None
    if argument.normal:
        return argument.normal(str(value))
    make = _NORMAL.get(argument.kind)
    return make(argument, value) if make else value


def _normal_document(_argument: Argument, value: object) -> str:
    return canonical(value if isinstance(value, str) else json.dumps(value))


def _normal_archive(_argument: Argument, value: object) -> object:
    return content_hash(cast("Values", value))


def _normal_object(argument: Argument, value: object) -> Values | None:
    """Return what is said; an object that says nothing but defaults is an absent one."""
    values = cast("Values", value)
    members = {name: _normal(child, values.get(name)) for name, child in argument.fields.items()}
    return {name: member for name, member in members.items() if member is not None} or None


def _normal_list(argument: Argument, value: object) -> list[object]:
    items, element = cast("list[object]", value), argument.element
    normal = [_normal(element, item) for item in items] if element else items
    if not argument.unordered:
        return normal

    def spelt(item: object) -> str:
        return json.dumps(item, sort_keys=True, default=str)

    return sorted(normal, key=spelt)


_NORMAL: Mapping[str, Callable[[Argument, object], object]] = {
    "archive": _normal_archive,
    "document": _normal_document,
    "list": _normal_list,
    "object": _normal_object,
}
"""How values compare whose equality is not Python's."""
