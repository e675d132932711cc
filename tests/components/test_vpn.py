"""The VPN: one host at one address, least of rights, and nothing of WireGuard's keys in the state."""

from base64 import b64decode
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest

from components.vpn import Vpn, VpnArgs, host_policy, key_policy
from iam.policy import Effect, Request, evaluate
from tests.cloud import Cloud
from wireguard.host import METRIC_NAME, METRIC_NAMESPACE, Host, user_data
from wireguard.network import Network, Peer

ACCOUNT, REGION = "444455556666", "eu-central-1"
HERE = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/vpn-host"
VIA_SSM = {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}
PRIVATE_KEY = f"arn:aws:ssm:{HERE}:parameter/vpn/host/private-key"
NETWORK = Network(ipv4=IPv4Network("10.91.0.0/24"), ipv6=IPv6Network("fd00:1:2:3::/64"))
ALICE = Peer(
    name="alice",
    public_key="FZMdTHRgcJyOPUIWj4C1nFgyNP0wPnSXJF0+xmOFdR0=",
    addresses=NETWORK.at(IPv4Address("10.91.0.7")),
    tunnel="full",
)
HOST = host_policy(ACCOUNT, REGION, "eipalloc-1", "subnet-1")


def vpn(**changes: Any) -> Cloud:
    settings: dict[str, Any] = {
        "account_id": ACCOUNT,
        "region": REGION,
        "availability_zone": "eu-central-1a",
        "vpc_cidr": IPv4Network("10.90.0.0/24"),
        "network": NETWORK,
        "image_id": "ami-0123456789abcdef0",
        "instance_type": "t4g.micro",
        "update_hour": 2,
        "alarm_email": None,
        "peers": [ALICE],
        "domain": "vpn.corp.example.com",
        "zone_id": "Z1",
        "permissions_boundary": "arn:boundary",
    }
    return Cloud().run(lambda: Vpn("vpn", VpnArgs(**settings | changes)))


def allowed(
    document: dict[str, Any], action: str, resource: str, context: dict[str, str] | None = None
) -> bool:
    keys = {key.lower(): (value,) for key, value in (context or {}).items()}
    request = Request(action=action, resource=resource, context=keys)
    return evaluate([document], request) is Effect.ALLOW


def test_only_wireguard_leads_in() -> None:
    firewall = vpn().only("SecurityGroup").inputs

    (way_in,) = firewall["ingress"]
    assert (way_in["protocol"], way_in["fromPort"], way_in["toPort"]) == ("udp", 51820, 51820)
    assert way_in["cidrBlocks"] == ["0.0.0.0/0"]
    assert "ipv6CidrBlocks" not in way_in  # the host's name has no IPv6 address


def test_a_host_cannot_be_logged_in_to_by_ssh() -> None:
    template = vpn().only("LaunchTemplate").inputs

    assert "keyName" not in template


def test_a_hosts_credentials_need_a_session_token_of_its_own() -> None:
    metadata = vpn().only("LaunchTemplate").inputs["metadataOptions"]

    assert metadata["httpTokens"] == "required"
    assert metadata["httpPutResponseHopLimit"] == 1


def test_a_hosts_disk_is_encrypted_with_the_key_that_auto_scaling_may_use() -> None:
    (disk,) = vpn().only("LaunchTemplate").inputs["blockDeviceMappings"]

    assert disk["ebs"]["encrypted"] == "true"
    assert "kmsKeyId" not in disk["ebs"]


def test_the_image_is_the_one_in_settings_and_never_the_latest() -> None:
    cloud = vpn()

    template = cloud.only("LaunchTemplate").inputs
    assert template["imageId"] == "ami-0123456789abcdef0"
    assert cloud.only("autoscaling/group:Group").inputs["launchTemplate"]["version"] == "3"


def test_a_host_boots_with_what_it_needs_to_know() -> None:
    cloud = vpn()

    script = b64decode(cloud.only("LaunchTemplate").inputs["userData"]).decode()
    assert script == user_data(
        Host(
            region=REGION,
            network=NETWORK,
            public_ip="203.0.113.7",
            allocation_id="eipalloc-1",
            key_arn=f"arn:aws:kms:{HERE}:key/vpn-key",
            update_hour=2,
        )
    )


def test_a_host_boots_only_where_it_can_do_its_work() -> None:
    cloud = vpn()

    profile = cloud.only("InstanceProfile")
    assert cloud.only("RolePolicy").urn in profile.depends_on
    assert profile.urn in cloud.only("LaunchTemplate").depends_on
    way_out = cloud.only("RouteTableAssociation").urn
    assert way_out in cloud.only("autoscaling/group:Group").depends_on


def test_there_is_one_host_and_the_old_one_goes_before_the_new_one_comes() -> None:
    group = vpn().only("autoscaling/group:Group").inputs

    assert [group["minSize"], group["maxSize"], group["desiredCapacity"]] == [1, 1, 1]
    assert group["healthCheckType"] == "EC2"
    assert group["instanceRefresh"]["preferences"] == {"minHealthyPercentage": 0}


def test_peers_come_and_go_beside_the_host() -> None:
    bob = Peer(
        name="bob",
        public_key="pBqRUn1oM2eBxQCkTBYnzIY6nHNWJXoOyL6FZGOQtA4=",
        addresses=NETWORK.at(IPv4Address("10.91.0.8")),
        tunnel="split",
    )
    one, two = vpn(), vpn(peers=[ALICE, bob])

    added = {r.name for r in two.resources} - {r.name for r in one.resources}
    assert added == {"vpn-peer-bob"}
    same = {r.name: r.inputs for r in two.resources if r.name not in added}
    assert same == {r.name: r.inputs for r in one.resources}
    assert two.of_type("ssm/parameter:Parameter")["vpn-peer-bob"].inputs == {
        "name": "/vpn/peers/bob",
        "type": "String",
        "insecureValue": f"{bob.public_key} 10.91.0.8/32,fd00:1:2:3::8/128",
    }


