"""`python -m ops drift`: what has been changed outside Pulumi is said, and nothing is written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops import drift, telling
from ops.plan import Plan
from tests.ops import releases
from tests.ops.conftest import Said
from tests.ops.plans import (
    FUNCTION,
    LOG_GROUP,
    ROLE_POLICY,
    TABLE,
    Json,
    allow,
    deny,
    document,
    policy,
    step,
)
from tests.ops.releases import Repository

Ops = Callable[..., Said]

PROGRAM = """#!/bin/sh
case "$*" in
*refresh*)
    echo "$PWD $PYTHONPATH $VIRTUAL_ENV $PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER" >> "$0.places"
    echo "$*" >> "$0.asked"
    . "$0.answer"
    ;;
*) exec "$(dirname "$0")/pulumi-outputs" "$@" ;;
esac
"""
"""In place of pulumi: it writes down how it is asked to refresh, and answers as it is told."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = releases.new(tmp_path, monkeypatch)
    (found.root / "requirements.lock").write_text("")
    found.git("add", "--all")
    (found.programs / "pulumi").rename(found.programs / "pulumi-outputs")
    (found.programs / "pulumi").write_text(PROGRAM)
    (found.programs / "pulumi").chmod(0o755)
    for module in (drift, telling):
        monkeypatch.setattr(module, "ROOT", found.root)
    return found


def answer(repository: Repository, text: str, status: int = 0, complaint: str = "") -> None:
    (repository.programs / "text").write_text(text)
    (repository.programs / "complaint").write_text(complaint)
    (repository.programs / "pulumi.answer").write_text(
        f"cat {repository.programs}/text\ncat {repository.programs}/complaint >&2\nexit {status}\n"
    )


def asked(repository: Repository) -> list[str]:
    return (repository.programs / "pulumi.asked").read_text().splitlines()


def update(kind: str, old: Json, new: Json, *paths: str, **more: Any) -> Json:
    """Return the step of a resource that is found with other arguments."""
    return step(
        "update",
        kind,
        "it",
        old,
        new,
        was={"outputs": old},
        becomes={"outputs": new},
        detailedDiff={path: {"kind": "update"} for path in paths},
        **more,
    )


def lines(*steps: Json) -> list[str]:
    return list(drift.drift(Plan.read(document(*steps))))


def test_what_was_changed_is_said_with_both_values() -> None:
    changed = update(
        FUNCTION,
        {"memorySize": 256, "environment": {"variables": {"TABLE_NAME": "a"}}, "timeout": 10},
        {"memorySize": 512, "environment": {"variables": {"TABLE_NAME": "b"}}, "timeout": 10},
        "memorySize",
        "environment.variables.TABLE_NAME",
    )

    assert lines(changed) == [
        "changed outside Pulumi: lambda function it: memorySize 256 -> 512; "
        "environment.variables.TABLE_NAME a -> b"
    ]


def test_a_tag_is_said_once() -> None:
    changed = update(
        TABLE,
        {"tags": {}, "tagsAll": {"stack": "dev"}},
        {"tags": {"owner": "me"}, "tagsAll": {"stack": "dev", "owner": "me"}},
        "tags",
        "tagsAll.owner",
    )

    assert lines(changed) == ["changed outside Pulumi: dynamodb table it: tags.owner nothing -> me"]


def test_what_only_came_of_an_argument_is_no_drift() -> None:
    changed = update(FUNCTION, {"lastModified": "a"}, {"lastModified": "b"})

    assert lines(changed, step("refresh", TABLE, "it")) == []


def test_a_policy_is_said_by_what_it_allows_more_or_else_as_narrower() -> None:
    wide, narrow = ({"policy": policy(allow(it))} for it in ("s3:*", "s3:GetObject"))

    assert lines(update(ROLE_POLICY, narrow, wide, "policy")) == [
        "changed outside Pulumi: iam role policy it: also allows s3:*"
    ]
    assert lines(update(ROLE_POLICY, wide, narrow, "policy")) == [
        "changed outside Pulumi: iam role policy it: policy allows less"
    ]


def test_the_riskiest_comes_first() -> None:
    def memory(size: int) -> Json:
        return {"memorySize": size}

    guard_rail = [{"content": policy(it)} for it in (deny("qldb:*"), deny("s3:*"))]
    found = lines(
        update(FUNCTION, memory(128), memory(256), "memorySize"),
        step("delete", FUNCTION, "gone"),
        update("aws:organizations/policy:Policy", guard_rail[0], guard_rail[1], "content"),
        step("delete", LOG_GROUP, "gone"),
    )

    assert found == [
        "deleted outside Pulumi: cloudwatch log group gone",
        "changed outside Pulumi: organizations policy it: no longer denies qldb:*",
        "deleted outside Pulumi: lambda function gone",
        "changed outside Pulumi: lambda function it: memorySize 128 -> 256",
    ]


