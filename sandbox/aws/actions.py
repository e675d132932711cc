"""Which IAM action an API call is, and on which resources.

Owns the differences between the names of API operations and of IAM actions, and the ARNs that a
call's arguments mean. Most operations are their own action, and an action whose resource is not
known here is one on "*": policies that limit it to a resource then do not allow it.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from sandbox.aws import state
from sandbox.aws.call import Call

_IAM_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""IAM's prefix of a service where it is not the name that requests are signed with."""

_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteBucketCors": "s3:PutBucketCORS",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketReplication": "s3:PutReplicationConfiguration",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:PutBucketAccelerateConfiguration": "s3:PutAccelerateConfiguration",
    "s3:PutBucketCors": "s3:PutBucketCORS",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutBucketReplication": "s3:PutReplicationConfiguration",
    "s3:PutObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
}


_KEY_ID_LENGTH = len("00000000-0000-0000-0000-000000000000")


class Access(NamedTuple):
    """An IAM action on one resource, by its ARN; "*" where the action has no resource."""

    action: str
    resource: str


def action_of(call: Call) -> str:
    """Return the IAM action of a call, with its prefix."""
    prefix = _IAM_PREFIXES.get(call.signing_name, call.signing_name)
    if prefix == "apigateway":  # IAM knows API Gateway's HTTP methods, not its operations
        return f"apigateway:{call.request.method}"
    action = f"{prefix}:{call.operation}"
    return _ACTIONS.get(action, action)


def accesses_of(call: Call) -> list[Access]:
    """Return everything that a caller must be allowed for a call, at least one access."""
    if (call.service, call.operation) == ("kms", "ReEncrypt"):
        return [
            Access("kms:ReEncryptFrom", _key(call, _key_of_ciphertext(call)) or "*"),
            Access("kms:ReEncryptTo", _key(call, call.text("DestinationKeyId")) or "*"),
        ]
    action, find = action_of(call), _RESOURCES.get(call.service, _named_by_arn)
    resources = [resource for resource in find(call) if resource] or ["*"]
    return [Access(action, resource) for resource in resources]


def _arn(call: Call, service: str, name: str) -> str:
    return f"arn:aws:{service}:{call.region}:{call.account}:{name}"


def _named_by_arn(call: Call) -> list[str]:
    """Follow the convention of most services: an argument holds the ARN of the resource."""
    names = ("ResourceArn", "resourceArn", "ResourceARN", "CertificateArn", "Arn", "arn")
    return [call.text(name) for name in names if call.text(name)]


def _route53(call: Call) -> list[str]:
    if call.operation == "GetChange":
        return [f"arn:aws:route53:::change/{call.text('Id').rsplit('/', 1)[-1]}"]
    if call.text("ResourceType"):
        return [f"arn:aws:route53:::{call.text('ResourceType')}/{call.text('ResourceId')}"]
    zone = call.text("HostedZoneId") or call.text("Id")
    return [f"arn:aws:route53:::hostedzone/{zone.rsplit('/', 1)[-1]}"] if zone else []


def _iam(call: Call) -> list[str]:
    name = call.text("RoleName")
    if name:
        role = state.role(call.account, name)
        path = call.text("Path") or "/"
        return [role.arn if role else f"arn:aws:iam::{call.account}:role{path}{name}"]
    if call.text("PolicyArn"):
        return [call.text("PolicyArn")]
    for kind in ("User", "Group", "InstanceProfile", "Policy"):
        name = call.text(f"{kind}Name")
        if name:
            resource = "instance-profile" if kind == "InstanceProfile" else kind.lower()
            return [f"arn:aws:iam::{call.account}:{resource}{call.text('Path') or '/'}{name}"]
    return []


def _dynamodb(call: Call) -> list[str]:
    tables = [call.text("TableName"), call.text("GlobalTableName")]
    tables += list(call.parameters.get("RequestItems") or {})
    items: list[dict[str, dict[str, str]]] = call.parameters.get("TransactItems") or []
    tables += [operation["TableName"] for item in items for operation in item.values()]
    arns = [
        table if table.startswith("arn:") else _arn(call, "dynamodb", f"table/{table}")
        for table in tables
        if table
    ]
    if call.text("IndexName"):
        arns = [f"{arn}/index/{call.text('IndexName')}" for arn in arns]
    return arns or _named_by_arn(call) or [call.text("BackupArn")]


