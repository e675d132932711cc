"""Lambda's entry point: routes a request, answers it, and logs one line of JSON for it.

The lines name the route, not the path, and never a body, a query or an address: what people send
stays out of the logs.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from service.items import InvalidInputError, Item, Items, Page, is_item_id
from service.proxy import RefusedError, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.proxy import ProxyResponse

    Action = Callable[[Items, Request, str], Response]


def handle(event: object, context: object) -> ProxyResponse:
    """Answer one event of API Gateway; never raises, a failure becomes an answer and a log line."""
    started = time.monotonic()
    request = Request.from_event(event, context)
    route, argument = _resolve(request.path)
    try:
        response = _answer(request, route, argument)
    except RefusedError as refused:
        response = refused.response
    except InvalidInputError as invalid:
        response = Response(
            status=400, body={"message": str(invalid), "mistakes": invalid.mistakes}
        )
    except Exception as error:  # noqa: BLE001 - the client gets an id, the log gets the trace
        _log("ERROR", request_id=request.request_id, **_describe(error))
        response = Response(
            status=500, body={"message": "internal error", "request_id": request.request_id}
        )
    _log(
        "INFO",
        request_id=request.request_id,
        method=request.method,
        route=route.template if route else None,
        status=response.status,
        ms=round((time.monotonic() - started) * 1000, 1),
    )
    return response.to_proxy()


def _health(items: Items, request: Request, _argument: str) -> Response:
    try:
        status = items.status()
    except (BotoCoreError, ClientError) as error:
        _log("WARNING", request_id=request.request_id, **_describe(error))
        status = "UNREACHABLE"
    # A table that is being updated serves requests all the while.
    healthy = status in ("ACTIVE", "UPDATING")
    return Response(
        status=200 if healthy else 503,
        body={"status": "ok" if healthy else "unavailable", "table": status},
    )


def _create(items: Items, request: Request, _argument: str) -> Response:
    item = Item.from_input(request.json_body())
    items.add(item)
    return Response(status=201, body=item.to_json(), headers={"Location": f"/items/{item.id}"})


def _list(items: Items, request: Request, _argument: str) -> Response:
    shown, next_cursor = items.page(Page.from_query(request.query))
    return Response(
        status=200, body={"items": [item.to_json() for item in shown], "next_cursor": next_cursor}
    )


def _read(items: Items, _request: Request, item_id: str) -> Response:
    if not is_item_id(item_id):
        raise RefusedError(400, "the id is not a UUID")
    item = items.find(item_id)
    if item is None:
        raise RefusedError(404, "there is no such item")
    return Response(status=200, body=item.to_json())


@dataclass(frozen=True)
class _Route:
    template: str
    actions: Mapping[str, Action]


_ITEM = _Route("/items/{id}", {"GET": _read})
_ROUTES = {
    "/health": _Route("/health", {"GET": _health}),
    "/items": _Route("/items", {"GET": _list, "POST": _create}),
}


def _resolve(path: str) -> tuple[_Route | None, str]:
    """Give the route of a path and the id in it, if any."""
    parent, _, last = path.rpartition("/")
    if parent == "/items" and last:
        return _ITEM, last
    return _ROUTES.get(path), ""


def _answer(request: Request, route: _Route | None, argument: str) -> Response:
    if route is None:
        raise RefusedError(404, "there is nothing at this path")
    action = route.actions.get(request.method)
    if action is None:
        allowed = ", ".join(sorted(route.actions))
        raise RefusedError(405, f"this path takes {allowed}", headers={"Allow": allowed})
    return action(_items(), request, argument)


@functools.cache
def _items() -> Items:
    """Make the client for the first request that needs it; its connections serve the later ones."""
    # The worst case, 7 s with the pause between the attempts, ends before Lambda's limit of 10 s
    # would kill the function without an answer.
    limits = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
    )
    # The stubs name the client of every service, those not installed are unknown to pyright.
    client = boto3.client("dynamodb", config=limits)  # pyright: ignore[reportUnknownMemberType]
    return Items(client, os.environ["TABLE_NAME"])


def _describe(error: Exception) -> dict[str, object]:
    """Say what failed and where. Only AWS's own words are quoted: other messages may hold input."""
    return {
        "error": type(error).__name__,
        "detail": str(error) if isinstance(error, ClientError) else None,
        "trace": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    }


def _log(level: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"level": level, **fields}) + "\n")
    sys.stdout.flush()
