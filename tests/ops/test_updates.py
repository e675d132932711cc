"""An update is read event by event, with the engine's own words about what failed."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.engine import Engine
from ops.problem import OpsError
from ops.updates import Update
from stacks import catalogue
from tests.sandbox.conftest import program

__all__ = ["program"]

Program = Callable[[str, str], Path]
STACK = {
    "op": "same",
    "urn": "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev",
    "type": "pulumi:pulumi:Stack",
    "new": {"outputs": {"api_url": "https://a"}},
}
PROVIDER = "urn:pulumi:dev::app::pulumi:providers:aws::account"
TABLE = "urn:pulumi:dev::app::aws:dynamodb/table:Table::table"


def step(op: str, urn: str = TABLE) -> dict[str, object]:
    kind = urn.split("::")[2]
    return {
        "resOutputsEvent": {
            "metadata": {"op": op, "urn": urn, "type": kind, "new": None}
            | ({} if "-" in op else {"logical": True})
        }
    }


def failed(op: str) -> dict[str, object]:
    return {"resOpFailedEvent": {"metadata": {"op": op, "urn": TABLE}}}


def said(severity: str, message: str, urn: str = "") -> dict[str, object]:
    return {"diagnosticEvent": {"severity": severity, "message": message, "urn": urn}}


PATIENT = """
import os, signal, time
from pathlib import Path

signals = []
signal.signal(signal.SIGINT, lambda *_: signals.append("signal"))
Path("new").write_text(str(os.getpid()))
Path("new").rename("started")
while not signals:
    time.sleep(0.05)
time.sleep(0.5)
Path("signals").write_text(" ".join([*signals, "clean"]))
raise SystemExit(1)
"""
"""An engine that counts signals, and ends a while after the first one."""


def engine(tmp_path: Path) -> Engine:
    return Engine(catalogue.find("app/dev"), tmp_path, os.environ)


def run(program: Program, tmp_path: Path, *events: object, script: str = "") -> Update:
    (tmp_path / "events").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    program("pulumi", f"cat {tmp_path}/events\n{script}")
    return engine(tmp_path).update(lambda _: None)


def test_an_update_tells_resources_changes_and_outputs(program: Program, tmp_path: Path) -> None:
    update = run(
        program,
        tmp_path,
        {"resOutputsEvent": {"metadata": STACK}},
        step("create"),
        step("delete", TABLE + "-old"),
    )
    assert len(update.resources) == 2
    assert update.changes == {"create": 1, "delete": 1}
    assert update.done == {
        "create": ["aws:dynamodb/table:Table table"],
        "delete": ["aws:dynamodb/table:Table table-old"],
    }
    assert update.outputs == {"api_url": "https://a"}
    assert update.summary == "2 resources: 1 create, 1 delete"
    assert (update.succeeded, update.is_unchanged) == (True, False)


def test_a_replacement_is_one_change_and_each_part_of_it_is_told(
    program: Program, tmp_path: Path
) -> None:
    update = run(
        program, tmp_path, step("create-replacement"), step("replace"), step("delete-replaced")
    )
    assert update.changes == {"replace": 1}
    assert list(update.done) == ["create-replacement", "replace", "delete-replaced"]


def test_only_an_update_without_any_change_is_unchanged(program: Program, tmp_path: Path) -> None:
    same = [step("same"), step("read")]
    assert run(program, tmp_path, *same).is_unchanged
    assert not run(program, tmp_path, *same, script="exit 1").is_unchanged
    assert not run(program, tmp_path, *same, step("update")).is_unchanged


def test_a_provider_s_record_is_no_change_for_it_only_says_who_runs_this(
    program: Program, tmp_path: Path
) -> None:
    update = run(program, tmp_path, step("update", PROVIDER), step("same"))
    assert update.is_unchanged
    assert update.done == {}


def test_errors_are_the_engine_s_words_with_the_resource(program: Program, tmp_path: Path) -> None:
    update = run(
        program,
        tmp_path,
        said("debug", "beginning\n"),
        said("error", "creating table: AccessDenied\n", TABLE),
        failed("create"),
        said("error", "update failed\n", STACK["urn"]),
        script="exit 1",
    )
    assert update.errors == ["aws:dynamodb/table:Table table: creating table: AccessDenied"]
    assert update.failed == {"create": ["aws:dynamodb/table:Table table"]}
    alone = run(program, tmp_path, said("error", "update failed\n"), script="exit 1")
    assert alone.errors == ["update failed"]


def test_warnings_are_kept_but_for_the_engine_s_own_about_plugins(
    program: Program, tmp_path: Path
) -> None:
    update = run(
        program,
        tmp_path,
        said("warning", "using pulumi-resource-aws from $PATH at /a/pulumi-resource-aws\n"),
        said("warning", "Stack dev does not take this checkout\n"),
    )
    assert update.warnings == ["Stack dev does not take this checkout"]


def test_an_engine_that_gives_no_events_is_told_by_its_complaint(
    program: Program, tmp_path: Path
) -> None:
    update = run(program, tmp_path, script="echo no such stack >&2; exit 1")
    assert (update.succeeded, update.errors) == (False, ["no such stack"])
    killed = run(program, tmp_path, script="kill -9 $$")
    assert killed.errors == ["The engine ended with status -9 and gave no reason."]


def test_an_interrupted_update_gets_one_signal_however_often_and_is_waited_for(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "patient.py").write_text(PATIENT)
    program("pulumi", f"cd {tmp_path} && exec {sys.executable} patient.py")
    running = engine(tmp_path)
    groups: list[int] = []

    def interrupt() -> None:
        while not (tmp_path / "started").exists():
            time.sleep(0.05)
        groups.append(os.getpgid(int((tmp_path / "started").read_text())))
        running.interrupt()
        time.sleep(0.2)
        running.interrupt()

    # Where the tests run in the background, the signal is ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        assert not running.update(lambda _: None).succeeded
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    assert (tmp_path / "signals").read_text() == "signal clean"
    assert os.getpgrp() not in groups  # a terminal's own signal does not reach the engine


def test_an_engine_is_waited_for_by_whoever_is_interrupted_beside_it(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "patient.py").write_text(PATIENT)
    program("pulumi", f"cd {tmp_path} && exec {sys.executable} patient.py")

    def interrupt() -> None:
        while not (tmp_path / "started").exists():
            time.sleep(0.05)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            engine(tmp_path).preview(lambda _: None)
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    assert (tmp_path / "signals").read_text() == "signal clean"


def test_an_interrupted_engine_begins_nothing_more(program: Program, tmp_path: Path) -> None:
    program("pulumi", f"touch {tmp_path}/started")
    running = engine(tmp_path)
    running.interrupt()
    assert running.update(lambda _: None).errors == ["interrupted before it began"]
    assert not (tmp_path / "started").exists()


def test_a_missing_engine_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OpsError) as error:
        Engine(catalogue.find("app/dev"), tmp_path, {"PATH": "/nowhere"})
    assert str(error.value) == (
        "pulumi is not on PATH: install it, or run this in the shell that `make sandbox-shell` opens."
    )
