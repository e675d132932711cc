"""Root users in the embedded AWS: who signs in as one, and whose session the organization takes.

Owns both kinds of sessions. Signing in is a matter of AWS's console, so it is at a path of its own,
without a password. Sessions by `sts:AssumeRoot` are for the management account, limited to one of
AWS's tasks; that centralized root access is switched on is taken for granted.
"""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from moto.core.request import Request as HttpRequest
from werkzeug.wrappers import Response

from iam import policy
from iam.principals import account_arn
from sandbox.aws import iam, paths, state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.credentials import Credentials, Principal
from sandbox.aws.rules import Answer, Rules

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TASKS = "/root-task/"
"""The path of the policies that a session of a root user may have."""
_SIGNED_IN = timedelta(hours=12)
_LONGEST_TASK = 900
"""Seconds, and what a session has that does not say (AWS STS API, AssumeRoot, read 2026-11-28)."""
_FORBIDDEN, _NOT_FOUND = 403, 404


class RootSessions:
    """The sessions of root users of member accounts."""

    def __init__(self, credentials: Credentials) -> None:
        """Hand out sessions among the given credentials."""
        self._credentials = credentials

    def rules(self) -> Rules:
        """Return the operation that this module answers."""
        return {("sts", "AssumeRoot"): self._assume}

    def sign_in(self, environ: "WSGIEnvironment") -> Response:
        """Answer a person who signs in as the root user of the account that the path names."""
        account = HttpRequest(environ).path.removeprefix(paths.ROOT_SESSIONS)
        if state.member(account) is None:
            return Response(f"There is no account {account}.", _NOT_FOUND)
        session = self._credentials.issue(_root_of(account), _SIGNED_IN)
        return Response(json.dumps(session.keys), mimetype="application/json")

    def _assume(self, call: Call) -> Answer:
        account = call.text("TargetPrincipal").removeprefix("arn:aws:iam::").removesuffix(":root")
        entry = state.member(account)
        manager = entry.master_account_id if entry and state.is_active(account) else None
        if call.principal.is_root or call.account != manager or account == manager:
            message = f"{call.principal.arn} may not assume the root user of {account}."
            raise AwsError("AccessDenied", message, _FORBIDDEN)
        wanted: dict[str, str] = call.parameters.get("TaskPolicyArn") or {}
        task = iam.policy_of_aws(wanted.get("arn", ""))
        if task is None or task["Path"] != _TASKS:
            raise AwsError("ValidationError", "TaskPolicyArn is no task of a root user.")
        seconds = int(call.parameters.get("DurationSeconds") or _LONGEST_TASK)
        if seconds > _LONGEST_TASK:
            raise AwsError("ValidationError", f"DurationSeconds is more than {_LONGEST_TASK}.")
        # AWS's policies for tasks deny all the rest and allow nothing themselves.
        statements = [*policy.statements(task["Document"]), *policy.statements(policy.EVERYTHING)]
        principal = _root_of(account, json.dumps({**policy.EVERYTHING, "Statement": statements}))
        session = self._credentials.issue(principal, timedelta(seconds=seconds))
        return {"Credentials": {**session.keys, "Expiration": session.expires}}


def _root_of(account: str, task: str | None = None) -> Principal:
    """Return the root user of an account; with a task, as a session that the organization takes."""
    arn = account_arn(account)
    return Principal(
        account=account,
        arn=arn,
        identity_arn=arn,
        unique_id=account,
        session_policy=task,
        is_assumed_root=task is not None,
    )
