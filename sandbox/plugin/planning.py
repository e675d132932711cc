"""What follows from a resource type's declaration, without a call.

Owns the comparison of what is wanted with what is there, what a preview can say about the outcome,
and how what AWS answered becomes the state and the inputs that the engine keeps.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from sandbox.plugin.archives import content_hash
from sandbox.plugin.checking import DEFAULTS
from sandbox.plugin.documents import canonical
from sandbox.plugin.schema import Argument, Resource, string_map
from sandbox.plugin.values import UNKNOWN, Values, is_known

_TAGS = string_map()


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
    """The provider's default tags overlaid with the resource's own."""
    tags = args.get("tags") or {}
    return UNKNOWN if UNKNOWN in (tags, default_tags) else {**default_tags, **tags}


def changes(
    resource: Resource, state: Values, wanted: Values, ignored: Collection[str] = ()
) -> list[Change]:
    """How the state has to change to become what is wanted (with `tagsAll` and `region`)."""
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
    naming = resource.auto_name
    named_by_hand = naming is not None and naming.argument not in wanted.get(DEFAULTS, [])
    return resource.delete_before_replace or (
        naming is not None
        and named_by_hand
        and naming.argument in wanted
        and same(
            resource.arguments[naming.argument],
            state.get(naming.argument),
            wanted[naming.argument],
        )
    )


def same(argument: Argument, old: object, new: object) -> bool:
    """Whether two values of an argument mean the same to AWS."""
    return _normal(argument, old) == _normal(argument, new)


def preview_of_creation(resource: Resource, wanted: Values) -> Values:
    """The properties after a creation, as far as they are known before it."""
    computed = {name for name, argument in resource.arguments.items() if argument.computed}
    unknown = dict.fromkeys([*resource.outputs, *computed], UNKNOWN)
    return {**unknown, **_without_notes(wanted)}


def preview_of_update(resource: Resource, state: Values, wanted: Values) -> Values:
    """The properties after an update, as far as they are known before it."""
    kept = {
        name: value
        for name, value in state.items()
        if name not in resource.arguments or resource.arguments[name].computed
    }
    unknown = dict.fromkeys(resource.volatile, UNKNOWN)
    return {**kept, **unknown, **_without_notes(wanted)}


def settled(resource: Resource, known: Values, live: Values, default_tags: Values) -> Values:
    """The state: what AWS answered, in the program's words where these mean the same."""
    state: Values = {}
    for name, argument in resource.arguments.items():
        value = live.get(name, known.get(name))
        if name in live and name in known and same(argument, known[name], live[name]):
            value = known[name]
        state[name] = value
    state |= {name: live.get(name) for name in resource.outputs}
    if resource.is_taggable:
        tags = {k: v for k, v in (live.get("tagsAll") or {}).items() if not k.startswith("aws:")}
        own = known.get("tags") or {}
        state["tagsAll"] = tags
        state["tags"] = {k: v for k, v in tags.items() if k in own or default_tags.get(k) != v}
    return {name: value for name, value in state.items() if value is not None}


def inputs_of(resource: Resource, state: Values, old_inputs: Values) -> Values:
    """The arguments that would make the state: those there were, and what has drifted.

    For an import (no old inputs) all arguments that differ from their defaults.
    """
    inputs: Values = {}
    for name, argument in resource.arguments.items():
        value, given = state.get(name), old_inputs.get(name)
        if given is not None:
            unchanged = not any(_differences(argument, name, value, given, replaces=False))
            inputs[name] = given if unchanged else value
        elif not same(argument, value, None) and (not argument.computed or not old_inputs):
            inputs[name] = value
    if not old_inputs:
        inputs.pop("region", None)  # the provider's, unless the program says otherwise
        inputs.pop("namePrefix", None)
    return {**inputs, DEFAULTS: old_inputs.get(DEFAULTS, [])}


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
    if is_known(new) and _normal(argument, old) == _normal(argument, new):
        return
    if isinstance(old, dict) and isinstance(new, dict) and argument.kind in {"map", "object"}:
        yield from _member_differences(
            argument, path, cast("Values", old), cast("Values", new), replaces=replaces
        )
        return
    if _empty(old):
        kind = "add"
    else:
        kind = "delete" if _empty(new) else "update"
    yield Change(path=path, kind=kind, replaces=replaces)


def _member_differences(
    argument: Argument, path: str, old: Values, new: Values, *, replaces: bool
) -> Iterator[Change]:
    for name in sorted({*old, *new} - {DEFAULTS}):
        child = argument.fields.get(name) if argument.kind == "object" else argument.element
        if child is not None:
            yield from _differences(
                child, f"{path}.{name}", old.get(name), new.get(name), replaces=replaces
            )


def _empty(value: object) -> bool:
    return value in (None, "", 0, False) or value in ([], {})


def _normal(argument: Argument, value: object) -> object:
    """A value as it compares: what is empty is absent, what AWS respells is spelt AWS's way."""
    if value is None:
        value = argument.default
    if _empty(value):
        return None
    match argument.kind:
        case "string" if argument.normal:
            return argument.normal(str(value))
        case "document":
            return canonical(value if isinstance(value, str) else json.dumps(value))
        case "archive":
            return content_hash(cast("Values", value))
        case "list":
            return _normal_list(argument, cast("list[object]", value))
        case "object":
            values = cast("Values", value)
            members = {k: _normal(child, values.get(k)) for k, child in argument.fields.items()}
            return {k: v for k, v in members.items() if v is not None}
        case _:
            return value


def _normal_list(argument: Argument, items: list[object]) -> object:
    element = argument.element
    normal = [_normal(element, item) for item in items] if element else items
    if not argument.unordered:
        return normal
    key: Callable[[object], str] = lambda item: json.dumps(item, sort_keys=True, default=str)
    return sorted(normal, key=key)
