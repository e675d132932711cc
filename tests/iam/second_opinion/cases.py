"""Generated cases: documents of every element and operator, and requests that they are about.

Where the second implementation (@cloud-copilot/iam-simulate 0.1.173) is narrower than AWS or wrong,
nothing is generated, and `test_policy` holds the right value:

* A wildcard in the prefix of an action ("*:Get*"), and none of the colon: it reads two parts.
* `*` as a requested resource, or a `*` in one: it takes them for patterns of many resources.
* Resources in other case: it ignores the case of all but the last part of an ARN; AWS documents
  none of this.
* A wildcard that matches a colon: it never does, though "if the * wildcard is the last character of
  a resource ARN segment, it can expand to match beyond the colon boundaries".
* A variable before the last part of an ARN, or before the slash of a resource's type: it splits the
  text first, at the colon inside the variable too. AWS allows variables in the resource portion.
* `${*}`, `${?}` and `${$}` under operators without wildcards, where it compares the braces too: "can
  be used in any string where you can use regular policy variables".
* Empty values in a request or as a default: it compares them where AWS has a "null dataset".
* Texts that are no number, date or address under an operator that wants one: it lets inverted
  operators fail; AWS does not say.
* Dates as epoch seconds beside dates as text: it takes the seconds for milliseconds.
* 0.0.0.0/0, whose mask it shifts by 32 bits, that is by none; addresses of version 6 in other
  spellings; an address of one version under an operator with addresses without a prefix of the
  other: it lets the inverted operator fail.
* Values that are JSON numbers or booleans, which it cannot read, and documents of the old language,
  whose Version it does not look at.
* Actions of KMS and STS and the roles and policies of IAM, where it judges more than the levels.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import strategies as st

from iam.policy import Request, as_list, mapping, statements

OFTEN, SELDOM = 0.5, 0.15
ACTIONS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteBucket",
    "dynamodb:DeleteTable",
    "dynamodb:GetItem",
    "ec2:RunInstances",
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "lambda:InvokeFunction",
    "organizations:LeaveOrganization",
)
RESOURCES: tuple[str, ...] = (
    "arn:aws:s3:::data-eu",
    "arn:aws:s3:::data-eu/ann/file.txt",
    "arn:aws:s3:::data-eu/bob/file.txt",
    "arn:aws:dynamodb:eu-central-1:222222222222:table/items",
    "arn:aws:dynamodb:us-east-1:222222222222:table/items",
    "arn:aws:ec2:eu-central-1:222222222222:instance/i-1",
    "arn:aws:iam::222222222222:user/ann",
    "arn:aws:lambda:eu-central-1:222222222222:function:pay",
)
WITH_VARIABLES = (
    "arn:aws:s3:::data-eu/${aws:username}/*",
    "arn:aws:s3:::${aws:PrincipalTag/bucket}*",
    "arn:aws:s3:::data-${AWS:principaltag/region, 'eu'}/*/file.txt",
    "arn:aws:s3:::data-eu/${aws:PrincipalTag/never}/*",
    "arn:aws:s3:::data-eu/${aws:TagKeys}/*",
    "arn:aws:s3:::data-eu/*${$}*",
    "arn:aws:iam::*:user/${aws:username}",
    "arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/table, 'items'}",
)
SHORT = ("*", "arn:aws:s3:*", "arn:aws:*", "arn:aws:iam::*")

ANN_ARN, BOB_ARN = "arn:aws:iam::222222222222:role/ann", "arn:aws:iam::222222222222:role/team/bob"
STRINGS = ("ann", "Ann", "bob", "bo*", "a?n", "eu-central-1", "$x", "data-eu")
LONG_ARN = "arn:aws:sns:eu-west-1:999999999999:store/abc:222222222222:finance/x"
ARNS = (ANN_ARN, BOB_ARN, ANN_ARN.replace("role", "user"), LONG_ARN, LONG_ARN, *RESOURCES[:4])
NUMBERS = ("0", "1", "1.0", "2.5", "10", "-3")
EPOCHS = ("1764064800", "1764064801", "1700000000")
DATES = (
    "2025-11-25T10:00:00Z",
    "2025-11-25T11:00:00+01:00",
    "2025-11-25T10:00:01Z",
    "2025-11-25",
    "2025-11",
    "2025-11-25T10:00Z",
    "2025-11-25T10:00:00.5Z",
)
ADDRESSES = ("10.8.0.1", "10.8.3.4", "10.9.0.1", "192.0.2.7", "2001:db8::1", "2001:db8:1::7")
NETWORKS = (
    "10.8.0.0/16",
    "10.8.3.4/32",
    "10.0.0.0/7",
    "192.0.2.9/29",
    "2001:db8::/32",
    "2001:db8::/47",
    "::/1",
)
BOOLEANS = ("true", "false")
BINARIES = ("QmluYXJ5", "YmluYXJ5", "QmluYXJ5VmFsdWU=")
LIKE = (*STRINGS, "*", "a*", "*n", "?nn", "b?b", "eu-*-1", "*-*", "data-?u", "a*n*", "**")
VARIABLE_STRINGS = (
    "${aws:username}",
    "${aws:PrincipalTag/region, 'ann'}",
    "${aws:PrincipalTag/never}",
    "${aws:TagKeys}",
    "data-${aws:principaltag/region}",
)
VARIABLE_LIKE = (*VARIABLE_STRINGS, "${aws:username}*", "?${*}", "bo${*}", "a${?}n", "${$}?")
ARN_LIKE = (
    *ARNS,
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::222222222222:*",
    "arn:aws:*:*:*:*",
    "arn:aws:iam::2*2:role/a?n",
    "arn:aws:s3:::*",
    "arn:*:dynamodb:eu-*:??????222222:table/it*",
    "arn:aws:iam:*:role/ann",
    "arn:aws:iam::222222222222:role/*/bob",
    "arn:aws:sns:*:222222222222:finance/*",
    "arn:aws:sns:eu-west-1?999999999999:store/abc:222222222222:finance/x",
    "arn:aws:sns:*:*:*:finance/?",
)
VARIABLE_ARNS = (
    "arn:aws:iam::*:role/${aws:username}",
    "arn:aws:iam::222222222222:role/*/${aws:PrincipalTag/never}",
    "arn:aws:iam::222222222222:user/${aws:PrincipalTag/never, 'ann'}",
    "arn:aws:iam::*:${aws:PrincipalTag/kind}/ann",
)


@dataclass(frozen=True)
class Kind:
    """Operators of one kind, what they are compared with, and the keys that they suit."""

    operators: tuple[str, ...]
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    single: tuple[str, ...]
    many: str


_STRING = {
    "found": STRINGS,
    "single": ("aws:username", "aws:PrincipalTag/region", "aws:PrincipalTag/bucket"),
    "many": "aws:TagKeys",
}
KINDS = (
    Kind(
        ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        (*STRINGS, *VARIABLE_STRINGS),
        **_STRING,
    ),
    Kind(("StringLike", "StringNotLike"), (*LIKE, *VARIABLE_LIKE), **_STRING),
    Kind(
        ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
        (*ARN_LIKE, *VARIABLE_ARNS),
        ARNS,
        ("aws:PrincipalArn", "aws:SourceArn"),
        "logs:LogGeneratingResourceArns",
    ),
    Kind(
        (
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ),
        NUMBERS,
        NUMBERS,
        ("s3:max-keys", "aws:MultiFactorAuthAge"),
        "example:Numbers",
    ),
    Kind(
        (
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ),
        DATES,
        DATES,
        ("aws:CurrentTime", "aws:TokenIssueTime"),
        "example:Dates",
    ),
    Kind(
        ("DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals"),
        EPOCHS,
        EPOCHS,
        ("aws:EpochTime",),
        "example:Epochs",
    ),
    Kind(
        ("Bool",),
        (*BOOLEANS, "True", "${aws:SecureTransport}"),
        BOOLEANS,
        ("aws:SecureTransport", "aws:ViaAWSService"),
        "example:Booleans",
    ),
    Kind(("BinaryEquals",), BINARIES, BINARIES, ("example:Binary",), "example:Binaries"),
    Kind(
        ("IpAddress", "NotIpAddress"),
        (*NETWORKS, *ADDRESSES[:4]),
        ADDRESSES[:4],
        ("aws:SourceIp", "aws:VpcSourceIp"),
        "example:Addresses",
    ),
    Kind(
        ("IpAddress", "NotIpAddress"),
        (*NETWORKS, *ADDRESSES[4:]),
        ADDRESSES[4:],
        ("example:Source6",),
        "example:Addresses6",
    ),
)
QUANTIFIERS = ("", "ForAllValues:", "ForAnyValue:")
OPERATORS = sorted({operator for kind in KINDS for operator in kind.operators})


EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*found: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(found)}


def condition(random: Random) -> dict[str, Any]:
    """Make one operator with one key."""
    (kind,) = random.choices(KINDS, [len(kind.operators) for kind in KINDS])
    key = random.choice((*kind.single, kind.many, kind.many))
    if random.random() < OFTEN:
        key = key.upper()
    if random.random() < SELDOM:
        return {"Null": {key: _one_or_many(random, BOOLEANS)}}
    quantifier, if_exists = random.choice(QUANTIFIERS), random.choice(("", "", "IfExists"))
    operator = f"{quantifier}{random.choice(kind.operators)}{if_exists}"
    return {operator: {key: _one_or_many(random, kind.wanted)}}


def _one_or_many(random: Random, values: Sequence[str]) -> str | list[str]:
    count = random.choice((0, 1, 2, 3))
    return random.sample(values, min(count, len(values))) if count else random.choice(values)


def context(random: Random) -> dict[str, tuple[str, ...]]:
    """Choose which keys a request has, and their values."""
    found: dict[Any, tuple[str, ...]] = {}
    for kind in KINDS:
        for key in kind.single:
            found[key] = (random.choice(kind.found),)
        found[kind.many] = tuple(random.choices(kind.found, k=random.choice((1, 2, 3))))
    found["aws:PrincipalTag/kind"] = (random.choice(("role", "user")),)
    found["aws:PrincipalTag/table"] = (random.choice(("items", "orders")),)
    return {key.lower(): values for key, values in found.items() if random.random() > SELDOM * 2}


def _action(random: Random) -> str:
    """Make a pattern of an action, or take the action itself."""
    service, _, name = random.choice(ACTIONS).partition(":")
    if random.random() < OFTEN:
        name = _blurred(random, name)
    pattern = random.choice((f"{service}:{name}", f"{service}:{name}", f"{service}:*", "*"))
    return pattern.upper() if random.random() < SELDOM else pattern


def _resource(random: Random) -> str:
    """Make a pattern of a resource, its wildcards within the parts of the ARN."""
    parts = random.choice(RESOURCES).split(":", 5)
    for part in (3, 4):
        if parts[part] and random.random() < OFTEN:
            parts[part] = _blurred(random, parts[part])
    if random.random() < OFTEN:
        separator = "" if parts[2] == "s3" else "/" if "/" in parts[5] else ":"
        kind, _, name = parts[5].partition(separator) if separator else ("", "", parts[5])
        parts[5] = f"{kind}{separator}{_blurred(random, name)}"
    return ":".join(parts)


def _blurred(random: Random, text: str) -> str:
    """Put a wildcard in the place of a part of a text, once or twice."""
    for _ in range(random.choice((1, 2))):
        start = random.randrange(len(text))
        if random.random() < OFTEN:
            text = f"{text[:start]}?{text[start + 1 :]}"
        else:
            text = f"{text[:start]}*{text[random.randint(start, len(text)) :]}"
    return text


def _statement(random: Random) -> dict[str, Any]:
    """Make a statement of any shape that a service control policy may have."""
    actions = [_action(random) for _ in range(random.choice((1, 1, 2, 3)))]
    negated = random.random() < SELDOM * 2
    also = WITH_VARIABLES if negated else (*WITH_VARIABLES, *SHORT, *SHORT, "*", "*")
    resources = [
        random.choice(also) if random.random() < OFTEN else _resource(random)
        for _ in range(random.choice((1, 1, 2, 3)))
    ]
    conditions: dict[str, Any] = {}
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        for operator, keys in condition(random).items():
            conditions.setdefault(operator, {}).update(keys)
    return {
        "Effect": random.choice(("Allow", "Deny", "Deny")),
        random.choice(("Action", "Action", "NotAction")): _unwrapped(actions),
        "NotResource" if negated else "Resource": _unwrapped(resources),
        **({"Condition": conditions} if conditions else {}),
    }


def _unwrapped(found: list[str]) -> str | list[str]:
    return found[0] if len(found) == 1 else found


def request(random: Random) -> Request:
    """Make a request, of an action on a resource that need not belong together."""
    return Request(
        action=random.choice(ACTIONS), resource=random.choice(RESOURCES), context=context(random)
    )


def levels(random: Random) -> list[list[dict[str, Any]]]:
    """Make one to three levels, most with FullAWSAccess attached beside other policies."""
    return [_level(random) for _ in range(random.choice((1, 2, 3)))]


def _level(random: Random) -> list[dict[str, Any]]:
    counts = [random.choice((1, 2, 3)) for _ in range(random.choice((0, 1, 2)))]
    found = [document(*(_statement(random) for _ in range(count))) for count in counts]
    return found if random.random() < SELDOM * 2 else [document(EVERYTHING), *found]


randoms = st.integers(0, 2**24 - 1).map(Random)
"""One number for all that an example is made of.

