"""A network of EC2 beyond a plain life: what changes in place, drift, and what AWS refuses."""

from typing import Any

import pytest

from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Engine, Held, Refused
from tests.sandbox.plugin.world import (
    EIP,
    INTERNET_GATEWAY,
    MANAGEMENT,
    REGION,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    SUBNET,
    VPC,
    World,
)

WIREGUARD: Values = {
    "protocol": "udp",
    "fromPort": 51820,
    "toPort": 51820,
    "cidrBlocks": ["0.0.0.0/0"],
}
EVERYTHING: Values = {
    "protocol": "-1",
    "fromPort": 0,
    "toPort": 0,
    "cidrBlocks": ["0.0.0.0/0"],
    "ipv6CidrBlocks": ["::/0"],
}


def refreshed(engine: Engine, held: Held) -> Held:
    found = engine.refresh(held)
    assert found is not None
    return found


def routes(world: World, table: Held) -> dict[str, str]:
    """The targets of a table's routes, as AWS has them."""
    found = world.client("ec2").describe_route_tables(RouteTableIds=[table.id])["RouteTables"][0]
    return {
        it.get("DestinationCidrBlock") or it["DestinationIpv6CidrBlock"]: it["GatewayId"]
        for it in found["Routes"]
        if it["GatewayId"] != "local"
    }


def rules(world: World, group: Held, direction: str = "IpPermissions") -> set[tuple[Any, ...]]:
    """The rules of a group, one for each source, as AWS has them."""
    found = world.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    return {
        (it["IpProtocol"], it.get("FromPort"), source, described.get("Description"))
        for it in found[direction]
        for kind in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs")
        for described in it.get(kind, [])
        for source in [described.get("CidrIp", described.get("CidrIpv6", described.get("GroupId")))]
    }


def test_a_vpc_gets_an_ipv6_block_and_loses_it_in_place(world: World) -> None:
    plain: Values = {"cidrBlock": "10.2.0.0/16"}
    vpc = world.member.create(VPC, plain)
    assert vpc.state["ipv6CidrBlock"] == ""
    wanted = {**plain, "assignGeneratedIpv6CidrBlock": True}
    assert world.member.diff(vpc, wanted).replaces == []
    vpc = world.member.update(vpc, wanted)
    assert vpc.state["ipv6CidrBlock"].endswith("::/56")
    vpc = world.member.update(vpc, plain)
    assert (vpc.state["ipv6CidrBlock"], vpc.state["ipv6AssociationId"]) == ("", "")


def test_a_preview_knows_a_vpcs_ipv6_block_unless_it_comes_or_goes(world: World) -> None:
    inputs = {"cidrBlock": "10.90.0.0/16", "assignGeneratedIpv6CidrBlock": True}
    tagged = world.member.preview_update(world.vpc, {**inputs, "tags": {"a": "1"}})
    assert tagged["ipv6CidrBlock"] == world.vpc.state["ipv6CidrBlock"]
    gone = world.member.preview_update(world.vpc, {"cidrBlock": "10.90.0.0/16"})
    assert gone["ipv6CidrBlock"] is gone["ipv6AssociationId"] is UNKNOWN


def test_a_vpc_becomes_dedicated_only_anew_but_default_in_place(world: World) -> None:
    default: Values = {"cidrBlock": "10.3.0.0/16"}
    dedicated = {**default, "instanceTenancy": "dedicated"}
    vpc = world.member.create(VPC, dedicated)
    assert world.member.diff(vpc, default).replaces == []
    vpc = world.member.update(vpc, default)
    assert vpc.state["instanceTenancy"] == "default"
    assert world.member.diff(vpc, dedicated).replaces == ["instanceTenancy"]


def test_a_vpcs_attributes_are_what_the_program_says(world: World) -> None:
    inputs = {"cidrBlock": "10.4.0.0/16", "enableDnsSupport": False}
    vpc = world.member.create(VPC, inputs)
    assert (vpc.state["enableDnsSupport"], vpc.state["enableDnsHostnames"]) == (False, False)
    vpc = world.member.update(vpc, {"cidrBlock": "10.4.0.0/16", "enableDnsHostnames": True})
    assert (vpc.state["enableDnsSupport"], vpc.state["enableDnsHostnames"]) == (True, True)


