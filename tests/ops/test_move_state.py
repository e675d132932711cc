"""A move of stacks between backends loses nothing, doubles nothing and tells no secret."""

import argparse
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from ops import backend, move_state, stack_settings, telling
from ops.backend import Backend
from ops.problem import OpsError
from ops.updates import Update
from stacks import catalogue
from stacks.catalogue import Stack

COMMIT = "c0ffee" * 6 + "c0ff"
KMS = "awskms:///arn:aws:kms:eu-central-1:444455556666:key/k?region=eu-central-1"
SECRET = "open sesame"
MOMENTS = 20
"""Before and after each change that a move of two stacks makes."""
OLD, NEW = "file:///old", "s3://new"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Killer:
    """Ends the process at one of the moments before and after each change."""

    at: int = -1
    moments: Iterator[int] = field(default_factory=itertools.count)

    def moment(self) -> None:
        if next(self.moments) == self.at:
            raise Killed


class FakeBackend:
    """A backend in memory. What it encrypts starts with the name of what encrypts it."""

    def __init__(self, url: str, killer: Killer) -> None:
        self.url = url
        self.variables = {"PATH": os.environ["PATH"]}
        self.stacks: dict[tuple[str, str], dict[str, Any]] = {}
        self.locked = False
        self._killer = killer

    def command(self, stack: Stack, words: str) -> str:
        return f"pulumi {words} -s {stack.name}"

    def export(self, stack: Stack) -> Any:
        return deepcopy(self.stacks.get((stack.project, stack.name)))

    def make(self, stack: Stack, provider: str) -> Any:
        assert (stack.project, stack.name) not in self.stacks
        state = {"url": provider, "encryptedkey": f"key of {provider}"}
        encryption = {"type": "cloud", "state": state}
        if provider in {"default", "passphrase"}:
            encryption = {"type": "passphrase", "state": {"salt": f"salt of {self.url}"}}
        with self._change():
            made = {"version": 3, "deployment": {"secrets_providers": encryption}}
            self.stacks[stack.project, stack.name] = made
        return self.export(stack)

    def load(self, stack: Stack, content: Any) -> None:
        with self._change():
            self.stacks[stack.project, stack.name] = deepcopy(content)

    def rename(self, stack: Stack, name: str) -> None:
        if self.locked:
            raise OpsError(f"{stack} is locked")
        with self._change():
            self.stacks[stack.project, name] = self.stacks.pop((stack.project, stack.name))

    def remove(self, stack: Stack) -> None:
        with self._change():
            del self.stacks[stack.project, stack.name]

    def config(self, _: Stack, settings: str) -> dict[str, Any]:
        config = yaml.safe_load(settings)["config"]
        return {
            key: {"value": value["secure"].partition("|")[2], "secret": True}
            for key, value in config.items()
            if isinstance(value, dict) and "secure" in value
        }

    def encrypt(self, _: Stack, settings: str, values: list[str]) -> list[str]:
        keys = yaml.safe_load(settings)
        return [f"{keys.get('encryptedkey') or keys['encryptionsalt']}|{it}" for it in values]

    def _change(self) -> Any:
        return _Moment(self._killer)


class _Moment:
    def __init__(self, killer: Killer) -> None:
        self._killer = killer

    def __enter__(self) -> None:
        self._killer.moment()

    def __exit__(self, *_: object) -> None:
        self._killer.moment()


@dataclass
class World:
    """A repository with two deployed stacks, in a backend that they are to leave."""

    root: Path
    source: FakeBackend
    target: FakeBackend
    previews: list[str]
    preview: Callable[[Stack], Update]
    killer: Killer
    say: Callable[[], str]

    def move(self, *words: str, provider: str = KMS) -> str:
        parser = argparse.ArgumentParser()
        move_state.add_arguments(parser)
        move_state.run(parser.parse_args(["--to", NEW, "--secrets-provider", provider, *words]))
        return self.say()

    def refused(self, *words: str, provider: str = KMS) -> str:
        with pytest.raises(OpsError) as refusal:
            self.move(*words, provider=provider)
        return str(refusal.value)

    def settings(self, stack: str) -> dict[str, Any]:
        path = {"org/main": "stacks/org/Pulumi.main.yaml", "app/dev": "Pulumi.dev.yaml"}[stack]
        return yaml.safe_load((self.root / path).read_text())


