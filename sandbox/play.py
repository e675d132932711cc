"""What a newcomer sees after everything is up: a push that deploys, and a tag that does not.

Plays the pipelines that stacks/tools made, on a commit of the throw-away clone that changes
nothing. The checks are left out: they are `make check`, and take minutes.
"""

import shutil
import textwrap
from collections.abc import Callable

from ops.ticker import Board, Ticker
from sandbox.pipelines import Action, Player, Run
from sandbox.problem import SandboxError
from sandbox.sandbox import Sandbox

CHECKS = "Check"
BRANCH = "develop"
MESSAGE = "A change that only DEV has seen"
SHORT_COMMIT = 7
REFUSAL = "does not take this checkout"
"""What the release gate says to a commit that may not be deployed."""
CONTAINER = "[Container]"
"""What CodeBuild's own lines in a log start with."""


def show(sandbox: Sandbox) -> None:
    """Push a commit to the branch of DEV, then try to promote it past STAGE.

    Raises SandboxError where the push does not deploy, or the tag is not refused.
    """
    with sandbox.held():
        _show(sandbox, Board())


def _show(sandbox: Sandbox, board: Board) -> None:
    backend = sandbox.environment()["PULUMI_BACKEND_URL"]
    player = Player(
        sandbox,
        approve=lambda _: True,
        variables={"PULUMI_BACKEND_URL": backend},
        without={CHECKS},
    )
    sandbox.finish_connection()
    commit = sandbox.checkout.commit_to(BRANCH, MESSAGE)
    short = commit[:SHORT_COMMIT]
    board.write(f"\nA push of {short} to {BRANCH} starts the pipeline of DEV:")
    (pipeline,) = player.started_by_push(BRANCH, ())
    pushed = _told(board, pipeline, lambda: player.play(pipeline, commit, BRANCH))
    if not pushed.succeeded:
        raise SandboxError(f"The push to {BRANCH} did not deploy:\n{pushed.actions[-1].log}")
    with sandbox.checkout.tagged(commit) as tag:
        board.write(f"\nA tag {tag} on it starts that of PROD, which takes only what STAGE runs:")
        (pipeline,) = player.started_by_tag(tag)
        refused = _told(board, pipeline, lambda: player.play(pipeline, commit))
    last = refused.actions[-1]
    if REFUSAL not in last.log:
        raise SandboxError(
            f"The tag {tag} was not refused, although STAGE does not run {short}:\n{last.log}"
        )
    board.write(textwrap.fill(_reason(last), shutil.get_terminal_size().columns))


def _told(board: Board, pipeline: str, play: Callable[[], Run]) -> Run:
    with Ticker(pipeline, board) as ticker:
        run = play()
        ticker.failed = not run.succeeded
        ticker.show(", ".join(_result(action) for action in run.actions))
    return run


def _result(action: Action) -> str:
    failed = "refused" if REFUSAL in action.log else "failed"
    return f"{action.name.lower()} {'ok' if action.succeeded else failed}"


def _reason(action: Action) -> str:
    """Return what the step said last, before CodeBuild told that it failed."""
    lines = [line for line in action.log.splitlines() if line and not line.startswith(CONTAINER)]
    return lines[-1] if lines else action.log
