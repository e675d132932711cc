"""The order of things, and every way in which a run can end, with an engine that is made up."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import processes
from sandbox.problem import SandboxError
from sandbox.sandbox import ORG, Sandbox
from stacks.catalogue import Stack
from tests.sandbox.conftest import Run

Program = Callable[[str, str], Path]
STACKS = ("org/main", "dns/main", "corp/main", "app/dev", "app/stage", "app/prod")

ENGINE = """
[ "$1" = --non-interactive ] && shift
project=$(sed "s/name: //" Pulumi.yaml)
for word; do [ "$word" = --no-select ] || last=$word; done
echo "$1 $project/$last $(git rev-parse HEAD)" >> $FAKE_LOG
case "$1" in
  up)
    cat $FAKE_EVENTS
    export last
    sh -c "${FAKE_DEED-:}" ;;
  refresh)
    sh -c "${FAKE_REFRESH-:}" ;;
  stack)
    case "$2" in
      export) cat $FAKE_EXPORT; exit ;;
      import) sed 's/^{/{"checkpoint": {}, /' "$6" > $FAKE_STATE; exit ;;
    esac
    state=${PULUMI_BACKEND_URL#file://}
    mkdir -p ${state%\\?*}/.pulumi/stacks/$project
    echo '{"checkpoint": {}}' > ${state%\\?*}/.pulumi/stacks/$project/$3.json ;;
esac
"""


SERVER = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
server.RequestHandlerClass.do_GET = lambda handler: handler.send_error(204)
print("listening on", server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def log(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the engine; it writes here what it was asked to do, and where HEAD was."""
    monkeypatch.setattr("sandbox.embedded.MODULE", ("-c", SERVER, processes.SERVER_MODULE))
    program("pulumi", ENGINE)
    program("pulumi-language-python", "")
    (tmp_path / "events").write_text("")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_EVENTS", str(tmp_path / "events"))
    return tmp_path / "log"


@pytest.fixture
def sandbox(tmp_path: Path, source: Path, log: Path) -> Iterator[Sandbox]:
    assert log.parent == tmp_path
    sandbox = Sandbox(tmp_path / "box", source)
    yield sandbox
    sandbox.down()


def only(sandbox: Sandbox, name: str) -> list[Stack]:
    return [it for it in sandbox.stacks() if str(it) == name]


def asked(log: Path, what: str) -> list[str]:
    lines = log.read_text().splitlines()
    return [line.removeprefix(f"{what} ") for line in lines if line.startswith(what)]


def test_each_stack_is_updated_after_those_it_reads_at_the_commit_of_its_reference(
    sandbox: Sandbox, source: Path, log: Path, git: Run
) -> None:
    deployed = sandbox.up()
    commit = git(source, "rev-parse", "HEAD")
    order = asked(log, "up")
    assert order[:3] == [f"{it} {commit}" for it in ("org/main", "dns/main", "corp/main")]
    assert sorted(order[3:5]) == [f"app/dev {commit}", f"app/stage {commit}"]
    assert order[5:] == [f"app/prod {commit}"]
    assert [str(it.stack) for it in deployed] == [*STACKS]
    assert git(sandbox.checkout.directory, "branch", "--show-current") == "main"


def test_independent_stacks_are_updated_at_the_same_time(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the other one to have begun."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("MET", str(tmp_path))
    monkeypatch.setenv(
        "FAKE_DEED",
        "case $last in dev) other=stage;; stage) other=dev;; *) exit 0;; esac;"
        "touch $MET/$last; for i in $(seq 100); do [ -f $MET/$other ] && exit 0; sleep 0.1; done; exit 1",
    )
    assert len(sandbox.up()) == len(STACKS)


def test_a_work_tree_does_not_outlast_its_update_even_where_that_was_killed(
    sandbox: Sandbox, git: Run
) -> None:
    left = sandbox.directory / "release-killed"
    left.mkdir(parents=True)
    sandbox.up(only(sandbox, ORG))
    assert not list(sandbox.directory.glob("release-*"))
    assert len(git(sandbox.checkout.directory, "worktree", "list").splitlines()) == 1


def test_a_second_run_keeps_the_server_and_the_stacks(sandbox: Sandbox, log: Path) -> None:
    sandbox.up()
    url = sandbox.environment()["AWS_ENDPOINT_URL"]
    sandbox.up()
    assert sandbox.environment()["AWS_ENDPOINT_URL"] == url
    assert len(asked(log, "stack")) == len(STACKS)


def test_a_server_that_died_meanwhile_starts_every_stack_over(
    sandbox: Sandbox, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.up(only(sandbox, ORG))
    kill_server(sandbox)
    sandbox.up(only(sandbox, ORG))
    assert "The embedded AWS has ended with all it held: every stack starts over.\n" in (
        capsys.readouterr().out
    )
    assert len(asked(log, "stack")) == 2


def test_a_start_over_begins_with_the_first_release_again(
    sandbox: Sandbox, source: Path, git: Run
) -> None:
    for name in ("first", "second"):
        (source / name).touch()
        sandbox.up(only(sandbox, "app/prod"))
    assert git(sandbox.checkout.directory, "tag").split() == ["v1.0.0", "v1.0.1"]
    kill_server(sandbox)
    sandbox.up(only(sandbox, "app/prod"))
    assert git(sandbox.checkout.directory, "tag").split() == ["v1.0.0"]


def test_a_server_that_dies_while_a_stack_is_updated_is_one_sentence(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = sandbox.directory / "aws.json"
    monkeypatch.setenv(
        "FAKE_DEED", f"kill -9 $(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' {record}); exit 1"
    )
    with pytest.raises(SandboxError) as error:
        sandbox.up()
    assert str(error.value) == (
        f"The embedded AWS ended while org/main was updated ({sandbox.directory}/aws.log): run "
        "`make sandbox` again, it starts over."
    )
    monkeypatch.delenv("FAKE_DEED")
    assert len(sandbox.up()) == len(STACKS)


def test_a_failed_stack_shows_the_engine_s_words_and_how_to_look_closer(
    sandbox: Sandbox, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"diagnosticEvent": {"severity": "error", "message": "it is wrong\n"}}
    (tmp_path / "events").write_text(json.dumps(event) + "\n")
    monkeypatch.setenv("FAKE_DEED", "exit 1")
    with pytest.raises(SandboxError) as error:
        sandbox.up()
    assert str(error.value) == (
        "it is wrong\n"
        "org/main failed. To look closer: make sandbox-shell, then pulumi -C stacks/org up -s main"
    )
    assert len(asked(log, "up")) == 1


def test_a_full_disk_is_one_sentence(
    sandbox: Sandbox, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = (
        "The disk is full: free some space (a first `make sandbox` takes about 4 GB with Go's "
        "caches), then run the same command again."
    )
    program("git", "echo 'fatal: write error. Out of diskspace' >&2; exit 128")
    with pytest.raises(SandboxError) as in_git:
        sandbox.up()
    (tmp_path / "programs" / "git").unlink()
    event = {"diagnosticEvent": {"severity": "error", "message": "no space left on device"}}
    (tmp_path / "events").write_text(json.dumps(event) + "\n")
    monkeypatch.setenv("FAKE_DEED", "exit 1")
    with pytest.raises(SandboxError) as in_engine:
        sandbox.up()

    def write(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(SandboxError) as in_sandbox:
        sandbox.up()
    assert {str(it.value) for it in (in_git, in_engine, in_sandbox)} == {sentence}
    monkeypatch.undo()


def test_an_update_at_work_is_waited_for_and_a_killed_one_is_not(
    sandbox: Sandbox, log: Path
) -> None:
    sandbox.up(only(sandbox, ORG))
    locks = sandbox.directory / "state" / ".pulumi" / "locks" / "organization" / "org" / "main"
    locks.mkdir(parents=True)
    lock = locks / "a.json"
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
    lock.write_text(json.dumps({"pid": os.getpid(), "timestamp": now}))
    with pytest.raises(SandboxError) as error:
        sandbox.up(only(sandbox, ORG))
    assert str(error.value) == (
        f"pulumi (process {os.getpid()}) works on org/main in this sandbox: wait until it is done, "
        "then run `make sandbox` again."
    )
    lock.write_text(json.dumps({"pid": os.getpid(), "timestamp": "2000-01-01T00:00:00.1Z"}))
    sandbox.up(only(sandbox, ORG))
    assert [it.split()[0] for it in asked(log, "cancel")] == ["org/main"]


def test_what_a_killed_update_left_is_settled_imported_and_refreshed(
    sandbox: Sandbox, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.up(only(sandbox, ORG))
    state = sandbox.directory / "state" / ".pulumi" / "stacks" / "org" / "main.json"
    resource = {"urn": "a::b::c::role", "type": "aws:iam/role:Role", "custom": True}
    pending = [{"type": "updating", "resource": resource}]
    state.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": pending}}}))
    monkeypatch.setenv("FAKE_STATE", str(state))
    monkeypatch.setenv("FAKE_EXPORT", str(tmp_path / "export"))
    (tmp_path / "export").write_text(
        json.dumps({"deployment": {"resources": [], "pending_operations": pending}})
    )
    monkeypatch.setenv("FAKE_REFRESH", "exit 1")  # as if the command was killed there
    with pytest.raises(SandboxError):
        sandbox.up(only(sandbox, ORG))
    assert json.loads(state.read_text()) == {"checkpoint": {}, "deployment": {"resources": []}}
    log.unlink()
    monkeypatch.delenv("FAKE_REFRESH")
    sandbox.up(only(sandbox, ORG))
    sandbox.up(only(sandbox, ORG))
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["refresh", "up", "up"]


def test_a_missing_management_account_is_one_sentence(sandbox: Sandbox, source: Path) -> None:
    (source / "stacks" / "org" / "Pulumi.main.yaml").write_text("config: {}\n")
    with pytest.raises(SandboxError) as error:
        sandbox.up()
    assert str(error.value) == (
        "stacks/org/Pulumi.main.yaml has no org:managementAccountId, and the embedded AWS needs "
        "it: set it to the management account's twelve digits, in quotes."
    )


def test_going_down_ends_the_server_removes_everything_and_can_be_repeated(
    sandbox: Sandbox,
) -> None:
    sandbox.up(only(sandbox, ORG))
    pid = json.loads((sandbox.directory / "aws.json").read_text())["pid"]
    assert sandbox.down()
    assert not sandbox.down()
    assert not psutil.pid_exists(pid)
    assert not sandbox.directory.exists()


def test_a_server_whose_directory_was_removed_by_hand_is_ended_too(sandbox: Sandbox) -> None:
    sandbox.up(only(sandbox, ORG))
    pid = json.loads((sandbox.directory / "aws.json").read_text())["pid"]
    shutil.rmtree(sandbox.directory)
    assert not sandbox.down()
    assert not psutil.pid_exists(pid)


def test_a_sandbox_that_is_not_up_is_one_sentence(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError) as error:
        sandbox.environment()
    assert str(error.value) == (
        f"The embedded AWS does not run (if it did, {sandbox.directory}/aws.log may say why it "
        "ended): run `make sandbox`."
    )


def test_the_sandbox_s_own_files_are_no_change_of_the_work_tree(
    source: Path, log: Path, git: Run
) -> None:
    assert log
    inside = Sandbox(source / "box", source)
    inside.up(only(inside, ORG))
    status = git(source, "status", "--porcelain")
    commit = git(inside.checkout.directory, "rev-parse", "HEAD")
    inside.down()
    assert (status, commit) == ("", git(source, "rev-parse", "HEAD"))


def kill_server(sandbox: Sandbox) -> None:
    pid = json.loads((sandbox.directory / "aws.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)], timeout=5)
