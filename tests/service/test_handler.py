"""The promises of the deployed API, each seen through Lambda's entry point on an in-process AWS."""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from service import handler

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "items"
ITEM_ID = "0d1f3c1e-5a3b-4c6e-9d0a-6a1f7b1e2c3d"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of an in-process AWS, and a function that has just started in it."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.delenv("AWS_PROFILE", raising=False)
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        environment.setenv("TABLE_NAME", TABLE)
        handler._items.cache_clear()  # what a cold start does
        yield boto3.client("dynamodb")
        handler._items.cache_clear()  # leaves no client of a mocked AWS behind


@pytest.fixture(autouse=True)
def table(client: Any) -> Iterator[Any]:
    """An empty table of the shape the deployment makes; gives the client to meddle with it."""
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield client
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        client.delete_table(TableName=TABLE)


def event(method: str, path: str, **fields: Any) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "path": path,
        "queryStringParameters": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"requestId": REQUEST_ID},
        **fields,
    }


def send(method: str, path: str, **fields: Any) -> tuple[int, Any, dict[str, str]]:
    """Send a request; give the status, the decoded body and the headers."""
    response = handler.handle(event(method, path, **fields), None)
    return response["statusCode"], json.loads(response["body"]), response["headers"]


def create(body: object) -> tuple[int, Any, dict[str, str]]:
    return send("POST", "/items", body=json.dumps(body))


def test_health_is_good_while_the_table_answers() -> None:
    assert send("GET", "/health")[:2] == (200, {"status": "ok", "table": "ACTIVE"})


def test_health_is_bad_when_the_table_is_gone(table: Any) -> None:
    table.delete_table(TableName=TABLE)

    assert send("GET", "/health")[:2] == (503, {"status": "unavailable", "table": "UNREACHABLE"})


def test_a_created_item_can_be_read_where_its_location_says() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    status, created, headers = create({"name": "Grüße", "note": "second shelf"})

    assert status == 201
    assert uuid.UUID(created["id"]).version == 4
    assert before <= datetime.fromisoformat(created["created_at"]) <= datetime.now(UTC)
    assert created | {"name": "Grüße", "note": "second shelf"} == created
    assert send("GET", headers["Location"])[:2] == (200, created)


def test_an_item_without_a_note_has_no_such_field() -> None:
    _, created, headers = create({"name": "plain"})

    assert set(created) == {"id", "name", "created_at"}
    assert send("GET", headers["Location"])[1] == created


@pytest.mark.parametrize(
    "item", [{"name": "n"}, {"name": "n" * 100}, {"name": "n", "note": "ü" * 1000}]
)
def test_the_longest_and_shortest_texts_are_taken(item: dict[str, str]) -> None:
    assert create(item)[0] == 201


@pytest.mark.parametrize(
    ("body", "mistakes"),
    [
        ({}, ["name: missing"]),
        ({"name": ""}, ["name: must have 1 to 100 characters, has 0"]),
        ({"name": "n" * 101}, ["name: must have 1 to 100 characters, has 101"]),
        ({"name": 7}, ["name: must be text"]),
        ({"name": "n", "note": None}, ["note: must be text"]),
        ({"name": "n", "note": "x" * 1001}, ["note: must have 0 to 1000 characters, has 1001"]),
        ({"name": "n", "nmae": "n"}, ["nmae: unknown field"]),
        ({"name": "\ud800"}, ["name: must be valid Unicode"]),
        (
            {"name": 1, "note": 2, "id": "3"},
            ["name: must be text", "note: must be text", "id: unknown field"],
        ),
        ([{"name": "n"}], ["the body must be a JSON object"]),
        (None, ["the body must be a JSON object"]),
    ],
)
def test_every_mistake_of_an_item_is_named_at_once(body: object, mistakes: list[str]) -> None:
    status, answer, _ = create(body)

    assert (status, answer["mistakes"]) == (400, mistakes)


@pytest.mark.parametrize("body", [None, ""])
def test_an_empty_body_is_refused(body: str | None) -> None:
    status, answer, _ = send("POST", "/items", body=body)

    assert (status, answer["message"]) == (400, "the body is empty: send a JSON object")


@pytest.mark.parametrize(
    "body", ["{", "name=x", '{"name": "x"} {}', "[" * 10_000, "9" * 5_000, "\ufeff{}"]
)
def test_a_body_that_is_not_json_is_refused(body: str) -> None:
    status, answer, _ = send("POST", "/items", body=body)

    assert (status, answer["message"]) == (400, "the body is not JSON in UTF-8")


def test_a_body_of_ten_kilobytes_is_read_and_a_larger_one_refused() -> None:
    item = '{"name": "n"}'

    assert send("POST", "/items", body=item.ljust(10 * 1024))[0] == 201
    assert send("POST", "/items", body=item.ljust(10 * 1024 + 1))[0] == 413


def test_the_size_of_a_body_is_counted_in_bytes() -> None:
    assert send("POST", "/items", body=json.dumps("ü" * 6_000, ensure_ascii=False))[0] == 413


def test_a_base64_body_is_the_same_body() -> None:
    encoded = base64.b64encode(json.dumps({"name": "binary"}).encode()).decode()

    status, created, _ = send("POST", "/items", body=encoded, isBase64Encoded=True)

    assert (status, created["name"]) == (201, "binary")


@pytest.mark.parametrize("body", [f"{base64.b64encode(b'{}').decode()}!", "ü", "e30", "/3t9"])
def test_a_broken_base64_body_is_refused(body: str) -> None:
    status, answer, _ = send("POST", "/items", body=body, isBase64Encoded=True)

    assert status == 400
    assert answer["message"] in ("the body cannot be decoded", "the body is not JSON in UTF-8")


