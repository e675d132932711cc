"""API Gateway's test invocation: a method runs whoever the API admits, for who may test it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import REGION, Embedded, allow, code_and_status, policy, trust
from tests.sandbox.aws.published import ANYBODY, Published, publish


@pytest.fixture
def published(aws: Embedded) -> Published:
    return publish(aws)


def test_a_test_runs_the_function_with_words_in_place_of_an_address(published: Published) -> None:
    answer = published.test(
        "/health?deep=1", "POST", body="text", headers={"One": "1"},
        multiValueHeaders={"Two": ["2", "3"]}, stageVariables={"color": "red"},
    )  # fmt: skip
    assert answer["status"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert answer["latency"] >= 0
    assert "HTTP Method: POST, Resource Path: /health\n" in answer["log"]
    assert answer["log"].endswith(" : Method completed with status: 200\n")
    event = event_of(answer)
    assert event["httpMethod"] == "POST"
    assert event["body"] == "text"
    assert event["headers"] == {"One": "1", "Two": "3"}
    assert event["multiValueHeaders"] == {"One": ["1"], "Two": ["2", "3"]}
    assert event["queryStringParameters"] == {"deep": "1"}
    assert event["stageVariables"] == {"color": "red"}
    assert event["requestContext"]["stage"] == "test-invoke-stage"
    assert event["requestContext"]["identity"]["sourceIp"] == "test-invoke-source-ip"


def event_of(answer: Any) -> Any:
    return json.loads(answer["body"])


def test_a_test_asks_neither_the_apis_policy_nor_a_deployment(published: Published) -> None:
    published.admit({**ANYBODY, "Effect": "Deny"})
    published.deploy()
    assert published.get().status == 403
    assert published.test("/health")["status"] == 200


def test_a_test_tells_why_a_function_is_not_reached(published: Published) -> None:
    published.client("lambda").remove_permission(FunctionName="items", StatementId="api")
    answer = published.test("/health")
    assert (answer["status"], json.loads(answer["body"])["message"]) == (
        500,
        "Internal server error",
    )
    assert (
        "Execution failed due to configuration error: Invalid permissions on Lambda function\n"
        in answer["log"]
    )


def test_a_test_needs_the_permission_to_post_to_the_method(published: Published) -> None:
    iam = published.client("iam")
    iam.create_role(RoleName="tester", AssumeRolePolicyDocument=trust({"AWS": published.account}))
    tester = published.aws.session(published.account, "tester", by=published.client)
    method = (
        f"arn:aws:apigateway:{REGION}::/restapis/{published.api}/resources/"
        f"{published.resource('/{proxy+}')}/methods/GET"
    )
    with pytest.raises(ClientError, match=f"perform: apigateway:POST on resource: {method} bec"):
        published.test("/health", by=tester)
    document = policy(allow("apigateway:POST", method))
    iam.put_role_policy(RoleName="tester", PolicyName="own", PolicyDocument=document)
    assert published.test("/health", by=tester)["status"] == 200


def test_a_test_of_what_is_not_there_is_refused(published: Published) -> None:
    gateway = published.client("apigateway")
    there = {"restApiId": published.api, "httpMethod": "GET"}
    for wrong in (
        {"restApiId": "none", "resourceId": published.resource("/")},
        {"resourceId": "none"},
        {"resourceId": published.resource("/items/{id}"), "httpMethod": "DELETE"},
    ):
        with pytest.raises(ClientError) as refused:
            gateway.test_invoke_method(**{**there, **wrong})
        assert code_and_status(refused.value) == ("NotFoundException", 404)
    with pytest.raises(ClientError, match=r"BadRequestException.*path /other is not one of /items"):
        gateway.test_invoke_method(
            **there, resourceId=published.resource("/items/{id}"), pathWithQueryString="/other"
        )


def test_a_method_without_a_function_is_said_not_to_be_served(published: Published) -> None:
    answer = published.client("apigateway").test_invoke_method(
        restApiId=published.api, resourceId=published.resource("/items/{id}"), httpMethod="PUT",
        pathWithQueryString="/items/1",
    )  # fmt: skip
    assert answer["status"] == 500
    assert "serves integrations of type AWS_PROXY only" in answer["log"]
