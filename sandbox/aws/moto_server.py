"""moto's web server, imported in this one place: its package carries no type information."""

from moto.moto_server import werkzeug_app  # pyright: ignore[reportMissingTypeStubs]

DomainDispatcherApplication = werkzeug_app.DomainDispatcherApplication
MotoRequestHandler = werkzeug_app.MotoRequestHandler
create_backend_app = werkzeug_app.create_backend_app
