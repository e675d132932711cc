"""EC2: the ways out of a VPC: Internet gateways, route tables, and which subnet has which."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE, arn, matching, retag, tag_specifications
from sandbox.plugin.schema import REGION, TAGS, Resource, blocks, string, strings
from sandbox.plugin.tags import tag_map
from sandbox.plugin.values import Values, listed

_LOCAL = "local"  # the target of the routes inside the VPC, which AWS makes and keeps
_ASSOCIATION = "rtbassoc-"
_ROUTE = {
    "cidrBlock": "DestinationCidrBlock",
    "gatewayId": "GatewayId",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
}
"""What is carried of a route, with AWS's words."""


class InternetGateway(Resource):
    """An Internet gateway, attached to a VPC."""

    type_name = "aws:ec2/internetGateway:InternetGateway"
    title = "EC2 Internet Gateway"
    arguments: ClassVar = {**REGION, **TAGS, "vpcId": string(computed=True)}
    outputs = ("arn", "ownerId", "tagsAll")

    def create(self, account: Account, args: Values) -> str:
        gateway = account.call(
            SERVICE,
            "CreateInternetGateway",
            TagSpecifications=tag_specifications("internet-gateway", args),
        )["InternetGateway"]
        return gateway["InternetGatewayId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._attach(account, resource_id, args.get("vpcId"))

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        gateway = self._describe(account, resource_id)
        attachments = listed(gateway, "Attachments")
        return {
            "arn": arn(account, "internet-gateway", resource_id),
            "ownerId": gateway["OwnerId"],
            "tagsAll": tag_map(listed(gateway, "Tags")),
            "vpcId": attachments[0]["VpcId"] if attachments else "",
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("vpcId") != new.get("vpcId"):
            self._detach(account, resource_id, old.get("vpcId"))
            self._attach(account, resource_id, new.get("vpcId"))
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        for attachment in listed(self._describe(account, resource_id), "Attachments"):
            self._detach(account, resource_id, attachment["VpcId"])
        account.call(SERVICE, "DeleteInternetGateway", InternetGatewayId=resource_id)

    @staticmethod
    def _describe(account: Account, gateway_id: str) -> Values:
        answer = account.call(SERVICE, "DescribeInternetGateways", InternetGatewayIds=[gateway_id])
        return answer["InternetGateways"][0]

    @staticmethod
    def _attach(account: Account, gateway_id: str, vpc_id: str | None) -> None:
        if vpc_id:
            account.call(
                SERVICE, "AttachInternetGateway", InternetGatewayId=gateway_id, VpcId=vpc_id
            )

    @staticmethod
    def _detach(account: Account, gateway_id: str, vpc_id: str | None) -> None:
        if vpc_id:
            account.call(
                SERVICE, "DetachInternetGateway", InternetGatewayId=gateway_id, VpcId=vpc_id
            )


class RouteTable(Resource):
    """A route table with its routes; those inside the VPC are AWS's own and not among them."""

    type_name = "aws:ec2/routeTable:RouteTable"
    title = "EC2 Route Table"
    arguments: ClassVar = {
        "propagatingVgws": strings(computed=True, carried=False),
        **REGION,
        "routes": blocks(
            {
                "carrierGatewayId": string(carried=False),
                "cidrBlock": string(),
                "coreNetworkArn": string(carried=False),
                "destinationPrefixListId": string(carried=False),
                "egressOnlyGatewayId": string(carried=False),
                "gatewayId": string(),
                "ipv6CidrBlock": string(),
                "localGatewayId": string(carried=False),
                "natGatewayId": string(carried=False),
                "networkInterfaceId": string(carried=False),
                "odbNetworkArn": string(carried=False),
                "transitGatewayId": string(carried=False),
                "vpcEndpointId": string(carried=False),
                "vpcPeeringConnectionId": string(carried=False),
            },
            computed=True,
            unordered=True,
        ),
        **TAGS,
        "vpcId": string(required=True, replaces=True),
    }
    outputs = ("arn", "ownerId", "tagsAll")

    def create(self, account: Account, args: Values) -> str:
        table = account.call(
            SERVICE,
            "CreateRouteTable",
            TagSpecifications=tag_specifications("route-table", args),
            VpcId=args["vpcId"],
        )["RouteTable"]
        return table["RouteTableId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if listed(args, "routes"):
            self._reroute(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        table = self._describe(account, resource_id)
        return {
            "arn": arn(account, "route-table", resource_id),
            "ownerId": table["OwnerId"],
            "routes": _routes(table),
            "tagsAll": tag_map(listed(table, "Tags")),
            "vpcId": table["VpcId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if listed(old, "routes") != listed(new, "routes"):
            self._reroute(account, resource_id, new)
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        for association in listed(self._describe(account, resource_id), "Associations"):
            association_id = association["RouteTableAssociationId"]
            account.call(SERVICE, "DisassociateRouteTable", AssociationId=association_id)
        account.call(SERVICE, "DeleteRouteTable", RouteTableId=resource_id)

    @staticmethod
    def _describe(account: Account, table_id: str) -> Values:
        answer = account.call(SERVICE, "DescribeRouteTables", RouteTableIds=[table_id])
        return answer["RouteTables"][0]

    def _reroute(self, account: Account, table_id: str, args: Values) -> None:
        """Make the table's routes those of the arguments, whatever they are now."""
        table = self._describe(account, table_id)
        there = {_destination(it): it for it in _routes(table)}
        wanted = {_destination(it): it for it in listed(args, "routes")}
        for destination in there.keys() - wanted.keys():
            self._route(account, "DeleteRoute", table_id, destination)
        for destination, route in wanted.items():
            target = route.get("gatewayId") or None
            if destination not in there:
                self._route(account, "CreateRoute", table_id, destination, GatewayId=target)
            elif target != there[destination].get("gatewayId"):
                self._route(account, "ReplaceRoute", table_id, destination, GatewayId=target)

    @staticmethod
    def _route(
        account: Account, operation: str, table_id: str, to: tuple[str, str], **target: object
    ) -> None:
        ipv4, ipv6 = to
        account.call(
            SERVICE,
            operation,
            RouteTableId=table_id,
            DestinationCidrBlock=ipv4 or None,
            DestinationIpv6CidrBlock=ipv6 or None,
            **target,
        )


def _destination(route: Values) -> tuple[str, str]:
    return route.get("cidrBlock") or "", route.get("ipv6CidrBlock") or ""


def _routes(table: Values) -> list[Values]:
    """Return the routes that a program declares: not those inside the VPC, nor an endpoint's."""
    return [
        {name: described[word] for name, word in _ROUTE.items() if described.get(word)}
        for described in table["Routes"]
        if described.get("GatewayId") != _LOCAL and not described.get("DestinationPrefixListId")
    ]


class RouteTableAssociation(Resource):
    """The route table that a subnet has.

    AWS gives the association another id when the table changes, which an update cannot tell the
    engine; so it is found by its subnet, and the first id stays its name in the state. An import
    names it SUBNET/TABLE.
    """

    type_name = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    title = "EC2 Route Table Association"
    arguments: ClassVar = {
        "gatewayId": string(replaces=True, carried=False),
        **REGION,
        "routeTableId": string(required=True),
        "subnetId": string(replaces=True),
    }

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            SERVICE,
            "AssociateRouteTable",
            RouteTableId=args["routeTableId"],
            SubnetId=args.get("subnetId"),
        )
        return answer["AssociationId"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        association = self._find(account, resource_id, known)
        if association is None:
            return None
        named = resource_id.startswith(_ASSOCIATION)
        return {
            "id": resource_id if named else association["RouteTableAssociationId"],
            "routeTableId": association["RouteTableId"],
            "subnetId": association["SubnetId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        association = self._find(account, resource_id, old)
        if association is None:
            self.create(account, new)
        elif association["RouteTableId"] != new["routeTableId"]:
            account.call(
                SERVICE,
                "ReplaceRouteTableAssociation",
                AssociationId=association["RouteTableAssociationId"],
                RouteTableId=new["routeTableId"],
            )

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        association = self._find(account, resource_id, state)
        if association:
            association_id = association["RouteTableAssociationId"]
            account.call(SERVICE, "DisassociateRouteTable", AssociationId=association_id)

    @staticmethod
    def _find(account: Account, resource_id: str, known: Values) -> Values | None:
        subnet_id = known.get("subnetId") or resource_id.partition("/")[0]
        filters = matching(**{"association.subnet-id": subnet_id})
        tables = account.call(SERVICE, "DescribeRouteTables", Filters=filters)["RouteTables"]
        for association in (it for table in tables for it in listed(table, "Associations")):
            if association.get("SubnetId") == subnet_id:
                return association
        return None


RESOURCES = (InternetGateway(), RouteTable(), RouteTableAssociation())
