"""ACM: a certificate is issued when its records are reached by following the delegation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import Client, Embedded
from tests.sandbox.aws.test_route53 import change, make_zone, record

DOMAIN = "api.dev.example.com"


def request(client: Client, name: str = DOMAIN, *others: str) -> str:
    more = {"SubjectAlternativeNames": list(others)} if others else {}
    made = client("acm").request_certificate(DomainName=name, ValidationMethod="DNS", **more)
    return made["CertificateArn"]


def describe(client: Client, certificate: str) -> dict[str, Any]:
    return client("acm").describe_certificate(CertificateArn=certificate)["Certificate"]


def write_validation(client: Client, zone: str, certificate: str) -> None:
    for option in describe(client, certificate)["DomainValidationOptions"]:
        wanted = option["ResourceRecord"]
        change(
            client("route53"), zone, ("UPSERT", record(wanted["Name"], "CNAME", wanted["Value"]))
        )


def name_servers(client: Client, zone: str) -> list[str]:
    return client("route53").get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]


def issue(client: Client, name: str = DOMAIN) -> str:
    """An issued certificate for a name in a primary zone of the same account."""
    zone = make_zone(client("route53"))
    certificate = request(client, name)
    write_validation(client, zone, certificate)
    return certificate


def test_a_certificate_in_a_delegated_zone_waits_for_the_delegation(aws: Embedded) -> None:
    aws.organize()
    dns, dev = aws.session(aws.account("dns")), aws.session(aws.account("dev"))
    primary = make_zone(dns("route53"))
    delegated = make_zone(dev("route53"), "dev.example.com")
    certificate = request(dev)
    write_validation(dev, delegated, certificate)
    assert describe(dev, certificate)["Status"] == "PENDING_VALIDATION"
    servers = name_servers(dev, delegated)
    change(dns("route53"), primary, ("CREATE", record("dev.example.com", "NS", *servers)))
    assert describe(dev, certificate)["Status"] == "ISSUED"


def test_a_delegation_to_other_name_servers_leads_nowhere(aws: Embedded) -> None:
    aws.organize()
    dns, dev = aws.session(aws.account("dns")), aws.session(aws.account("dev"))
    primary = make_zone(dns("route53"))
    delegated = make_zone(dev("route53"), "dev.example.com")
    unrelated = make_zone(dev("route53"), "dev.example.com", "2")
    certificate = request(dev)
    write_validation(dev, delegated, certificate)
    servers = name_servers(dev, unrelated)
    change(dns("route53"), primary, ("CREATE", record("dev.example.com", "NS", *servers)))
    assert describe(dev, certificate)["Status"] == "PENDING_VALIDATION"
    three = name_servers(dev, delegated)[:3]
    change(dns("route53"), primary, ("UPSERT", record("dev.example.com", "NS", *three)))
    assert describe(dev, certificate)["Status"] == "PENDING_VALIDATION"


def test_a_record_in_the_zone_above_a_delegation_is_not_seen(aws: Embedded) -> None:
    aws.organize()
    operator = aws.operator
    primary = make_zone(operator("route53"))
    delegated = make_zone(operator("route53"), "dev.example.com", "2")
    servers = name_servers(operator, delegated)
    change(operator("route53"), primary, ("CREATE", record("dev.example.com", "NS", *servers)))
    certificate = request(operator)
    write_validation(operator, primary, certificate)
    assert describe(operator, certificate)["Status"] == "PENDING_VALIDATION"
    write_validation(operator, delegated, certificate)
    assert describe(operator, certificate)["Status"] == "ISSUED"


def test_a_delegation_within_a_delegation_is_followed(aws: Embedded) -> None:
    operator = aws.operator
    names = ("example.com", "dev.example.com", "api.dev.example.com")
    zones = [make_zone(operator("route53"), name, name) for name in names]
    certificate = request(operator)
    write_validation(operator, zones[2], certificate)
    for parent, child, name in ((1, 2, names[2]), (0, 1, names[1])):
        assert describe(operator, certificate)["Status"] == "PENDING_VALIDATION"
        servers = name_servers(operator, zones[child])
        change(operator("route53"), zones[parent], ("CREATE", record(name, "NS", *servers)))
    assert describe(operator, certificate)["Status"] == "ISSUED"


def test_a_wrong_value_validates_nothing(aws: Embedded) -> None:
    operator = aws.operator
    zone = make_zone(operator("route53"))
    certificate = request(operator)
    wanted = describe(operator, certificate)["DomainValidationOptions"][0]["ResourceRecord"]
    wrong = record(wanted["Name"], "CNAME", "_other.acm-validations.aws.")
    change(operator("route53"), zone, ("CREATE", wrong))
    assert describe(operator, certificate)["Status"] == "PENDING_VALIDATION"


def test_every_name_of_a_certificate_must_be_validated(aws: Embedded) -> None:
    operator = aws.operator
    zone = make_zone(operator("route53"))
    certificate = request(operator, "example.com", "www.example.com", "api.example.com")
    options = describe(operator, certificate)["DomainValidationOptions"]
    assert [option["DomainName"] for option in options] == [
        "example.com",
        "api.example.com",
        "www.example.com",
    ]
    assert len({option["ResourceRecord"]["Name"] for option in options}) == 3
    for option in options:
        assert describe(operator, certificate)["Status"] == "PENDING_VALIDATION"
        wanted = option["ResourceRecord"]
        value = record(wanted["Name"], "CNAME", wanted["Value"])
        change(operator("route53"), zone, ("CREATE", value))
    assert describe(operator, certificate)["Status"] == "ISSUED"


def test_the_validation_record_of_a_name_is_the_same_each_time_in_an_account(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.session(aws.account("dev")), aws.session(aws.account("prod"))

    def first(client: Client, name: str) -> dict[str, str]:
        options = describe(client, request(client, name))["DomainValidationOptions"]
        return options[0]["ResourceRecord"]

    assert first(dev, DOMAIN) == first(dev, DOMAIN)
    assert first(dev, f"*.{DOMAIN}") == first(dev, DOMAIN)
    assert first(dev, DOMAIN)["Value"] != first(dev, "www.example.com")["Value"]
    assert first(dev, DOMAIN)["Name"] != first(prod, DOMAIN)["Name"]


def test_an_issued_certificate_stays_issued_without_its_record(aws: Embedded) -> None:
    operator = aws.operator
    certificate = issue(operator)
    assert describe(operator, certificate)["Status"] == "ISSUED"
    found = operator("route53").list_hosted_zones()["HostedZones"][0]["Id"]
    wanted = describe(operator, certificate)["DomainValidationOptions"][0]["ResourceRecord"]
    gone = record(wanted["Name"], "CNAME", wanted["Value"])
    change(operator("route53"), found, ("DELETE", gone))
    assert describe(operator, certificate)["Status"] == "ISSUED"


def test_certificates_are_listed_by_their_state(aws: Embedded) -> None:
    issued, pending = issue(aws.operator), request(aws.operator, "www.example.com")
    for status, certificate in (("ISSUED", issued), ("PENDING_VALIDATION", pending)):
        listed = aws.operator("acm").list_certificates(CertificateStatuses=[status])
        found = listed["CertificateSummaryList"]
        assert [entry["CertificateArn"] for entry in found] == [certificate]


def test_a_certificate_in_use_cannot_be_deleted(aws: Embedded) -> None:
    certificate = issue(aws.operator)
    gateway = aws.operator("apigateway")
    gateway.create_domain_name(domainName=DOMAIN, regionalCertificateArn=certificate)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        aws.operator("acm").delete_certificate(CertificateArn=certificate)
    gateway.delete_domain_name(domainName=DOMAIN)
    aws.operator("acm").delete_certificate(CertificateArn=certificate)
