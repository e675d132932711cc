"""Writes the program that a measurement is compared with: the same resources, and nothing else.

No components, no settings, no checks, no wiring: every value stands there as it came out. That is
less than a program by hand could do, so the comparison is on the strict side.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

import pulumi
from pulumi.runtime import MockResourceArgs

from bench.mocked import STACK_REFERENCE, inputs_of

PROVIDER = "pulumi:providers:aws"


def program(registered: Sequence[MockResourceArgs]) -> str:
    """Return the source of a program that registers the same resources in the same order."""
    lines = ["import pulumi", "import pulumi_aws as aws", "", "providers = {}"]
    return "\n".join([*lines, *(_statement(resource) for resource in registered), ""])


def _statement(resource: MockResourceArgs) -> str:
    if resource.typ == STACK_REFERENCE:
        return f"pulumi.StackReference({resource.name!r})"
    inputs = inputs_of(resource)
    if resource.typ == PROVIDER:
        call = _call("aws.Provider", resource.name, _decoded(inputs))
        return f"providers[{resource.name!r}] = {call})"
    _, place, kind = resource.typ.split(":")
    module = place.partition("/")[0]
    # The SDK has an underscore after the one module that is a word of Python.
    call = _call(f"aws.{module.replace('lambda', 'lambda_')}.{kind}", resource.name, inputs)
    provider = str(resource.provider).split("::")[-2]
    return f"{call}, opts=pulumi.ResourceOptions(provider=providers[{provider!r}]))"


def _call(constructor: str, name: str, inputs: dict[str, Any]) -> str:
    arguments = [f"{_snake_case(key)}={_literal(value)}" for key, value in inputs.items()]
    return f"{constructor}({', '.join([repr(name), *arguments])}"


def _decoded(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return a provider's inputs as a program gives them; they are registered as JSON texts."""
    return {
        key: value if key == "region" else json.loads(value)
        for key, value in inputs.items()
        if isinstance(value, str)
    }


def _snake_case(name: str) -> str:
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def _literal(value: object) -> str:
    if isinstance(value, pulumi.AssetArchive):
        assets = cast("dict[str, object]", value.assets)
        return f"pulumi.AssetArchive({_literal(assets)})"
    if isinstance(value, pulumi.FileAsset):
        return f"pulumi.FileAsset({str(value.path)!r})"
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value).items()
        return f"{{{', '.join(f'{key!r}: {_literal(entry)}' for key, entry in entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, cast('list[object]', value)))}]"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return repr(value)
