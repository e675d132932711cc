"""Public names: who reaches an API by its name, from where, and what it gets."""

import json
import re
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.aws.embedded import REGION, Embedded
from tests.sandbox.aws.published import (
    ANYBODY,
    DOMAIN,
    Published,
    alias,
    curl,
    fetch,
    proxy,
    publish,
)
from tests.sandbox.aws.test_acm import name_servers
from tests.sandbox.aws.test_execution import package
from tests.sandbox.aws.test_route53 import change, make_zone, record

VPN = "198.51.100.7"
VPN_IPV6 = "2001:db8:7::1"


@pytest.fixture
def published(aws: Embedded) -> Published:
    return publish(aws)


def from_addresses(*addresses: str, effect: str = "Allow", kind: str = "IpAddress") -> Any:
    return {**ANYBODY, "Effect": effect, "Condition": {kind: {"aws:SourceIp": list(addresses)}}}


def refusal(aws: Embedded, url: str, address: str | None = None) -> str:
    """Why a name leads nowhere, as Python's own client tells it."""
    with pytest.raises(OSError, match="Tunnel connection failed") as refused:
        fetch(aws, url, address)
    return str(refused.value).removeprefix("<urlopen error ").removesuffix(">")


def test_a_request_by_name_reaches_the_function_as_a_proxy_event(published: Published) -> None:
    answer = published.get("/things/a%20b?x=1&x=2&y=", VPN, headers={"X-Own": "own"})
    event = answer.json()
    context = event.pop("requestContext")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["x-amzn-RequestId"] == context["requestId"]
    assert event == {
        "resource": "/{proxy+}",
        "path": "/things/a b",
        "httpMethod": "GET",
        "headers": {
            "Accept-Encoding": "identity",
            "Host": DOMAIN,
            "User-Agent": event["headers"]["User-Agent"],
            "X-Own": "own",
            "X-Forwarded-For": VPN,
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        },
        "multiValueHeaders": {name: [value] for name, value in event["headers"].items()},
        "queryStringParameters": {"x": "2", "y": ""},
        "multiValueQueryStringParameters": {"x": ["1", "2"], "y": [""]},
        "pathParameters": {"proxy": "things/a b"},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    assert context["identity"]["sourceIp"] == VPN
    wanted = {"stage": "live", "apiId": published.api, "accountId": published.account,
              "domainName": DOMAIN, "resourcePath": "/{proxy+}", "path": "/things/a%20b"}  # fmt: skip
    assert {name: context[name] for name in wanted} == wanted


def test_the_most_specific_resource_answers(published: Published) -> None:
    asked = {"/": "GET", "/items/1": "GET", "/items/1/more": "GET", "/items/2": "POST"}
    seen = {path: published.get(path, method=method).json() for path, method in asked.items()}
    assert {path: event["resource"] for path, event in seen.items()} == {
        "/": "/",
        "/items/1": "/items/{id}",
        "/items/1/more": "/{proxy+}",
        "/items/2": "/{proxy+}",
    }
    assert seen["/"]["pathParameters"] is None
    assert seen["/items/1"]["pathParameters"] == {"id": "1"}


def test_what_a_client_sends_arrives_whole(published: Published, tmp_path: Path) -> None:
    url = f"https://{DOMAIN}/items"
    text = published.get("/items", data="ü".encode(), method="POST").json()
    assert (text["body"], text["isBase64Encoded"]) == ("ü", False)
    chunked = ("--data", "in chunks", "--header", "Transfer-Encoding: chunked")
    assert json.loads(curl(published.aws, tmp_path, *chunked, url).stdout)["body"] == "in chunks"
    connections = ("--write-out", " connections: %{num_connects} ", url, url)
    twice = curl(published.aws, tmp_path, *connections).stdout
    assert re.findall(r"connections: (\d)", twice) == ["1", "0"]
    head = curl(published.aws, tmp_path, "--head", url)
    assert "200 OK" in head.stdout
    assert head.returncode == 0


def test_what_the_function_answers_arrives_whole(aws: Embedded) -> None:
    code = """
def handle(event, context):
    return {
        "statusCode": 418, "body": "ü", "isBase64Encoded": False,
        "headers": {"Content-Type": "image/x", "One": 1},
        "multiValueHeaders": {"Set-Cookie": ["a", "b"]},
    }
"""
    answer = publish(aws, code).get()
    assert (answer.status, answer.body) == (418, "ü")
    assert answer.headers["Content-Type"] == "image/x"
    assert answer.headers["One"] == "1"
    assert answer.headers["Set-Cookie"] == "b"


@pytest.mark.parametrize(
    "answer", ["None", "'text'", "{'body': ''}", "{'statusCode': 200, 'other': 1}", "1/0"]
)
def test_a_function_that_fails_or_answers_nothing_fit_is_an_error_of_the_gateway(
    aws: Embedded, answer: str
) -> None:
    found = publish(aws, f"def handle(event, context):\n    return {answer}\n").get()
    assert (found.status, found.json()) == (502, {"message": "Internal server error"})


def test_an_api_may_invoke_only_a_function_that_lets_it(published: Published) -> None:
    functions = published.client("lambda")
    functions.remove_permission(FunctionName="items", StatementId="api")
    functions.add_permission(
        FunctionName="items", StatementId="other", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{published.account}:{published.api}/other/*",
    )  # fmt: skip
    answer = published.get()
    assert (answer.status, answer.json()) == (500, {"message": "Internal server error"})


def test_only_the_admitted_addresses_get_in(published: Published) -> None:
    published.admit(from_addresses(f"{VPN}/32", "2001:db8:7::/64"))
    published.deploy()
    refused = published.get()
    masked = f"********{published.account[-4:]}"
    assert refused.status == 403
    assert refused.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert refused.json() == {
        "Message": "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
        f"arn:aws:execute-api:{REGION}:{masked}:{published.api}/live/GET/health"
    }
    assert published.get(address=VPN).status == 200
    assert published.get(address=VPN_IPV6).status == 200
    assert published.get(address="2001:db8:8::1").status == 403


def test_an_address_that_is_denied_is_told_so(published: Published) -> None:
    published.admit(ANYBODY, from_addresses("198.51.100.0/24", effect="Deny"))
    published.deploy()
    assert published.get().status == 200
    assert published.get(address=VPN).json()["Message"].endswith("GET/health with an explicit deny")


def test_a_policy_may_leave_out_what_stands_before_the_stage(published: Published) -> None:
    published.admit({**ANYBODY, "Resource": "execute-api:/live/GET/health"})
    published.deploy()
    assert published.get("/health").status == 200
    assert published.get("/other").status == 403


def test_a_change_of_the_api_is_served_from_the_next_deployment_on(published: Published) -> None:
    published.admit(from_addresses(VPN))
    assert published.get().status == 200
    published.deploy()
    assert published.get().status == 403
    published.admit()
    published.deploy()
    assert published.get().status == 200


def test_what_no_resource_or_mapping_is_for_is_forbidden(published: Published) -> None:
    gateway = published.client("apigateway")
    gateway.delete_resource(restApiId=published.api, resourceId=published.resource("/{proxy+}"))
    published.deploy()
    absent = published.get("/absent")
    assert (absent.status, absent.json()) == (403, {"message": "Missing Authentication Token"})
    gateway.delete_base_path_mapping(domainName=DOMAIN, basePath="(none)")
    assert (published.get("/").status, published.get("/").json()) == (403, {"message": "Forbidden"})


def test_a_base_path_leads_to_its_own_api(published: Published) -> None:
    gateway = published.client("apigateway")
    gateway.delete_base_path_mapping(domainName=DOMAIN, basePath="(none)")
    gateway.create_base_path_mapping(
        domainName=DOMAIN, restApiId=published.api, stage="live", basePath="v1"
    )
    event = published.get("/v1/items/1").json()
    assert (event["resource"], event["path"]) == ("/items/{id}", "/v1/items/1")
    assert published.get("/items/1").json() == {"message": "Forbidden"}


def test_a_name_is_found_by_following_the_delegation(published: Published) -> None:
    operator = published.aws.operator("route53")
    primary = make_zone(operator, "com", "1")
    assert refusal(published.aws, f"https://{DOMAIN}/") == (
        f"Tunnel connection failed: 502 {DOMAIN} has no A record in the hosted zones of this "
        "sandbox"
    )
    servers = name_servers(published.client, published.zone)
    change(operator, primary, ("CREATE", record("example.com", "NS", *servers)))
    assert published.get().status == 200


def test_a_name_needs_a_record_for_the_clients_kind_of_address(published: Published) -> None:
    route53 = published.client("route53")
    change(route53, published.zone, ("DELETE", alias("AAAA", published.target)))
    assert published.get(address=VPN).status == 200
    assert refusal(published.aws, f"https://{DOMAIN}/", VPN_IPV6).endswith("has no AAAA record in "
        "the hosted zones of this sandbox")  # fmt: skip


def test_an_address_for_ipv4_only_is_not_reached_over_ipv6(published: Published) -> None:
    only = {"op": "replace", "path": "/endpointConfiguration/ipAddressType", "value": "ipv4"}
    published.client("apigateway").update_domain_name(domainName=DOMAIN, patchOperations=[only])
    assert published.get(address=VPN).status == 200
    assert refusal(published.aws, f"https://{DOMAIN}/", VPN_IPV6).endswith(
        f"502 {DOMAIN} leads to {published.target}, which has no IPv6 address"
    )


def test_a_name_that_leads_to_another_domains_address_is_not_answered(
    published: Published,
) -> None:
    other = alias("A", published.target, "www.example.com")
    change(published.client("route53"), published.zone, ("CREATE", other))
    assert refusal(published.aws, "https://www.example.com/") == (
        f"Tunnel connection failed: 502 www.example.com leads to {published.target}, and nothing "
        "there answers to that name"
    )


def test_nothing_but_https_is_answered(published: Published) -> None:
    assert refusal(published.aws, f"https://{DOMAIN}:8443/").endswith("502 nothing listens on 8443")


def test_a_client_says_where_it_comes_from_by_an_address(published: Published) -> None:
    assert refusal(published.aws, f"https://{DOMAIN}/", "home").endswith(
        "400 the proxy's password is no address: 'home' does not appear to be an IPv4 or IPv6 "
        "address"
    )


def test_only_who_trusts_the_sandboxs_authority_gets_through(published: Published) -> None:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": proxy(published.aws)}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
    )
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        opener.open(f"https://{DOMAIN}/", timeout=60)
    assert published.get().status == 200


def test_the_application_itself_answers(aws: Embedded) -> None:
    sources = Path(__file__).parents[3] / "service"
    code = {f"service/{file.name}": file.read_text() for file in sources.glob("*.py")}
    published = publish(
        aws,
        Code={"ZipFile": package("", **code)},
        Handler="service.handler.handle",
        Environment={"Variables": {"TABLE_NAME": "items"}},
    )
    unhealthy = published.get("/health")
    assert (unhealthy.status, unhealthy.json()["status"]) == (503, "unavailable")
    published.client("dynamodb").create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert published.get("/health").status == 503
    published.client("iam").put_role_policy(
        RoleName="function",
        PolicyName="own",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}],
            }
        ),
    )
    assert published.get("/health").json() == {"status": "ok", "table": "ACTIVE"}
    made = published.get("/items", method="POST", data=b'{"name": "lamp"}')
    assert made.status == 201, made.body
    assert published.get(made.headers["Location"]).json()["name"] == "lamp"
