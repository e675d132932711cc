"""Guard rails of the organization: what is looked at is what is registered, and mistakes stop it."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from components.guard_rails import GuardRail
from components.service_control import UnusableGuardRailsError
from stacks import guard_rails
from stacks.settings import OrgSettings, UnusableSettingsError
from tests.cloud import ROOT, Cloud

ORG = ROOT / "stacks/org"
CONFIG: dict[str, Any] = {
    "region": "eu-central-1",
    "managementAccountId": "111122223333",
    "emailPattern": "aws-{account}@example.com",
    "organizationalUnits": ["Infrastructure", "Suspended", "Workloads/Production"],
    "accounts": {
        "tools": {"ou": "Infrastructure"},
        "prod": {"ou": "Workloads/Production"},
        "qa": {"ou": "Workloads/Production"},
    },
    "guardRails": {
        "stayInOrganization": ["Root"],
        "protectDataStores": ["Workloads"],
        "frozen": ["Suspended"],
    },
    "release": {"branch": "main"},
}
"""Settings of our own: those of the repository are for whoever works with it to change."""
BROKEN = {
    "stayInOrganization": GuardRail(
        reason="a test",
        statements=lambda _: [
            {"Sid": "Leave", "Effect": "Deny", "Action": "organizations:Leave", "Resource": "*"}
        ],
    )
}
FAR_AWAY = (
    "Stack app/qa works in us-west-2, which guard rail allowedRegions denies its account qa; add "
    "us-west-2 to org:allowedRegions, beside eu-central-1"
)


def settings(**changes: Any) -> OrgSettings:
    """Return our own settings with some changed."""
    data = CONFIG | changes
    return OrgSettings.model_validate(data, context=data)


def project(root: Path, **changes: Any) -> Path:
    """Return the project's folder in a repository of its own, with our own settings."""
    folder = root / "stacks/org"
    folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ORG / name, folder)
    config = {f"org:{key}": value for key, value in (CONFIG | changes).items()}
    (folder / "Pulumi.main.yaml").write_text(yaml.safe_dump({"config": config}))
    return folder


@pytest.fixture
def qa(tmp_path: Path) -> Path:
    """Return the settings file of a stack that works in a region far away, the only one."""
    (tmp_path / "Pulumi.yaml").write_text("name: app\n")
    (tmp_path / "__main__.py").touch()
    file = tmp_path / "Pulumi.qa.yaml"
    config = {
        "app:region": "us-west-2",
        "app:account": "qa",
        "app:release": {"branch": "main"},
    }
    file.write_text(yaml.safe_dump({"config": config}))
    return file


def test_the_program_registers_exactly_the_policies_that_settings_ask_for() -> None:
    cloud = Cloud().run_project(ORG, "main")

    asked = guard_rails.policies_of(OrgSettings.read(ORG / "Pulumi.main.yaml", "org"))
    registered = {name: it.inputs["content"] for name, it in cloud.of_type("Policy").items()}
    assert registered == {it.name: it.content for its in asked.values() for it in its}
    assert set(cloud.of_type("PolicyAttachment")) == set(registered)


def test_a_policy_holds_for_the_root_an_ou_or_an_account(tmp_path: Path) -> None:
    org = project(tmp_path, guardRails={"protectAccess": ["Root", "Workloads", "prod"]})

    cloud = Cloud().run_project(org, "main")

    attached = {it.inputs["targetId"] for it in cloud.of_type("PolicyAttachment").values()}
    accounts = {it.inputs["name"]: it.id for it in cloud.of_type("Account").values()}
    assert attached == {"r-root", "organization-Workloads-id", accounts["prod"]}


def test_nobody_is_exempt_where_accounts_are_suspended() -> None:
    (policy,) = guard_rails.policies_of(settings(breakGlassRole="break-glass"))["Suspended"]

    assert json.loads(policy.content)["Statement"] == [
        {"Sid": "Frozen", "Effect": "Deny", "Action": "*", "Resource": "*"}
    ]


def test_mistakes_of_guard_rails_stop_the_update_before_anything_is_registered(
    tmp_path: Path,
) -> None:
    cloud = Cloud()

    with (
        mock.patch.dict("components.guard_rails.LIBRARY", BROKEN),
        pytest.raises(SystemExit),
    ):
        cloud.run_project(project(tmp_path), "main")

    assert cloud.errors == [
        "The guard rails have 1 mistake; nothing was changed:\n"
        "guard rail stayInOrganization, statement Leave: AWS has no action organizations:Leave; "
        "take it out"
    ]
    assert cloud.resources == []


def test_whoever_looks_at_guard_rails_gets_the_same_sentences() -> None:
    with (
        mock.patch.dict("components.guard_rails.LIBRARY", BROKEN),
        pytest.raises(UnusableGuardRailsError) as error,
    ):
        guard_rails.policies_of(settings())

    assert str(error.value).startswith("guard rail stayInOrganization, statement Leave: AWS has no")


@pytest.mark.parametrize("target", ["Root", "Workloads", "Workloads/Production", "qa"])
def test_no_guard_rail_denies_a_stack_the_region_that_it_works_in(qa: Path, target: str) -> None:
    changed = settings(guardRails={"allowedRegions": [target]})

    with (
        mock.patch("stacks.catalogue.ROOT", qa.parent),
        pytest.raises(UnusableSettingsError) as error,
    ):
        guard_rails.check_regions(changed)

    assert str(error.value) == FAR_AWAY


@pytest.mark.parametrize(
    "changes",
    [
        {"guardRails": {"allowedRegions": ["Root"]}, "allowedRegions": ["us-west-2", "eu-central-1"]},
        {"guardRails": {"allowedRegions": ["Infrastructure", "prod"]}},
        {"guardRails": {"stayInOrganization": ["Root"]}},
        {"guardRails": {"allowedRegions": ["Root"]}, "accounts": {"tools": {"ou": "Suspended"}}},
    ],
    ids=["it is allowed", "it is on elsewhere", "it is off", "the account is not there yet"],
)  # fmt: skip
def test_a_stack_may_work_wherever_no_guard_rail_denies_it(
    qa: Path, changes: dict[str, Any]
) -> None:
    with mock.patch("stacks.catalogue.ROOT", qa.parent):
        guard_rails.check_regions(settings(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, FAR_AWAY),
        (
            "- a",
            "Pulumi.qa.yaml cannot be read (it has no map named config): restore it, for example "
            "with git",
        ),
    ],
    ids=["a region far away", "a file that cannot be read"],
)
def test_what_another_stack_says_of_its_region_stops_the_update(
    qa: Path, text: str | None, message: str
) -> None:
    if text is not None:
        qa.write_text(text)
    cloud = Cloud()
    org = project(qa.parent, guardRails={"allowedRegions": ["Root"]})

    with pytest.raises(SystemExit):
        cloud.run_project(org, "main")

    assert cloud.errors == [message]
    assert cloud.resources == []
