"""What rules and targets do beyond a plain life: buses, made ids, entries that fail."""

import json
from typing import Any

import pytest

from sandbox.plugin.account import AwsError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Refused
from tests.sandbox.plugin.scripted import scripted
from tests.sandbox.plugin.world import EVENT_RULE, EVENT_TARGET, World

PATTERN = json.dumps({"source": ["aws.codepipeline"], "detail": {"state": ["FAILED"]}})
TARGET: Values = {"eventBusName": "default", "rule": "r", "targetId": "t", "arn": "arn:t"}


def test_a_rule_with_targets_is_not_deleted(world: World) -> None:
    rule = world.member.create(EVENT_RULE, {"name": "busy", "eventPattern": PATTERN})
    target = world.member.create(EVENT_TARGET, {"rule": "busy", "arn": world.topic.id})
    with pytest.raises(Refused, match=r"^deleting EventBridge Rule \(busy\): .*has targets"):
        world.member.delete(rule)
    world.member.delete(target)
    world.member.delete(rule)


def test_a_target_gets_an_id_where_it_has_none_and_keeps_it(world: World) -> None:
    inputs = {"rule": world.event_rule.id, "arn": world.topic.id}
    held = world.member.create(EVENT_TARGET, inputs)
    assert held.id == f"{world.event_rule.id}-{held.state['targetId']}"
    assert not world.member.diff(held, inputs).changes
    held = world.member.update(held, {**inputs, "input": '"Now."'})
    live = world.client("events").list_targets_by_rule(Rule=world.event_rule.id)["Targets"]
    told = [it.get("Input") for it in live if it["Id"] == held.state["targetId"]]
    assert told == ['"Now."']
    world.member.delete(held)


def test_another_bus_stands_before_the_rule() -> None:
    there = {**TARGET, "eventBusName": "other"}
    account, aws = scripted(
        ListTargetsByRule=[{"Targets": [{"Id": "t", "Arn": "arn:t"}]}],
        DescribeRule=[{"Arn": "arn:r", "Name": "r", "State": "ENABLED"}],
        ListTagsForResource=[{"Tags": []}],
    )
    target, rule = RESOURCES[EVENT_TARGET], RESOURCES[EVENT_RULE]
    assert target.create(account, there) == "other-r-t"
    told: Any = target.read(account, "other/r/t", {})
    assert (told["id"], told["eventBusName"], told["rule"]) == ("other-r-t", "other", "r")
    assert rule.create(account, {"name": "r", "eventBusName": "other"}) == "other/r"
    seen: Any = rule.read(account, "other/r", {})
    assert (seen["eventBusName"], seen["name"]) == ("other", "r")
    assert aws.calls[-2] == ("DescribeRule", {"Name": "r", "EventBusName": "other"})


def test_an_entry_that_fails_is_an_error() -> None:
    entry = {"TargetId": "t", "ErrorCode": "LimitExceeded", "ErrorMessage": "Too many."}
    failed: list[Values | AwsError] = [{"FailedEntryCount": 1, "FailedEntries": [entry]}]
    account, _aws = scripted(PutTargets=failed, RemoveTargets=failed)
    target = RESOURCES[EVENT_TARGET]
    with pytest.raises(AwsError, match=r"^t: LimitExceeded: Too many\.$"):
        target.create(account, TARGET)
    with pytest.raises(AwsError, match=r"^t: LimitExceeded: Too many\.$"):
        target.delete(account, "r-t", TARGET)


def test_a_rule_that_was_turned_off_by_hand_is_seen(world: World) -> None:
    inputs = {"name": "watched", "eventPattern": PATTERN, "state": "ENABLED"}
    held = world.member.create(EVENT_RULE, inputs)
    world.client("events").disable_rule(Name="watched")
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, inputs).detailed == {"state": "UPDATE"}
    held = world.member.update(found, inputs)
    assert held.state["state"] == "ENABLED"


def test_a_rule_keeps_the_state_that_the_program_leaves_open(world: World) -> None:
    inputs = {"name": "open", "eventPattern": PATTERN}
    held = world.member.create(EVENT_RULE, inputs)
    world.client("events").disable_rule(Name="open")
    found: Any = world.member.refresh(held)
    assert not world.member.diff(found, inputs).changes
    held = world.member.update(found, {**inputs, "description": "Open"})
    assert held.state["state"] == "DISABLED"
