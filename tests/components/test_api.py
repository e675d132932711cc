"""The API: one way in, by its own name; and no change of its settings without a new deployment."""

import json
from typing import Any

import pytest

from components import api as module
from components.api import Api, ApiArgs, ApiDomain, ApiDomainArgs, access_policy, openapi
from iam.policy import Effect, Request, evaluate
from tests.cloud import Cloud


def api(admitted: list[str] | None = None) -> Cloud:
    args = ApiArgs(
        function_name="function",
        invoke_arn="arn:invoke",
        admitted=admitted,
        rate_limit=20,
        burst_limit=40,
        log_retention_days=14,
        permissions_boundary="arn:boundary",
    )
    return Cloud().run(lambda: Api("api", args))


def domain() -> Cloud:
    args = ApiDomainArgs(
        domain="api.dev.example.com", zone_id="Z1", rest_api_id="rest", stage_name="live"
    )
    return Cloud().run(lambda: ApiDomain("domain", args))


def trigger(admitted: list[str] | None = None) -> str:
    return api(admitted).only("Deployment").inputs["triggers"]["settings"]


def test_the_default_endpoint_is_off() -> None:
    inputs = api().only("RestApi").inputs

    assert inputs["disableExecuteApiEndpoint"] is True
    assert inputs["endpointConfiguration"] == {"types": "REGIONAL", "ipAddressType": "dualstack"}


def test_every_path_and_method_reaches_the_function() -> None:
    paths = openapi("arn:invoke")["paths"]

    assert set(paths) == {"/", "/{proxy+}"}
    for methods in paths.values():
        (integration,) = [m["x-amazon-apigateway-integration"] for m in methods.values()]
        assert integration == {"type": "aws_proxy", "httpMethod": "POST", "uri": "arn:invoke"}


def test_the_definition_and_the_policy_are_what_the_api_gets() -> None:
    inputs = api().only("RestApi").inputs

    assert json.loads(inputs["body"]) == openapi("arn:invoke")
    assert json.loads(inputs["policy"]) == access_policy(None)


def test_only_this_api_may_invoke_the_function() -> None:
    inputs = api().only("Permission").inputs

    assert inputs["principal"] == "apigateway.amazonaws.com"
    assert inputs["function"] == "function"
    assert inputs["sourceArn"] == ("arn:aws:execute-api:eu-central-1:444455556666:api-rest/*/*")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("access_policy", lambda _admitted: {"Statement": []}),
        ("openapi", lambda _arn: {"paths": {}}),
        ("ENDPOINT_TYPE", "EDGE"),
        ("ADDRESS_TYPE", "ipv4"),
        ("DEFAULT_ENDPOINT_IS_OFF", False),
    ],
)
def test_a_changed_setting_makes_a_new_deployment(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: Any
) -> None:
    before = trigger()
    assert before == trigger()

    monkeypatch.setattr(module, setting, value)

    assert trigger() != before


VPN = ["203.0.113.7/32", "2a05:d014:1:2300::/64"]


INSIDE = ["203.0.113.7", "2a05:d014:1:2300::1", "2a05:d014:1:2300:ffff:ffff:ffff:ffff"]
OUTSIDE = [
    "203.0.113.6",
    "203.0.113.8",
    "10.91.0.2",
    "2a05:d014:1:2301::1",
    "2a05:d014:1:22ff:ffff:ffff:ffff:ffff",
    "fd00:1:2:3::2",
]


@pytest.mark.parametrize("caller", INSIDE)
def test_a_restricted_api_admits_the_vpns_addresses(caller: str) -> None:
    assert may_call(access_policy(VPN), caller)


@pytest.mark.parametrize("caller", OUTSIDE)
def test_a_restricted_api_admits_no_other_address(caller: str) -> None:
    assert not may_call(access_policy(VPN), caller)


@pytest.mark.parametrize("caller", [*INSIDE, *OUTSIDE])
def test_a_public_api_admits_everybody(caller: str) -> None:
    assert may_call(access_policy(None), caller)


def test_an_api_restricted_to_no_address_admits_nobody() -> None:
    assert not may_call(access_policy([]), "203.0.113.7")


def may_call(document: dict[str, Any], caller: str) -> bool:
    """Judge a call as API Gateway does where methods ask for no proof: by its policy alone."""
    request = Request(
        action="execute-api:Invoke",
        resource="arn:aws:execute-api:eu-central-1:444455556666:api/live/GET/",
        context={"aws:sourceip": (caller,)},
    )
    return evaluate([document], request) is Effect.ALLOW


def test_another_address_of_the_vpn_makes_a_new_deployment() -> None:
    assert len({trigger(), trigger(VPN), trigger(["203.0.113.9/32", VPN[1]])}) == 3


def test_the_accounts_logging_role_stands_before_the_stage() -> None:
    cloud = api()

    logging, stage = cloud.only("aws:apigateway/account:Account"), cloud.only("Stage")
    assert logging.urn in stage.depends_on
    assert cloud.only("RolePolicyAttachment").urn in logging.depends_on
    assert stage.inputs["accessLogSettings"]["destinationArn"].endswith("log-group:api-access-log")


def test_the_access_log_ends_and_holds_no_personal_data() -> None:
    cloud = api()

    assert cloud.only("LogGroup").inputs["retentionInDays"] == 14
    entry = cloud.only("Stage").inputs["accessLogSettings"]["format"]
    assert "identity" not in entry
    assert json.loads(entry)["requestId"] == "$context.requestId"


def test_a_crowd_is_throttled() -> None:
    inputs = api().only("MethodSettings").inputs

    assert inputs["methodPath"] == "*/*"
    assert inputs["settings"]["throttlingRateLimit"] == 20
    assert inputs["settings"]["throttlingBurstLimit"] == 40


def test_the_certificate_is_proved_in_the_zone_before_the_name_uses_it() -> None:
    cloud = domain()

    proof = cloud.of_type("Record")["domain-validation-record"]
    assert proof.inputs["zoneId"] == "Z1"
    assert proof.inputs["name"] == "_proof.api.dev.example.com"
    assert proof.inputs["type"] == "CNAME"
    validation = cloud.only("CertificateValidation")
    assert proof.urn in validation.depends_on
    assert validation.urn in cloud.only("DomainName").depends_on


def test_the_name_leads_to_the_stage() -> None:
    cloud = domain()

    name = cloud.only("DomainName")
    assert name.inputs["endpointConfiguration"] == {
        "types": "REGIONAL",
        "ipAddressType": "dualstack",
    }
    assert name.inputs["securityPolicy"] == "TLS_1_2"
    mapping = cloud.only("BasePathMapping")
    assert mapping.inputs["restApi"] == "rest"
    assert mapping.inputs["stageName"] == "live"
    aliases = [cloud.of_type("Record")[f"domain-{part}"] for part in ("alias", "alias-ipv6")]
    assert [alias.inputs["type"] for alias in aliases] == ["A", "AAAA"]
    for alias in aliases:
        assert alias.inputs["name"] == "api.dev.example.com"
        assert alias.inputs["aliases"] == [
            {
                "name": "d-api.dev.example.com.test",
                "zoneId": "ZREGIONAL",
                "evaluateTargetHealth": False,
            }
        ]
