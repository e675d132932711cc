"""The Corp account in the laboratory: the embedded AWS with what the host of a VPN needs there.

Its resources are made by hand, since here it matters what the host does with them. The policies
are the component's own, and so is the host's script.
"""

import base64
import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from components.role import trust_in_service
from components.vpn import GROUP, HOST_ROLE, host_policy, key_policy
from sandbox.access import as_operator, client
from sandbox.embedded import EmbeddedAws
from sandbox.environment import REGION
from sandbox.lab.internet import VPC
from sandbox.lab.servers import Answer, Request, forward
from wireguard.host import Host, user_data
from wireguard.network import Network, Peer
from wireguard.parameters import PUBLIC_KEY, peer_parameter, peer_value

ACCOUNT = "111122223333"
PUBLIC_IP = IPv4Address("203.0.113.10")
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
UPDATE_HOUR = 3


class Cloud:
    """The account, from the start of its server until `stop`."""

    def __init__(self, directory: Path, network: Network) -> None:
        self._aws = EmbeddedAws(directory)
        self.server = self._aws.start(ACCOUNT, 0)
        self.ec2, self.ssm, self.kms, self.iam, self.groups, self.cloudwatch = (
            client(it, as_operator(self.server.url))
            for it in ("ec2", "ssm", "kms", "iam", "autoscaling", "cloudwatch")
        )
        self._network = network
        try:
            self._furnish()
        except BaseException:
            self.stop()
            raise

    def _furnish(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock=str(VPC.ipv4.network))["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock=str(VPC.ipv4.network))["Subnet"][
            "SubnetId"
        ]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.ec2.modify_subnet_attribute(SubnetId=self.subnet, MapPublicIpOnLaunch={"Value": True})
        self.allocation = self.ec2.allocate_address(Domain="vpc", Address=str(PUBLIC_IP))[
            "AllocationId"
        ]
        self.key = self.kms.create_key(Policy=json.dumps(key_policy(ACCOUNT, REGION)))[
            "KeyMetadata"
        ]["Arn"]
        self._launch()

    def stop(self) -> None:
        """End the server, and the account with it."""
        self._aws.stop()

    @property
    def host(self) -> Host:
        """What the host has to know."""
        return Host(
            region=REGION,
            network=self._network,
            public_ip=str(PUBLIC_IP),
            allocation_id=self.allocation,
            key_arn=self.key,
            update_hour=UPDATE_HOUR,
        )

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return the running instances of the group as EC2 describes them, by their ids."""
        found = self.ec2.describe_instances(
            Filters=[
                {"Name": "tag:aws:autoscaling:groupName", "Values": [GROUP]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )
        return {
            instance["InstanceId"]: instance
            for reservation in found["Reservations"]
            for instance in reservation["Instances"]
        }

    def holder(self) -> str | None:
        """Return the instance that has the Elastic IP."""
        found = self.ec2.describe_addresses(AllocationIds=[self.allocation])
        return found["Addresses"][0].get("InstanceId")

    def another_instance(self) -> str:
        """Start an instance beside the group's, and return its id."""
        started = self.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": GROUP},
            SubnetId=self.subnet,
            MinCount=1,
            MaxCount=1,
        )
        return started["Instances"][0]["InstanceId"]

    def public_addresses(self) -> Mapping[IPv4Address, IPv4Address]:
        """Return the public address of each instance by its private one."""
        return {
            IPv4Address(it["PrivateIpAddress"]): IPv4Address(it["PublicIpAddress"])
            for it in self.instances().values()
            if "PublicIpAddress" in it
        }

    def terminate(self, instance_id: str) -> None:
        """Let an instance end; its group starts another."""
        self.groups.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=False
        )

    def public_key(self) -> str:
        """Return what the host has published."""
        return self.ssm.get_parameter(Name=PUBLIC_KEY)["Parameter"]["Value"]

    def add(self, peer: Peer) -> None:
        """Add a peer."""
        self.ssm.put_parameter(Name=peer_parameter(peer), Value=peer_value(peer), Type="String")

    def revoke(self, peer: Peer) -> None:
        """Take a peer away, if it is one."""
        self.ssm.delete_parameters(Names=[peer_parameter(peer)])

    def answer(self, request: Request) -> Answer:
        """Answer a call of AWS's API."""
        return forward(request, self.server.port, request.path)

    def answer_metadata(self, request: Request) -> Answer:
        """Answer an instance about itself; it is known by its address."""
        for instance_id, instance in self.instances().items():
            if instance["PrivateIpAddress"] == str(request.caller):
                path = f"/_instance/{ACCOUNT}/{REGION}/{instance_id}{request.path}"
                return forward(request, self.server.port, path)
        return Answer(status=404, body=b"")

    def _launch(self) -> None:
        """Start the group with its first instance."""
        self.iam.create_role(
            RoleName=HOST_ROLE,
            AssumeRolePolicyDocument=json.dumps(trust_in_service("ec2.amazonaws.com")),
        )
        self.iam.put_role_policy(
            RoleName=HOST_ROLE,
            PolicyName="host",
            PolicyDocument=json.dumps(host_policy(ACCOUNT, REGION, self.allocation, self.subnet)),
        )
        profile = self.iam.create_instance_profile(InstanceProfileName=HOST_ROLE)
        self.iam.add_role_to_instance_profile(InstanceProfileName=HOST_ROLE, RoleName=HOST_ROLE)
        image = self.ssm.get_parameter(Name=IMAGE)["Parameter"]["Value"]
        template = self.ec2.create_launch_template(
            LaunchTemplateName=GROUP,
            LaunchTemplateData={
                "ImageId": image,
                "InstanceType": "t4g.micro",
                "IamInstanceProfile": {"Arn": profile["InstanceProfile"]["Arn"]},
                "UserData": base64.b64encode(user_data(self.host).encode()).decode(),
                "MetadataOptions": {"HttpTokens": "required"},
            },
        )["LaunchTemplate"]
        self.groups.create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            MinSize=1,
            MaxSize=1,
            VPCZoneIdentifier=self.subnet,
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"},
        )
