"""The engine is the one on PATH, or one built from source."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engine import Built, on_path
from sandbox.problem import SandboxError

Program = Callable[[str, str], Path]

FAKE_GO = """
case "$1" in
  env) echo go1.26.8 ;;
  list) echo "$FAKE_SDK" ;;
  build)
    echo "$CGO_ENABLED $GOTOOLCHAIN ${GOFLAGS-none}" >> "$FAKE_LOG"
    printf "$FAKE_WORDS" >&2
    [ -z "$FAKE_FAILURE" ] || exit 1
    while [ "$1" != -o ]; do shift; done
    case "$PWD" in */cli) name=pulumi ;; */host) name=pulumi-language-python ;; esac
    echo program > "$2/$name" ;;
esac
"""


@pytest.fixture
def go(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    executor = tmp_path / "sdk" / "python" / "cmd" / "pulumi-language-python-exec"
    executor.parent.mkdir(parents=True)
    executor.write_text("executor")
    monkeypatch.setenv("FAKE_SDK", str(tmp_path / "sdk"))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "builds"))
    monkeypatch.setenv("FAKE_WORDS", "go: downloading a v1\\nnet\\n")
    monkeypatch.setenv("FAKE_FAILURE", "")
    program("go", FAKE_GO)
    return tmp_path / "builds"


def test_an_installed_engine_is_used_with_its_language_host_only(
    program: Program, tmp_path: Path
) -> None:
    path = str(tmp_path / "programs")
    program("pulumi", "")
    assert on_path(path) is None
    program("pulumi-language-python", "")
    assert on_path(path) == tmp_path / "programs"


def test_the_engine_is_built_once_without_a_c_compiler_and_with_its_executor(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    built = Built(tmp_path / "engine")
    programs = built.ensure()
    monkeypatch.setenv("PATH", "/nowhere")
    built.ensure()
    assert go.read_text() == "0 local none\n" * 2
    executor = programs / "pulumi-language-python-exec"
    assert os.access(executor, os.X_OK)
    assert {it.name for it in programs.iterdir()} >= {"pulumi", "pulumi-language-python"}


def test_other_sources_are_built_again(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Built(tmp_path / "engine")
    built.ensure()
    monkeypatch.setattr("platform.machine", lambda: "another")
    built.ensure()
    assert len(go.read_text().splitlines()) == 4


def test_a_build_that_fails_or_was_killed_leaves_nothing_that_counts_as_built(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Built(tmp_path / "engine")
    (tmp_path / "engine" / "new-killed" / "bin").mkdir(parents=True)
    monkeypatch.setenv("FAKE_FAILURE", "yes")
    with pytest.raises(SandboxError):
        built.ensure()
    assert not list((tmp_path / "engine").glob("*/"))
    monkeypatch.setenv("FAKE_FAILURE", "")
    assert (built.ensure() / "pulumi").exists()
    assert go.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "compile: write /tmp/a: no space left on device",
            "The disk is full: free some space (a first `make sandbox` takes about 4 GB with Go's "
            "caches), then run the same command again.",
        ),
        (
            "go: a@v1: dial tcp: lookup proxy.example.com: no such host",
            "The sources of the Pulumi engine cannot be fetched: check the network (and GOPROXY), "
            "then run `make sandbox` again; what Go said is in {log}.",
        ),
        (
            "a.go:1: it is wrong",
            "Go cannot build the Pulumi engine ({log}): a.go:1: it is wrong",
        ),
    ],
)
def test_a_failed_build_is_one_sentence(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    monkeypatch.setenv("FAKE_FAILURE", "yes")
    monkeypatch.setenv("FAKE_WORDS", words)
    with pytest.raises(SandboxError) as error:
        Built(tmp_path / "engine").ensure()
    assert str(error.value) == sentence.format(log=tmp_path / "engine" / "build.log")
    assert go.exists()


def test_a_missing_go_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError) as error:
        Built(tmp_path / "engine").ensure()
    assert str(error.value) == (
        "Neither the Pulumi engine nor Go, which would build it, is on PATH: install Go 1.26.6 or "
        "newer (https://go.dev/dl/), or Pulumi (https://www.pulumi.com/docs/install/), then run "
        "`make sandbox` again."
    )


def test_an_old_go_is_one_sentence(tmp_path: Path, program: Program) -> None:
    go = program("go", "echo go1.26.5")
    with pytest.raises(SandboxError) as error:
        Built(tmp_path / "engine").ensure()
    assert str(error.value) == (
        f"Go 1.26.5 ({go}) is too old to build the Pulumi engine: install Go 1.26.6 or newer "
        "(https://go.dev/dl/), or Pulumi (https://www.pulumi.com/docs/install/), then run "
        "`make sandbox` again."
    )