def content(project: str, name: str, **more: Any) -> dict[str, Any]:
    outputs = {"release_commit": COMMIT, "word": {"plaintext": json.dumps(SECRET)}}
    resources = [
        {
            "urn": f"urn:pulumi:{name}::{project}::pulumi:pulumi:Stack::{project}-{name}",
            "type": "pulumi:pulumi:Stack",
            "outputs": outputs,
        }
    ]
    encryption = {"type": "passphrase", "state": {"salt": "old salt"}}
    deployment = {"secrets_providers": encryption, "resources": resources, **more}
    return {"version": 3, "deployment": deployment}


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> World:
    root = tmp_path / "repository"
    org = root / "stacks" / "org"
    org.mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: app\n")
    (root / "Pulumi.dev.yaml").write_text(
        "# Of a person.\nconfig:\n  app:release: { branch: main }\nencryptionsalt: old salt\n"
    )
    (root / "__main__.py").write_text("OrgOutputs.read()\n")
    (org / "Pulumi.yaml").write_text("name: org\n")
    (org / "Pulumi.main.yaml").write_text(
        "config:\n  org:release:\n    branch: main  # the one\n"
        f"  org:word:\n    secure: old salt|{SECRET}\nencryptionsalt: old salt\n"
    )
    (org / "__main__.py").write_text("")
    killer = Killer()
    source, target = FakeBackend(OLD, killer), FakeBackend(NEW, killer)
    source.stacks = {
        (project, name): content(project, name)
        for project, name in (("org", "main"), ("app", "dev"))
    }
    found = World(
        root,
        source,
        target,
        [],
        lambda _: Update(succeeded=True),
        killer,
        lambda: capsys.readouterr().out,
    )

    class FakeWorktrees:
        def __init__(self, repository: Path, _: Path) -> None:
            assert repository == root

        def __enter__(self) -> Self:
            shutil.rmtree(tmp_path / COMMIT, ignore_errors=True)
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def at(self, commit: str, stack: Stack) -> Path:
            assert commit == COMMIT, stack
            if not (tmp_path / commit).exists():
                shutil.copytree(root, tmp_path / commit)
            return tmp_path / commit

    class FakeEngine:
        def __init__(self, stack: Stack, tree: Path, _: dict[str, str]) -> None:
            self._stack, self._tree = stack, tree

        def preview(self, _: Callable[[Update], None]) -> Update:
            found.previews.append(str(self._stack))
            written = (self._tree / self._stack.settings).read_text()
            assert "old salt" not in written  # it is the copy that is previewed
            return found.preview(self._stack)

    replace = Path.replace

    def replaced(self: Path, to: Path) -> Path:
        killer.moment()
        done = replace(self, to)
        killer.moment()
        return done

    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(move_state, "Backend", lambda url=None: target if url else source)
    monkeypatch.setattr(move_state, "Worktrees", FakeWorktrees)
    monkeypatch.setattr(move_state, "Engine", FakeEngine)
    for module in (move_state, telling):
        monkeypatch.setattr(module, "ROOT", root)
    return found


def test_stacks_move_in_the_order_of_their_references_each_after_an_unchanged_preview(
    world: World,
) -> None:
    world.move()

    assert world.previews == ["org/main", "app/dev"]
    assert set(world.target.stacks) == {("org", "main"), ("app", "dev")}
    for project, name in world.target.stacks:
        arrived = world.target.stacks[project, name]["deployment"]
        assert arrived["resources"] == content(project, name)["deployment"]["resources"]


def test_each_stack_gets_an_encryption_context_of_its_own(world: World) -> None:
    world.move()

    for stack in ("org/main", "app/dev"):
        project, _, name = stack.partition("/")
        provider = f"{KMS}&context_stack={project}-{name}"
        encryption = world.target.stacks[project, name]["deployment"]["secrets_providers"]
        assert encryption["state"]["url"] == provider
        assert world.settings(stack)["secretsprovider"] == provider
        assert world.settings(stack)["encryptedkey"] == f"key of {provider}"
        assert "encryptionsalt" not in world.settings(stack)


