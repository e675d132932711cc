"""ACM in the embedded AWS: certificates are issued when their validation records can be found.

Owns the validation records, which are the same each time an account asks for a domain name, and the
state of a certificate: issued once every name's record is reached by following the delegations from
the primary zone down. Keys, certificates and tags are moto's.
"""

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

from moto import settings
from moto.acm.models import CertBundle, acm_backends
from moto.apigateway.models import apigateway_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.dns import look_up, normalized
from sandbox.aws.rules import Answer, Rules

_PENDING, _ISSUED = "PENDING_VALIDATION", "ISSUED"
_UNKNOWN_BEFORE_ISSUE = ("IssuedAt", "NotAfter", "NotBefore", "Serial")


def install() -> None:
    """Keep moto from issuing certificates after a while, whatever the zones say."""
    settings.ACM_VALIDATION_WAIT = sys.maxsize


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("acm", "*"): _refresh,
        ("acm", "DeleteCertificate"): _delete_certificate,
        ("acm", "DescribeCertificate"): _describe_certificate,
    }


def certificate(account: str, region: str, arn: str) -> CertBundle | None:
    """Return a certificate, issued now if its validation records can be found now."""
    found = _certificates(account, region).get(arn)
    if found is not None and found.status == _PENDING:
        options = _validation_options(account, found)
        if all(option["ValidationStatus"] == "SUCCESS" for option in options):
            found.status = _ISSUED
    return found


def _certificates(account: str, region: str) -> dict[str, CertBundle]:
    """Return moto's certificates; its own look-up would judge their state by the clock."""
    backend = acm_backends[account][region]
    return backend._certificates  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def names_of(found: CertBundle) -> list[str]:
    """Return the domain names of a certificate, the one it was requested for first."""
    first = str(found.common_name)
    return [first, *sorted({*found.sans} - {first})]


def _refresh(call: Call) -> Answer:
    for arn in list(_certificates(call.account, call.region)):
        certificate(call.account, call.region, arn)
    return None


def _describe_certificate(call: Call) -> Answer:
    found = certificate(call.account, call.region, call.text("CertificateArn"))
    if found is None:
        return None
    described: dict[str, Any] = found.describe()["Certificate"]
    described["SubjectAlternativeNames"] = names_of(found)
    described["InUseBy"] = _users(call, found.arn)
    if found.type == "AMAZON_ISSUED":
        described["DomainValidationOptions"] = _validation_options(call.account, found)
    if found.status == _PENDING:
        for name in _UNKNOWN_BEFORE_ISSUE:
            described.pop(name, None)
    return {"Certificate": described}


def _delete_certificate(call: Call) -> Answer:
    arn = call.text("CertificateArn")
    if _users(call, arn):
        raise AwsError(
            "ResourceInUseException", f"Certificate {arn} in account {call.account} is in use."
        )
    return None


def _users(call: Call, arn: str) -> list[str]:
    """Return the custom domain names of API Gateway that show a certificate."""
    domains = apigateway_backends[call.account][call.region].domain_names.values()
    return [
        f"arn:aws:apigateway:{call.region}::/domainnames/{domain.domain_name}"
        for domain in domains
        if arn in (domain.regional_certificate_arn, domain.certificate_arn)
    ]


def _validation_options(account: str, found: CertBundle) -> list[Mapping[str, Any]]:
    return [_validation_option(account, found, name) for name in names_of(found)]


def _validation_option(account: str, found: CertBundle, name: str) -> Mapping[str, Any]:
    record = _validation_record(account, name)
    values = [normalized(value) for value in look_up(record["Name"], "CNAME")]
    valid = found.status == _ISSUED or normalized(record["Value"]) in values
    return {
        "DomainName": name,
        "ValidationDomain": name,
        "ValidationStatus": "SUCCESS" if valid else _PENDING,
        "ValidationMethod": "DNS",
        "ResourceRecord": record,
    }


def _validation_record(account: str, name: str) -> Mapping[str, str]:
    """Return the record of a name; a wildcard shares that of the name it is for."""
    domain = normalized(name).removeprefix("*.")
    digest = hashlib.sha256(f"{account} {domain}".encode()).hexdigest()
    return {
        "Name": f"_{digest[:32]}.{domain}.",
        "Type": "CNAME",
        "Value": f"_{digest[32:]}.acm-validations.aws.",
    }
