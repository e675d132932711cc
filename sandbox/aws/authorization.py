"""Whether a caller may make a call, judged as AWS does.

Owns the order of the levels: an explicit denial anywhere, then the service control policies of
every level above the account, then the caller's own policies and the policy of its session. For
AssumeRole the role's trust is the policy of the resource. Policies of other resources (buckets,
keys) are not judged, nor are permissions boundaries.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.aws import actions, policy, state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.credentials import Principal
from sandbox.aws.dns import normalized
from sandbox.aws.policy import Document, Effect, Request
from sandbox.aws.trust import Trust, trust_in_role

_NO_PERMISSION_NEEDED = ("sts:GetCallerIdentity", "sts:GetSessionToken")
_DENIAL_CODES = {
    "query": "AccessDenied",
    "rest-xml": "AccessDenied",
    "ec2": "UnauthorizedOperation",
}
_JSON_DENIAL_STATUS = 400
_FORBIDDEN = 403


def authorize(call: Call) -> None:
    """Raise the denial that AWS would answer to a call that its caller may not make."""
    action = actions.action_of(call)
    if action in _NO_PERMISSION_NEEDED:
        return
    context = _context(call)
    for resource in actions.resources_of(call):
        reason = _denial(call, Request(action=action, resource=resource, context=context))
        if reason is not None:
            raise _denied(call, f"{action} on resource: {resource} {reason}".rstrip())


def _denied(call: Call, what: str) -> AwsError:
    code = _DENIAL_CODES.get(call.protocol, "AccessDeniedException")
    status = _JSON_DENIAL_STATUS if call.protocol == "json" else _FORBIDDEN
    return AwsError(
        code, f"User: {call.principal.arn} is not authorized to perform: {what}", status
    )


def _denial(call: Call, request: Request) -> str | None:
    """Why the request is denied, in AWS's words; AWS gives no words for a missing trust."""
    guard_rails = [policy.evaluate(level, request) for level in _service_control(call.account)]
    own = policy.evaluate(_identity_policies(call.principal), request)
    session = _session_effect(call.principal, request)
    role = _trust(call, request)
    if Effect.DENY in guard_rails:
        return "with an explicit deny in a service control policy"
    if Effect.DENY in (own, session):
        return "with an explicit deny in an identity-based policy"
    if role is not None and role.effect is not Effect.ALLOW:
        return ""
    if Effect.NONE in guard_rails:
        lacking = "service control policy"
    elif session is Effect.NONE:
        lacking = "session policy"
    elif own is Effect.NONE and not (role is not None and role.suffices):
        lacking = "identity-based policy"
    else:
        return None
    return f"because no {lacking} allows the {request.action} action"


def _service_control(account: str) -> list[list[Document]]:
    """Return the service control policies of each level; none apply to a management account."""
    organization, entry = state.organization_of(account), state.member(account)
    if organization is None or entry is None or account == entry.master_account_id:
        return []
    if not state.guard_rails_enabled(organization):
        return []
    return [
        [state.document(found.content) for found in state.guard_rails(level)]
        for level in state.levels(entry)
    ]


def _identity_policies(principal: Principal) -> list[Document]:
    if principal.role_name is None:
        return [policy.EVERYTHING]
    role = state.role(principal.account, principal.role_name)
    if role is None:
        return []
    managed = [
        version.document
        for attached in role.managed_policies.values()
        for version in attached.versions
        if version.version_id == attached.default_version_id
    ]
    return [state.document(found) for found in (*role.policies.values(), *managed)]


def _session_effect(principal: Principal, request: Request) -> Effect:
    if principal.session_policy is None:
        return Effect.ALLOW
    return policy.evaluate([state.document(principal.session_policy)], request)


def _trust(call: Call, request: Request) -> Trust | None:
    """Say what the role to be assumed says of the caller; None for any other action."""
    if request.action != "sts:AssumeRole":
        return None
    return trust_in_role(request.resource, call.principal, request)


def _context(call: Call) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a call; a loopback connection stands for AWS's encrypted one."""
    principal, now = call.principal, datetime.now(UTC)
    keys = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalArn": principal.identity_arn,
        "aws:PrincipalType": "AssumedRole" if principal.role_name else "User",
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.request.remote_addr or "127.0.0.1",
        "aws:UserAgent": call.request.headers.get("User-Agent", ""),
        "aws:userid": principal.unique_id,
        "aws:ViaAWSService": "false",
    }
    if principal.role_name is None:
        keys["aws:username"] = principal.arn.rsplit("/", 1)[-1]
    organization = state.organization_of(principal.account)
    if organization is not None and organization.org is not None:
        keys["aws:PrincipalOrgID"] = organization.org.id
    context = {key.lower(): (value,) for key, value in keys.items()}
    return context | _CONTEXT_OF_SERVICE.get(call.service, _no_context)(call)


def _no_context(_: Call) -> dict[str, tuple[str, ...]]:
    return {}


def _sts_context(call: Call) -> dict[str, tuple[str, ...]]:
    names = {"ExternalId": "sts:externalid", "RoleSessionName": "sts:rolesessionname"}
    return {key: (call.text(name),) for name, key in names.items() if call.text(name)}


def _route53_context(call: Call) -> dict[str, tuple[str, ...]]:
    if call.operation != "ChangeResourceRecordSets":
        return {}
    changes = call.parameters["ChangeBatch"]["Changes"]
    records = [change["ResourceRecordSet"] for change in changes]
    prefix = "route53:changeresourcerecordsets"
    return {
        f"{prefix}normalizedrecordnames": tuple(normalized(r["Name"]) for r in records),
        f"{prefix}recordtypes": tuple(record["Type"] for record in records),
        f"{prefix}actions": tuple(change["Action"] for change in changes),
    }


_CONTEXT_OF_SERVICE: dict[str, Callable[[Call], dict[str, tuple[str, ...]]]] = {
    "route53": _route53_context,
    "sts": _sts_context,
}
