"""`python -m ops who-can`: every way into every role of this repository, as its programs register them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from iam.assumption import Assumption
from ops.problem import OpsError
from ops.who_can import who_can
from tests.cloud import MANAGEMENT_ACCOUNT, Cloud
from tests.ops import releases
from tests.ops.conftest import Said
from tests.ops.releases import Repository
from tests.test_wiring import ORDER, bring_up

Ops = Callable[..., Said]

DEV = "333333333333"
ADMINISTRATORS = "org: administrators"
"""Of the management account: they are above every account anyway."""

EXPECTED = {
    "org/deploy": ["tools: build-org-main"],
    "dns/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "dns/delegate-corp": ["tools: build-corp-main"],
    "dns/delegate-dev": ["tools: build-app-dev"],
    "dns/delegate-prod": ["tools: build-app-prod"],
    "dns/delegate-stage": ["tools: build-app-stage"],
    "dns/deploy": ["tools: build-dns-main"],
    "corp/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "corp/deploy": ["tools: build-corp-main"],
    "corp/vpn-host": ["ec2.amazonaws.com"],
    "tools/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "tools/build-app-dev": ["codebuild.amazonaws.com"],
    "tools/build-app-prod": ["codebuild.amazonaws.com"],
    "tools/build-app-stage": ["codebuild.amazonaws.com"],
    "tools/build-corp-main": ["codebuild.amazonaws.com"],
    "tools/build-dns-main": ["codebuild.amazonaws.com"],
    "tools/build-org-main": ["codebuild.amazonaws.com"],
    "tools/build-tools-main": ["codebuild.amazonaws.com"],
    "tools/deploy": ["tools: build-tools-main"],
    "tools/drift-role": ["events.amazonaws.com"],
    "tools/pipelines": ["codepipeline.amazonaws.com"],
    "dev/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "dev/api-logging-role": ["apigateway.amazonaws.com"],
    "dev/deploy": ["tools: build-app-dev"],
    "dev/service-role": ["lambda.amazonaws.com"],
    "stage/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "stage/api-logging-role": ["apigateway.amazonaws.com"],
    "stage/deploy": ["tools: build-app-stage"],
    "stage/service-role": ["lambda.amazonaws.com"],
    "prod/OrganizationAccountAccessRole": [ADMINISTRATORS],
    "prod/api-logging-role": ["apigateway.amazonaws.com"],
    "prod/deploy": ["tools: build-app-prod"],
    "prod/service-role": ["lambda.amazonaws.com"],
}
"""Who may assume which role, without any condition; a role that stands here is known to be meant."""


@pytest.fixture(scope="module")
def organization() -> dict[str, Cloud]:
    return bring_up(ORDER)


def accounts(organization: dict[str, Cloud]) -> dict[str, str]:
    return organization["org/main"].outputs["accounts"]


def registered(organization: dict[str, Cloud]) -> list[dict[str, Any]]:
    """Return the resources of all programs, as they will be in the stacks' states."""
    return [asdict(it) for cloud in organization.values() for it in cloud.resources]


