"""`python -m ops smoke STACK`: whether a stack runs what is checked out, and its API answers.

It asks as anybody outside would. Where the settings admit only the VPN, anybody has to be refused,
and the health is asked by API Gateway's test invocation with the role that a deployment assumes.
"""

import argparse
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Annotated, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field

from ops import account, deployed
from ops.problem import OpsError, sentence
from ops.text import cut, plain
from ops.ticker import Board, Ticker
from stacks import catalogue
from stacks.catalogue import Stack
from stacks.checkout import Checkout, UnreleasableError
from stacks.outputs import AppOutputs, Commit, Outputs
from stacks.settings import ROOT, AccountId, AppSettings, UnusableSettingsError

DETAILS = """\
An application with public access has to answer GET /health; one with vpnOnly has to refuse it, and
to answer it to API Gateway's test invocation. Of any other stack only its outputs are looked at.
"""
PAUSES = (1, 2, 4, 8, 15, 15, 15)
"""Seconds between tries, a minute in all: a new name or policy takes a while to be everywhere."""
ANSWER_SECONDS = 10.0
SHOWN = 200
"""Characters of an answer that a message quotes."""
HEALTH = "/health"
GOOD, REFUSED = 200, 403
EVERY_PATH = "/{proxy+}"
"""The API's resource that `HEALTH` is below (see components/api.py)."""


Shape = TypeVar("Shape", bound="Released")


class Released(BaseModel):
    """The outputs of any stack that are read here."""

    release_ref: str
    release_commit: Commit


class Application(Released):
    """Those of an environment of the application."""

    account_id: AccountId
    api_url: Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+$")]
    function_name: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = DETAILS
    parser.add_argument("stack", metavar="STACK", help="a stack like app/dev or dev")


def run(arguments: argparse.Namespace) -> None:
    """Print what is found good.

    Raises OpsError at the first that is not.
    """
    try:
        stack = catalogue.find(arguments.stack, ROOT)
        if stack.project == AppOutputs.project:
            _check_application(stack, AppSettings.read(ROOT / stack.settings, stack.project))
        else:
            _check_release(stack, Released)
    except (UnusableSettingsError, UnreleasableError) as reason:
        raise OpsError(sentence(reason)) from None


def _check_release(stack: Stack, shape: type[Shape]) -> Shape:
    """Hold the stack's release to the commit that is checked out; return the outputs."""
    checkout = Checkout(ROOT)
    [producer] = [it for it in Outputs.__subclasses__() if it.project == stack.project]
    found = deployed.outputs(producer, shape, stack.name)
    running = f"commit {found.release_commit[:12]} ({plain(found.release_ref)})"
    if found.release_commit != checkout.commit:
        raise OpsError(
            f"Stack {stack} runs {running}, and {checkout} is checked out: update it "
            f"({stack.command}), or check out what it runs."
        )
    _tell(f"{stack} runs {running}, which is checked out.")
    return found


def _check_application(stack: Stack, settings: AppSettings) -> None:
    application = _check_release(stack, Application)
    url = application.api_url + HEALTH
    with Ticker(str(stack), Board(sys.stderr)) as ticker:
        if settings.access == "public":
            _patiently(lambda: _not_good(url, application), ticker)
            _tell(f"{url} answers {GOOD}.")
            return
        _patiently(lambda: _not_refused(url, stack), ticker)
        _tell(f"{url} refuses who is not in the VPN.")
        _patiently(lambda: _not_healthy(application, settings.region), ticker)
        _tell(f"API Gateway's test of GET {HEALTH} answers {GOOD}.")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _patiently(problem: Callable[[], str | None], ticker: Ticker) -> None:
    """Ask for a problem until there is none; raise OpsError with the last one."""
    for pause in PAUSES:
        found = problem()
        if found is None:
            return
        ticker.show(f"waiting: {found}")
        time.sleep(pause)
    found = problem()
    if found is not None:
        raise OpsError(found)


def _not_good(url: str, application: Application) -> str | None:
    answer = _answer(url)
    if isinstance(answer, str):
        return answer
    status, body = answer
    return None if status == GOOD else _unhealthy(f"{url} answers", status, body, application)


def _not_refused(url: str, stack: Stack) -> str | None:
    answer = _answer(url)
    if isinstance(answer, str):
        return answer
    if answer[0] == REFUSED:
        return None
    return (
        f"{url} answers {answer[0]} to this machine, and access vpnOnly in {stack.settings} means "
        f"{REFUSED} to all outside the VPN: run this outside the VPN, or update the stack "
        f"({stack.command})."
    )


def _not_healthy(application: Application, region: str) -> str | None:
    host = application.api_url.removeprefix("https://")
    session = account.session(application.account_id, region)
    gateway = session.client("apigateway")  # pyright: ignore[reportUnknownMemberType]
    try:
        mapping = gateway.get_base_path_mapping(domainName=host, basePath="(none)")
        api = mapping.get("restApiId", "")
        pages = gateway.get_paginator("get_resources").paginate(restApiId=api)
        resources = {it.get("path"): it.get("id", "") for page in pages for it in page["items"]}
        answer = gateway.test_invoke_method(
            restApiId=api,
            resourceId=resources.get(EVERY_PATH, ""),
            httpMethod="GET",
            pathWithQueryString=HEALTH,
        )
    except ClientError as error:
        return (
            f"The API behind {host} cannot be tested ({error}): check which role DEPLOY_ROLE names."
        )
    except BotoCoreError as error:
        raise account.unreachable(error) from None
    if answer["status"] == GOOD:
        return None
    what = f"API Gateway's test of GET {HEALTH} answers"
    return _unhealthy(what, answer["status"], answer["body"], application)


def _answer(url: str) -> tuple[int, str] | str:
    """Return the status and the body, or why there is no answer."""
    try:
        with urllib.request.build_opener().open(url, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        return (
            f"{url} cannot be reached ({reason}): check that the name's records and their "
            "delegation are there, and your connection."
        )


def _unhealthy(what: str, status: int, body: str, application: Application) -> str:
    quoted = f": {cut(plain(body), SHOWN)}" if body else ""
    return (
        f"{what} {status}, not {GOOD}{quoted}; look at the log of the function "
        f"{application.function_name} in account {application.account_id}."
    )
