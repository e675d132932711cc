"""Every resource type from its creation to its deletion, against the embedded AWS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import UNKNOWN, Values
from tests.sandbox.plugin.engine import Difference, Engine, Held
from tests.sandbox.plugin.world import (
    ACCOUNT,
    ACCOUNT_ACCESS_BLOCK,
    ALARM,
    ALIAS,
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OWNERSHIP,
    BUCKET_POLICY,
    BUCKET_VERSIONING,
    BUILD_ENVIRONMENT,
    CERTIFICATE,
    CONNECTION,
    DEPLOYMENT,
    DOMAIN_NAME,
    EIP,
    ENCRYPTION_BY_DEFAULT,
    EVENT_RULE,
    EVENT_TARGET,
    FUNCTION,
    GATEWAY_ACCOUNT,
    GROUP,
    IAM_ROLE,
    INSTANCE_PROFILE,
    INTERNET_GATEWAY,
    KEY,
    LAUNCH_TEMPLATE,
    LOG_GROUP,
    MANAGED_POLICY,
    MAPPING,
    METADATA_DEFAULTS,
    METHOD_SETTINGS,
    ORGANIZATION,
    PARAMETER,
    PERMISSION,
    PIPELINE,
    POLICY,
    POLICY_ATTACHMENT,
    PROJECT,
    PUBLIC_ACCESS_BLOCK,
    RECORD,
    REGION,
    REST_API,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    STAGE,
    SUBNET,
    SUBSCRIPTION,
    TABLE,
    TOPIC,
    TOPIC_POLICY,
    UNIT,
    VALIDATION,
    VPC,
    ZONE,
    World,
    archive,
    body,
    policy,
    trust,
)

READ_LOGS = policy({"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": "*"})
WRITE_LOGS = policy({"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"})
PUSH_LOGS = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
NO_DECRYPTION = policy(
    {
        "Effect": "Allow",
        "Principal": "*",
        "NotAction": ["kms:Decrypt", "kms:CreateGrant"],
        "Resource": "*",
    }
)
DENY = policy({"Effect": "Deny", "Action": "es:DeleteDomain", "Resource": "*"})
INVOKE = policy(
    {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
    }
)


@dataclass(frozen=True)
class Life:
    """The arguments at first and later (None: nothing changes in place), and the import id."""

    first: Callable[[World], Values]
    later: Callable[[World], Values] | None
    import_id: Callable[[Held], str] | None
    management: bool = False


def own_id(held: Held) -> str:
    return held.id


def joined(separator: str, *names: str) -> Callable[[Held], str]:
    return lambda held: separator.join(str(held.state[name]) for name in names)


def publish(topic: str, service: str) -> str:
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy(
        {"Effect": "Allow", "Principal": principal, "Action": "sns:Publish", "Resource": topic}
    )


def over_tls(bucket: str, action: str = "s3:*") -> str:
    return policy(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def encrypted(algorithm: str, **more: str) -> Values:
    return {"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm, **more}}


def pipeline(world: World, source: Values | None = None, *, approved: bool = False) -> Values:
    """A pipeline that a push to `develop` starts, unless a source says otherwise."""
    aws = {"owner": "AWS", "version": "1"}
    approval = {**aws, "name": "Approve", "category": "Approval", "provider": "Manual"}
    build = {
        **aws,
        "name": "Check",
        "category": "Build",
        "provider": "CodeBuild",
        "namespace": "Check",
        "inputArtifacts": ["source"],
        "configuration": {
            "ProjectName": world.project.state["name"],
            "EnvironmentVariables": '[{"name":"STEP","value":"check"}]',
        },
    }
    checkout = {
        **aws,
        "name": "Checkout",
        "category": "Source",
        "provider": "CodeStarSourceConnection",
        "outputArtifacts": ["source"],
        "configuration": {
            "ConnectionArn": world.connection.id,
            "FullRepositoryId": "example/cloud",
            "BranchName": "develop",
            "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
            "DetectChanges": "false",
        },
    }
    stages = {
        "Source": checkout,
        "Check": build,
        **({"Approve": approval} if approved else {}),
        "Update": {**build, "name": "Update", "namespace": "Update", "runOrder": 2},
    }
    push = {"branches": {"includes": ["develop"]}, "filePaths": {"excludes": ["docs/**"]}}
    git = {"sourceActionName": "Checkout", "pushes": [source or push]}
    key = {"id": world.key.state["arn"], "type": "KMS"}
    return {
        "name": "app-dev",
        "roleArn": world.pipeline_role.state["arn"],
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStores": [{"type": "S3", "location": world.bucket.id, "encryptionKey": key}],
        "stages": [{"name": name, "actions": [action]} for name, action in stages.items()],
        "triggers": [{"providerType": "CodeStarSourceConnection", "gitConfiguration": git}],
    }


LIVES: dict[str, Life] = {
    ORGANIZATION: Life(
        first=lambda _world: {},
        later=lambda _world: {"enabledPolicyTypes": ["SERVICE_CONTROL_POLICY"]},
        import_id=own_id,
        management=True,
    ),
    UNIT: Life(
        first=lambda world: {"name": "sandboxes", "parentId": world.root},
        later=lambda world: {"name": "trials", "parentId": world.root, "tags": {"team": "cloud"}},
        import_id=own_id,
        management=True,
    ),
    ACCOUNT: Life(
        first=lambda world: {
            "name": "prod",
            "email": "aws-prod@example.com",
            "parentId": world.root,
            "closeOnDeletion": True,
        },
        later=lambda world: {
            "name": "prod",
            "email": "aws-prod@example.com",
            "parentId": world.unit.id,
            "closeOnDeletion": True,
            "tags": {"stage": "prod"},
        },
        import_id=own_id,
        management=True,
    ),
    POLICY: Life(
        first=lambda world: world.organization and {"name": "search", "content": DENY},
        later=lambda _world: {"name": "domains", "content": DENY, "description": "Data."},
        import_id=own_id,
        management=True,
    ),
    POLICY_ATTACHMENT: Life(
        first=lambda world: {"policyId": world.guard_rail.id, "targetId": world.unit.id},
        later=None,
        import_id=joined(":", "targetId", "policyId"),
        management=True,
    ),
    ZONE: Life(
        first=lambda _world: {"name": "example.org", "tags": {"a": "1", "b": "2"}},
        later=lambda _world: {"name": "example.org", "comment": "Ours", "tags": {"b": "3"}},
        import_id=own_id,
    ),
    RECORD: Life(
        first=lambda world: {
            "zoneId": world.zone.id,
            "name": "text.example.com",
            "type": "TXT",
            "ttl": 60,
            "records": ["one", "two"],
        },
        later=lambda world: {
            "zoneId": world.zone.id,
            "name": "text.example.com",
            "type": "TXT",
            "ttl": 300,
            "records": ["two"],
        },
        import_id=joined("_", "zoneId", "name", "type"),
    ),
    IAM_ROLE: Life(
        first=lambda _world: {
            "name": "logger",
            "assumeRolePolicy": trust("lambda"),
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "name": "logger",
            "assumeRolePolicy": trust("apigateway"),
            "description": "Writes logs",
            "maxSessionDuration": 7200,
        },
        import_id=own_id,
    ),
    ROLE_POLICY: Life(
        first=lambda world: {"role": world.role.id, "name": "logs", "policy": READ_LOGS},
        later=lambda world: {"role": world.role.id, "name": "logs", "policy": WRITE_LOGS},
        import_id=joined(":", "role", "name"),
    ),
    ROLE_ATTACHMENT: Life(
        first=lambda world: {"role": world.role.id, "policyArn": PUSH_LOGS},
        later=None,
        import_id=joined("/", "role", "policyArn"),
    ),
    CERTIFICATE: Life(
        first=lambda _world: {
            "domainName": "www.example.com",
            "validationMethod": "DNS",
            "subjectAlternativeNames": ["example.com"],
        },
        later=lambda _world: {
            "domainName": "www.example.com",
            "validationMethod": "DNS",
            "subjectAlternativeNames": ["example.com"],
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    VALIDATION: Life(
        first=lambda world: {
            "certificateArn": world.certificate.id,
            "validationRecordFqdns": [world.validation_record.state["fqdn"]],
        },
        later=None,
        import_id=None,
    ),
    REST_API: Life(
        first=lambda world: {
            "name": "items",
            "body": body(world.function.state["arn"], title="another name"),
            "endpointConfiguration": {"types": "REGIONAL"},
            "disableExecuteApiEndpoint": True,
            "policy": INVOKE,
            "tags": {"a": "1"},
        },
        later=lambda world: {
            "name": "things",
            "body": body(world.function.state["arn"], title="things"),
            "endpointConfiguration": {"types": "REGIONAL", "ipAddressType": "dualstack"},
            "disableExecuteApiEndpoint": True,
            "policy": INVOKE,
            "description": "Things",
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    DEPLOYMENT: Life(
        first=lambda world: {"restApi": world.rest_api.id, "description": "first"},
        later=lambda world: {"restApi": world.rest_api.id, "description": "later"},
        import_id=lambda held: f"{held.state['restApi']}/{held.id}",
    ),
    STAGE: Life(
        first=lambda world: (
            world.let_the_gateway_log()
            or {
                "restApi": world.rest_api.id,
                "deployment": world.deployment.id,
                "stageName": "next",
                "variables": {"a": "1", "b": "2"},
                "accessLogSettings": {
                    "destinationArn": world.log_group.state["arn"],
                    "format": "$context.requestId",
                },
            }
        ),
        later=lambda world: {
            "restApi": world.rest_api.id,
            "deployment": world.deployment.id,
            "stageName": "next",
            "variables": {"b": "3"},
            "description": "Next",
            "accessLogSettings": {
                "destinationArn": world.log_group.state["arn"],
                "format": "$context.status",
            },
            "tags": {"a": "1"},
        },
        import_id=joined("/", "restApi", "stageName"),
    ),
    METHOD_SETTINGS: Life(
        first=lambda world: {
            "restApi": world.rest_api.id,
            "stageName": world.stage.state["stageName"],
            "methodPath": "*/*",
            "settings": {"throttlingBurstLimit": 10, "throttlingRateLimit": 5.5},
        },
        later=lambda world: {
            "restApi": world.rest_api.id,
            "stageName": world.stage.state["stageName"],
            "methodPath": "*/*",
            "settings": {"throttlingBurstLimit": 20, "throttlingRateLimit": 5},
        },
        import_id=joined("/", "restApi", "stageName", "methodPath"),
    ),
    DOMAIN_NAME: Life(
        first=lambda world: {
            "domainName": "www.example.com",
            "regionalCertificateArn": world.issued.state["certificateArn"],
            "endpointConfiguration": {"types": "REGIONAL"},
        },
        later=lambda world: {
            "domainName": "www.example.com",
            "regionalCertificateArn": world.issued.state["certificateArn"],
            "endpointConfiguration": {"types": "REGIONAL", "ipAddressType": "dualstack"},
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    MAPPING: Life(
        first=lambda world: {
            "domainName": world.domain_name.id,
            "restApi": world.rest_api.id,
            "stageName": world.stage.state["stageName"],
        },
        later=lambda world: {"domainName": world.domain_name.id, "restApi": world.rest_api.id},
        import_id=lambda held: f"{held.state['domainName']}/",
    ),
    GATEWAY_ACCOUNT: Life(
        first=lambda _world: {},
        later=lambda world: {"cloudwatchRoleArn": world.gateway_role.state["arn"]},
        import_id=own_id,
    ),
    FUNCTION: Life(
        first=lambda world: {
            "name": "items",
            "role": world.role.state["arn"],
            "code": archive("first"),
            "handler": "handler.handle",
            "runtime": "python3.13",
            "architectures": ["arm64"],
            "environment": {"variables": {"A": "1", "B": "2"}},
            "loggingConfig": {"logFormat": "JSON", "logGroup": world.log_group.id},
        },
        later=lambda world: {
            "name": "items",
            "role": world.role.state["arn"],
            "code": archive("later"),
            "handler": "handler.handle",
            "runtime": "python3.13",
            "architectures": ["arm64"],
            "environment": {"variables": {"B": "3"}},
            "loggingConfig": {"logFormat": "JSON", "logGroup": world.log_group.id},
            "memorySize": 256,
            "reservedConcurrentExecutions": 5,
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    PERMISSION: Life(
        first=lambda world: {
            "action": "lambda:InvokeFunction",
            "statementId": "gateway",
            "function": world.function.id,
            "principal": "apigateway.amazonaws.com",
            "sourceArn": f"{world.rest_api.state['executionArn']}/*/*",
        },
        later=None,
        import_id=joined("/", "function", "statementId"),
    ),
    LOG_GROUP: Life(
        first=lambda _world: {"name": "/items/access"},
        later=lambda _world: {
            "name": "/items/access",
            "retentionInDays": 30,
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    INSTANCE_PROFILE: Life(
        first=lambda world: {"name": "hosts", "role": world.role.id, "tags": {"a": "1"}},
        later=lambda world: {"name": "hosts", "role": world.gateway_role.id, "tags": {"b": "2"}},
        import_id=own_id,
    ),
    GROUP: Life(
        first=lambda world: {
            "name": "hosts",
            "minSize": 1,
            "maxSize": 1,
            "vpcZoneIdentifiers": [world.public_subnet.id],
            "launchTemplate": {"id": world.template, "version": "1"},
            "healthCheckType": "EC2",
            "tags": [{"key": "Name", "value": "host", "propagateAtLaunch": True}],
        },
        later=lambda world: {
            "name": "hosts",
            "minSize": 1,
            "maxSize": 2,
            "desiredCapacity": 2,
            "vpcZoneIdentifiers": [world.public_subnet.id],
            "launchTemplate": {"id": world.template, "version": "2"},
            "instanceRefresh": {"strategy": "Rolling"},
            "healthCheckGracePeriod": 60,
            "tags": [{"key": "team", "value": "cloud", "propagateAtLaunch": False}],
        },
        import_id=own_id,
    ),
    KEY: Life(
        first=lambda _world: {"description": "Keys", "tags": {"a": "1"}},
        later=lambda _world: {
            "description": "The host's key",
            "policy": NO_DECRYPTION,
            "enableKeyRotation": True,
            "isEnabled": False,
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    PARAMETER: Life(
        first=lambda _world: {
            "name": "/vpn/peers/anna",
            "type": "String",
            "value": "KEY 10.8.0.2/32",
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "name": "/vpn/peers/anna",
            "type": "String",
            "value": "KEY 10.8.0.3/32",
            "description": "A laptop",
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    TOPIC: Life(
        first=lambda _world: {"name": "alarms", "tags": {"a": "1"}},
        later=lambda _world: {"name": "alarms", "displayName": "Alarms", "tags": {"b": "2"}},
        import_id=own_id,
    ),
    SUBSCRIPTION: Life(
        first=lambda world: {
            "topic": world.topic.id,
            "protocol": "sqs",
            "endpoint": "arn:aws:sqs:eu-central-1:222222222222:alarms",
        },
        later=None,
        import_id=own_id,
    ),
    ALARM: Life(
        first=lambda world: {
            "name": "no-host",
            "comparisonOperator": "LessThanThreshold",
            "evaluationPeriods": 3,
            "namespace": "VPN",
            "metricName": "HealthyHosts",
            "period": 60,
            "statistic": "Maximum",
            "threshold": 1,
            "treatMissingData": "breaching",
            "alarmActions": [world.topic.id],
            "dimensions": {"Group": "vpn"},
        },
        later=lambda world: {
            "name": "no-host",
            "comparisonOperator": "LessThanThreshold",
            "evaluationPeriods": 5,
            "namespace": "VPN",
            "metricName": "HealthyHosts",
            "period": 60,
            "statistic": "Maximum",
            "threshold": 0.5,
            "treatMissingData": "breaching",
            "okActions": [world.topic.id],
            "alarmDescription": "No host is healthy.",
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    TABLE: Life(
        first=lambda _world: {
            "name": "items",
            "attributes": [{"name": "id", "type": "S"}],
            "hashKey": "id",
            "billingMode": "PAY_PER_REQUEST",
            "pointInTimeRecovery": {"enabled": False},
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "name": "items",
            "attributes": [{"name": "id", "type": "S"}],
            "hashKey": "id",
            "billingMode": "PAY_PER_REQUEST",
            "pointInTimeRecovery": {"enabled": True},
            "ttl": {"attributeName": "expires", "enabled": True},
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    VPC: Life(
        first=lambda _world: {
            "cidrBlock": "10.1.0.0/16",
            "assignGeneratedIpv6CidrBlock": True,
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "cidrBlock": "10.1.0.0/16",
            "assignGeneratedIpv6CidrBlock": True,
            "enableDnsHostnames": True,
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    SUBNET: Life(
        first=lambda world: {
            "vpcId": world.vpc.id,
            "cidrBlock": "10.90.8.0/24",
            "ipv6CidrBlock": world.ipv6_block(8),
            "assignIpv6AddressOnCreation": True,
            "availabilityZone": f"{REGION}b",
        },
        later=lambda world: {
            "vpcId": world.vpc.id,
            "cidrBlock": "10.90.8.0/24",
            "ipv6CidrBlock": world.ipv6_block(8),
            "mapPublicIpOnLaunch": True,
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    INTERNET_GATEWAY: Life(
        first=lambda world: {"vpcId": world.vpc.id, "tags": {"a": "1"}},
        later=lambda world: {"vpcId": world.vpc.id, "tags": {"a": "2"}},
        import_id=own_id,
    ),
    ROUTE_TABLE: Life(
        first=lambda world: {
            "vpcId": world.vpc.id,
            "routes": [
                {"cidrBlock": "0.0.0.0/0", "gatewayId": world.internet_gateway.id},
                {"ipv6CidrBlock": "::/0", "gatewayId": world.internet_gateway.id},
            ],
            "tags": {"a": "1"},
        },
        later=lambda world: {
            "vpcId": world.vpc.id,
            "routes": [
                {"ipv6CidrBlock": "::/0", "gatewayId": world.internet_gateway.id},
                {"cidrBlock": "198.51.100.0/24", "gatewayId": world.internet_gateway.id},
            ],
        },
        import_id=own_id,
    ),
    ROUTE_TABLE_ASSOCIATION: Life(
        first=lambda world: {
            "subnetId": world.public_subnet.id,
            "routeTableId": world.route_table.id,
        },
        later=None,  # another table gives it another id, as `test_networks.py` has it
        import_id=joined("/", "subnetId", "routeTableId"),
    ),
    SECURITY_GROUP: Life(
        first=lambda world: {
            "name": "door",
            "vpcId": world.vpc.id,
            "ingress": [
                {
                    "description": "WireGuard",
                    "protocol": "udp",
                    "fromPort": 51820,
                    "toPort": 51820,
                    "cidrBlocks": ["0.0.0.0/0"],
                }
            ],
            "egress": [
                {
                    "protocol": "-1",
                    "fromPort": 0,
                    "toPort": 0,
                    "cidrBlocks": ["0.0.0.0/0"],
                    "ipv6CidrBlocks": ["::/0"],
                }
            ],
        },
        later=lambda world: {
            "name": "door",
            "vpcId": world.vpc.id,
            "ingress": [
                {
                    "description": "Peers",
                    "protocol": "udp",
                    "fromPort": 51820,
                    "toPort": 51820,
                    "cidrBlocks": ["0.0.0.0/0"],
                },
                {
                    "protocol": "tcp",
                    "fromPort": 443,
                    "toPort": 443,
                    "cidrBlocks": ["198.51.100.0/24", "192.0.2.0/24"],
                    "securityGroups": [world.vpc.state["defaultSecurityGroupId"]],
                    "self": True,
                },
            ],
            "egress": [
                {
                    "protocol": "tcp",
                    "fromPort": 443,
                    "toPort": 443,
                    "cidrBlocks": ["0.0.0.0/0"],
                }
            ],
            "tags": {"a": "1"},
        },
        import_id=own_id,
    ),
    ALIAS: Life(
        first=lambda world: {"name": "alias/state", "targetKeyId": world.key.state["arn"]},
        later=lambda world: {
            "name": "alias/state",
            "targetKeyId": world.member.create(KEY, {"description": "Another"}).id,
        },
        import_id=own_id,
    ),
    MANAGED_POLICY: Life(
        first=lambda _world: {
            "name": "deploy-boundary",
            "description": "What a deployment may do",
            "policy": READ_LOGS,
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "name": "deploy-boundary",
            "description": "What a deployment may do",
            "policy": WRITE_LOGS,
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    TOPIC_POLICY: Life(
        first=lambda world: {"arn": world.topic.id, "policy": publish(world.topic.id, "events")},
        later=lambda world: {"arn": world.topic.id, "policy": publish(world.topic.id, "budgets")},
        import_id=own_id,
    ),
    BUCKET: Life(
        first=lambda _world: {"bucket": "state-of-tests", "tags": {"a": "1", "b": "2"}},
        later=lambda _world: {"bucket": "state-of-tests", "tags": {"b": "3"}},
        import_id=own_id,
    ),
    BUCKET_VERSIONING: Life(
        first=lambda world: {
            "bucket": world.bucket.id,
            "versioningConfiguration": {"status": "Enabled"},
        },
        later=lambda world: {
            "bucket": world.bucket.id,
            "versioningConfiguration": {"status": "Suspended"},
        },
        import_id=own_id,
    ),
    BUCKET_ENCRYPTION: Life(
        first=lambda world: {"bucket": world.bucket.id, "rules": [encrypted("AES256")]},
        later=lambda world: {
            "bucket": world.bucket.id,
            "rules": [
                {
                    **encrypted("aws:kms", kmsMasterKeyId=world.key.state["arn"]),
                    "bucketKeyEnabled": True,
                }
            ],
        },
        import_id=own_id,
    ),
    PUBLIC_ACCESS_BLOCK: Life(
        first=lambda world: {
            "bucket": world.bucket.id,
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
        },
        later=lambda world: {
            "bucket": world.bucket.id,
            "blockPublicAcls": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
        import_id=own_id,
    ),
    ACCOUNT_ACCESS_BLOCK: Life(
        first=lambda _world: {"blockPublicAcls": True, "blockPublicPolicy": True},
        later=lambda _world: {
            "blockPublicAcls": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
        import_id=own_id,
    ),
    ENCRYPTION_BY_DEFAULT: Life(
        first=lambda _world: {},
        later=lambda _world: {"enabled": False},
        import_id=own_id,
    ),
    METADATA_DEFAULTS: Life(
        first=lambda _world: {"httpTokens": "required", "httpPutResponseHopLimit": 2},
        later=lambda _world: {"httpTokens": "required", "instanceMetadataTags": "enabled"},
        import_id=None,
    ),
    BUCKET_OWNERSHIP: Life(
        first=lambda world: {
            "bucket": world.bucket.id,
            "rule": {"objectOwnership": "BucketOwnerPreferred"},
        },
        later=lambda world: {
            "bucket": world.bucket.id,
            "rule": {"objectOwnership": "BucketOwnerEnforced"},
        },
        import_id=own_id,
    ),
    BUCKET_POLICY: Life(
        first=lambda world: {"bucket": world.bucket.id, "policy": over_tls(world.bucket.id)},
        later=lambda world: {
            "bucket": world.bucket.id,
            "policy": over_tls(world.bucket.id, "s3:PutObject"),
        },
        import_id=own_id,
    ),
    BUCKET_LIFECYCLE: Life(
        first=lambda world: {
            "bucket": world.bucket.id,
            "rules": [
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ".pulumi/"},
                    "noncurrentVersionExpiration": {"noncurrentDays": 90},
                }
            ],
        },
        later=lambda world: {
            "bucket": world.bucket.id,
            "rules": [
                {
                    "id": "uploads",
                    "status": "Enabled",
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                },
                {"id": "artifacts", "status": "Disabled", "expiration": {"days": 30}},
                {
                    "id": "markers",
                    "status": "Enabled",
                    "expiration": {"expiredObjectDeleteMarker": True},
                },
            ],
        },
        import_id=own_id,
    ),
    CONNECTION: Life(
        first=lambda _world: {"name": "code", "providerType": "GitHub", "tags": {"a": "1"}},
        later=lambda _world: {"name": "code", "providerType": "GitHub", "tags": {"b": "2"}},
        import_id=own_id,
    ),
    PROJECT: Life(
        first=lambda world: {
            "name": "app-dev",
            "serviceRole": world.build_role.state["arn"],
            "artifacts": {"type": "CODEPIPELINE"},
            "source": {"type": "CODEPIPELINE", "buildspec": "pipelines/build.yml"},
            "environment": BUILD_ENVIRONMENT,
            "logsConfig": {"cloudwatchLogs": {"groupName": "/pipelines/app-dev"}},
            "concurrentBuildLimit": 1,
            "tags": {"a": "1"},
        },
        later=lambda world: {
            "name": "app-dev",
            "description": "Deploys app/dev",
            "serviceRole": world.build_role.state["arn"],
            "artifacts": {"type": "CODEPIPELINE"},
            "source": {"type": "CODEPIPELINE", "buildspec": "pipelines/other.yml"},
            "environment": {
                **BUILD_ENVIRONMENT,
                "environmentVariables": [{"name": "STACK", "value": "app/stage"}],
            },
            "cache": {"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]},
            "encryptionKey": world.key.state["arn"],
            "buildTimeout": 30,
            "queuedTimeout": 60,
            "tags": {"b": "2"},
        },
        import_id=joined("", "name"),
    ),
    PIPELINE: Life(
        first=pipeline,
        later=lambda world: {
            **pipeline(world, source={"branches": {"includes": ["main"]}}, approved=True),
            "variables": [{"name": "REASON", "defaultValue": "push", "description": "Why"}],
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    EVENT_RULE: Life(
        first=lambda _world: {
            "name": "failures",
            "eventPattern": '{"source": ["aws.codepipeline"], "detail": {"state": ["FAILED"]}}',
            "description": "What failed",
            "tags": {"a": "1"},
        },
        later=lambda _world: {
            "name": "failures",
            "scheduleExpression": "cron(0 4 * * ? *)",
            "state": "DISABLED",
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
    EVENT_TARGET: Life(
        first=lambda world: {
            "rule": world.event_rule.id,
            "targetId": "topic",
            "arn": world.topic.id,
            "inputTransformer": {
                "inputPaths": {"state": "$.detail.state"},
                "inputTemplate": '"It is <state>."',
            },
        },
        later=lambda world: {
            "rule": world.event_rule.id,
            "targetId": "topic",
            "arn": world.topic.id,
            "input": '"It happened."',
        },
        import_id=joined("/", "rule", "targetId"),
    ),
    EIP: Life(
        first=lambda _world: {"domain": "vpc", "tags": {"a": "1"}},
        later=lambda _world: {"domain": "vpc", "tags": {"b": "2"}},
        import_id=own_id,
    ),
    LAUNCH_TEMPLATE: Life(
        first=lambda world: {
            "name": "host",
            "description": "First",
            "imageId": "ami-0123456789abcdef0",
            "instanceType": "t4g.nano",
            "userData": "Zmlyc3Q=",
            "metadataOptions": {"httpTokens": "required"},
            "monitoring": {"enabled": True},
            "tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "host"}}],
            "vpcSecurityGroupIds": [world.vpc.state["defaultSecurityGroupId"]],
            "updateDefaultVersion": True,
            "tags": {"a": "1"},
        },
        later=lambda world: {
            "name": "host",
            "imageId": "ami-0123456789abcdef0",
            "instanceType": "t4g.micro",
            "userData": "bGF0ZXI=",
            "blockDeviceMappings": [
                {
                    "deviceName": "/dev/xvda",
                    "ebs": {
                        "deleteOnTermination": "true",
                        "encrypted": "false",
                        "volumeSize": 8,
                        "volumeType": "gp3",
                    },
                }
            ],
            "creditSpecification": {"cpuCredits": "standard"},
            "iamInstanceProfile": {"name": "host"},
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "networkInterfaces": [
                {
                    "associatePublicIpAddress": "true",
                    "deviceIndex": 0,
                    "ipv6AddressCount": 1,
                    "securityGroups": [world.vpc.state["defaultSecurityGroupId"]],
                    "subnetId": world.public_subnet.id,
                }
            ],
            "tagSpecifications": [
                {"resourceType": "instance", "tags": {"Name": "host"}},
                {"resourceType": "volume", "tags": {"Name": "host", "disk": "1"}},
            ],
            "updateDefaultVersion": True,
            "tags": {"b": "2"},
        },
        import_id=own_id,
    ),
}

WRITE_ONLY = {
    ACCOUNT: {"closeOnDeletion"},
    FUNCTION: {"code"},
    GROUP: {"instanceRefresh"},
    LAUNCH_TEMPLATE: {"updateDefaultVersion"},
    REST_API: {"body"},
}
"""What AWS does not tell, so that the first update after an import says it again."""


LASTING = {
    BUCKET_VERSIONING,
    ENCRYPTION_BY_DEFAULT,
    GATEWAY_ACCOUNT,
    TOPIC_POLICY,
    VALIDATION,
}
"""What is no object of AWS that could be gone, but a setting that always has some value."""


def test_every_type_that_is_carried_has_a_life_here() -> None:
    assert LIVES.keys() == RESOURCES.keys()


@pytest.fixture(params=sorted(LIVES))
def type_(request: pytest.FixtureRequest) -> str:
    return request.param


def unchanged(engine: Engine, held: Held, inputs: Values) -> bool:
    return engine.diff(held, inputs) == Difference(
        changes=False, replaces=[], detailed={}, delete_before_replace=False
    )


def test_a_life_from_creation_to_deletion(type_: str, request: pytest.FixtureRequest) -> None:
    life, resource = LIVES[type_], RESOURCES[type_]
    fixture = "empty_world" if type_ == ORGANIZATION else "world"
    world: World = request.getfixturevalue(fixture)
    engine = world.management if life.management else world.member
    first = life.first(world)

    preview = engine.preview_create(type_, first)
    assert {name: preview[name] for name in first} == resource.understood(first)
    unknown = {name for name, value in preview.items() if value is UNKNOWN}
    assert unknown >= {*resource.outputs} - {"tagsAll"}

    held = engine.create(type_, first)
    assert held.id
    assert held.state.keys() >= {*first, *resource.outputs}
    assert unchanged(engine, held, first)
    assert engine.refresh(held) == held

    if life.later:
        later = life.later(world)
        difference = engine.diff(held, later)
        assert difference.changes
        assert difference.replaces == []
        preview = engine.preview_update(held, later)
        stable = {*resource.outputs} - {*resource.volatile} - {"tagsAll"}
        assert {name: preview[name] for name in stable} == {
            name: held.state[name] for name in stable
        }
        held = engine.update(held, later)
        assert unchanged(engine, held, later)
        assert engine.refresh(held) == held
        first = later

    if life.import_id:
        adopted: Any = engine.adopt(type_, life.import_id(held))
        assert adopted.id == held.id
        adopted_inputs = engine.diff(adopted, adopted.inputs)
        assert adopted_inputs.detailed == {}
        assert set(engine.diff(adopted, first).detailed) == WRITE_ONLY.get(type_, set())

    engine.delete(held)
    if type_ not in LASTING:
        assert engine.refresh(held) is None
        if life.import_id:
            assert engine.adopt(type_, life.import_id(held)) is None
    engine.delete(held)
