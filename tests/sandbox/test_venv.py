"""The virtual environment is complete or made anew."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import venv
from sandbox.problem import SandboxError

Pip = Callable[[str], None]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1 --hash=sha256:0\nb==2 --hash=sha256:0\n")
    return lock


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    """Put a script in the place of every new environment's Python."""

    def script(words: str) -> None:
        def create(environment: Path, *, with_pip: bool) -> None:
            assert with_pip
            python = environment / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{words}\n')
            python.chmod(0o755)

        monkeypatch.setattr(venv.venv, "create", create)

    return script


def test_the_lock_is_installed_with_its_hashes_and_then_this_repository(
    tmp_path: Path, lock: Path, pip: Pip
) -> None:
    pip("echo Collecting a")
    venv.ensure(tmp_path / ".venv", lock)
    first, second = (tmp_path / "calls").read_text().splitlines()
    assert f"--require-hashes --requirement {lock}" in first
    assert f"--no-deps --no-build-isolation --editable {tmp_path}" in second


def test_a_complete_environment_is_kept_and_one_of_another_lock_is_made_anew(
    tmp_path: Path, lock: Path, pip: Pip
) -> None:
    pip("")
    environment = tmp_path / ".venv"
    venv.ensure(environment, lock)
    kept = environment / "kept"
    kept.touch()
    venv.ensure(environment, lock)
    assert kept.exists()
    lock.write_text("a==2\n")
    venv.ensure(environment, lock)
    assert not kept.exists()


def test_half_an_environment_does_not_block_the_next_run(
    tmp_path: Path, lock: Path, pip: Pip
) -> None:
    pip("exit 1")
    with pytest.raises(SandboxError):
        venv.ensure(tmp_path / ".venv", lock)
    pip("")
    venv.ensure(tmp_path / ".venv", lock)
    assert (tmp_path / ".venv" / "made-from").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
            "device",
            "The disk is full: free some space (a first `make sandbox` takes about 4 GB with Go's "
            "caches), then run the same command again.",
        ),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(x)'\n"
            "ERROR: No matching distribution found for a==1",
            "The package index cannot be reached: check the network (and pip's settings), then "
            "run the same command again.",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES",
            "pip cannot install what requirements.lock names: ERROR: THESE PACKAGES DO NOT MATCH "
            "THE HASHES",
        ),
    ],
)
def test_a_failing_pip_is_one_sentence(
    tmp_path: Path, lock: Path, pip: Pip, words: str, sentence: str
) -> None:
    (tmp_path / "words").write_text(words)
    pip(f"cat {tmp_path}/words >&2; exit 1")
    with pytest.raises(SandboxError) as error:
        venv.ensure(tmp_path / ".venv", lock)
    assert str(error.value) == sentence


def test_a_python_without_venv_is_one_sentence(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SandboxError) as error:
        venv.ensure(tmp_path / ".venv", lock)
    assert str(error.value) == (
        f"{sys.executable} has no venv module: install it (Debian and Ubuntu: apt install "
        "python3-venv), or choose another Python with `make PYTHON=...`."
    )
    assert not (tmp_path / ".venv").exists()
