"""The policy language, as a table of documents and requests."""

from typing import Any

import pytest

from iam.policy import Effect, Request, evaluate, problem

ALLOW, DENY, NONE = Effect.ALLOW, Effect.DENY, Effect.NONE
TABLE = "arn:aws:dynamodb:eu-central-1:222222222222:table/items"


def judge(
    *statements: dict[str, Any],
    action: str = "dynamodb:DeleteTable",
    resource: str = TABLE,
    version: str = "2012-10-17",
    **context: str | tuple[str, ...],
) -> Effect:
    keys = {
        name.replace("__", ":").lower(): (value,) if isinstance(value, str) else value
        for name, value in context.items()
    }
    document = {"Version": version, "Statement": list(statements)}
    return evaluate([document], Request(action=action, resource=resource, context=keys))


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "*", "Resource": "*", **elements}


@pytest.mark.parametrize(
    ("pattern", "action", "effect"),
    [
        ("*", "s3:GetObject", ALLOW),
        ("s3:*", "s3:GetObject", ALLOW),
        ("s3:*", "s3tables:GetTable", NONE),
        ("s3:Get*", "s3:PutObject", NONE),
        ("S3:getobject", "s3:GetObject", ALLOW),
        ("s3:Get?bject", "s3:GetObject", ALLOW),
        ("s3:Get?bject", "s3:GetObjects", NONE),
        (["ec2:*", "s3:GetObject"], "s3:GetObject", ALLOW),
        ("s3.GetObject", "s3:GetObject", NONE),
    ],
)
def test_an_action_matches_by_wildcards_and_without_case(
    pattern: Any, action: str, effect: Effect
) -> None:
    assert judge(statement(Action=pattern), action=action) is effect


@pytest.mark.parametrize(
    ("pattern", "effect"),
    [
        (TABLE, ALLOW),
        (TABLE.upper(), NONE),
        ("arn:aws:dynamodb:*:*:table/*", ALLOW),
        ("arn:aws:dynamodb:*:table/items", ALLOW),
        ("arn:aws:dynamodb:eu-central-1:222222222222:table/item", NONE),
        ("arn:aws:dynamodb:eu-central-1:222222222222:table/item?", ALLOW),
        (["arn:aws:s3:::*", "*items"], ALLOW),
    ],
)
def test_a_resource_matches_by_wildcards_and_with_case(pattern: Any, effect: Effect) -> None:
    assert judge(statement(Resource=pattern)) is effect


def test_an_explicit_denial_wins_over_any_allowance() -> None:
    assert judge(statement(), statement("Deny", Action="dynamodb:*")) is DENY
    assert judge(statement(), statement("Deny", Action="s3:*")) is ALLOW
    assert judge(statement("Deny", Action="s3:*")) is NONE


def test_not_action_and_not_resource_select_everything_else() -> None:
    other = {"Effect": "Allow", "Resource": "*", "NotAction": ["s3:*", "iam:*"]}
    assert judge(other, action="dynamodb:GetItem") is ALLOW
    assert judge(other, action="iam:GetRole") is NONE
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::*"}
    assert judge(elsewhere, resource=TABLE) is DENY
    assert judge(elsewhere, resource="arn:aws:s3:::bucket") is NONE


def test_a_single_statement_needs_no_list() -> None:
    document = {"Version": "2012-10-17", "Statement": statement()}
    assert evaluate([document], Request(action="s3:GetObject", resource="*")) is ALLOW


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "effect"),
    [
        ("StringEquals", "eu", "eu", ALLOW),
        ("StringEquals", "eu", "EU", NONE),
        ("StringEquals", "e*", "eu", NONE),
        ("StringEquals", ["us", "eu"], "eu", ALLOW),
        ("StringNotEquals", ["us", "eu"], "eu", NONE),
        ("StringNotEquals", ["us", "eu"], "ap", ALLOW),
        ("StringEqualsIgnoreCase", "EU", "eu", ALLOW),
        ("StringNotEqualsIgnoreCase", "EU", "eu", NONE),
        ("StringLike", "e?-*", "eu-central-1", ALLOW),
        ("StringLike", "e?-*", "us-east-1", NONE),
        ("StringNotLike", "us-*", "us-east-1", NONE),
        (
            "ArnLike",
            "arn:aws:iam::*:role/Deploy*",
            "arn:aws:iam::222222222222:role/Deployer",
            ALLOW,
        ),
        ("ArnLike", "arn:aws:iam:*:role/Deployer", "arn:aws:iam::222222222222:role/Deployer", NONE),
        ("ArnEquals", "arn:aws:iam::*:role/*", "arn:aws:iam::222222222222:role/a/b", ALLOW),
        ("ArnNotLike", "arn:aws:iam::*:role/*", "arn:aws:iam::222222222222:user/a", ALLOW),
        ("Bool", "true", "true", ALLOW),
        ("Bool", True, "true", ALLOW),
        ("Bool", False, "true", NONE),
        ("NumericLessThan", "10", "9.5", ALLOW),
        ("NumericLessThan", 10, "10", NONE),
        ("NumericLessThanEquals", 10, "10", ALLOW),
        ("NumericGreaterThan", 10, "11", ALLOW),
        ("NumericGreaterThanEquals", "10", "9", NONE),
        ("NumericEquals", "1", "1.0", ALLOW),
        ("NumericNotEquals", "1", "1.0", NONE),
        ("DateLessThan", "2026-12-01T00:00:00Z", "2026-11-25T10:00:00Z", ALLOW),
        ("DateGreaterThan", "2026-12-01T00:00:00Z", "2026-11-25T10:00:00Z", NONE),
        ("DateEquals", "1764064800", "2025-11-25T10:00:00Z", ALLOW),
        ("IpAddress", "10.8.0.0/16", "10.8.3.4", ALLOW),
        ("IpAddress", "10.8.0.0/16", "10.9.3.4", NONE),
        ("IpAddress", ["192.0.2.7", "10.0.0.0/8"], "192.0.2.7", ALLOW),
        ("NotIpAddress", "10.8.0.0/16", "10.9.3.4", ALLOW),
    ],
)
def test_an_operator_compares_the_key_with_any_of_the_values(
    operator: str, wanted: Any, value: str, effect: Effect
) -> None:
    condition = {operator: {"aws:Key": wanted}}
    assert judge(statement(Condition=condition), aws__key=value) is effect