Hypothesis copies what it has drawn from one place of an example to others, so with a draw for each
part seven of eight conditions came twice, and 20,000 cases were no 20,000.
"""

NO_VALUE = "no-value"
_NO_VALUE_ARN = "arn:aws:none:none:none:none/none"
_VARIABLE = re.compile(r"\$\{([^}',]*)\}")


def without_null_values(found: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """Say in other words what the second implementation lets fail: a variable without a value.

    "Inverted condition operators like StringNotEquals or StringNotLike do match against a null
    value, as the value of the condition key they are testing against is not equal to or like the
    effectively null value", and a "resource that includes a policy variable with no value will not
    match any resource", in NotResource either. It lets both fail, so it is given a value that
    nothing has.
    """
    return {**found, "Statement": [_without(one, request) for one in statements(found)]}


def _without(statement: Mapping[str, object], request: Request) -> dict[str, object]:
    changed = dict(statement)
    if "NotResource" in changed:
        changed["NotResource"] = _valued(changed["NotResource"], request, _NO_VALUE_ARN)
    if "Condition" in changed:
        changed["Condition"] = {
            operator: {
                key: _valued(values, request, _NO_VALUE_ARN if "Arn" in operator else NO_VALUE)
                for key, values in mapping(keys).items()
            }
            if "Not" in operator
            else keys
            for operator, keys in mapping(changed["Condition"]).items()
        }
    return changed


def _valued(values: object, request: Request, other: str) -> list[object]:
    return [other if lacks_value(str(one), request) else one for one in as_list(values)]


def lacks_value(text: str, request: Request) -> bool:
    """Tell whether a text has a variable without a default that has not exactly one value."""
    names = (name for name in _VARIABLE.findall(text) if name not in {"*", "?", "$"})
    return any(len(request.context.get(name.lower(), ())) != 1 for name in names)
