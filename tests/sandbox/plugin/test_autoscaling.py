"""What an Auto Scaling group does beyond a plain life: refreshes, waits, draining, tags."""

import time
from typing import Any

import pytest

from sandbox.plugin.account import AwsError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Refused
from tests.sandbox.plugin.scripted import refusal, scripted
from tests.sandbox.plugin.world import GROUP, World

ROLLING: Values = {"strategy": "Rolling", "preferences": {"minHealthyPercentage": 0}}
HOSTS: Values = {
    "name": "hosts",
    "minSize": 1,
    "maxSize": 1,
    "desiredCapacity": 1,
    "launchTemplate": {"id": "lt-1", "version": "1"},
    "instanceRefresh": ROLLING,
    "vpcZoneIdentifiers": ["subnet-1"],
    "healthCheckGracePeriod": 300,
    "waitForCapacityTimeout": "0",
}
VERSION_2: Values = {"launchTemplate": {"id": "lt-1", "version": "2"}}
IN_SERVICE = {"HealthStatus": "Healthy", "LifecycleState": "InService"}
NO_GROUP: Values = {"AutoScalingGroups": []}


def described(*instances: Values) -> Values:
    return {"AutoScalingGroups": [{"AutoScalingGroupName": "hosts", "Instances": instances}]}


def update(change: Values, **answers: Any) -> list[tuple[str, Values]]:
    account, aws = scripted(**answers)
    RESOURCES[GROUP].update(account, "hosts", HOSTS, {**HOSTS, **change})
    return aws.calls


def test_a_new_version_of_the_launch_template_replaces_the_instances() -> None:
    template = {"LaunchTemplateId": "lt-1", "Version": "2"}
    assert update(VERSION_2) == [
        ("UpdateAutoScalingGroup", {"AutoScalingGroupName": "hosts", "LaunchTemplate": template}),
        (
            "StartInstanceRefresh",
            {
                "AutoScalingGroupName": "hosts",
                "Strategy": "Rolling",
                "Preferences": {"MinHealthyPercentage": 0},
            },
        ),
    ]


def test_without_preferences_most_instances_stay_healthy() -> None:
    refresh = {"strategy": "Rolling", "preferences": {"instanceWarmup": "120"}}
    assert update({**VERSION_2, "instanceRefresh": refresh})[-1][1]["Preferences"] == {
        "InstanceWarmup": 120,
        "MinHealthyPercentage": 90,
    }


@pytest.mark.parametrize(
    ("change", "triggers", "refreshes"),
    [
        ({"maxSize": 2}, [], False),
        ({"tags": [{"key": "a", "value": "1", "propagateAtLaunch": True}]}, [], False),
        ({"tags": [{"key": "a", "value": "1", "propagateAtLaunch": True}]}, ["tag"], True),
        ({"vpcZoneIdentifiers": ["subnet-2"]}, ["vpc_zone_identifier"], True),
        ({"maxSize": 2}, ["tag"], False),
    ],
)
def test_only_the_triggers_replace_the_instances_too(
    change: Values, triggers: list[str], *, refreshes: bool
) -> None:
    calls = update({**change, "instanceRefresh": {**ROLLING, "triggers": triggers}})
    assert ("StartInstanceRefresh" in dict(calls)) is refreshes


def test_without_an_instance_refresh_the_instances_stay() -> None:
    assert [operation for operation, _ in update({**VERSION_2, "instanceRefresh": None})] == [
        "UpdateAutoScalingGroup"
    ]


def test_a_refresh_that_is_under_way_gives_way_to_the_new_one() -> None:
    calls = update(
        VERSION_2,
        StartInstanceRefresh=[
            refusal("InstanceRefreshInProgress"),
            refusal("InstanceRefreshInProgress"),
            {},
        ],
        CancelInstanceRefresh=[{}, refusal("ActiveInstanceRefreshNotFound")],
    )
    assert [operation for operation, _ in calls] == [
        "UpdateAutoScalingGroup",
        *("StartInstanceRefresh", "CancelInstanceRefresh") * 2,
        "StartInstanceRefresh",
    ]


def test_any_other_refusal_of_a_refresh_is_told() -> None:
    with pytest.raises(AwsError, match="LimitExceeded"):
        update(VERSION_2, StartInstanceRefresh=[refusal("LimitExceeded")])
    with pytest.raises(AwsError, match="AccessDenied"):
        update(
            VERSION_2,
            StartInstanceRefresh=[refusal("InstanceRefreshInProgress")],
            CancelInstanceRefresh=[refusal("AccessDenied")],
        )


def test_a_creation_waits_for_healthy_instances_as_long_as_the_program_says() -> None:
    group = RESOURCES[GROUP]
    starting = {"HealthStatus": "Healthy", "LifecycleState": "Pending"}
    account, aws = scripted(DescribeAutoScalingGroups=[described(starting), described(IN_SERVICE)])
    group.complete(account, "hosts", {**HOSTS, "waitForCapacityTimeout": "1m"})
    assert aws.operations == ["DescribeAutoScalingGroups"] * 2

    account, aws = scripted(DescribeAutoScalingGroups=[described(starting)])
    with pytest.raises(AwsError, match=r"^timed out after 1 s: want at least 1 healthy .* have 0$"):
        group.complete(account, "hosts", {**HOSTS, "waitForCapacityTimeout": "1s"})
    group.complete(account, "hosts", HOSTS)