@pytest.fixture
def deployed(
    organization: dict[str, Cloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """Return a repository whose backend holds what the programs of `org` and DEV registered."""
    repository = releases.new(tmp_path, monkeypatch)
    for folder, stack, full in (("org", "main", "org/main"), ("repository", "dev", "app/dev")):
        state = {"deployment": {"resources": registered({full: organization[full]})}}
        repository.answer(folder, stack, organization[full].outputs, [])
        (repository.programs / f"{folder}-{stack}-export").write_text(
            json.dumps(state, default=str)
        )
    return repository


def ways(resources: list[dict[str, Any]], organization: dict[str, Cloud]) -> list[Assumption]:
    return who_can(resources, MANAGEMENT_ACCOUNT, accounts(organization))


def test_every_role_is_open_to_whom_it_is_meant_for_and_to_nobody_else(
    organization: dict[str, Cloud],
) -> None:
    names = {account: name for name, account in accounts(organization).items()}
    names[MANAGEMENT_ACCOUNT] = "org"
    found: dict[str, list[str]] = {}

    for way in ways(registered(organization), organization):
        assert way.condition == ""
        account, role = way.role.removeprefix("arn:aws:iam::").split(":role/")
        principal = way.principal
        if principal.startswith("arn:"):
            owner, identity = principal.removeprefix("arn:aws:iam::").split(":")
            known = identity.removeprefix("role/").replace("root", "administrators")
            principal = f"{names[owner]}: {known}"
        found.setdefault(f"{names[account]}/{role}", []).append(principal)

    assert found == EXPECTED


def resource(kind: str, name: str, **inputs: str) -> dict[str, Any]:
    """Return a resource as it is in a state, of the provider `own`."""
    return {
        "type": kind,
        "urn": f"urn:pulumi:dev::app::{kind}::{name}",
        "provider": "urn:pulumi:dev::app::pulumi:providers:aws::own::id",
        "inputs": inputs,
    }


def changed(
    resources: list[dict[str, Any]], name: str, key: str, old: str, new: str
) -> list[dict[str, Any]]:
    """Return the resources with a text replaced in one input of one of them, which must have it."""
    (resource,) = [it for it in resources if it["name"] == name and key in it["inputs"]]
    assert old in resource["inputs"][key]
    inputs = resource["inputs"] | {key: resource["inputs"][key].replace(old, new)}
    return [it | {"inputs": inputs} if it is resource else it for it in resources]


def test_a_policy_that_allows_another_account_opens_nothing_without_its_trust(
    organization: dict[str, Cloud],
) -> None:
    dev, prod = (accounts(organization)[name] for name in ("dev", "prod"))
    resources = registered(organization)
    policy = changed(resources, "app-dev-policy", "policy", f"{dev}:role/deploy", f"{prod}:role/*")
    role = f"arn:aws:iam::{prod}:role/deploy"

    def who(resources: list[dict[str, Any]]) -> list[str]:
        return [it.principal for it in ways(resources, organization) if it.role == role]

    assert [it.rpartition("/")[2] for it in who(policy)] == ["build-app-prod"]
    both = [
        it | {"inputs": it["inputs"] | {"assumeRolePolicy": trust.replace("app-prod", "app-dev")}}
        if "::app::" in it["urn"]
        and it["inputs"].get("name") == "deploy"
        and "build-app-prod" in (trust := it["inputs"]["assumeRolePolicy"])
        else it
        for it in policy
    ]
    assert [it.rpartition("/")[2] for it in who(both)] == ["build-app-dev"]


def test_a_boundary_closes_what_a_policy_opens(organization: dict[str, Cloud]) -> None:
    tools = registered({"tools/main": organization["tools/main"]})
    (boundary,) = [it for it in tools if it["type"] == "aws:iam/policy:Policy"]
    closed = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    bounded = boundary | {"inputs": boundary["inputs"] | {"policy": json.dumps(closed)}}
    resources = [it for it in registered(organization) if it["urn"] != boundary["urn"]]

    found = ways([*resources, bounded], organization)

    assert [it.role for it in found if "build-" in it.principal] == []


def test_a_role_that_is_about_to_be_deleted_does_not_count(
    organization: dict[str, Cloud],
) -> None:
    resources = [
        it | {"delete": True} if it["name"] == "vpn-role" else it for it in registered(organization)
    ]

    assert [it.role for it in ways(resources, organization) if "vpn-host" in it.role] == []


@pytest.mark.parametrize(
    ("policy", "opens"),
    [
        ("AdministratorAccess", [f"arn:aws:iam::{DEV}:role/own"]),
        ("service-role/AmazonAPIGatewayPushToCloudWatchLogs", []),
    ],
)
def test_a_policy_of_aws_that_is_not_known_may_allow_everything(
    policy: str, opens: list[str]
) -> None:
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": DEV}}
    trust = json.dumps({"Statement": trusting})
    nobody = json.dumps({"Statement": []})
    arn = f"arn:aws:iam::aws:policy/{policy}"
    resources = [
        resource("pulumi:providers:aws", "own", allowedAccountIds=f'["{DEV}"]'),
        resource("aws:iam/role:Role", "own", assumeRolePolicy=nobody),
        resource("aws:iam/role:Role", "other", assumeRolePolicy=trust),
        resource(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", role="own", policyArn=arn
        ),
    ]

    found = who_can(resources, MANAGEMENT_ACCOUNT, {})

    assert [it.principal for it in found] == opens


def test_a_policy_that_cannot_be_read_ends_it_in_one_sentence(
    organization: dict[str, Cloud],
) -> None:
    resources = registered(organization)
    (role,) = [it for it in resources if it["name"] == "vpn-role"]
    secret = role["inputs"] | {"assumeRolePolicy": {"ciphertext": "x"}}

    with pytest.raises(OpsError) as reason:
        ways([it | {"inputs": secret} if it is role else it for it in resources], organization)

    assert str(reason.value) == (
        f"assumeRolePolicy of {role['urn']} cannot be read in its state (it is secret, or no JSON), so "
        "nobody can say who may assume what."
    )


@pytest.mark.usefixtures("deployed")
def test_it_prints_a_table_and_says_which_stacks_are_missing(ops: Ops) -> None:
    said = ops("who-can")

    lines = said.out.splitlines()
    assert said.status == 0
    assert max(map(len, lines)) <= 100
    assert lines[0] == "account  role                           who may assume it         condition"
    assert (
        "dev      deploy                         tools: build-app-dev      where it exists" in lines
    )
    assert "tools    OrganizationAccountAccessRole  org: administrators" in lines
    assert said.err == (
        "app/stage is not deployed, so its roles are not listed.\n"
        "app/prod is not deployed, so its roles are not listed.\n"
    )


@pytest.mark.usefixtures("deployed")
def test_json_is_for_programs(ops: Ops) -> None:
    found = json.loads(ops("who-can", "--json").out)

    assert {
        "account": "dev",
        "role": "service-role",
        "principal": "lambda.amazonaws.com",
        "condition": "",
    } in found


def test_before_org_it_says_what_to_run_first(
    ops: Ops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.new(tmp_path, monkeypatch)

    said = ops("who-can")

    assert (said.status, said.out) == (1, "")
    assert (
        said.err == "Stack org/main is not deployed: first run: pulumi -C stacks/org up -s main\n"
    )
