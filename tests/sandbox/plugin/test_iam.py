"""What roles and managed policies do beyond a plain life: boundaries, versions, being in use."""

from typing import Any

import pytest

from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Engine, Held, Refused
from tests.sandbox.plugin.scripted import scripted
from tests.sandbox.plugin.world import IAM_ROLE, MANAGED_POLICY, World, policy, trust


def allowing(action: str) -> str:
    return policy({"Effect": "Allow", "Action": action, "Resource": "*"})


def boundary(world: World, name: str) -> Held:
    return world.member.create(MANAGED_POLICY, {"name": name, "policy": allowing("s3:*")})


def bound_by(world: World, role: str) -> str | None:
    live = world.client("iam").get_role(RoleName=role)["Role"]
    return live.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")


def test_a_role_is_bound_bound_anew_and_freed(world: World) -> None:
    first, other = (boundary(world, name).id for name in ("first-bound", "other-bound"))
    inputs = {"name": "bound", "assumeRolePolicy": trust("lambda")}
    held = world.member.create(IAM_ROLE, {**inputs, "permissionsBoundary": first})
    assert bound_by(world, "bound") == first
    assert held.state["permissionsBoundary"] == first
    assert world.member.refresh(held) == held

    held = world.member.update(held, {**inputs, "permissionsBoundary": other})
    assert bound_by(world, "bound") == other
    held = world.member.update(held, inputs)
    assert bound_by(world, "bound") is None
    assert not world.member.diff(held, inputs).changes

    held = world.member.update(held, {**inputs, "permissionsBoundary": first})
    assert bound_by(world, "bound") == first
    adopted: Any = world.member.adopt(IAM_ROLE, "bound")
    assert adopted.inputs["permissionsBoundary"] == first


def test_a_boundary_that_was_taken_off_by_hand_is_put_back(world: World) -> None:
    bound = boundary(world, "lost-bound").id
    inputs = {"name": "freed", "assumeRolePolicy": trust("lambda"), "permissionsBoundary": bound}
    held = world.member.create(IAM_ROLE, inputs)
    world.client("iam").delete_role_permissions_boundary(RoleName="freed")
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, inputs).detailed == {"permissionsBoundary": "ADD"}
    world.member.update(found, inputs)
    assert bound_by(world, "freed") == bound


def test_a_boundary_that_stays_is_not_written_again() -> None:
    account, aws = scripted()
    old: Values = {
        "assumeRolePolicy": trust("lambda"),
        "maxSessionDuration": 3600,
        "permissionsBoundary": "arn:p",
    }
    RESOURCES[IAM_ROLE].update(account, "r", old, {**old, "description": "new"})
    assert aws.operations == ["UpdateRole"]


def test_a_role_stops_at_an_hour_unless_it_says_more(world: World) -> None:
    inputs = {"name": "brief", "assumeRolePolicy": trust("lambda")}
    held = world.member.create(IAM_ROLE, inputs)
    assert held.state["maxSessionDuration"] == 3600
    held = world.member.update(held, {**inputs, "maxSessionDuration": 7200})
    live = world.client("iam").get_role(RoleName="brief")["Role"]
    assert live["MaxSessionDuration"] == 7200


def test_the_oldest_version_of_a_policy_gives_way_to_a_sixth(world: World) -> None:
    held = world.member.create(MANAGED_POLICY, {"name": "versions", "policy": allowing("s3:*")})
    for number in range(2, 8):
        text = allowing(f"sqs:Action{number}")
        held = world.member.update(held, {"name": "versions", "policy": text})
    iam = world.client("iam")
    versions = iam.list_policy_versions(PolicyArn=held.id)["Versions"]
    assert {it["VersionId"] for it in versions} == {"v3", "v4", "v5", "v6", "v7"}
    assert [it["VersionId"] for it in versions if it["IsDefaultVersion"]] == ["v7"]
    world.member.delete(held)
    assert world.member.refresh(held) is None


def test_a_version_in_force_is_never_the_one_that_gives_way(world: World) -> None:
    held = world.member.create(MANAGED_POLICY, {"name": "kept", "policy": allowing("s3:*")})
    iam = world.client("iam")
    for number in range(2, 6):
        text = allowing(f"sqs:Action{number}")
        iam.create_policy_version(PolicyArn=held.id, PolicyDocument=text, SetAsDefault=False)
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, held.inputs).detailed == {}
    world.member.update(found, {"name": "kept", "policy": allowing("sns:*")})
    versions = iam.list_policy_versions(PolicyArn=held.id)["Versions"]
    assert {it["VersionId"] for it in versions} == {"v1", "v3", "v4", "v5", "v6"}


def test_new_tags_make_no_version() -> None:
    account, aws = scripted()
    old: Values = {"policy": allowing("s3:*"), "tagsAll": {}}
    RESOURCES[MANAGED_POLICY].update(account, "arn:p", old, {**old, "tagsAll": {"a": "1"}})
    assert aws.operations == ["TagPolicy"]


@pytest.mark.parametrize(
    "change", [{"description": "Other"}, {"path": "/other/"}, {"name": "other"}]
)
def test_what_a_policy_is_called_replaces_it(engine: Engine, change: Values) -> None:
    inputs = {"name": "called", "policy": allowing("s3:*"), "description": "One"}
    held = Held(MANAGED_POLICY, "arn", inputs, {**inputs, "path": "/"})
    assert engine.diff(held, {**inputs, **change}).replaces == [*change]


def test_a_policy_that_bounds_a_role_is_not_deleted(world: World) -> None:
    bound = boundary(world, "in-use")
    inputs = {"name": "holder", "assumeRolePolicy": trust("lambda")}
    world.member.create(IAM_ROLE, {**inputs, "permissionsBoundary": bound.id})
    with pytest.raises(Refused, match="DeleteConflict: "):
        world.member.delete(bound)