@pytest.mark.parametrize(("change", "waits"), [({"minSize": 2}, True), ({"maxSize": 3}, False)])
def test_an_update_waits_when_more_instances_are_wanted(change: Values, *, waits: bool) -> None:
    instances = described(IN_SERVICE, IN_SERVICE)
    calls = update(
        {**change, "waitForCapacityTimeout": "10m"}, DescribeAutoScalingGroups=[instances]
    )
    assert ("DescribeAutoScalingGroups" in dict(calls)) is waits


def test_a_duration_may_have_several_units() -> None:
    account, _aws = scripted(DescribeAutoScalingGroups=[described()])
    started = time.monotonic()
    with pytest.raises(AwsError, match=r"^timed out after 0\.5 s"):
        RESOURCES[GROUP].complete(account, "hosts", {**HOSTS, "waitForCapacityTimeout": "0h0m0.5s"})
    assert time.monotonic() - started < 5


def test_a_group_is_drained_before_it_goes() -> None:
    account, aws = scripted(
        DescribeAutoScalingGroups=[
            described(IN_SERVICE),
            described(IN_SERVICE),
            described(),
            described(),
            NO_GROUP,
        ],
        DeleteAutoScalingGroup=[refusal("ScalingActivityInProgress"), {}],
    )
    RESOURCES[GROUP].delete(account, "hosts", HOSTS)
    find = "DescribeAutoScalingGroups"
    assert aws.operations == [
        *(find, "UpdateAutoScalingGroup", find, find),
        *("DeleteAutoScalingGroup", "DeleteAutoScalingGroup"),
        *(find, find),
    ]
    assert aws.calls[1][1] == {
        "AutoScalingGroupName": "hosts",
        "DesiredCapacity": 0,
        "MaxSize": 0,
        "MinSize": 0,
    }
    assert aws.calls[4][1]["ForceDelete"] is False


def test_by_force_a_group_goes_with_its_instances() -> None:
    account, aws = scripted(DescribeAutoScalingGroups=[described(IN_SERVICE), NO_GROUP])
    RESOURCES[GROUP].delete(account, "hosts", {**HOSTS, "forceDelete": True})
    delete = ("DeleteAutoScalingGroup", {"AutoScalingGroupName": "hosts", "ForceDelete": True})
    assert aws.calls[1] == delete
    assert "UpdateAutoScalingGroup" not in aws.operations


def real(world: World, **more: object) -> Values:
    return {
        "minSize": 0,
        "maxSize": 1,
        "vpcZoneIdentifiers": [world.public_subnet.id],
        "launchTemplate": {"id": world.template, "version": "1"},
        **more,
    }


def instances(world: World, group: str) -> dict[str, str]:
    """The group's instances, and which version of the launch template each is from."""
    answer = world.client("autoscaling").describe_auto_scaling_instances()
    return {
        found["InstanceId"]: found["LaunchTemplate"]["Version"]
        for found in answer["AutoScalingInstances"]
        if found["AutoScalingGroupName"] == group
    }


def test_default_tags_do_not_reach_a_group(world: World) -> None:
    engine = world.member_provider(defaultTags={"tags": {"owner": "cloud"}})
    held = engine.create(GROUP, real(world))
    assert "tagsAll" not in held.state
    answer = world.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[held.id]
    )
    assert answer["AutoScalingGroups"][0]["Tags"] == []
    assert engine.diff(held, real(world)).detailed == {}


def test_the_instances_are_those_of_the_new_version(world: World) -> None:
    size = {"minSize": 1, "instanceRefresh": ROLLING}
    held = world.member.create(GROUP, real(world, **size))
    before = instances(world, held.id)
    later = real(world, **size, launchTemplate={"id": world.template, "version": "2"})
    held = world.member.update(held, later)
    after = instances(world, held.id)
    assert [*before.values(), *after.values()] == ["1", "2"]
    assert before.keys() != after.keys()
    world.member.delete(held)
    assert instances(world, held.id) == {}


def test_a_version_that_is_not_known_yet_is_a_change_of_the_template(world: World) -> None:
    held = world.member.create(GROUP, real(world))
    later = real(world, launchTemplate={"id": world.template, "version": UNKNOWN})
    difference = world.member.diff(held, later)
    assert difference.detailed == {"launchTemplate.version": "UPDATE"}
    assert difference.replaces == []


def test_an_unnamed_group_is_named_after_the_resource_and_another_name_replaces_it(
    world: World,
) -> None:
    held = world.member.create(GROUP, real(world))
    assert held.id == held.state["name"]
    assert held.id.startswith("thing-")
    assert world.member.diff(held, real(world, name="other")).replaces == ["name"]


def test_a_capacity_that_changed_by_itself_is_no_drift(world: World) -> None:
    held = world.member.create(GROUP, real(world))
    world.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=held.id, DesiredCapacity=1
    )
    found: Any = world.member.refresh(held)
    assert found.state["desiredCapacity"] == 1
    assert world.member.diff(found, real(world)).detailed == {}
    world.member.delete(found)
    assert world.member.refresh(found) is None


def test_a_group_that_does_not_get_its_instances_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.plugin.account._POLL_SECONDS", 0.01)
    found = RESOURCES[GROUP]
    monkeypatch.setattr(found, "_find", lambda *_: {"Instances": []}, raising=True)
    monkeypatch.setattr(found, "read", lambda *_: {"name": "short"})
    with pytest.raises(Refused, match=r"^creating Auto Scaling Group \(short\): timed out") as kept:
        world.member.create(
            GROUP, real(world, name="short", minSize=1, waitForCapacityTimeout="1s")
        )
    assert kept.value.id == "short"
