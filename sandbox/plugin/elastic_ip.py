"""EC2: Elastic IP addresses. What an address is associated with is not declared here."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE, arn, retag, tag_specifications
from sandbox.plugin.schema import REGION, TAGS, Resource, string
from sandbox.plugin.tags import tag_map
from sandbox.plugin.values import Values, listed

_FIRST_REGION = "us-east-1"


class Eip(Resource):
    """An address that the account keeps until it is released; its id is the allocation's."""

    type_name = "aws:ec2/eip:Eip"
    title = "EC2 EIP"
    arguments: ClassVar = {
        "address": string(replaces=True, carried=False),
        "associateWithPrivateIp": string(carried=False),
        "customerOwnedIpv4Pool": string(carried=False),
        "domain": string(computed=True, replaces=True, choices=("vpc", "standard")),
        "instance": string(computed=True, carried=False),
        "ipamPoolId": string(carried=False),
        "networkBorderGroup": string(computed=True, replaces=True, carried=False),
        "networkInterface": string(computed=True, carried=False),
        "publicIpv4Pool": string(computed=True, replaces=True, carried=False),
        **REGION,
        **TAGS,
    }
    outputs = (
        "allocationId",
        "arn",
        "associationId",
        "carrierIp",
        "customerOwnedIp",
        "privateDns",
        "privateIp",
        "ptrRecord",
        "publicDns",
        "publicIp",
        "tagsAll",
    )

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            SERVICE,
            "AllocateAddress",
            Domain=args.get("domain"),
            TagSpecifications=tag_specifications("elastic-ip", args),
        )
        return answer["AllocationId"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        address = self._describe(account, resource_id)
        private = address.get("PrivateIpAddress", "")
        return {
            "allocationId": resource_id,
            "arn": arn(account, "elastic-ip", resource_id),
            "associationId": address.get("AssociationId", ""),
            "carrierIp": address.get("CarrierIp", ""),
            "customerOwnedIp": address.get("CustomerOwnedIp", ""),
            "domain": address["Domain"],
            "instance": address.get("InstanceId", ""),
            "networkBorderGroup": address.get("NetworkBorderGroup", account.region),
            "networkInterface": address.get("NetworkInterfaceId", ""),
            "privateDns": private and f"ip-{_dashed(private)}.{_inside(account.region)}",
            "privateIp": private,
            "ptrRecord": "",  # nothing that is carried sets one
            "publicDns": f"ec2-{_dashed(address['PublicIp'])}.{_outside(account.region)}",
            "publicIp": address["PublicIp"],
            "publicIpv4Pool": address.get("PublicIpv4Pool", "amazon"),
            "tagsAll": tag_map(listed(address, "Tags")),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        association = self._describe(account, resource_id).get("AssociationId")
        if association:
            account.call(SERVICE, "DisassociateAddress", AssociationId=association)
        account.call(SERVICE, "ReleaseAddress", AllocationId=resource_id)

    @staticmethod
    def _describe(account: Account, allocation_id: str) -> Values:
        answer = account.call(SERVICE, "DescribeAddresses", AllocationIds=[allocation_id])
        return answer["Addresses"][0]


def _dashed(address: str) -> str:
    return address.replace(".", "-")


def _inside(region: str) -> str:
    return "ec2.internal" if region == _FIRST_REGION else f"{region}.compute.internal"


def _outside(region: str) -> str:
    zone = "compute-1" if region == _FIRST_REGION else f"{region}.compute"
    return f"{zone}.amazonaws.com"


RESOURCES = (Eip(),)
