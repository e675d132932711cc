"""Launch templates beyond a plain life: versions, and what a preview knows of them."""

from typing import Any

from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Held
from tests.sandbox.plugin.world import LAUNCH_TEMPLATE, World

SMALL: Values = {
    "imageId": "ami-0123456789abcdef0",
    "instanceType": "t4g.nano",
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    "tags": {"a": "1"},
}
LARGE: Values = {**SMALL, "instanceType": "t4g.micro"}


def data(world: World, template: Held, version: str = "$Latest") -> Any:
    """What AWS has in a version."""
    answer = world.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template.id, Versions=[version]
    )
    return answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]


def test_a_change_makes_a_version_and_the_default_stays(world: World) -> None:
    template = world.member.create(LAUNCH_TEMPLATE, SMALL)
    assert (template.state["latestVersion"], template.state["defaultVersion"]) == (1, 1)
    preview = world.member.preview_update(template, LARGE)
    assert preview["latestVersion"] is UNKNOWN
    assert preview["defaultVersion"] == 1
    template = world.member.update(template, LARGE)
    assert (template.state["latestVersion"], template.state["defaultVersion"]) == (2, 1)
    assert data(world, template)["InstanceType"] == "t4g.micro"
    assert data(world, template, "1")["InstanceType"] == "t4g.nano"
    template = world.member.update(template, {**LARGE, "defaultVersion": 2})
    assert (template.state["latestVersion"], template.state["defaultVersion"]) == (2, 2)


def test_the_default_follows_where_the_program_says_so(world: World) -> None:
    template = world.member.create(LAUNCH_TEMPLATE, {**SMALL, "updateDefaultVersion": True})
    later = {**LARGE, "updateDefaultVersion": True}
    assert world.member.preview_update(template, later)["defaultVersion"] is UNKNOWN
    template = world.member.update(template, later)
    assert (template.state["latestVersion"], template.state["defaultVersion"]) == (2, 2)


def test_another_description_is_a_version_too(world: World) -> None:
    template = world.member.create(LAUNCH_TEMPLATE, {**SMALL, "description": "First"})
    template = world.member.update(template, {**SMALL, "description": "Second"})
    assert (template.state["latestVersion"], template.state["description"]) == (2, "Second")


def test_tags_of_the_template_make_no_version_and_are_not_the_instances(world: World) -> None:
    tagged = [{"resourceType": "instance", "tags": {"Name": "host"}}]
    inputs = {**SMALL, "tagSpecifications": tagged}
    template = world.member.create(LAUNCH_TEMPLATE, inputs)
    later = {**inputs, "tags": {"b": "2"}}
    assert world.member.preview_update(template, later)["latestVersion"] == 1
    template = world.member.update(template, later)
    assert template.state["latestVersion"] == 1
    assert template.state["tagsAll"] == {"b": "2"}
    assert data(world, template)["TagSpecifications"] == [
        {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "host"}]}
    ]


def test_a_flag_that_is_off_is_said_and_one_that_is_left_out_is_not(world: World) -> None:
    interface = {"associatePublicIpAddress": "false", "deviceIndex": 0}
    template = world.member.create(
        LAUNCH_TEMPLATE,
        {**SMALL, "networkInterfaces": [interface], "monitoring": {"enabled": False}},
    )
    assert data(world, template)["NetworkInterfaces"] == [
        {"AssociatePublicIpAddress": False, "DeviceIndex": 0}
    ]
    assert data(world, template)["Monitoring"] == {"Enabled": False}
    assert "EbsOptimized" not in data(world, template)
    assert template.state["networkInterfaces"] == [interface]


def test_what_the_genuine_plugin_takes_for_a_host_arrives_in_awss_words(world: World) -> None:
    disk = {"volumeType": "gp3", "volumeSize": 8, "encrypted": "true", "kmsKeyId": "alias/aws/ebs"}
    template = world.member.create(
        LAUNCH_TEMPLATE,
        {
            **SMALL,
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": disk}],
            "creditSpecification": {"cpuCredits": "standard"},
            "iamInstanceProfile": {"arn": "arn:aws:iam::111111111111:instance-profile/host"},
            "userData": "IyEvYmluL3No",
            "vpcSecurityGroupIds": ["sg-1", "sg-2"],
        },
    )
    assert data(world, template) == {
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "Encrypted": True,
                    "KmsKeyId": "alias/aws/ebs",
                    "VolumeSize": 8,
                    "VolumeType": "gp3",
                },
            }
        ],
        "CreditSpecification": {"CpuCredits": "standard"},
        "IamInstanceProfile": {"Arn": "arn:aws:iam::111111111111:instance-profile/host"},
        "ImageId": "ami-0123456789abcdef0",
        "InstanceType": "t4g.nano",
        "MetadataOptions": {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"},
        "SecurityGroupIds": ["sg-1", "sg-2"],
        "UserData": "IyEvYmluL3No",
    }


def test_a_version_that_was_made_by_hand_is_seen_and_followed_by_the_declared_one(
    world: World,
) -> None:
    template = world.member.create(LAUNCH_TEMPLATE, SMALL)
    world.client("ec2").create_launch_template_version(
        LaunchTemplateId=template.id,
        LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "InstanceType": "m7g.large"},
    )
    drifted = world.member.refresh(template)
    assert drifted is not None
    assert drifted.inputs["instanceType"] == "m7g.large"
    assert world.member.diff(drifted, SMALL).detailed["instanceType"] == "UPDATE"
    template = world.member.update(drifted, SMALL)
    assert template.state["latestVersion"] == 3
    assert data(world, template)["InstanceType"] == "t4g.nano"


def test_another_name_is_another_template(world: World) -> None:
    template = world.member.create(LAUNCH_TEMPLATE, SMALL)
    assert template.state["name"].startswith("thing-")
    assert world.member.diff(template, {**SMALL, "name": "host"}).replaces == ["name"]
