"""What a parameter does beyond a plain life: secrets, versions, tiers, names that are taken."""

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from sandbox.plugin.values import UNKNOWN, Values, as_secret
from tests.sandbox.plugin.engine import Refused, raw
from tests.sandbox.plugin.world import PARAMETER, World

PLAIN: Values = {"type": "String", "value": "plain"}


@pytest.mark.parametrize("preview", [True, False])
def test_a_value_is_secret_though_the_program_does_not_say_so(
    world: World, *, preview: bool
) -> None:
    inputs = {"name": f"/secret/{preview}", **PLAIN}
    check = provider_pb2.CheckRequest(
        type=PARAMETER, name="thing", news=ParseDict(inputs, Struct())
    )
    checked = world.member.ask("Check", check).inputs
    assert raw(checked)["value"] == as_secret("plain")
    create = provider_pb2.CreateRequest(
        type=PARAMETER, properties=ParseDict(inputs, Struct()), preview=preview
    )
    state = raw(world.member.ask("Create", create).properties)
    assert state["value"] == as_secret("plain")
    assert state["name"] == f"/secret/{preview}"


def test_an_imported_value_is_secret(world: World) -> None:
    world.client("ssm").put_parameter(Name="/by/hand", Type="String", Value="plain")
    request = provider_pb2.ReadRequest(id="/by/hand", type=PARAMETER)
    answer = world.member.ask("Read", request)
    assert raw(answer.properties)["value"] == as_secret("plain")
    assert raw(answer.inputs)["value"] == as_secret("plain")


def test_a_secure_value_is_read_in_clear(world: World) -> None:
    inputs = {"name": "/secure", "type": "SecureString", "value": "hidden"}
    held = world.member.create(PARAMETER, inputs)
    assert held.state["value"] == "hidden"
    assert held.state["keyId"] == "alias/aws/ssm"
    assert world.member.refresh(held) == held


def test_a_shown_value_and_a_secret_one_give_way_to_each_other(world: World) -> None:
    inputs: Values = {"name": "/shown", "type": "String"}
    held = world.member.create(PARAMETER, {**inputs, "insecureValue": "1"})
    assert held.state["insecureValue"] == "1"
    assert "value" not in held.state
    for given, left, value in (("value", "insecureValue", "2"), ("insecureValue", "value", "3")):
        later = {**inputs, given: value}
        assert world.member.diff(held, later).detailed == {given: "ADD", left: "DELETE"}
        held = world.member.update(held, later)
        assert (held.state.get(given), held.state.get(left)) == (value, None)
        assert world.member.diff(held, later).detailed == {}
        live = world.client("ssm").get_parameter(Name="/shown")["Parameter"]["Value"]
        assert live == value
        assert world.member.refresh(held) == held


def test_a_name_that_is_taken_is_taken_over_only_when_that_is_allowed(world: World) -> None:
    inputs = {"name": "/taken", **PLAIN, "tags": {"a": "1"}}
    world.client("ssm").put_parameter(Name="/taken", Type="String", Value="by hand")
    with pytest.raises(
        Refused, match=r"^creating SSM Parameter \(/taken\): .*PutParameter, ParameterAlreadyExists"
    ) as refused:
        world.member.create(PARAMETER, inputs)
    assert refused.value.id == ""
    held = world.member.create(PARAMETER, {**inputs, "overwrite": True})
    assert held.state["version"] == 2
    assert held.state["tagsAll"] == {"a": "1"}
    assert world.client("ssm").get_parameter(Name="/taken")["Parameter"]["Value"] == "plain"


def test_a_new_value_is_a_new_version_of_the_same_parameter(world: World) -> None:
    inputs = {"name": "/versions", **PLAIN}
    held = world.member.create(PARAMETER, inputs)
    later = {**inputs, "value": "other"}
    preview = world.member.preview_update(held, later)
    assert preview["version"] is UNKNOWN
    assert preview["arn"] == held.state["arn"]
    held = world.member.update(held, later)
    assert held.state["version"] == 2
    tagged = world.member.update(held, {**later, "tags": {"a": "1"}})
    assert tagged.state["version"] == 2


def test_a_refresh_finds_a_value_that_was_changed_by_hand(world: World) -> None:
    inputs = {"name": "/drifts", **PLAIN}
    held = world.member.create(PARAMETER, inputs)
    world.client("ssm").put_parameter(
        Name="/drifts", Type="String", Value="by hand", Overwrite=True
    )
    found: Any = world.member.refresh(held)
    assert found.inputs["value"] == found.state["value"] == "by hand"
    assert world.member.diff(found, inputs).detailed == {"value": "UPDATE"}


def test_only_the_way_back_from_the_advanced_tier_replaces(world: World) -> None:
    inputs = {"name": "/tier", **PLAIN}
    held = world.member.create(PARAMETER, inputs)
    assert held.state["tier"] == "Standard"
    advanced = {**inputs, "tier": "Advanced"}
    assert world.member.diff(held, advanced).replaces == []
    held = world.member.update(held, advanced)
    difference = world.member.diff(held, {**inputs, "tier": "Standard"})
    assert difference.replaces == ["tier"]
    assert difference.delete_before_replace


def test_a_description_that_is_left_out_goes(world: World) -> None:
    inputs = {"name": "/described", **PLAIN}
    held = world.member.create(PARAMETER, {**inputs, "description": "Old"})
    held = world.member.update(held, inputs)
    assert held.state.get("description", "") == ""
