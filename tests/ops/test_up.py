"""`ops up` and `ops down` with an engine that is made up: the order, the questions, each ending."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import deployed, down, telling, up
from ops.__main__ import main
from ops.updates import STACK_TYPE
from tests.ops.conftest import PROGRESS, Said
from tests.sandbox.conftest import Run, git, program, source

__all__ = ["git", "program", "source"]

Program = Callable[[str, str], Path]

ENGINE = """
[ "$1" = --non-interactive ] && shift
[ "$1" = -C ] && cd "$2" && shift 2
[ "$1" = --non-interactive ] && shift
[ "$1" = -s ] && set -- $(shift 3; echo "$@") "$2"
project=$(sed "s/name: //" Pulumi.yaml)
what=$1
[ $what = stack ] && what=$2
[ "$2" = --preview-only ] && what=preview-destroy
for word; do [ "$word" = --no-select ] || name=$word; done
echo "$what $project/$name" >> $FAKE/log
printf "%s" "$PYTHONPATH|$RELEASE_BRANCH|$VIRTUAL_ENV|$(git rev-parse HEAD)" > $FAKE/as-$project-$name
script=$FAKE/$what-$project-$name
if [ -f $script ]; then . $script; elif [ $what = export ]; then echo '{"deployment": {}}'; fi
"""
GROUP = "aws:cloudwatch/logGroup:LogGroup"
POLICY = "aws:iam/rolePolicy:RolePolicy"
LOCKED = """\
error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/dns/main/abc.json: created by ada@laptop (pid 12345) at 2026-11-25T09:30:00Z
"""


class Fake:
    """The engine's answers, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answer(self, what: str, stack: str, script: str) -> None:
        (self.folder / f"{what}-{stack.replace('/', '-')}").write_text(script)

    def events(self, what: str, stack: str, *events: object, then: str = "") -> None:
        lines = "\n".join(map(json.dumps, events))
        self.answer(what, stack, f"cat <<'END'\n{lines}\nEND\n{then}\n")

    def asked(self, what: str = "") -> list[str]:
        log = self.folder / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [it.removeprefix(f"{what} ") for it in lines if it.startswith(what)]

    def context(self, stack: str) -> list[str]:
        return (self.folder / f"as-{stack.replace('/', '-')}").read_text().split("|")


def step(event: str, op: str, kind: str, name: str) -> dict[str, object]:
    urn = f"urn:pulumi:main::dns::a:b:C${kind}::{name}"
    metadata = {"op": op, "urn": urn, "type": kind, "new": None, "logical": True}
    return {event: {"metadata": metadata}}


def done(op: str, kind: str, name: str) -> dict[str, object]:
    return step("resOutputsEvent", op, kind, name)


def said(severity: str, message: str) -> dict[str, object]:
    return {"diagnosticEvent": {"severity": severity, "message": message}}


@pytest.fixture
def fake(
    tmp_path: Path, source: Path, program: Program, git: Run, monkeypatch: pytest.MonkeyPatch
) -> Fake:
    """The repository at `source` with all its refs, and the engine replaced."""
    git(source, "branch", "develop")
    git(source, "tag", "v1.0.0")
    for module in (up, down, telling, deployed):
        monkeypatch.setattr(module, "ROOT", source)
    program("pulumi", ENGINE)
    folder = tmp_path / "fake"
    folder.mkdir()
    monkeypatch.setenv("FAKE", str(folder))
    monkeypatch.delenv("RELEASE_BRANCH", raising=False)
    return Fake(folder)


@pytest.fixture
def ops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command; return its status, its words without those of progress, and its complaints."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ops", *words])
        status = main()
        out, err = capsys.readouterr()
        lines = [it for it in out.splitlines() if not it.startswith(PROGRESS)]
        return status, "\n".join(lines), Said(status, out, err).err

    return run


Ops = Callable[..., tuple[int, str, str]]


