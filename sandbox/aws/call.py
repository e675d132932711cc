"""One AWS API call: what a request asks for, read from the wire, and the answers to it.

Owns the reading of requests and the writing of results and errors in the protocol of the service,
by moto's routers, parsers and serialisers. It decides nothing: that is for `authorization` and for
the modules with the rules of a service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, StringShape, StructureShape
from moto.core.request import Request as HttpRequest
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import service_name_from_moto_package_name
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from sandbox.aws.credentials import Principal
from sandbox.aws.moto_untyped import PROTOCOL_PARSERS, DomainDispatcherApplication

_SCOPE = re.compile(r"([^/=\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
"""The credential scope of a signed request: access key, date, region, signing name."""

_HOST_OF_PRESIGNED = "s3.us-east-1.amazonaws.com"
"""Where moto takes a request whose signature is in its query string."""

_DATE_IN_OPERATION = re.compile(r"\d{4}_\d{2}_\d{2}$")


class AwsError(ServiceException):
    """An error as AWS would answer it; without a `status` the service's model gives it."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(code, message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the signature of a request says: who, where and which service."""

    access_key_id: str
    session_token: str | None
    region: str
    signing_name: str


def scope_of(request: HttpRequest) -> Scope | None:
    """Return the scope of a request signed in a header or in its query string; None if unsigned."""
    query = {key: values[-1] for key, values in parse_qs(request.query_string.decode()).items()}
    signed = request.headers.get("Authorization") or query.get("X-Amz-Credential", "")
    found = _SCOPE.search(signed)
    if found is None:
        return None
    token = request.headers.get("X-Amz-Security-Token") or query.get("X-Amz-Security-Token")
    return Scope(
        access_key_id=found[1], session_token=token, region=found[2], signing_name=found[3].lower()
    )


def service_of(request: HttpRequest, dispatcher: DomainDispatcherApplication) -> str:
    """Return botocore's name of the service that moto will send this request to."""
    environ = request.environ
    host = dispatcher.infer_service_region_host(environ, request.path) or _HOST_OF_PRESIGNED
    package = str(dispatcher.get_backend_for_host(host))
    if package == "apigateway" and request.path.startswith("/v2/"):
        return "apigatewayv2"
    if package == "es" and request.path.startswith("/2021-01-01/"):
        return "opensearch"
    return "lambda" if package == "awslambda" else service_name_from_moto_package_name(package)


@dataclass(frozen=True, kw_only=True)
class Call:
    """An authenticated API call. `operation` is botocore's name without a date at its end."""

    principal: Principal
    region: str
    service: str
    signing_name: str
    operation: str
    request: HttpRequest
    model: OperationModel
    uri_parameters: Mapping[str, Any]

    @property
    def account(self) -> str:
        """The account that the call works in."""
        return self.principal.account

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The arguments under the names and in the shape that boto3 takes them."""
        parser = PROTOCOL_PARSERS[self.protocol](self.model)
        parsed = parser.parse(
            {
                "method": self.request.method,
                "values": self.request.values,
                "headers": self.request.headers,
                "body": self.request.get_data(),
                "url_path": self.request.path,
                "url_params": dict(self.uri_parameters),
            }
        )
        return cast("Mapping[str, Any]", parsed)

    @cached_property
    def protocol(self) -> str:
        """One of "json", "query", "rest-json", "rest-xml" and "ec2"."""
        content_type = self.request.content_type
        return determine_request_protocol(self.model.service_model, content_type)

    def text(self, name: str) -> str:
        """Return a parameter as text; empty where the caller left it out."""
        value = self.parameters.get(name)
        return "" if value is None else str(value)

    def enumeration(self, name: str) -> list[str]:
        """Return the values that the service's model lists for a parameter."""
        shape = self.model.input_shape
        members = shape.members if isinstance(shape, StructureShape) else {}
        member = members.get(name)
        return list(member.enum) if isinstance(member, StringShape) else []

    def answer(self, result: object) -> Response:
        """Return the response to a result in boto3's shape, or to an `AwsError`."""
        service = self.model.service_model.service_name
        serialised = get_serializer_class(service, self.protocol)(self.model).serialize(result)
        forced = result.status if isinstance(result, AwsError) else None
        return Response(
            serialised["body"], forced or serialised["status_code"], serialised["headers"]
        )


def read(request: HttpRequest, service: str, scope: Scope, principal: Principal) -> Call | None:
    """Return the call in a request, or None where the service has no such operation."""
    try:
        model, uri_parameters = get_service_router(service).match(request)
    except (NotFound, NotImplementedError, UnknownServiceError):
        return None
    return Call(
        principal=principal,
        region=scope.region,
        service=service,
        signing_name=scope.signing_name,
        operation=_DATE_IN_OPERATION.sub("", model.name),
        request=request,
        model=model,
        uri_parameters=uri_parameters,
    )
