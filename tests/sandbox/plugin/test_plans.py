"""What a preview says: what changes, what is replaced, what is not known yet. No call is made."""

import json

import pytest

from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.planning import changes
from sandbox.plugin.schema import Argument, Resource
from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Difference, Engine, Held
from tests.sandbox.plugin.world import (
    ACCOUNT,
    BUCKET_POLICY,
    CERTIFICATE,
    DEPLOYMENT,
    FUNCTION,
    IAM_ROLE,
    LOG_GROUP,
    ORGANIZATION,
    PIPELINE,
    RECORD,
    REST_API,
    ROLE_ATTACHMENT,
    STAGE,
    TABLE,
    ZONE,
    archive,
    policy,
)

TRUST: Values = {
    "Effect": "Allow",
    "Principal": {"AWS": "222222222222"},
    "Action": ["sts:TagSession", "sts:AssumeRole"],
    "Condition": {
        "Bool": {"aws:SecureTransport": True},
        "ArnEquals": {"aws:PrincipalArn": ["arn:b", "arn:a"]},
    },
}
TRUST_TOLD_BACK: Values = {
    "Effect": "Allow",
    "Principal": {"AWS": ["arn:aws:iam::222222222222:root"]},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
    "Condition": {
        "ArnEquals": {"aws:PrincipalArn": ["arn:a", "arn:b"]},
        "Bool": {"aws:SecureTransport": "true"},
    },
}
PIPELINE_INPUTS: Values = {
    "name": "p",
    "roleArn": "arn:r",
    "artifactStores": [{"type": "S3", "location": "b"}],
}
ALLOW: Values = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
NOTHING = Difference(changes=False, replaces=[], detailed={}, delete_before_replace=False)
RECORDS: Values = {"zoneId": "Z1", "name": "a", "type": "A", "ttl": 1, "records": ["1", "2"]}
FUNCTION_INPUTS: Values = {"role": "arn", "code": archive("x"), "name": "f", "handler": "a.b"}


def action(name: str, **configuration: str) -> Values:
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    return {**kind, "name": name, "configuration": configuration}


def held(engine: Engine, type_: str, inputs: Values, **state: object) -> Held:
    """A resource as it would be after its creation."""
    checked = engine.inputs(type_, inputs)
    tags = {"tagsAll": inputs.get("tags", {})} if RESOURCES[type_].is_taggable else {}
    return Held(type_, "id", checked, {**RESOURCES[type_].understood(checked), **tags, **state})


def difference(engine: Engine, type_: str, old: Values, new: Values) -> Difference:
    return engine.diff(held(engine, type_, old), new)


def some_value(argument: Argument, seed: str) -> object:
    if argument.kind == "list" and argument.element:
        return [some_value(argument.element, seed)]
    values: Values = {
        "boolean": seed == "newer",
        "integer": len(seed),
        "number": len(seed),
        "document": policy({**ALLOW, "Sid": seed}),
        "archive": archive(seed),
        "map": {"key": seed},
        "object": {name: some_value(item, seed) for name, item in argument.fields.items()},
        "string": seed,
    }
    return values[argument.kind]


@pytest.mark.parametrize("type_", sorted(RESOURCES))
def test_each_argument_replaces_or_updates_as_declared(type_: str) -> None:
    resource: Resource = RESOURCES[type_]
    for name, argument in resource.arguments.items():
        old, new = ({name: some_value(argument, seed)} for seed in ("old", "newer"))
        if not argument.carried:
            continue
        found = changes(resource, {**old, "tagsAll": {}}, {**new, "tagsAll": {}})
        if old == new or callable(argument.replaces):
            continue
        assert {item.argument for item in found} == {name}
        assert {item.replaces for item in found} == {argument.replaces}


def test_an_argument_that_was_added_changed_or_removed_is_named(engine: Engine) -> None:
    old = {**FUNCTION_INPUTS, "environment": {"variables": {"A": "1", "B": "2"}}}
    new = {**FUNCTION_INPUTS, "environment": {"variables": {"B": "3", "C": "4"}}, "timeout": 9}
    assert difference(engine, FUNCTION, old, new).detailed == {
        "environment.variables.A": "DELETE",
        "environment.variables.B": "UPDATE",
        "environment.variables.C": "ADD",
        "timeout": "UPDATE",
    }


