"""`python -m ops promote`: the tag is made only where PROD's gate would take it, on what STAGE runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.git import git
from tests.ops import releases
from tests.ops.conftest import Said
from tests.ops.releases import Repository, update

Ops = Callable[..., Said]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return releases.new(tmp_path, monkeypatch)


def refusal(ops: Ops, repository: Repository, *arguments: str) -> str:
    """Return the sentence that it ends with; it must leave the tags alone."""
    before = repository.git("for-each-ref")
    said = ops("promote", *arguments)
    assert (said.status, said.out) == (1, "")
    assert repository.git("for-each-ref") == before
    return said.err


def on_stage(repository: Repository, title: str = "second") -> str:
    commit = repository.commit(title)
    repository.deploy("stage", commit)
    return commit


def tagged(repository: Repository, tag: str) -> str:
    """Return the commit that an annotated tag is on."""
    assert repository.git("cat-file", "-t", tag) == "tag"
    return repository.git("rev-parse", f"{tag}^{{commit}}")


def test_the_commit_that_stage_runs_gets_an_annotated_tag(ops: Ops, repository: Repository) -> None:
    commit = on_stage(repository)
    repository.commit("not on stage yet")

    said = ops("promote", "v1.2.0")

    assert (said.status, said.err) == (0, "")
    assert said.out == (
        f"Tag v1.2.0 is on commit {commit[:12]}, which app/stage runs.\n"
        "  git push origin v1.2.0    starts the pipeline app-prod, which deploys it\n"
        "  git checkout v1.2.0, then pulumi up -s prod    deploys it by hand\n"
    )
    assert tagged(repository, "v1.2.0") == commit
    assert repository.git("tag", "--list", "--format=%(contents:subject)") == (
        "app/prod takes what app/stage runs"
    )


def test_the_checkout_may_be_of_another_commit_and_changed(
    ops: Ops, repository: Repository
) -> None:
    commit = on_stage(repository)
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit("feature")
    (repository.root / "Pulumi.dev.yaml").write_text("changed: true\n")
    repository.git("checkout", "--quiet", "HEAD", "Pulumi.dev.yaml")
    (repository.root / "new").touch()

    assert ops("promote", "v1.2.0").status == 0
    assert tagged(repository, "v1.2.0") == commit


@pytest.mark.parametrize(
    ("there", "made"),
    [
        ([], "v1.0.0"),
        (["v1.0.0"], "v1.0.1"),
        (["v1.9.9", "v1.10.3", "v1.2.0"], "v1.10.4"),
        (["v2", "w9.0.0", "vnext", "v3.0.0-rc1"], "v3"),
    ],
)
def test_without_a_version_it_is_the_one_after_the_newest(
    ops: Ops, repository: Repository, there: list[str], made: str
) -> None:
    for tag in there:
        repository.git("tag", tag)
    commit = on_stage(repository)

    assert ops("promote").status == 0
    assert tagged(repository, made) == commit


def test_tags_that_only_origin_has_count(ops: Ops, repository: Repository, tmp_path: Path) -> None:
    on_stage(repository)
    origin = tmp_path / "origin"
    repository.git("clone", "--quiet", "--bare", ".", str(origin))
    git(origin, "tag", "v1.4.0", "main")
    repository.git("remote", "add", "origin", str(origin))

    assert refusal(ops, repository, "v1.4.0") == (
        "There is a tag v1.4.0 already: choose a newer one, like v1.4.1."
    )
    assert ops("promote").out.startswith("Tag v1.4.1 is on commit")


def test_an_origin_that_cannot_be_asked_is_told_and_the_tag_is_made(
    ops: Ops, repository: Repository, tmp_path: Path
) -> None:
    commit = on_stage(repository)
    repository.git("remote", "add", "origin", str(tmp_path / "gone"))

    said = ops("promote")

    assert said.status == 0
    assert said.err == (
        "origin cannot be asked for its tags (and the repository exists.), so only those of this clone "
        "count."
    )
    assert tagged(repository, "v1.0.0") == commit


def test_stage_that_is_not_deployed_is_named(ops: Ops, repository: Repository) -> None:
    assert refusal(ops, repository) == (
        "Stack app/stage is not deployed: first run: pulumi up -s stage"
    )


def test_stage_without_a_whole_release_is_named(ops: Ops, repository: Repository) -> None:
    repository.answer("repository", "stage", {"domain": "x"}, [])

    assert refusal(ops, repository) == (
        "Stack app/stage has no right output release_commit, release_ref: its last update failed or is of "
        "another release than this program; run: pulumi up -s stage"
    )


def test_a_commit_that_is_not_in_this_clone_is_refused(ops: Ops, repository: Repository) -> None:
    repository.deploy("stage", "ab" * 20)

    assert refusal(ops, repository) == (
        "This clone does not know commit abababababab, which app/stage runs: run git fetch --tags origin."
    )


def test_a_commit_beside_the_branch_is_refused(ops: Ops, repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "hotfix")
    commit = on_stage(repository)

    assert refusal(ops, repository) == (
        f"app/prod would not take what app/stage runs: commit {commit[:12]} is not contained in branch "
        "main: merge it into main, or check out what is there (git checkout main)."
    )


def test_a_clone_without_the_branch_is_told_how_to_get_it(ops: Ops, repository: Repository) -> None:
    commit = on_stage(repository)
    repository.git("branch", "--quiet", "--move", "main", "other")

    assert refusal(ops, repository) == (
        "app/prod would not take what app/stage runs: this clone has no branch main, which must contain "
        f"commit {commit[:12]}: run git fetch origin +refs/heads/main:refs/remotes/origin/main."
    )


def test_what_did_not_succeed_on_stage_is_refused(ops: Ops, repository: Repository) -> None:
    commit = repository.commit("second")
    repository.deploy("stage", commit, past=[update(commit, "failed"), update(commit)])

    assert refusal(ops, repository) == (
        f"app/prod would not take what app/stage runs: the last update of stage to commit {commit[:12]} "
        "did not succeed, and only what has may be promoted: look at its error and run it again (pulumi up "
        "-s stage)."
    )


def test_what_stage_got_in_part_is_refused(ops: Ops, repository: Repository) -> None:
    commit = repository.commit("second")
    repository.deploy("stage", commit, past=[update(commit, target="x")])

    assert refusal(ops, repository) == (
        f"app/prod would not take what app/stage runs: the last update of stage to commit {commit[:12]} "
        "was one of chosen resources only, and only a whole one may be promoted: run it whole (pulumi up "
        "-s stage)."
    )


def test_what_prod_runs_already_needs_no_promotion(ops: Ops, repository: Repository) -> None:
    commit = on_stage(repository)
    repository.deploy("prod", commit, "v1.0.7")

    assert refusal(ops, repository) == (
        f"app/prod runs commit {commit[:12]} already, as v1.0.7: there is nothing to promote."
    )


@pytest.mark.parametrize("version", ["1.2.0", "vnext", "v1.2.0-rc1", "v1.2.", "v", "-f"])
def test_a_tag_of_another_form_is_refused(ops: Ops, repository: Repository, version: str) -> None:
    on_stage(repository)
    repository.git("tag", "v1.1.0", "HEAD~")

    assert refusal(ops, repository, "--", version) == (
        f"{version} is no tag that app/prod takes, which is v* with numbers for the star: write it like "
        "v1.1.1."
    )


def test_a_tag_that_is_there_is_refused(ops: Ops, repository: Repository) -> None:
    repository.git("tag", "v1.1.0")
    on_stage(repository)

    assert refusal(ops, repository, "v1.1.0") == (
        "There is a tag v1.1.0 already: choose a newer one, like v1.1.1."
    )


def test_a_tag_older_than_the_newest_is_refused(ops: Ops, repository: Repository) -> None:
    repository.git("tag", "v1.10.0")
    on_stage(repository)

    assert refusal(ops, repository, "v1.9.0") == (
        "v1.9.0 is older than v1.10.0, and a stack takes the newest tag: choose a newer one, like v1.10.1."
    )


def test_a_second_promotion_says_that_the_tag_is_still_to_be_pushed(
    ops: Ops, repository: Repository
) -> None:
    commit = on_stage(repository)
    assert ops("promote").status == 0

    assert refusal(ops, repository) == (
        f"The newest tag, v1.0.0, is on commit {commit[:12]} already: push it (git push origin v1.0.0)."
    )
    assert ops("promote", "v1.0.1").status == 0
    assert repository.git("tag", "--points-at", commit).split() == ["v1.0.0", "v1.0.1"]


def test_a_second_promotion_after_the_push_says_where_to_look(
    ops: Ops, repository: Repository, tmp_path: Path
) -> None:
    commit = on_stage(repository)
    assert ops("promote").status == 0
    origin = tmp_path / "origin"
    repository.git("clone", "--quiet", "--bare", ".", str(origin))
    repository.git("remote", "add", "origin", str(origin))

    assert refusal(ops, repository) == (
        f"The newest tag, v1.0.0, is on commit {commit[:12]} already: it is at origin, so look at "
        "the pipeline app-prod in the Tools account, which may be waiting for an approval."
    )


def test_going_back_gives_an_earlier_commit_a_new_tag(ops: Ops, repository: Repository) -> None:
    good = on_stage(repository, "good")
    assert ops("promote").status == 0
    bad = on_stage(repository, "bad")
    assert ops("promote").status == 0
    repository.deploy("prod", bad, "v1.0.1")
    repository.deploy("stage", good, past=[update(good), update(bad), update(good)])

    assert ops("promote").status == 0
    assert tagged(repository, "v1.0.2") == good
    assert repository.git("tag", "--points-at", good).split() == ["v1.0.0", "v1.0.2"]


def test_a_git_that_knows_no_name_says_so(ops: Ops, repository: Repository) -> None:
    on_stage(repository)
    repository.git("config", "user.email", "")
    repository.git("config", "user.name", "")

    assert refusal(ops, repository).startswith("git makes no tag v1.0.0 (")


def test_of_several_stacks_one_has_to_be_chosen(ops: Ops, repository: Repository) -> None:
    commit = on_stage(repository)
    settings = (repository.root / "Pulumi.prod.yaml").read_text()
    (repository.root / "Pulumi.live.yaml").write_text(settings)

    assert refusal(ops, repository) == (
        "Several stacks take what another one runs (app/live, app/prod): choose one (--to live)."
    )
    assert "pulumi up -s live" in ops("promote", "--to", "live").out
    assert tagged(repository, "v1.0.0") == commit


def test_a_stack_that_takes_no_promotion_is_refused(ops: Ops, repository: Repository) -> None:
    on_stage(repository)

    assert refusal(ops, repository, "--to", "stage") == (
        "app/stage takes no promoted tag: release in Pulumi.stage.yaml has no promotedFrom and tag; deploy "
        "it from its branch."
    )
    assert refusal(ops, repository, "--to", "prodd").startswith("There is no stack prodd")


def test_a_repository_without_promotion_says_so(ops: Ops, repository: Repository) -> None:
    (repository.root / "Pulumi.prod.yaml").unlink()

    assert refusal(ops, repository) == (
        "No stack takes what another one runs: promotedFrom and tag are in no release of a Pulumi.*.yaml."
    )
