"""Auto Scaling in the embedded AWS: instances as the launch template says, refreshed and healed.

Owns the launch of a group's instances, which moto does with a few of a template's settings and of
its default version, the replacement of unhealthy ones, and instance refreshes, which moto does not
have. A refresh ends at once. Groups are moto's.
"""

import uuid
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from moto.autoscaling.models import (
    ASG_NAME_TAG,
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
    autoscaling_backends,
)
from moto.core.exceptions import ServiceException
from moto.core.types import Base64EncodedString
from moto.ec2.models.instances import Instance
from moto.ec2.models.instances import InstanceState as Ec2State
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.utils import convert_tag_spec, filter_iam_instance_profiles, parse_user_data

from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.ec2 import check_launch
from sandbox.aws.rules import Answer, Rules

_REFRESHES = "instance_refreshes"  # the attribute that moto's groups get
_DISK_SIZE = 8  # GiB, that of Amazon Linux images
_VERSION_TAG = "aws:ec2launchtemplate:version"


def install() -> None:
    """Let moto's groups launch what their template says, and replace what was stopped."""
    launch, stop = FakeAutoScalingGroup.replace_autoscaling_group_instances, Instance.stop
    choose = FakeAutoScalingGroup._set_launch_configuration  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def choose_valid(
        self: FakeAutoScalingGroup,
        launch_config_name: str,
        launch_template: dict[str, Any],
        mixed_instances_policy: dict[str, Any] | None,
    ) -> None:
        choose(self, launch_config_name, launch_template, mixed_instances_policy)
        _check_template(self)

    def launch_from_template(
        self: FakeAutoScalingGroup, count_needed: int, propagated_tags: dict[str, str]
    ) -> None:
        version = _version(self)
        if version is None:
            launch(self, count_needed, propagated_tags)
            return
        for _ in range(count_needed):
            _launch(self, version, propagated_tags)

    def launched_template(self: InstanceState) -> dict[str, Any] | None:
        group: FakeAutoScalingGroup = vars(self)["auto_scaling_group"]
        template = group.ec2_launch_template
        if template is None:
            return None
        return {
            "LaunchTemplateId": template.id,
            "LaunchTemplateName": template.name,
            "Version": _launched_version(self.instance),
        }

    def stop_to_be_replaced(self: Instance) -> Ec2State:
        previous = stop(self)
        group: FakeAutoScalingGroup | None = vars(self).get("autoscaling_group")
        if group is not None and any(found.instance is self for found in group.instance_states):
            _replace(group.autoscaling_backend, [self.id])
        return previous

    FakeAutoScalingGroup._set_launch_configuration = choose_valid  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    FakeAutoScalingGroup.replace_autoscaling_group_instances = launch_from_template
    InstanceState.launch_template = property(launched_template)  # pyright: ignore[reportAttributeAccessIssue]
    Instance.stop = stop_to_be_replaced


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("autoscaling", "CancelInstanceRefresh"): _cancel_refresh,
        ("autoscaling", "CreateAutoScalingGroup"): _create_group,
        ("autoscaling", "DeleteAutoScalingGroup"): _delete_group,
        ("autoscaling", "DescribeInstanceRefreshes"): _describe_refreshes,
        ("autoscaling", "SetInstanceHealth"): _set_instance_health,
        ("autoscaling", "StartInstanceRefresh"): _start_refresh,
    }


def _backend(call: Call) -> AutoScalingBackend:
    return autoscaling_backends[call.account][call.region]


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _group(call: Call) -> FakeAutoScalingGroup:
    name = call.text("AutoScalingGroupName")
    group = _backend(call).autoscaling_groups.get(name)
    if group is None:
        raise _invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


# Launches


def _version(group: FakeAutoScalingGroup) -> LaunchTemplateVersion | None:
    template = group.ec2_launch_template
    return None if template is None else template.get_version(group.launch_template_version)


def _launched_version(instance: Instance) -> str:
    return next(tag["value"] for tag in instance.get_tags() if tag["key"] == _VERSION_TAG)


def _launch(
    group: FakeAutoScalingGroup, version: LaunchTemplateVersion, propagated: Mapping[str, str]
) -> None:
    backend, data = group.ec2_backend, version.data
    subnet = group.vpc_zone_identifier.split(",")[0] if group.vpc_zone_identifier else None
    tags = convert_tag_spec(data.get("TagSpecifications", []))
    own = {**tags.get("instance", {}), **propagated, ASG_NAME_TAG: group.name}
    [instance] = backend.run_instances(
        version.image_id,
        1,
        _user_data(data),
        data.get("SecurityGroups", []),
        region_name=group.region,
        instance_type=version.instance_type,
        is_instance_type_default=False,
        subnet_id=subnet,
        placement=None if subnet else group.availability_zones[0],
        security_group_ids=data.get("SecurityGroupIds", []),
        nics=_interfaces(data, subnet),
        associate_public_ip=None,
        block_device_mappings=_disks(group, version),
        metadata_options=data.get("MetadataOptions", {}),
        monitoring_state="enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        launch_template={"LaunchTemplateId": version.template.id, "Version": str(version.number)},
        tags={"instance": own, "volume": tags.get("volume", {})},
    ).instances
    instance.security_groups = list(instance.nics[0].group_set)
    for interface in instance.nics.values():
        interface.add_tags(tags.get("network-interface", {}))
    profile: Mapping[str, str] = data.get("IamInstanceProfile") or {}
    if profile:
        backend.associate_iam_instance_profile(instance.id, profile.get("Name"), profile.get("Arn"))
    protected = group.new_instances_protected_from_scale_in
    vars(instance)["autoscaling_group"] = group
    group.instance_states.append(InstanceState(instance, protected_from_scale_in=protected))


