"""Service control policies: within AWS's limits, packed in a stable order, replaced without a gap."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.guard_rails import (
    CHARACTERS,
    LIBRARY,
    POLICIES_PER_TARGET,
    GuardRail,
    Limits,
    Statement,
    Terms,
)
from components.service_control import (
    DESCRIPTION_CHARACTERS,
    NAME,
    NAME_CHARACTERS,
    SUFFIX,
    GuardRails,
    GuardRailsArgs,
    ServiceControlPolicy,
    UnusableGuardRailsError,
    minified,
    packed,
    policies,
)
from tests.cloud import Cloud

TERMS = Terms(allowed_regions=["eu-central-1"], data_buckets="data-*")
LIMITS = Limits()
PROD = "Workloads/Production"


def statement(sid: str, characters: int = 0, **changes: Any) -> Statement:
    """Return a statement, of a resource so long that a policy of it alone has so many characters."""
    made = {"Sid": sid, "Effect": "Deny", "Action": "dynamodb:DeleteTable"} | changes
    made.setdefault("Resource", "*")
    if characters:
        arn = "arn:aws:dynamodb:*:*:table/"
        shortest = len(minified({"Version": "2012-10-17", "Statement": [made | {"Resource": arn}]}))
        made["Resource"] = arn + "x" * (characters - shortest)
    return made


def library(**statements: Sequence[Statement]) -> dict[str, GuardRail]:
    """Return a library of guard rails by name."""
    return {
        name: GuardRail(reason="a test", statements=lambda _, its=its: list(its))
        for name, its in statements.items()
    }


def on(
    target: str, rails: dict[str, GuardRail], limits: Limits = LIMITS
) -> list[ServiceControlPolicy]:
    """Return the policies of a target for which a whole library is switched on."""
    return policies({name: [target] for name in rails}, TERMS, limits, rails)[target]


def mistakes(target: str, rails: dict[str, GuardRail], limits: Limits = LIMITS) -> list[str]:
    with pytest.raises(UnusableGuardRailsError) as error:
        on(target, rails, limits)
    return str(error.value).splitlines()


def sids(found: Sequence[ServiceControlPolicy]) -> list[list[str]]:
    return [[it["Sid"] for it in policy.statements] for policy in found]


def test_a_policy_is_sent_without_white_space() -> None:
    (policy,) = on(PROD, dict(LIBRARY))

    assert json.loads(policy.content) == policy.document
    assert ": " not in policy.content
    assert ", " not in policy.content
    assert "\n" not in policy.content


def test_everything_of_the_library_fits_on_one_target_at_once() -> None:
    (policy,) = on("Root", dict(LIBRARY))

    assert len(policy.content) <= CHARACTERS
    assert policy.guard_rails == tuple(LIBRARY)
    assert len(policy.description) <= DESCRIPTION_CHARACTERS


def test_each_target_gets_the_guard_rails_that_are_on_for_it_in_the_librarys_order() -> None:
    rails = library(first=[statement("A")], second=[statement("B")], off=[statement("C")])

    found = policies({"second": ["Root", "prod"], "first": ["prod"]}, TERMS, LIMITS, rails)

    assert {target: sids(its) for target, its in found.items()} == {
        "prod": [["A", "B"]],
        "Root": [["B"]],
    }


def test_a_policy_may_have_the_greatest_size_and_no_more() -> None:
    assert len(on(PROD, library(it=[statement("A", CHARACTERS)]))[0].content) == CHARACTERS

    assert mistakes(PROD, library(it=[statement("A", CHARACTERS + 1)])) == [
        "guard rail it, statement A: alone it makes a policy of 10241 characters, and one has at "
        "most 10240; split it"
    ]


def test_an_organization_may_keep_its_policies_smaller() -> None:
    rails = library(it=[statement("A", 300), statement("B", 300)])

    assert sids(on(PROD, rails)) == [["A", "B"]]
    assert sids(on(PROD, rails, Limits(characters=400))) == [["A"], ["B"]]
    assert mistakes(PROD, rails, Limits(characters=299)) == [
        f"guard rail it, statement {sid}: alone it makes a policy of 300 characters, and one has at "
        "most 299 by guardRailLimits.characters; split it"
        for sid in "AB"
    ]


def full(count: int) -> dict[str, GuardRail]:
    """Return a library that fills so many policies."""
    return library(it=[statement(f"S{number}", CHARACTERS) for number in range(count)])


def test_a_target_has_so_many_policies_and_no_more() -> None:
    assert len(on(PROD, full(POLICIES_PER_TARGET - 1))) == 9

    assert mistakes(PROD, full(POLICIES_PER_TARGET)) == [
        "Workloads/Production has 11 service control policies with FullAWSAccess, and a target has "
        "at most 10; switch a guard rail on at another level instead"
    ]


def test_an_organization_may_leave_room_for_policies_by_hand() -> None:
    assert len(on(PROD, full(2), Limits(policies_per_target=3))) == 2
    assert mistakes(PROD, full(3), Limits(policies_per_target=3)) == [
        "Workloads/Production has 4 service control policies with FullAWSAccess, and a target has "
        "at most 3 by guardRailLimits.policiesPerTarget; switch a guard rail on at another level "
        "instead"
    ]


def test_a_name_leaves_room_for_what_makes_it_unique() -> None:
    longest = NAME_CHARACTERS - len(f"{NAME}--1{SUFFIX}")
    rails = library(it=[statement("A")])

    assert len(on("x" * longest, rails)[0].name + SUFFIX) == 128
    too_long = "x" * (longest + 1)
    assert mistakes(too_long, rails) == [
        f"policy guard-rails-{too_long}-1 has a name of 129 characters with what makes it unique, "
        f"and AWS takes 128; shorten {too_long}"
    ]


def test_a_name_is_ascii() -> None:
    assert mistakes("Büro", library(it=[statement("A")])) == [
        "policy guard-rails-Büro-1 has a name that is not ASCII; rename Büro"
    ]


def test_a_description_has_so_many_characters_and_no_more() -> None:
    (policy,) = on(PROD, library(it=[statement("A")]))
    assert policy.description == "it for Workloads/Production; changed by Pulumi only"

    name = "i" * (DESCRIPTION_CHARACTERS - len(policy.description) + len("it"))
    assert on(PROD, library(**{name: [statement("A")]}))
    assert mistakes(PROD, library(**{f"{name}t": [statement("A")]})) == [
        "policy guard-rails-Workloads/Production-1 has a description of 513 characters, and AWS "
        "takes 512; shorten the names of its guard rails"
    ]


def test_two_statements_of_a_policy_do_not_share_a_name() -> None:
    assert mistakes(PROD, library(first=[statement("A")], second=[statement("A")])) == [
        "policy guard-rails-Workloads/Production-1 has more than one statement A; give each "
        "statement of the library its own Sid"
    ]


def test_all_mistakes_of_all_guard_rails_are_told_at_once() -> None:
    rails = library(
        first=[statement("A", Action="dynamodb:DeleteTabel")],
        second=[statement("B"), statement("", Principal="*")],
    )

    assert mistakes(PROD, rails) == [
        "guard rail first, statement A: AWS has no action dynamodb:DeleteTabel; did you mean "
        "dynamodb:DeleteTable?",
        "guard rail second, statement 2: it has no Sid of letters and digits, by which decisions "
        "name it; give it one",
        "guard rail second, statement 2: a service control policy has no Principal; name whom it "
        "is about by aws:PrincipalArn in its Condition",
    ]


@pytest.mark.parametrize("wrong", ["Deny", None])
def test_a_statement_that_is_no_map_is_told_by_its_number(wrong: Any) -> None:
    assert mistakes(PROD, library(it=[statement("A"), wrong])) == [
        "guard rail it, statement 2: it is no map; write one with Sid, Effect, Action and Resource"
    ]


def test_what_could_not_be_sent_is_told() -> None:
    assert mistakes(PROD, library(it=[statement("A", Action={"s3:GetObject"})])) == [
        "guard rail it, statement A: its Action is neither a text nor a list of texts; write one "
        "of them"
    ]


def test_a_statement_goes_into_the_first_policy_with_room() -> None:
    rails = library(it=[statement("A", 300), statement("B", 600), statement("C", 300)])

    assert sids(on(PROD, rails, Limits(characters=650))) == [["A", "C"], ["B"]]


def test_a_policy_is_filled_to_its_last_character() -> None:
    rails = library(it=[statement("A", 300), statement("B", 300)])
    size = len(on(PROD, rails)[0].content)

    assert sids(on(PROD, rails, Limits(characters=size))) == [["A", "B"]]
    assert sids(on(PROD, rails, Limits(characters=size - 1))) == [["A"], ["B"]]


SIZES = st.lists(st.integers(min_value=150, max_value=1000), max_size=25)


def packs(sizes: Sequence[int]) -> list[ServiceControlPolicy]:
    named = [("it", statement(f"S{number}", size)) for number, size in enumerate(sizes)]
    return packed(PROD, named, 1000)


@given(SIZES, st.integers(min_value=150, max_value=1000))
def test_one_statement_more_at_the_end_changes_or_adds_one_policy(
    sizes: list[int], further: int
) -> None:
    before, after = packs(sizes), packs([*sizes, further])

    kept = {it.content for it in before} & {it.content for it in after}
    assert len(after) - len(kept) == 1
    assert [it.place for it in after][: len(before)] == [it.place for it in before]


@given(SIZES)
def test_no_statement_is_lost_doubled_or_out_of_order_and_no_policy_too_large(
    sizes: list[int],
) -> None:
    found = packs(sizes)

    assert all(len(it.content) <= 1000 for it in found)
    assert sorted(sid for its in sids(found) for sid in its) == sorted(
        f"S{number}" for number in range(len(sizes))
    )
    for its in sids(found):
        assert its == sorted(its, key=lambda sid: int(sid[1:]))
    assert [it.number for it in found] == list(range(1, len(found) + 1))


def attached(guard_rails: dict[str, list[str]], rails: dict[str, GuardRail] | None = None) -> Cloud:
    rails = rails or library(
        first=[statement("A", CHARACTERS)], second=[statement("B", CHARACTERS)]
    )
    args = GuardRailsArgs(
        organization_id="o-1",
        policies=policies(guard_rails, TERMS, LIMITS, rails),
        target_ids={"Root": "r-1", PROD: "ou-1", "prod": "222", "dev": "333"},
    )
    return Cloud().run(lambda: GuardRails(NAME, args))


def test_a_policy_is_attached_to_its_target_and_nowhere_else() -> None:
    cloud = attached({"first": ["Root", PROD], "second": [PROD]})

    made = cloud.of_type("Policy")
    attachments = cloud.of_type("PolicyAttachment")
    assert {name: it.inputs["targetId"] for name, it in attachments.items()} == {
        "guard-rails-Root-1": "r-1",
        "guard-rails-Workloads/Production-1": "ou-1",
        "guard-rails-Workloads/Production-2": "ou-1",
    }
    assert {name: it.inputs["policyId"] for name, it in attachments.items()} == {
        name: it.id for name, it in made.items()
    }


def test_a_policy_is_a_service_control_policy_and_says_what_is_in_it() -> None:
    made = attached({"first": ["prod"]}).only("Policy")

    assert made.inputs["type"] == "SERVICE_CONTROL_POLICY"
    assert made.inputs["description"] == "first for prod; changed by Pulumi only"
    assert [it["Sid"] for it in json.loads(made.inputs["content"])["Statement"]] == ["A"]


def test_a_changed_policy_is_replaced_under_a_name_that_pulumi_makes_unique() -> None:
    made = attached({"first": ["prod"]}).only("Policy")

    assert made.replace_on_changes == ("content",)
    assert "name" not in made.inputs


def test_full_access_is_left_to_aws() -> None:
    cloud = attached({"first": ["Root"], "second": ["Root"]})

    assert {it.type for it in cloud.resources} == {
        "multi-account:service_control:GuardRails",
        "aws:organizations/policy:Policy",
        "aws:organizations/policyAttachment:PolicyAttachment",
    }
    contents = [it.inputs["content"] for it in cloud.of_type("Policy").values()]
    assert not [it for it in contents if '"Allow"' in it]


def test_to_move_a_guard_rail_changes_the_target_it_leaves_and_the_one_it_comes_to_only() -> None:
    before = attached({"first": ["prod"], "second": ["Root"]}).of_type("Policy")
    after = attached({"first": ["dev"], "second": ["Root"]}).of_type("Policy")

    assert set(before) ^ set(after) == {"guard-rails-prod-1", "guard-rails-dev-1"}
    root = "guard-rails-Root-1"
    assert before[root].inputs == after[root].inputs


@pytest.mark.parametrize(("count", "warnings"), [(4, 0), (5, 1)])
def test_too_many_policies_to_change_at_once_are_warned_of(count: int, warnings: int) -> None:
    cloud = attached({"it": ["prod"]}, full(count))

    assert len(cloud.of_type("Policy")) == count
    assert (
        cloud.warnings
        == [
            "5 policies on prod: a change of all of them at once will fail, since the new are attached "
            "before the old are detached and a target has at most 10; switch some guard rails on at "
            "another level."
        ]
        * warnings
    )
