"""The VPN: a WireGuard host that replaces itself, its address, its key's key, and its peers.

Owns the network around the host and whatever the host may do. Owns neither the zone that its name
is in nor WireGuard's keys: the host makes its own at first boot and keeps it in Parameter Store,
where an update or a destroy does not reach it.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.keys import administration
from components.role import role_with_policy, trust_in_service
from wireguard.host import METRIC_NAME, METRIC_NAMESPACE, Host, user_data
from wireguard.network import PORT, Network, Peer
from wireguard.parameters import (
    HOST_PATH,
    PEERS_PATH,
    PRIVATE_KEY,
    PUBLIC_KEY,
    peer_parameter,
    peer_value,
)

HOST_ROLE = "vpn-host"
"""The role's name is fixed: the key's policy names it, and outlives it."""
GROUP = "vpn"
"""The Auto Scaling group's name is fixed: the role's policy knows the group's instances by it."""
DISK_GB = 8
"""What an Amazon Linux 2023 image needs."""
MINUTE = 60
MINUTES_WITHOUT_A_HOST = 5
"""How long no host may be healthy before the alarm; a replacement takes less, most often."""
BOOT_SECONDS = 300


def key_policy(account_id: str, region: str) -> dict[str, Any]:
    """Return the policy of the key that encrypts the host's private key.

    The account administrates the key and cannot use it. Only the host's role can, by Parameter
    Store, and its own policy has to say so too. The role is named in a condition, since AWS turns
    a principal into the id of one role: made anew, it would be another.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            administration(account_id),
            {
                "Sid": "UseByTheHost",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
                "Action": ["kms:Decrypt", "kms:Encrypt"],
                "Resource": "*",
                "Condition": {
                    "ArnEquals": {
                        "aws:PrincipalArn": f"arn:aws:iam::{account_id}:role/{HOST_ROLE}"
                    },
                    "StringEquals": {"kms:ViaService": f"ssm.{region}.amazonaws.com"},
                },
            },
        ],
    }


def host_policy(account_id: str, region: str, allocation_id: str, subnet_id: str) -> dict[str, Any]:
    """Return what the host may do: fetch and keep its keys, read the peers, take its address.

    Session Manager needs the first statement; the managed policy for it would let the host read
    every parameter of the account. The host may decrypt with whichever key the private key is
    encrypted with, so that a host of a VPN built anew still reads it.
    """
    here = f"{region}:{account_id}"
    parameters = f"arn:aws:ssm:{here}:parameter"
    private_key = f"{parameters}{PRIVATE_KEY}"
    associate = "ec2:AssociateAddress"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "SessionManager",
                "Effect": "Allow",
                "Action": [
                    "ssm:UpdateInstanceInformation",
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                ],
                "Resource": "*",
            },
            {
                "Sid": "ReadThePeers",
                "Effect": "Allow",
                "Action": "ssm:GetParametersByPath",
                "Resource": [f"{parameters}{PEERS_PATH}", f"{parameters}{PEERS_PATH}/*"],
            },
            {
                "Sid": "ReadItsKeys",
                "Effect": "Allow",
                "Action": "ssm:GetParameter",
                "Resource": f"{parameters}{HOST_PATH}/*",
            },
            {
                "Sid": "KeepItsPrivateKeyOnce",
                "Effect": "Allow",
                "Action": "ssm:PutParameter",
                "Resource": private_key,
                "Condition": {"StringEquals": {"ssm:Overwrite": "false"}},
            },
            {
                "Sid": "PublishItsPublicKey",
                "Effect": "Allow",
                "Action": "ssm:PutParameter",
                "Resource": f"{parameters}{PUBLIC_KEY}",
            },
            {
                "Sid": "EncryptItsPrivateKey",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:Encrypt"],
                "Resource": f"arn:aws:kms:{here}:key/*",
                "Condition": {
                    "StringEquals": {
                        "kms:ViaService": f"ssm.{region}.amazonaws.com",
                        "kms:EncryptionContext:PARAMETER_ARN": private_key,
                    }
                },
            },
            {
                "Sid": "TakeItsAddress",
                "Effect": "Allow",
                "Action": associate,
                "Resource": f"arn:aws:ec2:{here}:elastic-ip/{allocation_id}",
            },
            {
                "Sid": "GiveItToItsGroupsInstances",
                "Effect": "Allow",
                "Action": associate,
                "Resource": f"arn:aws:ec2:{here}:instance/*",
                "Condition": {"StringEquals": {"aws:ResourceTag/aws:autoscaling:groupName": GROUP}},
            },
            {
                "Sid": "GiveItToTheirInterfaces",
                "Effect": "Allow",
                "Action": associate,
                "Resource": f"arn:aws:ec2:{here}:network-interface/*",
                "Condition": {
                    "ArnEquals": {"ec2:Subnet": f"arn:aws:ec2:{here}:subnet/{subnet_id}"}
                },
            },
            {
                "Sid": "SayThatItIsHealthy",
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}},
            },
        ],
    }


@dataclass(frozen=True, kw_only=True)
class VpnArgs:
    """Where the host runs, on what, for whom, and the name it is reached at.

    `vpc_cidr` is the network around the host, `network` the one in the tunnel. `image_id` is an
    Amazon Linux 2023 image for the architecture of `instance_type`, ARM. `update_hour` is UTC.
    `permissions_boundary` is the ARN of a policy, for the host's role.
    """

    account_id: pulumi.Input[str]
    region: str
    availability_zone: str
    vpc_cidr: IPv4Network
    network: Network
    image_id: str
    instance_type: str
    update_hour: int
    alarm_email: str | None
    peers: Sequence[Peer]
    domain: pulumi.Input[str]
    zone_id: pulumi.Input[str]
    permissions_boundary: pulumi.Input[str]


class Vpn(pulumi.ComponentResource):
    """A VPN at one address; `cidrs` are the addresses that its users come from.

    They are the host's Elastic IP and the IPv6 network of its subnet, where it is alone.
    """

    host_name: pulumi.Output[str]
    cidrs: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: VpnArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:vpn:Vpn", name, None, opts)
        vpc, subnet, way_out = self._network(name, args)
        address = aws.ec2.Eip(
            f"{name}-address",
            domain="vpc",
            tags={"Name": GROUP},
            # It stands in the policies of every restricted API, and a new one is another.
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[way_out]),
        )
        profile = self._profile(name, args, address, subnet)
        template = self._template(name, args, vpc, address, profile)
        self._group(name, template, subnet, way_out)
        self._peers(name, args.peers)
        self._alarm(name, args.alarm_email)
        record = aws.route53.Record(
            f"{name}-name",
            zone_id=args.zone_id,
            name=args.domain,
            type="A",
            ttl=MINUTE,
            records=[address.public_ip],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.host_name = record.name
        self.cidrs = pulumi.Output.all(address.public_ip, subnet.ipv6_cidr_block).apply(
            lambda known: [f"{known[0]}/32", known[1]]
        )
        self.register_outputs({"host_name": self.host_name, "cidrs": self.cidrs})

    def _network(
        self, name: str, args: VpnArgs
    ) -> tuple[aws.ec2.Vpc, aws.ec2.Subnet, aws.ec2.RouteTableAssociation]:
        """Return a VPC with one public subnet, and the route out of it."""
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=str(args.vpc_cidr),
            assign_generated_ipv6_cidr_block=True,
            tags={"Name": GROUP},
            opts=child,
        )
        subnet = aws.ec2.Subnet(
            f"{name}-subnet",
            vpc_id=vpc.id,
            availability_zone=args.availability_zone,
            cidr_block=str(args.vpc_cidr),
            # Amazon's block is a /56, a subnet a /64 of it: the first.
            ipv6_cidr_block=vpc.ipv6_cidr_block.apply(lambda block: block.replace("/56", "/64")),
            assign_ipv6_address_on_creation=True,
            # A host needs the Internet to take its Elastic IP.
            map_public_ip_on_launch=True,
            tags={"Name": GROUP},
            opts=child,
        )
        gateway = aws.ec2.InternetGateway(
            f"{name}-gateway", vpc_id=vpc.id, tags={"Name": GROUP}, opts=child
        )
        routes = aws.ec2.RouteTable(
            f"{name}-routes",
            vpc_id=vpc.id,
            routes=[
                {"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id},
                {"ipv6_cidr_block": "::/0", "gateway_id": gateway.id},
            ],
            tags={"Name": GROUP},
            opts=child,
        )
        way_out = aws.ec2.RouteTableAssociation(
            f"{name}-way-out", subnet_id=subnet.id, route_table_id=routes.id, opts=child
        )
        return vpc, subnet, way_out

    def _key(self, name: str, args: VpnArgs) -> aws.kms.Key:
        return aws.kms.Key(
            f"{name}-key",
            description="Encrypts the private key of the VPN's host",
            policy=pulumi.Output.from_input(args.account_id).apply(
                lambda account_id: dumps(key_policy(account_id, args.region))
            ),
            enable_key_rotation=True,
            # Without it no host can read its private key, and every client needs another.
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )

    def _profile(
        self, name: str, args: VpnArgs, address: aws.ec2.Eip, subnet: aws.ec2.Subnet
    ) -> pulumi.Output[str]:
        """Return the ARN of an instance profile whose role may do what a host has to."""
        child = pulumi.ResourceOptions(parent=self)
        _, role_name = role_with_policy(
            name,
            child,
            trust=trust_in_service("ec2.amazonaws.com"),
            policy=pulumi.Output.all(args.account_id, address.allocation_id, subnet.id).apply(
                lambda known: host_policy(known[0], args.region, known[1], known[2])
            ),
            permissions_boundary=args.permissions_boundary,
            role_name=HOST_ROLE,
            description="The VPN's host",
        )
        # A host may boot only once it may do its work.
        return aws.iam.InstanceProfile(f"{name}-profile", role=role_name, opts=child).arn

    def _template(
        self,
        name: str,
        args: VpnArgs,
        vpc: aws.ec2.Vpc,
        address: aws.ec2.Eip,
        profile: pulumi.Output[str],
    ) -> aws.ec2.LaunchTemplate:
        child = pulumi.ResourceOptions(parent=self)
        firewall = aws.ec2.SecurityGroup(
            f"{name}-firewall",
            description="WireGuard in, everything out",
            vpc_id=vpc.id,
            ingress=[
                {
                    "description": "WireGuard",
                    "protocol": "udp",
                    "from_port": PORT,
                    "to_port": PORT,
                    "cidr_blocks": ["0.0.0.0/0"],
                }
            ],
            egress=[
                {
                    "description": "What the peers and the host ask for",
                    "protocol": "-1",
                    "from_port": 0,
                    "to_port": 0,
                    "cidr_blocks": ["0.0.0.0/0"],
                    "ipv6_cidr_blocks": ["::/0"],
                }
            ],
            tags={"Name": GROUP},
            opts=child,
        )
        boot = pulumi.Output.all(
            address.public_ip, address.allocation_id, self._key(name, args).arn
        ).apply(
            lambda known: user_data(
                Host(
                    region=args.region,
                    network=args.network,
                    public_ip=known[0],
                    allocation_id=known[1],
                    key_arn=known[2],
                    update_hour=args.update_hour,
                )
            )
        )
        return aws.ec2.LaunchTemplate(
            f"{name}-template",
            description="The VPN's host",
            image_id=args.image_id,
            instance_type=args.instance_type,
            iam_instance_profile={"arn": profile},
            vpc_security_group_ids=[firewall.id],
            user_data=boot.apply(lambda script: b64encode(script.encode()).decode()),
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
            },
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": DISK_GB,
                        "delete_on_termination": "true",
                        # With the AWS-managed key: Auto Scaling would need a grant on another.
                        "encrypted": "true",
                    },
                }
            ],
            tag_specifications=[
                {"resource_type": kind, "tags": {"Name": GROUP}}
                for kind in ("instance", "volume", "network-interface")
            ],
            opts=child,
        )

    def _group(
        self,
        name: str,
        template: aws.ec2.LaunchTemplate,
        subnet: aws.ec2.Subnet,
        way_out: aws.ec2.RouteTableAssociation,
    ) -> None:
        """Make the group that keeps one host alive, and replaces it when its template changes."""
        aws.autoscaling.Group(
            f"{name}-group",
            name=GROUP,
            min_size=1,
            max_size=1,
            desired_capacity=1,
            vpc_zone_identifiers=[subnet.id],
            launch_template={
                "id": template.id,
                # A number, not $Latest, which the group would not notice a change of.
                "version": template.latest_version.apply(str),
            },
            health_check_type="EC2",
            health_check_grace_period=BOOT_SECONDS,
            instance_refresh={
                "strategy": "Rolling",
                # Two hosts cannot have the one address, so the old one goes first.
                "preferences": {"min_healthy_percentage": 0},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[way_out]),
        )

    def _peers(self, name: str, peers: Sequence[Peer]) -> None:
        for peer in peers:
            aws.ssm.Parameter(
                f"{name}-peer-{peer.name}",
                name=peer_parameter(peer),
                type="String",
                insecure_value=peer_value(peer),
                opts=pulumi.ResourceOptions(parent=self),
            )

    def _alarm(self, name: str, email: str | None) -> None:
        """Make the alarm that no host is healthy: none has said so for some minutes."""
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(f"{name}-alarms", opts=child)
        if email is not None:
            aws.sns.TopicSubscription(
                f"{name}-alarms-email",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=child,
            )
        aws.cloudwatch.MetricAlarm(
            f"{name}-alarm",
            alarm_description="No host of the VPN is healthy: nobody gets in",
            namespace=METRIC_NAMESPACE,
            metric_name=METRIC_NAME,
            statistic="Maximum",
            period=MINUTE,
            evaluation_periods=MINUTES_WITHOUT_A_HOST,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
            opts=child,
        )
