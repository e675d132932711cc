"""Whether a caller may make a call, judged as AWS does.

Owns the order of the kinds of policies: an explicit denial anywhere, then the policy of the
resource (of a role, a KMS key or a bucket), then the service control policies of every level above
the account, then the caller's permissions boundary, the policy of its session and its own policies.
Policies of other resources are not judged here, nor are grants of keys, resource control policies
and boundaries of users: all callers but the operator are sessions of roles.
"""

import functools
from collections.abc import Callable, Mapping

from iam import policy
from iam.policy import Context, Document, Effect, Request
from iam.service_control import Decision, Level, decide
from sandbox.aws import actions, conditions, state
from sandbox.aws.access import Access
from sandbox.aws.call import AwsError, Call
from sandbox.aws.credentials import Principal
from sandbox.aws.trust import Grantee, Trust, trust_in_bucket, trust_in_key, trust_in_role

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
    "s3": trust_in_bucket,
    "sts": trust_in_role,
}
"""By the prefix of the action: the resources that have a policy of their own."""

_NO_POLICY = Trust(effect=Effect.NONE, to=Grantee.ACCOUNT, needed=False)
_LIMITS = ("a permissions boundary", "a session policy")
_ASKED: Mapping[Grantee, tuple[str, ...]] = {
    Grantee.ACCOUNT: (*_LIMITS, "an identity-based policy"),
    Grantee.ROLE: _LIMITS,
    Grantee.CALLER: (),
}
"""What must allow a call besides the policy of the resource."""


def authorize(call: Call) -> None:
    """Raise the denial that AWS would answer to a call that its caller may not make."""
    if actions.action_of(call) in _NO_PERMISSION_NEEDED:
        return
    context = conditions.of_call(call)
    for access in actions.accesses_of(call):
        _require(call, access, {**context, **conditions.of_access(call, access)})


def authorize_also(call: Call, access: Access) -> None:
    """Judge what a call turns out to need when its service looks at its resource."""
    _require(call, access, conditions.of_call(call))


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
    guard_rails = _service_control(principal.account, request).effect
    own = {
        "a permissions boundary": _limit(_boundary(principal), request),
        "a session policy": _limit(_session_policy(principal), request),
        "an identity-based policy": policy.evaluate(_identity_policies(principal), request),
    }
    asked = _RESOURCE_POLICIES.get(request.action.partition(":")[0])
    resource = (asked(principal, request) if asked else None) or _NO_POLICY
    if guard_rails is Effect.DENY:
        return "with an explicit deny in a service control policy"
    denying = next((kind for kind, effect in own.items() if effect is Effect.DENY), None)
    if denying:
        return f"with an explicit deny in {denying}"
    if resource.effect is Effect.DENY or (resource.needed and resource.effect is Effect.NONE):
        return _distrust(request, resource)
    if guard_rails is Effect.NONE:
        return _none_allows("service control policy", request)
    lacking = next(
        (kind for kind in _ASKED[resource.to] if own[kind] is not Effect.ALLOW),
        None,
    )
    return _none_allows(lacking.partition(" ")[2], request) if lacking else None


def _distrust(request: Request, resource: Trust) -> str:
    if request.action == "sts:AssumeRole":
        return ""
    if resource.effect is Effect.DENY:
        return "with an explicit deny in a resource-based policy"
    return _none_allows("resource-based policy", request)


def _none_allows(kind: str, request: Request) -> str:
    return f"because no {kind} allows the {request.action} action"


def _service_control(account: str, request: Request) -> Decision:
    """Judge a call by the service control policies of each level above the caller's account."""
    organization, entry = state.organization_of(account), state.member(account)
    if organization is None or entry is None or not state.guard_rails_enabled(organization):
        return decide((), request)
    levels = (
        _level(level.id, tuple((found.id, found.content) for found in state.guard_rails(level)))
        for level in state.levels(entry)
    )
    return decide(levels, request, entry.master_account_id)


@functools.lru_cache(maxsize=256)
def _level(name: str, policies: tuple[tuple[str, object], ...]) -> Level:
    return Level(name, {policy: state.document(content) for policy, content in policies})


def _identity_policies(principal: Principal) -> list[Document]:
    if principal.role_name is None:
        return [policy.EVERYTHING]
    role = state.role(principal.account, principal.role_name)
    if role is None:
        return []
    managed = [state.default_version(attached) for attached in role.managed_policies.values()]
    return [*(state.document(found) for found in role.policies.values()), *managed]


def _boundary(principal: Principal) -> Document | None:
    """Return the most that a caller's own policies can allow; None where nothing limits them."""
    role = state.role(principal.account, principal.role_name) if principal.role_name else None
    if role is None or not role.permissions_boundary_arn:
        return None
    return state.default_version(
        state.iam(principal.account).get_policy(role.permissions_boundary_arn)
    )


def _session_policy(principal: Principal) -> Document | None:
    text = principal.session_policy
    return None if text is None else state.document(text)


def _limit(document: Document | None, request: Request) -> Effect:
    return Effect.ALLOW if document is None else policy.evaluate([document], request)
