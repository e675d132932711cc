"""`python -m ops releases`: what runs where, and what STAGE has that PROD has not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ops import releases
from tests.ops.conftest import Said
from tests.ops.releases import Repository, update

Ops = Callable[..., Said]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return releases.new(tmp_path, monkeypatch)


def shown(ops: Ops) -> list[str]:
    said = ops("releases")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 100
    return lines


def told(ops: Ops) -> list[str]:
    """Return what is said below the table."""
    lines = shown(ops)
    return lines[lines.index("") + 1 :]


def test_each_stack_is_shown_with_its_release_or_as_not_deployed(
    ops: Ops, repository: Repository
) -> None:
    commit = repository.commit("second")
    repository.answer(
        "org", "main", {"release_ref": "main", "release_commit": commit}, [update(commit)]
    )
    repository.deploy("stage", commit, past=[update(commit, time="23:59")])
    repository.deploy("prod", commit, "v1.0.0")

    short = commit[:12]
    assert shown(ops)[:5] == [
        "stack      ref     commit        updated (UTC)",
        f"org/main   main    {short}  2026-11-25 10:00",
        "app/dev    -       -             -                 not deployed",
        f"app/stage  main    {short}  2026-11-25 23:59",
        f"app/prod   v1.0.0  {short}  2026-11-25 10:00",
    ]


def test_a_stack_that_was_made_and_never_updated_is_not_deployed(
    ops: Ops, repository: Repository
) -> None:
    repository.answer("repository", "dev", {}, [])

    assert "app/dev    -    -       -              not deployed" in shown(ops)


@pytest.mark.parametrize(
    ("result", "how"), [("failed", "failed"), ("in-progress", "is not finished")]
)
def test_an_update_that_did_not_succeed_is_told_beside_the_last_one_that_did(
    ops: Ops, repository: Repository, result: str, how: str
) -> None:
    good, bad = repository.commit("good"), repository.commit("bad")
    past = [update(bad, result, "11:30"), update(good, time="09:00")]
    repository.answer("repository", "stage", {"domain": "x"}, past)

    note = f"the last update to {bad[:12]} {how}"
    assert f"app/stage  -    -       2026-11-25 09:00  {note}" in shown(ops)
    assert told(ops) == ["app/stage runs no whole release, so it cannot be compared with app/prod."]


def test_a_refresh_is_no_update(ops: Ops, repository: Repository) -> None:
    commit = repository.commit("second")
    refresh = {**update(commit, "failed", "12:00"), "kind": "refresh"}
    repository.deploy("stage", commit, past=[refresh, update(commit)])

    assert f"app/stage  main  {commit[:12]}  2026-11-25 10:00" in shown(ops)


def test_nothing_is_ahead_where_both_run_the_same(ops: Ops, repository: Repository) -> None:
    commit = repository.commit("second")
    repository.deploy("stage", commit)
    repository.deploy("prod", commit, "v1.0.0")

    assert told(ops) == ["app/prod runs what app/stage runs."]


def test_what_stage_is_ahead_is_told_by_title_the_newest_first(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("prod", repository.commit("released"), "v1.0.0")
    repository.commit("more memory")
    repository.deploy("stage", repository.commit("more tests\n\nand why"))

    assert told(ops) == [
        "app/stage is 2 commits ahead of app/prod:",
        "  more tests",
        "  more memory",
    ]


def test_after_going_back_stage_is_told_to_be_behind(ops: Ops, repository: Repository) -> None:
    repository.deploy("stage", repository.commit("good"))
    repository.deploy("prod", repository.commit("bad"), "v1.0.1")

    assert told(ops) == [
        "app/stage is 1 commit behind app/prod, as after going back; app/prod has:",
        "  bad",
    ]


def test_commits_beside_each_other_are_told_both_ways(ops: Ops, repository: Repository) -> None:
    start = repository.commit("start")
    repository.deploy("stage", repository.commit("left"))
    repository.git("checkout", "--quiet", start)
    repository.commit("right 1")
    repository.deploy("prod", repository.commit("right 2"), "v1.0.0")

    assert told(ops) == [
        "app/stage and app/prod stand beside each other; app/stage has 1 commit:",
        "  left",
        "and app/prod has 2 commits:",
        "  right 2",
        "  right 1",
    ]


def test_many_commits_are_counted_and_the_newest_are_shown(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("prod", repository.commit("released"), "v1.0.0")
    for number in range(23):
        repository.commit(f"commit {number}")
    repository.deploy("stage", repository.git("rev-parse", "HEAD"))

    lines = told(ops)
    assert lines[:2] == ["app/stage is 23 commits ahead of app/prod:", "  commit 22"]
    assert lines[-2:] == ["  commit 3", "  and 3 more"]


def test_a_title_does_nothing_to_the_terminal(ops: Ops, repository: Repository) -> None:
    repository.deploy("prod", repository.commit("released"), "v1.0.0")
    repository.commit("red \x1b[31m, \u202eturned\u2028 and \x85 broken")
    repository.deploy("stage", repository.commit("x" * 150))

    assert told(ops)[1:] == [f"  {'x' * 97}…", "  red ?[31m, ?turned? and ? broken"]


@pytest.mark.parametrize("stack", ["stage", "prod"])
def test_a_commit_that_is_not_in_this_clone_is_told_with_the_remedy(
    ops: Ops, repository: Repository, stack: str
) -> None:
    for name in ("stage", "prod"):
        repository.deploy(name, "ab" * 20 if name == stack else repository.commit("known"))

    assert told(ops) == [
        f"This clone does not know commit abababababab, which app/{stack} runs: run git fetch --tags "
        "origin."
    ]


def test_prod_that_is_not_deployed_is_compared_with_nothing(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("stage", repository.commit("second"))

    assert told(ops) == ["app/prod is not deployed, so it cannot be compared with app/stage."]


def test_a_backend_that_cannot_be_read_ends_it_in_one_sentence(
    ops: Ops, repository: Repository
) -> None:
    (repository.programs / "pulumi").write_text("#!/bin/sh\necho 'error: no login' >&2\nexit 1\n")

    said = ops("releases")

    assert (said.status, said.out) == (1, "")
    assert said.err == (
        "Stack org/main cannot be read (no login): check the backend (pulumi whoami -v)."
    )


def test_a_history_that_cannot_be_read_ends_it_in_one_sentence(
    ops: Ops, repository: Repository
) -> None:
    repository.deploy("stage", repository.commit("second"))
    (repository.programs / "repository-stage-history").unlink()

    assert ops("releases").err == (
        "pulumi stack history cannot tell how the last update of stage ended (error: no stack named 'stage' "
        "found): put the pulumi command on PATH and log in to the backend."
    )