def test_a_vpc_in_use_is_not_deleted(world: World) -> None:
    assert world.public_subnet
    with pytest.raises(Refused, match=r"deleting EC2 VPC .*: DeleteVpc, DependencyViolation: "):
        world.member.delete(world.vpc)


def test_a_subnet_moves_to_another_ipv6_block_in_place(world: World) -> None:
    inputs: Values = {"vpcId": world.vpc.id, "cidrBlock": "10.90.9.0/24"}
    first = {**inputs, "ipv6CidrBlock": world.ipv6_block(9), "assignIpv6AddressOnCreation": True}
    subnet = world.member.create(SUBNET, first)
    later = {**first, "ipv6CidrBlock": world.ipv6_block(10)}
    assert world.member.diff(subnet, later).replaces == []
    assert world.member.preview_update(subnet, later)["ipv6CidrBlockAssociationId"] is UNKNOWN
    subnet = world.member.update(subnet, later)
    assert subnet.state["ipv6CidrBlock"] == world.ipv6_block(10)
    subnet = world.member.update(subnet, inputs)
    assert subnet.state["ipv6CidrBlock"] == ""
    assert subnet.state["assignIpv6AddressOnCreation"] is False


def test_a_gateway_moves_to_another_vpc_in_place_and_is_detached_to_be_deleted(
    world: World,
) -> None:
    old, new = (world.member.create(VPC, {"cidrBlock": "10.5.0.0/16"}) for _ in range(2))
    gateway = world.member.create(INTERNET_GATEWAY, {"vpcId": old.id})
    assert world.member.diff(gateway, {"vpcId": new.id}).replaces == []
    gateway = world.member.update(gateway, {"vpcId": new.id})
    assert gateway.state["vpcId"] == new.id
    world.client("ec2").detach_internet_gateway(InternetGatewayId=gateway.id, VpcId=new.id)
    drifted = refreshed(world.member, gateway)
    assert world.member.diff(drifted, {"vpcId": new.id}).detailed == {"vpcId": "ADD"}
    gateway = world.member.update(drifted, {"vpcId": new.id})
    world.member.delete(gateway)
    assert world.member.refresh(gateway) is None


def test_a_table_has_the_declared_routes_and_no_others(world: World) -> None:
    gateway = world.internet_gateway.id
    inputs = {"vpcId": world.vpc.id, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway}]}
    table = world.member.create(ROUTE_TABLE, inputs)
    ec2 = world.client("ec2")
    ec2.delete_route(RouteTableId=table.id, DestinationCidrBlock="0.0.0.0/0")
    ec2.create_route(RouteTableId=table.id, DestinationIpv6CidrBlock="2000::/3", GatewayId=gateway)
    drifted = refreshed(world.member, table)
    assert drifted.inputs["routes"] == [{"ipv6CidrBlock": "2000::/3", "gatewayId": gateway}]
    assert world.member.diff(drifted, inputs).detailed == {"routes": "UPDATE"}
    world.member.update(drifted, inputs)
    assert routes(world, table) == {"0.0.0.0/0": gateway}


def test_a_route_gets_another_target_in_place(world: World) -> None:
    vpc = world.member.create(VPC, {"cidrBlock": "10.6.0.0/16"})
    gateway = world.member.create(INTERNET_GATEWAY, {"vpcId": vpc.id})
    inputs: Values = {"vpcId": vpc.id}

    def to(target: str) -> Values:
        return {**inputs, "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": target}]}

    table = world.member.create(ROUTE_TABLE, to(gateway.id))
    other = world.member.create(INTERNET_GATEWAY, {})
    table = world.member.update(table, to(other.id))
    assert routes(world, table) == {"0.0.0.0/0": other.id}


