"""`python -m ops risk`: each kind of risk is said in a line, and nothing else is."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pulumi_aws
import pytest

from ops import policies, risk, risks
from ops.plan import Plan
from ops.risks import Kind
from tests.git import git
from tests.ops.conftest import Said
from tests.ops.plans import (
    BUCKET,
    DEV,
    DNS,
    FUNCTION,
    KEY,
    LOG_GROUP,
    RECORD,
    ROLE,
    ROLE_POLICY,
    TABLE,
    UNKNOWN,
    Json,
    allow,
    deny,
    document,
    policy,
    provider,
    step,
)

Ops = Callable[..., Said]

RECORDED = Path(__file__).parent / "data" / "preview.json"
ACCOUNT = "aws:organizations/account:Account"
SCP = "aws:organizations/policy:Policy"
ATTACHMENT = "aws:organizations/policyAttachment:PolicyAttachment"
BASELINE = "multi-account:account:AccountBaseline"
TABLE_ARN = f"arn:aws:dynamodb:eu-central-1:{DEV}:table/items"
BUILD = "arn:aws:iam::414387588029:role/build-app-dev"
FEWER = {"old": {"retentionInDays": 30}, "new": {"retentionInDays": 7}}
READ = allow(["dynamodb:GetItem", "dynamodb:Scan"], TABLE_ARN)


def lines(*steps: Json) -> list[str]:
    return [str(it) for it in risks.found(Plan.read(document(*steps)))]


def changed(kind: str, name: str, old: Json, new: Json, **more: Any) -> Json:
    return step("update", kind, name, old, new, **more)


def tag(commands: str) -> Json:
    return changed(FUNCTION, "service-function", {"handler": "a"}, {"handler": commands})


@pytest.fixture
def said(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run the command on a document from standard input."""

    def run(text: str, *arguments: str) -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return ops("risk", *arguments)

    return run


# Losses


def test_data_that_is_deleted_or_replaced_is_said() -> None:
    assert lines(
        step("delete", TABLE, "service-table"),
        step("replace", BUCKET, "site", replaceReasons=["bucket", "region"]),
    ) == [
        "HIGH    deletes data: dynamodb table service-table",
        "HIGH    replaces data: s3 bucket site, because of bucket, region",
    ]


@pytest.mark.parametrize("kind", sorted(risks.KIND_OF))
def test_every_type_that_holds_something_is_one_of_the_provider(kind: str) -> None:
    _, module, name = re.split(r"[:/]", kind)[:3] + [] if False else _parts(kind)

    assert hasattr(getattr(pulumi_aws, module), name)
