"""`python -m ops connection`: whether the pipelines can reach the git host, and the step to it.

The stack's own output is as old as its last update, so the status is asked of AWS itself.
"""

import argparse
import sys
from textwrap import fill
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from components.pipeline import next_step
from ops import account, deployed
from ops.problem import OpsError
from ops.text import WIDTH, plain
from stacks.outputs import ToolsOutputs
from stacks.settings import AccountId

AVAILABLE, PENDING = "AVAILABLE", "PENDING"
UNUSABLE = 1
"""The exit status of a connection that starts no pipeline."""
STILL_IN_ERROR = (
    "AWS tries again by itself. Where it stays like this, look whether AWS's app is still "
    "installed at the git host and may read the repository."
)


class Tools(BaseModel):
    """The outputs of `stacks/tools` that are read here."""

    account_id: AccountId
    connection_arn: str


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Declare what the command takes: nothing."""


def run(_: argparse.Namespace) -> int:
    """Print the status and the next step; return 0 only where commits start pipelines.

    Raises OpsError.
    """
    tools = deployed.outputs(ToolsOutputs, Tools)
    region = tools.connection_arn.split(":")[3]
    found = _connection(tools, region)
    status = plain(found["ConnectionStatus"])
    name = f"The connection {plain(found['ConnectionName'])} to {plain(found['ProviderType'])}"
    if status == AVAILABLE:
        sys.stdout.write(f"{name} is {status}: commits start the pipelines.\n")
        return 0
    todo = next_step(status, region) if status == PENDING else STILL_IN_ERROR
    sys.stdout.write(f"{name} is {status}: no commit starts a pipeline.\n{fill(todo, WIDTH)}\n")
    return UNUSABLE


def _connection(tools: Tools, region: str) -> dict[str, Any]:
    session: Any = account.session(tools.account_id, region)  # its types know only some services
    client = session.client("codeconnections")
    try:
        return client.get_connection(ConnectionArn=tools.connection_arn)["Connection"]
    except client.exceptions.ResourceNotFoundException:
        raise OpsError(
            f"The connection {tools.connection_arn} is not there any more: make it again with: "
            f"{ToolsOutputs.update_of('main')} --refresh"
        ) from None
    except ClientError as error:
        raise OpsError(
            f"The connection of account {tools.account_id} cannot be read ({error}): check which "
            "role DEPLOY_ROLE names."
        ) from None
    except BotoCoreError as error:
        raise account.unreachable(error) from None
