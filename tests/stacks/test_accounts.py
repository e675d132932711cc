"""Providers: each works in one account and refuses every other."""

import json

import pulumi
import pytest

from stacks import accounts
from tests.cloud import Cloud, Resource

ACCOUNT = "222233334444"


def provider(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Resource:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    account = ACCOUNT
    return (
        Cloud()
        .run(
            lambda: accounts.member_account(
                "dns", pulumi.Output.from_input(account), "eu-central-1"
            ),
            project="dns",
        )
        .only("pulumi:providers:aws")
    )


def test_a_member_accounts_provider_assumes_the_role_in_that_account_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = provider(monkeypatch).inputs

    assert json.loads(inputs["allowedAccountIds"]) == [ACCOUNT]
    assert json.loads(inputs["assumeRoles"]) == [
        {
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole",
            "sessionName": "pulumi-dns-main",
        }
    ]


def test_the_role_of_a_run_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "DEPLOY_ROLE", "deploy")

    (role,) = json.loads(provider(monkeypatch).inputs["assumeRoles"])

    assert role["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/deploy"


def test_the_management_accounts_provider_assumes_no_role() -> None:
    cloud = Cloud().run(lambda: accounts.management_account("111122223333", "eu-central-1"))

    inputs = cloud.only("pulumi:providers:aws").inputs
    assert json.loads(inputs["allowedAccountIds"]) == ["111122223333"]
    assert "assumeRoles" not in inputs


def test_everything_is_tagged_with_the_stack_it_belongs_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tags = json.loads(provider(monkeypatch).inputs["defaultTags"])

    assert tags == {"tags": {"project": "dns", "stack": "main", "managed-by": "pulumi"}}


def test_a_custom_endpoint_means_path_style_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "s3UsePathStyle" not in provider(monkeypatch).inputs

    inputs = provider(monkeypatch, AWS_ENDPOINT_URL="http://127.0.0.1:1").inputs

    assert json.loads(inputs["s3UsePathStyle"]) is True
