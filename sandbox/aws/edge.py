"""The public side of the embedded AWS: what anybody reaches by a name and HTTPS.

Owns the way from a name to an answer: the name is looked up through the hosted zones, shows the
certificate of a custom domain of API Gateway, and a request is mapped to an API's stage, held to
the API's policy and answered by its function. Clients come through the gateway's own port as an
HTTPS proxy. A name that leads to nothing here leads to nothing: this is no way out.
"""

import base64
import binascii
import http.server
import ipaddress
import json
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, cast

from moto.apigateway.models import DomainName, RestAPI, apigateway_backends
from werkzeug.serving import DechunkedInput
from werkzeug.wrappers import Response

from iam.policy import Effect, Request
from sandbox.aws import apigateway
from sandbox.aws.authority import Authority
from sandbox.aws.credentials import ANONYMOUS
from sandbox.aws.dns import alias_of, normalized
from sandbox.aws.execution import Execution
from sandbox.aws.moto_untyped import MotoRequestHandler
from sandbox.aws.rest_requests import Integration, RestRequest, RestResponse, route_for
from sandbox.aws.trust import trust_in

OUTSIDE = "203.0.113.10"
"""Where clients come from that do not say otherwise: an address for documentation (RFC 5737)."""
_HTTPS = 443
_EVERY_PATH = "(none)"
_FORBIDDEN = 403


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A custom domain of API Gateway, in its account and region."""

    account: str
    region: str
    name: str


class Edge:
    """Answers by name. `turn` is held while resources are looked at, not while functions run."""

    def __init__(
        self, turn: AbstractContextManager[Any], execution: Execution, management_account: str
    ) -> None:
        self._turn = turn
        self._execution = execution
        self._authority = Authority(f"Sandbox of {management_account}")

    def authority(self) -> Response:
        """Answer with the certificate, as PEM, that a client has to trust."""
        return Response(self._authority.certificate, mimetype="application/x-pem-file")

    def domain(self, host: str, client: str) -> Domain | str:
        """Return the domain that a client reaches by a name, or in words why it reaches none.

        A domain has a certificate for its name, since API Gateway makes none without.
        """
        record_type = "AAAA" if ":" in client else "A"
        with self._turn:
            target = alias_of(host, record_type)
            if target is None:
                return f"{host} has no {record_type} record in the hosted zones of this sandbox"
            for domain, entry in _domains():
                if normalized(entry.regional_domain_name) != normalized(target):
                    continue
                if record_type == "AAAA" and not apigateway.is_dualstack(entry):
                    return f"{host} leads to {target}, which has no IPv6 address"
                if normalized(domain.name) == normalized(host):
                    return domain
            return f"{host} leads to {target}, and nothing there answers to that name"

    def secured(self, host: str) -> ssl.SSLContext:
        """Return what shows the certificate of a name."""
        with self._turn:
            return self._authority.context_for(host)

    def answer(self, domain: Domain, client: str, asked: "Asked", url: str) -> RestResponse:
        """Answer a request to a domain."""
        with self._turn:
            prepared = _prepared(domain, client, asked)
        if isinstance(prepared, RestResponse):
            return prepared
        return prepared.run(self._execution, url)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def _domains() -> Iterator[tuple[Domain, DomainName]]:
    for account, backends in list(apigateway_backends.items()):
        for region, backend in list(backends.items()):
            for name, entry in backend.domain_names.items():
                yield Domain(account=account, region=region, name=name), entry


def _prepared(domain: Domain, client: str, asked: Asked) -> Integration | RestResponse:
    backend = apigateway_backends[domain.account][domain.region]
    path, _, query = asked.target.partition("?")
    mappings = backend.base_path_mappings.get(domain.name, {})
    base = path.split("/")[1] if path.count("/") else ""
    is_below = base in mappings
    mapping = mappings.get(base if is_below else _EVERY_PATH)
    api = backend.apis.get(mapping.rest_api_id) if mapping else None
    if mapping is None or api is None:
        return _forbidden()
    inner = (path.removeprefix(f"/{base}") if is_below else path) or "/"
    stage = api.stages.get(mapping.stage or "")
    served = apigateway.served_by(api, stage) if stage else None
    if stage is None or served is None:
        return _forbidden()
    resource = f"{api.id}/{stage.name}/{asked.method}{inner}"
    refused = _refused(served.policy, domain, api, client, asked, resource)
    if refused is not None:
        return refused
    route = route_for(served.routes, asked.method, inner)
    if route is None:
        message = {"message": "Missing Authentication Token"}
        return RestResponse.of_gateway(_FORBIDDEN, "MissingAuthenticationTokenException", message)
    request = RestRequest(
        method=asked.method,
        base=path.removesuffix(inner),
        path=inner,
        query=query,
        headers=[*asked.headers, *_forwarded(client)],
        body=asked.body,
        stage=str(stage.name),
        stage_variables=stage.variables,
        context={
            "domainName": domain.name,
            "domainPrefix": domain.name.partition(".")[0],
            "identity": {"sourceIp": client, "userAgent": asked.header("user-agent") or None},
        },
    )
    return Integration.of(api.id, domain.account, domain.region, route, request)


def _refused(
    document: str | None,
    domain: Domain,
    api: RestAPI,
    client: str,
    asked: Asked,
    resource: str,
) -> RestResponse | None:
    """Return the refusal of the API's policy; an API without one admits everybody."""
    if not document:
        return None
    place = f"arn:aws:execute-api:{domain.region}"
    now = datetime.now(UTC)
    context = {
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:securetransport": ("true",),
        "aws:sourceip": (client,),
        "aws:useragent": (asked.header("user-agent"),),
    }
    request = Request(
        action="execute-api:Invoke",
        resource=f"{place}:{domain.account}:{resource}",
        context=context,
    )
    # A policy may leave out what stands before the stage.
    whole = document.replace('"execute-api:/', f'"{place}:{domain.account}:{api.id}/')
    effect = trust_in(json.loads(whole), domain.account, ANONYMOUS, request).effect
    if effect is Effect.ALLOW:
        return None
    shown = f"{place}:********{domain.account[-4:]}:{resource}"
    message = f"User: anonymous is not authorized to perform: {request.action} on resource: {shown}"
    if effect is Effect.DENY:
        message += " with an explicit deny"
    return RestResponse.of_gateway(_FORBIDDEN, "AccessDeniedException", {"Message": message})


