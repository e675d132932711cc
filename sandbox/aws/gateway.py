"""The front door of the embedded AWS: each request is authenticated, authorised, ruled, answered.

Owns the order of these steps and what is answered when one of the first two fails. The rules of the
services are in modules of their own; whatever they let pass is moto's to answer, in the account of
the caller. Requests are taken one after another, so a rule may look before moto leaps.
"""

import functools
import io
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.core.exceptions import ServiceException
from moto.core.request import Request as HttpRequest
from werkzeug.wrappers import Response

from sandbox.aws import (
    acm,
    apigateway,
    iam,
    kms,
    lambdas,
    organizations,
    resource_policies,
    route53,
    sns,
    state,
    sts,
)
from sandbox.aws.authorization import authorize
from sandbox.aws.call import AwsError, Call, read, scope_of, service_of
from sandbox.aws.credentials import ANONYMOUS, Credentials
from sandbox.aws.instance_metadata import PREFIX, InstanceMetadata
from sandbox.aws.moto_untyped import DomainDispatcherApplication, create_backend_app
from sandbox.aws.rules import Answer, Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MOTO_API = "/moto-api/"
_FORBIDDEN = 403
_NOT_IMPLEMENTED = 501
_UNKNOWN_KEY_CODES = {
    "ec2": "AuthFailure",
    "json": "UnrecognizedClientException",
    "rest-json": "UnrecognizedClientException",
}
_WITH_EC2 = ("autoscaling", "ec2", "ssm")
"""Services that moto builds on EC2."""
_UNKNOWN_KEY = "The security token included in the request is invalid."


class Gateway:
    """A WSGI application that answers as AWS does to the accounts of one organization."""

    def __init__(self, management_account: str) -> None:
        """Start without any resource; the operator works in the management account."""
        self._credentials = Credentials(management_account)
        self._moto = DomainDispatcherApplication(create_backend_app)
        # moto looks through its own directory for this, two times a request
        self._moto.get_backend_for_host = functools.cache(self._moto.get_backend_for_host)
        self._turn = threading.Lock()
        self._metadata = InstanceMetadata(self._credentials)
        for service in (acm, kms, lambdas, route53):
            service.install()
        self._with_ec2 = False
        self._rules: dict[tuple[str, str], Rule] = {
            **acm.rules(),
            **apigateway.rules(management_account),
            **iam.rules(management_account),
            **kms.rules(management_account),
            **lambdas.rules(management_account),
            **organizations.rules(),
            **resource_policies.rules(management_account),
            **route53.rules(),
            **sns.rules(),
            **sts.rules(self._credentials),
        }

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request; moto's own API and an instance's metadata need no signature."""
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(_MOTO_API):
            return self._moto(environ, start_response)
        with self._turn:
            answer = self._metadata.answer if path.startswith(PREFIX) else self._answer
            return answer(environ)(environ, start_response)

    def _answer(self, environ: "WSGIEnvironment") -> "WSGIApplication":
        request = HttpRequest(environ)
        body = request.get_data()
        scope = scope_of(request)
        if scope is None:
            return _unsigned()
        principal = self._credentials.authenticate(scope.access_key_id, scope.session_token)
        service = service_of(request, self._moto)
        self._make_ready(service)
        call = read(request, service, scope, principal or ANONYMOUS)
        if call is None:
            return _unknown_operation(request, scope.signing_name)
        if principal is None or not state.is_active(principal.account):
            code = _UNKNOWN_KEY_CODES.get(call.protocol, "InvalidClientTokenId")
            return call.answer(AwsError(code, _UNKNOWN_KEY, _FORBIDDEN))
        try:
            authorize(call)
            result = self._rule(call)
        except ServiceException as refusal:
            return call.answer(refusal)
        if result is not None:
            return call.answer(result)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        return self._moto_for(call)

    def _make_ready(self, service: str) -> None:
        """Load what EC2 needs when it is first asked for: a second's work, and 110 MB."""
        if service not in _WITH_EC2 or self._with_ec2:
            return
        from sandbox.aws import autoscaling, ec2, ssm  # noqa: PLC0415

        for module in (autoscaling, ec2, ssm):
            module.install()
            self._rules |= module.rules()
        self._with_ec2 = True

    def _rule(self, call: Call) -> Answer:
        for operation in (call.operation, "*"):
            rule = self._rules.get((call.service, operation))
            if rule is not None:
                return rule(call)
        return None

    def _moto_for(self, call: Call) -> "WSGIApplication":
        def application(
            environ: "WSGIEnvironment", start_response: "StartResponse"
        ) -> Iterable[bytes]:
            try:
                return self._moto(environ, start_response)
            except NotImplementedError:
                message = f"The embedded AWS does not have {call.service} {call.operation}."
                error = AwsError("NotImplemented", message, _NOT_IMPLEMENTED)
                return call.answer(error)(environ, start_response)

        return application


def _unsigned() -> Response:
    body = (
        "<ErrorResponse><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>"
        "<Message>Request is missing Authentication Token</Message></Error></ErrorResponse>"
    )
    return Response(body, _FORBIDDEN, {"x-amzn-errortype": "MissingAuthenticationToken"})


def _unknown_operation(request: HttpRequest, service: str) -> Response:
    """Not authorisable, so not passed on."""
    message = f"The embedded AWS knows no {service} operation {request.method} {request.path}."
    return Response(message, _NOT_IMPLEMENTED)
