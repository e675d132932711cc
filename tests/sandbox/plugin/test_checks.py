"""What is refused before anything is planned, with the very words, and what is filled in."""

import json

import pytest

from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Engine
from tests.sandbox.plugin.world import (
    CERTIFICATE,
    DOMAIN_NAME,
    FUNCTION,
    IAM_ROLE,
    LOG_GROUP,
    RECORD,
    REST_API,
    ROLE_POLICY,
    TABLE,
    ZONE,
    archive,
    policy,
)

RECORD_OF_ZONE: Values = {"zoneId": "Z1", "name": "a", "type": "A", "ttl": 1, "records": ["::1"]}


@pytest.mark.parametrize(
    ("type_", "inputs", "failures"),
    [
        pytest.param(
            RECORD,
            {"zoneId": "Z1", "name": "a"},
            {
                "type": 'Missing required argument. The argument "type" is required, but no definition was found.'
            },
            id="missing",
        ),
        pytest.param(
            ZONE,
            {"nmae": "example.com"},
            {
                "nmae": 'Unsupported argument. An argument named "nmae" is not expected here. Did you mean "name"?'
            },
            id="misspelt",
        ),
        pytest.param(
            ZONE,
            {"colour": "red"},
            {"colour": 'Unsupported argument. An argument named "colour" is not expected here.'},
            id="unknown",
        ),
        pytest.param(
            RECORD,
            {**RECORD_OF_ZONE, "records": "::1"},
            {"records": 'Incorrect type. The argument "records" must be a list.'},
            id="text for a list",
        ),
        pytest.param(
            RECORD,
            {**RECORD_OF_ZONE, "records": [1]},
            {"records[0]": 'Incorrect type. The argument "records[0]" must be a string.'},
            id="number for a text in a list",
        ),
        pytest.param(
            RECORD,
            {**RECORD_OF_ZONE, "ttl": "60"},
            {"ttl": 'Incorrect type. The argument "ttl" must be a whole number.'},
            id="text for a number",
        ),
        pytest.param(
            LOG_GROUP,
            {"tags": {"a": True}},
            {"tags.a": 'Incorrect type. The argument "tags.a" must be a string.'},
            id="truth for a text in a map",
        ),
        pytest.param(
            LOG_GROUP,
            {"tags": ["a"]},
            {"tags": 'Incorrect type. The argument "tags" must be a map.'},
            id="list for a map",
        ),
        pytest.param(
            TABLE,
            {"pointInTimeRecovery": {"recoveryPeriodInDays": 3, "on": True}},
            {
                "pointInTimeRecovery.on": 'Unsupported argument. An argument named "pointInTimeRecovery.on" is not expected here.',
                "pointInTimeRecovery.enabled": 'Missing required argument. The argument "pointInTimeRecovery.enabled" is required, but no definition was found.',
            },
            id="nested",
        ),
        pytest.param(
            TABLE,
            {"attributes": [{"name": "id"}]},
            {
                "attributes[0].type": 'Missing required argument. The argument "attributes[0].type" is required, but no definition was found.'
            },
            id="nested in a list",
        ),
        pytest.param(
            FUNCTION,
            {"role": "arn", "code": "handler.zip"},
            {"code": 'Incorrect type. The argument "code" must be an archive.'},
            id="text for an archive",
        ),
        pytest.param(
            LOG_GROUP,
            {"retentionInDays": 8},
            {
                "retentionInDays": 'The argument "retentionInDays" must be one of 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; it is 8.'
            },
            id="not one of the choices",
        ),
        pytest.param(
            REST_API,
            {"endpointConfiguration": {"types": "REGIONAL", "ipAddressType": "ipv6"}},
            {
                "endpointConfiguration.ipAddressType": 'The argument "endpointConfiguration.ipAddressType" must be one of ipv4, dualstack; it is ipv6.'
            },
            id="nested, not one of the choices",
        ),
        pytest.param(
            IAM_ROLE,
            {"assumeRolePolicy": "{}", "name": "a", "namePrefix": "b"},
            {"name": 'Conflicting configuration arguments. "name" conflicts with "namePrefix".'},
            id="name and prefix",
        ),
        pytest.param(
            RECORD,
            {
                **RECORD_OF_ZONE,
                "aliases": [{"name": "b", "zoneId": "Z2", "evaluateTargetHealth": False}],
            },
            {
                "aliases": 'Conflicting configuration arguments. "aliases" conflicts with "ttl".',
            },
            id="alias and records",
        ),
        pytest.param(
            ZONE,
            {"vpcs": [{"vpcId": "vpc-1"}]},
            {
                "vpcs": 'The argument "vpcs" exists, but the sandbox\'s AWS plugin does not carry it; leave it out or run with SANDBOX_AWS_PLUGIN=genuine.'
            },
            id="not carried",
        ),
    ],
)
def test_wrong_arguments_are_refused_by_name(
    engine: Engine, type_: str, inputs: Values, failures: dict[str, str]
) -> None:
    assert engine.check(type_, inputs)[1] == failures