def test_a_secret_in_settings_is_encrypted_anew_and_the_rest_stays_as_it_was_written(
    world: World,
) -> None:
    world.move()

    provider = f"{KMS}&context_stack=org-main"
    assert (world.root / "stacks/org/Pulumi.main.yaml").read_text() == (
        "config:\n  org:release:\n    branch: main  # the one\n"
        f"  org:word:\n    secure: key of {provider}|{SECRET}\n"
        f"secretsprovider: {provider}\nencryptedkey: key of {provider}\n"
    )


def test_an_old_stack_stays_under_a_name_that_nobody_updates(world: World) -> None:
    said = world.move()

    names = [name for project, name in world.source.stacks if project == "app"]
    assert len(names) == 1
    assert names[0].startswith("dev-moved-2")
    assert f"moved, and unchanged there; the old one is now {names[0]}" in said


def test_a_person_is_told_what_to_do_next(world: World) -> None:
    said = world.move("org/main").splitlines()

    assert said[-4:] == [
        "Commit the settings files, which say how the secrets are encrypted now, and set",
        f"PULUMI_BACKEND_URL={NEW}",
        f"The history of updates stays in {OLD}",
        (
            "Still there: app/dev; to be moved too, since a stack reads others in its own backend "
            "only."
        ),
    ]


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_move_that_is_killed_ends_when_it_is_run_again(world: World, moment: int) -> None:
    world.killer.at = moment
    try:
        world.move()
    except Killed:
        everywhere = [world.source.stacks, world.target.stacks]
        for project, name in (("org", "main"), ("app", "dev")):
            expected = content(project, name)["deployment"]["resources"]
            found = [it.get((project, name), {}).get("deployment", {}) for it in everywhere]
            assert expected in [it.get("resources") for it in found]  # nothing is lost
    else:
        pytest.fail("the move has fewer moments")

    world.killer.at = -1
    world.move()

    assert set(world.target.stacks) == {("org", "main"), ("app", "dev")}
    old = [f"{project}/{name[:9]}" for project, name in world.source.stacks]
    assert old == ["org/main-move", "app/dev-moved"]
    for stack in ("org/main", "app/dev"):
        project, _, name = stack.partition("/")
        deployment = world.target.stacks[project, name]["deployment"]
        assert deployment["resources"] == content(project, name)["deployment"]["resources"]
        key = deployment["secrets_providers"]["state"]["encryptedkey"]
        assert world.settings(stack)["encryptedkey"] == key
    word = world.settings("org/main")["config"]["org:word"]["secure"]
    assert word == f"key of {KMS}&context_stack=org-main|{SECRET}"


def test_the_moments_of_a_move_are_all_tried(world: World) -> None:
    world.move()

    assert next(world.killer.moments) == MOMENTS


def test_a_move_that_was_made_before_changes_nothing(world: World) -> None:
    world.move()
    before = deepcopy((world.source.stacks, world.target.stacks))

    said = world.move()

    assert (world.source.stacks, world.target.stacks) == before
    assert said.count("is there already") == 2


@pytest.mark.parametrize("found", [{}, {("app", "dev"): {"version": 3, "deployment": {}}}])
def test_a_stack_that_is_not_deployed_is_passed_over(world: World, found: dict[Any, Any]) -> None:
    del world.source.stacks["app", "dev"]
    world.source.stacks |= found

    assert "app/dev      0:00  is not deployed" in world.move()
    assert ("app", "dev") not in world.target.stacks


def test_a_stack_that_would_change_stays_where_it_was(world: World) -> None:
    before = deepcopy(world.source.stacks)
    files = {path: path.read_text() for path in world.root.rglob("Pulumi.*.yaml")}
    world.preview = lambda _: Update(succeeded=True, changes={"update": 2, "create": 1})

    assert world.refused() == (
        "org/main stays where it was, since a preview in s3://new of the very commit that it runs "
        "would change something (2 update, 1 create): update it first (pulumi -C stacks/org up "
        "-s main), then move it."
    )
    assert world.source.stacks == before
    assert world.target.stacks == {}
    assert {path: path.read_text() for path in files} == files


