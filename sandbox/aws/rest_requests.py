"""Requests to REST APIs in the embedded AWS: from a method and a path to the function and back.

Owns what API Gateway does between a client and a Lambda proxy integration: which resource a path
means, the event that the function gets (format 1.0), and what its answer becomes. Who may send a
request to an API, and where it comes from, is for `edge` and `trial`. Other integrations are not
served, nor are binary media types: without them every body is text.
"""

import json
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from moto.apigateway.models import Method, Resource, RestAPI

from sandbox.aws import lambdas
from sandbox.aws.call import AwsError
from sandbox.aws.execution import Execution, Function, Outcome

SERVICE = "apigateway.amazonaws.com"
_ANY = "ANY"
_FUNCTION = re.compile(
    r"arn:aws:apigateway:[a-z0-9-]+:lambda:path/[0-9-]+/functions/(.+)/invocations"
)
_PARAMETER = re.compile(r"\{([^{}+]+)(\+?)\}")
_SECONDS = 29.0
"""After which API Gateway gives a function up (API Gateway quotas, read 2026-11-25)."""
_KEPT_APART = {"connection", "content-length", "transfer-encoding"}
"""Headers that are between two neighbours, not for the function or from it."""

Headers = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A resource of an API as it is deployed: its path, and the function ARN of each method.

    A method without a Lambda proxy integration has no ARN.
    """

    resource_id: str
    path: str
    functions: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a deployment keeps of an API: later changes are not served until the next one."""

    policy: str | None
    routes: list[Route]


@dataclass(frozen=True, kw_only=True)
class RestRequest:
    """What a client sent, and as whose it appears in the function's event.

    `base` is what stands before the path where a domain leads to several APIs. `context` has the
    parts of the event's `requestContext` that depend on the way in.
    """

    method: str
    base: str = ""
    path: str
    query: str = ""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    stage: str
    stage_variables: Mapping[str, str] | None
    context: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RestResponse:
    """What the client gets. `log` tells in API Gateway's words how that came."""

    status: int
    body: bytes
    headers: Headers
    log: str = ""

    @classmethod
    def of_gateway(cls, status: int, kind: str, message: Mapping[str, str]) -> "RestResponse":
        """Return a response that API Gateway makes itself."""
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", kind)]
        return cls(status=status, body=json.dumps(message).encode(), headers=headers)


def routes_of(api: RestAPI) -> list[Route]:
    """Return the routes of an API as it is defined now."""
    return [_route(resource) for resource in api.resources.values()]


def _route(resource: Resource) -> Route:
    return Route(
        resource_id=resource.id,
        path=resource.get_path(),
        functions={
            name: _function_of(method) for name, method in resource.resource_methods.items()
        },
    )


def _function_of(method: Method) -> str | None:
    integration = method.method_integration
    if integration is None or integration.integration_type.upper() != "AWS_PROXY":
        return None
    found = _FUNCTION.fullmatch(integration.uri)
    return found[1] if found else None


def route_for(routes: Iterable[Route], method: str, path: str) -> Route | None:
    """Return the route of the most specific path that matches and has the method."""
    fitting = [
        route
        for route in routes
        if {method, _ANY} & route.functions.keys() and parameters_of(route, path) is not None
    ]
    return min(fitting, key=lambda route: list(_generality(route.path)), default=None)


def _generality(path: str) -> Iterator[int]:
    """Return for each part of a path how much it matches; it ends in a number that ends it."""
    for part in path.split("/"):
        found = _PARAMETER.fullmatch(part)
        yield 0 if found is None else 1 + len(found[2])


def parameters_of(route: Route, path: str) -> dict[str, str] | None:
    """Return the path parameters, None where the path does not match the route's."""
    pattern, end = "", 0
    for found in _PARAMETER.finditer(route.path):
        pattern += re.escape(route.path[end : found.start()])
        pattern += f"(?P<_{len(pattern)}>.+)" if found[2] else f"(?P<_{len(pattern)}>[^/]+)"
        end = found.end()
    matched = re.fullmatch(pattern + re.escape(route.path[end:]), path)
    if matched is None:
        return None
    names = [found[1] for found in _PARAMETER.finditer(route.path)]
    return {name: unquote(value) for name, value in zip(names, matched.groups(), strict=True)}