def test_an_unknown_item_is_not_found() -> None:
    assert send("GET", f"/items/{ITEM_ID}")[0] == 404


@pytest.mark.parametrize("item_id", ["1", "%20", "../health", ITEM_ID.upper()])
def test_a_malformed_id_is_refused_or_leads_nowhere(item_id: str) -> None:
    assert send("GET", f"/items/{item_id}")[0] == (404 if "/" in item_id else 400)


def test_an_empty_table_gives_an_empty_last_page() -> None:
    assert send("GET", "/items")[:2] == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 100])
def test_paging_gives_every_item_once_and_no_empty_page(limit: int) -> None:
    created = {create({"name": str(number)})[1]["id"] for number in range(6)}

    seen: list[str] = []
    query = {"limit": str(limit)}
    while True:
        status, page, _ = send("GET", "/items", queryStringParameters=query)
        assert status == 200
        assert 1 <= len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert sorted(seen) == sorted(created)


def test_a_page_without_a_limit_is_bounded(table: Any) -> None:
    for number in range(30):
        table.put_item(
            TableName=TABLE,
            Item={
                "id": {"S": str(uuid.uuid4())},
                "name": {"S": str(number)},
                "created_at": {"S": "2026-01-01T00:00:00.000+00:00"},
            },
        )

    _, page, _ = send("GET", "/items")

    assert len(page["items"]) == 25
    assert page["next_cursor"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "9" * 5000, "\u0661"])
def test_a_wrong_limit_is_refused(limit: str) -> None:
    status, answer, _ = send("GET", "/items", queryStringParameters={"limit": limit})

    assert (status, answer["mistakes"]) == (400, ["limit: must be a whole number from 1 to 100"])


@pytest.mark.parametrize("cursor", ["", "x", "ü", "A" * 21, "A" * 23, "A" * 21 + "B", "=" * 22])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    status, answer, _ = send("GET", "/items", queryStringParameters={"cursor": cursor})

    assert (status, answer["mistakes"]) == (
        400,
        ["cursor: must be a next_cursor of an earlier answer"],
    )


def test_every_mistake_of_a_query_is_named_at_once() -> None:
    _, answer, _ = send(
        "GET", "/items", queryStringParameters={"limt": "5", "limit": "0", "cursor": "!"}
    )

    assert [mistake.partition(":")[0] for mistake in answer["mistakes"]] == [
        "limt",
        "limit",
        "cursor",
    ]


@pytest.mark.parametrize("path", ["/", "", "/items/", "/item", "/health/x", "/items/a/b", "items"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert send("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/health", "GET"),
        ("DELETE", "/items", "GET, POST"),
        ("PUT", f"/items/{ITEM_ID}", "GET"),
        ("get", "/items", "GET, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str) -> None:
    status, _, headers = send(method, path)

    assert (status, headers["Allow"]) == (405, allowed)


def test_an_unexpected_error_gives_the_client_an_id_and_the_log_the_cause(
    table: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    table.delete_table(TableName=TABLE)

    status, answer, _ = send("GET", "/items")

    assert (status, answer) == (500, {"message": "internal error", "request_id": REQUEST_ID})
    error, request = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (error["level"], error["error"]) == ("ERROR", "ResourceNotFoundException")
    assert (error["request_id"], request["status"]) == (REQUEST_ID, 500)
    assert "ResourceNotFoundException" in error["detail"]
    assert any(" page" in frame for frame in error["trace"])


def test_each_request_is_one_line_of_json_without_what_was_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    send("POST", "/items", body=json.dumps({"name": "anna@example.com"}))
    send("GET", "/people/anna@example.com", queryStringParameters={"q": "anna@example.com"})

    output = capsys.readouterr().out
    first, second = (json.loads(line) for line in output.splitlines())
    milliseconds = first.pop("ms")
    assert milliseconds >= 0
    assert first == {
        "level": "INFO",
        "request_id": REQUEST_ID,
        "method": "POST",
        "route": "/items",
        "status": 201,
    }
    assert (second["route"], second["status"]) == (None, 404)
    assert "anna" not in output


def test_the_function_has_an_id_to_log_when_it_is_called_without_api_gateway(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Context:
        aws_request_id = "from-lambda"

    handler.handle({}, Context())

    assert json.loads(capsys.readouterr().out)["request_id"] == "from-lambda"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
surrogates = st.text(st.characters(), max_size=5)
paths = st.sampled_from(["/health", "/items", f"/items/{ITEM_ID}", "/"]) | surrogates
bodies = (
    surrogates
    | json_values.map(json.dumps)
    | st.fixed_dictionaries(
        {}, optional={"name": json_values | surrogates, "note": json_values | surrogates}
    ).map(json.dumps)
)
events = json_values | st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": st.sampled_from(["GET", "POST", "PUT"]) | json_values,
        "path": paths | json_values,
        "body": bodies | json_values,
        "isBase64Encoded": st.booleans() | json_values,
        "queryStringParameters": st.dictionaries(
            st.sampled_from(["limit", "cursor"]), surrogates | st.just("5")
        )
        | json_values,
        "requestContext": st.fixed_dictionaries({"requestId": json_values}) | json_values,
    },
)


@given(event=events)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_event_whatever_gets_anything_but_a_proxy_response(event: object) -> None:
    response = handler.handle(event, None)

    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["statusCode"] in (200, 201, 400, 404, 405, 413)
    assert response["headers"]["Content-Type"] == "application/json"
    assert all(isinstance(value, str) for value in response["headers"].values())
    assert isinstance(json.loads(response["body"].encode()), dict)
    assert response["isBase64Encoded"] is False
