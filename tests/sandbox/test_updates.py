"""An update is read event by event, with the engine's own words about what failed."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import updates

Program = Callable[[str, str], Path]
STACK = {
    "op": "same",
    "urn": "urn:pulumi:dev::app::pulumi:pulumi:Stack::app-dev",
    "type": "pulumi:pulumi:Stack",
    "new": {"outputs": {"api_url": "https://a"}},
}
TABLE = "urn:pulumi:dev::app::aws:dynamodb/table:Table::table"


def step(op: str, urn: str = TABLE) -> dict[str, object]:
    kind = urn.split("::")[2]
    return {"resOutputsEvent": {"metadata": {"op": op, "urn": urn, "type": kind, "new": None}}}


def said(severity: str, message: str, urn: str = "") -> dict[str, object]:
    return {"diagnosticEvent": {"severity": severity, "message": message, "urn": urn}}


def run(program: Program, tmp_path: Path, *events: object, script: str = "") -> updates.Update:
    (tmp_path / "events").write_text("".join(f"{json.dumps(event)}\n" for event in events))
    pulumi = program("pulumi", f"cat {tmp_path}/events\n{script}")
    return updates.run(str(pulumi), "dev", tmp_path, os.environ, lambda _: None)


def test_an_update_tells_resources_changes_and_outputs(program: Program, tmp_path: Path) -> None:
    summary = {"summaryEvent": {"resourceChanges": {"same": 1, "create": 1}}}
    update = run(
        program,
        tmp_path,
        {"resOutputsEvent": {"metadata": STACK}},
        step("create"),
        step("delete", TABLE + "-old"),
        summary,
    )
    assert len(update.resources) == 2
    assert update.changes == {"create": 1}
    assert update.outputs == {"api_url": "https://a"}
    assert (update.succeeded, update.is_unchanged) == (True, False)


def test_only_an_update_without_any_change_is_unchanged(program: Program, tmp_path: Path) -> None:
    same = {"summaryEvent": {"resourceChanges": {"same": 2, "read": 1}}}
    assert run(program, tmp_path, same).is_unchanged
    assert not run(program, tmp_path, same, script="exit 1").is_unchanged


def test_errors_are_the_engine_s_words_with_the_resource(program: Program, tmp_path: Path) -> None:
    update = run(
        program,
        tmp_path,
        said("debug", "beginning\n"),
        said("error", "creating table: AccessDenied\n", TABLE),
        said("error", "update failed\n", STACK["urn"]),
        script="exit 1",
    )
    assert update.errors == [
        "aws:dynamodb/table:Table table: creating table: AccessDenied",
        "update failed",
    ]


def test_an_engine_that_gives_no_events_is_told_by_its_complaint(
    program: Program, tmp_path: Path
) -> None:
    update = run(program, tmp_path, script="echo no such stack >&2; exit 1")
    assert (update.succeeded, update.errors) == (False, ["no such stack"])
    killed = run(program, tmp_path, script="kill -9 $$")
    assert killed.errors == ["The engine ended with status -9 and gave no reason."]


def test_an_interrupted_update_gets_one_signal_and_is_waited_for(
    program: Program, tmp_path: Path
) -> None:
    pulumi = program(
        "pulumi",
        f"trap 'echo signal >> {tmp_path}/signals; sleep 0.5; echo clean >> {tmp_path}/signals;"
        f" exit 1' INT\necho $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/started\n"
        "while :; do sleep 0.1; done",
    )
    groups: list[int] = []

    def interrupt() -> None:
        while not (tmp_path / "started").exists():
            time.sleep(0.05)
        groups.append(os.getpgid(int((tmp_path / "started").read_text())))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    # Where the tests run in the background, the signal is ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            updates.run(str(pulumi), "dev", tmp_path, os.environ, lambda _: None)
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    assert (tmp_path / "signals").read_text() == "signal\nclean\n"
    assert os.getpgrp() not in groups  # a terminal's own signal does not reach the engine