def test_a_table_that_declares_no_routes_keeps_those_it_has(world: World) -> None:
    table = world.member.create(ROUTE_TABLE, {"vpcId": world.vpc.id})
    gateway = world.internet_gateway.id
    world.client("ec2").create_route(
        RouteTableId=table.id, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    table = world.member.update(
        refreshed(world.member, table), {"vpcId": world.vpc.id, "tags": {"a": "1"}}
    )
    assert routes(world, table) == {"0.0.0.0/0": gateway}
    table = world.member.update(table, {"vpcId": world.vpc.id, "routes": []})
    assert routes(world, table) == {}


def test_a_table_is_deleted_although_a_subnet_has_it(world: World) -> None:
    inputs = {"vpcId": world.vpc.id, "cidrBlock": "10.90.11.0/24"}
    subnet = world.member.create(SUBNET, inputs)
    table = world.member.create(ROUTE_TABLE, {"vpcId": world.vpc.id})
    association = {"subnetId": subnet.id, "routeTableId": table.id}
    held = world.member.create(ROUTE_TABLE_ASSOCIATION, association)
    world.member.delete(table)
    assert world.member.refresh(held) is None


def test_a_subnet_gets_another_table_in_place_though_aws_changes_the_id(world: World) -> None:
    inputs = {"vpcId": world.vpc.id, "cidrBlock": "10.90.12.0/24"}
    subnet = world.member.create(SUBNET, inputs)
    old, new = (world.member.create(ROUTE_TABLE, {"vpcId": world.vpc.id}) for _ in range(2))
    held = world.member.create(
        ROUTE_TABLE_ASSOCIATION, {"subnetId": subnet.id, "routeTableId": old.id}
    )
    later = {"subnetId": subnet.id, "routeTableId": new.id}
    assert world.member.diff(held, later).replaces == []
    held = world.member.update(held, later)
    assert refreshed(world.member, held) == held
    tables = world.client("ec2").describe_route_tables(
        Filters=[{"Name": "association.subnet-id", "Values": [subnet.id]}]
    )["RouteTables"]
    assert [table["RouteTableId"] for table in tables] == [new.id]
    world.member.delete(held)
    assert world.member.refresh(held) is None


def test_a_group_without_rules_lets_nothing_in_or_out(world: World) -> None:
    group = world.member.create(SECURITY_GROUP, {"vpcId": world.vpc.id})
    assert rules(world, group) == rules(world, group, "IpPermissionsEgress") == set()
    assert group.state["description"] == "Managed by Pulumi"
    assert group.state["name"].startswith("thing-")


def test_a_group_has_the_declared_rules_and_no_others(world: World) -> None:
    inputs = {"vpcId": world.vpc.id, "ingress": [WIREGUARD], "egress": [EVERYTHING]}
    group = world.member.create(SECURITY_GROUP, inputs)
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    world.client("ec2").authorize_security_group_ingress(
        GroupId=group.id, IpPermissions=[{**ssh, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    drifted = refreshed(world.member, group)
    assert drifted.inputs["ingress"] == [
        WIREGUARD,
        {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]},
    ]
    assert drifted.inputs["egress"] == [EVERYTHING]
    assert world.member.diff(drifted, inputs).detailed == {"ingress": "UPDATE"}
    world.member.update(drifted, inputs)
    assert rules(world, group) == {("udp", 51820, "0.0.0.0/0", None)}
    assert rules(world, group, "IpPermissionsEgress") == {
        ("-1", None, "0.0.0.0/0", None),
        ("-1", None, "::/0", None),
    }


def test_a_rule_that_was_revoked_by_hand_is_authorized_again(world: World) -> None:
    two = {**WIREGUARD, "cidrBlocks": ["192.0.2.0/24", "198.51.100.0/24"]}
    inputs = {"vpcId": world.vpc.id, "ingress": [two]}
    group = world.member.create(SECURITY_GROUP, inputs)
    port = {"IpProtocol": "udp", "FromPort": 51820, "ToPort": 51820}
    world.client("ec2").revoke_security_group_ingress(
        GroupId=group.id, IpPermissions=[{**port, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}]
    )
    drifted = refreshed(world.member, group)
    assert drifted.inputs["ingress"] == [{**WIREGUARD, "cidrBlocks": ["198.51.100.0/24"]}]
    world.member.update(drifted, inputs)
    assert {source for _, _, source, _ in rules(world, group)} == {*two["cidrBlocks"]}


def test_rules_for_the_same_ports_stay_as_they_were_written(world: World) -> None:
    other = {**WIREGUARD, "cidrBlocks": ["198.51.100.0/24"]}
    numbered = {**other, "protocol": "17", "cidrBlocks": ["192.0.2.0/24"]}
    inputs = {"vpcId": world.vpc.id, "ingress": [numbered, other, WIREGUARD]}
    group = world.member.create(SECURITY_GROUP, inputs)
    assert group.state["ingress"] == [numbered, other, WIREGUARD]
    named = {**numbered, "protocol": "UDP"}
    assert not world.member.diff(group, {**inputs, "ingress": [WIREGUARD, named, other]}).changes


def test_a_rule_gets_another_description_in_place(world: World) -> None:
    inputs: Values = {"vpcId": world.vpc.id, "ingress": [{**WIREGUARD, "description": "old"}]}
    group = world.member.create(SECURITY_GROUP, inputs)
    later = {**inputs, "ingress": [{**WIREGUARD, "description": "new"}]}
    assert world.member.diff(group, later).detailed == {"ingress": "UPDATE"}
    group = world.member.update(group, later)
    assert rules(world, group) == {("udp", 51820, "0.0.0.0/0", "new")}
    group = world.member.update(group, {"vpcId": world.vpc.id, "ingress": []})
    assert rules(world, group) == set()


def test_an_update_of_something_else_leaves_the_rules_alone(world: World) -> None:
    inputs = {"vpcId": world.vpc.id, "egress": [EVERYTHING]}
    group = world.member.create(SECURITY_GROUP, inputs)
    world.client("ec2").authorize_security_group_ingress(
        GroupId=group.id,
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}],
    )
    world.member.update(group, {**inputs, "tags": {"a": "1"}})
    assert rules(world, group) == {("-1", None, "192.0.2.0/24", None)}


def test_another_description_is_another_group(world: World) -> None:
    inputs = {"vpcId": world.vpc.id, "name": "described", "description": "old"}
    group = world.member.create(SECURITY_GROUP, inputs)
    found = world.member.diff(group, {**inputs, "description": "new"})
    assert (found.replaces, found.delete_before_replace) == (["description"], True)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"protocol": "udp", "fromPort": 1, "toPort": 2},
            "the rule for udp 1-2 must name one of cidrBlocks, ipv6CidrBlocks, prefixListIds, "
            "securityGroups or self",
        ),
        (
            {**EVERYTHING, "toPort": 65535},
            "the rule for -1 0-65535 must have the ports 0, since it is for every protocol",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_one_sentence(world: World, rule: Values, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        world.member.create(
            SECURITY_GROUP, {"name": "bad", "vpcId": world.vpc.id, "egress": [rule]}
        )
    assert refused.value.message == f"creating Security Group (bad): {sentence}"
    assert refused.value.id.startswith("sg-")
    world.client("ec2").delete_security_group(GroupId=refused.value.id)


def test_an_address_that_a_host_took_is_no_change_and_is_released(world: World) -> None:
    address = world.member.create(EIP, {"domain": "vpc"})
    ec2 = world.client("ec2")
    interface = ec2.create_network_interface(SubnetId=world.public_subnet.id)["NetworkInterface"]
    ec2.associate_address(
        AllocationId=address.id, NetworkInterfaceId=interface["NetworkInterfaceId"]
    )
    taken = refreshed(world.member, address)
    assert taken.state["networkInterface"] == interface["NetworkInterfaceId"]
    assert taken.state["associationId"].startswith("eipassoc-")
    assert taken.inputs == address.inputs
    assert not world.member.diff(taken, {"domain": "vpc"}).changes
    world.member.delete(address)
    assert world.member.refresh(address) is None
    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])