@pytest.mark.parametrize("type_", [RECORD, FUNCTION, IAM_ROLE, ROLE_POLICY, DOMAIN_NAME])
def test_every_required_argument_is_missed(engine: Engine, type_: str) -> None:
    required = {
        RECORD: {"name", "type", "zoneId"},
        FUNCTION: {"role"},
        IAM_ROLE: {"assumeRolePolicy"},
        ROLE_POLICY: {"policy", "role"},
        DOMAIN_NAME: {"domainName"},
    }
    assert engine.check(type_, {})[1].keys() == required[type_]


def test_a_value_that_is_not_known_yet_fits_everywhere(engine: Engine) -> None:
    inputs = {"zoneId": UNKNOWN, "name": UNKNOWN, "type": "NS", "ttl": UNKNOWN, "records": UNKNOWN}
    checked, failures = engine.check(RECORD, inputs)
    assert failures == {}
    assert checked["records"] is UNKNOWN


def test_a_misfit_of_no_effect_is_let_through(engine: Engine) -> None:
    assert engine.check(ZONE, {"vpcs": []})[1] == {}


def test_defaults_are_filled_in_and_noted(engine: Engine) -> None:
    inputs = engine.inputs(FUNCTION, {"role": "arn", "code": archive("x"), "name": "f"})
    filled = {
        "memorySize": 128,
        "packageType": "Zip",
        "publish": False,
        "reservedConcurrentExecutions": -1,
        "skipDestroy": False,
        "timeout": 3,
    }
    assert {name: inputs[name] for name in filled} == filled
    assert sorted(inputs["__defaults"]) == sorted(filled)


def test_a_policy_that_is_data_becomes_text(engine: Engine) -> None:
    inputs = engine.inputs(IAM_ROLE, {"assumeRolePolicy": json.loads(policy())})
    assert inputs["assumeRolePolicy"] == '{"Statement":[],"Version":"2012-10-17"}'


def test_a_name_is_made_from_the_resources_and_seven_digits(engine: Engine) -> None:
    name = engine.inputs(LOG_GROUP, {})["name"]
    assert name.startswith("thing-")
    assert len(name) == len("thing-") + 7
    int(name.removeprefix("thing-"), 16)


def test_a_made_name_is_new_each_time_but_for_the_same_seed(engine: Engine) -> None:
    names = {engine.check(LOG_GROUP, {}, seed=seed)[0]["name"] for seed in (b"", b"", b"1", b"1")}
    assert len(names) == 3


def test_a_made_name_is_kept(engine: Engine) -> None:
    olds = engine.inputs(LOG_GROUP, {})
    assert engine.inputs(LOG_GROUP, {}, olds)["name"] == olds["name"]


def test_a_name_taken_out_of_the_program_gives_way_to_a_made_one(engine: Engine) -> None:
    olds = engine.inputs(LOG_GROUP, {"name": "mine"})
    assert engine.inputs(LOG_GROUP, {}, olds)["name"] != "mine"


def test_a_long_name_is_cut_to_what_the_service_takes(engine: Engine) -> None:
    name = "x" * 100
    inputs, _failures = engine.check(FUNCTION, {"role": "a", "code": archive("x")}, name=name)
    assert len(inputs["name"]) == 64


def test_a_prefix_takes_the_place_of_a_made_name(engine: Engine) -> None:
    assert "name" not in engine.inputs(LOG_GROUP, {"namePrefix": "mine-"})


def test_types_without_a_name_get_none(engine: Engine) -> None:
    assert "name" not in engine.inputs(CERTIFICATE, {"domainName": "example.com"})
    assert "name" in engine.inputs(REST_API, {})


def test_a_type_that_is_not_carried_is_refused_in_one_sentence(engine: Engine) -> None:
    with pytest.raises(Exception, match="does not carry the resource type aws:sqs/queue:Queue;"):
        engine.check("aws:sqs/queue:Queue", {})
