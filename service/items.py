"""Items: what one is, which input makes one, and how they are kept in the table.

Owns the table's layout (key `id`, nothing else indexed). Knows nothing of HTTP.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, ScanInputTypeDef

MAX_NAME = 100
MAX_NOTE = 1000
MAX_PAGE = 100
DEFAULT_PAGE = 25


class InvalidInputError(Exception):
    """The input makes no item or names no page; says every mistake at once."""

    def __init__(self, message: str, mistakes: list[str]) -> None:
        super().__init__(message)
        self.mistakes = mistakes


@dataclass(frozen=True, kw_only=True)
class Item:
    """One entry of the table; `created_at` is ISO 8601 in UTC."""

    id: str
    name: str
    note: str | None
    created_at: str

    @classmethod
    def from_input(cls, value: object) -> Item:
        """Make a new item of a request's JSON value, or refuse it with all its mistakes at once."""
        if not isinstance(value, dict):
            raise InvalidInputError("the item is not valid", ["the body must be a JSON object"])
        fields = cast("dict[str, object]", value)
        mistakes = [
            *_text_mistakes(fields, "name", least=1, most=MAX_NAME, required=True),
            *_text_mistakes(fields, "note", least=0, most=MAX_NOTE, required=False),
            *(f"{name}: unknown field" for name in fields if name not in ("name", "note")),
        ]
        if mistakes:
            raise InvalidInputError("the item is not valid", mistakes)
        note = fields.get("note")
        return cls(
            id=str(uuid.uuid4()),
            name=str(fields["name"]),
            note=None if note is None else str(note),
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, AttributeValueTypeDef]) -> Item:
        """Make an item of what the table holds."""
        texts = {name: value["S"] for name, value in attributes.items() if "S" in value}
        return cls(
            id=texts["id"],
            name=texts["name"],
            note=texts.get("note"),
            created_at=texts["created_at"],
        )

    def to_json(self) -> dict[str, str]:
        """Give the item's fields; one without a note has no such field."""
        fields = {"id": self.id, "name": self.name, "created_at": self.created_at}
        return fields if self.note is None else {**fields, "note": self.note}


@dataclass(frozen=True, kw_only=True)
class Page:
    """How much of the list is asked for, and after which item."""

    limit: int
    after: str | None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Page:
        """Read the query parameters `limit` and `cursor`, or refuse them with all mistakes."""
        mistakes = [
            f"{name}: unknown parameter" for name in query if name not in ("limit", "cursor")
        ]
        limit_text = query.get("limit", str(DEFAULT_PAGE))
        limit = int(limit_text) if re.fullmatch("[0-9]{1,3}", limit_text) else 0
        if not 1 <= limit <= MAX_PAGE:
            mistakes.append(f"limit: must be a whole number from 1 to {MAX_PAGE}")
        cursor = query.get("cursor")
        after = None if cursor is None else _from_cursor(cursor)
        if cursor is not None and after is None:
            mistakes.append("cursor: must be a next_cursor of an earlier answer")
        if mistakes:
            raise InvalidInputError("the query is not valid", mistakes)
        return cls(limit=limit, after=after)


@dataclass(frozen=True)
class Items:
    """The items in one table. Errors of AWS pass through."""

    client: DynamoDBClient
    table: str

    def status(self) -> str:
        """Give the table's status as DynamoDB names it."""
        return self.client.describe_table(TableName=self.table)["Table"].get(
            "TableStatus", "UNKNOWN"
        )

    def add(self, item: Item) -> None:
        """Keep an item. Doing it twice is harmless, so the client may retry."""
        attributes: dict[str, AttributeValueTypeDef] = {
            name: {"S": value} for name, value in item.to_json().items()
        }
        self.client.put_item(TableName=self.table, Item=attributes)

    def find(self, item_id: str) -> Item | None:
        """Give the item as the last write left it, or nothing."""
        found = self.client.get_item(
            TableName=self.table, Key={"id": {"S": item_id}}, ConsistentRead=True
        )
        return Item.from_attributes(found["Item"]) if "Item" in found else None

    def page(self, page: Page) -> tuple[list[Item], str | None]:
        """Give a page of items, in no particular order, and the cursor of the next one if any.

        One item more than asked for is read: only then a cursor is sure to lead to something.
        """
        request: ScanInputTypeDef = {"TableName": self.table, "Limit": page.limit + 1}
        if page.after is not None:
            request["ExclusiveStartKey"] = {"id": {"S": page.after}}
        answer = self.client.scan(**request)
        items = [Item.from_attributes(attributes) for attributes in answer["Items"]]
        shown = items[: page.limit]
        more = len(items) > page.limit or "LastEvaluatedKey" in answer
        return shown, _to_cursor(shown[-1].id) if more else None


def is_item_id(text: str) -> bool:
    """Tell whether a text can be an item's id: a UUID in its usual lower-case form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _text_mistakes(
    fields: Mapping[str, object], name: str, *, least: int, most: int, required: bool
) -> list[str]:
    if name not in fields:
        return [f"{name}: missing"] if required else []
    value = fields[name]
    if not isinstance(value, str):
        return [f"{name}: must be text"]
    mistakes: list[str] = []
    if not least <= len(value) <= most:
        mistakes.append(f"{name}: must have {least} to {most} characters, has {len(value)}")
    # JSON can spell half a surrogate pair, which no UTF-8 can carry to the table.
    if any("\ud800" <= character <= "\udfff" for character in value):
        mistakes.append(f"{name}: must be valid Unicode")
    return mistakes


def _to_cursor(item_id: str) -> str:
    return base64.urlsafe_b64encode(uuid.UUID(item_id).bytes).decode().rstrip("=")


def _from_cursor(cursor: str) -> str | None:
    try:
        item_id = str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{cursor}==")))
    except (binascii.Error, ValueError):
        return None
    return item_id if _to_cursor(item_id) == cursor else None
