"""Whether a caller may make a call, judged as AWS does.

Owns the order of the levels: an explicit denial anywhere, then the policy of the resource where AWS
asks it (the trust of a role, the policy of a KMS key), then the service control policies of every
level above the account, then the caller's own policies and the policy of its session. The policies
of buckets, APIs and functions are not judged, nor are permissions boundaries and grants of keys.
"""

from collections.abc import Callable, Mapping

from sandbox.aws import actions, conditions, policy, state
from sandbox.aws.actions import Access
from sandbox.aws.call import AwsError, Call
from sandbox.aws.credentials import Principal
from sandbox.aws.policy import Context, Document, Effect, Request
from sandbox.aws.trust import Trust, trust_in_key, trust_in_role

_NO_PERMISSION_NEEDED = ("sts:GetCallerIdentity", "sts:GetSessionToken")
_DENIAL_CODES = {
    "query": "AccessDenied",
    "rest-xml": "AccessDenied",
    "ec2": "UnauthorizedOperation",
}
_JSON_DENIAL_STATUS = 400
_FORBIDDEN = 403

_RESOURCE_POLICIES: Mapping[str, Callable[[Principal, Request], Trust | None]] = {
    "kms": trust_in_key,
    "sts": trust_in_role,
}
"""By the prefix of the action: the resources whose own policy must allow a call."""


def authorize(call: Call) -> None:
    """Raise the denial that AWS would answer to a call that its caller may not make."""
    if actions.action_of(call) in _NO_PERMISSION_NEEDED:
        return
    context = conditions.of_call(call)
    for access in actions.accesses_of(call):
        _require(call, access, {**context, **conditions.of_access(call, access)})


def authorize_through(call: Call, service: str, access: Access, given: Context) -> None:
    """Judge what a service does with a caller's permissions in order to answer the call.

    `given` are the condition keys that only this access has.
    """
    through = conditions.through_service(call, service)
    _require(call, access, {**conditions.of_call(call), **through, **given})


def _require(call: Call, access: Access, context: Context) -> None:
    request = Request(action=access.action, resource=access.resource, context=context)
    reason = _denial(call.principal, request)
    if reason is not None:
        raise _denied(call, f"{access.action} on resource: {access.resource} {reason}".rstrip())


def _denied(call: Call, what: str) -> AwsError:
    code = _DENIAL_CODES.get(call.protocol, "AccessDeniedException")
    status = _JSON_DENIAL_STATUS if call.protocol == "json" else _FORBIDDEN
    return AwsError(
        code, f"User: {call.principal.arn} is not authorized to perform: {what}", status
    )


def _denial(principal: Principal, request: Request) -> str | None:
    """Why the request is denied, in AWS's words; AWS gives no words for a missing trust."""
    guard_rails = [policy.evaluate(level, request) for level in _service_control(principal.account)]
    own = policy.evaluate(_identity_policies(principal), request)
    session = _session_effect(principal, request)
    asked = _RESOURCE_POLICIES.get(request.action.partition(":")[0])
    resource = asked(principal, request) if asked else None
    if Effect.DENY in guard_rails:
        return "with an explicit deny in a service control policy"
    if Effect.DENY in (own, session):
        return "with an explicit deny in an identity-based policy"
    if resource is not None and resource.effect is not Effect.ALLOW:
        return _distrust(request, resource)
    if Effect.NONE in guard_rails:
        lacking = "service control policy"
    elif session is Effect.NONE:
        lacking = "session policy"
    elif own is Effect.NONE and not (resource is not None and resource.suffices):
        lacking = "identity-based policy"
    else:
        return None
    return _none_allows(lacking, request)


def _distrust(request: Request, resource: Trust) -> str:
    if request.action == "sts:AssumeRole":
        return ""
    if resource.effect is Effect.DENY:
        return "with an explicit deny in a resource-based policy"
    return _none_allows("resource-based policy", request)


def _none_allows(kind: str, request: Request) -> str:
    return f"because no {kind} allows the {request.action} action"


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
