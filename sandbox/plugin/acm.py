"""ACM: certificates, and the wait until one is issued."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    Resource,
    block,
    blocks,
    integer,
    string,
    strings,
)
from sandbox.plugin.tags import tag_changes, tag_list, tag_map
from sandbox.plugin.values import Values, is_known, listed, nested

_SERVICE = "acm"


def _describe(account: Account, arn: str) -> Values:
    return account.call(_SERVICE, "DescribeCertificate", CertificateArn=arn)["Certificate"]


def _domain(name: str) -> str:
    return name.lower().removesuffix(".")


class Certificate(Resource):
    """A certificate that AWS issues; its id is its ARN."""

    type_name = "aws:acm/certificate:Certificate"
    title = "ACM Certificate"
    arguments: ClassVar = {
        "certificateAuthorityArn": string(replaces=True, carried=False),
        "certificateBody": string(carried=False),
        "certificateChain": string(carried=False),
        "domainName": string(computed=True, replaces=True, normal=_domain),
        "earlyRenewalDuration": string(carried=False),
        "keyAlgorithm": string(computed=True, replaces=True),
        "options": block(
            {
                "certificateTransparencyLoggingPreference": string(
                    default="ENABLED", choices=("ENABLED", "DISABLED")
                ),
                "export": string(computed=True, carried=False),
            },
            computed=True,
        ),
        "privateKey": string(secret=True, carried=False),
        "privateKeyWo": string(carried=False),
        "privateKeyWoVersion": integer(carried=False),
        **REGION,
        "subjectAlternativeNames": strings(computed=True, replaces=True, unordered=True),
        **TAGS,
        "validationMethod": string(computed=True, replaces=True, choices=("DNS", "EMAIL", "NONE")),
        "validationOptions": blocks({}, replaces=True, carried=False),
    }
    outputs = (
        "arn",
        "domainValidationOptions",
        "notAfter",
        "notBefore",
        "pendingRenewal",
        "renewalEligibility",
        "renewalSummaries",
        "status",
        "tagsAll",
        "type",
        "validationEmails",
    )
    volatile = ("status",)

    def understood(self, args: Values) -> Values:
        names, first = args.get("subjectAlternativeNames"), args.get("domainName")
        if not names or first is None or not is_known([names, first]):
            return args
        return {**args, "subjectAlternativeNames": sorted({*names, first})}

    def create(self, account: Account, args: Values) -> str:
        if "domainName" not in args:
            raise AwsError("one of `domainName` and `privateKey` must be given")
        preference = nested(args, "options").get("certificateTransparencyLoggingPreference")
        options = preference and {"CertificateTransparencyLoggingPreference": preference}
        answer = account.call(
            _SERVICE,
            "RequestCertificate",
            DomainName=args["domainName"],
            KeyAlgorithm=args.get("keyAlgorithm"),
            Options=options,
            SubjectAlternativeNames=args.get("subjectAlternativeNames") or None,
            Tags=tag_list(args),
            ValidationMethod=args.get("validationMethod"),
        )
        return answer["CertificateArn"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if args.get("validationMethod") != "DNS":
            return

        def has_records() -> bool | None:
            options = _describe(account, resource_id).get("DomainValidationOptions")
            return (options and all("ResourceRecord" in item for item in options)) or None

        account.wait_for(has_records, lambda: "AWS has not told the validation records yet")

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        certificate = _describe(account, resource_id)
        options = listed(certificate, "DomainValidationOptions")
        tags = account.call(_SERVICE, "ListTagsForCertificate", CertificateArn=resource_id)
        preference = nested(certificate, "Options").get(
            "CertificateTransparencyLoggingPreference", "ENABLED"
        )
        method = next((item["ValidationMethod"] for item in options if _method(item)), "NONE")
        return {
            "arn": resource_id,
            "domainName": certificate["DomainName"],
            "domainValidationOptions": _validation_records(options),
            "keyAlgorithm": certificate.get("KeyAlgorithm", "RSA_2048").replace("-", "_"),
            "notAfter": _time(certificate, "NotAfter"),
            "notBefore": _time(certificate, "NotBefore"),
            "options": {"certificateTransparencyLoggingPreference": preference},
            "pendingRenewal": False,
            "renewalEligibility": certificate.get("RenewalEligibility", ""),
            "renewalSummaries": [],
            "status": certificate["Status"],
            "subjectAlternativeNames": sorted(listed(certificate, "SubjectAlternativeNames")),
            "tagsAll": tag_map(listed(tags, "Tags")),
            "type": certificate.get("Type", "AMAZON_ISSUED"),
            "validationEmails": [],
            "validationMethod": method,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        wanted = nested(new, "options").get("certificateTransparencyLoggingPreference")
        current = nested(old, "options").get("certificateTransparencyLoggingPreference")
        if wanted and wanted != current:
            account.call(
                _SERVICE,
                "UpdateCertificateOptions",
                CertificateArn=resource_id,
                Options={"CertificateTransparencyLoggingPreference": wanted},
            )
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(
                _SERVICE,
                "RemoveTagsFromCertificate",
                CertificateArn=resource_id,
                Tags=[{"Key": key} for key in to_remove],
            )
        if to_set:
            account.call(
                _SERVICE,
                "AddTagsToCertificate",
                CertificateArn=resource_id,
                Tags=tag_list({"tagsAll": to_set}),
            )

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteCertificate", CertificateArn=resource_id)


def _method(option: Values) -> bool:
    return bool(option.get("ValidationMethod"))


def _time(certificate: Values, key: str) -> str:
    moment = certificate.get(key)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _validation_records(options: list[Values]) -> list[Values]:
    return [
        {
            "domainName": item["DomainName"],
            "resourceRecordName": item["ResourceRecord"]["Name"],
            "resourceRecordType": item["ResourceRecord"]["Type"],
            "resourceRecordValue": item["ResourceRecord"]["Value"],
        }
        for item in sorted(options, key=lambda item: item["DomainName"])
        if "ResourceRecord" in item
    ]


class CertificateValidation(Resource):
    """No object of AWS, but the wait until a certificate is issued."""

    type_name = "aws:acm/certificateValidation:CertificateValidation"
    title = "ACM Certificate Validation"
    arguments: ClassVar = {
        "certificateArn": string(required=True, replaces=True),
        **REGION,
        "validationRecordFqdns": strings(replaces=True, unordered=True),
    }
    create_timeout = 30
    """Genuine: 75 minutes, in which a registrar may come round; nothing comes round here."""

    def create(self, account: Account, args: Values) -> str:
        arn = args["certificateArn"]
        self._refuse_missing_records(_describe(account, arn), args.get("validationRecordFqdns"))

        def issued() -> str | None:
            certificate = _describe(account, arn)
            if certificate["Status"] == "ISSUED":
                return certificate["IssuedAt"].strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
            if certificate["Status"] != "PENDING_VALIDATION":
                reason = certificate.get("FailureReason") or certificate["Status"]
                raise AwsError(f"the certificate will not be issued: {reason}")
            return None

        return account.wait_for(issued, lambda: self._describe_pending(_describe(account, arn)))

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        arn = known.get("certificateArn")
        if arn is None:
            raise AwsError("a certificate validation cannot be imported; it is made anew instead")
        return {"certificateArn": arn} if _describe(account, arn)["Status"] == "ISSUED" else None

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        """Do nothing: the certificate stays issued."""

    @staticmethod
    def _refuse_missing_records(certificate: Values, names: list[str] | None) -> None:
        if names is None:
            return
        given = {_domain(name) for name in names}
        for record in _validation_records(listed(certificate, "DomainValidationOptions")):
            name = _domain(record["resourceRecordName"])
            if name not in given:
                raise AwsError(
                    f"missing {record['domainName']} DNS validation record: {name} "
                    "is not among validationRecordFqdns"
                )

    @staticmethod
    def _describe_pending(certificate: Values) -> str:
        pending = [
            f"{item['ResourceRecord']['Name']} {item['ResourceRecord']['Type']} "
            f"{item['ResourceRecord']['Value']}"
            for item in listed(certificate, "DomainValidationOptions")
            if item.get("ValidationStatus") != "SUCCESS" and "ResourceRecord" in item
        ]
        return (
            f"the certificate for {certificate['DomainName']} is {certificate['Status']}; "
            f"AWS could not find yet: {'; '.join(pending)} "
            "(is the zone delegated to its own name servers?)"
        )


RESOURCES = (Certificate(), CertificateValidation())
