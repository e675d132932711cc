"""The way into the application: a REST API before a Lambda function, and the name it is reached at.

Owns what API Gateway needs in the account, its logging role included. Owns neither the function nor
the zone of the name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.role import trust_in_service

ENDPOINT_TYPE = "REGIONAL"
ADDRESS_TYPE = "dualstack"
"""IPv4 and IPv6. With its default endpoint off, an API needs it as much as its domain does."""
DEFAULT_ENDPOINT_IS_OFF = True
"""Only the custom domain leads in: its name, its certificate, its way of being restricted."""
STAGE = "live"
LOGGING_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "error": "$context.error.message",
}
"""An access log entry, without address and user agent: they would make the log personal data."""


def openapi(invoke_arn: str) -> dict[str, Any]:
    """Return the API definition: each path and method goes to the function, which routes."""
    proxy: dict[str, Any] = {
        "responses": {},
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": invoke_arn,
        },
    }
    rest = {"name": "proxy", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "service", "version": "1"},
        "paths": {
            "/": {"x-amazon-apigateway-any-method": proxy},
            "/{proxy+}": {"x-amazon-apigateway-any-method": {"parameters": [rest], **proxy}},
        },
    }


def access_policy(admitted: Sequence[str] | None) -> dict[str, Any]:
    """Return the API resource policy: who may call the API, on the ways its settings leave open.

    `admitted` are CIDR blocks, IPv4 and IPv6; None admits everybody. What no statement allows is
    refused, since the API's methods ask for no other proof.
    """
    statement: dict[str, Any] = {
        "Sid": "Public",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "*",
    }
    if admitted is not None:
        statement |= {
            "Sid": "FromTheseAddresses",
            "Condition": {"IpAddress": {"aws:SourceIp": list(admitted)}},
        }
    return {"Version": "2012-10-17", "Statement": [statement]}


def fingerprint(*parts: object) -> str:
    """Return a digest that differs when any part does, whatever the order of its keys."""
    return sha256(dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ApiArgs:
    """The function behind the API, who may call it, and how much of it a crowd may use.

    `admitted` are the CIDR blocks that callers come from, None for a public API. `rate_limit` is in
    requests per second, `burst_limit` in requests at one moment. `permissions_boundary` is the ARN
    of a policy, for the role that writes the logs.
    """

    function_name: pulumi.Input[str]
    invoke_arn: pulumi.Input[str]
    admitted: pulumi.Input[Sequence[str]] | None
    rate_limit: float
    burst_limit: int
    log_retention_days: int
    permissions_boundary: pulumi.Input[str]


class Api(pulumi.ComponentResource):
    """A regional REST API with one stage, reachable only by a custom domain (see `ApiDomain`)."""

    rest_api_id: pulumi.Output[str]
    stage_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:api:Api", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        definition = pulumi.Output.from_input(args.invoke_arn).apply(openapi)
        access = pulumi.Output.from_input(args.admitted).apply(access_policy)
        api = aws.apigateway.RestApi(
            f"{name}-rest",
            body=definition.apply(dumps),
            policy=access.apply(dumps),
            disable_execute_api_endpoint=DEFAULT_ENDPOINT_IS_OFF,
            endpoint_configuration={"types": ENDPOINT_TYPE, "ip_address_type": ADDRESS_TYPE},
            opts=child,
        )
        aws.lambda_.Permission(
            f"{name}-permission",
            action="lambda:InvokeFunction",
            function=args.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=api.execution_arn.apply(lambda arn: f"{arn}/*/*"),
            opts=child,
        )
        deployment = aws.apigateway.Deployment(
            f"{name}-deployment",
            rest_api=api.id,
            # A stage serves the snapshot that a deployment took: of the definition, and just as
            # much of the policy and the endpoint settings.
            triggers={
                "settings": pulumi.Output.all(
                    definition, access, ENDPOINT_TYPE, ADDRESS_TYPE, DEFAULT_ENDPOINT_IS_OFF
                ).apply(lambda settings: fingerprint(*settings))
            },
            opts=child,
        )
        stage = self._stage(name, args, api, deployment)
        self.rest_api_id = api.id
        self.stage_name = stage.stage_name
        self.register_outputs({"rest_api_id": self.rest_api_id, "stage_name": self.stage_name})

    def _stage(
        self,
        name: str,
        args: ApiArgs,
        api: aws.apigateway.RestApi,
        deployment: aws.apigateway.Deployment,
    ) -> aws.apigateway.Stage:
        child = pulumi.ResourceOptions(parent=self)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-access-log", retention_in_days=args.log_retention_days, opts=child
        )
        stage = aws.apigateway.Stage(
            f"{name}-stage",
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=STAGE,
            access_log_settings={"destination_arn": log_group.arn, "format": dumps(ACCESS_LOG)},
            # API Gateway refuses a stage with a log while its account has no role to write logs.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._logging(name, args)]),
        )
        aws.apigateway.MethodSettings(
            f"{name}-throttle",
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "metrics_enabled": True,
                "throttling_rate_limit": args.rate_limit,
                "throttling_burst_limit": args.burst_limit,
            },
            opts=child,
        )
        return stage

    def _logging(self, name: str, args: ApiArgs) -> aws.apigateway.Account:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-logging-role",
            assume_role_policy=dumps(trust_in_service("apigateway.amazonaws.com")),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        policy = aws.iam.RolePolicyAttachment(
            f"{name}-logging-policy", role=role.name, policy_arn=LOGGING_POLICY, opts=child
        )
        return aws.apigateway.Account(
            f"{name}-logging",
            cloudwatch_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )


@dataclass(frozen=True, kw_only=True)
class ApiDomainArgs:
    """The name an API is reached at, the zone it is in, and the stage behind it."""

    domain: pulumi.Input[str]
    zone_id: pulumi.Input[str]
    rest_api_id: pulumi.Input[str]
    stage_name: pulumi.Input[str]


class ApiDomain(pulumi.ComponentResource):
    """A name with its certificate, which leads to the stage of an API."""

    url: pulumi.Output[str]

    def __init__(
        self, name: str, args: ApiDomainArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:api:ApiDomain", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        domain = aws.apigateway.DomainName(
            f"{name}-name",
            domain_name=args.domain,
            regional_certificate_arn=self._certificate(name, args),
            endpoint_configuration={"types": ENDPOINT_TYPE, "ip_address_type": ADDRESS_TYPE},
            security_policy="TLS_1_2",
            opts=child,
        )
        aws.apigateway.BasePathMapping(
            f"{name}-mapping",
            domain_name=domain.domain_name,
            rest_api=args.rest_api_id,
            stage_name=args.stage_name,
            opts=child,
        )
        ipv4, ipv6 = (
            aws.route53.Record(
                f"{name}-{part}",
                zone_id=args.zone_id,
                name=args.domain,
                type=record_type,
                aliases=[
                    {
                        "name": domain.regional_domain_name,
                        "zone_id": domain.regional_zone_id,
                        "evaluate_target_health": False,
                    }
                ],
                opts=child,
            )
            for part, record_type in (("alias", "A"), ("alias-ipv6", "AAAA"))
        )
        self.url = pulumi.Output.all(ipv4.name, ipv6.name).apply(
            lambda names: f"https://{names[0]}"
        )
        self.register_outputs({"url": self.url})

    def _certificate(self, name: str, args: ApiDomainArgs) -> pulumi.Output[str]:
        """Return the ARN of a certificate that is issued."""
        child = pulumi.ResourceOptions(parent=self)
        certificate = aws.acm.Certificate(
            f"{name}-certificate", domain_name=args.domain, validation_method="DNS", opts=child
        )
        option = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation-record",
            zone_id=args.zone_id,
            name=option.resource_record_name,
            type=option.resource_record_type,
            ttl=60,
            records=[option.resource_record_value],
            opts=child,
        )
        return aws.acm.CertificateValidation(
            f"{name}-validation",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=child,
        ).certificate_arn
