"""Guard rails of the organization: what is looked at is what is registered, and mistakes stop it."""

import json
from unittest import mock

import pytest

from components.guard_rails import LIBRARY, GuardRail
from components.service_control import UnusableGuardRailsError
from stacks import guard_rails
from stacks.settings import OrgSettings
from tests.cloud import ROOT, Cloud

ORG = ROOT / "stacks/org"
BROKEN = {
    "stayInOrganization": GuardRail(
        reason="a test",
        statements=lambda _: [
            {"Sid": "Leave", "Effect": "Deny", "Action": "organizations:Leave", "Resource": "*"}
        ],
    )
}


def settings() -> OrgSettings:
    return OrgSettings.read(ORG / "Pulumi.main.yaml", "org")


def test_the_program_registers_exactly_the_policies_that_settings_ask_for() -> None:
    cloud = Cloud().run_project(ORG, "main")

    registered = {name: it.inputs["content"] for name, it in cloud.of_type("Policy").items()}
    asked = guard_rails.policies_of(settings())
    assert registered == {it.name: it.content for its in asked.values() for it in its}
    assert {it.inputs["targetId"] for it in cloud.of_type("PolicyAttachment").values()} == {
        "r-root",
        "organization-Suspended-id",
        "organization-Workloads/Production-id",
    }


def test_every_guard_rail_of_the_library_is_on_somewhere() -> None:
    on = {
        name for its in guard_rails.policies_of(settings()).values() for it in its
        for name in it.guard_rails
    }  # fmt: skip

    assert on == set(LIBRARY)


def test_nobody_is_exempt_where_accounts_are_suspended() -> None:
    (policy,) = guard_rails.policies_of(settings())["Suspended"]

    assert json.loads(policy.content)["Statement"] == [
        {"Sid": "Frozen", "Effect": "Deny", "Action": "*", "Resource": "*"}
    ]


def test_mistakes_of_guard_rails_stop_the_update_before_anything_is_registered() -> None:
    cloud = Cloud()

    with (
        mock.patch.dict("components.guard_rails.LIBRARY", BROKEN),
        pytest.raises(SystemExit),
    ):
        cloud.run_project(ORG, "main")

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
