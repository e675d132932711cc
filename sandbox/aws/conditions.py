"""The condition keys of a call: what policies may ask about it.

Owns which key has which value: for a call, for one of the resources that it acts on, and for what a
service does on the caller's behalf. Keys are written in lower case, since IAM ignores their case.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from sandbox.aws import passing, s3_access, state
from sandbox.aws.access import Access
from sandbox.aws.call import Call
from sandbox.aws.credentials import Principal
from sandbox.aws.dns import normalized

Keys: TypeAlias = dict[str, tuple[str, ...]]


def of_call(call: Call) -> Keys:
    """Return the condition keys of a call; a loopback connection stands for AWS's encrypted one."""
    principal, now = call.principal, datetime.now(UTC)
    keys = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalArn": principal.identity_arn,
        "aws:PrincipalType": _type(principal),
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.request.remote_addr or "127.0.0.1",
        "aws:UserAgent": call.request.headers.get("User-Agent", ""),
        "aws:userid": principal.unique_id,
        "aws:ViaAWSService": "false",
    }
    if principal.is_assumed_root:
        keys["aws:AssumedRoot"] = "true"
    if _type(principal) == "User":
        keys["aws:username"] = principal.arn.rsplit("/", 1)[-1]
    organization = state.organization_of(principal.account)
    if organization is not None and organization.org is not None:
        keys["aws:PrincipalOrgID"] = organization.org.id
    context = {key.lower(): (value,) for key, value in keys.items()}
    return context | _OF_SERVICE.get(call.service, _nothing)(call)


def _type(principal: Principal) -> str:
    if principal.role_name:
        return "AssumedRole"
    return "Account" if principal.is_root else "User"


def of_access(call: Call, access: Access) -> Keys:
    """Return the keys that differ between the resources of one call."""
    if access.action == "iam:PassRole":
        return {"iam:passedtoservice": (passing.service_of(call),)}
    if call.service == "iam":
        return _iam(call, access.action)
    if call.service == "ec2":
        return _ec2(access.resource)
    if call.service == "kms":
        return _kms(call, access)
    return {}


def through_service(call: Call, service: str) -> Keys:
    """Return the keys of what a service asks of KMS with the permissions of its caller."""
    return {
        "aws:viaawsservice": ("true",),
        "kms:calleraccount": (call.account,),
        "kms:viaservice": (f"{service}.{call.region}.amazonaws.com",),
    }


def encryption_context(given: Mapping[str, str]) -> Keys:
    """Return the keys of an encryption context."""
    pairs = {f"kms:encryptioncontext:{key.lower()}": (value,) for key, value in given.items()}
    return {**pairs, "kms:encryptioncontextkeys": tuple(given)} if given else {}


def _nothing(_: Call) -> Keys:
    return {}


def _sts(call: Call) -> Keys:
    names = {"ExternalId": "sts:externalid", "RoleSessionName": "sts:rolesessionname"}
    return {key: (call.text(name),) for name, key in names.items() if call.text(name)}


def _route53(call: Call) -> Keys:
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


_SETS_BOUNDARY = ("iam:CreateRole", "iam:CreateUser", "iam:PutRolePermissionsBoundary")
_ON_BOUNDARY = (
    "iam:AttachRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
)


def _iam(call: Call, action: str) -> Keys:
    """Return the boundary that a role gets, or else has, and the policy that it gets or loses.

    Only these actions have the first key (Service Authorization Reference, IAM).
    """
    keys: Keys = {}
    boundary = call.text("PermissionsBoundary") if action in _SETS_BOUNDARY else None
    if action in _ON_BOUNDARY:
        role = state.role(call.account, call.text("RoleName"))
        boundary = role.permissions_boundary_arn if role else None
    if boundary:
        keys["iam:permissionsboundary"] = (boundary,)
    if action.startswith(("iam:Attach", "iam:Detach")):
        keys["iam:policyarn"] = (call.text("PolicyArn"),)
    return keys


def _s3(call: Call) -> Keys:
    return dict(s3_access.condition_keys(call))


def _ssm(call: Call) -> Keys:
    if call.operation != "PutParameter":
        return {}
    return {"ssm:overwrite": ("true" if call.parameters.get("Overwrite") else "false",)}


def _cloudwatch(call: Call) -> Keys:
    return {"cloudwatch:namespace": (call.text("Namespace"),)} if call.text("Namespace") else {}


def _kms(call: Call, access: Access) -> Keys:
    name = {
        "kms:ReEncryptFrom": "SourceEncryptionContext",
        "kms:ReEncryptTo": "DestinationEncryptionContext",
    }.get(access.action, "EncryptionContext")
    given: Mapping[str, str] = call.parameters.get(name) or {}
    keys: Keys = {"kms:calleraccount": (call.account,), **encryption_context(given)}
    if "BypassPolicyLockoutSafetyCheck" in call.parameters:
        bypassed = bool(call.parameters["BypassPolicyLockoutSafetyCheck"])
        keys["kms:bypasspolicylockoutsafetycheck"] = (str(bypassed).lower(),)
    return keys


def _ec2(resource: str) -> Keys:
    """Return the tags of a resource, and the network of a network interface."""
    if resource == "*":
        return {}
    _, _, _, region, account, name = resource.split(":", 5)
    backend = state.ec2(account, region)
    kind, _, identifier = name.partition("/")
    tags = backend.describe_tags(filters={"resource-id": [identifier]})
    keys: Keys = {
        f"{prefix}:resourcetag/{tag['key'].lower()}": (tag["value"],)
        for prefix in ("aws", "ec2")
        for tag in tags
    }
    interface = backend.enis.get(identifier) if kind == "network-interface" else None
    if interface is not None:
        network = f"arn:aws:ec2:{region}:{account}"
        keys["ec2:subnet"] = (f"{network}:subnet/{interface.subnet_id}",)
        keys["ec2:vpc"] = (f"{network}:vpc/{interface.vpc_id}",)
    return keys


_OF_SERVICE: dict[str, Callable[[Call], Keys]] = {
    "cloudwatch": _cloudwatch,
    "route53": _route53,
    "s3": _s3,
    "ssm": _ssm,
    "sts": _sts,
}
