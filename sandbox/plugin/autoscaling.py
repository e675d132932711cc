"""Auto Scaling: groups of instances from one launch template."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

import re
from dataclasses import replace
from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    REGION,
    Argument,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    string,
    strings,
)
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "autoscaling"
_GROUP = "auto-scaling-group"
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_BUSY = {"ResourceInUse", "ScalingActivityInProgress"}
_LEAST_HEALTHY_PERCENTAGE = 90

_SIZES = {"desiredCapacity": "DesiredCapacity", "maxSize": "MaxSize", "minSize": "MinSize"}
_HEALTH_CHECKS = {
    "healthCheckGracePeriod": "HealthCheckGracePeriod",
    "healthCheckType": "HealthCheckType",
}
_TRIGGERS = {
    "desired_capacity": "DesiredCapacity",
    "health_check_grace_period": "HealthCheckGracePeriod",
    "health_check_type": "HealthCheckType",
    "max_size": "MaxSize",
    "min_size": "MinSize",
    "tag": "Tags",
    "vpc_zone_identifier": "VPCZoneIdentifier",
}
"""What may start an instance refresh besides the launch template: the genuine plugin's names for
the arguments, which are Terraform's, and AWS's."""

_INSTANCE_REFRESH = block(
    {
        "preferences": block(
            {
                "alarmSpecification": block({}, carried=False),
                "autoRollback": boolean(carried=False),
                "checkpointDelay": string(carried=False),
                "checkpointPercentages": Argument(kind="list", element=integer(), carried=False),
                "instanceWarmup": string(),
                "maxHealthyPercentage": integer(carried=False),
                "minHealthyPercentage": integer(default=_LEAST_HEALTHY_PERCENTAGE),
                "scaleInProtectedInstances": string(default="Ignore", carried=False),
                "skipMatching": boolean(default=False, carried=False),
                "standbyInstances": string(default="Ignore", carried=False),
            }
        ),
        "strategy": string(required=True, choices=("Rolling",)),
        "triggers": Argument(kind="list", element=string(choices=tuple(_TRIGGERS)), unordered=True),
    }
)


class Group(Resource):
    """A group in subnets; its id is its name.

    The provider's default tags do not apply to it. How long to wait and how to refresh is nothing
    that AWS keeps: an import does not find it.
    """

    type_name = "aws:autoscaling/group:Group"
    title = "Auto Scaling Group"
    arguments: ClassVar = {
        "availabilityZoneDistribution": block({}, carried=False),
        "availabilityZones": strings(computed=True, unordered=True, carried=False),
        "capacityRebalance": boolean(carried=False),
        "capacityReservationSpecification": block({}, carried=False),
        "context": string(carried=False),
        "defaultCooldown": integer(computed=True, carried=False),
        "defaultInstanceWarmup": integer(carried=False),
        "desiredCapacity": integer(computed=True),
        "desiredCapacityType": string(carried=False),
        "enabledMetrics": strings(carried=False),
        "forceDelete": boolean(default=False),
        "forceDeleteWarmPool": boolean(default=False, carried=False),
        "healthCheckGracePeriod": integer(default=300),
        "healthCheckType": string(computed=True),
        "ignoreFailedScalingActivities": boolean(default=False, carried=False),
        "initialLifecycleHooks": blocks({}, replaces=True, carried=False),
        "instanceLifecyclePolicy": block({}, carried=False),
        "instanceMaintenancePolicy": block({}, carried=False),
        "instanceRefresh": _INSTANCE_REFRESH,
        "launchConfiguration": string(carried=False),
        "launchTemplate": block(
            {
                "id": string(computed=True),
                "name": string(computed=True),
                "version": string(computed=True),
            },
            computed=True,
        ),
        "loadBalancers": strings(computed=True, carried=False),
        "maxInstanceLifetime": integer(carried=False),
        "maxSize": integer(required=True),
        "metricsGranularity": string(default="1Minute", carried=False),
        "minElbCapacity": integer(carried=False),
        "minSize": integer(required=True),
        "mixedInstancesPolicy": block({}, computed=True, carried=False),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        "placementGroup": string(carried=False),
        "protectFromScaleIn": boolean(default=False, carried=False),
        **REGION,
        "serviceLinkedRoleArn": string(computed=True, carried=False),
        "suspendedProcesses": strings(carried=False),
        "tags": blocks(
            {
                "key": string(required=True),
                "propagateAtLaunch": boolean(required=True),
                "value": string(required=True),
            },
            unordered=True,
        ),
        "targetGroupArns": strings(computed=True, carried=False),
        "terminationPolicies": strings(carried=False),
        "trafficSources": blocks({}, computed=True, carried=False),
        "vpcZoneIdentifiers": strings(computed=True, unordered=True),
        "waitForCapacityTimeout": string(default="10m"),
        "waitForElbCapacity": integer(carried=False),
        "warmPool": block({}, carried=False),
    }
    outputs = ("arn", "predictedCapacity", "warmPoolSize")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        name = given_name(args)
        account.call(
            _SERVICE,
            "CreateAutoScalingGroup",
            AutoScalingGroupName=name,
            Tags=_tags(name, args) or None,
            **_settings(args),
        )
        return name

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._wait_for_capacity(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = self._find(account, resource_id)
        if live is None:
            return None
        subnets = live.get("VPCZoneIdentifier")
        return {
            "arn": live["AutoScalingGroupARN"],
            "availabilityZones": listed(live, "AvailabilityZones"),
            "defaultCooldown": live["DefaultCooldown"],
            "launchTemplate": _told(nested(live, "LaunchTemplate")),
            "name": live["AutoScalingGroupName"],
            "predictedCapacity": live.get("PredictedCapacity", 0),
            "serviceLinkedRoleArn": live.get("ServiceLinkedRoleARN", ""),
            "tags": [
                {
                    "key": tag["Key"],
                    "propagateAtLaunch": tag["PropagateAtLaunch"],
                    "value": tag["Value"],
                }
                for tag in listed(live, "Tags")
                if not tag["Key"].startswith("aws:")
            ],
            "vpcZoneIdentifiers": subnets.split(",") if subnets else None,
            "warmPoolSize": live.get("WarmPoolSize", 0),
            **{name: live.get(theirs) for name, theirs in {**_SIZES, **_HEALTH_CHECKS}.items()},
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        before = _settings(old)
        changed = {k: v for k, v in _settings(new).items() if before.get(k) != v}
        if changed:
            account.call(
                _SERVICE, "UpdateAutoScalingGroup", AutoScalingGroupName=resource_id, **changed
            )
        if self._retag(account, resource_id, old, new):
            changed["Tags"] = listed(new, "tags")
        refresh = nested(new, "instanceRefresh")
        causes = {"LaunchTemplate", *(_TRIGGERS[name] for name in listed(refresh, "triggers"))}
        if refresh and causes & changed.keys():
            self._refresh_instances(account, resource_id, refresh)
        if {"DesiredCapacity", "MinSize"} & changed.keys():
            self._wait_for_capacity(account, resource_id, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        by_force = state.get("forceDelete", False)
        if self._find(account, resource_id) is None:
            return
        if not by_force:
            self._drain(account, resource_id)

        def deleted() -> bool | None:
            try:
                account.call(
                    _SERVICE,
                    "DeleteAutoScalingGroup",
                    AutoScalingGroupName=resource_id,
                    ForceDelete=by_force,
                )
            except AwsError as error:
                if error.code not in _BUSY:
                    raise
                return None
            return True

        def gone() -> bool | None:
            return True if self._find(account, resource_id) is None else None

        account.wait_for(deleted, lambda: f"group {resource_id} is still in use")
        account.wait_for(gone, lambda: f"group {resource_id} is still being deleted")

    @staticmethod
    def _find(account: Account, name: str) -> Values | None:
        answer = account.call(_SERVICE, "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])
        return next(iter(answer["AutoScalingGroups"]), None)

    def _wait_for_capacity(self, account: Account, name: str, args: Values) -> None:
        """Wait for as many healthy instances as are wanted, for as long as the program says."""
        seconds = _seconds(args["waitForCapacityTimeout"])
        wanted = max(args["minSize"], args.get("desiredCapacity", 0))
        if seconds <= 0:
            return

        def healthy() -> int:
            group = self._find(account, name) or {}
            return sum(
                instance["HealthStatus"] == "Healthy" and instance["LifecycleState"] == "InService"
                for instance in listed(group, "Instances")
            )

        replace(account, timeout=seconds).wait_for(
            lambda: True if healthy() >= wanted else None,
            lambda: f"want at least {wanted} healthy instances, have {healthy()}",
        )

    def _drain(self, account: Account, name: str) -> None:
        sizes = dict.fromkeys(_SIZES.values(), 0)
        account.call(_SERVICE, "UpdateAutoScalingGroup", AutoScalingGroupName=name, **sizes)

        def empty() -> bool | None:
            group = self._find(account, name) or {}
            return None if listed(group, "Instances") else True

        account.wait_for(empty, lambda: f"group {name} still has instances")

    @staticmethod
    def _retag(account: Account, name: str, old: Values, new: Values) -> bool:
        """Make the tags those that are wanted; return whether anything had to be done."""
        before, after = _tags(name, old), _tags(name, new)
        kept = {tag["Key"] for tag in after}
        to_remove = [tag for tag in before if tag["Key"] not in kept]
        to_set = [tag for tag in after if tag not in before]
        if to_remove:
            account.call(_SERVICE, "DeleteTags", Tags=to_remove)
        if to_set:
            account.call(_SERVICE, "CreateOrUpdateTags", Tags=to_set)
        return bool(to_remove or to_set)

    @staticmethod
    def _refresh_instances(account: Account, name: str, refresh: Values) -> None:
        """Start to replace the instances without waiting; a refresh under way gives way."""
        preferences = nested(refresh, "preferences")
        warm_up = preferences.get("instanceWarmup")
        wanted = {
            "InstanceWarmup": int(warm_up) if warm_up else None,
            "MinHealthyPercentage": preferences.get(
                "minHealthyPercentage", _LEAST_HEALTHY_PERCENTAGE
            ),
        }

        def started() -> bool | None:
            try:
                account.call(
                    _SERVICE,
                    "StartInstanceRefresh",
                    AutoScalingGroupName=name,
                    Preferences={key: item for key, item in wanted.items() if item is not None},
                    Strategy=refresh["strategy"],
                )
            except AwsError as error:
                if error.code != "InstanceRefreshInProgress":
                    raise
                _cancel_refresh(account, name)
                return None
            return True

        account.wait_for(started, lambda: f"group {name} is still being refreshed")


def _cancel_refresh(account: Account, name: str) -> None:
    try:
        account.call(_SERVICE, "CancelInstanceRefresh", AutoScalingGroupName=name)
    except AwsError as error:
        if error.code != "ActiveInstanceRefreshNotFound":  # it is being cancelled, or has ended
            raise


def _settings(args: Values) -> Values:
    """Return what AWS keeps of the arguments, the tags left out, in its own words."""
    subnets = sorted(listed(args, "vpcZoneIdentifiers"))
    wanted = {theirs: args.get(name) for name, theirs in {**_SIZES, **_HEALTH_CHECKS}.items()}
    wanted["LaunchTemplate"] = _specification(nested(args, "launchTemplate"))
    wanted["VPCZoneIdentifier"] = ",".join(subnets)
    return {name: value for name, value in wanted.items() if value not in (None, "", {})}


def _specification(template: Values) -> Values:
    """Return a launch template as AWS takes it: by its id or by its name, not by both."""
    by_id, name = template.get("id"), template.get("name")
    found = {
        "LaunchTemplateId": by_id,
        "LaunchTemplateName": None if by_id else name,
        "Version": template.get("version"),
    }
    return {key: value for key, value in found.items() if value}


def _told(template: Values) -> Values | None:
    found = {
        "id": template.get("LaunchTemplateId"),
        "name": template.get("LaunchTemplateName"),
        "version": template.get("Version"),
    }
    return {key: value for key, value in found.items() if value} or None


def _tags(group: str, args: Values) -> list[Values]:
    return [
        {
            "Key": tag["key"],
            "PropagateAtLaunch": tag["propagateAtLaunch"],
            "ResourceId": group,
            "ResourceType": _GROUP,
            "Value": tag["value"],
        }
        for tag in listed(args, "tags")
    ]


def _seconds(duration: str) -> float:
    """Return the seconds of a duration like 1h30m, and none of one like 0."""
    return sum(
        float(amount) * _SECONDS[unit] for amount, unit in re.findall(r"([\d.]+)([hms])", duration)
    )


RESOURCES = (Group(),)
