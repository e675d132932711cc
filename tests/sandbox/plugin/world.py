"""What most resources need to exist first, each made through the plugin when it is asked for."""

import json
from contextlib import ExitStack
from functools import cached_property
from ipaddress import IPv6Network
from itertools import islice
from typing import Any, Self

import boto3

from sandbox.plugin.values import ARCHIVE, ASSET, SIGNATURE, Values
from tests.sandbox.plugin.engine import Engine, Held, plugin

MANAGEMENT = "111111111111"
REGION = "eu-central-1"
ROLE = "OrganizationAccountAccessRole"

ORGANIZATION = "aws:organizations/organization:Organization"
UNIT = "aws:organizations/organizationalUnit:OrganizationalUnit"
ACCOUNT = "aws:organizations/account:Account"
POLICY = "aws:organizations/policy:Policy"
POLICY_ATTACHMENT = "aws:organizations/policyAttachment:PolicyAttachment"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
IAM_ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
REST_API = "aws:apigateway/restApi:RestApi"
DEPLOYMENT = "aws:apigateway/deployment:Deployment"
STAGE = "aws:apigateway/stage:Stage"
METHOD_SETTINGS = "aws:apigateway/methodSettings:MethodSettings"
DOMAIN_NAME = "aws:apigateway/domainName:DomainName"
MAPPING = "aws:apigateway/basePathMapping:BasePathMapping"
ENCRYPTION_BY_DEFAULT = "aws:ebs/encryptionByDefault:EncryptionByDefault"
METADATA_DEFAULTS = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
GATEWAY_ACCOUNT = "aws:apigateway/account:Account"
FUNCTION = "aws:lambda/function:Function"
PERMISSION = "aws:lambda/permission:Permission"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TABLE = "aws:dynamodb/table:Table"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE_TABLE_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
EIP = "aws:ec2/eip:Eip"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INSTANCE_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
GROUP = "aws:autoscaling/group:Group"
KEY = "aws:kms/key:Key"
PARAMETER = "aws:ssm/parameter:Parameter"
TOPIC = "aws:sns/topic:Topic"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ALIAS = "aws:kms/alias:Alias"
MANAGED_POLICY = "aws:iam/policy:Policy"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
ACCOUNT_ACCESS_BLOCK = "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
PUBLIC_ACCESS_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
CONNECTION = "aws:codeconnections/connection:Connection"
PROJECT = "aws:codebuild/project:Project"
PIPELINE = "aws:codepipeline/pipeline:Pipeline"
EVENT_RULE = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"


BUILD_ENVIRONMENT: Values = {
    "type": "ARM_CONTAINER",
    "computeType": "BUILD_GENERAL1_SMALL",
    "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
    "environmentVariables": [
        {"name": "STACK", "value": "app/dev"},
        {"name": "DEPLOY_ROLE", "value": "deploy"},
    ],
}


def policy(*statements: Values) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str) -> str:
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def archive(text: str) -> Values:
    """An archive of one file, with the hashes that the engine would put on it."""
    asset = {SIGNATURE: ASSET, "hash": f"asset {text}", "text": text}
    return {SIGNATURE: ARCHIVE, "hash": f"archive {text}", "assets": {"handler.py": asset}}


def body(function_arn: str, title: str = "items") -> str:
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri}
    get = {"responses": {}, "x-amazon-apigateway-integration": integration}
    info = {"title": title, "version": "1"}
    return json.dumps({"openapi": "3.0.1", "info": info, "paths": {"/items": {"get": get}}})


