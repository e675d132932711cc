"""API Gateway's test invocation in the embedded AWS: a method run without its deployment's rules.

Owns TestInvokeMethod. As on AWS it runs the API as it is defined now, whoever the API's policy
admits, and the function sees fixed words where a client's address would be.
"""

import time
from collections.abc import Mapping
from typing import Any

from moto.apigateway.models import apigateway_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.execution import Execution
from sandbox.aws.rest_requests import Integration, RestRequest, parameters_of, routes_of
from sandbox.aws.rules import Answer, Rules

_STAGE = "test-invoke-stage"
_IDENTITY = {
    "apiKey": "test-invoke-api-key",
    "apiKeyId": "test-invoke-api-key-id",
    "sourceIp": "test-invoke-source-ip",
}


def rules(execution: Execution) -> Rules:
    """Return the operation that this module answers itself."""
    return {("apigateway", "TestInvokeMethod"): lambda call: _test(call, execution)}


def _test(call: Call, execution: Execution) -> Answer:
    integration = _integration(call)

    def run() -> Mapping[str, Any]:
        started = time.monotonic()
        response = integration.run(execution, call.request.host_url)
        multiple: dict[str, list[str]] = {}
        for name, value in response.headers:
            multiple.setdefault(name, []).append(value)
        return {
            "status": response.status,
            "body": response.body.decode(errors="replace"),
            "headers": dict(response.headers),
            "multiValueHeaders": multiple,
            "log": response.log,
            "latency": round((time.monotonic() - started) * 1000),
        }

    return run


def _integration(call: Call) -> Integration:
    api = apigateway_backends[call.account][call.region].apis.get(call.text("restApiId"))
    routes = {route.resource_id: route for route in routes_of(api)} if api else {}
    route = routes.get(call.text("resourceId"))
    if api is None or route is None:
        raise AwsError("NotFoundException", "Invalid Resource identifier specified")
    if not {call.text("httpMethod"), "ANY"} & route.functions.keys():
        raise AwsError("NotFoundException", "Invalid Method identifier specified")
    path, _, query = (call.text("pathWithQueryString") or route.path).partition("?")
    if parameters_of(route, path) is None:
        raise AwsError("BadRequestException", f"The path {path} is not one of {route.path}")
    multiple: Mapping[str, list[str]] = call.parameters.get("multiValueHeaders") or {}
    single: Mapping[str, str] = call.parameters.get("headers") or {}
    request = RestRequest(
        method=call.text("httpMethod"),
        path=path,
        query=query,
        headers=[
            *single.items(),
            *((name, value) for name, values in multiple.items() for value in values),
        ],
        body=call.text("body").encode(),
        stage=_STAGE,
        stage_variables=call.parameters.get("stageVariables"),
        context={
            "domainName": "testPrefix.testDomainName",
            "domainPrefix": "testPrefix",
            "identity": {
                **_IDENTITY,
                "accountId": call.account,
                "caller": call.principal.unique_id,
                "user": call.principal.unique_id,
                "userAgent": call.request.headers.get("User-Agent"),
                "userArn": call.principal.arn,
            },
        },
    )
    return Integration.of(api.id, call.account, call.region, route, request)
