"""The generated gRPC protocol of Pulumi, imported without Pulumi's SDK.

`pulumi.runtime.proto` is self-contained, but importing it runs `pulumi/__init__.py`, which takes
three times as long as everything else in the plugin's start, and the engine starts a plugin for
every provider of every run.
"""

import importlib.util
import sys
from types import ModuleType


def leave_out_the_sdk() -> None:
    """Put empty packages in the SDK's place; only for a process that never needs the SDK."""
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("the package pulumi is not installed")
    folders = list(spec.submodule_search_locations)
    for name, suffix in (("pulumi", ""), ("pulumi.runtime", "/runtime")):
        package = ModuleType(name)
        package.__path__ = [folder + suffix for folder in folders]
        sys.modules[name] = package
