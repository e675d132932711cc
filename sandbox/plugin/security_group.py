"""EC2: security groups with their rules.

A rule of a program names several sources; AWS keeps each source on its own and tells them grouped
by protocol and ports. So rules are compared, authorized and revoked source by source (`_Part`).
"""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.ec2 import SERVICE, arn, retag, tag_specifications
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    MANAGED_BY,
    REGION,
    TAGS,
    AutoName,
    Resource,
    blocks,
    boolean,
    integer,
    string,
    strings,
)
from sandbox.plugin.tags import tag_map
from sandbox.plugin.values import Values, listed

_ALL = "-1"
_NUMBERS = {"all": _ALL, "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
_SOURCES = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
"""What a rule may name, with AWS's words for the list and for one of it."""
_CALLS = {"ingress": "SecurityGroupIngress", "egress": "SecurityGroupEgress"}
_LISTS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}


def _protocol(name: str) -> str:
    """Return a protocol as AWS calls it."""
    return _NUMBERS.get(name.lower(), name.lower())


_RULES = {
    "cidrBlocks": strings(unordered=True),
    "description": string(),
    "fromPort": integer(required=True),
    "ipv6CidrBlocks": strings(unordered=True),
    "prefixListIds": strings(unordered=True),
    "protocol": string(required=True, normal=_protocol),
    "securityGroups": strings(unordered=True),
    "self": boolean(default=False),
    "toPort": integer(required=True),
}


@dataclass(frozen=True, order=True)
class _Part:
    """One source of a rule."""

    protocol: str
    from_port: int
    to_port: int
    description: str
    kind: str
    source: str

    @property
    def rule(self) -> tuple[str, int, int, str]:
        """What the parts of one rule have in common."""
        return self.protocol, self.from_port, self.to_port, self.description

    @property
    def permission(self) -> Values:
        """The part as the calls take it."""
        words, word = _SOURCES[self.kind]
        source = {word: self.source}
        if self.description:
            source["Description"] = self.description
        ports = (
            {} if self.protocol == _ALL else {"FromPort": self.from_port, "ToPort": self.to_port}
        )
        return {"IpProtocol": self.protocol, **ports, words: [source]}


class SecurityGroup(Resource):
    """A security group; the rule of every new one, to let everything out, is revoked."""

    type_name = "aws:ec2/securityGroup:SecurityGroup"
    title = "Security Group"
    arguments: ClassVar = {
        "description": string(default=MANAGED_BY, replaces=True),
        "egress": blocks(_RULES, computed=True, unordered=True),
        "ingress": blocks(_RULES, computed=True, unordered=True),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        **REGION,
        "revokeRulesOnDelete": boolean(default=False, carried=False),
        **TAGS,
        "vpcId": string(computed=True, replaces=True),
    }
    outputs = ("arn", "ownerId", "tagsAll")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            SERVICE,
            "CreateSecurityGroup",
            Description=args["description"],
            GroupName=given_name(args),
            TagSpecifications=tag_specifications("security-group", args),
            VpcId=args.get("vpcId"),
        )
        return answer["GroupId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._settle(account, resource_id, args, [*_LISTS])

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        group = self._describe(account, resource_id)
        rules = {
            direction: _rules(resource_id, _live(group, direction), listed(known, direction))
            for direction in _LISTS
        }
        return {
            "arn": arn(account, "security-group", resource_id),
            "description": group["Description"],
            **rules,
            "name": group["GroupName"],
            "ownerId": group["OwnerId"],
            "tagsAll": tag_map(listed(group, "Tags")),
            "vpcId": group["VpcId"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        turned = [
            direction
            for direction in _LISTS
            if {*_declared(resource_id, listed(old, direction))}
            != {*_declared(resource_id, listed(new, direction))}
        ]
        self._settle(account, resource_id, new, turned)
        retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(SERVICE, "DeleteSecurityGroup", GroupId=resource_id)

    @staticmethod
    def _describe(account: Account, group_id: str) -> Values:
        answer = account.call(SERVICE, "DescribeSecurityGroups", GroupIds=[group_id])
        return answer["SecurityGroups"][0]

    def _settle(self, account: Account, group_id: str, args: Values, directions: list[str]) -> None:
        """Make the group's rules those of the arguments, whatever they are now."""
        group = self._describe(account, group_id)
        for direction in directions:
            _refuse_mistakes(listed(args, direction))
            there = {*_live(group, direction)}
            wanted = {*_declared(group_id, listed(args, direction))}
            # revoked first: the same source with another description would be a duplicate
            for verb, parts in (("Revoke", there - wanted), ("Authorize", wanted - there)):
                if parts:
                    permissions = [part.permission for part in sorted(parts)]
                    operation = f"{verb}{_CALLS[direction]}"
                    account.call(SERVICE, operation, GroupId=group_id, IpPermissions=permissions)


def _refuse_mistakes(rules: Iterable[Values]) -> None:
    for rule in rules:
        label = f"the rule for {rule['protocol']} {rule['fromPort']}-{rule['toPort']}"
        if not any(rule.get(source) for source in (*_SOURCES, "self")):
            raise AwsError(f"{label} must name one of {', '.join(_SOURCES)} or self")
        if _protocol(rule["protocol"]) == _ALL and (rule["fromPort"] or rule["toPort"]):
            raise AwsError(f"{label} must have the ports 0, since it is for every protocol")


def _declared(group_id: str, rules: Iterable[Values]) -> Iterator[_Part]:
    """Return the parts of a program's rules."""
    for rule in rules:
        sources = {kind: listed(rule, kind) for kind in _SOURCES}
        if rule.get("self"):
            sources["securityGroups"] = [*sources["securityGroups"], group_id]
        for kind, names in sources.items():
            for name in names:
                yield _Part(
                    protocol=_protocol(rule["protocol"]),
                    from_port=rule["fromPort"],
                    to_port=rule["toPort"],
                    description=rule.get("description") or "",
                    kind=kind,
                    source=name,
                )


def _live(group: Values, direction: str) -> Iterator[_Part]:
    """Return the parts of the rules that a group has."""
    for permission in listed(group, _LISTS[direction]):
        for kind, (words, word) in _SOURCES.items():
            for source in listed(permission, words):
                yield _Part(
                    protocol=permission["IpProtocol"],
                    from_port=permission.get("FromPort", 0),
                    to_port=permission.get("ToPort", 0),
                    description=source.get("Description", ""),
                    kind=kind,
                    source=source[word],
                )


def _rules(group_id: str, live: Iterable[_Part], known: Iterable[Values]) -> list[Values]:
    """Return the known rules that are there, and the other parts put together to rules."""
    left, found = {*live}, list[Values]()
    for rule in known:
        parts = {*_declared(group_id, [rule])}
        if parts and parts <= left:
            left -= parts
            found.append(rule)
    together: dict[tuple[str, int, int, str], list[_Part]] = {}
    for part in sorted(left):
        together.setdefault(part.rule, []).append(part)
    return [*found, *(_rule(group_id, parts) for parts in together.values())]


def _rule(group_id: str, parts: list[_Part]) -> Values:
    """Return the rule that the parts make, without what it does not name."""
    protocol, from_port, to_port, description = parts[0].rule
    rule: Values = {"fromPort": from_port, "protocol": protocol, "toPort": to_port}
    if description:
        rule["description"] = description
    for part in parts:
        if part.source == group_id:
            rule["self"] = True
        else:
            rule.setdefault(part.kind, []).append(part.source)
    return rule


RESOURCES = (SecurityGroup(),)
