"""Whom a statement is about."""

from typing import Any

import pytest

from iam.principals import account_arn, names, principals

ACCOUNT = "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": ACCOUNT}, {"AWS": account_arn(ACCOUNT)}, {"AWS": [ROLE]}],
)
def test_a_caller_is_named_by_its_arn_its_account_or_a_star(principal: Any) -> None:
    assert names({"Principal": principal}, ACCOUNT, [ROLE])


@pytest.mark.parametrize(
    "principal",
    [{"AWS": [f"{ROLE}2", "333333333333"]}, {"Service": "*"}, {"Federated": ROLE}, None],
)
def test_others_are_not_named(principal: Any) -> None:
    assert not names({"Principal": principal}, ACCOUNT, [ROLE])


def test_not_principal_names_everybody_else() -> None:
    assert not names({"NotPrincipal": {"AWS": ROLE}}, ACCOUNT, [ROLE])
    assert names({"NotPrincipal": {"AWS": "333333333333"}}, ACCOUNT, [ROLE])


def test_each_kind_of_principal_is_told() -> None:
    statement = {"Principal": {"AWS": ["1", "2"], "Service": "ec2.amazonaws.com"}}

    assert list(principals(statement)) == [
        ("AWS", "1"),
        ("AWS", "2"),
        ("Service", "ec2.amazonaws.com"),
    ]


def test_an_account_is_named_by_its_root() -> None:
    assert account_arn(ACCOUNT) == "arn:aws:iam::222222222222:root"
