"""`python -m ops who-can`: every way into every role of this repository, as its programs register them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pulumi_aws
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

    known = {role.partition("/")[0] for role in EXPECTED}
    of_these = {role: by for role, by in found.items() if role.partition("/")[0] in known}
    assert of_these == EXPECTED  # an account that somebody adds has roles of its own


def resource(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
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


PROVIDER = "urn:pulumi:dev::app::pulumi:providers:aws::own"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
NOBODY = json.dumps({"Statement": []})
EVERYTHING = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE = "aws:iam/role:Role"


def openings(*more: dict[str, Any], **inputs: Any) -> list[str]:
    """Return the roles that may assume one that trusts its account: `own`, or nobody.

    `inputs` are further ones of `own`, `more` is what else the state has.
    """
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": DEV}}
    trust = json.dumps({"Statement": trusting})
    resources = [
        resource("pulumi:providers:aws", "own", allowedAccountIds=f'["{DEV}"]'),
        resource(ROLE, "own", assumeRolePolicy=NOBODY, **inputs),
        resource(ROLE, "other", assumeRolePolicy=trust),
        *more,
    ]
    return [it.principal for it in who_can(resources, MANAGEMENT_ACCOUNT, {})]


def attachment(policy: str, role: str = "own") -> dict[str, Any]:
    return resource(ATTACHMENT, "a", role=role, policyArn=policy)


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
    assert openings(attachment(f"arn:aws:iam::aws:policy/{policy}")) == opens


GIVEN: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
    "managed policies in the role": {"managedPolicyArns": [ADMINISTRATOR_ACCESS]},
    "inline policies in the role": {"inlinePolicies": [{}, {"name": "a", "policy": EVERYTHING}]},
    "an inline policy": [
        resource("aws:iam/rolePolicy:RolePolicy", "a", role="own", policy=EVERYTHING)
    ],
    "an attachment to several roles": [
        resource(
            *("aws:iam/policyAttachment:PolicyAttachment", "a"),
            roles=["else", "own"],
            policyArn=ADMINISTRATOR_ACCESS,
        )
    ],
    "all attachments of a role": [
        resource(
            *("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "a"),
            roleName="own",
            policyArns=[ADMINISTRATOR_ACCESS],
        )
    ],
}
"""Ways to give a role a policy: arguments of it, or resources."""


@pytest.mark.parametrize("way", GIVEN.values(), ids=GIVEN.keys())
def test_a_policy_counts_however_a_role_is_given_it(
    way: dict[str, Any] | list[dict[str, Any]],
) -> None:
    found = openings(**way) if isinstance(way, dict) else openings(*way)

    assert found == [f"arn:aws:iam::{DEV}:role/own"]


def test_a_role_whose_name_aws_completes_has_its_policies() -> None:
    made = resource(ROLE, "made", namePrefix="own-", assumeRolePolicy=NOBODY)
    made["outputs"] = {"name": "own-2026"}

    assert openings(made, attachment(ADMINISTRATOR_ACCESS, "own-2026")) == [
        f"arn:aws:iam::{DEV}:role/own-2026"
    ]


def test_policies_that_a_role_does_not_have_open_nothing() -> None:
    users = resource(
        *("aws:iam/policyAttachment:PolicyAttachment", "a"),
        users=["own"],
        policyArn=ADMINISTRATOR_ACCESS,
    )

    assert openings(users, inlinePolicies=[{}], managedPolicyArns=[]) == []


def test_every_way_to_give_a_role_a_policy_is_one_that_is_read_here() -> None:
    files = (Path(str(pulumi_aws.__file__)).parent / "iam").glob("*.py")

    assert {it.stem for it in files if it.stem.startswith(("role", "policy"))} == {
        "policy",
        "policy_attachment",
        "role",
        "role_policies_exclusive",  # it only takes away
        "role_policy",
        "role_policy_attachment",
        "role_policy_attachments_exclusive",
    }


SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("assumeRolePolicy", SECRET, ROLE),
        ("assumeRolePolicy", "[]", ROLE),
        ("permissionsBoundary", SECRET, ROLE),
        ("inlinePolicies", SECRET, ROLE),
        ("inlinePolicies", [SECRET], ROLE),
        ("inlinePolicies", [{"policy": SECRET}], ROLE),
        ("managedPolicyArns", [SECRET], ROLE),
        ("name", SECRET, ROLE),
        ("policyArn", SECRET, ATTACHMENT),
        ("role", SECRET, ATTACHMENT),
        ("roles", ["own", SECRET], "aws:iam/policyAttachment:PolicyAttachment"),
        ("policy", "no JSON", "aws:iam/rolePolicy:RolePolicy"),
        ("policy", "no JSON", "aws:iam/policy:Policy"),
    ],
)
def test_what_a_role_may_do_has_to_be_readable(key: str, value: Any, kind: str) -> None:
    inputs = {"role": "own", "assumeRolePolicy": NOBODY, "policyArn": ADMINISTRATOR_ACCESS}
    unreadable = resource(kind, "it") | {"inputs": inputs | {key: value}}

    with pytest.raises(OpsError) as reason:
        openings(unreadable)

    assert str(reason.value) == (
        f"{key} of urn:pulumi:dev::app::{kind}::it cannot be read in its state (it is secret, or of "
        "another form than IAM takes), so nobody can say who may assume what: have the program give "
        "it in plain text, and update the stack."
    )


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"allowedAccountIds": "[]"},
        {"allowedAccountIds": f'["{DEV}", "444444444444"]'},
        {"allowedAccountIds": SECRET},
    ],
)
def test_a_provider_that_may_work_in_any_account_ends_it_in_one_sentence(
    inputs: dict[str, Any],
) -> None:
    role = resource(ROLE, "own", assumeRolePolicy=NOBODY)

    with pytest.raises(OpsError) as reason:
        who_can([resource("pulumi:providers:aws", "own", **inputs), role], MANAGEMENT_ACCOUNT, {})

    assert str(reason.value) == (
        f"Nobody can say in which account {role['urn']} is, since its provider {PROVIDER} does not "
        "have the id of one account in allowedAccountIds: have the program give it that, and update "
        "the stack."
    )


def test_a_provider_without_roles_may_work_anywhere() -> None:
    user = resource("aws:iam/user:User", "it") | {"provider": "another::id"}

    assert openings(user, resource("pulumi:providers:aws", "another")) == []


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
        "app/stage is not deployed, so its roles are not listed. "
        "app/prod is not deployed, so its roles are not listed."
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
    assert said.err == "Stack org/main is not deployed: first run: pulumi -C stacks/org up -s main"
