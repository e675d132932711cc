"""The front door of the embedded AWS: each request is authenticated, authorised, ruled, answered.

Owns the order of these steps and what is answered when one of the first two fails. The rules of the
services are in modules of their own; whatever they let pass is moto's to answer, in the account of
the caller. Requests are taken one after another, so a rule may look before moto leaps.
"""

import io
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.core.request import Request as HttpRequest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from sandbox.aws import acm, apigateway, iam, organizations, route53, state, sts
from sandbox.aws.authorization import authorize
from sandbox.aws.call import AwsError, Call, read, scope_of, service_of
from sandbox.aws.credentials import ANONYMOUS, Credentials

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_MOTO_API = "/moto-api/"
_FORBIDDEN = 403
_UNKNOWN_KEY_CODES = {
    "ec2": "AuthFailure",
    "json": "UnrecognizedClientException",
    "rest-json": "UnrecognizedClientException",
}
_UNKNOWN_KEY = "The security token included in the request is invalid."


class Gateway:
    """A WSGI application that answers as AWS does to the accounts of one organization."""

    def __init__(self, management_account: str) -> None:
        """Starts without any resource; the operator works in the management account."""
        self._credentials = Credentials(management_account)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._turn = threading.Lock()
        route53.install()
        acm.install()
        self._rules = {
            **acm.RULES,
            **apigateway.rules(management_account),
            **iam.rules(management_account),
            **organizations.rules(),
            **route53.RULES,
            **sts.rules(self._credentials),
        }

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answers one request; moto's own API needs no credentials."""
        if str(environ.get("PATH_INFO", "")).startswith(_MOTO_API):
            return self._moto(environ, start_response)
        request = HttpRequest(environ)
        body = request.get_data()
        with self._turn:
            response = self._answer(request)
            if response is not None:
                return response(environ, start_response)
            environ["wsgi.input"] = io.BytesIO(body)
            return self._moto(environ, start_response)

    def _answer(self, request: HttpRequest) -> Response | None:
        """The answer to a request, or None if moto shall give it."""
        scope = scope_of(request)
        if scope is None:
            return _unsigned()
        principal = self._credentials.authenticate(scope.access_key_id, scope.session_token)
        service = service_of(request, self._moto)
        call = read(request, service, scope, principal or ANONYMOUS)
        if call is None:
            return _unknown_operation(request, service)
        if principal is None or not state.is_active(principal.account):
            code = _UNKNOWN_KEY_CODES.get(call.protocol, "InvalidClientTokenId")
            return call.answer(AwsError(code, _UNKNOWN_KEY, _FORBIDDEN))
        return self._ruled(call)

    def _ruled(self, call: Call) -> Response | None:
        rule = self._rules.get((call.service, call.operation)) or self._rules.get(
            (call.service, "*")
        )
        try:
            authorize(call)
            result = rule(call) if rule else None
        except AwsError as refusal:
            return call.answer(refusal)
        call.request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        return None if result is None else call.answer(result)


def _unsigned() -> Response:
    message = "Request is missing Authentication Token"
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code><Message>{message}</Message></Error></ErrorResponse>"
    return Response(body, _FORBIDDEN, {"x-amzn-errortype": "MissingAuthenticationToken"})


def _unknown_operation(request: HttpRequest, service: str) -> Response:
    return Response(f"The embedded AWS has no operation {request.method} {request.path} of {service}.", 501)
