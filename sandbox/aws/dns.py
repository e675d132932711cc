"""The domain name system as the public hosted zones of all accounts make it.

Owns how names compare, which name servers a new zone gets and how a name is looked up by following
delegations. There is no registrar: what it would point to is a zone that has no zone above it.
Changing records is for `route53`.
"""

import secrets
from collections.abc import Iterator
from typing import cast

from moto.route53.models import FakeZone, RecordSet, route53_backends

from sandbox.aws.state import PARTITION

_TOP_LEVELS = ("com", "net", "org", "co.uk")
_SERVERS_PER_TOP_LEVEL = 512


def normalized(name: str) -> str:
    """Return a name as Route 53 compares it: lower case, without the final dot."""
    return name.rstrip(".").lower()


def is_below(name: str, zone: str) -> bool:
    """Whether a normalized name is in a normalized domain, but not the domain itself."""
    return name.endswith(f".{zone}")


def new_name_servers() -> list[str]:
    """Four name servers in the shape of AWS's, other ones each time."""
    chosen = [secrets.randbelow(_SERVERS_PER_TOP_LEVEL) for _ in _TOP_LEVELS]
    return [
        f"ns-{number + position * _SERVERS_PER_TOP_LEVEL}.awsdns-{number // 8:02d}.{top_level}"
        for position, (number, top_level) in enumerate(zip(chosen, _TOP_LEVELS, strict=True))
    ]


def look_up(name: str, record_type: str) -> list[str]:
    """Return the values that the world would see; none where a delegation on the way is missing."""
    return [value for record in _found(name, record_type) for value in _values(record)]


def alias_of(name: str, record_type: str) -> str | None:
    """Return the name of AWS's that an alias record of a name and type stands for, if any."""
    targets = [cast("dict[str, str] | None", it.alias_target) for it in _found(name, record_type)]
    return next((target["DNSName"] for target in targets if target), None)


def _found(name: str, record_type: str) -> list[RecordSet]:
    name = normalized(name)
    for top in _top_zones(name):
        zone = _authoritative(top, name)
        found = _records(zone, name, record_type) if zone is not None else []
        if found:
            return found
    return []


def _zones() -> Iterator[FakeZone]:
    for backends in list(route53_backends.values()):
        yield from (zone for zone in backends[PARTITION].zones.values() if not zone.private_zone)


def _top_zones(name: str) -> list[FakeZone]:
    """Return the zones for a name that no zone is above of, in any account."""
    names = {normalized(zone.name) for zone in _zones()}
    return [
        zone
        for zone in _zones()
        if (top := normalized(zone.name)) == name or is_below(name, top)
        if not any(is_below(top, other) for other in names)
    ]


def _authoritative(zone: FakeZone, name: str) -> FakeZone | None:
    """Follows the delegations from a zone down to the one that answers for a name."""
    while (cut := _delegation(zone, name)) is not None:
        servers = {normalized(value) for value in _values(cut)}
        child = next(
            (
                found
                for found in _zones()
                if normalized(found.name) == normalized(cut.name)
                and found.delegation_set is not None
                and {normalized(server) for server in found.delegation_set.name_servers} == servers
            ),
            None,
        )
        if child is None:
            return None
        zone = child
    return zone


def _delegation(zone: FakeZone, name: str) -> RecordSet | None:
    """Return the topmost NS record below the zone's own name that a name falls under."""
    cuts = [
        record
        for record in zone.rrsets
        if record.type == "NS"
        and is_below(normalized(record.name), normalized(zone.name))
        and (normalized(record.name) == name or is_below(name, normalized(record.name)))
    ]
    return min(cuts, key=lambda record: len(record.name), default=None)


def _records(zone: FakeZone, name: str, record_type: str) -> list[RecordSet]:
    return [
        record
        for record in zone.rrsets
        if normalized(record.name) == name and record.type == record_type
    ]


def _values(record: RecordSet) -> list[str]:
    return cast("list[str]", record.records or [])
