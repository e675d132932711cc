"""The rules, played for a newcomer: a push deploys, and a tag past STAGE is seen refused."""

from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import play
from sandbox.pipelines import Action, Run
from sandbox.problem import SandboxError

COMMIT = "1234567" + "0" * 33
REFUSAL = "Stack prod does not take this checkout: it is not in main."


class Checkout:
    """The clone, of which the play makes one commit and one tag."""

    def __init__(self) -> None:
        self.tags: list[str] = []

    def commit_to(self, branch: str, message: str) -> str:
        assert (branch, bool(message)) == ("develop", True)
        return COMMIT

    @contextmanager
    def tagged(self, commit: str) -> Generator[str]:
        self.tags.append(commit)
        yield "v1.0.1"
        self.tags.remove(commit)


class Sandbox:
    """A sandbox that is up, with its state in a folder."""

    def __init__(self) -> None:
        self.checkout = Checkout()
        self.connected = self.is_held = False

    @contextmanager
    def held(self) -> Generator[None]:
        self.is_held = True
        yield
        self.is_held = False

    def environment(self) -> dict[str, str]:
        return {"PULUMI_BACKEND_URL": "file:///state"}

    def finish_connection(self) -> None:
        self.connected = True


class Player:
    """Pipelines of which those in `refuses` end with a preview that failed."""

    refuses: Collection[str] = ()
    log = f"[Container] a\n{REFUSAL}\n[Container] b\n"

    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        assert options["variables"] == {"PULUMI_BACKEND_URL": "file:///state"}
        assert options["without"] == {"Check"}
        self.sandbox = sandbox

    def started_by_push(self, branch: str, files: Collection[str]) -> list[str]:
        assert (branch, files) == ("develop", ())
        return ["app-dev"]

    def started_by_tag(self, tag: str) -> list[str]:
        assert (tag, self.sandbox.checkout.tags) == ("v1.0.1", [COMMIT])
        return ["app-prod"]

    def play(self, pipeline: str, commit: str, branch: str = "") -> Run:
        assert self.sandbox.connected
        assert self.sandbox.is_held
        assert branch == {"app-dev": "develop"}.get(pipeline, "")
        refused = pipeline in self.refuses
        log = self.log if refused else "a preview"
        actions = (of("Source", ""), of("Preview", log, succeeded=not refused))
        return Run(pipeline=pipeline, commit=commit, actions=actions, artefacts={}, told=())


def of(name: str, log: str, *, succeeded: bool = True) -> Action:
    return Action(stage="a", name=name, succeeded=succeeded, seconds=1.0, log=log, variables={})


def shown(monkeypatch: pytest.MonkeyPatch, *refuses: str) -> Sandbox:
    monkeypatch.setattr(play, "Player", Player)
    monkeypatch.setattr(Player, "refuses", refuses)
    sandbox = Sandbox()
    play.show(sandbox)  # pyright: ignore[reportArgumentType] - it needs these few things of one
    return sandbox


def test_a_push_deploys_and_a_tag_on_it_is_refused_for_the_reason_that_the_step_gave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = shown(monkeypatch, "app-prod")

    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "A push of 1234567 to develop starts the pipeline of DEV:"
    assert printed[3].endswith("source ok, preview ok")
    assert printed[5] == "A tag v1.0.1 on it starts that of PROD, which takes only what STAGE runs:"
    assert printed[7].endswith("source ok, preview refused")
    assert printed[8] == REFUSAL
    assert sandbox.checkout.tags == []


def test_a_push_that_does_not_deploy_ends_the_play_with_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SandboxError) as failed:
        shown(monkeypatch, "app-dev", "app-prod")

    assert str(failed.value) == (
        f"The push to develop did not deploy:\n[Container] a\n{REFUSAL}\n[Container] b\n"
    )


def test_a_tag_that_is_deployed_ends_the_play(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxError) as failed:
        shown(monkeypatch)

    assert str(failed.value) == (
        "The tag v1.0.1 was not refused, although STAGE does not run 1234567:\na preview"
    )


def test_a_tag_that_fails_for_another_reason_is_not_taken_for_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Player, "log", "no such program\n")

    with pytest.raises(SandboxError) as failed:
        shown(monkeypatch, "app-prod")

    assert str(failed.value).endswith("does not run 1234567:\nno such program\n")
    assert "source ok, preview failed" in capsys.readouterr().out
