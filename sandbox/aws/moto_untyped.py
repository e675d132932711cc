"""The parts of moto that carry no type information, given types in this one place."""

import importlib
from typing import Any

from moto.moto_server import werkzeug_app  # pyright: ignore[reportMissingTypeStubs]

DomainDispatcherApplication = werkzeug_app.DomainDispatcherApplication
MotoRequestHandler = werkzeug_app.MotoRequestHandler
create_backend_app = werkzeug_app.create_backend_app

PROTOCOL_PARSERS: dict[str, Any] = importlib.import_module("moto.core.parse").PROTOCOL_PARSERS
"""A class for each protocol, made with an operation's model, whose `parse` reads a request."""
