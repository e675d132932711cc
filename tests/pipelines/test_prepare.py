"""A clone is made ready for a step: branches and tags, the tested engine, keys of KMS."""

import os
import platform
import subprocess
import tarfile
from pathlib import Path

import pytest

from sandbox.sandbox import ROOT
from tests.git import git

TESTED = "github.com/pulumi/pulumi/pkg/v3 v"
SETTINGS = "encryptionsalt: v1:a\nconfig:\n  app:account: dev\n"
MACHINES = {"aarch64": "arm64", "x86_64": "x64"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with what the step reads; its origin has a branch and a tag that it lacks."""
    origin = tmp_path / "origin"
    for file in ("pipelines/prepare.sh", "sandbox/golang/cli/go.mod"):
        (origin / file).parent.mkdir(parents=True)
        (origin / file).write_bytes((ROOT / file).read_bytes())
    (origin / "stacks/org").mkdir(parents=True)
    for file in ("Pulumi.dev.yaml", "stacks/org/Pulumi.main.yaml"):
        (origin / file).write_text(SETTINGS)
    git(origin, "init", "--quiet", "--initial-branch", "main")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "a")
    git(tmp_path, "clone", "--quiet", str(origin), "clone")
    git(origin, "branch", "develop")
    git(origin, "tag", "v1.0.0")
    (tmp_path / "clone/.venv").mkdir()  # so that no package is installed
    return tmp_path / "clone"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home and a PATH without the engine, and a `curl` that answers with an archive of one."""
    for name in ("home", "bin", "pulumi"):
        (tmp_path / name).mkdir()
    engine = tmp_path / "pulumi/pulumi"
    engine.write_text("#!/bin/sh\necho the engine\n")
    engine.chmod(0o755)
    with tarfile.open(tmp_path / "archive", "w:gz") as archive:
        archive.add(tmp_path / "pulumi", "pulumi")
    curl = tmp_path / "bin/curl"
    curl.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\ncat {tmp_path}/archive\n')
    curl.chmod(0o755)
    return tmp_path / "home"


def prepare(clone: Path, home: Path) -> None:
    path = f"{clone.parent}/bin:/usr/bin:/bin"
    subprocess.run(
        ["bash", "pipelines/prepare.sh"],
        cwd=clone,
        env=os.environ | {"PATH": path, "HOME": str(home)},
        check=True,
    )


def test_a_build_works_with_the_engine_that_the_tests_ran_with(clone: Path, home: Path) -> None:
    prepare(clone, home)

    modules = (ROOT / "sandbox/golang/cli/go.mod").read_text().split("\n")
    (version,) = {it.split()[1][1:] for it in modules if it.strip().startswith(TESTED)}
    machine = MACHINES[platform.machine()]
    assert (clone.parent / "asked").read_text().split()[-1] == (
        f"https://github.com/pulumi/pulumi/releases/download/v{version}"
        f"/pulumi-v{version}-linux-{machine}.tar.gz"
    )
    engine = subprocess.run([home / ".pulumi/bin/pulumi"], capture_output=True, check=True)
    assert engine.stdout == b"the engine\n"


def test_an_engine_that_is_there_is_not_fetched(clone: Path, home: Path) -> None:
    engine = clone.parent / "bin/pulumi"
    engine.write_text("#!/bin/sh\n")
    engine.chmod(0o755)

    prepare(clone, home)

    assert not (clone.parent / "asked").exists()


def test_the_release_gate_has_every_branch_and_tag_to_judge_by(clone: Path, home: Path) -> None:
    prepare(clone, home)

    assert git(clone, "branch", "--remotes", "--list", "origin/develop") == "origin/develop"
    assert git(clone, "tag") == "v1.0.0"
    assert (clone / "out/commit.txt").read_text().strip() == git(clone, "rev-parse", "HEAD")


def test_no_stack_asks_for_the_passphrase_of_before_the_state_moved(
    clone: Path, home: Path
) -> None:
    prepare(clone, home)

    for file in ("Pulumi.dev.yaml", "stacks/org/Pulumi.main.yaml"):
        assert (clone / file).read_text() == "config:\n  app:account: dev\n"
