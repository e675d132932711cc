"""The policy language, as a table of documents and requests."""

from typing import Any

import pytest

from iam.policy import Effect, Request, evaluate, problem, rules

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
        ("arn:aws:dynamodb:eu-*-1:*:table/items", ALLOW),
        ("arn:aws:dynamodb:*1:*:table/items", ALLOW),
        ("arn:aws:dynamodb:e*2:table/items", NONE),
        ("arn:aws:dynamodb:eu-central-1?222222222222:table/items", NONE),
        ("arn:aws:dynamodb:*", ALLOW),
        ("arn:aws:dyn*", ALLOW),
        ("arn:aws:dyn*b", NONE),
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


def test_a_compiled_document_names_its_statements_by_sid_or_number() -> None:
    document = {"Statement": [statement(Sid="First"), statement("Deny"), statement(Sid="")]}
    assert [rule.name for rule in rules(document)] == ["First", "2", "3"]
    assert [rule.effect for rule in rules(document)] == [ALLOW, DENY, ALLOW]


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
        ("StringEqualsIgnoreCase", "eu", "EU", ALLOW),
        ("StringNotEqualsIgnoreCase", "EU", "eu", NONE),
        ("StringLike", "e?-*", "eu-central-1", ALLOW),
        ("StringLike", "e?-*", "us-east-1", NONE),
        ("StringLike", "EU-*", "eu-central-1", NONE),
        ("StringLike", "eu?-*", "eu-central-1", NONE),
        ("StringEquals", "${*}u", "*u", ALLOW),
        ("StringEquals", "", "", ALLOW),
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
        ("ArnLike", "arn:aws:sns:*:2:finance/*", "arn:aws:sns:eu:9:store/abc:2:finance/x", NONE),
        (
            "StringLike",
            "arn:aws:sns:*:2:finance/*",
            "arn:aws:sns:eu:9:store/abc:2:finance/x",
            ALLOW,
        ),
        (
            "ArnNotLike",
            "arn:aws:sns:*:2:finance/*",
            "arn:aws:sns:eu:9:store/abc:2:finance/x",
            ALLOW,
        ),
        ("ArnLike", "arn:aws:iam::*:ROLE/a", "arn:aws:iam::222222222222:role/a", NONE),
        ("ArnNotEquals", "arn:aws:iam::*:role/*", "arn:aws:iam::222222222222:role/a", NONE),
        ("ArnLike", "*", "arn:aws:iam::222222222222:role/a", NONE),
        ("Bool", "true", "true", ALLOW),
        ("Bool", True, "true", ALLOW),
        ("Bool", False, "true", NONE),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", ALLOW),
        ("BinaryEquals", "QmluYXJ5", "qmluyxj5", NONE),
        ("NumericLessThan", "10", "9.5", ALLOW),
        ("NumericLessThan", 10, "10", NONE),
        ("NumericLessThanEquals", 10, "10", ALLOW),
        ("NumericGreaterThan", 10, "11", ALLOW),
        ("NumericGreaterThanEquals", "10", "9", NONE),
        ("NumericEquals", "1", "1.0", ALLOW),
        ("NumericNotEquals", "1", "1.0", NONE),
        ("NumericEquals", "9007199254740993", "9007199254740992", NONE),
        ("NumericEquals", "1", "one", NONE),
        ("NumericEquals", "${aws:Key}", "1", NONE),
        ("NumericNotEquals", ["1", "2"], "2", NONE),
        ("DateLessThan", "2026-12-01T00:00:00Z", "2026-11-25T10:00:00Z", ALLOW),
        ("DateGreaterThan", "2026-12-01T00:00:00Z", "2026-11-25T10:00:00Z", NONE),
        ("DateEquals", "1764064800", "2025-11-25T10:00:00Z", ALLOW),
        ("DateEquals", "2025-11-25T11:00+01:00", "2025-11-25T10:00:00Z", ALLOW),
        ("DateLessThanEquals", "2025-11", "2025-11-01T00:00:00Z", ALLOW),
        ("DateGreaterThan", "2025-11-25", "2025-11-25T00:00:00Z", NONE),
        ("DateGreaterThanEquals", "2025-11-25", "2025-11-25T00:00:00Z", ALLOW),
        ("DateNotEquals", "1764064800", "2025-11-25T10:00:00Z", NONE),
        ("DateEquals", "yesterday", "yesterday", NONE),
        ("IpAddress", "10.8.0.0/16", "10.8.3.4", ALLOW),
        ("IpAddress", "10.8.0.0/16", "10.9.3.4", NONE),
        ("IpAddress", ["192.0.2.7", "10.0.0.0/8"], "192.0.2.7", ALLOW),
        ("NotIpAddress", "10.8.0.0/16", "10.9.3.4", ALLOW),
        ("NotIpAddress", ["10.8.0.0/16", "10.9.0.0/16"], "10.9.3.4", NONE),
        ("IpAddress", "0.0.0.0/0", "192.0.2.7", ALLOW),
        ("IpAddress", "10.8.7.7/16", "10.8.3.4", ALLOW),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", NONE),
        ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", ALLOW),
        ("IpAddress", "2001:db8:0::1", "2001:DB8::1", ALLOW),
        ("IpAddress", "10.8.0.0/16", "nowhere", NONE),
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
        ("StringNotEqualsIfExists", ALLOW),
        ("ForAllValues:StringNotEquals", ALLOW),
        ("ForAllValues:StringEqualsIfExists", ALLOW),
        ("ForAnyValue:StringEqualsIfExists", NONE),
        ("NotIpAddress", ALLOW),
        ("NumericNotEquals", ALLOW),
        ("ArnNotLike", ALLOW),
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
        ("ForAnyValue:StringNotEquals", ("a", "b"), NONE),
        ("ForAllValues:StringEquals", ("",), ALLOW),
        ("ForAnyValue:StringNotEquals", ("",), NONE),
        ("StringEquals", ("a", "b"), NONE),
        ("StringNotEquals", ("c", "d"), NONE),
        ("StringEqualsIfExists", ("a", "b"), NONE),
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
    assert judge(asked, aws__key="") is absent
    assert judge(asked, aws__key=("", "x")) is given


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
        ("home/${AWS:UserName}/*", "home/ann/file", ALLOW),
        (["home/all", "home/${aws:username}"], "home/all", ALLOW),
        (["home/all", "home/${aws:username}"], "home/ann", ALLOW),
        ("home/${aws:nothing}/*", "home//file", NONE),
        ("home/${aws:nothing, 'ann'}", "home/ann", ALLOW),
        ("home/${aws:username, 'bob'}", "home/ann", ALLOW),
        ("home/${aws:username, 'bob'}", "home/bob", NONE),
        ("home/${*}", "home/*", ALLOW),
        ("home/${*}", "home/ann", NONE),
    ],
)
def test_a_variable_stands_for_the_key_of_the_request(
    text: Any, value: str, effect: Effect
) -> None:
    assert judge(statement(Resource=text), resource=value, aws__username="ann") is effect
    condition = {"StringLike": {"aws:Path": text}}
    named = judge(statement(Condition=condition), aws__path=value, aws__username="ann")
    assert named is effect