def test_a_replacement_names_what_forces_it(engine: Engine) -> None:
    found = difference(engine, RECORD, RECORDS, {**RECORDS, "name": "b", "ttl": 2})
    assert found.replaces == ["name"]
    assert found.detailed == {"name": "UPDATE_REPLACE", "ttl": "UPDATE"}


@pytest.mark.parametrize(
    ("type_", "old", "new"),
    [
        pytest.param(
            IAM_ROLE,
            {"name": "a", "assumeRolePolicy": json.dumps({"Version": "1", "Statement": []})},
            {"name": "a", "assumeRolePolicy": '{ "Statement" : [],\n "Version": "1" }'},
            id="white space and order in JSON",
        ),
        pytest.param(
            IAM_ROLE,
            {"name": "a", "assumeRolePolicy": policy(TRUST)},
            {"name": "a", "assumeRolePolicy": policy(TRUST_TOLD_BACK)},
            id="how AWS spells a policy",
        ),
        pytest.param(
            REST_API,
            {"name": "a", "body": '{"a": 1, "b": 2}'},
            {"name": "a", "body": '{"b":2,"a":1}'},
            id="white space and order in an OpenAPI body",
        ),
        pytest.param(ZONE, {"name": "example.com"}, {"name": "Example.com."}, id="domain"),
        pytest.param(
            RECORD, RECORDS, {**RECORDS, "name": "A.", "records": ["2", "1"]}, id="records"
        ),
        pytest.param(
            CERTIFICATE,
            {"domainName": "a.org", "subjectAlternativeNames": ["b.org"]},
            {"domainName": "a.org", "subjectAlternativeNames": ["a.org", "b.org"]},
            id="the first name of a certificate among the further ones",
        ),
        pytest.param(
            STAGE,
            {
                "restApi": "a",
                "deployment": "d",
                "stageName": "s",
                "accessLogSettings": {"destinationArn": "arn:x", "format": "f"},
            },
            {
                "restApi": "a",
                "deployment": "d",
                "stageName": "s",
                "accessLogSettings": {"destinationArn": "arn:x:*", "format": "f"},
            },
            id="the end of a log group's ARN",
        ),
        pytest.param(ZONE, {"name": "a", "tags": {}}, {"name": "a"}, id="nothing and none"),
        pytest.param(
            FUNCTION,
            {**FUNCTION_INPUTS, "loggingConfig": {"logFormat": "JSON", "logGroup": "/x"}},
            {**FUNCTION_INPUTS, "loggingConfig": {"logFormat": "JSON"}},
            id="what AWS chose inside an argument",
        ),
        pytest.param(
            REST_API,
            {"name": "a", "policy": policy(ALLOW)},
            {"name": "a"},
            id="what AWS chose when the program stops saying it",
        ),
    ],
)
def test_what_means_the_same_to_aws_is_no_change(
    engine: Engine, type_: str, old: Values, new: Values
) -> None:
    assert difference(engine, type_, old, new) == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        {"Action": ["sts:AssumeRole"]},
        {"Principal": {"AWS": ["111111111111"]}},
        {"Principal": {"Service": "111111111111"}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Deny"},
        {"NotAction": ["sts:AssumeRole"]},
    ],
)
def test_a_policy_that_means_something_else_is_a_change(engine: Engine, change: Values) -> None:
    old = {"name": "a", "assumeRolePolicy": policy(TRUST)}
    new = {"name": "a", "assumeRolePolicy": policy({**TRUST, **change})}
    assert difference(engine, IAM_ROLE, old, new).detailed == {"assumeRolePolicy": "UPDATE"}