def _user_data(data: Mapping[str, Any]) -> Base64EncodedString | None:
    """Return the user data, which moto reads in a template's first version only."""
    found: str | None = data.get("UserData")
    return found if isinstance(found, Base64EncodedString) else parse_user_data(found)


def _interfaces(data: Mapping[str, Any], subnet: str | None) -> list[dict[str, Any]]:
    where = {"SubnetId": subnet} if subnet else {}
    return [
        {"DeviceIndex": 0, **interface, **where}
        for interface in deepcopy(data.get("NetworkInterfaces") or [])
    ]


def _disks(group: FakeAutoScalingGroup, version: LaunchTemplateVersion) -> list[dict[str, Any]]:
    """Return the image's disk with what the template says of it, and the template's other disks."""
    [image] = group.ec2_backend.describe_images(ami_ids=[version.image_id])
    disks: list[dict[str, Any]] = version.data.get("BlockDeviceMappings") or []
    if all(disk["DeviceName"] != image.root_device_name for disk in disks):
        disks = [{"DeviceName": image.root_device_name}, *disks]
    defaults = {"VolumeSize": _DISK_SIZE, "DeleteOnTermination": True}
    return [{**disk, "Ebs": {**defaults, **disk.get("Ebs", {})}} for disk in disks]


def _check_template(group: FakeAutoScalingGroup) -> None:
    """Refuse a template that nothing could be launched from, as EC2's dry run does for AWS."""
    try:
        version = _version(group)
        if version is None:
            return
        profile: Mapping[str, str] = version.data.get("IamInstanceProfile") or {}
        check_launch(group.ec2_backend, version.image_id, version.instance_type)
        if profile:
            filter_iam_instance_profiles(
                group.account_id, state.PARTITION, profile.get("Arn"), profile.get("Name")
            )
    except ServiceException as refusal:
        raise _invalid(
            f"You must use a valid fully-formed launch template. {refusal.message}"
        ) from refusal


def _create_group(call: Call) -> Answer:
    name = call.text("AutoScalingGroupName")
    if name in _backend(call).autoscaling_groups:
        raise AwsError(
            "AlreadyExists",
            "AutoScalingGroup by this name already exists - A group with the name "
            f"{name} already exists",
        )
    return None


def _delete_group(call: Call) -> Answer:
    if _group(call).instance_states and not call.parameters.get("ForceDelete"):
        raise AwsError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
            "instance request(s) still in the group.",
        )
    return None


# Health


def _replace(backend: AutoScalingBackend, instances: list[str]) -> None:
    backend.ec2_backend.terminate_instances(instances)
    backend.notify_terminate_instances(instances)


def _set_instance_health(call: Call) -> Answer:
    """Answered here: moto notes that an instance is unhealthy and leaves it at that."""
    instance, backend = call.text("InstanceId"), _backend(call)
    if not backend.describe_auto_scaling_instances([instance]):
        raise _invalid(
            f"Instance Id not found - No managed instance found for instance ID: {instance}"
        )
    backend.set_instance_health(instance, call.text("HealthStatus"))
    if call.text("HealthStatus") == "Unhealthy":
        _replace(backend, [instance])
    return {}


# Instance refreshes


def _refreshes(group: FakeAutoScalingGroup) -> list[dict[str, Any]]:
    return vars(group).setdefault(_REFRESHES, [])


def _start_refresh(call: Call) -> Answer:
    """Replace the group's instances at once, one after another."""
    group = _group(call)
    preferences: Mapping[str, Any] = call.parameters.get("Preferences") or {}
    if call.parameters.get("DesiredConfiguration"):
        raise AwsError("NotImplemented", "The embedded AWS takes no DesiredConfiguration.")
    _check_template(group)
    started, version = datetime.now(UTC), _version(group)
    old = [found.instance for found in group.instance_states]
    if preferences.get("SkipMatching") and version is not None:
        old = [found for found in old if _launched_version(found) != str(version.number)]
    for instance in old:
        _replace(group.autoscaling_backend, [instance.id])
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "Successful",
        "StartTime": started,
        "EndTime": datetime.now(UTC),
        "PercentageComplete": 100,
        "InstancesToUpdate": 0,
        "Preferences": preferences,
        "Strategy": call.text("Strategy") or "Rolling",
    }
    _refreshes(group).insert(0, refresh)
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


def _describe_refreshes(call: Call) -> Answer:
    wanted: Iterable[str] = call.parameters.get("InstanceRefreshIds") or []
    found = _refreshes(_group(call))
    if wanted:
        found = [refresh for refresh in found if refresh["InstanceRefreshId"] in wanted]
    return {"InstanceRefreshes": found}


def _cancel_refresh(call: Call) -> Answer:
    name = _group(call).name
    raise AwsError(
        "ActiveInstanceRefreshNotFound",
        f"No in progress or pending Instance Refresh found for Auto Scaling group {name}",
    )