def _lambda(call: Call) -> list[str]:
    function = call.text("FunctionName")
    if function and not function.startswith("arn:"):
        function = _arn(call, "lambda", f"function:{function.rsplit('function:', 1)[-1]}")
    return [function or call.text("Resource")]


def _logs(call: Call) -> list[str]:
    group = call.text("logGroupName") or call.text("logGroupIdentifier")
    if call.operation == "DescribeLogGroups":
        return [_arn(call, "logs", "log-group:*")]
    if group and not group.startswith("arn:"):
        return [_arn(call, "logs", f"log-group:{group}:*")]
    return [group or call.text("resourceArn")]


def _s3(call: Call) -> list[str]:
    bucket, key = call.text("Bucket"), call.text("Key")
    if call.operation == "DeleteObjects":
        keys = [entry["Key"] for entry in call.parameters["Delete"]["Objects"]]
        return [f"arn:aws:s3:::{bucket}/{key}" for key in keys]
    return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"] if bucket else []


def _kms(call: Call) -> list[str]:
    """Return the key; for an alias also the alias, and every key that it points to or will."""
    names = [call.text("KeyId"), call.text("TargetKeyId")]
    alias = call.text("AliasName")
    if alias:
        return [_arn(call, "kms", alias), *{_key(call, name) for name in (*names, alias) if name}]
    return [_key(call, name or _key_of_ciphertext(call)) for name in names[:1]]


def _key(call: Call, name: str) -> str:
    """Return the ARN of a key, also by an alias; that of the alias where it points to no key."""
    found = state.key(call.account, call.region, name) if name else None
    if found is not None:
        return found.arn
    if not name or name.startswith("arn:"):
        return name
    return _arn(call, "kms", name if name.startswith("alias/") else f"key/{name}")


def _key_of_ciphertext(call: Call) -> str:
    """Return the id of the key that moto writes at the start of what a key encrypted."""
    blob: bytes = call.parameters.get("CiphertextBlob") or b""
    return blob[:_KEY_ID_LENGTH].decode(errors="replace")


def _ssm(call: Call) -> list[str]:
    """Parameters; a read of a path is judged on the path, not on what it returns."""
    names: list[str] = call.parameters.get("Names") or [call.text("Name") or call.text("Path")]
    if call.text("ResourceType") == "Parameter":
        names = [call.text("ResourceId")]
    if "Parameter" not in call.operation and not call.text("ResourceType"):
        return _named_by_arn(call)
    return [_parameter(call, name) for name in names if name]


def _parameter(call: Call, name: str) -> str:
    if name.startswith("arn:"):
        return name
    return _arn(call, "ssm", f"parameter/{name.removeprefix('/').partition(':')[0]}")


def _ec2(call: Call) -> list[str]:
    """Only the resources that this project's policies limit an action to; any other is "*".

    AWS judges an association on the address and on the instance or network interface that is named;
    here the interface that an instance gets it on counts too, so that a policy is right either way.
    """
    if call.operation != "AssociateAddress":
        return []
    backend = state.ec2(call.account, call.region)
    interfaces = [call.text("NetworkInterfaceId")]
    instance = backend.get_instance_by_id(call.text("InstanceId"))
    if instance is not None:
        interfaces = [found.id for found in instance.nics.values() if found.device_index == 0]
    found = {
        "elastic-ip": [call.text("AllocationId")],
        "instance": [call.text("InstanceId")],
        "network-interface": interfaces,
    }
    return [
        _arn(call, "ec2", f"{kind}/{name}")
        for kind, names in found.items()
        for name in names
        if name
    ]


def _apigateway(call: Call) -> list[str]:
    return [f"arn:aws:apigateway:{call.region}::{re.sub('/+', '/', call.request.path)}"]


def _search_domains(call: Call) -> list[str]:
    name = call.text("DomainName")
    return [_arn(call, "es", f"domain/{name}") if name else call.text("ARN")]


_RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "apigateway": _apigateway,
    "apigatewayv2": _apigateway,
    "dynamodb": _dynamodb,
    "ec2": _ec2,
    "es": _search_domains,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "opensearch": _search_domains,
    "route53": _route53,
    "s3": _s3,
    "ssm": _ssm,
    "sts": lambda call: [call.text("RoleArn")],
}