def test_the_order_of_statements_is_part_of_a_policy(engine: Engine) -> None:
    old, new = policy(TRUST, ALLOW), policy(ALLOW, TRUST)
    bucket = {"bucket": "b"}
    found = difference(engine, BUCKET_POLICY, bucket | {"policy": old}, bucket | {"policy": new})
    assert found.detailed == {"policy": "UPDATE"}


def test_a_change_within_a_list_of_objects_says_where(engine: Engine) -> None:
    actions = {"old": action("Check", STEP="old"), "new": action("Check", STEP="new")}
    old, new = (
        {**PIPELINE_INPUTS, "stages": [{"name": "Source", "actions": []}, stage]}
        for stage in ({"name": "Build", "actions": [actions[age]]} for age in ("old", "new"))
    )
    assert difference(engine, PIPELINE, old, new).detailed == {
        "stages[1].actions[0].configuration.STEP": "UPDATE"
    }
    more = {**new, "stages": [*new["stages"], new["stages"][1]]}
    assert difference(engine, PIPELINE, new, more).detailed == {"stages": "UPDATE"}


def test_what_aws_chose_within_a_list_of_objects_is_no_change(engine: Engine) -> None:
    told = {**action("Check"), "runOrder": 1, "region": "eu-central-1"}
    old = {**PIPELINE_INPUTS, "stages": [{"name": "Build", "actions": [told]}]}
    new = {**PIPELINE_INPUTS, "stages": [{"name": "Build", "actions": [action("Check")]}]}
    assert difference(engine, PIPELINE, old, new) == NOTHING


def test_code_is_compared_by_its_hash(engine: Engine) -> None:
    moved = {**archive("x"), "assets": {}}
    assert (
        difference(engine, FUNCTION, FUNCTION_INPUTS, {**FUNCTION_INPUTS, "code": moved}) == NOTHING
    )
    found = difference(engine, FUNCTION, FUNCTION_INPUTS, {**FUNCTION_INPUTS, "code": archive("y")})
    assert found.detailed == {"code": "UPDATE"}


def test_changed_triggers_take_a_new_deployment(engine: Engine) -> None:
    old, new = ({"restApi": "a", "triggers": {"policy": text}} for text in ("1", "2"))
    assert difference(engine, DEPLOYMENT, old, new).replaces == ["triggers"]


def test_an_organization_is_replaced_only_on_the_way_back(engine: Engine) -> None:
    every, billing = {"featureSet": "ALL"}, {"featureSet": "CONSOLIDATED_BILLING"}
    assert difference(engine, ORGANIZATION, billing, every).replaces == []
    assert difference(engine, ORGANIZATION, every, billing).replaces == ["featureSet"]


def test_an_account_is_renamed_in_place_but_replaced_for_another_address(engine: Engine) -> None:
    old = {"name": "dev", "email": "a@example.com", "roleName": "r"}
    assert difference(engine, ACCOUNT, old, {**old, "name": "test"}).detailed == {"name": "UPDATE"}
    found = difference(engine, ACCOUNT, old, {**old, "email": "b@example.com"})
    assert found.replaces == ["email"]


def test_ignored_changes_are_ignored(engine: Engine) -> None:
    old = held(engine, ACCOUNT, {"name": "dev", "email": "a@example.com"})
    new = {"name": "dev", "email": "b@example.com", "roleName": "r"}
    assert engine.diff(old, new, ignored=("email", "roleName")) == NOTHING


def test_a_part_that_is_ignored_does_not_hide_the_whole(engine: Engine) -> None:
    old = {**FUNCTION_INPUTS, "environment": {"variables": {"A": "1", "B": "2"}}}
    new = {**FUNCTION_INPUTS, "environment": {"variables": {"A": "1", "B": "3"}}}
    found = engine.diff(held(engine, FUNCTION, old), new, ignored=("environment.variables.A",))
    assert found.detailed == {"environment.variables.B": "UPDATE"}


def test_a_key_that_is_no_plain_name_stands_in_quotation_marks(engine: Engine) -> None:
    old, new = ({"name": "a", "tags": {"a.b/c": text, "d-e": text}} for text in "12")
    assert {*difference(engine, ZONE, old, new).detailed} == {
        'tags["a.b/c"]',
        "tags.d-e",
        'tagsAll["a.b/c"]',
        "tagsAll.d-e",
    }