@dataclass(frozen=True, kw_only=True)
class Integration:
    """A request that is admitted and knows where it goes; `run` may take long.

    Without a `function`, the `refusal` says why there is none.
    """

    api_id: str
    account: str
    route: Route
    request: RestRequest
    function: Function | None
    refusal: str

    @classmethod
    def of(
        cls, api_id: str, account: str, region: str, route: Route, request: RestRequest
    ) -> "Integration":
        """Look up the function of a route, and whether API Gateway may invoke it."""
        function, refusal = None, "Invalid permissions on Lambda function"
        arn = route.functions.get(request.method, route.functions.get(_ANY))
        source = f"{api_id}/{request.stage}/{request.method}{route.path}"
        try:
            if arn is None:
                refusal = "The embedded AWS serves integrations of type AWS_PROXY only"
            else:
                function = lambdas.runnable_for(
                    SERVICE, arn, f"arn:aws:execute-api:{region}:{account}:{source}"
                )
        except AwsError as error:
            refusal = str(error.message)
        return cls(
            api_id=api_id,
            account=account,
            route=route,
            request=request,
            function=function,
            refusal=refusal,
        )

    def run(self, execution: Execution, url: str) -> RestResponse:
        """Invoke the function and return what its answer becomes."""
        request_id = str(uuid.uuid4())
        lines = [
            f"Execution log for request {request_id}",
            f"Starting execution for request: {request_id}",
            f"HTTP Method: {self.request.method}, Resource Path: {self.request.path}",
        ]
        response = self._response(execution, url, request_id, lines)
        lines.append(f"Method completed with status: {response.status}")
        now = datetime.now(UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        log = "".join(f"{now} : {line}\n" for line in lines)
        headers = [("x-amzn-RequestId", request_id), *response.headers]
        return RestResponse(status=response.status, body=response.body, headers=headers, log=log)

    def _response(
        self, execution: Execution, url: str, request_id: str, lines: list[str]
    ) -> RestResponse:
        if self.function is None:
            lines.append(f"Execution failed due to configuration error: {self.refusal}")
            return _server_error(500, "Internal server error")
        event = json.dumps(self._event(request_id)).encode()
        started = time.monotonic()
        outcome = execution.invoke(self.function, event, url)
        if time.monotonic() - started > _SECONDS:
            lines.append("Execution failed due to a timeout error")
            return _server_error(504, "Endpoint request timed out")
        response = _from_function(outcome)
        if response is None:
            lines.append(f"Endpoint response body: {outcome.payload.decode()}")
            lines.append(
                "Execution failed due to configuration error: Malformed Lambda proxy response"
            )
            return _server_error(502, "Internal server error")
        return response

    def _event(self, request_id: str) -> dict[str, Any]:
        request, now = self.request, datetime.now(UTC)
        query = parse_qsl(request.query, keep_blank_values=True)
        headers = [
            (name, value) for name, value in request.headers if name.lower() not in _KEPT_APART
        ]
        return {
            "resource": self.route.path,
            "path": unquote(request.base + request.path),
            "httpMethod": request.method,
            "headers": dict(headers) or None,
            "multiValueHeaders": _multiple(headers),
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": _multiple(query),
            "pathParameters": parameters_of(self.route, request.path) or None,
            "stageVariables": request.stage_variables or None,
            "requestContext": {
                "accountId": self.account,
                "apiId": self.api_id,
                "extendedRequestId": request_id,
                "httpMethod": request.method,
                "path": request.base + request.path,
                "protocol": "HTTP/1.1",
                "requestId": request_id,
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "requestTimeEpoch": int(now.timestamp() * 1000),
                "resourceId": self.route.resource_id,
                "resourcePath": self.route.path,
                "stage": request.stage,
                **request.context,
            },
            "body": request.body.decode(errors="replace") or None,
            "isBase64Encoded": False,
        }


def _multiple(pairs: Headers) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found or None


def _server_error(status: int, message: str) -> RestResponse:
    kind = "InternalServerErrorException"
    return RestResponse.of_gateway(status, kind, {"message": message})


def _from_function(outcome: Outcome) -> RestResponse | None:
    """Return what a function answered, None where it has not the form that API Gateway takes."""
    answer = json.loads(outcome.payload)
    if not isinstance(answer, dict):
        return None
    fields = cast("dict[str, Any]", answer)
    known = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    status, body = fields.get("statusCode"), fields.get("body") or ""
    if fields.keys() - known or not str(status).isdecimal() or not isinstance(body, str):
        return None
    multiple: Mapping[str, list[str]] = fields.get("multiValueHeaders") or {}
    headers = [(name, str(value)) for name, values in multiple.items() for value in values]
    single: Mapping[str, object] = fields.get("headers") or {}
    named = {name.lower() for name, _ in headers} | _KEPT_APART
    headers += [(name, str(value)) for name, value in single.items() if name.lower() not in named]
    if "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", "application/json"))
    return RestResponse(status=int(str(status)), body=body.encode(), headers=headers)
