"""Wiring: every program runs whole with its real settings, fed by what the ones before it exported."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cloud import ROOT, Cloud, FakeCheckout

ORDER = [
    ("stacks/org", "main"),
    ("stacks/dns", "main"),
    ("stacks/corp", "main"),
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


def test_every_program_takes_what_the_ones_before_it_export(organization: dict[str, Cloud]) -> None:
    assert list(organization) == [
        "org/main",
        "dns/main",
        "corp/main",
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
    for resource in organization["org/main"].resources:
        assert resource.type.split(":")[0] in {"multi-account", "pulumi"} or (
            resource.type.startswith("aws:organizations/")
        ), resource.name


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

    assert set(cloud.of_type("PolicyAttachment")) == {"protectDataStores-Workloads/Production"}


def test_every_account_of_the_picture_is_made(organization: dict[str, Cloud]) -> None:
    accounts = organization["org/main"].outputs["accounts"]

    assert set(accounts) == {"dns", "corp", "tools", "dev", "stage", "prod"}
    assert len(set(accounts.values())) == 6


def test_data_stores_are_protected_where_stage_and_prod_are(
    organization: dict[str, Cloud],
) -> None:
    org = organization["org/main"]
    target = org.only("PolicyAttachment").inputs["targetId"]
    members = org.of_type("aws:organizations/account:Account")

    under = {m.inputs["name"] for m in members.values() if m.inputs["parentId"] == target}
    assert under == {"stage", "prod"}


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
    own, delegation = cloud.of_type("pulumi:providers:aws").values()

    assert accounts[account] in own.inputs["allowedAccountIds"]
    assert f":role/delegate-{account}" in delegation.inputs["assumeRoles"]
    in_dns = [r for r in cloud.resources if "::delegation::" in r.provider]
    assert [(r.type, r.inputs["name"]) for r in in_dns] == [("aws:route53/record:Record", domain)]
    assert cloud.outputs["domain"] == domain


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
    records = bring_up(ORDER[:5])
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


def test_a_further_environment_is_data_only(tmp_path: Path) -> None:
    copy_programs(tmp_path)
    add_environment(tmp_path, "qa")

    records = bring_up([*ORDER[:3], (".", "qa")], tmp_path)

    assert records["app/qa"].outputs["api_url"] == "https://api.qa.example.com"
    assert records["app/qa"].outputs["account_id"] == records["org/main"].outputs["accounts"]["qa"]


def copy_programs(folder: Path) -> None:
    for part in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
        shutil.copy(ROOT / part, folder)
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