@pytest.mark.parametrize(
    ("operator", "effect"),
    [
        ("StringEquals", NONE),
        ("StringEqualsIfExists", ALLOW),
        ("StringNotEquals", ALLOW),
        ("ForAllValues:StringEquals", ALLOW),
        ("ForAnyValue:StringEquals", NONE),
        ("ForAnyValue:StringNotEquals", NONE),
        ("NumericLessThan", NONE),
        ("BoolIfExists", ALLOW),
    ],
)
def test_an_absent_key_counts_as_the_operator_says(operator: str, effect: Effect) -> None:
    assert judge(statement(Condition={operator: {"aws:Key": "1"}})) is effect


@pytest.mark.parametrize(
    ("operator", "values", "effect"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), ALLOW),
        ("ForAllValues:StringEquals", ("a", "c"), NONE),
        ("ForAnyValue:StringEquals", ("a", "c"), ALLOW),
        ("ForAnyValue:StringEquals", ("c", "d"), NONE),
        ("ForAllValues:StringNotEquals", ("c", "d"), ALLOW),
        ("ForAllValues:StringNotEquals", ("a", "d"), NONE),
        ("ForAnyValue:StringNotEquals", ("a", "d"), ALLOW),
        ("ForAllValues:StringLike", ("apple", "ant"), NONE),
    ],
)
def test_a_key_of_many_values_is_compared_as_the_quantifier_says(
    operator: str, values: tuple[str, ...], effect: Effect
) -> None:
    condition = {operator: {"aws:Key": ["a", "b"]}}
    assert judge(statement(Condition=condition), aws__key=values) is effect


@pytest.mark.parametrize(
    ("wanted", "given", "absent"), [("true", NONE, ALLOW), (False, ALLOW, NONE)]
)
def test_null_asks_whether_a_key_is_absent(wanted: Any, given: Effect, absent: Effect) -> None:
    asked = statement(Condition={"Null": {"aws:Key": wanted}})
    assert judge(asked, aws__key="x") is given
    assert judge(asked) is absent


def test_all_operators_and_keys_of_a_condition_must_hold() -> None:
    both = statement(
        Condition={"StringEquals": {"aws:A": "1", "aws:B": "2"}, "Bool": {"aws:C": "true"}}
    )
    assert judge(both, aws__a="1", aws__b="2", aws__c="true") is ALLOW
    assert judge(both, aws__a="1", aws__b="3", aws__c="true") is NONE
    assert judge(both, aws__a="1", aws__b="2", aws__c="false") is NONE


def test_condition_keys_have_no_case() -> None:
    assert judge(statement(Condition={"StringEquals": {"AWS:KEY": "1"}}), aws__key="1") is ALLOW


@pytest.mark.parametrize(
    ("text", "value", "effect"),
    [
        ("home/${aws:username}/*", "home/ann/file", ALLOW),
        ("home/${aws:username}/*", "home/bob/file", NONE),
        ("home/${aws:nothing}/*", "home//file", NONE),
        ("home/${aws:nothing, 'ann'}", "home/ann", ALLOW),
        ("home/${*}", "home/*", ALLOW),
        ("home/${*}", "home/ann", NONE),
    ],
)
def test_a_variable_stands_for_the_key_of_the_request(
    text: str, value: str, effect: Effect
) -> None:
    assert judge(statement(Resource=text), resource=value, aws__username="ann") is effect
    condition = {"StringLike": {"aws:Path": text}}
    named = judge(statement(Condition=condition), aws__path=value, aws__username="ann")
    assert named is effect


def test_what_a_variable_stands_for_is_no_wildcard() -> None:
    own = statement(Resource="home/${aws:username}")
    assert judge(own, resource="home/ann", aws__username="*") is NONE
    assert judge(own, resource="home/*", aws__username="*") is ALLOW


def test_documents_of_the_old_language_have_no_variables() -> None:
    own = statement(Resource="home/${aws:username}")
    assert judge(own, resource="home/ann", version="2008-10-17", aws__username="ann") is NONE
    named = judge(own, resource="home/${aws:username}", version="2008-10-17", aws__username="ann")
    assert named is ALLOW


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ([], "object"),
        ({"Version": "2020-01-01", "Statement": statement()}, "Version"),
        ({"Version": "2012-10-17", "Statement": []}, "Statement"),
        ({"Version": "2012-10-17", "Statement": ["x"]}, "object"),
        ({"Statement": {"Action": "*", "Resource": "*"}}, "Effect"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "Action"),
        ({"Statement": statement(NotAction="*")}, "NotAction"),
        ({"Statement": statement(NotResource="*")}, "NotResource"),
        ({"Statement": statement(Condition={"StringSame": {"a": "b"}})}, "StringSame"),
    ],
)
def test_a_malformed_document_is_explained(document: object, word: str) -> None:
    found = problem(document)
    assert found is not None
    assert word in found


def test_a_sound_document_has_no_problem() -> None:
    condition = {"ForAllValues:StringEqualsIfExists": {"a": "b"}, "Null": {"c": "true"}}
    assert problem({"Version": "2012-10-17", "Statement": [statement(Condition=condition)]}) is None
