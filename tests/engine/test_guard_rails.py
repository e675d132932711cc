"""What is denied is seen denied, with the credentials of those who would like to."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import client
from sandbox.sandbox import Sandbox
from tests.engine.conftest import BY_GUARD_RAILS, as_build_role, assumed, stack


def refused(call: Any, **arguments: Any) -> str:
    """Return the code and message a call is refused with."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer: Any = error.value.response
    return f"{answer['Error']['Code']}: {answer['Error']['Message']}"


@pytest.mark.parametrize("environment", ["stage", "prod"])
def test_an_administrator_cannot_delete_a_table(sandbox: Sandbox, environment: str) -> None:
    dynamodb: Any = client("dynamodb", sandbox.access(environment))

    message = refused(dynamodb.delete_table, TableName="any")

    assert message.startswith("AccessDeniedException: ")
    assert "dynamodb:DeleteTable" in message
    assert BY_GUARD_RAILS in message


def test_in_dev_an_administrator_may_delete_a_table(sandbox: Sandbox) -> None:
    dynamodb: Any = client("dynamodb", sandbox.access("dev"))

    assert refused(dynamodb.delete_table, TableName="any").startswith("ResourceNotFoundException: ")


@pytest.fixture
def delegate(sandbox: Sandbox) -> tuple[Any, str]:
    """Return a Route 53 client with dev's right to delegate, and the id of the primary zone."""
    dns = sandbox.outputs(stack("dns/main"))
    delegation = assumed(as_build_role(sandbox, "app-dev"), dns["account_id"], "delegate-dev")
    return client("route53", delegation), dns["zone_id"]


def change(name: str, type_: str, action: str = "UPSERT") -> dict[str, Any]:
    value = {"NS": "ns-1.test.", "A": "192.0.2.1", "TXT": '"x"'}[type_]
    record = {"Name": name, "Type": type_, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    return {"Action": action, "ResourceRecordSet": record}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([change("stage.example.com", "NS")], id="another name"),
        pytest.param([change("example.com", "NS")], id="the zone itself"),
        pytest.param([change("x.dev.example.com", "NS")], id="a name below"),
        pytest.param([change("dev.example.com", "A")], id="another type"),
        pytest.param(
            [change("dev.example.com", "NS"), change("stage.example.com", "NS")],
            id="another name beside its own",
        ),
        pytest.param(
            [change("dev.example.com", "NS"), change("dev.example.com", "TXT")],
            id="another type beside its own",
        ),
    ],
)
def test_a_delegation_role_changes_no_other_record(
    delegate: tuple[Any, str], changes: list[dict[str, Any]]
) -> None:
    route53, zone = delegate

    message = refused(
        route53.change_resource_record_sets, HostedZoneId=zone, ChangeBatch={"Changes": changes}
    )

    assert message.startswith("AccessDenied: ")
    assert "route53:ChangeResourceRecordSets" in message


def test_a_delegation_role_changes_its_own_record(delegate: tuple[Any, str]) -> None:
    route53, zone = delegate
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (own,) = [r for r in records if r["Name"] == "dev.example.com."]

    answer = route53.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": own}]},
    )

    assert route53.get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC"


def test_a_delegation_role_deletes_no_zone_and_makes_none(delegate: tuple[Any, str]) -> None:
    route53, zone = delegate

    assert refused(route53.delete_hosted_zone, Id=zone).startswith("AccessDenied: ")
    assert refused(route53.create_hosted_zone, Name="example.net", CallerReference="x").startswith(
        "AccessDenied: "
    )


def test_nobody_in_an_environment_takes_the_delegation_role(sandbox: Sandbox) -> None:
    role = sandbox.outputs(stack("dns/main"))["delegation_roles"]["prod"]
    sts: Any = client("sts", sandbox.access("dev"))

    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="intruder").startswith(
        "AccessDenied: "
    )
