"""Releases on the real engine: forward by a tag, and back by a new tag on an earlier commit."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.conftest import Clone


def ops(sandbox: Sandbox, *arguments: str) -> str:
    """Return what a command of the clone prints in the sandbox's shell; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "ops", *arguments],
        cwd=sandbox.checkout.directory,
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def update(sandbox: Sandbox, name: str) -> dict[str, str]:
    """Deploy what is checked out to an environment, and return its outputs."""
    sandbox.pulumi("up", "--yes", "--skip-preview", "--stack", name)
    return json.loads(sandbox.pulumi("stack", "output", "--json", "--stack", name).stdout)


def promote(sandbox: Sandbox, clone: Clone) -> str:
    """Make the tag for what STAGE runs, deploy it to PROD, and return it."""
    before = set(clone.git("tag").split())
    ops(sandbox, "promote")
    (tag,) = set(clone.git("tag").split()) - before
    clone.git("checkout", "--quiet", tag)
    return tag


@pytest.fixture
def releasable(sandbox: Sandbox, clone: Clone) -> Iterator[Clone]:
    """A clone whose commits may be released; afterwards STAGE and PROD run what they ran before."""
    yield clone
    clone.restore()
    update(sandbox, "stage")
    clone.git("checkout", "--quiet", clone.tags[-1])
    update(sandbox, "prod")


def test_prod_goes_back_by_a_new_tag_on_the_commit_that_stage_went_back_to(
    sandbox: Sandbox, releasable: Clone
) -> None:
    good = releasable.commit
    releasable.git("commit", "--quiet", "--allow-empty", "--message", "a mistake")
    bad = releasable.git("rev-parse", "HEAD")
    update(sandbox, "stage")
    assert "app/stage is 1 commit ahead of app/prod:\n  a mistake\n" in ops(sandbox, "releases")
    promote(sandbox, releasable)
    assert update(sandbox, "prod")["release_commit"] == bad

    releasable.git("checkout", "--quiet", good)
    assert update(sandbox, "stage")["release_commit"] == good
    assert "app/stage is 1 commit behind app/prod" in ops(sandbox, "releases")
    tag = promote(sandbox, releasable)
    running = update(sandbox, "prod")

    assert (running["release_ref"], running["release_commit"]) == (tag, good)
    assert releasable.git("tag", "--points-at", good).split() == [*releasable.tags, tag]
    assert "app/prod runs what app/stage runs." in ops(sandbox, "releases")


def test_who_can_reads_the_states_of_every_stack(sandbox: Sandbox) -> None:
    found = json.loads(ops(sandbox, "who-can", "--json"))

    ways = {(it["account"], it["role"], it["principal"]) for it in found}
    assert ("prod", "deploy", "tools: build-app-prod") in ways
    assert [it for it in found if it["condition"]] == []
