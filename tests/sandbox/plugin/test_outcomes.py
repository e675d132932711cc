"""What happens with the embedded AWS beyond a plain life: drift, failures, tags, waits."""

import base64
import hashlib
import time
from typing import Any, cast

import pytest

from sandbox.plugin.archives import zipped
from sandbox.plugin.catalogue import RESOURCES
from tests.sandbox.plugin.engine import Engine, Held, Refused
from tests.sandbox.plugin.world import (
    ACCOUNT,
    CERTIFICATE,
    EVENT_TARGET,
    FUNCTION,
    IAM_ROLE,
    INSTANCE_PROFILE,
    LOG_GROUP,
    ORGANIZATION,
    POLICY,
    POLICY_ATTACHMENT,
    RECORD,
    ROLE_ATTACHMENT,
    STAGE,
    TABLE,
    UNIT,
    VALIDATION,
    ZONE,
    World,
    archive,
    policy,
    trust,
)

STRANGE = policy(
    {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": "sts:AssumeRole",
    }
)


def refreshed(engine: Engine, held: Held) -> Held:
    found = engine.refresh(held)
    assert found is not None
    return found


def test_a_refresh_sees_what_was_changed_behind_its_back(world: World) -> None:
    inputs = {"name": "drifting", "retentionInDays": 14}
    held = world.member.create(LOG_GROUP, inputs)
    world.client("logs").put_retention_policy(logGroupName="drifting", retentionInDays=30)
    found = refreshed(world.member, held)
    assert found.inputs["retentionInDays"] == found.state["retentionInDays"] == 30
    assert world.member.diff(found, inputs).detailed == {"retentionInDays": "UPDATE"}


def test_a_refresh_sees_what_was_added_behind_its_back(world: World) -> None:
    inputs = {"name": "drifting-role", "assumeRolePolicy": trust("lambda")}
    held = world.member.create(IAM_ROLE, inputs)
    iam = world.client("iam")
    iam.update_role(RoleName="drifting-role", Description="by hand")
    iam.tag_role(RoleName="drifting-role", Tags=[{"Key": "by", "Value": "hand"}])
    found = refreshed(world.member, held)
    assert found.inputs["description"] == "by hand"
    assert found.inputs["tags"] == {"by": "hand"}
    difference = world.member.diff(found, inputs)
    assert difference.detailed == {
        "description": "DELETE",
        "tags": "DELETE",
        "tagsAll.by": "DELETE",
    }
    held = world.member.update(found, inputs)
    role = iam.get_role(RoleName="drifting-role")["Role"]
    assert (role.get("Description", ""), role.get("Tags", [])) == ("", [])


def test_a_record_that_exists_is_only_overwritten_when_that_is_allowed(world: World) -> None:
    inputs = {
        "zoneId": world.zone.id,
        "name": "twice",
        "type": "TXT",
        "ttl": 1,
        "records": ["x"],
    }
    world.member.create(RECORD, inputs)
    with pytest.raises(Refused) as refused:
        world.member.create(RECORD, inputs)
    assert refused.value.message.startswith(
        "creating Route 53 Record (twice): operation error Route 53: ChangeResourceRecordSets, InvalidChangeBatch: "
    )
    assert refused.value.id == ""
    held = world.member.create(RECORD, {**inputs, "allowOverwrite": True})
    assert held.state["fqdn"] == "twice.example.com"


def test_a_record_changes_its_type_in_place(world: World) -> None:
    inputs = {"zoneId": world.zone.id, "name": "kind", "type": "A", "ttl": 1}
    held = world.member.create(RECORD, {**inputs, "records": ["192.0.2.1"]})
    changed = {**inputs, "type": "AAAA", "records": ["2001:db8::1"]}
    assert world.member.diff(held, changed).replaces == []
    held = world.member.update(held, changed)
    assert refreshed(world.member, held) == held
    answer = world.client("route53").list_resource_record_sets(HostedZoneId=world.zone.id)
    kinds = [r["Type"] for r in answer["ResourceRecordSets"] if r["Name"].startswith("kind.")]
    assert kinds == ["AAAA"]
    world.member.delete(held)
    assert world.member.refresh(held) is None


