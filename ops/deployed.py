"""What a deployed stack says of itself, asked from outside a Pulumi program."""

import json
import subprocess
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ops.problem import OpsError
from stacks.outputs import Outputs
from stacks.settings import ROOT

Shape = TypeVar("Shape", bound=BaseModel)


def outputs(producer: type[Outputs], shape: type[Shape]) -> Shape:
    """Return outputs of the stack `main` of a producer's project, checked against a shape.

    Raises OpsError.
    """
    stack = f"{producer.project}/main"
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            ["pulumi", "-C", ROOT / producer.folder(), "-s", "main", "--non-interactive",  # noqa: S607 - the person's own
             "stack", "output", "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise OpsError(
            "pulumi is not on PATH: install it, or run this in the shell that `make sandbox-shell` "
            "opens."
        ) from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gives no reason"])[-1]
        if "no stack named" in reason:
            raise _not_deployed(producer, stack)
        raise OpsError(
            f"Stack {stack} cannot be read ({reason.removeprefix('error: ')}): check the backend "
            "(pulumi whoami -v)."
        )
    found = json.loads(done.stdout)
    if not found:
        raise _not_deployed(producer, stack)
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        names = ", ".join(str(mistake["loc"][0]) for mistake in error.errors())
        raise OpsError(
            f"Stack {stack} has no right output {names}: its last update failed or is of another "
            f"release than this program; run: {producer.update_of('main')}"
        ) from None


def _not_deployed(producer: type[Outputs], stack: str) -> OpsError:
    return OpsError(f"Stack {stack} is not deployed: first run: {producer.update_of('main')}")
