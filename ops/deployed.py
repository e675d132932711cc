"""What a deployed stack says of itself, asked from outside a Pulumi program."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from ops.engine import program
from ops.problem import OpsError
from ops.updates import NO_STACK
from stacks import release
from stacks.catalogue import Stack
from stacks.checkout import UnreleasableError
from stacks.outputs import Outputs
from stacks.settings import ROOT

Shape = TypeVar("Shape", bound=BaseModel)


def outputs(producer: type[Outputs], shape: type[Shape], stack: str = "main") -> Shape:
    """Return outputs of a stack of a producer's project, checked against a shape.

    Raises OpsError.
    """
    full = f"{producer.project}/{stack}"
    found = _asked(ROOT / producer.folder(), stack, full, "output", "--json")
    if not found:
        raise OpsError(f"Stack {full} is not deployed: first run: {producer.update_of(stack)}")
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        names = ", ".join(str(mistake["loc"][0]) for mistake in error.errors())
        raise OpsError(
            f"Stack {full} has no right output {names}: its last update failed or is of another "
            f"release than this program; run: {producer.update_of(stack)}"
        ) from None


def all_outputs(stack: Stack) -> dict[str, Any] | None:
    """Return whatever a stack exports, None where the backend has no such stack.

    Raises OpsError.
    """
    return _asked(ROOT / stack.folder, stack.name, str(stack), "output", "--json")


def resources(stack: Stack) -> list[dict[str, Any]]:
    """Return the resources in a stack's state, none where the backend has no such stack.

    Raises OpsError.
    """
    state = _asked(ROOT / stack.folder, stack.name, str(stack), "export") or {}
    deployment: dict[str, Any] = state.get("deployment") or {}
    return deployment.get("resources") or []


def history(stack: Stack) -> list[dict[str, Any]]:
    """Return the records of a stack's last updates, newest first.

    Raises OpsError.
    """
    try:
        return release.history(stack.name, ROOT / stack.folder)
    except UnreleasableError as reason:
        raise OpsError(f"{reason}.") from None


def _asked(project: Path, stack: str, full: str, *question: str) -> dict[str, Any] | None:
    """Return what `pulumi stack` answers, None where the backend has no such stack."""
    pulumi = program(os.environ)
    done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
        [pulumi, "-C", project, "-s", stack, "--non-interactive", "stack", *question],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        if NO_STACK in reason:
            return None
        raise OpsError(
            f"Stack {full} cannot be read ({reason.removeprefix('error: ')}): check the backend "
            "(pulumi whoami -v)."
        )
    return cast("dict[str, Any]", json.loads(done.stdout))