def test_a_zone_with_records_goes_only_by_force(world: World) -> None:
    held = world.member.create(ZONE, {"name": "full.example.net"})
    record = {"zoneId": held.id, "name": "www", "type": "A", "ttl": 1, "records": ["192.0.2.1"]}
    world.member.create(RECORD, record)
    with pytest.raises(Refused, match=r"deleting Route 53 Hosted Zone .*HostedZoneNotEmpty: "):
        world.member.delete(held)
    held = world.member.update(held, {"name": "full.example.net", "forceDestroy": True})
    world.member.delete(held)
    assert world.member.refresh(held) is None


def test_a_role_with_policies_goes_only_by_force(world: World) -> None:
    inputs = {"name": "full", "assumeRolePolicy": trust("lambda")}
    held = world.member.create(IAM_ROLE, inputs)
    arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    world.member.create(ROLE_ATTACHMENT, {"role": "full", "policyArn": arn})
    with pytest.raises(Refused, match=r"deleting IAM Role .full.: operation error IAM: .*Conflict"):
        world.member.delete(held)
    held = world.member.update(held, {**inputs, "forceDetachPolicies": True})
    world.member.delete(held)
    assert world.member.refresh(held) is None


def test_an_instance_profile_gives_the_role_that_is_wanted_and_no_other(world: World) -> None:
    inputs = {"name": "profile", "role": world.role.id}
    held = world.member.create(INSTANCE_PROFILE, inputs)
    iam = world.client("iam")
    of = {"InstanceProfileName": "profile"}
    iam.remove_role_from_instance_profile(**of, RoleName=world.role.id)
    found = refreshed(world.member, held)
    assert world.member.diff(found, inputs).detailed == {"role": "ADD"}
    iam.add_role_to_instance_profile(**of, RoleName=world.gateway_role.id)
    world.member.update(found, inputs)
    roles = iam.get_instance_profile(**of)["InstanceProfile"]["Roles"]
    assert [role["RoleName"] for role in roles] == [world.role.id]
    held = world.member.update(held, {"name": "profile"})
    assert iam.get_instance_profile(**of)["InstanceProfile"]["Roles"] == []
    assert "role" not in held.state
    assert world.member.diff(held, {"name": "profile", "path": "/hosts/"}).replaces == ["path"]


def test_a_protected_table_is_not_deleted(world: World) -> None:
    inputs = {
        "name": "protected",
        "attributes": [{"name": "id", "type": "S"}],
        "hashKey": "id",
        "billingMode": "PAY_PER_REQUEST",
        "deletionProtectionEnabled": True,
    }
    held = world.member.create(TABLE, inputs)
    with pytest.raises(Refused, match=r"deleting DynamoDB Table .protected.: .*DeleteTable, "):
        world.member.delete(held)
    held = world.member.update(held, {**inputs, "deletionProtectionEnabled": False})
    world.member.delete(held)


def test_the_code_that_arrives_is_the_archives(world: World) -> None:
    held = world.function
    digest = base64.b64encode(hashlib.sha256(zipped(archive("first"))).digest()).decode()
    assert held.state["codeSha256"] == digest
    assert held.state["sourceCodeSize"] == len(zipped(archive("first")))
    assert held.state["invokeArn"] == (
        "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/"
        f"{held.state['arn']}/invocations"
    )


def test_code_that_differs_is_sent_again(world: World) -> None:
    inputs = {
        "name": "resent",
        "role": world.role.state["arn"],
        "code": archive("first"),
        "handler": "handler.handle",
        "runtime": "python3.13",
    }
    held = world.member.create(FUNCTION, inputs)
    changed = world.member.update(held, {**inputs, "code": archive("a longer second")})
    assert changed.state["sourceCodeSize"] != held.state["sourceCodeSize"]
    assert changed.state["codeSha256"] != held.state["codeSha256"]