class World:
    """A management account and a member account with a provider in each."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def provider(self, **settings: object) -> Engine:
        engine = self._stack.enter_context(plugin())
        encoded = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in settings.items()
        }
        engine.configure({"region": REGION} | encoded)
        return engine

    def member_provider(self, **settings: object) -> Engine:
        role = {"roleArn": f"arn:aws:iam::{self.account.id}:role/{ROLE}", "sessionName": "test"}
        return self.provider(assumeRoles=[role], allowedAccountIds=[self.account.id], **settings)

    @cached_property
    def management(self) -> Engine:
        return self.provider(allowedAccountIds=[MANAGEMENT])

    @cached_property
    def member(self) -> Engine:
        return self.member_provider()

    def client(self, service: str) -> Any:
        """A client of boto3 in the member account: what happens behind the engine's back."""
        make: Any = boto3.client
        arn = f"arn:aws:iam::{self.account.id}:role/{ROLE}"
        keys = make("sts", region_name=REGION).assume_role(RoleArn=arn, RoleSessionName="test")[
            "Credentials"
        ]
        return make(
            service,
            region_name=REGION,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    @cached_property
    def organization(self) -> Held:
        types = ["SERVICE_CONTROL_POLICY"]
        return self.management.create(ORGANIZATION, {"enabledPolicyTypes": types})

    @property
    def root(self) -> str:
        return self.organization.state["roots"][0]["id"]

    @cached_property
    def unit(self) -> Held:
        return self.management.create(UNIT, {"name": "workloads", "parentId": self.root})

    @cached_property
    def account(self) -> Held:
        assert self.organization
        inputs = {"name": "dev", "email": "aws-dev@example.com", "roleName": ROLE}
        return self.management.create(ACCOUNT, inputs)

    @cached_property
    def guard_rail(self) -> Held:
        content = policy({"Effect": "Deny", "Action": "qldb:DeleteLedger", "Resource": "*"})
        assert self.organization
        return self.management.create(POLICY, {"name": "data", "content": content})

    @cached_property
    def zone(self) -> Held:
        return self.member.create(ZONE, {"name": "example.com"})

    @cached_property
    def role(self) -> Held:
        return self.member.create(IAM_ROLE, {"assumeRolePolicy": trust("lambda")})

    @cached_property
    def template(self) -> str:
        """A launch template of two versions."""
        ec2 = self.client("ec2")
        arm = {"Name": "architecture", "Values": ["arm64"]}
        image = ec2.describe_images(Filters=[arm])["Images"][0]["ImageId"]
        data = {"ImageId": image, "InstanceType": "t4g.micro"}
        made = ec2.create_launch_template(LaunchTemplateName="vpn", LaunchTemplateData=data)
        template = made["LaunchTemplate"]["LaunchTemplateId"]
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
        return template

    @cached_property
    def key(self) -> Held:
        return self.member.create(KEY, {"description": "A key"})

    @cached_property
    def bucket(self) -> Held:
        return self.member.create(BUCKET, {"bucket": "artifacts-of-tests"})

    @cached_property
    def connection(self) -> Held:
        return self.member.create(CONNECTION, {"name": "host", "providerType": "GitHub"})

    @cached_property
    def build_role(self) -> Held:
        return self.member.create(IAM_ROLE, {"assumeRolePolicy": trust("codebuild")})

    @cached_property
    def pipeline_role(self) -> Held:
        return self.member.create(IAM_ROLE, {"assumeRolePolicy": trust("codepipeline")})

    @cached_property
    def project(self) -> Held:
        inputs = {
            "name": "build",
            "serviceRole": self.build_role.state["arn"],
            "artifacts": {"type": "CODEPIPELINE"},
            "source": {"type": "CODEPIPELINE", "buildspec": "pipelines/build.yml"},
            "environment": BUILD_ENVIRONMENT,
        }
        return self.member.create(PROJECT, inputs)

    @cached_property
    def event_rule(self) -> Held:
        pattern = json.dumps({"source": ["aws.codepipeline"]})
        return self.member.create(EVENT_RULE, {"name": "results", "eventPattern": pattern})

    @cached_property
    def topic(self) -> Held:
        return self.member.create(TOPIC, {})

    @cached_property
    def gateway_role(self) -> Held:
        role = self.member.create(IAM_ROLE, {"assumeRolePolicy": trust("apigateway")})
        arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        self.member.create(ROLE_ATTACHMENT, {"role": role.id, "policyArn": arn})
        return role

    def let_the_gateway_log(self) -> None:
        arn = self.gateway_role.state["arn"]
        self.member.create(GATEWAY_ACCOUNT, {"cloudwatchRoleArn": arn})

    @cached_property
    def log_group(self) -> Held:
        return self.member.create(LOG_GROUP, {"retentionInDays": 14})

    @cached_property
    def function(self) -> Held:
        inputs = {
            "role": self.role.state["arn"],
            "code": archive("first"),
            "handler": "handler.handle",
            "runtime": "python3.13",
        }
        return self.member.create(FUNCTION, inputs)

    @cached_property
    def rest_api(self) -> Held:
        inputs = {
            "body": body(self.function.state["arn"]),
            "endpointConfiguration": {"types": "REGIONAL"},
        }
        return self.member.create(REST_API, inputs)

    @cached_property
    def deployment(self) -> Held:
        return self.member.create(DEPLOYMENT, {"restApi": self.rest_api.id})

    @cached_property
    def stage(self) -> Held:
        inputs = {
            "restApi": self.rest_api.id,
            "deployment": self.deployment.id,
            "stageName": "live",
        }
        return self.member.create(STAGE, inputs)

    @cached_property
    def certificate(self) -> Held:
        inputs = {"domainName": "*.example.com", "validationMethod": "DNS"}
        return self.member.create(CERTIFICATE, inputs)

    @cached_property
    def validation_record(self) -> Held:
        option = self.certificate.state["domainValidationOptions"][0]
        inputs = {
            "zoneId": self.zone.id,
            "name": option["resourceRecordName"],
            "type": option["resourceRecordType"],
            "records": [option["resourceRecordValue"]],
            "ttl": 60,
        }
        return self.member.create(RECORD, inputs)

    @cached_property
    def issued(self) -> Held:
        inputs = {
            "certificateArn": self.certificate.id,
            "validationRecordFqdns": [self.validation_record.state["fqdn"]],
        }
        return self.member.create(VALIDATION, inputs)

    @cached_property
    def domain_name(self) -> Held:
        inputs = {
            "domainName": "api.example.com",
            "regionalCertificateArn": self.issued.state["certificateArn"],
            "endpointConfiguration": {"types": "REGIONAL"},
            "securityPolicy": "TLS_1_2",
        }
        return self.member.create(DOMAIN_NAME, inputs)

    @cached_property
    def vpc(self) -> Held:
        inputs = {"cidrBlock": "10.90.0.0/16", "assignGeneratedIpv6CidrBlock": True}
        return self.member.create(VPC, inputs)

    def ipv6_block(self, number: int) -> str:
        """A block for a subnet, out of the VPC's."""
        blocks = IPv6Network(self.vpc.state["ipv6CidrBlock"]).subnets(new_prefix=64)
        return str(next(islice(blocks, number, None)))

    @cached_property
    def public_subnet(self) -> Held:
        inputs = {
            "vpcId": self.vpc.id,
            "cidrBlock": "10.90.0.0/24",
            "ipv6CidrBlock": self.ipv6_block(0),
        }
        return self.member.create(SUBNET, inputs)

    @cached_property
    def internet_gateway(self) -> Held:
        return self.member.create(INTERNET_GATEWAY, {"vpcId": self.vpc.id})

    @cached_property
    def route_table(self) -> Held:
        return self.member.create(ROUTE_TABLE, {"vpcId": self.vpc.id})
