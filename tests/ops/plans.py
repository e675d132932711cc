"""Documents in the shape of those that the engine prints, made by hand and as small as it gets."""

import json
from typing import Any

DEV, DNS = "973321918496", "310993182182"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that is known only during the update."""

TABLE = "aws:dynamodb/table:Table"
BUCKET = "aws:s3/bucket:Bucket"
KEY = "aws:kms/key:Key"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
RECORD = "aws:route53/record:Record"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
FUNCTION = "aws:lambda/function:Function"

Json = dict[str, Any]


def step(
    op: str,
    kind: str,
    name: str,
    old: Json | None = None,
    new: Json | None = None,
    *,
    provider: str = "account",
    within: str = "multi-account:service:Service",
    project: str = "app",
    stack: str = "dev",
    was: Json | None = None,
    becomes: Json | None = None,
    **more: Any,
) -> Json:
    """Return a step; `old` and `new` are inputs, `was` and `becomes` the rest of the two states."""
    start = f"urn:pulumi:{stack}::{project}::"
    urn = f"{start}{within}${kind}::{name}"
    reference = f"{start}pulumi:providers:aws::{provider}::7aaf8b1d"
    state = {"urn": urn, "custom": True, "type": kind, "provider": reference}
    told: Json = {"op": op, "urn": urn, "provider": reference}
    if op != "create":
        told["oldState"] = {**state, "id": f"{name}-1", "inputs": old or {}, **(was or {})}
    if op != "delete":
        told["newState"] = {**state, "inputs": new or {}, **(becomes or {})}
    return {**told, "detailedDiff": None, **more}


def provider(name: str, account: str) -> Json:
    """Return the step of a provider that stays as it is."""
    urn = f"urn:pulumi:dev::app::pulumi:providers:aws::{name}"
    state = {"urn": urn, "custom": True, "inputs": {"allowedAccountIds": f'["{account}"]'}}
    return {"op": "same", "urn": urn, "oldState": state, "newState": state}


def document(*steps: Json, **more: Any) -> str:
    """Return a document of these steps, or the one of a stack in which nothing changes."""
    stack = {"op": "same", "urn": "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev"}
    return json.dumps({"steps": steps or [stack], "duration": 1, **more})


def policy(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}
