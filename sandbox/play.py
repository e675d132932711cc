"""What a newcomer sees after everything is up: a push that deploys, and a tag that does not.

Plays the pipelines that stacks/tools made, on a commit of the throw-away clone that changes
nothing. The checks are left out: they are `make check`, and take minutes.
"""

from collections.abc import Callable

from ops.ticker import Board, Ticker
from sandbox.pipelines import Action, Player, Run
from sandbox.sandbox import Sandbox

CHECKS = "Check"
BRANCH = "develop"
MESSAGE = "A change that only DEV has seen"
SHORT_COMMIT = 7


def show(sandbox: Sandbox) -> None:
    """Push a commit to the branch of DEV, then try to promote it past STAGE."""
    board = Board()
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
    _told(board, pipeline, lambda: player.play(pipeline, commit, BRANCH))
    with sandbox.checkout.tagged(commit) as tag:
        board.write(f"\nA tag {tag} on it starts that of PROD, which takes only what STAGE runs:")
        (pipeline,) = player.started_by_tag(tag)
        _told(board, pipeline, lambda: player.play(pipeline, commit))


def _told(board: Board, pipeline: str, play: Callable[[], Run]) -> Run:
    with Ticker(pipeline, board) as ticker:
        run = play()
        ticker.failed = not run.succeeded
        ticker.show(", ".join(_result(action) for action in run.actions))
    if not run.succeeded:
        board.write(_reason(run.actions[-1]))
    return run


def _result(action: Action) -> str:
    return f"{action.name.lower()} {'ok' if action.succeeded else 'refused'}"


def _reason(action: Action) -> str:
    """Return the line of a log that says why the action failed."""
    lines = [line.strip() for line in action.log.splitlines() if line.strip()]
    return next((line for line in lines if "does not take this checkout" in line), lines[-1])
