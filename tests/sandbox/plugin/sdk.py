"""What the installed `pulumi_aws` declares about a resource type."""

import collections.abc
import importlib
import inspect
import sys
import typing
from dataclasses import dataclass, field
from typing import Any

from pulumi import _types  # how the SDK itself reads its classes

_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}
_MODULES = {"lambda": "lambda_"}


@dataclass
class Property:
    kind: str
    required: bool = False
    fields: dict[str, "Property"] = field(default_factory=dict)


def inputs(type_name: str) -> dict[str, Property]:
    cls = _class(type_name)
    module = sys.modules[cls.__module__]
    usual = f"{cls.__name__}Args"  # of another class, where a nested type has this very name
    return _properties(getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, usual))


def outputs(type_name: str) -> set[str]:
    return {*_types.resource_types(_class(type_name))} - inputs(type_name).keys()


def provider_inputs() -> set[str]:
    module = importlib.import_module("pulumi_aws.provider")
    return {*_types.input_type_types(module.ProviderArgs)}


def _class(type_name: str) -> Any:
    _package, module, name = type_name.split(":")
    service = module.split("/")[0]
    return getattr(importlib.import_module(f"pulumi_aws.{_MODULES.get(service, service)}"), name)


def _properties(cls: Any) -> dict[str, Property]:
    parameters = inspect.signature(cls.__init__).parameters
    python_names = {pulumi: py for py, pulumi in _types.input_type_py_to_pulumi_names(cls).items()}
    found = {}
    for name, annotation in _types.input_type_types(cls).items():
        found[name] = _property(annotation)
        parameter = parameters[python_names.get(name, name)]
        found[name].required = parameter.default is inspect.Parameter.empty
    return found


def _property(annotation: Any) -> Property:
    type_ = _types.unwrap_type(annotation)
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is typing.Union:  # text, or an enumeration's or a document's class
        assert str in arguments
        return Property("string")
    if origin in (list, collections.abc.Sequence):
        return Property("list", fields=_property(arguments[0]).fields)
    if origin in (dict, collections.abc.Mapping):
        return Property("map")
    if _types.is_input_type(type_):
        return Property("object", fields=_properties(type_))
    return Property(_KINDS.get(type_, type_.__name__.lower()))