def test_a_stack_that_cannot_be_previewed_stays_where_it_was(world: World) -> None:
    world.preview = lambda _: Update(errors=["no access"])

    assert world.refused() == (
        "org/main stays where it was, since its preview in s3://new fails: no access"
    )
    assert world.target.stacks == {}


def test_an_update_during_the_move_is_not_lost(world: World) -> None:
    def updated(_: Stack) -> Update:
        world.source.stacks["org", "main"]["deployment"]["resources"][0]["outputs"]["new"] = "1"
        return Update(succeeded=True)

    world.preview = updated

    assert world.refused() == (
        "org/main stays where it was, since it was updated meanwhile: wait until nobody updates "
        "it, then run this again."
    )
    assert world.target.stacks == {}


def test_an_update_that_runs_when_the_move_ends_is_waited_for(world: World) -> None:
    world.source.locked = True
    assert world.refused() == "org/main is locked"

    world.source.locked = False
    world.move()

    assert ("org", "main") not in world.source.stacks


def test_another_stack_of_that_name_is_not_written_over(world: World) -> None:
    other = content("org", "main")
    other["deployment"]["resources"][0]["outputs"]["word"] = "other"
    world.target.stacks["org", "main"] = deepcopy(other)

    assert world.refused() == (
        "s3://new has another org/main already, and nothing is written over it: move it away "
        "first, or, where it is but an older copy, remove it there (pulumi stack rm --force "
        "--preserve-config -s main)."
    )
    assert world.target.stacks["org", "main"] == other
    assert ("org", "main") in world.source.stacks


def test_a_copy_that_is_encrypted_otherwise_is_made_anew(world: World) -> None:
    world.preview = lambda _: Update(errors=["no access"])
    world.killer.at = 4
    with pytest.raises(Killed):
        world.move(provider="passphrase")
    world.killer.at = -1
    world.preview = lambda _: Update(succeeded=True)

    world.move()

    assert world.settings("org/main")["secretsprovider"] == f"{KMS}&context_stack=org-main"


def test_a_stack_with_an_unfinished_update_is_not_moved(world: World) -> None:
    pending = [{"type": "creating", "resource": {"urn": "urn:pulumi:main::org::a:b:C::queue"}}]
    world.source.stacks["org", "main"] = content("org", "main", pending_operations=pending)

    assert world.refused() == (
        "org/main has operations that are not done (queue): wait until its update has ended; if "
        "it was killed, look at what there is and run pulumi refresh -s main, then this again."
    )
    assert world.target.stacks == {}


def test_a_stack_whose_last_update_failed_is_not_moved(world: World) -> None:
    del world.source.stacks["org", "main"]["deployment"]["resources"][0]["outputs"][
        "release_commit"
    ]

    assert world.refused() == (
        "org/main does not say which commit it runs, because its last update failed: update it "
        "first (pulumi -C stacks/org up -s main), then move it."
    )


def test_a_stack_does_not_move_before_what_it_reads(world: World) -> None:
    assert world.refused("app/dev") == (
        "app/dev reads org/main, which is not in s3://new: move org/main first, or both "
        "(python -m ops move-state --to ... org/main app/dev)."
    )
    world.move("org/main")
    world.move("app/dev")


def test_stacks_do_not_move_to_where_they_are(world: World) -> None:
    world.target.url = OLD

    assert world.refused() == (
        "The stacks are in file:///old already: log in to where they are now (pulumi login), and "
        "name another place with --to."
    )


def test_a_context_for_all_stacks_is_refused(world: World) -> None:
    assert world.refused(provider=f"{KMS}&context_stack=all") == (
        "Leave context_stack out of --secrets-provider: each stack gets its own, so that no other "
        "stack's role decrypts its secrets."
    )


# Below: what goes to the engine's command and what comes back, in the engine's own words.

CLOUD = {
    "type": "service",
    "state": {"url": "https://api.pulumi.com", "owner": "acme", "project": "org", "stack": "main"},
}


