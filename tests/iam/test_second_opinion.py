"""The evaluator against an implementation of the policy language that others wrote.

At least 20,000 cases are generated, the same ones in each run, and none may be judged differently.
What the second implementation cannot be asked stands in `second_opinion.cases`.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from iam.policy import Effect, Request, as_list, evaluate, statements
from iam.service_control import Level, decide
from tests.iam.second_opinion import cases
from tests.iam.second_opinion.program import HERE, NotInstalledError, SecondOpinion, running

AT_ONCE = 5
EXAMPLES = 2_500
REPRODUCIBLE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
)
GENERATED = 20_000


@pytest.fixture(scope="module")
def second_opinion() -> Iterator[SecondOpinion]:
    try:
        with running() as program:
            yield program
    except NotInstalledError as error:
        if "CI" in os.environ:
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def seen() -> Counter[Any]:
    """What the cases of this module were made of, and what they led to."""
    return Counter()


@REPRODUCIBLE
@given(random=cases.randoms)
def test_a_condition_holds_where_another_implementation_says_so(
    second_opinion: SecondOpinion, seen: Counter[Any], random: Random
) -> None:
    context = cases.context(random)
    request = Request(action=cases.ACTIONS[0], resource=cases.RESOURCES[0], context=context)
    conditions = [cases.condition(random) for _ in range(AT_ONCE)]
    asked = [cases.document({**cases.EVERYTHING, "Condition": found}) for found in conditions]

    said = second_opinion.judge(
        ([[cases.without_null_values(document, request)]], request) for document in asked
    )

    for document, condition, effect in zip(asked, conditions, said, strict=True):
        assert evaluate([document], request) is effect, (condition, context)
        _note_condition(seen, condition, request, holds=effect is Effect.ALLOW)


@REPRODUCIBLE
@given(random=cases.randoms)
def test_levels_decide_as_another_implementation_says(
    second_opinion: SecondOpinion, seen: Counter[Any], random: Random
) -> None:
    levels = cases.levels(random)
    requests = [cases.request(random) for _ in range(AT_ONCE)]
    named = [
        Level(str(number), {str(place): found for place, found in enumerate(documents)})
        for number, documents in enumerate(levels)
    ]

    said = second_opinion.judge(
        (
            [[cases.without_null_values(it, request) for it in documents] for documents in levels],
            request,
        )
        for request in requests
    )

    for request, effect in zip(requests, said, strict=True):
        assert decide(named, request).effect is effect, (levels, request)
        seen[effect] += 1
        for statement in (one for level in levels for found in level for one in statements(found)):
            _note_elements(seen, statement, request)


def test_the_generated_cases_are_many_and_of_every_kind(
    second_opinion: SecondOpinion, seen: Counter[Any]
) -> None:
    assert second_opinion.judged >= GENERATED
    decided = sum(seen[effect] for effect in Effect)
    assert all(seen[effect] >= decided / 10 for effect in Effect), seen
    tried = [
        (f"{quantifier}{operator}", holds)
        for operator in cases.OPERATORS
        for quantifier in cases.QUANTIFIERS
        for holds in (True, False)
    ]
    assert not [it for it in [*tried, ("Null", True), ("Null", False)] if seen[it] < 10], seen
    features = (
        "IfExists without the key",
        "NotAction",
        "NotResource",
        "a key that is missing",
        "a multivalued key under a set operator",
        "a multivalued key under none",
        "a variable in a condition",
        "a variable in a resource",
        "a variable that has no value",
        "a wildcard in an action",
        "a wildcard in a resource",
        "several values",
    )
    assert not [feature for feature in features if seen[feature] < GENERATED / 100], seen


def _note_condition(
    seen: Counter[Any], condition: dict[str, Any], request: Request, *, holds: bool
) -> None:
    ((operator, keys),) = condition.items()
    ((key, wanted),) = keys.items()
    found = request.context.get(key.lower(), ())
    texts = [str(text) for text in as_list(wanted)]
    seen[operator.removesuffix("IfExists"), holds] += 1
    seen["several values"] += len(texts) > 1
    seen["IfExists without the key"] += operator.endswith("IfExists") and not found
    seen["a key that is missing"] += not found
    kind = "a set operator" if ":" in operator else "none"
    seen[f"a multivalued key under {kind}"] += len(found) > 1
    seen["a variable in a condition"] += any("${" in text for text in texts)
    seen["a variable that has no value"] += any(cases.lacks_value(it, request) for it in texts)


def _note_elements(seen: Counter[Any], statement: Any, request: Request) -> None:
    for element in ("NotAction", "NotResource"):
        seen[element] += element in statement
    actions = as_list(statement.get("Action", statement.get("NotAction")))
    resources = as_list(statement.get("Resource", statement.get("NotResource")))
    seen["a wildcard in an action"] += any(re.search(r":.*[*?]", str(one)) for one in actions)
    seen["a wildcard in a resource"] += any(re.search(r":.*[*?]", str(one)) for one in resources)
    seen["a variable in a resource"] += any("${a" in str(one) for one in resources)
    seen["a variable that has no value"] += any(
        cases.lacks_value(str(one), request) for one in resources
    )


@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        ({"Resource": "*", "Condition": {"StringNotEquals": {"aws:username": "${aws:SourceVpc}"}}}, Effect.DENY),
        ({"Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::2:role/${aws:SourceVpc}"}}}, Effect.DENY),
        ({"NotResource": "arn:aws:s3:::${aws:SourceVpc}"}, Effect.DENY),
        ({"Resource": "*", "Condition": {"StringEquals": {"aws:username": "${aws:SourceVpc}"}}}, Effect.NONE),
        ({"Resource": "arn:aws:s3:::${aws:SourceVpc}"}, Effect.NONE),
    ],
)  # fmt: skip
def test_the_only_difference_is_a_variable_without_a_value_under_an_inverted_operator(
    second_opinion: SecondOpinion, statement: dict[str, Any], effect: Effect
) -> None:
    context = {"aws:username": ("ann",), "aws:principalarn": ("arn:aws:iam::2:role/ann",)}
    request = Request(action="s3:GetObject", resource="arn:aws:s3:::data", context=context)
    document = cases.document({"Effect": "Deny", "Action": "s3:GetObject", **statement})

    assert evaluate([document], request) is effect
    assert cases.without_null_values(document, request) != document or effect is Effect.NONE
    (as_it_is, in_other_words) = second_opinion.judge(
        ([[cases.document(cases.EVERYTHING), found]], request)
        for found in (document, cases.without_null_values(document, request))
    )
    assert as_it_is is Effect.ALLOW
    assert in_other_words is (effect if effect is Effect.DENY else Effect.ALLOW)


def test_the_lock_of_the_second_opinion_has_hashes_and_names_no_registry() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: found for name, found in json.loads(text)["packages"].items() if name}

    assert all(found["integrity"].startswith("sha512-") for found in packages.values())
    assert not [name for name, found in packages.items() if "resolved" in found]
    assert "//" not in text
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
