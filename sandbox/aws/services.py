"""What AWS's services do in a customer's account for themselves: they take the roles given to them.

Owns the sessions of roles whose trust names a service. Whoever plays a service here, such as a
build, asks for its session at a path of its own, without a signature: AWS has no API for that.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from moto.core.request import Request as HttpRequest
from moto.iam.models import Role
from werkzeug.wrappers import Response

from iam import policy
from iam.policy import Effect, Request
from iam.principals import principals
from sandbox.aws import state
from sandbox.aws.credentials import Credentials
from sandbox.aws.sts import role_session

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SESSION = timedelta(hours=1)
_FORBIDDEN = 403


class ServiceSessions:
    """The sessions that services get of customers' roles."""

    def __init__(self, credentials: Credentials) -> None:
        """Hand out sessions of roles among the given credentials."""
        self._credentials = credentials

    def answer(self, environ: "WSGIEnvironment") -> Response:
        """Answer a service that names itself, a role, what it acts for and the session."""
        asked: dict[str, str] = json.loads(HttpRequest(environ).get_data())
        account, name = asked["role"].split(":")[4], asked["role"].rsplit("/", 1)[-1]
        role = state.role(account, name)
        if role is None or role.arn != asked["role"] or not _trusts(role, asked):
            what = f"{asked['service']} is not authorized to perform: sts:AssumeRole on"
            return Response(f"{what} {asked['role']}", _FORBIDDEN)
        session = self._credentials.issue(role_session(role, asked["session"]), _SESSION)
        return Response(json.dumps(session.keys), mimetype="application/json")


def _trusts(role: Role, asked: Mapping[str, str]) -> bool:
    """Judge a service by the role's trust and its conditions on what the service acts for."""
    document = state.document(role.assume_role_policy_document)
    named = [
        statement
        for statement in policy.statements(document)
        if ("Service", asked["service"]) in principals(statement)
    ]
    context = {
        "aws:principalisawsservice": ("true",),
        "aws:sourceaccount": (role.account_id,),
        "aws:sourcearn": (asked["source"],),
    }
    request = Request(action="sts:AssumeRole", resource=role.arn, context=context)
    return policy.evaluate([{**document, "Statement": named}], request) is Effect.ALLOW
