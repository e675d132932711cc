"""API Gateway: what depends on what, and what an API keeps."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import MANAGEMENT, REGION, STRANGER, Embedded, policy, trust
from tests.sandbox.aws.test_acm import DOMAIN, issue, request

INTEGRATION = {
    "type": "aws_proxy",
    "httpMethod": "POST",
    "uri": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
    f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:items/invocations",
}
METHOD = {
    "responses": {"200": {"description": "fine"}},
    "x-amazon-apigateway-integration": INTEGRATION,
}
OPEN = policy(
    {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
    }
)


def document(**paths: dict[str, Any]) -> bytes:
    return json.dumps(
        {"openapi": "3.0.1", "info": {"title": "items", "version": "1"}, "paths": paths}
    ).encode()


def make_api(client: Any, **more: Any) -> str:
    api = client.create_rest_api(
        name="items", endpointConfiguration={"types": ["REGIONAL"]}, **more
    )["id"]
    client.put_rest_api(
        restApiId=api, mode="overwrite", body=document(**{"/items": {"get": METHOD}})
    )
    return api


def make_stage(client: Any, api: str) -> str:
    deployment = client.create_deployment(restApiId=api)["id"]
    client.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
    return deployment


def replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def make_logging_role(aws: Embedded) -> str:
    made = aws.operator("iam").create_role(
        RoleName="logging", AssumeRolePolicyDocument=trust({"Service": "apigateway.amazonaws.com"})
    )
    return made["Role"]["Arn"]


def methods(client: Any, api: str) -> dict[str, list[str]]:
    found = client.get_resources(restApiId=api)["items"]
    return {entry["path"]: list(entry.get("resourceMethods", {})) for entry in found}


def test_an_openapi_document_becomes_methods_and_the_root_stays(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    root = client.get_rest_api(restApiId=api)["rootResourceId"]
    mock = {"x-amazon-apigateway-integration": {"type": "mock"}}
    body = document(
        **{
            "/": {"get": METHOD},
            "/things/{id}": {"get": METHOD, "delete": METHOD, "parameters": []},
            "/{proxy+}": {"x-amazon-apigateway-any-method": METHOD, "options": mock},
        }
    )
    for _ in range(2):
        client.put_rest_api(restApiId=api, mode="overwrite", body=body)
    assert methods(client, api) == {
        "/": ["GET"],
        "/things": [],
        "/things/{id}": ["GET", "DELETE"],
        "/{proxy+}": ["ANY", "OPTIONS"],
    }
    assert client.get_rest_api(restApiId=api)["rootResourceId"] == root


def test_policy_and_endpoint_are_kept_and_changed(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client, policy=OPEN, disableExecuteApiEndpoint=True)
    found = client.get_rest_api(restApiId=api)
    assert json.loads(json.loads(f'"{found["policy"]}"')) == json.loads(OPEN)
    assert found["disableExecuteApiEndpoint"] is True
    assert found["endpointConfiguration"]["types"] == ["REGIONAL"]
    changes = [
        replace("/policy", ""),
        replace("/disableExecuteApiEndpoint", "false"),
        replace("/endpointConfiguration/types/0", "EDGE"),
        replace("/name", "renamed"),
    ]
    client.update_rest_api(restApiId=api, patchOperations=changes)
    found = client.get_rest_api(restApiId=api)
    assert "policy" not in found
    assert found["disableExecuteApiEndpoint"] is False
    assert found["endpointConfiguration"]["types"] == ["EDGE"]
    assert found["name"] == "renamed"


def test_a_changed_policy_cannot_name_who_does_not_exist(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    who = {"AWS": STRANGER}
    wrong = policy({"Effect": "Allow", "Principal": who, "Action": "*", "Resource": "*"})
    for text in (wrong, "{", policy({"Effect": "Allow"})):
        with pytest.raises(ClientError, match=r"BadRequestException.*Invalid policy document"):
            client.update_rest_api(restApiId=api, patchOperations=[replace("/policy", text)])


def test_an_unknown_api_or_deployment_is_not_found(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    for missing in (
        lambda: client.get_rest_api(restApiId="none"),
        lambda: client.delete_rest_api(restApiId="none"),
        lambda: client.get_deployment(restApiId=api, deploymentId="none"),
        lambda: client.create_stage(restApiId=api, stageName="live", deploymentId="none"),
    ):
        with pytest.raises(ClientError, match="NotFoundException"):
            missing()


def test_logs_of_a_stage_need_the_logging_role_of_the_account(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    make_stage(client, api)
    group = f"arn:aws:logs:{REGION}:{MANAGEMENT}:log-group:access"
    access = [
        replace("/accessLogSettings/destinationArn", group),
        replace("/accessLogSettings/format", "$context.requestId"),
    ]
    for changes in (access, [replace("/*/*/logging/loglevel", "INFO")]):
        with pytest.raises(ClientError, match="role ARN must be set in account settings"):
            client.update_stage(restApiId=api, stageName="live", patchOperations=changes)
    role = make_logging_role(aws)
    client.update_account(patchOperations=[replace("/cloudwatchRoleArn", role)])
    client.update_stage(restApiId=api, stageName="live", patchOperations=access)
    stage = client.get_stage(restApiId=api, stageName="live")
    assert stage["accessLogSettings"]["destinationArn"] == group


def test_the_logging_role_exists_and_trusts_the_service(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    iam = aws.operator("iam")
    lambdas = trust({"Service": "lambda.amazonaws.com"})
    iam.create_role(RoleName="function", AssumeRolePolicyDocument=lambdas)
    for wrong in ("nobody", "function"):
        arn = f"arn:aws:iam::{MANAGEMENT}:role/{wrong}"
        with pytest.raises(ClientError, match="does not have required permissions configured"):
            client.update_account(patchOperations=[replace("/cloudwatchRoleArn", arn)])
    arn = make_logging_role(aws)
    client.update_account(patchOperations=[replace("/cloudwatchRoleArn", arn)])
    assert client.get_account()["cloudwatchRoleArn"] == arn
    client.update_account(patchOperations=[replace("/cloudwatchRoleArn", "")])


def test_method_settings_are_set_and_removed(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    make_stage(client, api)
    changes = [
        replace("/*/*/throttling/burstLimit", "20"),
        replace("/*/*/throttling/rateLimit", "10"),
    ]
    client.update_stage(restApiId=api, stageName="live", patchOperations=changes)
    settings = client.get_stage(restApiId=api, stageName="live")["methodSettings"]["*/*"]
    assert (settings["throttlingBurstLimit"], settings["throttlingRateLimit"]) == (20, 10.0)
    removal = [{"op": "remove", "path": "/*/*"}]
    client.update_stage(restApiId=api, stageName="live", patchOperations=removal)
    assert client.get_stage(restApiId=api, stageName="live")["methodSettings"] == {}


def test_a_deployment_goes_only_when_no_stage_shows_it(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    first = make_stage(client, api)
    with pytest.raises(ClientError, match="Active stages pointing to this deployment"):
        client.delete_deployment(restApiId=api, deploymentId=first)
    with pytest.raises(ClientError, match="Deployment id does not exist"):
        client.update_stage(
            restApiId=api, stageName="live", patchOperations=[replace("/deploymentId", "none")]
        )
    second = client.create_deployment(restApiId=api)["id"]
    client.update_stage(
        restApiId=api, stageName="live", patchOperations=[replace("/deploymentId", second)]
    )
    client.delete_deployment(restApiId=api, deploymentId=first)


def test_a_deployment_takes_another_description(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    deployment = client.create_deployment(restApiId=api, description="old")["id"]
    client.update_deployment(
        restApiId=api, deploymentId=deployment, patchOperations=[replace("/description", "new")]
    )
    found = client.get_deployment(restApiId=api, deploymentId=deployment)
    assert found["description"] == "new"


def test_a_domain_name_needs_an_issued_certificate_that_covers_it(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    pending, other = request(aws.operator), issue(aws.operator, "www.example.com")
    unknown = pending[:-1] + "x"
    for certificate, words in (
        (pending, "must be ISSUED"),
        (other, "not covered"),
        (unknown, "does not exist"),
    ):
        with pytest.raises(ClientError, match=f"BadRequestException.*{words}"):
            client.create_domain_name(domainName=DOMAIN, regionalCertificateArn=certificate)


def test_a_domain_name_is_made_once_and_changed(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    certificate = issue(aws.operator)
    arguments = {"domainName": DOMAIN, "regionalCertificateArn": certificate}
    client.create_domain_name(**arguments, securityPolicy="TLS_1_0")
    with pytest.raises(ClientError, match="already exists"):
        client.create_domain_name(**arguments)
    client.update_domain_name(
        domainName=DOMAIN, patchOperations=[replace("/securityPolicy", "TLS_1_2")]
    )
    assert client.get_domain_name(domainName=DOMAIN)["securityPolicy"] == "TLS_1_2"
    with pytest.raises(ClientError, match="must be ISSUED"):
        client.update_domain_name(
            domainName=DOMAIN,
            patchOperations=[
                replace("/regionalCertificateArn", request(aws.operator, "a.example"))
            ],
        )


def test_an_endpoint_is_reached_over_ipv4_or_over_both(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    both = {"types": ["REGIONAL"], "ipAddressType": "dualstack"}
    dual = client.create_rest_api(name="dual", endpointConfiguration=both)
    assert dual["endpointConfiguration"] == both
    arguments = {"domainName": DOMAIN, "regionalCertificateArn": issue(aws.operator)}
    client.create_domain_name(**arguments, endpointConfiguration={"types": ["REGIONAL"]})
    path = "/endpointConfiguration/ipAddressType"

    def endpoints() -> list[str]:
        found = (client.get_rest_api(restApiId=api), client.get_domain_name(domainName=DOMAIN))
        return [endpoint["endpointConfiguration"]["ipAddressType"] for endpoint in found]

    assert endpoints() == ["ipv4", "ipv4"]
    client.update_rest_api(restApiId=api, patchOperations=[replace(path, "dualstack")])
    client.update_domain_name(domainName=DOMAIN, patchOperations=[replace(path, "dualstack")])
    assert endpoints() == ["dualstack", "dualstack"]
    assert client.get_rest_api(restApiId=dual["id"])["endpointConfiguration"] == both


def test_an_unknown_kind_of_addresses_is_refused(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api, wrong = make_api(client), {"types": ["REGIONAL"], "ipAddressType": "ipv6"}
    arguments = {"domainName": DOMAIN, "regionalCertificateArn": issue(aws.operator)}
    change = [replace("/endpointConfiguration/ipAddressType", "ipv6")]
    for refused in (
        lambda: client.create_rest_api(name="other", endpointConfiguration=wrong),
        lambda: client.update_rest_api(restApiId=api, patchOperations=change),
        lambda: client.create_domain_name(**arguments, endpointConfiguration=wrong),
    ):
        with pytest.raises(ClientError, match=r"BadRequestException.*ipAddressType ipv6"):
            refused()


def test_a_mapped_api_cannot_be_deleted(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client)
    make_stage(client, api)
    client.create_domain_name(domainName=DOMAIN, regionalCertificateArn=issue(aws.operator))
    with pytest.raises(ClientError, match="NotFoundException"):
        client.get_base_path_mapping(domainName=DOMAIN, basePath="(none)")
    mapping = {"domainName": DOMAIN, "restApiId": api, "stage": "live"}
    client.create_base_path_mapping(**mapping)
    with pytest.raises(ClientError, match="ConflictException"):
        client.create_base_path_mapping(**mapping)
    with pytest.raises(ClientError, match="remove all base path mappings"):
        client.delete_rest_api(restApiId=api)
    client.delete_domain_name(domainName=DOMAIN)
    client.delete_rest_api(restApiId=api)


def test_apis_stages_and_domain_names_carry_tags(aws: Embedded) -> None:
    client = aws.operator("apigateway")
    api = make_api(client, tags={"first": "1"})
    make_stage(client, api)
    client.create_domain_name(domainName=DOMAIN, regionalCertificateArn=issue(aws.operator))
    for path in (f"restapis/{api}", f"restapis/{api}/stages/live", f"domainnames/{DOMAIN}"):
        arn = f"arn:aws:apigateway:{REGION}::/{path}"
        client.tag_resource(resourceArn=arn, tags={"second": "2", "third": "3"})
        client.untag_resource(resourceArn=arn, tagKeys=["second", "first"])
        assert client.get_tags(resourceArn=arn)["tags"] == {"third": "3"}
    with pytest.raises(ClientError, match="NotFoundException"):
        client.get_tags(resourceArn=f"arn:aws:apigateway:{REGION}::/restapis/none")