def test_of_many_arguments_the_first_three_are_said() -> None:
    old, new = (dict.fromkeys("abcde", value) for value in (1, 2))

    assert lines(update(FUNCTION, old, new, *"abcde")) == [
        "changed outside Pulumi: lambda function it: a 1 -> 2; b 1 -> 2; c 1 -> 2 and 2 more"
    ]


def test_a_name_cannot_break_a_line() -> None:
    assert lines(step("delete", TABLE, "a\nb\x1b[2J")) == [
        "deleted outside Pulumi: dynamodb table a?b?[2J"
    ]


def test_each_stack_is_compared_by_the_program_of_the_commit_that_it_runs(
    ops: Ops, repository: Repository
) -> None:
    commit = repository.commit("deployed")
    repository.commit("later")
    repository.answer("org", "main", {"release_commit": commit}, [])
    repository.deploy("dev", commit)
    answer(repository, document())

    said = ops("drift", "dev", "org")

    assert (said.status, said.out) == (0, "org/main: no drift\napp/dev: no drift\n")
    assert asked(repository) == [
        f"--non-interactive refresh --preview-only --run-program --json --stack {stack}"
        for stack in ("main", "dev")
    ]
    in_org, in_app = (
        line.split() for line in (repository.programs / "pulumi.places").read_text().splitlines()
    )
    tree = in_app[0]
    assert in_app == [tree, tree, f"{tree}/.venv", "true"]
    assert in_org == [f"{tree}/stacks/org", *in_app[1:]]
    assert Path(tree).name == commit[:12]
    assert not Path(tree).exists()


def test_drift_is_told_by_stack_and_has_a_status_of_its_own(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("dev", repository.commit("deployed"))
    answer(repository, document(step("delete", TABLE, "service-table")))

    said = ops("drift", "app/dev")

    assert (said.status, said.out) == (
        10,
        "app/dev:\n  deleted outside Pulumi: dynamodb table service-table\n",
    )


def test_without_names_every_stack_is_compared_and_an_error_does_not_end_the_others(
    ops: Ops, repository: Repository
) -> None:
    commit = repository.commit("deployed")
    for name in ("dev", "stage"):
        repository.deploy(name, commit)
    repository.answer("org", "main", {"release_commit": commit}, [])
    answer(repository, document(step("delete", TABLE, "it")))

    said = ops("drift")

    assert said.status == 1
    assert [line for line in said.out.splitlines() if not line.startswith(" ")] == [
        "org/main:",
        "app/dev:",
        "app/stage:",
        "app/prod: not compared. Stack app/prod does not say which commit it runs, since it is not "
        "deployed or its last update failed: first run: pulumi up -s prod",
    ]


def test_a_stack_whose_commit_is_not_in_this_clone_is_told_how_to_get_it(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("dev", "ab" * 20)

    said = ops("drift", "dev")

    assert (said.status, said.out) == (
        1,
        "app/dev: not compared. This clone does not know commit abababababab, which app/dev runs: "
        "run git fetch --tags origin.\n",
    )


def test_an_error_is_not_forgotten_over_what_comes_after(ops: Ops, repository: Repository) -> None:
    repository.deploy("dev", repository.commit("deployed"))
    answer(repository, document(step("delete", TABLE, "it")))

    assert ops("drift", "org", "dev").status == 1


FAILED = json.dumps(
    {"severity": "error", "message": "error: Cannot assume IAM Role", "urn": "a::b::c::account"}
)


@pytest.mark.parametrize(
    ("text", "complaint", "sentence"),
    [
        (
            document(diagnostics=[json.loads(FAILED)]),
            "",
            "The preview failed (account: Cannot assume IAM Role), so it does not tell what would "
            "change: mend that, and run it again.",
        ),
        (
            "",
            "error: no Pulumi project found\n",
            "The engine cannot compare the stack (no Pulumi project found): check the backend "
            "(pulumi whoami -v) and your credentials.",
        ),
        (
            "",
            "",
            "The engine cannot compare the stack (it gives no reason): check the backend (pulumi "
            "whoami -v) and your credentials.",
        ),
    ],
)
def test_a_stack_that_cannot_be_compared_is_told_in_one_sentence(
    ops: Ops, repository: Repository, text: str, complaint: str, sentence: str
) -> None:
    repository.deploy("dev", repository.commit("deployed"))
    answer(repository, text, 255, complaint)

    said = ops("drift", "dev")

    assert (said.status, said.out) == (1, f"app/dev: not compared. {sentence}\n")


def test_a_stack_that_there_is_not_is_refused(ops: Ops, repository: Repository) -> None:
    said = ops("drift", "deev")

    assert (said.status, said.out) == (1, "")
    assert said.err == (
        "There is no stack deev; there are: org/main, app/dev, app/stage, app/prod."
    )
    assert not Path(f"{repository.programs}/pulumi.asked").exists()


@pytest.mark.usefixtures("repository")
def test_the_engine_must_be_on_path(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin" + os.pathsep + "/bin")

    said = ops("drift", "dev")

    assert (said.status, said.out) == (
        1,
        "app/dev: not compared. pulumi is not on PATH: install it, or run this in the shell that "
        "`make sandbox-shell` opens.\n",
    )
