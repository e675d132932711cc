"""The request and the response of API Gateway's Lambda proxy integration (event format 1.0).

Knows nothing of routes or items. Reading an event never fails: whatever is missing or of another
type counts as absent, so that a strange event is answered like a strange request.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY_BYTES = 10 * 1024


class ProxyResponse(TypedDict):
    """What API Gateway wants back from the function."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer before it takes API Gateway's shape. The body is JSON data, always."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_proxy(self) -> ProxyResponse:
        """Give the answer in API Gateway's shape."""
        return {
            "statusCode": self.status,
            "headers": {"Content-Type": "application/json", **self.headers},
            "body": json.dumps(self.body),
            "isBase64Encoded": False,
        }


class RefusedError(Exception):
    """The request is at fault; carries the answer that says so."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.response = Response(status=status, body={"message": message}, headers=headers or {})


@dataclass(frozen=True, kw_only=True)
class Request:
    """The parts of an event that the API looks at."""

    method: str
    path: str
    query: Mapping[str, str]
    request_id: str
    raw_body: str
    is_base64: bool

    @classmethod
    def from_event(cls, event: object, context: object) -> Request:
        """Read an event; the id is API Gateway's, which the client and the access log see too."""
        fields = _mapping(event)
        context_id = _text(getattr(context, "aws_request_id", None))
        return cls(
            method=_text(fields.get("httpMethod")),
            path=_text(fields.get("path")),
            query={
                name: value
                for name, value in _mapping(fields.get("queryStringParameters")).items()
                if isinstance(value, str)
            },
            request_id=_text(_mapping(fields.get("requestContext")).get("requestId")) or context_id,
            raw_body=_text(fields.get("body")),
            is_base64=fields.get("isBase64Encoded") is True,
        )

    def json_body(self) -> object:
        """Give the body's JSON value, or refuse a body that is empty, too large or no JSON."""
        content = self._content()
        if not content:
            raise RefusedError(400, "the body is empty: send a JSON object")
        if len(content) > MAX_BODY_BYTES:
            raise RefusedError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        try:
            return json.loads(content.decode())
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is not JSON in UTF-8") from None

    def _content(self) -> bytes:
        try:
            if self.is_base64:
                return base64.b64decode(self.raw_body, validate=True)
            return self.raw_body.encode()
        except (binascii.Error, ValueError):
            raise RefusedError(400, "the body cannot be decoded") from None


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        return {}
    entries = cast("dict[object, object]", value)
    return {key: entry for key, entry in entries.items() if isinstance(key, str)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
