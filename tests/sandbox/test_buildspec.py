"""A buildspec as CodeBuild runs it: in one shell, phase after phase, to the last command."""

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.buildspec import BuildspecError, read


def run(folder: Path, text: str) -> tuple[int, list[str], list[str]]:
    """The status, what was printed without CodeBuild's own lines, and the report."""
    file, report = folder / "build.yml", folder / "report"
    file.write_text(f"version: 0.2\n{text}")
    ran = subprocess.run(
        ["bash", "-c", read(file).script(report)],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    lines = [line for line in ran.stdout.splitlines() if not line.startswith("[Container]")]
    return ran.returncode, lines, report.read_text().split("\0")[:-1]


def test_commands_share_one_shell_across_phases(tmp_path: Path) -> None:
    status, printed, _ = run(
        tmp_path,
        """
phases:
  install:
    runtime-versions: {python: "3.13"}
    commands: [mkdir folder, cd folder, GREETING=hello]
  build:
    commands:
      - |
        echo $GREETING
        basename "$PWD"
  post_build:
    commands: echo $CODEBUILD_BUILD_SUCCEEDING
""",
    )
    assert (status, printed[-3:]) == (0, ["hello", "folder", "1"])


def test_a_failing_command_ends_its_phase_and_the_build(tmp_path: Path) -> None:
    status, printed, report = run(
        tmp_path,
        """
phases:
  pre_build:
    commands: [echo first, "false", echo second]
    finally: [echo cleaned up]
  build:
    commands: [echo third]
  post_build:
    commands: [echo fourth]
""",
    )
    assert (status, printed, report) == (1, ["first", "cleaned up"], ["done"])


def test_what_follows_a_failed_build_still_runs_and_knows_of_it(tmp_path: Path) -> None:
    status, printed, _ = run(
        tmp_path,
        """
phases:
  build:
    commands: ["(exit 3)", echo second]
  post_build:
    commands: [echo $CODEBUILD_BUILD_SUCCEEDING]
""",
    )
    assert (status, printed) == (1, ["0"])


def test_the_status_of_a_block_is_that_of_its_last_line(tmp_path: Path) -> None:
    block = "phases: {build: {commands: ['false\n\n\ntrue']}}"
    assert run(tmp_path, block)[0] == 0
    assert run(tmp_path, block.replace("'false", "'set -e\n\n\nfalse"))[0] == 1


def test_what_the_environment_holds_at_the_end_is_exported(tmp_path: Path) -> None:
    _, _, report = run(
        tmp_path,
        """
env:
  exported-variables: [NOTICE, SHELLS_OWN, MISSING]
phases:
  build:
    commands:
      - export NOTICE=before
      - "export NOTICE=$'two\\nlines = 2'"
      - SHELLS_OWN=1
""",
    )
    assert report == ["done", "NOTICE=two\nlines = 2"]


def test_a_command_that_leaves_the_shell_is_no_success(tmp_path: Path) -> None:
    status, printed, report = run(tmp_path, "phases: {build: {commands: [exit 0, echo second]}}")
    assert (status, printed, report) == (0, [], [""])


def test_variables_and_artefacts_are_read_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "build.yml"
    file.write_text(
        "version: 0.2\nenv: {shell: bash, variables: {A: 1}}\n"
        "artifacts: {files: out/**/*, base-directory: b}\n"
    )
    found = read(file)
    assert (found.variables, found.files, found.base) == ({"A": "1"}, ("out/**/*",), "b")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("version: 0.1", "build.yml: the version of a buildspec has to be 0.2"),
        ("version: 0.2\nenv: {shell: sh}", "the sandbox's CodeBuild has no shell but bash"),
        ("version: 0.2\nreports: {}", "the sandbox's CodeBuild does not know reports"),
        (
            "version: 0.2\nphases: {build: {on-failure: CONTINUE}}",
            "the sandbox's CodeBuild does not know phases.build.on-failure",
        ),
        (
            "version: 0.2\nenv: {secrets-manager: {A: b}}",
            "the sandbox's CodeBuild does not know env.secrets-manager",
        ),
        ("version: [", "YAML_FILE_ERROR Message: while parsing"),
    ],
)
def test_a_buildspec_that_is_not_played_is_refused(tmp_path: Path, text: str, refusal: str) -> None:
    (tmp_path / "build.yml").write_text(text)
    with pytest.raises(BuildspecError, match=refusal):
        read(tmp_path / "build.yml")


def test_a_buildspec_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BuildspecError, match=r"YAML_FILE_ERROR Message: stat .*missing\.yml"):
        read(tmp_path / "missing.yml")