@pytest.mark.parametrize(
    ("operator", "effect"),
    [
        ("StringEquals", NONE),
        ("StringLike", NONE),
        ("StringNotEquals", ALLOW),
        ("StringNotLike", ALLOW),
        ("ForAnyValue:StringNotEquals", ALLOW),
    ],
)
@pytest.mark.parametrize("variable", ["${aws:nothing}", "${aws:TagKeys}", "${aws:Empty}"])
def test_a_variable_without_one_value_is_like_nothing(
    operator: str, variable: str, effect: Effect
) -> None:
    condition = {operator: {"aws:Key": variable}}
    keys: dict[str, Any] = {"aws__key": "ann", "aws__TagKeys": ("a", "b"), "aws__Empty": ""}
    assert judge(statement(Condition=condition), **keys) is effect
    assert judge(statement(Resource=f"home/{variable}"), resource="home/ann", **keys) is NONE
    other = {"Effect": "Allow", "Action": "*", "NotResource": f"home/{variable}"}
    assert judge(other, resource="home/ann", **keys) is ALLOW


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
        ({"Statement": statement(Condition={"NullIfExists": {"a": "true"}})}, "NullIfExists"),
        (
            {"Statement": statement(Condition={"ForAnyValue:Null": {"a": "true"}})},
            "ForAnyValue:Null",
        ),
        ({"Statement": statement(Condition={"ForSome:Bool": {"a": "true"}})}, "ForSome:Bool"),
    ],
)
def test_a_malformed_document_is_explained(document: object, word: str) -> None:
    found = problem(document)
    assert found is not None
    assert word in found


def test_a_sound_document_has_no_problem() -> None:
    condition = {"ForAllValues:StringEqualsIfExists": {"a": "b"}, "Null": {"c": "true"}}
    assert problem({"Version": "2012-10-17", "Statement": [statement(Condition=condition)]}) is None
