"""Auto Scaling: a group of one launches what its template says, heals and is refreshed."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import Embedded
from tests.sandbox.aws.hosts import (
    GROUP,
    IMAGE,
    OTHER_IMAGE,
    X86_IMAGE,
    Host,
    make_host,
    make_role,
    take_address,
    template,
)

FORMED = "You must use a valid fully-formed launch template"


def tags(described: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described}


def new_version(host: Host, **changes: Any) -> str:
    """Writes and chooses another version of the template."""
    made = host.client("ec2").create_launch_template_version(
        LaunchTemplateId=host.template, LaunchTemplateData=template(host.network, **changes)
    )
    version = str(made["LaunchTemplateVersion"]["VersionNumber"])
    host.client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        LaunchTemplate={"LaunchTemplateId": host.template, "Version": version},
    )
    return version


def test_an_instance_is_what_the_template_says(aws: Embedded) -> None:
    profile = make_role(aws.operator)
    host = make_host(
        aws.operator, IamInstanceProfile={"Arn": profile}, Monitoring={"Enabled": True}
    )
    found, network = host.described(), host.network
    assert (found["ImageId"], found["InstanceType"], found["Architecture"]) == (
        IMAGE,
        "t4g.micro",
        "arm64",
    )
    assert found["IamInstanceProfile"]["Arn"] == profile
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["Monitoring"]["State"] == "enabled"
    assert found["SubnetId"] == network.subnet
    assert [group["GroupId"] for group in found["SecurityGroups"]] == [network.security_group]
    assert found["PublicIpAddress"]
    [interface] = found["NetworkInterfaces"]
    assert [group["GroupId"] for group in interface["Groups"]] == [network.security_group]
    assert len(interface["Ipv6Addresses"]) == 1
    data = host.client("ec2").describe_instance_attribute(
        InstanceId=found["InstanceId"], Attribute="userData"
    )
    assert data["UserData"]["Value"] == template(network)["UserData"]


def test_an_instance_carries_the_tags_of_its_group_and_template(aws: Embedded) -> None:
    host = make_host(aws.operator)
    found, ec2 = host.described(), aws.operator("ec2")
    of_instance = tags(found["Tags"])
    assert of_instance["Name"] == "vpn-instance"
    assert of_instance["Project"] == "corp"
    assert of_instance["aws:autoscaling:groupName"] == GROUP
    [volume] = ec2.describe_volumes()["Volumes"]
    assert tags(volume["Tags"]) == {"Name": "vpn-volume"}
    interface = found["NetworkInterfaces"][0]["NetworkInterfaceId"]
    [described] = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])[
        "NetworkInterfaces"
    ]
    assert tags(described["TagSet"]) == {"Name": "vpn-network-interface"}


def test_an_instance_has_one_encrypted_disk_that_ends_with_it(aws: Embedded) -> None:
    host = make_host(aws.operator)
    ec2 = aws.operator("ec2")
    [volume] = ec2.describe_volumes()["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (8, "gp3", True)
    [disk] = host.described()["BlockDeviceMappings"]
    assert (disk["DeviceName"], disk["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", True)
    aws.operator("autoscaling").delete_auto_scaling_group(
        AutoScalingGroupName=GROUP, ForceDelete=True
    )
    assert ec2.describe_volumes()["Volumes"] == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ImageId": "ami-00000000000000000"}, r"\[ami-00000000000000000\]' does not exist"),
        ({"ImageId": X86_IMAGE}, "does not match the architecture 'x86_64'"),
        ({"InstanceType": "t4g.enormous"}, "'t4g.enormous' does not exist"),
        ({"IamInstanceProfile": {"Name": "none"}}, "none"),
    ],
)
def test_a_group_takes_no_template_that_cannot_be_launched(
    aws: Embedded, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=rf"ValidationError.*{FORMED}.*{reason}"):
        make_host(aws.operator, **changes)
    assert aws.operator("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_group_keeps_its_instance_when_a_wrong_template_is_refused(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before = host.instance
    with pytest.raises(ClientError, match=FORMED):
        new_version(host, ImageId=X86_IMAGE)
    assert host.instance == before


def test_a_new_template_waits_for_the_next_launch(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before = host.instance
    version = new_version(host, ImageId=OTHER_IMAGE)
    assert host.instances()[0]["LaunchTemplate"]["Version"] == "1"
    aws.operator("ec2").terminate_instances(InstanceIds=[before])
    assert host.instance != before
    assert host.described()["ImageId"] == OTHER_IMAGE
    assert host.instances()[0]["LaunchTemplate"]["Version"] == version


FAILURES: dict[str, Callable[[Embedded, str], Any]] = {
    "terminated": lambda aws, host: aws.operator("ec2").terminate_instances(InstanceIds=[host]),
    "stopped": lambda aws, host: aws.operator("ec2").stop_instances(InstanceIds=[host]),
    "unhealthy": lambda aws, host: aws.operator("autoscaling").set_instance_health(
        InstanceId=host, HealthStatus="Unhealthy"
    ),
    "ended by the group": lambda aws, host: aws.operator(
        "autoscaling"
    ).terminate_instance_in_auto_scaling_group(
        InstanceId=host, ShouldDecrementDesiredCapacity=False
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_instance_that_fails_is_replaced_and_its_address_is_free(
    aws: Embedded, failure: str
) -> None:
    host = make_host(aws.operator)
    before, address = host.instance, take_address(host)
    FAILURES[failure](aws, before)
    assert host.instance != before
    assert host.described(before)["State"]["Name"] == "terminated"
    assert host.described()["State"]["Name"] == "running"
    [found] = aws.operator("ec2").describe_addresses()["Addresses"]
    assert (found["PublicIp"], found["InstanceId"]) == (address["PublicIp"], "")
    assert tags(host.described()["Tags"])["aws:autoscaling:groupName"] == GROUP


def test_a_healthy_instance_stays(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before = host.instance
    aws.operator("autoscaling").set_instance_health(InstanceId=before, HealthStatus="Healthy")
    assert host.instance == before
    with pytest.raises(ClientError, match=r"ValidationError.*No managed instance found"):
        aws.operator("autoscaling").set_instance_health(
            InstanceId="i-00000000000000000", HealthStatus="Unhealthy"
        )


def test_a_refresh_replaces_the_instance_by_one_of_the_current_template(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before, autoscaling = host.instance, aws.operator("autoscaling")
    new_version(host, InstanceType="t4g.small")
    preferences = {"MinHealthyPercentage": 0}
    started = autoscaling.start_instance_refresh(
        AutoScalingGroupName=GROUP, Strategy="Rolling", Preferences=preferences
    )
    [refresh] = autoscaling.describe_instance_refreshes(AutoScalingGroupName=GROUP)[
        "InstanceRefreshes"
    ]
    assert refresh["InstanceRefreshId"] == started["InstanceRefreshId"]
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100)
    assert refresh["Preferences"] == preferences
    assert host.instance != before
    assert host.described()["InstanceType"] == "t4g.small"


def test_a_refresh_may_spare_what_is_current(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before, autoscaling = host.instance, aws.operator("autoscaling")
    autoscaling.start_instance_refresh(
        AutoScalingGroupName=GROUP, Preferences={"SkipMatching": True}
    )
    assert host.instance == before
    autoscaling.start_instance_refresh(AutoScalingGroupName=GROUP)
    assert host.instance != before
    found = autoscaling.describe_instance_refreshes(AutoScalingGroupName=GROUP)
    newest, oldest = found["InstanceRefreshes"]
    chosen = autoscaling.describe_instance_refreshes(
        AutoScalingGroupName=GROUP, InstanceRefreshIds=[oldest["InstanceRefreshId"]]
    )
    assert chosen["InstanceRefreshes"] == [oldest]
    assert newest["StartTime"] > oldest["StartTime"]


def test_a_refresh_that_has_ended_cannot_be_cancelled(aws: Embedded) -> None:
    make_host(aws.operator)
    autoscaling = aws.operator("autoscaling")
    autoscaling.start_instance_refresh(AutoScalingGroupName=GROUP)
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        autoscaling.cancel_instance_refresh(AutoScalingGroupName=GROUP)
    with pytest.raises(ClientError, match=r"ValidationError.*name not found"):
        autoscaling.start_instance_refresh(AutoScalingGroupName="other")


def test_a_group_with_instances_is_deleted_by_force_only(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before, autoscaling = host.instance, aws.operator("autoscaling")
    with pytest.raises(ClientError, match="ResourceInUse"):
        autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP)
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    assert host.described(before)["State"]["Name"] == "terminated"


def test_the_name_of_a_group_is_taken_once(aws: Embedded) -> None:
    host = make_host(aws.operator)
    before = host.instance
    with pytest.raises(ClientError, match="AlreadyExists"):
        aws.operator("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            MinSize=1,
            MaxSize=1,
            LaunchTemplate={"LaunchTemplateId": host.template, "Version": "1"},
            VPCZoneIdentifier=host.network.subnet,
        )
    assert host.instance == before
