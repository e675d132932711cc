"""Route 53: name servers of each zone's own, and batches judged by the records that exist."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import Embedded


def make_zone(client: Any, name: str = "example.com", reference: str = "1") -> str:
    made = client.create_hosted_zone(Name=name, CallerReference=reference)
    return made["HostedZone"]["Id"].rsplit("/", 1)[-1]


def record(name: str, record_type: str, *values: str, ttl: int = 60) -> dict[str, Any]:
    entries = [{"Value": value} for value in values]
    return {"Name": name, "Type": record_type, "TTL": ttl, "ResourceRecords": entries}


def change(client: Any, zone: str, *changes: tuple[str, dict[str, Any]]) -> None:
    batch = [{"Action": action, "ResourceRecordSet": wanted} for action, wanted in changes]
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})


def values(client: Any, zone: str, name: str) -> list[str]:
    found = client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return [
        entry["Value"]
        for entries in found
        if entries["Name"] == name
        for entry in entries["ResourceRecords"]
    ]


WWW = record("www.example.com", "A", "192.0.2.1")


def test_each_zone_has_four_name_servers_of_its_own(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    servers: list[str] = []
    for number in range(5):
        zone = make_zone(route53, "example.com", str(number))
        found = route53.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]
        assert [server.rpartition("awsdns-")[2][3:] for server in found] == [
            "com",
            "net",
            "org",
            "co.uk",
        ]
        assert values(route53, zone, "example.com.")[:4] == found
        servers.append(" ".join(found))
    assert len(set(servers)) == 5


def test_a_caller_reference_makes_one_zone(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    make_zone(route53)
    with pytest.raises(ClientError, match="HostedZoneAlreadyExists"):
        make_zone(route53)


def test_a_record_that_exists_cannot_be_created(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    change(route53, zone, ("CREATE", WWW))
    with pytest.raises(ClientError, match=r"InvalidChangeBatch.*Tried to create resource record se"
                       r"t \[name='www.example.com.', type='A'\] but it already exists"):  # fmt: skip
        change(route53, zone, ("CREATE", {**WWW, "Name": "WWW.example.com."}))
    change(route53, zone, ("UPSERT", record("www.example.com", "A", "192.0.2.9")))
    assert values(route53, zone, "www.example.com.") == ["192.0.2.9"]


def test_a_deleted_record_can_be_created_again(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    change(route53, zone, ("CREATE", WWW), ("CREATE", record("zzz.example.com", "A", "192.0.2.2")))
    change(route53, zone, ("DELETE", WWW))
    change(route53, zone, ("CREATE", WWW))
    assert values(route53, zone, "www.example.com.") == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (record("other.example.com", "A", "192.0.2.1"), "but it was not found"),
        (record("www.example.com", "A", "192.0.2.2"), "do not match the current values"),
        (record("www.example.com", "A", "192.0.2.1", ttl=61), "do not match the current values"),
    ],
)
def test_a_record_is_deleted_by_all_its_values(
    aws: Embedded, wanted: dict[str, Any], words: str
) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    change(route53, zone, ("CREATE", WWW))
    with pytest.raises(ClientError, match=f"InvalidChangeBatch.*{words}"):
        change(route53, zone, ("DELETE", wanted))
    assert values(route53, zone, "www.example.com.") == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (record("example.com", "CNAME", "other.example"), "is not permitted at apex in zone"),
        (record("www.example.org", "A", "192.0.2.1"), "is not permitted in zone example.com."),
        (record("notexample.com", "A", "192.0.2.1"), "is not permitted in zone example.com."),
        (record("www.example.com", "CNAME", "other.example"), "conflicting RRSet"),
        ({"Name": "x.example.com", "Type": "A"}, "Expected exactly one of"),
    ],
)
def test_a_record_that_dns_cannot_have_is_refused(
    aws: Embedded, wanted: dict[str, Any], words: str
) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    change(route53, zone, ("CREATE", WWW))
    with pytest.raises(ClientError, match=f"InvalidChangeBatch.*{words}"):
        change(route53, zone, ("UPSERT", wanted))


def test_a_batch_is_applied_whole_or_not_at_all(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    with pytest.raises(ClientError, match="InvalidChangeBatch"):
        change(
            route53, zone, ("CREATE", WWW), ("DELETE", record("no.example.com", "A", "192.0.2.1"))
        )
    assert values(route53, zone, "www.example.com.") == []


def test_an_alias_record_is_replaced_and_deleted(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    target = {
        "HostedZoneId": "Z1U9ULNL0V5AJ3",
        "DNSName": "d-1.example.org",
        "EvaluateTargetHealth": False,
    }
    alias = {"Name": "api.example.com", "Type": "A", "AliasTarget": target}
    change(route53, zone, ("CREATE", alias))
    change(route53, zone, ("UPSERT", alias))
    change(route53, zone, ("DELETE", alias))
    found = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert {entry["Type"] for entry in found} == {"NS", "SOA"}


def test_a_zone_keeps_the_records_it_came_with(aws: Embedded) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    own = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"][0]
    with pytest.raises(ClientError, match="must contain at least one NS record for the zone"):
        change(route53, zone, ("DELETE", own))


@pytest.mark.parametrize(
    "kept", [WWW, record("dev.example.com", "NS", "ns-1.awsdns-00.com")], ids=["A", "delegation"]
)
def test_a_zone_goes_only_when_its_records_are_gone(aws: Embedded, kept: dict[str, Any]) -> None:
    route53 = aws.operator("route53")
    zone = make_zone(route53)
    change(route53, zone, ("CREATE", kept))
    with pytest.raises(ClientError, match="HostedZoneNotEmpty"):
        route53.delete_hosted_zone(Id=zone)
    change(route53, zone, ("DELETE", kept))
    route53.delete_hosted_zone(Id=zone)


def test_a_zone_of_another_account_does_not_exist(aws: Embedded) -> None:
    aws.organize()
    zone = make_zone(aws.operator("route53"))
    member = aws.session(aws.account("dev"))("route53")
    for refused in (
        lambda: member.get_hosted_zone(Id=zone),
        lambda: change(member, zone, ("CREATE", WWW)),
        lambda: member.delete_hosted_zone(Id=zone),
    ):
        with pytest.raises(ClientError, match="NoSuchHostedZone"):
            refused()
