"""What a key does beyond a plain life: deletion that takes days, rotation, being disabled."""

import json
from typing import Any

import pytest

from sandbox.plugin.account import AwsError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Engine, Refused
from tests.sandbox.plugin.scripted import refusal, scripted
from tests.sandbox.plugin.world import ALIAS, KEY, World, policy

PENDING = "arn:aws:kms:eu-central-1:222222222222:key/1 is pending deletion."
ROTATES: Values = {"enableKeyRotation": True, "rotationPeriodInDays": 180}


def test_a_deleted_key_waits_as_long_as_the_program_says(world: World) -> None:
    held = world.member.create(KEY, {"deletionWindowInDays": 7})
    world.member.delete(held)
    key = world.client("kms").describe_key(KeyId=held.id)["KeyMetadata"]
    assert key["KeyState"] == "PendingDeletion"
    assert (key["DeletionDate"] - key["CreationDate"]).days in {6, 7}
    assert world.member.refresh(held) is None
    assert world.member.adopt(KEY, held.id) is None


def test_that_a_key_waits_for_its_deletion_already_is_no_error() -> None:
    account, _aws = scripted(ScheduleKeyDeletion=[refusal("KMSInvalidStateException", PENDING)])
    RESOURCES[KEY].delete(account, "1", {})
    account, _aws = scripted(ScheduleKeyDeletion=[refusal("AccessDeniedException", "no")])
    with pytest.raises(AwsError, match="AccessDenied"):
        RESOURCES[KEY].delete(account, "1", {})


def test_a_key_rotates_as_often_as_the_program_says(world: World) -> None:
    held = world.member.create(KEY, ROTATES)
    assert held.state["rotationPeriodInDays"] == 180
    later = {**ROTATES, "rotationPeriodInDays": 90}
    held = world.member.update(held, later)
    status = world.client("kms").get_key_rotation_status(KeyId=held.id)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    held = world.member.update(held, {})
    assert not world.client("kms").get_key_rotation_status(KeyId=held.id)["KeyRotationEnabled"]


@pytest.mark.parametrize(("enabled", "place"), [(True, 0), (False, -1)])
def test_a_key_is_changed_while_it_is_enabled(*, enabled: bool, place: int) -> None:
    account, aws = scripted()
    old: Values = {"isEnabled": not enabled, "enableKeyRotation": False, "description": "old"}
    new: Values = {**old, "isEnabled": enabled, "description": "new"}
    RESOURCES[KEY].update(account, "1", old, new)
    assert len(aws.operations) == 2
    assert aws.operations[place] == ("EnableKey" if enabled else "DisableKey")


def test_a_policy_that_was_changed_by_hand_is_put_right(world: World) -> None:
    anybody = {"Effect": "Allow", "Principal": "*", "Resource": "*"}
    given = policy({**anybody, "NotAction": "kms:Decrypt"})
    held = world.member.create(KEY, {"policy": given})
    kms = world.client("kms")
    by_hand = policy({**anybody, "Action": "kms:*"})
    kms.put_key_policy(KeyId=held.id, PolicyName="default", Policy=by_hand)
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, {"policy": given}).detailed == {"policy": "UPDATE"}
    world.member.update(found, {"policy": given})
    live = kms.get_key_policy(KeyId=held.id, PolicyName="default")["Policy"]
    assert json.loads(live) == json.loads(given)


def test_a_key_is_the_same_by_its_id_and_by_its_arn(world: World) -> None:
    name = {"name": "alias/twice"}
    held = world.member.create(ALIAS, {**name, "targetKeyId": world.key.id})
    assert held.state["targetKeyArn"] == world.key.state["arn"]
    by_arn = {**name, "targetKeyId": world.key.state["arn"]}
    assert not world.member.diff(held, by_arn).changes


def test_an_alias_is_named_after_the_resource_behind_its_prefix(engine: Engine) -> None:
    inputs, failures = engine.check(ALIAS, {"targetKeyId": "1"}, name="state")
    assert failures == {}
    assert inputs["name"].startswith("alias/state-")
    inputs, _failures = engine.check(ALIAS, {"targetKeyId": "1"}, name="x" * 300)
    assert len(inputs["name"]) == 256


def test_an_alias_on_a_later_page_is_found() -> None:
    aliases = [
        {
            "AliasName": f"alias/{name}",
            "AliasArn": f"arn:aws:kms:eu-central-1:222222222222:alias/{name}",
            "TargetKeyId": name,
        }
        for name in ("one", "two")
    ]
    pages: list[Values] = [
        {"Aliases": aliases[:1], "Truncated": True, "NextMarker": "m"},
        {"Aliases": aliases[1:], "Truncated": False},
    ]
    account, aws = scripted(ListAliases=pages)
    state: Any = RESOURCES[ALIAS].read(account, "alias/two", {})
    assert state["targetKeyArn"] == "arn:aws:kms:eu-central-1:222222222222:key/two"
    assert aws.calls[1] == ("ListAliases", {"Marker": "m"})


def test_an_alias_without_its_prefix_is_refused_by_aws(world: World) -> None:
    with pytest.raises(Refused, match=r"^creating KMS Alias \(state\): operation error KMS: "):
        world.member.create(ALIAS, {"name": "state", "targetKeyId": world.key.id})
