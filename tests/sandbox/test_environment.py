"""Inside the sandbox nothing leads to the real AWS, another backend or another Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import environment, shell

OUTSIDE = {
    "PATH": "/usr/bin",
    "HOME": "/home/a",
    "AWS_PROFILE": "own",
    "AWS_SESSION_TOKEN": "own",
    "AWS_ENDPOINT_URL_S3": "https://own",
    "PULUMI_ACCESS_TOKEN": "own",
    "PYTHONPATH": "/own",
    "GIT_DIR": "/own",
    "RELEASE_BRANCH": "feature",
    "DEPLOY_ROLE": "own",
    "MAKEFLAGS": "s",
    "HTTPS_PROXY": "http://proxy",
}


def inside() -> dict[str, str]:
    return environment.sandboxed(OUTSIDE, Path("/box"), Path("/engine"), "http://127.0.0.1:1")


def test_nothing_of_a_person_s_own_clouds_and_tools_comes_in() -> None:
    kept = {name: value for name, value in inside().items() if OUTSIDE.get(name) == value}
    assert kept == {"HOME": "/home/a", "HTTPS_PROXY": "http://proxy"}


def test_the_embedded_aws_is_reached_directly_and_with_the_operator_s_key() -> None:
    variables = inside()
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert variables["AWS_ACCESS_KEY_ID"] == "AKIASANDBOXMANAGEMEN"
    assert "127.0.0.1" in variables["NO_PROXY"]
    assert variables["AWS_CONFIG_FILE"] == variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_programs_import_from_the_checkout_and_find_the_stand_in_plugin_first() -> None:
    variables = inside()
    assert variables["PYTHONPATH"] == "/box/checkout"
    assert variables["PATH"].split(os.pathsep) == [
        "/box/bin",
        str(Path(sys.prefix) / "bin"),
        "/engine",
        "/usr/bin",
    ]


def test_the_genuine_plugin_is_left_to_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.provide_plugin(tmp_path / "bin")
    assert os.access(tmp_path / "bin" / "pulumi-resource-aws", os.X_OK)
    assert "PULUMI_HOME" in inside()
    monkeypatch.setenv("SANDBOX_AWS_PLUGIN", "genuine")
    environment.provide_plugin(tmp_path / "bin")
    assert list((tmp_path / "bin").iterdir()) == []
    assert not inside().keys() & {"PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"}


def test_the_genuine_plugin_gets_a_name_that_an_account_id_can_stand_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "AWS_ENDPOINT_URL_S3_CONTROL" not in inside()
    monkeypatch.setenv("SANDBOX_AWS_PLUGIN", "genuine")
    assert inside()["AWS_ENDPOINT_URL_S3_CONTROL"] == "http://localhost:1"


def test_the_stand_in_plugin_is_this_project_s_whatever_the_program_imports(
    tmp_path: Path,
) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "__init__.py").write_text("raise SystemExit('the wrong sandbox')")
    environment.provide_plugin(tmp_path / "bin")
    with subprocess.Popen(
        [tmp_path / "bin" / "pulumi-resource-aws"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as plugin:
        assert plugin.stdout
        port = plugin.stdout.readline()
        plugin.kill()
    assert port.strip().isdigit()


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_a_shell_s_own_files_do_not_push_the_sandbox_from_path(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("ZDOTDIR", raising=False)
    (home / f".{name}rc").write_text("export PATH=/own; own=read\n")
    variables = {"PATH": "/box/bin:/usr/bin:/bin"}
    shell.command(f"/bin/{name}", tmp_path, variables)
    file = tmp_path / ("bashrc" if name == "bash" else ".zshrc")
    done = subprocess.run(
        ["/bin/sh", "-c", f'. {file}; echo "$PATH $own"'],
        env=variables | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "/box/bin:/usr/bin:/bin read\n"
