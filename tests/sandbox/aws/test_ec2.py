"""EC2: who may take an address with which instance, what is refused, and what is in use."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    MANAGEMENT,
    REGION,
    Client,
    Embedded,
    allow,
    code_and_status,
    policy,
    trust,
)
from tests.sandbox.aws.hosts import (
    GROUP,
    IMAGE,
    X86_IMAGE,
    Host,
    make_host,
    make_network,
    take_address,
)

IN_USE = "DependencyViolation"


def run(client: Client, subnet: str, **more: Any) -> str:
    """The id of a new instance."""
    wanted = {"ImageId": IMAGE, "InstanceType": "t4g.micro", "SubnetId": subnet, **more}
    made = client("ec2").run_instances(MinCount=1, MaxCount=1, **wanted)
    return made["Instances"][0]["InstanceId"]


def addresses(client: Client) -> dict[str, str]:
    """The instance that has each Elastic IP."""
    found = client("ec2").describe_addresses()["Addresses"]
    return {address["PublicIp"]: address["InstanceId"] for address in found}


def become(aws: Embedded, corp: tuple[str, Client], *statements: dict[str, Any]) -> Any:
    account, admin = corp
    admin("iam").create_role(RoleName="host", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    admin("iam").put_role_policy(
        RoleName="host", PolicyName="own", PolicyDocument=policy(*statements)
    )
    return aws.session(account, "host")("ec2")


def associating(account: str, address: str, host: Host) -> dict[str, dict[str, Any]]:
    """What a host's role needs, by the resource that it is for."""
    prefix, action = f"arn:aws:ec2:{REGION}:{account}", "ec2:AssociateAddress"
    of_group = {"StringEquals": {"aws:ResourceTag/aws:autoscaling:groupName": GROUP}}
    in_subnet = {"ArnEquals": {"ec2:Subnet": f"{prefix}:subnet/{host.network.subnet}"}}
    return {
        "elastic-ip": allow(action, f"{prefix}:elastic-ip/{address}"),
        "instance": allow(action, f"{prefix}:instance/*", Condition=of_group),
        "network-interface": allow(action, f"{prefix}:network-interface/*", Condition=in_subnet),
    }


