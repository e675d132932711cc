"""A network and a group of one instance in it, as a stack would make them."""

import base64
from dataclasses import dataclass
from typing import Any

from tests.sandbox.aws.embedded import Client, policy, trust

IMAGE = "ami-0540ba4e636bf2faf"  # Amazon Linux 2023 for arm64 in eu-central-1
OTHER_IMAGE = "ami-026d5c5cfd630f506"
X86_IMAGE = "ami-09903cd4fe0670a06"
GROUP = "vpn"
ROLE = "vpn-host"
SERVICE = trust({"Service": "ec2.amazonaws.com"})


@dataclass
class Network:
    vpc: str
    subnet: str
    gateway: str
    security_group: str


@dataclass
class Host:
    """A group of one and what it needs."""

    client: Client
    network: Network
    template: str

    def instances(self) -> list[dict[str, Any]]:
        groups = self.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return groups[0]["Instances"]

    @property
    def instance(self) -> str:
        [found] = self.instances()
        return found["InstanceId"]

    def described(self, instance: str | None = None) -> dict[str, Any]:
        wanted = instance or self.instance
        found = self.client("ec2").describe_instances(InstanceIds=[wanted])["Reservations"]
        return found[0]["Instances"][0]


def make_network(client: Client) -> Network:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    found = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    ipv6 = found[0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/26", Ipv6CidrBlock=ipv6)["Subnet"]
    for attribute in ("AssignIpv6AddressOnCreation", "MapPublicIpOnLaunch"):
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], **{attribute: {"Value": True}})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = ec2.create_security_group(GroupName="vpn", Description="vpn", VpcId=vpc)["GroupId"]
    return Network(vpc, subnet["SubnetId"], gateway, group)


def make_role(client: Client, *statements: dict[str, Any], trusting: str = SERVICE) -> str:
    """The ARN of an instance profile with a role."""
    iam = client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trusting)
    if statements:
        iam.put_role_policy(RoleName=ROLE, PolicyName="host", PolicyDocument=policy(*statements))
    profile = iam.create_instance_profile(InstanceProfileName=ROLE)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    return profile


def template(network: Network, **more: Any) -> dict[str, Any]:
    tagged = ("instance", "volume", "network-interface")
    disk = {"VolumeSize": 8, "VolumeType": "gp3", "Encrypted": True}
    return {
        "ImageId": IMAGE,
        "InstanceType": "t4g.micro",
        "UserData": base64.b64encode(b"#!/bin/bash\n").decode(),
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}],
        "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": [network.security_group]}],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": [{"Key": "Name", "Value": f"vpn-{kind}"}]}
            for kind in tagged
        ],
        **more,
    }


def make_host(client: Client, **more: Any) -> Host:
    network = make_network(client)
    data = template(network, **more)
    made = client("ec2").create_launch_template(LaunchTemplateName="vpn", LaunchTemplateData=data)
    host = Host(client, network, made["LaunchTemplate"]["LaunchTemplateId"])
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        MinSize=1,
        MaxSize=1,
        LaunchTemplate={"LaunchTemplateId": host.template, "Version": "1"},
        VPCZoneIdentifier=network.subnet,
        Tags=[{"Key": "Project", "Value": "corp", "PropagateAtLaunch": True}],
    )
    return host


def take_address(host: Host) -> dict[str, str]:
    """A new Elastic IP, associated with the group's instance."""
    ec2 = host.client("ec2")
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=host.instance)
    return address
