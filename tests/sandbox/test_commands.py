"""The commands as a person gives them: one sentence, no traceback, a status that says it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.updates import Update
from sandbox import report
from sandbox.sandbox import ROOT, Deployed
from stacks import catalogue

Program = Callable[[str, str], Path]


def command(tmp_path: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", name],
        cwd=ROOT,
        env=os.environ | {"SANDBOX_DIR": str(tmp_path / "box")} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["env", "shell"])
def test_what_needs_a_sandbox_that_is_up_says_so(tmp_path: Path, name: str) -> None:
    done = command(tmp_path, name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"The embedded AWS does not run (if it did, {tmp_path}/box/aws.log may say why it ended): "
        "run `make sandbox`.\n"
    )


def test_going_down_without_a_sandbox_is_no_failure(tmp_path: Path) -> None:
    done = command(tmp_path, "down")
    assert (done.returncode, done.stdout) == (0, "There is no sandbox.\n")


def test_a_port_that_is_no_number_is_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "up", SANDBOX_PORT="http")
    assert (done.returncode, done.stderr) == (
        1,
        "SANDBOX_PORT is http: set it to a port number, or leave it out.\n",
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that make needs for its first step, away from this checkout's environment."""
    packages = [f"sandbox/{name}.py" for name in ("__init__", "venv", "problem")]
    packages += [f"ops/{name}.py" for name in ("__init__", "ticker")]
    for name in ("Makefile", "requirements.lock", "pyproject.toml", *packages):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, target)
    return tmp_path


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_python_is_one_sentence(copy: Path) -> None:
    done = make(copy, "sandbox", "PYTHON=python-of-nowhere")
    assert done.returncode
    assert done.stderr.startswith(
        "Python is not on PATH: install Python 3.11 or newer, then run the same command again.\n"
    )


def test_an_old_python_is_one_sentence(copy: Path, program: Program) -> None:
    old = "import sys; sys.version_info = (3, 9, 2); exec(sys.argv[2])"
    python = program("python-old", f"exec {sys.executable} -c '{old}' \"$@\"")
    done = make(copy, "sandbox", f"PYTHON={python}")
    assert done.returncode
    assert done.stderr.startswith(
        "Python 3.9 is too old: install Python 3.11 or newer and choose it with `make "
        "PYTHON=...`.\n"
    )


def test_the_lists_of_commands_names_each(copy: Path) -> None:
    done = make(copy, "help")
    for name in ("sandbox", "sandbox-down", "sandbox-shell", "test", "check", "bench", "lock"):
        assert f"make {name} " in done.stdout


def test_the_table_fits_a_hundred_columns_with_every_address_in_one_piece(
    capsys: pytest.CaptureFixture[str],
) -> None:
    release = {"release_ref": "develop", "release_commit": "0123456789" * 4}
    names = ("dns", "corp", "tools", "dev", "stage", "prod")
    outputs = {
        **release,
        "organization_id": "o-bhfrp86pmf",
        "management_account_id": "1" * 12,
        "accounts": dict.fromkeys(names, "2" * 12),
        "domain": "example.com",
        "vpn_host": "vpn.corp.example.com",
        "vpn_cidrs": ["203.0.113.123/32", "2a05:d014:1:2300::/64"],
        "name_servers": ["ns-1364.awsdns-42.org", "ns-2.awsdns-2.com"],
        "state_url": "s3://pulumi-state-222222222222?region=eu-central-1&awssdk=v2",
        "api_url": "https://api.stage.example.com",
    }
    report.show(
        [
            Deployed(stack=it, update=Update(outputs=outputs, succeeded=True, seconds=123.4))
            for it in catalogue.stacks()
        ]
    )
    report.conclude(is_new=False)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert all(str(it) in "\n".join(lines) for it in catalogue.stacks())
    assert sum("https://api.stage.example.com" in line for line in lines) == 3
    assert sum("s3://pulumi-state-222222222222 " in line for line in lines) == 1
    assert "Every resource unchanged." in lines[-1]