def test_an_attachment_is_detached_before_it_is_attached_anew(engine: Engine) -> None:
    old, new = ({"role": "a", "policyArn": arn} for arn in ("arn:1", "arn:2"))
    assert difference(engine, ROLE_ATTACHMENT, old, new).delete_before_replace


def test_a_name_given_by_hand_is_free_only_after_the_deletion(engine: Engine) -> None:
    role = {"assumeRolePolicy": policy(), "path": "/a/"}
    by_hand = difference(
        engine, IAM_ROLE, {**role, "name": "x"}, {**role, "name": "x", "path": "/b/"}
    )
    assert by_hand.replaces == ["path"]
    assert by_hand.delete_before_replace
    made = difference(engine, IAM_ROLE, role, {**role, "path": "/b/"})
    assert made.replaces == ["path"]
    assert not made.delete_before_replace
    renamed = difference(engine, IAM_ROLE, {**role, "name": "x"}, {**role, "name": "y"})
    assert not renamed.delete_before_replace


def test_a_value_that_is_not_known_yet_is_a_change(engine: Engine) -> None:
    found = difference(engine, RECORD, RECORDS, {**RECORDS, "records": UNKNOWN, "zoneId": UNKNOWN})
    assert found.detailed == {"records": "UPDATE", "zoneId": "UPDATE_REPLACE"}


def test_a_value_that_is_not_known_yet_changes_only_itself(engine: Engine) -> None:
    old = {**FUNCTION_INPUTS, "environment": {"variables": {"A": "1", "B": "2"}}}
    new = {**FUNCTION_INPUTS, "environment": {"variables": {"A": "1", "B": UNKNOWN}}}
    assert difference(engine, FUNCTION, old, new).detailed == {"environment.variables.B": "UPDATE"}


def test_a_table_keeps_what_aws_chose(engine: Engine) -> None:
    inputs = {"name": "t", "hashKey": "id", "pointInTimeRecovery": {"enabled": True}}
    old = held(
        engine,
        TABLE,
        inputs,
        readCapacity=5,
        pointInTimeRecovery={"enabled": True, "recoveryPeriodInDays": 35},
    )
    assert engine.diff(old, inputs) == NOTHING


def test_the_preview_of_a_creation_knows_what_is_given_and_nothing_else(engine: Engine) -> None:
    preview = engine.preview_create(ZONE, {"name": "example.com", "tags": {"a": "1"}})
    assert preview == {
        "name": "example.com",
        "comment": "Managed by Pulumi",
        "forceDestroy": False,
        "tags": {"a": "1"},
        "tagsAll": {"a": "1"},
        "arn": UNKNOWN,
        "nameServers": UNKNOWN,
        "primaryNameServer": UNKNOWN,
        "zoneId": UNKNOWN,
    }


def test_the_preview_of_a_creation_leaves_to_aws_what_the_program_does(engine: Engine) -> None:
    preview = engine.preview_create(LOG_GROUP, {"name": "a"})
    assert preview["logGroupClass"] is UNKNOWN


def test_the_preview_of_an_update_knows_what_stays(engine: Engine) -> None:
    state = {"arn": "arn:f", "version": "1", "lastModified": "now", "ephemeralStorage": {"size": 1}}
    old = held(engine, FUNCTION, {**FUNCTION_INPUTS, "description": "old"}, **state)
    preview = engine.preview_update(old, {**FUNCTION_INPUTS, "timeout": 9})
    assert preview["arn"] == "arn:f"
    assert preview["ephemeralStorage"] == {"size": 1}
    assert preview["timeout"] == 9
    assert preview["lastModified"] is UNKNOWN
    assert "description" not in preview


def test_tags_that_are_not_known_yet_leave_all_tags_unknown(engine: Engine) -> None:
    preview = engine.preview_create(ZONE, {"name": "a", "tags": UNKNOWN})
    assert preview["tagsAll"] is UNKNOWN
