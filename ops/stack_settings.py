"""A stack's settings file as a text in which the engine keeps how secrets are encrypted.

Owns the lines that the engine writes and the encrypted values. A change of them leaves the rest as
a person wrote it. What a value says in clear is never in a file: it passes through here in memory.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from stacks.checkout import ENGINE_KEYS

ENCRYPTED = "secure"
WIDE = 10_000
"""A line that YAML folds at this width is no key of an engine."""

Path = tuple[str | int, ...]


def provider_keys(secrets_provider: Mapping[str, Any]) -> dict[str, str]:
    """Return the engine's keys for what an exported state says of its secrets provider.

    Pulumi Cloud's own provider needs none.
    """
    state: Mapping[str, str] = secrets_provider.get("state") or {}
    names = {"url": "secretsprovider", "encryptedkey": "encryptedkey", "salt": "encryptionsalt"}
    if secrets_provider.get("type") not in {"cloud", "passphrase"}:
        return {}
    return {names[name]: value for name, value in state.items() if name in names}


def encrypted(text: str) -> dict[Path, str]:
    """Return each encrypted value of a settings file by where it is."""
    found: dict[str, object] = yaml.safe_load(text) or {}
    return dict(_encrypted(found.get("config"), ()))


def in_clear(shown: Mapping[str, Any], path: Path) -> str:
    """Return a value in what `pulumi config --show-secrets --json` shows."""
    entry = shown[str(path[0])]
    if len(path) == 1:
        return entry["value"]
    value: Any = entry["objectValue"]
    for step in path[1:]:
        value = value[step]
    return value if isinstance(value, str) else json.dumps(value)


def is_with(text: str, keys: Mapping[str, str]) -> bool:
    """Tell whether a settings file has exactly these of the engine's keys."""
    found: dict[str, Any] = yaml.safe_load(text) or {}
    return {key: value for key, value in found.items() if key in ENGINE_KEYS} == keys


def with_provider(text: str, keys: Mapping[str, str], encrypted_anew: Mapping[str, str]) -> str:
    """Return a settings file's text with other keys of the engine.

    `encrypted_anew` maps each encrypted value to the one in its place.
    """
    lines = [line for line in text.splitlines() if line.partition(":")[0] not in ENGINE_KEYS]
    written = yaml.safe_dump(dict(keys), sort_keys=False, width=WIDE) if keys else ""
    changed = "\n".join(lines)
    for old, new in encrypted_anew.items():
        changed = changed.replace(old, new)
    return f"{changed}\n{written}"


def _encrypted(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        if set(entries) == {ENCRYPTED}:
            yield path, str(entries[ENCRYPTED])
            return
        for name, inner in entries.items():
            yield from _encrypted(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(cast("list[object]", value)):
            yield from _encrypted(inner, (*path, number))