def test_the_address_and_the_keys_key_survive_a_mistake() -> None:
    cloud = vpn()

    assert cloud.only("Eip").protect
    assert cloud.only("kms/key:Key").protect
    assert cloud.only("kms/key:Key").retain_on_delete
    assert cloud.only("kms/key:Key").inputs["enableKeyRotation"] is True


def test_the_name_has_the_elastic_ip_and_no_ipv6_address() -> None:
    record = vpn().only("Record").inputs

    assert record["name"] == "vpn.corp.example.com"
    assert (record["type"], record["records"]) == ("A", ["203.0.113.7"])


def test_the_host_is_alone_in_its_ipv6_network() -> None:
    cloud = vpn()

    subnet = cloud.only("Subnet").inputs
    assert subnet["cidrBlock"] == "10.90.0.0/24" == cloud.only("Vpc").inputs["cidrBlock"]
    assert subnet["ipv6CidrBlock"] == "2a05:d014:1:2300::/64"
    assert subnet["assignIpv6AddressOnCreation"] is True
    assert cloud.only("autoscaling/group:Group").inputs["vpcZoneIdentifiers"] == ["vpn-subnet-id"]


def test_an_alarm_tells_that_no_host_is_healthy() -> None:
    cloud = vpn()

    alarm, topic = cloud.only("MetricAlarm").inputs, cloud.only("Topic")
    assert (alarm["namespace"], alarm["metricName"]) == (METRIC_NAMESPACE, METRIC_NAME)
    assert alarm["treatMissingData"] == "breaching"
    assert alarm["period"] * alarm["evaluationPeriods"] <= 600
    assert alarm["alarmActions"] == alarm["okActions"] == [f"arn:aws:sns:{HERE}:{topic.name}"]
    assert cloud.of_type("TopicSubscription") == {}


def test_the_alarm_is_mailed_where_settings_say() -> None:
    subscription = vpn(alarm_email="ops@example.com").only("TopicSubscription").inputs

    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "ops@example.com")


@pytest.mark.parametrize(
    "action",
    [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ],
)
def test_an_administrator_cannot_use_the_key(action: str) -> None:
    administrator = {
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/OrganizationAccountAccessRole"
    }

    assert not allowed(key_policy(ACCOUNT, REGION), action, "*", administrator | VIA_SSM)


def test_an_administrator_keeps_the_administration_of_the_key() -> None:
    for action in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey"):
        assert allowed(key_policy(ACCOUNT, REGION), action, "*")


@pytest.mark.parametrize("action", ["kms:Encrypt", "kms:Decrypt"])
def test_the_host_uses_the_key_by_parameter_store_only(action: str) -> None:
    policy, host = key_policy(ACCOUNT, REGION), {"aws:PrincipalArn": ROLE}

    assert allowed(policy, action, "*", host | VIA_SSM)
    assert not allowed(policy, action, "*", host)


def test_a_host_decrypts_its_private_key_and_nothing_else() -> None:
    def may(parameter: str) -> bool:
        context = VIA_SSM | {"kms:EncryptionContext:PARAMETER_ARN": parameter}
        return allowed(HOST, "kms:Decrypt", f"arn:aws:kms:{HERE}:key/any", context)

    assert may(PRIVATE_KEY)
    assert not may(f"arn:aws:ssm:{HERE}:parameter/other")


def test_a_host_never_overwrites_its_private_key() -> None:
    assert allowed(HOST, "ssm:PutParameter", PRIVATE_KEY, {"ssm:Overwrite": "false"})
    assert not allowed(HOST, "ssm:PutParameter", PRIVATE_KEY, {"ssm:Overwrite": "true"})
    assert not allowed(HOST, "ssm:DeleteParameter", PRIVATE_KEY)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/vpn/peers/mallory"),
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/other"),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:{HERE}:parameter/other"),
        ("ec2:AssociateAddress", f"arn:aws:ec2:{HERE}:elastic-ip/eipalloc-2"),
        ("ec2:AssociateAddress", f"arn:aws:ec2:{HERE}:instance/i-1"),
        ("ec2:AssociateAddress", f"arn:aws:ec2:{HERE}:network-interface/eni-1"),
        ("ec2:ReleaseAddress", f"arn:aws:ec2:{HERE}:elastic-ip/eipalloc-1"),
        ("cloudwatch:PutMetricData", "*"),
        ("iam:PassRole", ROLE),
    ],
)
def test_a_host_may_not(action: str, resource: str) -> None:
    assert not allowed(HOST, action, resource)


def test_a_host_gives_its_address_to_its_own_groups_instances_only() -> None:
    def may(kind: str, key: str, value: str) -> bool:
        return allowed(HOST, "ec2:AssociateAddress", f"arn:aws:ec2:{HERE}:{kind}/x", {key: value})

    group = "aws:ResourceTag/aws:autoscaling:groupName"
    assert may("instance", group, "vpn")
    assert not may("instance", group, "another")
    assert may("network-interface", "ec2:Subnet", f"arn:aws:ec2:{HERE}:subnet/subnet-1")
    assert not may("network-interface", "ec2:Subnet", f"arn:aws:ec2:{HERE}:subnet/subnet-2")
