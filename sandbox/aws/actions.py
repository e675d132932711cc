"""Which IAM action an API call is, and on which resources.

Owns the differences between the names of API operations and of IAM actions, and the ARNs that a
call's arguments mean. Most operations are their own action, and an action whose resource is not
known here is one on "*": policies that limit it to a resource then do not allow it.
"""

import re
from collections.abc import Callable

from iam.principals import account_arn
from sandbox.aws import passing, paths, s3_access, state
from sandbox.aws.access import Access
from sandbox.aws.call import Call

_IAM_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""IAM's prefix of a service where it is not the name that requests are signed with."""

_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
}


_ON_ACCOUNTS = {
    "DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
    "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
    "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
}
"""The actions for an account where S3 has operations of the same name for a bucket."""

_KEY_ID_LENGTH = len("00000000-0000-0000-0000-000000000000")


def action_of(call: Call) -> str:
    """Return the IAM action of a call, with its prefix."""
    prefix = _IAM_PREFIXES.get(call.signing_name, call.signing_name)
    if prefix == "apigateway":  # IAM knows API Gateway's HTTP methods, not its operations
        return f"apigateway:{call.request.method}"
    if call.service == "s3control":
        return f"s3:{_ON_ACCOUNTS.get(call.operation, call.operation)}"
    if prefix == "s3":
        return s3_access.action_of(call.operation)
    if call.service == "codeconnections" and call.request.path.startswith(paths.USED_CONNECTIONS):
        return "codeconnections:UseConnection"
    action = f"{prefix}:{call.operation}"
    return _ACTIONS.get(action, action)


def accesses_of(call: Call) -> list[Access]:
    """Return everything that a caller must be allowed for a call, at least one access."""
    if call.service == "s3":
        return list(s3_access.accesses_of(call))
    if (call.service, call.operation) == ("kms", "ReEncrypt"):
        return [
            Access("kms:ReEncryptFrom", _key(call, _key_of_ciphertext(call)) or "*"),
            Access("kms:ReEncryptTo", _key(call, call.text("DestinationKeyId")) or "*"),
        ]
    action, find = action_of(call), _RESOURCES.get(call.service, _named_by_arn)
    resources = [resource for resource in find(call) if resource] or ["*"]
    passed = [Access("iam:PassRole", role) for role in passing.roles_of(call)]
    return [*(Access(action, resource) for resource in resources), *passed]


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


_IAM_KINDS = {
    "InstanceProfileName": "instance-profile",
    "RoleName": "role",
    "UserName": "user",
    "GroupName": "group",
}
"""In the order in which AWS takes them for the resource of a call that has several."""

_IAM_ARNS = ("PolicyArn", "OpenIDConnectProviderArn", "SAMLProviderArn", "SerialNumber")


def _iam(call: Call) -> list[str]:
    """Return what a call is about by its name; a path is known of what exists or is being made."""
    account = f"arn:aws:iam::{call.account}:"
    for argument, kind in _IAM_KINDS.items():
        name = call.text(argument)
        if name:
            found = state.iam_entity(call.account, kind, name)
            return [found or f"{account}{kind}{call.text('Path') or '/'}{name}"]
    if call.operation.endswith("LoginProfile") and call.principal.is_root:
        return [account_arn(call.account)]
    if call.operation == "CreatePolicy":
        return [f"{account}policy{call.text('Path') or '/'}{call.text('PolicyName')}"]
    if call.operation == "CreateServiceLinkedRole":
        return [f"{account}role/aws-service-role/{call.text('AWSServiceName')}/*"]
    return [call.text(argument) for argument in _IAM_ARNS]


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
    """Return the key that moto names at the start of what it encrypted, of whichever account."""
    blob: bytes = call.parameters.get("CiphertextBlob") or b""
    name = blob[:_KEY_ID_LENGTH].decode(errors="replace")
    found = state.key_of_any_account(call.region, name)
    return found.arn if found else name


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


def _codebuild(call: Call) -> list[str]:
    """Return the projects; a build is judged by its project's name, which its id begins with."""
    builds: list[str] = call.parameters.get("ids") or [call.text("id")]
    names: list[str] = call.parameters.get("names") or [
        call.text("projectName") or call.text("name"),
        *{build.partition(":")[0] for build in builds},
    ]
    return [
        name if name.startswith("arn:") else _arn(call, "codebuild", f"project/{name}")
        for name in names
        if name
    ]


def _codeconnections(call: Call) -> list[str]:
    return [call.text("ConnectionArn") or call.text("ResourceArn")]


def _codepipeline(call: Call) -> list[str]:
    declared: dict[str, str] = call.parameters.get("pipeline") or {}
    name = declared.get("name") or call.text("pipelineName") or call.text("name")
    return [_arn(call, "codepipeline", name) if name else call.text("resourceArn")]


def _events(call: Call) -> list[str]:
    name, bus = call.text("Rule") or call.text("Name"), call.text("EventBusName")
    if not name or not ("Rule" in call.operation or "Targets" in call.operation):
        return _named_by_arn(call)
    path = name if bus in {"", "default"} else f"{bus.rsplit('/', 1)[-1]}/{name}"
    return [_arn(call, "events", f"rule/{path}")]


def _sns(call: Call) -> list[str]:
    if call.operation == "CreateTopic":
        return [_arn(call, "sns", call.text("Name"))]
    return [call.text("TopicArn") or call.text("TargetArn") or call.text("ResourceArn")]


def _sts(call: Call) -> list[str]:
    target = call.text("TargetPrincipal")
    if target and not target.startswith("arn:"):
        target = account_arn(target)
    return [call.text("RoleArn") or target]


def _search_domains(call: Call) -> list[str]:
    name = call.text("DomainName")
    return [_arn(call, "es", f"domain/{name}") if name else call.text("ARN")]


_RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "apigateway": _apigateway,
    "apigatewayv2": _apigateway,
    "codebuild": _codebuild,
    "codeconnections": _codeconnections,
    "codepipeline": _codepipeline,
    "dynamodb": _dynamodb,
    "ec2": _ec2,
    "es": _search_domains,
    "events": _events,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "opensearch": _search_domains,
    "route53": _route53,
    "sns": _sns,
    "ssm": _ssm,
    "sts": _sts,
}
