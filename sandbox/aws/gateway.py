"""The front door of the embedded AWS: each request is authenticated, authorised, ruled, answered.

Owns the order of these steps and what is answered when one of the first two fails. The rules of the
services are in modules of their own; whatever they let pass is moto's to answer, in the account
that owns what they are about. Requests are taken one after another, so a rule may look before moto
leaps; only what a rule leaves for later runs beside them.
"""

import functools
import io
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.core.exceptions import ServiceException
from moto.core.request import Request as HttpRequest
from werkzeug.wrappers import Response

from sandbox.aws import (
    acm,
    apigateway,
    backup,
    codebuild,
    codeconnections,
    codepipeline,
    events,
    iam,
    instance_metadata,
    kms,
    lambdas,
    organizations,
    owners,
    paths,
    route53,
    s3,
    sns,
    state,
    sts,
    trial,
)
from sandbox.aws.authorization import authorize
from sandbox.aws.call import AwsError, Call, read, scope_of, service_of
from sandbox.aws.credentials import ANONYMOUS, Credentials
from sandbox.aws.edge import Edge
from sandbox.aws.execution import Execution
from sandbox.aws.instance_metadata import InstanceMetadata
from sandbox.aws.moto_untyped import DomainDispatcherApplication, create_backend_app
from sandbox.aws.root import RootSessions
from sandbox.aws.rules import Answer, Later, Rule
from sandbox.aws.services import ServiceSessions

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
_WITHOUT_MOTO = ("codeconnections",)
"""Services that moto does not have: a module here answers all of their operations."""
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
        execution, root = Execution(self._credentials), RootSessions(self._credentials)
        self.edge = Edge(self._turn, execution, management_account)
        self._unsigned: dict[str, Callable[[WSGIEnvironment], Response]] = {
            instance_metadata.PREFIX: InstanceMetadata(self._credentials).answer,
            paths.ROOT_SESSIONS: root.sign_in,
            paths.SERVICE_SESSIONS: ServiceSessions(self._credentials).answer,
            paths.FINISHED_CONNECTIONS: lambda environ: codeconnections.finish(
                HttpRequest(environ)
            ),
            paths.AUTHORITY: lambda _: self.edge.authority(),
        }
        for service in (acm, apigateway, kms, lambdas, route53, s3):
            service.install()
        self._with_ec2 = False
        self._rules: dict[tuple[str, str], Rule] = {
            **acm.rules(),
            **apigateway.rules(management_account),
            **backup.rules(),
            **codebuild.rules(),
            **codeconnections.rules(),
            **codepipeline.rules(),
            **events.rules(),
            **iam.rules(management_account),
            **kms.rules(management_account),
            **lambdas.rules(management_account, execution),
            **organizations.rules(),
            **root.rules(),
            **route53.rules(),
            **s3.rules(management_account),
            **sns.rules(),
            **sts.rules(self._credentials),
            **trial.rules(execution),
        }

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request; what is no API of AWS needs no signature."""
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(_MOTO_API):
            return self._moto(environ, start_response)
        with self._turn:
            answers = (found for prefix, found in self._unsigned.items() if path.startswith(prefix))
            application = next(answers, self._answer)(environ)
            if not isinstance(application, _Lengthy):
                return application(environ, start_response)
        return application(environ, start_response)

    def _answer(self, environ: "WSGIEnvironment") -> "WSGIApplication":
        request = HttpRequest(environ)
        body = request.get_data()
        scope = scope_of(request)
        if scope is None:
            return _unsigned()
        principal = self._credentials.authenticate(scope.access_key_id, scope.session_token)
        service = scope.signing_name
        if service not in _WITHOUT_MOTO:
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
            return _Lengthy(call, result) if callable(result) else call.answer(result)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = owners.account_of(call)
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


@dataclass(frozen=True)
class _Lengthy:
    """The answer to a call that keeps nobody waiting but its caller."""

    call: Call
    make: Later

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        return self.call.answer(self.make())(environ, start_response)


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