def _forbidden() -> RestResponse:
    return RestResponse.of_gateway(_FORBIDDEN, "ForbiddenException", {"message": "Forbidden"})


def _forwarded(client: str) -> list[tuple[str, str]]:
    return [
        ("X-Forwarded-For", client),
        ("X-Forwarded-Port", str(_HTTPS)),
        ("X-Forwarded-Proto", "https"),
    ]


class FrontDoor(MotoRequestHandler):
    """Lets clients in that use the gateway's port as a proxy; all else is the gateway's.

    A client comes from `OUTSIDE`, or from the address that it gives as the proxy's password, the
    user being `from`: `HTTPS_PROXY=http://from:198.51.100.7@127.0.0.1:PORT`.
    """

    def do_CONNECT(self) -> None:  # noqa: N802 - the name is its method's
        """Make a tunnel to a name and answer what comes through it."""
        self.close_connection = True
        edge: Edge = cast("Any", self.server.app).edge
        host, _, port = self.path.rpartition(":")
        try:
            client = _client(self.headers.get("Proxy-Authorization", ""))
        except ValueError as error:
            self._end(400, f"the proxy's password is no address: {error}")
            return
        domain = edge.domain(host, client) if port == str(_HTTPS) else f"nothing listens on {port}"
        if isinstance(domain, str):
            self._end(502, domain)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            secured = edge.secured(host).wrap_socket(self.connection, server_side=True)
        except OSError:
            return  # the client does not trust the authority, and says so itself
        with secured:
            _Requests(self, secured, edge, domain, client)

    def _end(self, status: int, reason: str) -> None:
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode("latin-1", "replace"))


def _client(credentials: str) -> str:
    """Return the address in a proxy's credentials."""
    kind, _, encoded = credentials.partition(" ")
    if kind.lower() != "basic":
        return OUTSIDE
    try:
        address = base64.b64decode(encoded).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        address = encoded
    return str(ipaddress.ip_address(address))


class _Requests(http.server.BaseHTTPRequestHandler):
    """The requests that come through one tunnel."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(
        self, door: FrontDoor, secured: ssl.SSLSocket, edge: Edge, domain: Domain, client: str
    ) -> None:
        self._edge, self._domain, self._client = edge, domain, client
        self._url = f"http://127.0.0.1:{door.server.port}"
        super().__init__(secured, door.client_address, door.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing, as the gateway does not."""

    def answer(self) -> None:
        """Answer one request, whatever its method."""
        response = self._edge.answer(self._domain, self._client, self._asked(), self._url)
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _asked(self) -> Asked:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = DechunkedInput(cast("IO[bytes]", self.rfile)).read()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return Asked(
            method=self.command, target=self.path, headers=list(self.headers.items()), body=body
        )


for _method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(_Requests, f"do_{_method}", _Requests.answer)