def test_an_address_has_the_names_that_aws_gives_it(world: World) -> None:
    address = world.member.create(EIP, {}).state
    dashed = address["publicIp"].replace(".", "-")
    assert address["publicDns"] == f"ec2-{dashed}.{REGION}.compute.amazonaws.com"
    assert address["arn"] == (
        f"arn:aws:ec2:{REGION}:{world.account.id}:elastic-ip/{address['allocationId']}"
    )
    elsewhere = world.member.create(EIP, {"region": "us-east-1"}).state
    dashed = elsewhere["publicIp"].replace(".", "-")
    assert elsewhere["publicDns"] == f"ec2-{dashed}.compute-1.amazonaws.com"


@pytest.mark.parametrize("type_", [VPC, INTERNET_GATEWAY, EIP])
def test_default_tags_are_there_from_the_beginning(world: World, type_: str) -> None:
    engine = world.provider(
        allowedAccountIds=[MANAGEMENT], defaultTags={"tags": {"stack": "main", "a": "0"}}
    )
    inputs: Values = {"cidrBlock": "10.8.0.0/16"} if type_ == VPC else {}
    held = engine.create(type_, {**inputs, "tags": {"a": "1"}})
    assert held.state["tagsAll"] == {"stack": "main", "a": "1"}
    held = engine.update(held, inputs)
    assert held.state["tagsAll"] == {"stack": "main", "a": "0"}
    engine.delete(held)