@dataclass
class Pulumi:
    """A program in place of pulumi: answers by the command, and keeps what it was asked."""

    folder: Path

    def answers(self, command: str, out: str = "", err: str = "", status: int = 0) -> None:
        name = command.replace(" ", "-")
        (self.folder / f"{name}.out").write_text(out)
        (self.folder / f"{name}.err").write_text(err)
        (self.folder / f"{name}.status").write_text(str(status))

    def asked(self) -> str:
        return (self.folder / "asked").read_text()

    def given(self, command: str) -> str:
        return (self.folder / f"{command.replace(' ', '-')}.given").read_text()


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "pulumi"
    program.write_text(
        "#!/bin/sh\n"
        f"cd {folder}\n"
        'echo "$PULUMI_BACKEND_URL $*" >> asked\n'
        'name="$4-$5"; [ -f "$name.out" ] || name="$4"\n'
        'cat > "$name.given"; cat "$name.out"; cat "$name.err" >&2; exit "$(cat "$name.status")"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr(backend.tempfile, "tempdir", str(tmp_path))
    found = Pulumi(folder)
    found.answers("whoami", json.dumps({"url": NEW}))
    return found


@pytest.fixture
def org(world: World) -> Stack:
    return catalogue.find("org/main", world.root)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(OpsError) as refused:
        call()
    return str(refused.value)


def test_a_backend_that_cannot_be_reached_is_named(pulumi: Pulumi) -> None:
    pulumi.answers(
        "whoami",
        err="SDK 2026/11/25 WARN no checksum\nerror: error listing stacks: could not list bucket: "
        "blob (code=NotFound): operation error S3: ListObjectsV2, https response error StatusCode: "
        "404, RequestID: AsXi/8=, HostID: 9Gjj+=, NoSuchBucket: The specified bucket does not "
        "exist\n",
        status=255,
    )

    assert refusal(lambda: Backend("s3://new")) == (
        "The backend s3://new cannot be reached (error listing stacks: could not list bucket: "
        "blob (code=NotFound): operation error S3: ListObjectsV2, NoSuchBucket: The specified "
        "bucket does not exist): check its address and your credentials for it (pulumi whoami -v)."
    )
    assert refusal(Backend).startswith(
        "The backend that you are logged in to cannot be reached (error listing stacks"
    )


def test_a_locked_stack_says_who_holds_the_lock(pulumi: Pulumi, org: Stack) -> None:
    pulumi.answers(
        "stack rename",
        err="error: the stack is currently locked by 1 lock(s). Either wait for the other "
        "process(es) to end or delete the lock file with `pulumi cancel`.\n"
        "  file:///x/1.json: created by alice@laptop (pid 4242) at 2026-11-25T09:00:00Z\n",
        status=255,
    )

    assert refusal(lambda: Backend(NEW).rename(org, "old")) == (
        "org/main is locked in s3://new: alice@laptop (process 4242) since 2026-11-25T09:00:00Z "
        "works on it; wait until that has ended, or, only where that process is dead, run "
        "PULUMI_BACKEND_URL='s3://new' pulumi -C stacks/org cancel -s main; then run this again."
    )


def test_a_secrets_provider_that_cannot_be_used_is_named(pulumi: Pulumi, org: Stack) -> None:
    pulumi.answers(
        "stack init",
        err="error: could not create secrets manager for new stack: secrets (code=NotFound): "
        "operation error KMS: Encrypt, https response error StatusCode: 400, RequestID: R4FX, "
        "NotFoundException: Invalid keyId\n",
        status=255,
    )

    assert refusal(lambda: Backend(NEW).make(org, KMS)) == (
        "org/main cannot be made in s3://new (could not create secrets manager for new stack: "
        "secrets (code=NotFound): operation error KMS: Encrypt, NotFoundException: Invalid "
        f"keyId): check the secrets provider {KMS}: that it is there, that you may use it, and "
        "for one with a passphrase PULUMI_CONFIG_PASSPHRASE."
    )


def test_a_wrong_passphrase_is_said_to_be_one(pulumi: Pulumi, org: Stack) -> None:
    pulumi.answers(
        "stack export",
        err="error: getting secrets manager: incorrect passphrase, please set "
        "PULUMI_CONFIG_PASSPHRASE to the correct passphrase\n",
        status=255,
    )

    assert refusal(lambda: Backend().export(org)) == (
        "org/main cannot be read in s3://new (getting secrets manager: incorrect passphrase, "
        "please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase): check that you may, and "
        "PULUMI_CONFIG_PASSPHRASE."
    )


def test_a_stack_that_is_not_there_is_none(pulumi: Pulumi, org: Stack) -> None:
    pulumi.answers("stack export", err="error: no stack named 'main' found\n", status=255)

    assert Backend().export(org) is None


def test_a_missing_engine_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert refusal(Backend) == (
        "pulumi is not on PATH: install it, or run this in the shell that `make sandbox-shell` "
        "opens."
    )


def test_a_stack_of_pulumi_cloud_goes_to_a_bucket_with_the_buckets_encryption(
    world: World,
) -> None:
    """The files are the ones that the engine's export and import have; there is no cloud here."""
    exported = content("org", "main")
    exported["deployment"]["secrets_providers"] = CLOUD
    world.source.stacks = {("org", "main"): deepcopy(exported)}
    cloud_file = world.root / "stacks/org/Pulumi.main.yaml"
    cloud_file.write_text("config:\n  org:release: { branch: main }\n")

    world.move("org/main")

    arrived = world.target.stacks["org", "main"]["deployment"]
    assert arrived["resources"] == exported["deployment"]["resources"]
    assert arrived["secrets_providers"]["type"] == "cloud"
    assert world.settings("org/main")["secretsprovider"] == f"{KMS}&context_stack=org-main"


def test_a_stack_goes_to_pulumi_cloud_with_the_clouds_encryption(
    pulumi: Pulumi, org: Stack
) -> None:
    empty = {"version": 3, "deployment": {"manifest": {}, "secrets_providers": CLOUD}}
    pulumi.answers("stack export", json.dumps(empty))
    pulumi.answers("stack init", "Created stack 'main'")
    pulumi.answers("stack import", "Import complete.")
    target = Backend("https://api.pulumi.com")

    copy = target.make(org, "default")
    here = content("org", "main")
    deployment = here["deployment"] | {"secrets_providers": CLOUD}
    target.load(org, here | {"deployment": deployment})

    assert copy == empty
    assert json.loads(pulumi.given("stack import"))["deployment"]["secrets_providers"] == CLOUD
    assert stack_settings.provider_keys(CLOUD) == {}
    words = "stack init --no-select --secrets-provider default --stack main"
    assert f"--non-interactive {words}\n" in pulumi.asked()
    assert all(it.startswith("https://api.pulumi.com ") for it in pulumi.asked().splitlines())


def test_a_backend_that_hides_its_encryption_gets_no_secret(pulumi: Pulumi, org: Stack) -> None:
    pulumi.answers("stack export", json.dumps({"version": 3, "deployment": {"manifest": {}}}))
    pulumi.answers("stack init")

    assert refusal(lambda: Backend(NEW).make(org, "default")) == (
        "s3://new does not say how org/main would be encrypted there: name a --secrets-provider."
    )


def test_no_command_has_a_secret_among_its_words_and_no_folder_keeps_one(
    pulumi: Pulumi, org: Stack, tmp_path: Path
) -> None:
    pulumi.answers("stack import")
    target = Backend(NEW)

    target.load(org, content("org", "main"))

    assert SECRET in pulumi.given("stack import")
    assert SECRET not in pulumi.asked()
    assert not list(tmp_path.glob("stack-*"))


def test_encrypted_values_are_found_wherever_they_are() -> None:
    text = "config:\n  a:b:\n    secure: x\n  a:c:\n    d:\n      - e:\n          secure: y\n  a:f: 1\n"
    shown = {
        "a:b": {"value": "one\n", "secret": True},
        "a:c": {"value": "{}", "objectValue": {"d": [{"e": "two"}]}, "secret": True},
    }

    found = stack_settings.encrypted(text)

    assert found == {("a:b",): "x", ("a:c", "d", 0, "e"): "y"}
    assert [stack_settings.in_clear(shown, path) for path in found] == ["one\n", "two"]
