"""Who may assume a role: what its trust, the caller's policies and the caller's boundary make of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from iam.assumption import MADE_ELSEWHERE, Role, administrators, assumptions
from iam.policy import EVERYTHING

TOOLS, DEV = "222222222222", "333333333333"
BUILD = f"arn:aws:iam::{TOOLS}:role/build"
DEPLOY = f"arn:aws:iam::{DEV}:role/deploy"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(principal: Any, effect: str = "Allow", **condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Action": "sts:AssumeRole",
        "Principal": principal,
        "Condition": condition,
    }


def assume(resource: str = DEPLOY, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Action": "sts:AssumeRole",
        "Resource": resource,
        "Condition": condition,
    }


ACCOUNT_OF_BUILD = trust({"AWS": f"arn:aws:iam::{TOOLS}:root"})
ONLY_BUILD = trust({"AWS": TOOLS}, ArnEquals={"aws:PrincipalArn": BUILD})
NOBODY = document(trust({"AWS": BUILD}, "Deny"))


def role(
    arn: str, *trusted: dict[str, Any], policies: Sequence[Any] = (), boundary: Any = None
) -> Role:
    admitted = document(*trusted) if trusted else NOBODY
    return Role(arn=arn, trust=admitted, policies=policies, boundary=boundary)


def ways(
    *trusted: dict[str, Any], policies: Any = (), boundary: Any = None
) -> list[tuple[str, str]]:
    """Return who may assume the deploy role with this trust, where the build role has these policies."""
    build = role(BUILD, policies=policies, boundary=boundary)
    other = role(f"{BUILD}-other", policies=[EVERYTHING])
    found = assumptions([build, other, role(DEPLOY, *trusted)])
    return [(it.principal, it.condition) for it in found if it.role == DEPLOY]


ALLOWED = [document(assume())]


def test_a_role_of_another_account_needs_both_the_trust_and_its_own_policy() -> None:
    assert ways(ONLY_BUILD, policies=ALLOWED) == [(BUILD, "")]
    assert ways(ONLY_BUILD) == []
    assert ways(NOBODY["Statement"][0], policies=ALLOWED) == []


def test_a_policy_for_another_role_does_not_help() -> None:
    assert ways(ONLY_BUILD, policies=[document(assume(f"{DEPLOY}-other"))]) == []


def test_a_trust_in_the_account_admits_each_of_its_roles_that_may() -> None:
    assert ways(ACCOUNT_OF_BUILD, policies=ALLOWED) == [(BUILD, ""), (f"{BUILD}-other", "")]
    assert ways(ACCOUNT_OF_BUILD) == [(f"{BUILD}-other", "")]


def test_a_condition_on_who_calls_is_judged() -> None:
    by_account = trust("*", StringEquals={"aws:PrincipalAccount": TOOLS})

    assert (BUILD, "") in ways(by_account, policies=ALLOWED)
    elsewhere = trust({"AWS": TOOLS}, StringEquals={"aws:PrincipalAccount": DEV})
    assert ways(elsewhere, policies=ALLOWED) == []


def test_a_denial_wins_on_either_side() -> None:
    assert ways(ONLY_BUILD, trust({"AWS": BUILD}, "Deny"), policies=ALLOWED) == []
    assert ways(ONLY_BUILD, policies=[*ALLOWED, document(assume("*", "Deny"))]) == []


@pytest.mark.parametrize(
    ("boundary", "way"),
    [
        (document(assume()), [(BUILD, "")]),
        (document(assume(f"{DEPLOY}-other")), []),
        (document(assume("*"), assume("*", "Deny")), []),
    ],
)
def test_a_boundary_limits_what_a_role_may_assume(boundary: Any, way: Any) -> None:
    assert ways(ONLY_BUILD, policies=ALLOWED, boundary=boundary) == way


def test_in_its_own_account_a_role_that_is_named_needs_no_policy() -> None:
    own = f"arn:aws:iam::{DEV}:role/own"

    def found(principal: str, *policies: dict[str, Any]) -> list[str]:
        roles = [role(own, policies=policies), role(DEPLOY, trust({"AWS": principal}))]
        return [it.principal for it in assumptions(roles)]

    assert found(own) == [own]
    assert found(DEV) == []
    assert found(DEV, *ALLOWED) == [own]
    assert found(own, document(assume("*", "Deny"))) == []


MFA = {"aws:MultiFactorAuthPresent": "true"}


def test_what_only_a_call_decides_is_told_as_its_condition() -> None:
    with_mfa = trust({"AWS": BUILD}, Bool=MFA)
    with_id = [document(assume(StringEquals={"sts:ExternalId": "x"}))]

    assert ways(with_mfa, policies=ALLOWED) == [(BUILD, 'aws:MultiFactorAuthPresent Bool "true"')]
    assert ways(with_mfa, policies=with_id) == [
        (BUILD, 'aws:MultiFactorAuthPresent Bool "true" and sts:ExternalId StringEquals "x"')
    ]
    assert ways(with_mfa, ONLY_BUILD, policies=ALLOWED) == [(BUILD, "")]


def test_several_ways_are_told_together() -> None:
    other = trust({"AWS": BUILD}, StringEquals={"sts:ExternalId": "x"})

    assert ways(trust({"AWS": BUILD}, Bool=MFA), other, policies=ALLOWED) == [
        (BUILD, 'aws:MultiFactorAuthPresent Bool "true" or sts:ExternalId StringEquals "x"')
    ]


def test_a_denial_that_a_call_can_avoid_denies_nothing() -> None:
    without_mfa = trust({"AWS": BUILD}, "Deny", Bool={"aws:MultiFactorAuthPresent": "false"})

    assert ways(ONLY_BUILD, without_mfa, policies=ALLOWED) == [(BUILD, "")]


def test_a_service_and_an_identity_provider_are_told_with_their_conditions() -> None:
    provider = f"arn:aws:iam::{DEV}:saml-provider/sso"
    source = {"aws:SourceAccount": DEV}

    assert ways(
        trust({"Service": "lambda.amazonaws.com"}, StringEquals=source),
        {**trust({"Federated": provider}), "Action": "sts:AssumeRoleWithSAML"},
    ) == [
        (provider, ""),
        ("lambda.amazonaws.com", f'aws:SourceAccount StringEquals "{DEV}"'),
    ]


def test_a_role_that_trusts_everybody_says_so() -> None:
    assert ("*", "") in ways(trust("*"))
    assert ("*", f'aws:PrincipalArn ArnEquals "{BUILD}"') in ways(
        trust("*", ArnEquals={"aws:PrincipalArn": BUILD})
    )


@pytest.mark.parametrize(
    "trusted",
    [
        trust({"AWS": f"arn:aws:iam::{TOOLS}:role/unknown"}),
        trust({"AWS": TOOLS}, ArnEquals={"aws:PrincipalArn": f"arn:aws:iam::{TOOLS}:role/unknown"}),
    ],
)
def test_a_role_that_is_named_and_that_nobody_knows_is_told(trusted: dict[str, Any]) -> None:
    assert (f"arn:aws:iam::{TOOLS}:role/unknown", MADE_ELSEWHERE) in ways(trusted)


def test_an_account_that_nobody_knows_is_told() -> None:
    assert ways(trust({"AWS": "999999999999"})) == [
        ("arn:aws:iam::999999999999:root", MADE_ELSEWHERE)
    ]


def test_administrators_of_an_account_get_where_it_is_trusted() -> None:
    def found(statement: dict[str, Any]) -> list[str]:
        return [
            it.principal for it in assumptions([role(DEPLOY, statement)], [administrators(TOOLS)])
        ]

    assert found(ACCOUNT_OF_BUILD) == [f"arn:aws:iam::{TOOLS}:root"]
    assert f"arn:aws:iam::{TOOLS}:root" not in found(ONLY_BUILD)


def test_an_action_that_is_not_to_assume_leads_nowhere() -> None:
    tagging = {**trust({"AWS": BUILD}), "Action": "sts:TagSession"}

    assert ways(tagging, policies=[EVERYTHING]) == []
