"""An API with a function behind it and a public name before it, as a stack would make them."""

import json
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import public
from tests.sandbox.aws.embedded import REGION, Client, Embedded, trust
from tests.sandbox.aws.test_acm import DOMAIN, request, write_validation
from tests.sandbox.aws.test_execution import package
from tests.sandbox.aws.test_route53 import change, make_zone

ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}
ECHO = """
import json
def handle(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


@dataclass
class Published:
    """A client's view of the API, and what it is made of."""

    aws: Embedded
    client: Client
    account: str
    api: str
    zone: str
    target: str
    function: str

    def get(self, path: str = "/health", address: str | None = None, **more: Any) -> "Answer":
        """Ask for a path, as from an address outside."""
        return fetch(self.aws, f"https://{DOMAIN}{path}", address, **more)

    def deploy(self) -> None:
        gateway = self.client("apigateway")
        deployment = gateway.create_deployment(restApiId=self.api)["id"]
        change_to = {"op": "replace", "path": "/deploymentId", "value": deployment}
        gateway.update_stage(restApiId=self.api, stageName="live", patchOperations=[change_to])

    def admit(self, *statements: dict[str, Any]) -> None:
        """Change the API's policy."""
        text = json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""
        change_to = {"op": "replace", "path": "/policy", "value": text}
        self.client("apigateway").update_rest_api(restApiId=self.api, patchOperations=[change_to])

    def test(self, path: str, method: str = "GET", by: Client | None = None, **more: Any) -> Any:
        """Run a method as API Gateway's test does."""
        gateway = (by or self.client)("apigateway")
        return gateway.test_invoke_method(
            restApiId=self.api, resourceId=self.resource("/{proxy+}"), httpMethod=method,
            pathWithQueryString=path, **more,
        )  # fmt: skip

    def resource(self, path: str) -> str:
        found = self.client("apigateway").get_resources(restApiId=self.api)["items"]
        (wanted,) = [entry["id"] for entry in found if entry["path"] == path]
        return wanted


@dataclass
class Answer:
    status: int
    body: str
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


def proxy(aws: Embedded, address: str | None = None) -> str:
    come_from = f"from:{address.replace(':', '%3A')}@" if address else ""
    return f"http://{come_from}127.0.0.1:{aws.port}"


def fetch(
    aws: Embedded, url: str, address: str | None = None, method: str = "GET", data: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:  # fmt: skip
    """Ask as Python's own client does, with what `public` sets in its environment."""
    with tempfile.TemporaryDirectory() as folder:
        variables = public.variables(Path(folder), f"http://127.0.0.1:{aws.port}")
        trusted = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": proxy(aws, address)}),
        urllib.request.HTTPSHandler(context=trusted),
    )
    asked = urllib.request.Request(url, data, headers or {}, method=method)  # noqa: S310
    try:
        answer = opener.open(asked, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(answer.status or 0, answer.read().decode(), dict(answer.headers.items()))


def curl(aws: Embedded, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    variables = public.variables(tmp_path, f"http://127.0.0.1:{aws.port}")
    return subprocess.run(
        ["curl", "--silent", "--show-error", *words],
        env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def publish(aws: Embedded, code: str = ECHO, **more: Any) -> Published:
    """Make the API in the account `dev`, its zone included."""
    aws.organize()
    account = aws.account("dev")
    client = aws.session(account)
    lambdas = trust({"Service": "lambda.amazonaws.com"})
    role = client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=lambdas)
    wanted = {
        "FunctionName": "items",
        "Runtime": "python3.14",
        "Role": role["Role"]["Arn"],
        "Handler": "handler.handle",
        "Timeout": 10,
    }
    if "Code" not in more:
        more["Code"] = {"ZipFile": package(code)}
    function = client("lambda").create_function(**{**wanted, **more})["FunctionArn"]
    api = _api(client, function)
    client("lambda").add_permission(
        FunctionName="items", StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{account}:{api}/*/*",
    )  # fmt: skip
    zone = make_zone(client("route53"))
    certificate = request(client)
    write_validation(client, zone, certificate)
    domain = client("apigateway").create_domain_name(
        domainName=DOMAIN, regionalCertificateArn=certificate,
        endpointConfiguration={"types": ["REGIONAL"], "ipAddressType": "dualstack"},
    )  # fmt: skip
    client("apigateway").create_base_path_mapping(
        domainName=DOMAIN, restApiId=api, stage="live", basePath=""
    )
    target = domain["regionalDomainName"]
    for kind in ("A", "AAAA"):
        change(client("route53"), zone, ("CREATE", alias(kind, target)))
    return Published(aws, client, account, api, zone, target, function)


def alias(kind: str, target: str, name: str = DOMAIN) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": kind,
        "AliasTarget": {
            "HostedZoneId": "Z1U9ULNL0V5AJ3", "DNSName": target, "EvaluateTargetHealth": False,
        },
    }  # fmt: skip


def _api(client: Client, function: str) -> str:
    gateway = client("apigateway")
    integration = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
    }
    method = {"responses": {}, "x-amazon-apigateway-integration": integration}
    paths = {path: {"x-amazon-apigateway-any-method": method} for path in ("/", "/{proxy+}")}
    paths["/items/{id}"] = {"get": method, "put": {"responses": {}}}
    document = {"openapi": "3.0.1", "info": {"title": "items", "version": "1"}, "paths": paths}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
    api = gateway.create_rest_api(
        name="items", endpointConfiguration={"types": ["REGIONAL"]}, policy=policy
    )["id"]
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(document).encode())
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
    return api
