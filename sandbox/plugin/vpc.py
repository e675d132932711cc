"""EC2: virtual private clouds and their subnets."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Collection
from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE, arn, matching, retag, tag_specifications
from sandbox.plugin.schema import REGION, TAGS, Resource, boolean, integer, string
from sandbox.plugin.tags import tag_map
from sandbox.plugin.values import Values, listed, nested

_AMAZON_POOL = "Amazon"  # what AWS calls the pool of the blocks that it provides itself
_GONE = ("disassociating", "disassociated", "failing", "failed")


def _dedicated(_old: object, new: object) -> bool:
    """Whether instances are to stand alone, which AWS lets a VPC become only at its creation."""
    return (new or "default") != "default"


def _ipv6_association(described: Values) -> Values:
    """Return the IPv6 block of a VPC or subnet, empty where it has none."""
    for association in listed(described, "Ipv6CidrBlockAssociationSet"):
        if association["Ipv6CidrBlockState"]["State"] not in _GONE:
            return association
    return {}


class Vpc(Resource):
    """A VPC with, where it is asked for, an IPv6 block of Amazon's."""

    type_name = "aws:ec2/vpc:Vpc"
    title = "EC2 VPC"
    arguments: ClassVar = {
        "assignGeneratedIpv6CidrBlock": boolean(),
        "cidrBlock": string(computed=True, replaces=True),
        "enableDnsHostnames": boolean(computed=True),
        "enableDnsSupport": boolean(default=True),
        "enableNetworkAddressUsageMetrics": boolean(computed=True),
        "instanceTenancy": string(
            default="default", replaces=_dedicated, choices=("default", "dedicated")
        ),
        "ipv4IpamPoolId": string(replaces=True, carried=False),
        "ipv4NetmaskLength": integer(replaces=True, carried=False),
        "ipv6CidrBlock": string(computed=True, carried=False),
        "ipv6CidrBlockNetworkBorderGroup": string(computed=True, carried=False),
        "ipv6IpamPoolId": string(carried=False),
        "ipv6NetmaskLength": integer(carried=False),
        **REGION,
        **TAGS,
    }
    outputs = (
        "arn",
        "defaultNetworkAclId",
        "defaultRouteTableId",
        "defaultSecurityGroupId",
        "dhcpOptionsId",
        "ipv6AssociationId",
        "mainRouteTableId",
        "ownerId",
        "tagsAll",
    )

    def volatile_in(self, old: Values, new: Values) -> Collection[str]:
        if _wants_ipv6(old) == _wants_ipv6(new):
            return ()
        return ("ipv6AssociationId", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup")

    def create(self, account: Account, args: Values) -> str:
        vpc = account.call(
            SERVICE,
            "CreateVpc",
            AmazonProvidedIpv6CidrBlock=_wants_ipv6(args),
            CidrBlock=args.get("cidrBlock"),
            InstanceTenancy=args["instanceTenancy"],
            TagSpecifications=tag_specifications("vpc", args),
        )["Vpc"]
        return vpc["VpcId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if _wants_ipv6(args):
            self._wait_for_ipv6(account, resource_id)
        self._set_attributes(account, resource_id, {"enableDnsSupport": True}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        vpc = self._describe(account, resource_id)
        ipv6 = _ipv6_association(vpc)
        tables = account.call(
            SERVICE,
            "DescribeRouteTables",
            Filters=matching(vpc_id=resource_id, **{"association.main": "true"}),
        )["RouteTables"]
        acls = account.call(
            SERVICE, "DescribeNetworkAcls", Filters=matching(vpc_id=resource_id, default="true")
        )["NetworkAcls"]
        groups = account.call(
            SERVICE,
            "DescribeSecurityGroups",
            Filters=matching(vpc_id=resource_id, group_name="default"),
        )["SecurityGroups"]
        main_table = tables[0]["RouteTableId"] if tables else ""
        return {
            "arn": arn(account, "vpc", resource_id),
            "assignGeneratedIpv6CidrBlock": ipv6.get("Ipv6Pool") == _AMAZON_POOL,
            "cidrBlock": vpc["CidrBlock"],
            "defaultNetworkAclId": acls[0]["NetworkAclId"] if acls else "",
            "defaultRouteTableId": main_table,
            "defaultSecurityGroupId": groups[0]["GroupId"] if groups else "",
            "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
            **{name: self._attribute(account, resource_id, name) for name in _ATTRIBUTES},
            "instanceTenancy": vpc["InstanceTenancy"],
            "ipv6AssociationId": ipv6.get("AssociationId", ""),
            "ipv6CidrBlock": ipv6.get("Ipv6CidrBlock", ""),
            "ipv6CidrBlockNetworkBorderGroup": ipv6.get("NetworkBorderGroup", ""),
            "mainRouteTableId": main_table,
            "ownerId": vpc["OwnerId"],
            "tagsAll": tag_map(listed(vpc, "Tags")),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set_attributes(account, resource_id, old, new)
        if old.get("instanceTenancy") != new["instanceTenancy"]:
            account.call(
                SERVICE,
                "ModifyVpcTenancy",
                VpcId=resource_id,
                InstanceTenancy=new["instanceTenancy"],
            )
        if _wants_ipv6(old) and not _wants_ipv6(new):
            association = old["ipv6AssociationId"]
            account.call(SERVICE, "DisassociateVpcCidrBlock", AssociationId=association)
        elif _wants_ipv6(new) and not _wants_ipv6(old):
            account.call(
                SERVICE,
                "AssociateVpcCidrBlock",
                VpcId=resource_id,
                AmazonProvidedIpv6CidrBlock=True,
            )
            self._wait_for_ipv6(account, resource_id)
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(SERVICE, "DeleteVpc", VpcId=resource_id)

    @staticmethod
    def _describe(account: Account, vpc_id: str) -> Values:
        return account.call(SERVICE, "DescribeVpcs", VpcIds=[vpc_id])["Vpcs"][0]

    def _wait_for_ipv6(self, account: Account, vpc_id: str) -> None:
        def associated() -> bool | None:
            association = _ipv6_association(self._describe(account, vpc_id))
            return nested(association, "Ipv6CidrBlockState").get("State") == "associated" or None

        account.wait_for(associated, lambda: f"VPC {vpc_id} has no IPv6 block yet")

    @staticmethod
    def _attribute(account: Account, vpc_id: str, name: str) -> bool:
        key = _ATTRIBUTES[name]
        attribute = f"{key[0].lower()}{key[1:]}"
        answer = account.call(SERVICE, "DescribeVpcAttribute", VpcId=vpc_id, Attribute=attribute)
        return answer[key]["Value"]

    @staticmethod
    def _set_attributes(account: Account, vpc_id: str, old: Values, new: Values) -> None:
        """Set what differs, one call for each, since AWS takes one at a time."""
        for name, key in _ATTRIBUTES.items():
            wanted = new.get(name, False)
            if wanted != old.get(name, False):
                value = {key: {"Value": wanted}}
                account.call(SERVICE, "ModifyVpcAttribute", VpcId=vpc_id, **value)


_ATTRIBUTES = {
    "enableDnsSupport": "EnableDnsSupport",  # first: host names are only given where it is on
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def _wants_ipv6(args: Values) -> bool:
    return bool(args.get("assignGeneratedIpv6CidrBlock"))


class Subnet(Resource):
    """A subnet with IPv4 addresses and, where its block is given, IPv6 ones."""

    type_name = "aws:ec2/subnet:Subnet"
    title = "EC2 Subnet"
    arguments: ClassVar = {
        "assignIpv6AddressOnCreation": boolean(default=False),
        "availabilityZone": string(computed=True, replaces=True),
        "availabilityZoneId": string(computed=True, replaces=True, carried=False),
        "cidrBlock": string(replaces=True),
        "customerOwnedIpv4Pool": string(carried=False),
        "enableDns64": boolean(default=False, carried=False),
        "enableLniAtDeviceIndex": integer(carried=False),
        "enableResourceNameDnsARecordOnLaunch": boolean(default=False, carried=False),
        "enableResourceNameDnsAaaaRecordOnLaunch": boolean(default=False, carried=False),
        "ipv4IpamPoolId": string(carried=False),
        "ipv4NetmaskLength": integer(carried=False),
        "ipv6CidrBlock": string(),
        "ipv6IpamPoolId": string(carried=False),
        "ipv6Native": boolean(default=False, replaces=True, carried=False),
        "ipv6NetmaskLength": integer(carried=False),
        "mapCustomerOwnedIpOnLaunch": boolean(carried=False),
        "mapPublicIpOnLaunch": boolean(default=False),
        "outpostArn": string(replaces=True, carried=False),
        "privateDnsHostnameTypeOnLaunch": string(computed=True, carried=False),
        **REGION,
        **TAGS,
        "vpcId": string(required=True, replaces=True),
    }
    outputs = ("arn", "ipv6CidrBlockAssociationId", "ownerId", "tagsAll")

    def volatile_in(self, old: Values, new: Values) -> Collection[str]:
        moved = old.get("ipv6CidrBlock", "") != new.get("ipv6CidrBlock", "")
        return ("ipv6CidrBlockAssociationId",) if moved else ()

    def create(self, account: Account, args: Values) -> str:
        subnet = account.call(
            SERVICE,
            "CreateSubnet",
            AvailabilityZone=args.get("availabilityZone"),
            CidrBlock=args.get("cidrBlock"),
            Ipv6CidrBlock=args.get("ipv6CidrBlock"),
            TagSpecifications=tag_specifications("subnet", args),
            VpcId=args["vpcId"],
        )["Subnet"]
        return subnet["SubnetId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        for name in _ON_LAUNCH:
            if args[name]:
                self._set(account, resource_id, name, value=True)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(SERVICE, "DescribeSubnets", SubnetIds=[resource_id])
        subnet = answer["Subnets"][0]
        ipv6 = _ipv6_association(subnet)
        host_names = nested(subnet, "PrivateDnsNameOptionsOnLaunch")
        return {
            "arn": subnet["SubnetArn"],
            "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "cidrBlock": subnet.get("CidrBlock", ""),
            "ipv6CidrBlock": ipv6.get("Ipv6CidrBlock", ""),
            "ipv6CidrBlockAssociationId": ipv6.get("AssociationId", ""),
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "ownerId": subnet["OwnerId"],
            "privateDnsHostnameTypeOnLaunch": host_names.get("HostnameType", ""),
            "tagsAll": tag_map(listed(subnet, "Tags")),
            "vpcId": subnet["VpcId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        turned = [name for name in _ON_LAUNCH if old.get(name, False) != new[name]]
        for name in turned:
            if not new[name]:  # before the block goes that addresses would be assigned from
                self._set(account, resource_id, name, value=False)
        before, after = old.get("ipv6CidrBlock", ""), new.get("ipv6CidrBlock", "")
        if before != after:
            if before:
                association = old["ipv6CidrBlockAssociationId"]
                account.call(SERVICE, "DisassociateSubnetCidrBlock", AssociationId=association)
            if after:
                account.call(
                    SERVICE, "AssociateSubnetCidrBlock", SubnetId=resource_id, Ipv6CidrBlock=after
                )
        for name in turned:
            if new[name]:
                self._set(account, resource_id, name, value=True)
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(SERVICE, "DeleteSubnet", SubnetId=resource_id)

    @staticmethod
    def _set(account: Account, subnet_id: str, name: str, *, value: bool) -> None:
        attribute = {_ON_LAUNCH[name]: {"Value": value}}
        account.call(SERVICE, "ModifySubnetAttribute", SubnetId=subnet_id, **attribute)


_ON_LAUNCH = {
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
}
"""What instances get in a subnet; AWS takes one at a time."""


RESOURCES = (Vpc(), Subnet())
