"""What the in-process AWS does otherwise than DynamoDB: the end of a scan."""

from __future__ import annotations

from typing import Any, cast

import pytest

from service.items import Items, Page


class FullPageClient:
    """A table whose scan gives a key to go on from when the limit was reached, as DynamoDB does.

    Even if nothing follows: DynamoDB stops at the limit without looking further.
    """

    def __init__(self, size: int) -> None:
        self.ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(size)]

    def scan(self, **request: Any) -> dict[str, Any]:
        start = 0
        if "ExclusiveStartKey" in request:
            start = self.ids.index(request["ExclusiveStartKey"]["id"]["S"]) + 1
        found = self.ids[start : start + request["Limit"]]
        answer: dict[str, Any] = {
            "Items": [
                {"id": {"S": item_id}, "name": {"S": "n"}, "created_at": {"S": "t"}}
                for item_id in found
            ]
        }
        if len(found) == request["Limit"]:
            answer["LastEvaluatedKey"] = {"id": {"S": found[-1]}}
        return answer


@pytest.mark.parametrize("size", [5, 6, 7])
def test_the_last_full_page_leads_to_no_empty_one(size: int) -> None:
    client = FullPageClient(size)
    items = Items(cast("Any", client), "items")

    pages: list[list[str]] = []
    page = Page(limit=3, after=None)
    while True:
        shown, cursor = items.page(page)
        pages.append([item.id for item in shown])
        if cursor is None:
            break
        page = Page.from_query({"limit": "3", "cursor": cursor})

    assert [item_id for shown in pages for item_id in shown] == client.ids
    assert all(pages)
