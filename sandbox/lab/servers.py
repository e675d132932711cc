"""Web servers that stand on machines of the laboratory and answer from this process."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from sandbox.lab.namespaces import Machine

HTTP = 80
ANSWER_SECONDS = 30.0
_OF_A_CONNECTION = {"connection", "content-length", "date", "server", "transfer-encoding"}
"""What whoever passes an answer on says in words of its own."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a caller asks, and the address it comes from."""

    caller: IPv4Address | IPv6Address
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a caller is told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes


Answering = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    """A server at an address of a machine, from when it is made until `stop`."""

    daemon_threads = True

    def __init__(
        self,
        machine: Machine,
        address: IPv4Address | IPv6Address,
        answering: Answering,
        port: int = HTTP,
    ) -> None:
        super().__init__((str(address), port), _Handler, bind_and_activate=False)
        self.socket.close()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
        self.socket = machine.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_activate()
        self.answering = answering
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer no longer."""
        self.shutdown()
        self.server_close()


def tell_the_caller(request: Request) -> Answer:
    """Answer with the address that the caller comes from."""
    return Answer(body=str(request.caller).encode())


def forward(request: Request, port: int, path: str) -> Answer:
    """Pass a request on to a port of this machine's loopback."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(request.method, path, request.body, request.headers)
        answer = connection.getresponse()
        return Answer(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any  # a Server

    def _answer(self) -> None:
        answer = self.server.answering(
            Request(
                caller=_address(self.client_address[0]),
                method=self.command,
                path=self.path,
                headers=dict(self.headers.items()),
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _OF_A_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Say nothing: an experiment looks at the answers."""


def _address(text: str) -> IPv4Address | IPv6Address:
    return IPv6Address(text) if ":" in text else IPv4Address(text)
