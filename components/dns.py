"""DNS: the primary zone, the right to delegate a sub-domain of it, and a delegated zone.

Owns no records but the delegation; a service brings its own (see `components.api`).
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.role import SESSION_SECONDS, role_with_policy, trust_in_role

DELEGATION_TTL = 300
"""Seconds a resolver may keep a sub-domain's name servers: a zone made anew is soon found."""


def delegation_policy(zone_arn: str, domain: str) -> dict[str, Any]:
    """Return the policy that lets its holder change the NS record of `domain`, and nothing else.

    Route 53 compares names normalised: lower case, no final dot. The three read actions are what
    the AWS provider calls to find the record and to wait for a change.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ChangeTheDelegation",
                "Effect": "Allow",
                "Action": "route53:ChangeResourceRecordSets",
                "Resource": zone_arn,
                "Condition": {
                    "ForAllValues:StringEquals": {
                        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                            domain.lower().rstrip(".")
                        ],
                        "route53:ChangeResourceRecordSetsRecordTypes": ["NS"],
                    }
                },
            },
            {
                "Sid": "ReadTheZone",
                "Effect": "Allow",
                "Action": ["route53:GetHostedZone", "route53:ListResourceRecordSets"],
                "Resource": zone_arn,
            },
            {
                "Sid": "WaitForTheChange",
                "Effect": "Allow",
                "Action": "route53:GetChange",
                "Resource": "arn:aws:route53:::change/*",
            },
        ],
    }


@dataclass(frozen=True, kw_only=True)
class PrimaryZoneArgs:
    """The domain that the company registered, lower case and without the final dot."""

    domain: str


class PrimaryZone(pulumi.ComponentResource):
    """The hosted zone of the registered domain; its four name servers go to the registrar."""

    zone_id: pulumi.Output[str]
    zone_arn: pulumi.Output[str]
    name_servers: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: PrimaryZoneArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:dns:PrimaryZone", name, None, opts)
        zone = aws.route53.Zone(
            f"{name}-zone",
            name=args.domain,
            comment="Primary zone: delegates a sub-domain to each environment",
            # A new zone gets other name servers, and the registrar still names the old ones.
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.zone_id = zone.zone_id
        self.zone_arn = zone.arn
        self.name_servers = zone.name_servers.apply(list[str])
        self.register_outputs(
            {
                "zone_id": self.zone_id,
                "zone_arn": self.zone_arn,
                "name_servers": self.name_servers,
            }
        )


@dataclass(frozen=True, kw_only=True)
class DelegationRoleArgs:
    """Which build role (a name in the Tools account) may delegate which sub-domain of a zone."""

    domain: str
    role_name: str
    zone_arn: pulumi.Input[str]
    tools_account_id: pulumi.Input[str]
    build_role: str
    permissions_boundary: pulumi.Input[str]


class DelegationRole(pulumi.ComponentResource):
    """The role that may write the NS record of one sub-domain into the primary zone."""

    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: DelegationRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:dns:DelegationRole", name, None, opts)
        self.role_arn, _ = role_with_policy(
            name,
            pulumi.ResourceOptions(parent=self),
            trust=pulumi.Output.from_input(args.tools_account_id).apply(
                lambda account_id: trust_in_role(account_id, args.build_role)
            ),
            policy=pulumi.Output.from_input(args.zone_arn).apply(
                lambda arn: delegation_policy(arn, args.domain)
            ),
            permissions_boundary=args.permissions_boundary,
            role_name=args.role_name,
            description=f"Changes the NS record of {args.domain}",
            max_session_duration=SESSION_SECONDS,
        )
        self.register_outputs({"role_arn": self.role_arn})


@dataclass(frozen=True, kw_only=True)
class DelegatedZoneArgs:
    """The sub-domain, and the zone above it with the provider that may write there."""

    domain: pulumi.Input[str]
    parent_zone_id: pulumi.Input[str]
    parent_provider: aws.Provider
    protect: bool = True


class DelegatedZone(pulumi.ComponentResource):
    """A sub-domain's zone in the caller's account, and its NS record in the parent zone's account.

    `zone_id` is known once the delegation stands: a record in a zone that nobody finds is of no
    use, and a certificate that waits for one would wait in vain.
    """

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: DelegatedZoneArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:dns:DelegatedZone", name, None, opts)
        zone = aws.route53.Zone(
            f"{name}-zone",
            name=args.domain,
            comment="Delegated from the primary zone",
            # A zone made anew has other name servers: the sub-domain is gone until caches expire.
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        delegation = aws.route53.Record(
            f"{name}-delegation",
            zone_id=args.parent_zone_id,
            name=args.domain,
            type="NS",
            ttl=DELEGATION_TTL,
            records=zone.name_servers,
            opts=pulumi.ResourceOptions(parent=self, provider=args.parent_provider),
        )
        self.zone_id = pulumi.Output.all(zone.zone_id, delegation.id).apply(lambda known: known[0])
        self.name_servers = zone.name_servers.apply(list[str])
        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})
