"""DNS: a zone outlives mistakes, and an environment may write one record of the primary zone."""

import json

import pulumi
import pulumi_aws as aws
import pytest

from components.dns import (
    DelegatedZone,
    DelegatedZoneArgs,
    DelegationRole,
    DelegationRoleArgs,
    PrimaryZone,
    PrimaryZoneArgs,
    delegation_policy,
)
from components.role import trust_in_role
from tests.cloud import Cloud

ZONE = "arn:aws:route53:::hostedzone/Z1"


def delegated(*, protect: bool = True) -> Cloud:
    def program() -> None:
        parent = aws.Provider("parent", region="eu-central-1")
        own = aws.Provider("own", region="eu-central-1")
        DelegatedZone(
            "zone",
            DelegatedZoneArgs(
                domain="dev.example.com",
                parent_zone_id="ZPARENT",
                parent_provider=parent,
                protect=protect,
            ),
            pulumi.ResourceOptions(providers=[own]),
        )

    return Cloud().run(program)


def test_the_primary_zone_is_locked() -> None:
    cloud = Cloud().run(lambda: PrimaryZone("primary", PrimaryZoneArgs(domain="example.com")))

    zone = cloud.only("Zone")
    assert zone.inputs["name"] == "example.com"
    assert zone.protect


def test_the_delegation_role_changes_one_ns_record_and_nothing_else() -> None:
    change, *reads = delegation_policy(ZONE, "Dev.Example.com.")["Statement"]

    assert change["Action"] == "route53:ChangeResourceRecordSets"
    assert change["Resource"] == ZONE
    assert change["Condition"] == {
        "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["dev.example.com"],
            "route53:ChangeResourceRecordSetsRecordTypes": ["NS"],
        }
    }
    assert [(read["Action"], read["Resource"]) for read in reads] == [
        (["route53:GetHostedZone", "route53:ListResourceRecordSets"], ZONE),
        ("route53:GetChange", "arn:aws:route53:::change/*"),
    ]


def test_the_role_carries_its_trust_and_its_policy() -> None:
    args = DelegationRoleArgs(
        domain="dev.example.com",
        role_name="delegate-dev",
        zone_arn=ZONE,
        tools_account_id="111122223333",
        build_role="build-app-dev",
        permissions_boundary="arn:boundary",
    )
    cloud = Cloud().run(lambda: DelegationRole("delegate-dev", args))

    role, policy = cloud.only("Role"), cloud.only("RolePolicy")
    assert role.inputs["name"] == "delegate-dev"
    assert json.loads(role.inputs["assumeRolePolicy"]) == trust_in_role(
        "111122223333", "build-app-dev"
    )
    assert role.inputs["permissionsBoundary"] == "arn:boundary"
    assert role.inputs["maxSessionDuration"] == 3600
    assert json.loads(policy.inputs["policy"]) == delegation_policy(ZONE, "dev.example.com")
    assert policy.inputs["role"] == "delegate-dev"


def test_the_delegation_is_written_in_the_parent_zone_by_the_parents_provider() -> None:
    cloud = delegated()

    zone, record = cloud.only("Zone"), cloud.only("Record")
    assert record.inputs["zoneId"] == "ZPARENT"
    assert record.inputs["name"] == "dev.example.com"
    assert record.inputs["type"] == "NS"
    assert record.inputs["records"] == [f"ns-{n}.zone-zone.test" for n in range(1, 5)]
    assert "::parent::" in record.provider
    assert "::own::" in zone.provider


@pytest.mark.parametrize("protect", [True, False])
def test_a_delegated_zone_is_locked_unless_settings_open_it(*, protect: bool) -> None:
    assert delegated(protect=protect).only("Zone").protect is protect
