"""Route 53 in the embedded AWS: name servers of each zone's own, and changes judged as AWS does.

Owns the changes of record sets, answered here because moto compares them with a journal of former
changes instead of the records that exist, and the deletion of zones. Reading is moto's.
"""

import copy
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from moto.route53.models import DelegationSet, FakeZone, RecordSet, route53_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.dns import is_below, new_name_servers, normalized
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.state import PARTITION

_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def install() -> None:
    """Give each new hosted zone name servers of its own: moto gives all of them the same."""

    def initialise(
        self: DelegationSet,
        caller_reference: str,
        name_servers: list[str] | None,
        delegation_set_id: str | None,
    ) -> None:
        original(self, caller_reference, name_servers or new_name_servers(), delegation_set_id)

    original = DelegationSet.__init__
    DelegationSet.__init__ = initialise


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("route53", "ChangeResourceRecordSets"): _change_record_sets,
        ("route53", "CreateHostedZone"): _create_hosted_zone,
        ("route53", "DeleteHostedZone"): _delete_hosted_zone,
    }


def _create_hosted_zone(call: Call) -> Answer:
    zones = route53_backends[call.account][PARTITION].zones.values()
    if any(zone.caller_reference == call.text("CallerReference") for zone in zones):
        raise AwsError(
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        )
    return None


def _zone(call: Call, parameter: str) -> FakeZone:
    """Return a zone of the caller's account; AWS does not tell of the zones of others."""
    zone_id = call.text(parameter).rsplit("/", 1)[-1]
    zone = route53_backends[call.account][PARTITION].zones.get(zone_id)
    if zone is None:
        raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id}")
    return zone


def _delete_hosted_zone(call: Call) -> Answer:
    zone = _zone(call, "Id")
    if any(not _is_own(zone, record.name, record.type) for record in zone.rrsets):
        raise AwsError(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot "
            "be deleted.",
        )
    return None


def _is_own(zone: FakeZone, name: str, record_type: str | None) -> bool:
    """Whether a record came with the zone and leaves with it."""
    return record_type in ("NS", "SOA") and normalized(name) == normalized(zone.name)


def _change_record_sets(call: Call) -> Answer:
    """Apply all changes of a batch or none."""
    zone = _zone(call, "HostedZoneId")
    records = list(zone.rrsets)
    refusals: list[str] = []
    for change in call.parameters["ChangeBatch"]["Changes"]:
        refusal = _apply(zone, records, change["Action"], change["ResourceRecordSet"])
        if refusal:
            refusals.append(refusal)
    if refusals:
        raise AwsError("InvalidChangeBatch", f"[{', '.join(refusals)}]")
    zone.rrsets = records
    change_id = "C" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(20))
    return {
        "ChangeInfo": {
            "Id": f"/change/{change_id}",
            "Status": "INSYNC",
            "SubmittedAt": datetime.now(UTC),
        }
    }


def _apply(
    zone: FakeZone, records: list[RecordSet], action: str, wanted: Mapping[str, Any]
) -> str | None:
    """Make one change to `records`, or say in AWS's words why it cannot be made."""
    name, apex = normalized(wanted["Name"]), normalized(zone.name)
    if name != apex and not is_below(name, apex):
        return f"RRSet with DNS name {name}. is not permitted in zone {apex}."
    if action == "DELETE":
        return _delete(zone, records, _record(wanted))
    refusal = _refusal(apex, records, action, wanted)
    if refusal is None:
        _write(records, _record(wanted))
    return refusal


def _delete(zone: FakeZone, records: list[RecordSet], record: RecordSet) -> str | None:
    if _is_own(zone, record.name, record.type):
        return f"A HostedZone must contain at least one {record.type} record for the zone itself."
    existing = _find(records, record)
    if existing is None:
        return f"Tried to delete {_described(record)} but it was not found"
    if _content(existing) != _content(record):
        return (
            f"Tried to delete {_described(record)} but the values provided do not match the "
            "current values"
        )
    records.remove(existing)
    return None


def _refusal(
    apex: str, records: list[RecordSet], action: str, wanted: Mapping[str, Any]
) -> str | None:
    """Say in AWS's words why a record cannot be written, or None."""
    record = _record(wanted)
    name, record_type = normalized(record.name), record.type
    if action == "CREATE" and _find(records, record) is not None:
        return f"Tried to create {_described(record)} but it already exists"
    if bool(wanted.get("AliasTarget")) == bool(wanted.get("ResourceRecords")):
        return (
            "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId] in Change with [Action={action}, Name={name}., "
            f"Type={record_type}]"
        )
    if record_type == "CNAME" and name == apex:
        return f"RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {apex}."
    others = {found.type for found in records if normalized(found.name) == name} - {record_type}
    if "CNAME" in others or (record_type == "CNAME" and others):
        return (
            f"RRSet of type {record_type} with DNS name {name}. is not permitted because a "
            f"conflicting RRSet with the same DNS name already exists in zone {apex}."
        )
    return None


def _write(records: list[RecordSet], record: RecordSet) -> None:
    existing = _find(records, record)
    if existing is None:
        records.append(record)
    else:
        records[records.index(existing)] = record


def _find(records: list[RecordSet], wanted: RecordSet) -> RecordSet | None:
    return next((record for record in records if _key(record) == _key(wanted)), None)


def _described(record: RecordSet) -> str:
    return f"resource record set [name='{record.name}', type='{record.type}']"


def _record(wanted: Mapping[str, Any]) -> RecordSet:
    """Return a record set as moto keeps it: values as plain texts, the name with its final dot."""
    kept = copy.deepcopy(dict(wanted))
    kept["Name"] = f"{normalized(wanted['Name'])}."
    entries: list[dict[str, str]] = wanted.get("ResourceRecords") or []
    kept["ResourceRecords"] = [entry["Value"] for entry in entries]
    return cast("RecordSet", RecordSet(kept))  # a metaclass of moto hides the type


def _key(record: RecordSet) -> tuple[str, str | None, str | None]:
    return normalized(record.name), record.type, record.set_identifier


def _content(record: RecordSet) -> tuple[object, ...]:
    """Return what must be the same to delete a record."""
    alias: dict[str, str] = record.alias_target or {}
    target = (alias.get("HostedZoneId"), normalized(alias.get("DNSName", "")))
    ttl = None if record.ttl is None else int(record.ttl)
    return ttl, sorted(map(str, record.records or [])), target
