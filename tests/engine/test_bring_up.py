"""The whole organization, brought up by the real engine, account by account."""

import json
from typing import Any

import pytest

from sandbox.access import as_operator, client
from sandbox.sandbox import Deployed, Sandbox
from tests.engine.conftest import Clone, stack

ENVIRONMENTS = ["dev", "stage", "prod"]


def of(sandbox: Sandbox, account: str, service: str) -> Any:
    """Return a client with administrator's access to an account."""
    return client(service, sandbox.access(account))


def test_every_stack_is_brought_up_in_order(deployed: list[Deployed]) -> None:
    order = [str(it.stack) for it in deployed]
    assert set(order) == {
        "org/main",
        "dns/main",
        "corp/main",
        "tools/main",
        "app/dev",
        "app/stage",
        "app/prod",
    }
    for it in deployed:
        assert all(order.index(name) < order.index(str(it.stack)) for name in it.stack.reads), order
    assert all(it.update.succeeded and it.update.resources for it in deployed)


def test_dev_runs_develop_stage_main_and_prod_the_tag(
    deployed: list[Deployed], clone: Clone
) -> None:
    releases = {
        str(it.stack): (it.update.outputs["release_ref"], it.update.outputs["release_commit"])
        for it in deployed
    }

    assert releases == {
        "org/main": ("main", clone.commit),
        "dns/main": ("main", clone.commit),
        "corp/main": ("main", clone.commit),
        "tools/main": ("main", clone.commit),
        "app/dev": ("develop", clone.commit),
        "app/stage": ("main", clone.commit),
        "app/prod": ("v1.0.0", clone.commit),
    }


def test_a_second_run_leaves_every_resource_unchanged(sandbox: Sandbox) -> None:
    again = sandbox.up()

    assert [str(it.stack) for it in again if not it.update.is_unchanged] == []


def test_every_account_is_where_settings_put_it(sandbox: Sandbox) -> None:
    organizations = of(sandbox, "org", "organizations")
    names = {ou["Id"]: ou["Name"] for ou in units(organizations)}

    found = {
        account["Name"]: names.get(parent(organizations, account["Id"]))
        for account in organizations.list_accounts()["Accounts"]
        if account["Id"] != sandbox.account_ids()["org"]
    }

    assert found == {
        "dns": "Infrastructure",
        "corp": "Infrastructure",
        "tools": "Infrastructure",
        "dev": "Development",
        "stage": "Production",
        "prod": "Production",
    }


def units(organizations: Any) -> list[dict[str, str]]:
    """Return every OU, however deep."""
    waiting = [organizations.list_roots()["Roots"][0]["Id"]]
    found: list[dict[str, str]] = []
    while waiting:
        answer = organizations.list_organizational_units_for_parent(ParentId=waiting.pop())
        found += answer["OrganizationalUnits"]
        waiting += [unit["Id"] for unit in answer["OrganizationalUnits"]]
    return found


def parent(organizations: Any, child: str) -> str:
    return organizations.list_parents(ChildId=child)["Parents"][0]["Id"]


def test_each_environment_has_its_own_table_in_its_own_account(sandbox: Sandbox) -> None:
    tables = {
        name: of(sandbox, name, "dynamodb").list_tables()["TableNames"] for name in ENVIRONMENTS
    }

    for name, found in tables.items():
        assert found == [sandbox.outputs(stack(f"app/{name}"))["table_name"]]
    assert of(sandbox, "org", "dynamodb").list_tables()["TableNames"] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_sub_domain_is_found_from_the_primary_zone(sandbox: Sandbox, name: str) -> None:
    domain = sandbox.outputs(stack(f"app/{name}"))["domain"]
    primary = sandbox.outputs(stack("dns/main"))
    (own,) = of(sandbox, name, "route53").list_hosted_zones()["HostedZones"]

    zone = of(sandbox, name, "route53").get_hosted_zone(Id=own["Id"])
    records = of(sandbox, "dns", "route53").list_resource_record_sets(
        HostedZoneId=primary["zone_id"]
    )["ResourceRecordSets"]

    (delegation,) = [r for r in records if r["Type"] == "NS" and r["Name"] == f"{domain}."]
    pointed_at = {value["Value"] for value in delegation["ResourceRecords"]}
    assert pointed_at == set(zone["DelegationSet"]["NameServers"])
    assert pointed_at.isdisjoint(primary["name_servers"])


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_api_is_reached_by_its_own_name_only(sandbox: Sandbox, name: str) -> None:
    domain = sandbox.outputs(stack(f"app/{name}"))["domain"]
    gateway, acm = of(sandbox, name, "apigateway"), of(sandbox, name, "acm")
    (api,) = gateway.get_rest_apis()["items"]
    custom = gateway.get_domain_name(domainName=f"api.{domain}")
    (mapping,) = gateway.get_base_path_mappings(domainName=f"api.{domain}")["items"]

    certificate = acm.describe_certificate(CertificateArn=custom["regionalCertificateArn"])
    assert certificate["Certificate"]["Status"] == "ISSUED"
    assert api["disableExecuteApiEndpoint"] is True
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert (mapping["restApiId"], mapping["stage"]) == (api["id"], "live")
    (zone,) = of(sandbox, name, "route53").list_hosted_zones()["HostedZones"]
    records = of(sandbox, name, "route53").list_resource_record_sets(HostedZoneId=zone["Id"])
    (alias,) = [r for r in records["ResourceRecordSets"] if r["Type"] == "A"]
    assert alias["Name"] == f"api.{domain}."
    assert alias["AliasTarget"]["DNSName"].rstrip(".") == custom["regionalDomainName"]


def test_a_stage_writes_its_access_log(sandbox: Sandbox) -> None:
    gateway = of(sandbox, "prod", "apigateway")
    (api,) = gateway.get_rest_apis()["items"]

    (stage,) = gateway.get_stages(restApiId=api["id"])["item"]

    assert json.loads(stage["accessLogSettings"]["format"])["status"] == "$context.status"
    groups = of(sandbox, "prod", "logs").describe_log_groups()["logGroups"]
    assert {group.get("retentionInDays") for group in groups} == {365}


def test_the_function_is_the_code_of_the_repository(sandbox: Sandbox) -> None:
    name = sandbox.outputs(stack("app/prod"))["function_name"]

    function = of(sandbox, "prod", "lambda").get_function(FunctionName=name)["Configuration"]

    assert function["Architectures"] == ["arm64"]
    assert function["Handler"] == "service.handler.handle"
    assert function["MemorySize"] == 1024


def test_a_resource_cannot_land_in_another_account(sandbox: Sandbox, clone: Clone) -> None:
    clone.edit(
        "stacks/accounts.py", "allowed_account_ids=[account_id]", 'allowed_account_ids=["1" * 12]'
    )

    preview = sandbox.pulumi("preview", "--stack", "dev", check=False)

    assert preview.returncode != 0
    assert "AWS Account ID not allowed" in preview.stdout + preview.stderr


def test_the_operators_key_is_the_only_way_in(sandbox: Sandbox) -> None:
    url = sandbox.environment()["AWS_ENDPOINT_URL"]
    stranger = as_operator(url) | {"aws_access_key_id": "AKIAAAAAAAAAAAAAAAAA"}

    with pytest.raises(Exception, match="InvalidClientTokenId"):
        client("sts", stranger).get_caller_identity()  # pyright: ignore[reportArgumentType]