def test_each_stack_is_previewed_and_then_updated_after_those_it_reads(
    fake: Fake, ops: Ops
) -> None:
    status, said, _ = ops("up", "--yes")
    assert status == 0
    assert fake.asked()[:6] == [
        "preview org/main",
        "up org/main",
        "preview dns/main",
        "up dns/main",
        "preview corp/main",
        "up corp/main",
    ]
    rest = fake.asked()[6:]
    assert {it for it in rest if "prod" not in it} == {
        f"{what} app/{name}" for what in ("preview", "up") for name in ("dev", "stage")
    }
    assert rest.index("up app/stage") < rest.index("preview app/prod") < rest.index("up app/prod")
    assert said.splitlines()[-1].startswith("updated: org/main, dns/main, corp/main, app/")


def test_only_the_named_stacks_are_updated_in_their_order(fake: Fake, ops: Ops) -> None:
    status, said, _ = ops("up", "--yes", "dev", "dns/main")
    assert (status, fake.asked("up")) == (0, ["dns/main", "app/dev"])
    assert said.endswith("updated: dns/main, app/dev")


def test_independent_stacks_are_updated_at_the_same_time(
    fake: Fake, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for own, other in (("dev", "stage"), ("stage", "dev")):
        fake.answer(
            "up",
            f"app/{own}",
            f"touch $FAKE/{own}; for i in $(seq 100); do [ -f $FAKE/{other} ] && exit 0; sleep 0.1; done; exit 1",
        )
    assert ops("up", "--yes", "app/dev", "app/stage")[0] == 0


def test_a_stack_runs_from_a_work_tree_of_its_ref_and_of_no_other(
    fake: Fake, ops: Ops, source: Path, git: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = git(source, "rev-parse", "HEAD")
    git(source, "checkout", "--quiet", "develop")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "second")
    monkeypatch.setenv("RELEASE_BRANCH", "main")
    assert ops("up", "--yes", "dev", "prod")[0] == 0
    found = {name: fake.context(f"app/{name}") for name in ("dev", "prod")}
    assert {name: commit for name, (*_, commit) in found.items()} == {
        "dev": git(source, "rev-parse", "develop"),
        "prod": released,
    }
    for root, branch, environment, _ in found.values():
        assert root != str(source)
        assert (branch, environment) == ("", f"{root}/.venv")
        assert not Path(root).exists()
    assert len(git(source, "worktree", "list").splitlines()) == 1


def test_here_is_the_checkout_as_it_is_with_the_pipeline_s_branch(
    fake: Fake, ops: Ops, source: Path, git: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "new.py").touch()  # the release gate looks at changes, and says so
    monkeypatch.setenv("RELEASE_BRANCH", "main")
    assert ops("up", "--here", "--yes", "app/stage")[0] == 0
    assert fake.context("app/stage") == [
        str(source),
        "main",
        f"{source}/.venv",
        git(source, "rev-parse", "HEAD"),
    ]


def test_changes_that_would_silently_not_be_deployed_are_refused(
    fake: Fake, ops: Ops, source: Path
) -> None:
    for name in "abcd":
        (source / f"{name}.py").touch()
    assert ops("up", "--yes") == (
        1,
        "",
        "This checkout has changes that would silently not be deployed, since each stack is "
        "deployed from a commit (changed: a.py, b.py, c.py and 1 more): commit or stash them "
        "(git stash -u).",
    )
    assert fake.asked() == []


def test_without_a_terminal_and_without_yes_nothing_is_done(fake: Fake, ops: Ops) -> None:
    for command in ("up", "down"):
        assert ops(command) == (
            1,
            "",
            "There is no terminal to ask on before each change: add --yes if all are wanted.",
        )
    assert fake.asked() == []


def test_a_person_is_asked_before_each_update_and_a_no_leaves_the_stack_and_what_reads_it(
    fake: Fake, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "no" if "stage" in question else "y"

    monkeypatch.setattr("builtins.input", answer)
    status, said, _ = ops("up", "app/dev", "app/stage", "app/prod")
    assert sorted(asked) == ["Update app/dev? [y/N] ", "Update app/stage? [y/N] "]
    assert (status, fake.asked("up")) == (1, ["app/dev"])
    assert said.splitlines()[-3:] == [
        "updated: app/dev",
        "left as it is: app/stage",
        "not tried: app/prod, which comes after app/stage",
    ]


def test_a_stack_that_holds_nothing_but_itself_is_destroyed(fake: Fake, ops: Ops) -> None:
    fake.events("preview-destroy", "dns/main", done("delete", STACK_TYPE, "dns-main"))
    status, said_, _ = ops("down", "--yes", "dns/main")
    assert status == 0
    assert said_.splitlines() == ["dns/main: 1 to delete", "destroyed: dns/main"]


def test_a_preview_tells_what_it_found(fake: Fake, ops: Ops) -> None:
    names = [f"role-{number}" for number in range(12)]
    fake.events(
        "preview",
        "dns/main",
        *(done("create", "aws:iam/role:Role", name) for name in names),
        done("delete", GROUP, "log"),
        said("warning", "This is a preview; an update would be refused.\n"),
    )
    said_ = ops("up", "--yes", "dns/main")[1].splitlines()
    assert said_ == [
        "dns/main: 12 to create, 1 to delete",
        *(f"  create: aws:iam/role:Role role-{number}" for number in range(10)),
        "  create: 2 more",
        f"  delete: {GROUP} log",
        "  warning: This is a preview; an update would be refused.",
        "updated: dns/main",
    ]


def test_a_failure_stops_what_reads_it_and_nothing_else(fake: Fake, ops: Ops) -> None:
    fake.answer("preview", "app/stage", "echo 'error: it is wrong' >&2; exit 1")
    status, said, _ = ops("up", "--yes", "app/dev", "app/stage", "app/prod")
    assert status == 1
    assert fake.asked("up") == ["app/dev"]
    assert "app/stage failed:\n  it is wrong\nNothing of it was changed." in said
    assert said.splitlines()[-3:] == [
        "updated: app/dev",
        "failed: app/stage",
        "not tried: app/prod, which comes after app/stage",
    ]


def test_a_half_done_update_says_what_is_done_what_is_not_and_how_to_go_on(
    fake: Fake, ops: Ops
) -> None:
    fake.events(
        "preview",
        "dns/main",
        done("create", GROUP, "early"),
        done("create", POLICY, "policy"),
        done("update", GROUP, "late"),
        done("delete", GROUP, "old"),
    )
    fake.events(
        "up",
        "dns/main",
        done("create", GROUP, "early"),
        step("resOpFailedEvent", "create", POLICY, "policy"),
        said("error", "Role nobody not found\n"),
        said("error", "update failed\n"),
        then="exit 1",
    )
    status, said_, _ = ops("up", "--yes", "dns/main")
    assert (status, said_.splitlines()[5:]) == (
        1,
        [
            "dns/main failed:",
            "  Role nobody not found",
            "dns/main is half done:",
            f"  created: {GROUP} early",
            f"  failed to create: {POLICY} policy",
            f"  not reached: {GROUP} late",
            f"  not reached: {GROUP} old",
            "Mend the cause and run `python -m ops up dns/main`: what is done stays, the rest follows.",
            "updated: nothing",
            "failed: dns/main",
        ],
    )


def test_a_refused_update_has_changed_nothing(fake: Fake, ops: Ops) -> None:
    fake.events("preview", "dns/main", done("update", GROUP, "log"))
    fake.events("up", "dns/main", said("error", "It takes no such checkout\n"), then="exit 1")
    said_ = ops("up", "--yes", "--here", "dns/main")[1]
    assert (
        "dns/main failed:\n  It takes no such checkout\nNothing of it was changed.\nupdated: nothing\n"
    ) in said_


def test_a_locked_stack_is_one_sentence_that_names_who_holds_it_and_how_to_wait(
    fake: Fake, ops: Ops
) -> None:
    fake.answer("up", "dns/main", f"cat >&2 <<'END'\n{LOCKED}END\nexit 1")
    said_ = ops("up", "--yes", "dns/main")[1]
    assert said_.splitlines()[1] == (
        "dns/main is locked by another update, of ada@laptop (process 12345) since "
        "2026-11-25T09:30:00Z: wait until that is done and run this again; only if that process is "
        "dead, take its lock away (pulumi -C stacks/dns cancel -s main)."
    )


def test_a_stack_that_is_new_to_the_backend_is_made_and_said_to_be(fake: Fake, ops: Ops) -> None:
    fake.answer(
        "preview",
        "dns/main",
        "[ -f $FAKE/made ] || { echo \"error: no stack named 'main' found\" >&2; exit 6; }",
    )
    fake.answer("init", "dns/main", "touch $FAKE/made")
    status, said_, _ = ops("up", "--yes", "dns/main")
    assert status == 0
    assert fake.asked() == [f"{it} dns/main" for it in ("preview", "init", "preview", "up")]
    assert said_.splitlines()[0] == "dns/main is new to this backend: it is made there."


@pytest.mark.parametrize(
    ("backend", "provider"),
    [
        ("s3://states?awssdk=v2", "awskms:///arn:key?region=eu-central-1&context_stack=dns-main"),
        ("s3://another", None),
        ("file:///state", None),
    ],
)
def test_a_new_stack_beside_the_others_in_the_bucket_is_encrypted_as_they_are(
    fake: Fake,
    ops: Ops,
    source: Path,
    git: Run,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    provider: str | None,
) -> None:
    tools = source / "stacks/tools"
    tools.mkdir()
    (tools / "Pulumi.yaml").write_text("name: tools\n")
    (tools / "Pulumi.main.yaml").write_text("config:\n  tools:release: {branch: main}\n")
    (tools / "__main__.py").touch()
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "tools")
    outputs = {
        "state_url": "s3://states?region=eu-central-1&awssdk=v2",
        "secrets_provider": "awskms:///arn:key?region=eu-central-1",
    }
    fake.answer("output", "tools/main", f"echo '{json.dumps(outputs)}'")
    fake.answer("whoami", "app/--json", f"echo '{json.dumps({'url': backend})}'")
    monkeypatch.chdir(source)
    missing = "echo \"error: no stack named 'main' found\" >&2; exit 6"
    fake.answer("preview", "dns/main", f"grep -q ^init $FAKE/log || {{ {missing}; }}")

    assert ops("up", "--yes", "dns/main")[0] == 0
    assert fake.asked("init") == [f"dns/{provider or 'main'}"]


def test_a_stack_that_is_in_another_backend_is_not_made_a_second_time(
    fake: Fake, ops: Ops, source: Path, git: Run
) -> None:
    fake.answer("preview", "dns/main", "echo \"error: no stack named 'main' found\" >&2; exit 6")
    settings = source / "stacks/dns/Pulumi.main.yaml"
    settings.write_text(f"encryptionsalt: v1:abc\n{settings.read_text()}")
    git(source, "commit", "--quiet", "--all", "--message", "made")

    status, said_, _ = ops("up", "--yes", "dns/main")

    assert status == 1
    assert fake.asked() == ["preview dns/main"]
    assert (
        "  It is not in this backend, although stacks/dns/Pulumi.main.yaml says how its secrets are "
        "encrypted: log in to the backend that it is in (pulumi login URL); to make it anew here, take "
        "encryptedkey, encryptionsalt, secretsprovider out of that file."
    ) in said_.splitlines()


def test_a_stack_waits_for_those_that_its_upstream_reads_too(
    fake: Fake, ops: Ops, source: Path, git: Run
) -> None:
    (source / "stacks/corp/__main__.py").write_text("DnsOutputs.read()\n")
    git(source, "commit", "--quiet", "--all", "--message", "corp reads org no more")
    fake.answer("up", "org/main", "sleep 0.5")

    assert ops("up", "--yes", "org/main", "corp/main")[0] == 0
    assert fake.asked() == [
        f"{it} {name}/main" for name in ("org", "corp") for it in ("preview", "up")
    ]


@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_its_like_let_what_runs_end_and_start_nothing_more(
    fake: Fake, source: Path, git: Run, word: signal.Signals
) -> None:
    fake.answer(
        "up",
        "org/main",
        "trap 'sleep 0.5; echo clean >> $FAKE/end; exit 1' INT\ntouch $FAKE/begun\n"
        "while :; do sleep 0.1; done",
    )
    program = (
        "import sys, pathlib; from ops import deployed, down, telling, up; from ops.__main__ import main\n"
        f"for it in (deployed, down, telling, up): it.ROOT = pathlib.Path({str(source)!r})\n"
        "sys.argv = ['ops', 'up', '--yes']; sys.exit(main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - ignored where tests run in the background
    ) as running:
        while not (fake.folder / "begun").exists():
            assert running.poll() is None
            time.sleep(0.05)
        os.kill(running.pid, word)
        time.sleep(0.2)
        os.kill(running.pid, word)  # an impatient person waits, too
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, "Interrupted.\n")
    assert (fake.folder / "end").read_text() == "clean\n"
    assert fake.asked("up") == ["org/main"]
    assert "Interrupted: what runs ends after the step it is at.\n" in out
    assert out.splitlines()[-6:] == [
        "failed: org/main",
        *(
            f"not tried: {it}, which comes after org/main"
            for it in ("dns/main", "corp/main", "app/dev", "app/stage", "app/prod")
        ),
    ]
    assert len(git(source, "worktree", "list").splitlines()) == 1