def test_code_that_was_changed_behind_its_back_is_seen_by_its_digest(world: World) -> None:
    inputs = {
        "name": "digested",
        "role": world.role.state["arn"],
        "code": archive("ours"),
        "handler": "handler.handle",
        "runtime": "python3.13",
    }
    held = world.member.create(FUNCTION, inputs)
    inputs["codeSha256"] = held.state["codeSha256"]
    other = zipped(archive("theirs"))
    world.client("lambda").update_function_code(FunctionName="digested", ZipFile=other)
    found = refreshed(world.member, held)
    assert world.member.diff(found, inputs).detailed == {"codeSha256": "UPDATE"}
    assert world.member.update(found, inputs).state["codeSha256"] == inputs["codeSha256"]


def test_an_account_that_cannot_be_made_says_why(world: World) -> None:
    assert world.account
    with pytest.raises(Refused) as refused:
        world.management.create(ACCOUNT, {"name": "again", "email": "aws-dev@example.com"})
    assert refused.value.message == (
        "creating Organizations Account (again): waiting for the account's creation: "
        "EMAIL_ALREADY_EXISTS"
    )


class Recorder:
    """An account that notes its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        self.calls.append((service, operation, parameters))
        return {"Parents": [{"Id": "r-1234"}]}


@pytest.mark.parametrize(
    ("state", "operation"),
    [
        ({}, "RemoveAccountFromOrganization"),
        ({"closeOnDeletion": False}, "RemoveAccountFromOrganization"),
        ({"closeOnDeletion": True}, "CloseAccount"),
    ],
)
def test_an_account_is_never_closed_unless_that_is_asked_for(
    state: dict[str, Any], operation: str
) -> None:
    recorder = Recorder()
    RESOURCES[ACCOUNT].delete(cast("Any", recorder), "222222222222", state)
    assert recorder.calls == [("organizations", operation, {"AccountId": "222222222222"})]


def test_an_account_is_renamed_in_place() -> None:
    recorder = Recorder()
    old, new = {"name": "dev"}, {"name": "test"}
    RESOURCES[ACCOUNT].update(cast("Any", recorder), "222222222222", old, new)
    parameters = {"AccountId": "222222222222", "AccountName": "test"}
    assert recorder.calls == [("account", "PutAccountName", parameters)]


def test_a_failure_after_the_creation_keeps_the_id_and_what_there_is(world: World) -> None:
    inputs = {
        "name": "lost",
        "email": "aws-lost@example.com",
        "parentId": "ou-1234-00000000",
        "closeOnDeletion": True,
    }
    with pytest.raises(Refused) as refused:
        world.management.create(ACCOUNT, inputs)
    assert refused.value.message.startswith(
        "creating Organizations Account (lost): operation error Organizations: MoveAccount, "
    )
    found = refreshed(world.management, Held(ACCOUNT, refused.value.id, {}, refused.value.state))
    assert found.state["parentId"] == refused.value.state["parentId"] == world.root
    wanted = {**inputs, "parentId": world.unit.id}
    held = Held(
        ACCOUNT, refused.value.id, world.management.inputs(ACCOUNT, inputs), refused.value.state
    )
    assert world.management.diff(held, wanted).detailed == {"parentId": "UPDATE"}
    assert world.management.update(held, wanted).state["parentId"] == world.unit.id


def test_a_failed_update_keeps_what_there_is(world: World) -> None:
    inputs = {"restApi": world.rest_api.id, "deployment": world.deployment.id, "stageName": "half"}
    held = world.member.create(STAGE, inputs)
    with pytest.raises(Refused) as refused:
        world.member.update(held, {**inputs, "deployment": "none", "description": "new"})
    assert refused.value.message.startswith(
        f"updating API Gateway Stage ({held.id}): operation error API Gateway: UpdateStage, "
    )
    assert refused.value.id == held.id
    assert refused.value.state["deployment"] == world.deployment.id


def test_a_missing_validation_record_is_named_when_time_is_up(world: World) -> None:
    certificate = world.member.create(
        CERTIFICATE, {"domainName": "never.example.com", "validationMethod": "DNS"}
    )
    record = certificate.state["domainValidationOptions"][0]
    started = time.monotonic()
    with pytest.raises(Refused) as refused:
        world.member.create(VALIDATION, {"certificateArn": certificate.id}, timeout=1)
    assert time.monotonic() - started < 5
    assert refused.value.message == (
        "creating ACM Certificate Validation: timed out after 1 s: the certificate for "
        "never.example.com is PENDING_VALIDATION; AWS could not find yet: "
        f"{record['resourceRecordName']} CNAME {record['resourceRecordValue']} "
        "(is the zone delegated to its own name servers?)"
    )


def test_a_validation_without_the_records_name_is_refused_at_once(world: World) -> None:
    inputs = {"certificateArn": world.certificate.id, "validationRecordFqdns": ["_x.example.com"]}
    with pytest.raises(Refused, match=r"missing .* DNS validation record: _"):
        world.member.create(VALIDATION, inputs)


def test_what_is_gone_with_its_parent_is_deleted_already(world: World) -> None:
    inputs = {"name": "gone", "parentId": world.root}
    unit = world.management.create(UNIT, inputs)
    attached = {"policyId": world.guard_rail.id, "targetId": unit.id}
    attachment = world.management.create(POLICY_ATTACHMENT, attached)
    world.management.delete(attachment)
    world.management.delete(unit)
    assert world.management.refresh(attachment) is None
    world.management.delete(attachment)


def test_default_tags_lie_below_the_resources_own(world: World) -> None:
    engine = world.member_provider(defaultTags={"tags": {"owner": "cloud", "stage": "dev"}})
    inputs = {"name": "tagged.example.net", "tags": {"stage": "prod", "a": "1"}}
    held = engine.create(ZONE, inputs)
    assert held.state["tags"] == {"stage": "prod", "a": "1"}
    assert held.inputs["tagsAll"] == held.state["tagsAll"]
    assert held.state["tagsAll"] == {"owner": "cloud", "stage": "prod", "a": "1"}
    assert refreshed(engine, held) == held
    adopted = engine.adopt(ZONE, held.id)
    assert adopted is not None
    assert adopted.inputs["tags"] == {"stage": "prod", "a": "1"}


def test_a_tag_equal_to_a_default_stays_the_resources_own(world: World) -> None:
    engine = world.member_provider(defaultTags={"tags": {"owner": "cloud"}})
    held = engine.create(ZONE, {"name": "same.example.net", "tags": {"owner": "cloud"}})
    assert held.state["tags"] == {"owner": "cloud"}
    assert refreshed(engine, held) == held


def test_changed_default_tags_update_every_resource_with_tags(world: World) -> None:
    before = world.member_provider(defaultTags={"tags": {"owner": "cloud"}})
    after = world.member_provider(defaultTags={"tags": {"owner": "apps"}})
    for type_, inputs in (
        (ZONE, {"name": "owned.example.net"}),
        (LOG_GROUP, {"name": "owned"}),
        (IAM_ROLE, {"name": "owned", "assumeRolePolicy": trust("lambda")}),
    ):
        held = before.create(type_, inputs)
        difference = after.diff(held, inputs)
        assert difference.detailed == {"tagsAll.owner": "UPDATE"}
        assert difference.replaces == []
        assert after.preview_update(held, inputs)["tagsAll"] == {"owner": "apps"}
        held = after.update(held, inputs)
        assert held.state["tagsAll"] == {"owner": "apps"}
        assert refreshed(after, held).state["tags"] == {}


def test_another_region_replaces(world: World) -> None:
    held = world.member.create(LOG_GROUP, {"name": "regional"})
    assert held.state["region"] == "eu-central-1"
    difference = world.member.diff(held, {"name": "regional", "region": "us-east-1"})
    assert difference.detailed == {"region": "UPDATE_REPLACE"}
    there = world.member.create(LOG_GROUP, {"name": "regional", "region": "us-east-1"})
    assert ":us-east-1:" in there.state["arn"]
    assert refreshed(world.member, there) == there


def test_another_region_of_the_provider_replaces_too(world: World) -> None:
    held = world.member.create(LOG_GROUP, {"name": "moved"})
    elsewhere = world.member_provider(region="us-east-1")
    assert elsewhere.diff(held, {"name": "moved"}).detailed == {"region": "UPDATE_REPLACE"}
    assert refreshed(elsewhere, held) == held


def test_a_stage_stops_logging(world: World) -> None:
    world.let_the_gateway_log()
    inputs = {"restApi": world.rest_api.id, "deployment": world.deployment.id, "stageName": "quiet"}
    arn = world.log_group.state["arn"]
    logs = {"accessLogSettings": {"destinationArn": arn, "format": "$context.requestId"}}
    held = world.member.update(world.member.create(STAGE, {**inputs, **logs}), inputs)
    assert "accessLogSettings" not in refreshed(world.member, held).state


def test_an_error_of_aws_is_one_line_with_operation_code_and_message(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.member.create(IAM_ROLE, {"name": "bad", "assumeRolePolicy": STRANGE})
    assert refused.value.message.startswith(
        "creating IAM Role (bad): operation error IAM: CreateRole, MalformedPolicyDocument: "
    )
    assert "\n" not in refused.value.message


def test_a_denied_call_is_told_as_aws_tells_it(empty_world: World) -> None:
    deny = policy({"Effect": "Deny", "Action": "logs:CreateLogGroup", "Resource": "*"})
    management = empty_world.management
    assert empty_world.organization
    guard_rail = management.create(POLICY, {"name": "no logs", "content": deny})
    target = {"policyId": guard_rail.id, "targetId": empty_world.account.id}
    management.create(POLICY_ATTACHMENT, target)
    with pytest.raises(Refused) as refused:
        empty_world.member.create(LOG_GROUP, {"name": "denied"})
    assert refused.value.message.startswith(
        "creating CloudWatch Logs Log Group (denied): operation error CloudWatch Logs: "
        "CreateLogGroup, AccessDenied"
    )
    assert "\n" not in refused.value.message


def test_an_organization_that_is_there_already_can_be_adopted(empty_world: World) -> None:
    held = empty_world.organization
    adopted = empty_world.management.adopt(ORGANIZATION, held.id)
    assert adopted is not None
    assert adopted.inputs["enabledPolicyTypes"] == ["SERVICE_CONTROL_POLICY"]
    assert empty_world.management.adopt(ORGANIZATION, "o-0000000000") is None


@pytest.mark.parametrize(
    ("type_", "id_", "form"),
    [
        (RECORD, "nonsense", "ZONEID_NAME_TYPE"),
        (EVENT_TARGET, "nonsense", "RULE/TARGET"),
        (ROLE_ATTACHMENT, "nonsense", "ROLE/POLICY_ARN"),
        (STAGE, "nonsense", "restApi/stageName"),
        ("aws:lambda/permission:Permission", "nonsense", "FUNCTION/STATEMENT"),
        (VALIDATION, "2026-01-01", "cannot be imported"),
    ],
)
def test_an_import_id_of_the_wrong_form_is_refused_with_the_right_one(
    world: World, type_: str, id_: str, form: str
) -> None:
    with pytest.raises(Refused, match=form):
        world.member.adopt(type_, id_)


def test_a_log_group_whose_name_begins_like_another_is_told_apart(world: World) -> None:
    world.member.create(LOG_GROUP, {"name": "twin-two"})
    first = world.member.create(LOG_GROUP, {"name": "twin"})
    world.client("logs").delete_log_group(logGroupName="twin")
    assert world.member.refresh(first) is None


def test_a_name_made_from_a_prefix_is_kept(world: World) -> None:
    inputs: dict[str, Any] = {"namePrefix": "prefixed-"}
    held = world.member.create(LOG_GROUP, inputs)
    assert held.id.startswith("prefixed-")
    assert world.member.diff(held, inputs).detailed == {}
    assert refreshed(world.member, held) == held
