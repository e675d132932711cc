"""Every resource type that the stand-in carries, by its name."""

from collections.abc import Mapping

from sandbox.plugin import (
    acm,
    apigateway,
    dynamodb,
    iam,
    lambda_,
    logs,
    organizations,
    route53,
)
from sandbox.plugin.schema import Resource

RESOURCES: Mapping[str, Resource] = {
    resource.type_name: resource
    for module in (acm, apigateway, dynamodb, iam, lambda_, logs, organizations, route53)
    for resource in module.RESOURCES
}