def test_a_host_may_take_its_address_with_its_own_groups_instances(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    host = make_host(admin)
    address = admin("ec2").allocate_address(Domain="vpc")
    mine = address["AllocationId"]
    role = become(aws, corp, *associating(account, mine, host).values())
    role.associate_address(AllocationId=mine, InstanceId=host.instance)
    assert addresses(admin) == {address["PublicIp"]: host.instance}

    other = admin("ec2").allocate_address(Domain="vpc")["AllocationId"]
    with pytest.raises(ClientError) as refusal:
        role.associate_address(AllocationId=other, InstanceId=host.instance)
    assert code_and_status(refusal.value) == ("UnauthorizedOperation", 403)
    assert f"elastic-ip/{other} because no identity-based policy" in str(refusal.value)

    stranger = run(admin, host.network.subnet)
    with pytest.raises(ClientError, match=f"UnauthorizedOperation.*instance/{stranger} "):
        role.associate_address(AllocationId=mine, InstanceId=stranger)
    assert addresses(admin)[address["PublicIp"]] == host.instance


@pytest.mark.parametrize("kind", ["elastic-ip", "instance", "network-interface"])
def test_each_resource_of_an_association_must_be_allowed(
    aws: Embedded, corp: tuple[str, Client], kind: str
) -> None:
    account, admin = corp
    host = make_host(admin)
    address = admin("ec2").allocate_address(Domain="vpc")["AllocationId"]
    statements = associating(account, address, host)
    del statements[kind]
    role = become(aws, corp, *statements.values())
    with pytest.raises(ClientError, match=f"UnauthorizedOperation.*:{kind}/"):
        role.associate_address(AllocationId=address, InstanceId=host.instance)


def test_an_interface_of_another_subnet_is_refused(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    host = make_host(admin)
    address = admin("ec2").allocate_address(Domain="vpc")["AllocationId"]
    role = become(aws, corp, *associating(account, address, host).values())
    elsewhere = admin("ec2").create_subnet(VpcId=host.network.vpc, CidrBlock="10.0.0.64/26")
    made = admin("ec2").create_network_interface(SubnetId=elsewhere["Subnet"]["SubnetId"])
    interface = made["NetworkInterface"]["NetworkInterfaceId"]
    with pytest.raises(ClientError, match=f"UnauthorizedOperation.*{interface}"):
        role.associate_address(AllocationId=address, NetworkInterfaceId=interface)


def test_an_address_moves_to_the_instance_that_takes_it(aws: Embedded) -> None:
    ec2, network = aws.operator("ec2"), make_network(aws.operator)
    first, second = run(aws.operator, network.subnet), run(aws.operator, network.subnet)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=first)
    given = {"AllocationId": address["AllocationId"], "InstanceId": second}
    with pytest.raises(ClientError, match=r"Resource\.AlreadyAssociated"):
        ec2.associate_address(**given, AllowReassociation=False)
    made = ec2.associate_address(**given)
    assert ec2.associate_address(**given)["AssociationId"] == made["AssociationId"]
    found = ec2.describe_instances(InstanceIds=[first, second])["Reservations"]
    public = {i["InstanceId"]: i["PublicIpAddress"] for r in found for i in r["Instances"]}
    assert public[second] == address["PublicIp"] != public[first]
    assert addresses(aws.operator) == {address["PublicIp"]: second}


def test_a_dry_run_changes_nothing(aws: Embedded) -> None:
    host = make_host(aws.operator)
    ec2 = aws.operator("ec2")
    address = ec2.allocate_address(Domain="vpc")
    with pytest.raises(ClientError, match="DryRunOperation"):
        ec2.associate_address(
            AllocationId=address["AllocationId"], InstanceId=host.instance, DryRun=True
        )
    assert addresses(aws.operator) == {address["PublicIp"]: ""}


def test_an_address_is_public_and_survives_its_instance(aws: Embedded) -> None:
    ec2, network = aws.operator("ec2"), make_network(aws.operator)
    instance = run(aws.operator, network.subnet)
    address = ec2.allocate_address(Domain="vpc")
    assert not address["PublicIp"].startswith("127.")
    ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
    with pytest.raises(ClientError, match=r"InvalidIPAddress\.InUse"):
        ec2.release_address(AllocationId=address["AllocationId"])
    ec2.terminate_instances(InstanceIds=[instance])
    assert addresses(aws.operator) == {address["PublicIp"]: ""}
    with pytest.raises(ClientError, match="InvalidInstanceID"):
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
    ec2.release_address(AllocationId=address["AllocationId"])


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"ImageId": "ami-00000000000000000"}, r"InvalidAMIID\.NotFound"),
        ({"InstanceType": "t4g.enormous"}, r"InvalidInstanceType"),
        ({"ImageId": X86_IMAGE}, r"InvalidParameterValue.*'arm64' .*does not match.*'x86_64'"),
    ],
)
def test_what_cannot_run_is_not_launched(aws: Embedded, wanted: dict[str, str], code: str) -> None:
    network = make_network(aws.operator)
    with pytest.raises(ClientError, match=code):
        run(aws.operator, network.subnet, **wanted)
    assert aws.operator("ec2").describe_instances()["Reservations"] == []


def test_user_data_has_room_for_16_kib(aws: Embedded) -> None:
    ec2 = aws.operator("ec2")

    def data(size: int) -> dict[str, str]:
        return {"UserData": base64.b64encode(b"x" * size).decode()}

    made = ec2.create_launch_template(LaunchTemplateName="vpn", LaunchTemplateData=data(16384))
    with pytest.raises(ClientError, match="User data is limited to 16384 bytes"):
        ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData=data(16385))
    with pytest.raises(ClientError, match="User data is limited to 16384 bytes"):
        ec2.create_launch_template_version(
            LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"],
            LaunchTemplateData=data(16385),
        )


def test_a_network_is_taken_down_from_the_inside_out(aws: Embedded) -> None:
    ec2 = aws.operator("ec2")
    host = make_host(aws.operator)
    network, address = host.network, take_address(host)
    attached = {"InternetGatewayId": network.gateway, "VpcId": network.vpc}
    with pytest.raises(ClientError, match="has some mapped public address"):
        ec2.detach_internet_gateway(**attached)
    for refused in (
        lambda: ec2.delete_subnet(SubnetId=network.subnet),
        lambda: ec2.delete_security_group(GroupId=network.security_group),
        lambda: ec2.delete_vpc(VpcId=network.vpc),
    ):
        with pytest.raises(ClientError, match=IN_USE):
            refused()
    aws.operator("autoscaling").delete_auto_scaling_group(
        AutoScalingGroupName=GROUP, ForceDelete=True
    )
    ec2.delete_subnet(SubnetId=network.subnet)
    with pytest.raises(ClientError, match=IN_USE):
        ec2.delete_vpc(VpcId=network.vpc)  # the security group
    ec2.delete_security_group(GroupId=network.security_group)
    with pytest.raises(ClientError, match=IN_USE):
        ec2.delete_vpc(VpcId=network.vpc)  # the internet gateway
    ec2.detach_internet_gateway(**attached)
    ec2.delete_internet_gateway(InternetGatewayId=network.gateway)
    ec2.delete_vpc(VpcId=network.vpc)
    ec2.release_address(AllocationId=address["AllocationId"])