def test_stacks_are_destroyed_before_those_they_read(fake: Fake, ops: Ops) -> None:
    status, said_, _ = ops("down", "--yes", "app/prod", "app/stage", "dns/main")
    assert status == 0
    assert fake.asked("destroy") == ["app/prod", "app/stage", "dns/main"]
    assert fake.asked("preview-destroy") == ["app/prod", "app/stage", "dns/main"]
    assert said_.endswith("destroyed: app/prod, app/stage, dns/main")


def test_a_stack_with_protected_resources_stays_whole_and_so_does_what_it_reads(
    fake: Fake, ops: Ops
) -> None:
    zone = {"urn": "urn:pulumi:prod::app::aws:route53/zone:Zone::zone", "protect": True}
    role = {"urn": "urn:pulumi:prod::app::aws:iam/role:Role::role"}
    state = json.dumps({"deployment": {"resources": [zone, role]}})
    fake.answer("export", "app/prod", f"echo '{state}'")
    status, said_, _ = ops("down", "--yes", "app/dev", "app/prod", "dns/main")
    assert status == 1
    assert fake.asked("destroy") == ["app/dev"]
    assert (
        "app/prod has protected resources, so nothing of it is deleted (aws:route53/zone:Zone zone): "
        "unlock each first, by the setting that locks it or with "
        "`pulumi state unprotect URN -s prod`."
    ) in said_.splitlines()
    assert said_.splitlines()[-3:] == [
        "destroyed: app/dev",
        "failed: app/prod",
        "not tried: dns/main, which comes after app/prod",
    ]


def test_a_stack_that_is_not_deployed_is_no_failure_of_its_destruction(
    fake: Fake, ops: Ops
) -> None:
    missing = "echo \"error: no stack named 'dev' found\" >&2; exit 6"
    fake.answer("preview-destroy", "app/dev", missing)
    fake.answer("export", "app/dev", missing)
    status, said_, _ = ops("down", "--yes", "app/dev", "dns/main")
    assert (status, fake.asked("destroy")) == (0, ["dns/main"])
    assert said_.splitlines()[-2:] == ["destroyed: dns/main", "not deployed: app/dev"]
