"""How the levels above an account add up, and whom they do not bind."""

from typing import Any

import pytest

from iam.policy import EVERYTHING, Effect, Request
from iam.service_control import Exemption, Level, decide

MANAGEMENT, MEMBER = "111111111111", "222222222222"
FULL = {"FullAWSAccess": EVERYTHING}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(effect: str, action: str, **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*", **elements}


def request(action: str = "dynamodb:DeleteTable", principal: str = "role/admin") -> Request:
    arn = principal if principal.startswith("arn:") else f"arn:aws:iam::{MEMBER}:{principal}"
    return Request(action=action, resource="*", context={"aws:principalarn": (arn,)})


KEEP = {"keep-tables": document(statement("Deny", "dynamodb:DeleteTable", Sid="KeepTables"))}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_denial_on_any_level_denies(place: int) -> None:
    levels = [Level(name, FULL | KEEP if at == place else FULL) for at, name in enumerate("ABC")]

    decision = decide(levels, request(), MANAGEMENT)

    assert decision.effect is Effect.DENY
    assert not decision.allowed
    assert (
        str(decision.deciding) == f"{'ABC'[place]}: denied by statement KeepTables of keep-tables."
    )
    assert decide(levels, request("dynamodb:GetItem"), MANAGEMENT).allowed


def test_each_level_must_allow() -> None:
    tables = {"tables": document(statement("Allow", "dynamodb:*"))}
    levels = [Level("Root", FULL), Level("Workloads", tables), Level("dev", FULL)]

    assert decide(levels, request(), MANAGEMENT).allowed

    refused = decide(levels, request("s3:GetObject"), MANAGEMENT)
    assert refused.effect is Effect.NONE
    assert str(refused.deciding) == "Workloads has no statement that allows it."


def test_a_level_without_policies_allows_nothing() -> None:
    assert decide([Level("Root", FULL), Level("dev", {})], request()).effect is Effect.NONE


def test_without_levels_everything_is_allowed() -> None:
    assert decide([], request(), MANAGEMENT).allowed


def test_a_denial_decides_before_a_level_above_it_that_does_not_allow() -> None:
    decision = decide([Level("Root", {}), Level("dev", KEEP)], request(), MANAGEMENT)

    assert decision.effect is Effect.DENY
    assert decision.deciding is not None
    assert decision.deciding.level == "dev"


def test_a_denial_wins_within_a_level_wherever_it_stands() -> None:
    for policies in (FULL | KEEP, KEEP | FULL):
        assert decide([Level("dev", policies)], request(), MANAGEMENT).effect is Effect.DENY


def test_an_explanation_goes_level_by_level() -> None:
    condition = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}}
    numbered = document(
        statement("Allow", "s3:*"), statement("Deny", "dynamodb:*", Condition=condition)
    )
    levels = [Level("Root", FULL), Level("Workloads", {"guard-rails-1": numbered})]

    assert decide(levels, request(), MANAGEMENT).explanation() == [
        "Root: allowed by statement 1 of FullAWSAccess.",
        "Workloads: denied by statement 2 of guard-rails-1.",
    ]
    assert decide(levels, request(principal="role/deploy"), MANAGEMENT).explanation() == [
        "Root: allowed by statement 1 of FullAWSAccess.",
        "Workloads has no statement that allows it.",
    ]


@pytest.mark.parametrize(
    ("principal", "exemption"),
    [
        (f"arn:aws:iam::{MANAGEMENT}:user/operator", Exemption.MANAGEMENT_ACCOUNT),
        (f"arn:aws:iam::{MANAGEMENT}:root", Exemption.MANAGEMENT_ACCOUNT),
        ("role/aws-service-role/ops.apigateway.amazonaws.com/Any", Exemption.SERVICE_LINKED_ROLE),
        ("role/aws-service-role", None),
        ("role/team/aws-service-role/admin", None),
        ("role/role/aws-service-role/admin", None),
        ("user/aws-service-role/x", None),
        (f"role/{MANAGEMENT}", None),
        ("root", None),
    ],
)
def test_the_management_account_and_service_linked_roles_are_exempt(
    principal: str, exemption: Exemption | None
) -> None:
    decision = decide([Level("dev", FULL | KEEP)], request(principal=principal), MANAGEMENT)

    assert decision.exemption is exemption
    assert decision.allowed is (exemption is not None)


def test_an_exemption_is_explained() -> None:
    levels = [Level("dev", KEEP)]
    linked = request(principal="role/aws-service-role/support.amazonaws.com/Any")
    operator = request(principal=f"arn:aws:iam::{MANAGEMENT}:user/operator")

    assert decide(levels, linked, MANAGEMENT).explanation() == [
        "No service control policy binds the caller, who is a service-linked role."
    ]
    assert decide(levels, operator, MANAGEMENT).explanation() == [
        "No service control policy binds the caller, who is in the management account."
    ]


def test_no_account_is_exempt_where_none_is_called_the_management_account() -> None:
    for context in ({}, {"aws:principalarn": ("arn:aws:iam::None:user/x",)}):
        asked = Request(action="dynamodb:DeleteTable", resource="*", context=context)
        assert decide([Level("dev", FULL | KEEP)], asked).effect is Effect.DENY
