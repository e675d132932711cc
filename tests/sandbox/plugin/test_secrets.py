"""Secrets stay secrets: the plugin takes them apart from other values and gives them back marked."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from sandbox.plugin.values import (
    SIGNATURE,
    UNKNOWN,
    Values,
    as_secret,
    decode,
    encode,
    is_known,
    secret_keys,
)
from tests.sandbox.plugin.engine import Engine, raw
from tests.sandbox.plugin.world import LOG_GROUP, REGION, ROLE_POLICY, ZONE, World, policy

HIDDEN = as_secret("hidden")


def struct(values: Values) -> Struct:
    return ParseDict(values, Struct())


def create(engine: Engine, type_: str, inputs: Values, *, preview: bool = False) -> Values:
    request = provider_pb2.CreateRequest(type=type_, properties=struct(inputs), preview=preview)
    return raw(engine.ask("Create", request).properties)


def test_the_engine_is_told_that_secrets_are_taken(world: World) -> None:
    assert world.account
    with_region = provider_pb2.ConfigureRequest(args=encode({"region": REGION}))
    assert world.management.ask("Configure", with_region).acceptSecrets


def test_checked_arguments_keep_their_secrets(engine: Engine) -> None:
    role = {"role": HIDDEN, "policy": policy()}
    request = provider_pb2.CheckRequest(type=ROLE_POLICY, name="a", news=struct(role))
    inputs = raw(engine.ask("Check", request).inputs)
    assert inputs["role"] == HIDDEN
    assert inputs["policy"] == policy()


@pytest.mark.parametrize("preview", [True, False])
def test_a_secret_argument_is_a_secret_property(world: World, *, preview: bool) -> None:
    inputs = {"name": f"secret-{preview}.example.net".lower(), "comment": HIDDEN}
    inputs["forceDestroy"] = True
    state = create(world.member, ZONE, inputs, preview=preview)
    assert state["comment"] == HIDDEN
    assert state["name"] == inputs["name"]


def test_a_secret_tag_hides_all_tags(world: World) -> None:
    inputs = {"name": "secret-tag", "retentionInDays": 0, "tags": {"a": HIDDEN, "b": "plain"}}
    state = create(world.member, LOG_GROUP, inputs)
    assert state["tags"] == {"a": HIDDEN, "b": "plain"}
    assert state["tagsAll"] == as_secret({"a": "hidden", "b": "plain"})


def test_secret_default_tags_hide_all_tags(world: World, engine: Engine) -> None:
    assert world.account
    tags = json.dumps({"tags": {"owner": "hidden"}})
    settings = struct({"region": REGION, "defaultTags": as_secret(tags)})
    engine.ask("Configure", provider_pb2.ConfigureRequest(args=settings))
    state = create(engine, LOG_GROUP, {"name": "secret-default", "retentionInDays": 0})
    assert state["tagsAll"] == as_secret({"owner": "hidden"})


def test_a_refresh_keeps_secrets(world: World) -> None:
    inputs = {"name": "secret-refresh", "retentionInDays": 0, "tags": as_secret({"a": "hidden"})}
    state = create(world.member, LOG_GROUP, inputs)
    request = provider_pb2.ReadRequest(
        type=LOG_GROUP, id="secret-refresh", properties=struct(state), inputs=struct(inputs)
    )
    answer = world.member.ask("Read", request)
    assert raw(answer.properties) == state
    assert raw(answer.inputs)["tags"] == inputs["tags"]


def test_an_update_hides_what_has_become_secret(world: World) -> None:
    inputs: Values = {"name": "later-secret", "retentionInDays": 0, "skipDestroy": False}
    state = create(world.member, LOG_GROUP, inputs)
    for preview in (True, False):
        request = provider_pb2.UpdateRequest(
            type=LOG_GROUP,
            id="later-secret",
            olds=struct(state),
            news=struct({**inputs, "retentionInDays": as_secret(7)}),
            preview=preview,
        )
        found: Any = raw(world.member.ask("Update", request).properties)
        assert found["retentionInDays"] == as_secret(7)


def test_values_come_back_as_they_went() -> None:
    values = {
        "text": "a",
        "number": 1.5,
        "whole": 3,
        "truth": False,
        "list": [1, {"a": UNKNOWN}],
        "map": {"b": []},
        "unknown": UNKNOWN,
    }
    assert decode(encode(values)) == values
    assert isinstance(decode(encode(values))["whole"], int)


def test_what_is_absent_is_left_out() -> None:
    assert decode(encode({"a": None, "b": {"c": None}})) == {"b": {}}


def test_secrets_are_unwrapped_at_any_depth() -> None:
    nested = struct({"a": HIDDEN, "b": [{"c": as_secret({"d": 1})}], "e": "plain"})
    assert decode(nested) == {"a": "hidden", "b": [{"c": {"d": 1}}], "e": "plain"}
    assert secret_keys(nested) == {"a", "b"}


def test_a_list_whose_length_changed_is_secret_as_a_whole() -> None:
    pattern = struct({"a": ["x", HIDDEN]})
    assert raw(encode({"a": ["x", "y"]}, pattern)) == {"a": ["x", as_secret("y")]}
    assert raw(encode({"a": ["y"]}, pattern)) == {"a": as_secret(["y"])}


def test_an_unknown_secret_stays_both() -> None:
    found = raw(encode({"a": UNKNOWN}, struct({"a": HIDDEN})))
    assert decode(struct(found)) == {"a": UNKNOWN}
    assert SIGNATURE in found["a"]


def test_unknown_values_are_found_at_any_depth() -> None:
    assert is_known({"a": [1, {"b": "c"}]})
    assert not is_known({"a": [1, {"b": UNKNOWN}]})
