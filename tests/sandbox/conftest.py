"""Work trees and programs that stand in for real ones."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


@pytest.fixture
def git() -> Run:
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }

    def run(folder: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=variables,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    return run


RULES = {
    "dev": "{branch: develop}",
    "stage": "{branch: main}",
    "prod": "{branch: main, tag: v*, promotedFrom: stage}",
}
READS = {
    "stacks/org": "",
    "stacks/dns": "OrgOutputs.read()",
    "stacks/corp": "(OrgOutputs.read(), DnsOutputs.read())",
    ".": "(OrgOutputs.read(), DnsOutputs.read(), CorpOutputs.read())",
}
FILES = sorted(
    [
        ".gitignore",
        "requirements.lock",
        *(
            f"{'' if folder == '.' else f'{folder}/'}{file}"
            for folder in READS
            for file in ("Pulumi.yaml", "__main__.py")
        ),
        *(f"stacks/{project}/Pulumi.main.yaml" for project in ("org", "dns", "corp")),
        *(f"Pulumi.{name}.yaml" for name in RULES),
    ]
)
"""The files of the repository that `source` makes."""


@pytest.fixture
def source(tmp_path: Path, git: Run) -> Path:
    """A repository with one commit, as far as the sandbox looks at it."""
    folder = tmp_path / "source"
    for project, reads in READS.items():
        (folder / project).mkdir(parents=True, exist_ok=True)
        name = "app" if project == "." else Path(project).name
        (folder / project / "Pulumi.yaml").write_text(f"name: {name}\n")
        (folder / project / "__main__.py").write_text(f"{reads}\n")
    for name in ("org", "dns", "corp"):
        (folder / "stacks" / name / "Pulumi.main.yaml").write_text(
            f"config:\n  {name}:release: {{branch: main}}\n"
        )
    with (folder / "stacks" / "org" / "Pulumi.main.yaml").open("a") as settings:
        settings.write('  org:managementAccountId: "111122223333"\n')
    for name, rule in RULES.items():
        (folder / f"Pulumi.{name}.yaml").write_text(f"config:\n  app:release: {rule}\n")
    (folder / ".gitignore").write_text("*.ignored\n.venv\n")
    (folder / "requirements.lock").write_text("")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put an executable shell script in front of everything on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write
