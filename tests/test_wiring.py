"""Wiring: every program runs whole with its real settings, fed by what the ones before it exported."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from components.organization import ACCESS_ROLE
from stacks import catalogue
from stacks.guard_rails import policies_of
from stacks.settings import OrgSettings
from tests.cloud import ROOT, Cloud, FakeCheckout

ORDER = [
    ("stacks/org", "main"),
    ("stacks/dns", "main"),
    ("stacks/corp", "main"),
    ("stacks/tools", "main"),
    (".", "dev"),
    (".", "stage"),
    (".", "prod"),
]


def bring_up(order: list[tuple[str, str]], root: Path = ROOT) -> dict[str, Cloud]:
    """Run the programs in order and return the records by `project/stack`."""
    records: dict[str, Cloud] = {}
    stacks: dict[str, dict[str, Any]] = {}
    for folder, stack in order:
        project = yaml.safe_load((root / folder / "Pulumi.yaml").read_text())["name"]
        cloud = Cloud(stacks=dict(stacks)).run_project(root / folder, stack)
        assert cloud.errors == []
        records[f"{project}/{stack}"] = cloud
        stacks[f"organization/{project}/{stack}"] = cloud.outputs
    return records


@pytest.fixture(scope="module")
def organization() -> dict[str, Cloud]:
    return bring_up(ORDER)


@pytest.fixture(scope="module")
def by_pipeline() -> dict[str, Cloud]:
    """Return the records of the programs as pipelines run them."""
    with mock.patch("stacks.accounts.DEPLOY_ROLE", "deploy"):
        return bring_up(ORDER)


def test_every_program_takes_what_the_ones_before_it_export(organization: dict[str, Cloud]) -> None:
    assert list(organization) == [
        "org/main",
        "dns/main",
        "corp/main",
        "tools/main",
        "app/dev",
        "app/stage",
        "app/prod",
    ]


def test_the_default_provider_is_never_used(organization: dict[str, Cloud]) -> None:
    for cloud in organization.values():
        aws = [r for r in cloud.resources if r.type.startswith("aws:")]
        assert aws
        assert [r.name for r in aws if "pulumi:providers:aws" not in r.provider] == []


def test_the_default_provider_is_off_in_every_project() -> None:
    for file in [ROOT / "Pulumi.yaml", *ROOT.glob("stacks/*/Pulumi.yaml")]:
        config = yaml.safe_load(file.read_text())["config"]
        assert config["pulumi:disable-default-providers"] == ["aws"], file


def test_the_management_account_holds_the_organization_and_nothing_else(
    organization: dict[str, Cloud],
) -> None:
    others = [
        resource.name
        for resource in organization["org/main"].resources
        if resource.type.split(":")[0] not in {"multi-account", "pulumi"}
        and not resource.type.startswith("aws:organizations/")
    ]

    assert others == ["deploy-role", "deploy-policy"]


def test_no_guard_rail_is_made_before_there_is_an_organization(
    organization: dict[str, Cloud],
) -> None:
    org = organization["org/main"]

    root = org.only("aws:organizations/organization:Organization").urn
    for policy in org.of_type("Policy").values():
        assert root in policy.depends_on


def test_an_account_that_cannot_be_made_keeps_no_guard_rail_from_the_others() -> None:
    cloud = Cloud(fail=frozenset({"organization-prod"}))

    with pytest.raises(RuntimeError, match="creating organization-prod failed"):
        cloud.run_project(ROOT / "stacks/org", "main")

    settings = OrgSettings.read(ROOT / "stacks/org/Pulumi.main.yaml", "org")
    asked = {f"guard-rails-{it.place}" for its in policies_of(settings).values() for it in its}
    assert set(cloud.of_type("PolicyAttachment")) == asked - {"guard-rails-prod-1"}


def test_every_account_of_the_picture_is_made(organization: dict[str, Cloud]) -> None:
    accounts = organization["org/main"].outputs["accounts"]

    assert set(accounts) >= {"dns", "corp", "tools", "dev", "stage", "prod"}
    assert len(set(accounts.values())) == len(accounts)


def test_data_stores_are_protected_where_stage_and_prod_are(
    organization: dict[str, Cloud],
) -> None:
    org = organization["org/main"]
    (target,) = (
        attachment.inputs["targetId"]
        for name, attachment in org.of_type("PolicyAttachment").items()
        if "dynamodb:DeleteTable" in org.of_type("Policy")[name].inputs["content"]
    )
    members = org.of_type("aws:organizations/account:Account")

    under = {m.inputs["name"] for m in members.values() if m.inputs["parentId"] == target}
    assert under & {"dns", "corp", "tools", "dev", "stage", "prod"} == {"stage", "prod"}


@pytest.mark.parametrize(
    ("stack", "account", "domain"),
    [
        ("corp/main", "corp", "corp.example.com"),
        ("app/dev", "dev", "dev.example.com"),
        ("app/stage", "stage", "stage.example.com"),
        ("app/prod", "prod", "app.example.com"),
    ],
)
def test_a_stack_works_in_its_own_account_and_delegates_its_own_domain(
    organization: dict[str, Cloud], stack: str, account: str, domain: str
) -> None:
    accounts = organization["org/main"].outputs["accounts"]
    cloud = organization[stack]
    providers = cloud.of_type("pulumi:providers:aws")

    (name,) = providers.keys() - {"delegation"}
    assert accounts[account] in providers[name].inputs["allowedAccountIds"]
    assert accounts["dns"] in providers["delegation"].inputs["allowedAccountIds"]
    in_dns = [r for r in cloud.resources if "::delegation::" in r.provider]
    assert [(r.type, r.inputs["name"]) for r in in_dns] == [("aws:route53/record:Record", domain)]
    assert cloud.outputs["domain"] == domain


def test_a_person_works_in_every_account_by_the_role_that_aws_makes(
    organization: dict[str, Cloud],
) -> None:
    accounts = organization["org/main"].outputs["accounts"]

    assert assumed(organization) == {
        "org/main": set(),
        "dns/main": {f"{accounts['dns']}:role/{ACCESS_ROLE}"},
        "corp/main": {f"{accounts[a]}:role/{ACCESS_ROLE}" for a in ("corp", "dns")},
        "tools/main": {f"{accounts['tools']}:role/{ACCESS_ROLE}"},
        "app/dev": {f"{accounts[a]}:role/{ACCESS_ROLE}" for a in ("dev", "dns")},
        "app/stage": {f"{accounts[a]}:role/{ACCESS_ROLE}" for a in ("stage", "dns")},
        "app/prod": {f"{accounts[a]}:role/{ACCESS_ROLE}" for a in ("prod", "dns")},
    }


def test_a_pipeline_works_by_the_roles_that_trust_it(by_pipeline: dict[str, Cloud]) -> None:
    accounts = by_pipeline["org/main"].outputs["accounts"]

    assert assumed(by_pipeline) == {
        "org/main": {"111122223333:role/deploy"},
        "dns/main": {f"{accounts['dns']}:role/deploy"},
        "corp/main": {f"{accounts['corp']}:role/deploy", "444455556666:role/delegate-corp"},
        "tools/main": {f"{accounts['tools']}:role/deploy"},
        "app/dev": {f"{accounts['dev']}:role/deploy", "444455556666:role/delegate-dev"},
        "app/stage": {f"{accounts['stage']}:role/deploy", "444455556666:role/delegate-stage"},
        "app/prod": {f"{accounts['prod']}:role/deploy", "444455556666:role/delegate-prod"},
    }


def test_which_role_runs_a_program_changes_nothing_but_its_providers(
    organization: dict[str, Cloud], by_pipeline: dict[str, Cloud]
) -> None:
    for name, cloud in organization.items():
        mine, theirs = (
            [
                (r.urn, {key: value for key, value in r.inputs.items() if key != "code"})
                for r in it.resources
                if r.type != "pulumi:providers:aws"
            ]
            for it in (cloud, by_pipeline[name])
        )
        assert sorted(mine, key=lambda r: r[0]) == sorted(theirs, key=lambda r: r[0]), name


def assumed(records: dict[str, Cloud]) -> dict[str, set[str]]:
    """Return the roles that each program works by, without the start of their ARNs."""
    return {
        name: {
            role["roleArn"].removeprefix("arn:aws:iam::")
            for provider in cloud.of_type("pulumi:providers:aws").values()
            for role in json.loads(provider.inputs.get("assumeRoles", "[]"))
        }
        for name, cloud in records.items()
    }


def test_every_role_of_a_member_account_carries_its_boundary(
    organization: dict[str, Cloud],
) -> None:
    for name, cloud in organization.items():
        roles = cloud.of_type("aws:iam/role:Role").values()
        assert roles
        wanted = set() if name == "org/main" else {"deploy-boundary"}
        found = {r.inputs.get("permissionsBoundary", "").rpartition("/")[2] for r in roles}
        assert found - {""} == wanted, name
        assert ("" in found) == (name == "org/main"), name


def test_every_member_account_has_its_settings_switched_on_by_itself(
    organization: dict[str, Cloud],
) -> None:
    for name, cloud in organization.items():
        if name != "org/main":
            role = cloud.of_type("aws:iam/role:Role")["baseline-deploy-role"]
            for kind in (
                "aws:ebs/encryptionByDefault:EncryptionByDefault",
                "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults",
                "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
            ):
                assert cloud.only(kind).provider == role.provider, name


def test_every_stack_has_a_pipeline_by_its_own_rule(organization: dict[str, Cloud]) -> None:
    pipelines = organization["tools/main"].of_type("aws:codepipeline/pipeline:Pipeline")
    pushes = {
        pipeline.inputs["name"]: push
        for pipeline in pipelines.values()
        for trigger in pipeline.inputs.get("triggers", [])
        for push in trigger["gitConfiguration"]["pushes"][:1]
    }

    assert set(pushes) == {stack.pipeline for stack in catalogue.stacks()}
    for stack in catalogue.stacks():
        push = pushes[stack.pipeline]
        if stack.rule.tag:
            assert push == {"tags": {"includes": [stack.rule.tag]}}
        else:
            assert push["branches"] == {"includes": [stack.rule.branch]}
        assert ("filePaths" in push) == (stack.project != "app"), stack


def test_a_person_approves_prod_org_and_tools(organization: dict[str, Cloud]) -> None:
    pipelines = organization["tools/main"].of_type("aws:codepipeline/pipeline:Pipeline").values()

    assert {
        pipeline.inputs["name"]
        for pipeline in pipelines
        if any(
            action["name"] == "Approve"
            for stage in pipeline.inputs["stages"]
            for action in stage["actions"]
        )
    } == {"app-prod", "org-main", "tools-main"}


@pytest.mark.parametrize(
    ("environment", "host"),
    [("dev", "dev"), ("stage", "stage"), ("prod", "app")],
)
def test_an_api_is_reached_by_its_environments_name(
    organization: dict[str, Cloud], environment: str, host: str
) -> None:
    url = organization[f"app/{environment}"].outputs["api_url"]

    assert url == f"https://api.{host}.example.com"


def test_dev_and_stage_admit_the_vpns_addresses_and_prod_everybody(
    organization: dict[str, Cloud],
) -> None:
    admitted = {
        name: json.loads(organization[f"app/{name}"].only("RestApi").inputs["policy"])["Statement"]
        for name in ("dev", "stage", "prod")
    }

    from_the_vpn = {"IpAddress": {"aws:SourceIp": ["203.0.113.7/32", "2a05:d014:1:2300::/64"]}}
    assert (
        organization["corp/main"].outputs["vpn_cidrs"]
        == (from_the_vpn["IpAddress"]["aws:SourceIp"])
    )
    assert [s.get("Condition") for s in admitted["dev"]] == [from_the_vpn]
    assert [s.get("Condition") for s in admitted["stage"]] == [from_the_vpn]
    assert [s.get("Condition") for s in admitted["prod"]] == [None]


def test_an_environment_behind_the_vpn_says_that_it_needs_it() -> None:
    records = bring_up(ORDER[:2])
    cloud = Cloud(stacks={f"organization/{name}": c.outputs for name, c in records.items()})

    with pytest.raises(SystemExit):
        cloud.run_project(ROOT, "dev")

    assert cloud.resources == []
    assert cloud.errors == [
        "Stack organization/corp/main is not deployed, and this stack reads its outputs: first run: "
        "pulumi -C stacks/corp up -s main"
    ]


def test_a_public_environment_needs_no_vpn(tmp_path: Path) -> None:
    copy_programs(tmp_path)
    settings = tmp_path / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text().replace("access: vpnOnly", "access: public"))

    records = bring_up([*ORDER[:2], (".", "dev")], tmp_path)

    (statement,) = json.loads(records["app/dev"].only("RestApi").inputs["policy"])["Statement"]
    assert "Condition" not in statement


def test_environments_differ_in_scale_and_not_in_what_they_are_made_of(
    organization: dict[str, Cloud],
) -> None:
    made_of = [
        sorted((r.type, r.name) for r in organization[f"app/{name}"].resources if r.type != REF)
        for name in ("dev", "stage", "prod")
    ]

    assert made_of[0] == made_of[1] == made_of[2]


REF = "pulumi:pulumi:StackReference"


def test_only_dev_leaves_its_data_open(organization: dict[str, Cloud]) -> None:
    locked = {
        name: organization[f"app/{name}"].only("Table").protect for name in ("dev", "stage", "prod")
    }

    assert locked == {"dev": False, "stage": True, "prod": True}


def test_prod_takes_only_what_stage_runs() -> None:
    records = bring_up(ORDER[:6])
    stacks = {f"organization/{name}": cloud.outputs for name, cloud in records.items()}
    cloud = Cloud(stacks=stacks)

    with pytest.raises(SystemExit):
        cloud.run_project(ROOT, "prod", checkout=FakeCheckout(commit="ab" * 20))

    assert cloud.resources == []
    assert "is not what stage runs" in cloud.errors[0]


def test_the_app_before_org_says_what_to_run_first() -> None:
    cloud = Cloud()

    with pytest.raises(SystemExit):
        cloud.run_project(ROOT, "dev")

    assert cloud.resources == []
    assert cloud.errors == [
        "Stack organization/org/main is not deployed, and this stack reads its outputs: first run: "
        "pulumi -C stacks/org up -s main"
    ]


def test_a_delegation_to_an_account_without_a_stack_is_refused(tmp_path: Path) -> None:
    copy_programs(tmp_path)
    (tmp_path / "Pulumi.stage.yaml").unlink()
    (tmp_path / "Pulumi.prod.yaml").unlink()
    records = bring_up(ORDER[:1], tmp_path)
    cloud = Cloud(stacks={"organization/org/main": records["org/main"].outputs})

    with pytest.raises(SystemExit):
        cloud.run_project(tmp_path / "stacks/dns", "main")

    assert cloud.resources == []
    assert cloud.errors == [
        "No stack deploys to the account stage, so nobody could delegate its sub-domain: write its "
        "settings file first (a Pulumi.stage.yaml with app:account: stage), or take stage out of "
        "delegations in stacks/dns/Pulumi.main.yaml"
    ]


def test_a_further_environment_is_data_only(tmp_path: Path) -> None:
    copy_programs(tmp_path)
    add_environment(tmp_path, "qa")

    records = bring_up([*ORDER[:3], (".", "qa")], tmp_path)

    assert records["app/qa"].outputs["api_url"] == "https://api.qa.example.com"
    assert records["app/qa"].outputs["account_id"] == records["org/main"].outputs["accounts"]["qa"]


def copy_programs(folder: Path) -> None:
    for part in [*ROOT.glob("Pulumi*.yaml"), ROOT / "__main__.py"]:
        shutil.copy(part, folder)
    shutil.copytree(ROOT / "stacks", folder / "stacks")


def add_environment(root: Path, name: str) -> None:
    """Do what the README says for a further environment: an account, a rule, a settings file."""
    org, dns = root / "stacks/org/Pulumi.main.yaml", root / "stacks/dns/Pulumi.main.yaml"
    entry = f"    {name}: {{ ou: Workloads/Development }}\n"
    org.write_text(org.read_text().replace("  org:guardRails:\n", f"{entry}  org:guardRails:\n"))
    rule = f"    {name}: {name}\n"
    dns.write_text(dns.read_text().replace("  dns:release:\n", f"{rule}  dns:release:\n"))
    settings = (root / "Pulumi.dev.yaml").read_text()
    (root / f"Pulumi.{name}.yaml").write_text(
        settings.replace("app:account: dev", f"app:account: {name}")
    )
