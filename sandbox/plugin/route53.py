"""Route 53: hosted zones and the records in them."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Iterator
from typing import ClassVar
from uuid import uuid4

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.schema import (
    MANAGED_BY,
    TAGS,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    string,
    strings,
)
from sandbox.plugin.tags import tag_changes, tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "route53"
_OWN_TYPES = {"NS", "SOA"}


def _domain(name: str) -> str:
    """Return a name without the final dot, lower case, and with a plain asterisk."""
    return name.lower().removesuffix(".").replace("\\052", "*")


def _change(account: Account, zone_id: str, changes: list[Values]) -> None:
    """Change records, and wait until every name server knows."""
    change_id = account.call(
        _SERVICE,
        "ChangeResourceRecordSets",
        HostedZoneId=zone_id,
        ChangeBatch={"Comment": MANAGED_BY, "Changes": changes},
    )["ChangeInfo"]["Id"]

    def in_sync() -> bool | None:
        info = account.call(_SERVICE, "GetChange", Id=change_id)["ChangeInfo"]
        return True if info["Status"] == "INSYNC" else None

    account.wait_for(in_sync, lambda: f"change {change_id} is still pending")


def _record_sets(account: Account, zone_id: str, **start: object) -> Iterator[Values]:
    while True:
        page = account.call(_SERVICE, "ListResourceRecordSets", HostedZoneId=zone_id, **start)
        yield from page["ResourceRecordSets"]
        if not page.get("IsTruncated"):
            return
        start = {
            "StartRecordName": page["NextRecordName"],
            "StartRecordType": page.get("NextRecordType"),
            "StartRecordIdentifier": page.get("NextRecordIdentifier"),
        }


class Zone(Resource):
    """A public hosted zone."""

    type_name = "aws:route53/zone:Zone"
    title = "Route 53 Hosted Zone"
    arguments: ClassVar = {
        "comment": string(default=MANAGED_BY),
        "delegationSetId": string(replaces=True, carried=False),
        "enableAcceleratedRecovery": boolean(carried=False),
        "forceDestroy": boolean(default=False),
        "name": string(replaces=True, normal=_domain),
        "vpcs": blocks({}, carried=False),
        **TAGS,
    }
    outputs = ("arn", "nameServers", "primaryNameServer", "tagsAll", "zoneId")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        zone = account.call(
            _SERVICE,
            "CreateHostedZone",
            Name=args["name"],
            CallerReference=f"pulumi-{uuid4()}",
            HostedZoneConfig={"Comment": args.get("comment", "")},
        )["HostedZone"]
        return zone["Id"].rpartition("/")[2]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._retag(account, resource_id, {}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetHostedZone", Id=resource_id)
        zone = answer["HostedZone"]
        servers = sorted(nested(answer, "DelegationSet").get("NameServers", []))
        tags = account.call(
            _SERVICE, "ListTagsForResource", ResourceType="hostedzone", ResourceId=resource_id
        )
        return {
            "arn": f"arn:aws:route53:::hostedzone/{resource_id}",
            "comment": nested(zone, "Config").get("Comment", ""),
            "name": _domain(zone["Name"]),
            "nameServers": servers,
            "primaryNameServer": self._primary(account, resource_id, zone["Name"]),
            "tagsAll": tag_map(tags["ResourceTagSet"]["Tags"]),
            "zoneId": resource_id,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("comment") != new.get("comment"):
            comment = new.get("comment", "")
            account.call(_SERVICE, "UpdateHostedZoneComment", Id=resource_id, Comment=comment)
        self._retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if state.get("forceDestroy"):
            self._empty(account, resource_id)
        account.call(_SERVICE, "DeleteHostedZone", Id=resource_id)

    @staticmethod
    def _primary(account: Account, zone_id: str, name: str) -> str:
        start = {"StartRecordName": name, "StartRecordType": "SOA", "MaxItems": "1"}
        page = account.call(_SERVICE, "ListResourceRecordSets", HostedZoneId=zone_id, **start)
        for record in page["ResourceRecordSets"]:
            if record["Type"] == "SOA":
                return _domain(record["ResourceRecords"][0]["Value"].split()[0])
        return ""

    @staticmethod
    def _retag(account: Account, zone_id: str, old: Values, new: Values) -> None:
        to_set, to_remove = tag_changes(old, new)
        if to_set or to_remove:
            account.call(
                _SERVICE,
                "ChangeTagsForResource",
                ResourceType="hostedzone",
                ResourceId=zone_id,
                AddTags=tag_list({"tagsAll": to_set}),
                RemoveTagKeys=to_remove or None,
            )

    @staticmethod
    def _empty(account: Account, zone_id: str) -> None:
        apex = _domain(account.call(_SERVICE, "GetHostedZone", Id=zone_id)["HostedZone"]["Name"])
        changes = [
            {"Action": "DELETE", "ResourceRecordSet": record}
            for record in _record_sets(account, zone_id)
            if record["Type"] not in _OWN_TYPES or _domain(record["Name"]) != apex
        ]
        if changes:
            _change(account, zone_id, changes)


class Record(Resource):
    """One simple record set; its id is ZONE_NAME_TYPE."""

    type_name = "aws:route53/record:Record"
    title = "Route 53 Record"
    arguments: ClassVar = {
        "aliases": blocks(
            {
                "evaluateTargetHealth": boolean(required=True),
                "name": string(required=True, normal=_domain),
                "zoneId": string(required=True),
            }
        ),
        "allowOverwrite": boolean(computed=True),
        "cidrRoutingPolicy": block({}, carried=False),
        "failoverRoutingPolicies": blocks({}, carried=False),
        "geolocationRoutingPolicies": blocks({}, carried=False),
        "geoproximityRoutingPolicy": block({}, carried=False),
        "healthCheckId": string(carried=False),
        "latencyRoutingPolicies": blocks({}, carried=False),
        "multivalueAnswerRoutingPolicy": boolean(carried=False),
        "name": string(required=True, replaces=True, normal=_domain),
        "records": strings(unordered=True),
        "setIdentifier": string(carried=False),
        "ttl": integer(),
        "type": string(
            required=True,
            choices=(
                *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS"),
                *("PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
            ),
        ),
        "weightedRoutingPolicies": blocks({}, carried=False),
        "zoneId": string(required=True, replaces=True),
    }
    outputs = ("fqdn",)
    conflicts = (("aliases", "records"), ("aliases", "ttl"))

    def create(self, account: Account, args: Values) -> str:
        action = "UPSERT" if args.get("allowOverwrite") else "CREATE"
        name = self._full_name(account, args["zoneId"], args["name"])
        change = {"Action": action, "ResourceRecordSet": self._record_set(name, args)}
        _change(account, args["zoneId"], [change])
        return f"{args['zoneId']}_{args['name'].lower().removesuffix('.')}_{args['type']}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        zone_id, name, kind = self._parts(resource_id)
        kind = known.get("type", kind)
        full_name = self._full_name(account, zone_id, name)
        record = self._find(account, zone_id, full_name, kind)
        if record is None:
            return None
        target = record.get("AliasTarget")
        aliases = target and [
            {
                "evaluateTargetHealth": target["EvaluateTargetHealth"],
                "name": _domain(target["DNSName"]),
                "zoneId": target["HostedZoneId"],
            }
        ]
        records = [item["Value"] for item in listed(record, "ResourceRecords")]
        return {
            "aliases": aliases,
            "fqdn": full_name,
            "name": known.get("name", name),
            "records": [_unquoted(kind, value) for value in records] or None,
            "ttl": record.get("TTL"),
            "type": kind,
            "zoneId": zone_id,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        zone_id = new["zoneId"]
        name = self._full_name(account, zone_id, new["name"])
        changes: list[Values] = []
        if old["type"] != new["type"]:
            record = self._find(account, zone_id, name, old["type"])
            if record:
                changes.append({"Action": "DELETE", "ResourceRecordSet": record})
        changes.append({"Action": "UPSERT", "ResourceRecordSet": self._record_set(name, new)})
        _change(account, zone_id, changes)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        zone_id, name, kind = self._parts(resource_id)
        full_name = self._full_name(account, zone_id, name)
        record = self._find(account, zone_id, full_name, state.get("type", kind))
        if record:
            _change(account, zone_id, [{"Action": "DELETE", "ResourceRecordSet": record}])

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str, str]:
        zone_id, _, rest = resource_id.partition("_")
        name, _, kind = rest.rpartition("_")
        if not name or not kind:
            raise AwsError(f"a record's id is ZONEID_NAME_TYPE, not {resource_id}")
        return zone_id, name, kind

    @staticmethod
    def _full_name(account: Account, zone_id: str, name: str) -> str:
        """Return the name with its zone, which a program may leave out."""
        zone = account.call(_SERVICE, "GetHostedZone", Id=zone_id)["HostedZone"]["Name"]
        zone, short = _domain(zone), _domain(name)
        if not short:
            return zone
        return short if short == zone or short.endswith(f".{zone}") else f"{short}.{zone}"

    @staticmethod
    def _find(account: Account, zone_id: str, full_name: str, kind: str) -> Values | None:
        start = {"StartRecordName": full_name, "StartRecordType": kind}
        page = account.call(_SERVICE, "ListResourceRecordSets", HostedZoneId=zone_id, **start)
        for record in page["ResourceRecordSets"]:
            if _domain(record["Name"]) == full_name and record["Type"] == kind:
                return record
        return None

    @staticmethod
    def _record_set(name: str, args: Values) -> Values:
        record: Values = {"Name": name, "Type": args["type"]}
        if args.get("aliases"):
            alias = args["aliases"][0]
            record["AliasTarget"] = {
                "DNSName": alias["name"],
                "EvaluateTargetHealth": alias["evaluateTargetHealth"],
                "HostedZoneId": alias["zoneId"],
            }
        else:
            values = [_quoted(args["type"], value) for value in listed(args, "records")]
            record["ResourceRecords"] = [{"Value": value} for value in values]
            record["TTL"] = args.get("ttl")
        return {key: value for key, value in record.items() if value is not None}


def _quoted(kind: str, value: str) -> str:
    return f'"{value}"' if kind in {"TXT", "SPF"} and not value.startswith('"') else value


def _unquoted(kind: str, value: str) -> str:
    return value[1:-1] if kind in {"TXT", "SPF"} else value


RESOURCES = (Zone(), Record())
