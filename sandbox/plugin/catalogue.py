"""Every resource type that the stand-in carries, by its name."""

from collections.abc import Mapping

from sandbox.plugin import (
    acm,
    apigateway,
    autoscaling,
    cloudwatch,
    codebuild,
    codeconnections,
    codepipeline,
    dynamodb,
    ebs,
    elastic_ip,
    events,
    iam,
    instance_metadata,
    kms,
    lambda_,
    launch_template,
    logs,
    organizations,
    route53,
    routing,
    s3,
    security_group,
    sns,
    ssm,
    vpc,
)
from sandbox.plugin.schema import Resource

RESOURCES: Mapping[str, Resource] = {
    resource.type_name: resource
    for module in (
        acm,
        apigateway,
        autoscaling,
        cloudwatch,
        codebuild,
        codeconnections,
        codepipeline,
        dynamodb,
        ebs,
        elastic_ip,
        events,
        iam,
        instance_metadata,
        kms,
        lambda_,
        launch_template,
        logs,
        organizations,
        route53,
        routing,
        s3,
        security_group,
        sns,
        ssm,
        vpc,
    )
    for resource in module.RESOURCES
}
