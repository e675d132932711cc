"""What a killed update left is looked up in AWS, and adopted or forgotten."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from sandbox import access, recovery
from sandbox.embedded import EmbeddedAws
from sandbox.plugin.catalogue import RESOURCES
from sandbox.problem import SandboxError

PROVIDER = {
    "urn": "urn:pulumi:dev::app::pulumi:providers:aws::account",
    "id": "p1",
    "type": "pulumi:providers:aws",
    "inputs": {"region": "eu-central-1"},
}
Make = Callable[[Callable[..., Any]], tuple[dict[str, Any], str]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    aws = EmbeddedAws(tmp_path_factory.mktemp("aws"))
    yield aws.start("111122223333", 0).url
    aws.stop()


@pytest.fixture
def client(url: str) -> Callable[..., Any]:
    return lambda service: boto3.client(service, **access.as_operator(url))


def pending(kind: str, inputs: dict[str, Any], name: str = "it") -> dict[str, Any]:
    return {
        "type": "creating",
        "resource": {
            "urn": f"urn:pulumi:dev::app::{kind}::{name}",
            "custom": True,
            "type": kind,
            "inputs": inputs,
            "parent": "urn:parent",
            "provider": f"{PROVIDER['urn']}::{PROVIDER['id']}",
        },
    }


def state(*operations: dict[str, Any], resources: tuple[dict[str, Any], ...] = ()) -> Any:
    return {
        "version": 3,
        "deployment": {
            "resources": [dict(it) for it in (PROVIDER, *resources)],
            "pending_operations": list(operations),
        },
    }


def role(client: Callable[..., Any], name: str, service: str = "lambda") -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return made["Role"]["Arn"]


def make_role(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    role(client, "r-1")
    return {"name": "r-1"}, "r-1"


def make_table(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("dynamodb").create_table(
        TableName="t-1",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return {"name": "t-1"}, "t-1"


def make_log_group(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("logs").create_log_group(logGroupName="l-1")
    return {"name": "l-1"}, "l-1"


def zone(client: Callable[..., Any], name: str) -> str:
    made = client("route53").create_hosted_zone(Name=name, CallerReference=name)
    return made["HostedZone"]["Id"].removeprefix("/hostedzone/")


def make_zone(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    return {"name": "Dev.example.com"}, zone(client, "dev.example.com")


def make_record(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    made = zone(client, "records.example.com")
    record = {
        "Name": "a.records.example.com",
        "Type": "TXT",
        "TTL": 60,
        "ResourceRecords": [{"Value": '"a"'}],
    }
    client("route53").change_resource_record_sets(
        HostedZoneId=made,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    inputs = {"zoneId": made, "name": "a.records.example.com", "type": "TXT"}
    return inputs, f"{made}_a.records.example.com_TXT"


def make_certificate(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    made = client("acm").request_certificate(
        DomainName="api.dev.example.com", ValidationMethod="DNS"
    )
    return {"domainName": "api.dev.example.com"}, made["CertificateArn"]


def rest_api(client: Callable[..., Any], name: str) -> str:
    api = client("apigateway")
    made: str = api.create_rest_api(name=name)["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    api.put_method(restApiId=made, resourceId=root, httpMethod="GET", authorizationType="NONE")
    api.put_integration(restApiId=made, resourceId=root, httpMethod="GET", type="MOCK")
    return made


def make_rest_api(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    return {"name": "api-1"}, rest_api(client, "api-1")


def make_deployment(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    api = rest_api(client, "api-2")
    made = client("apigateway").create_deployment(restApiId=api)["id"]
    return {"restApi": api}, f"{api}/{made}"


def make_stage(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    api = rest_api(client, "api-3")
    made = client("apigateway").create_deployment(restApiId=api)["id"]
    client("apigateway").create_stage(restApiId=api, stageName="s", deploymentId=made)
    return {"restApi": api, "stageName": "s"}, f"{api}/s"


def function(client: Callable[..., Any], name: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "")
    client("lambda").create_function(
        FunctionName=name,
        Role=role(client, f"role-of-{name}"),
        Runtime="python3.13",
        Handler="handler.handle",
        Code={"ZipFile": code.getvalue()},
    )


def make_function(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    function(client, "f-1")
    return {"name": "f-1"}, "f-1"


def make_permission(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    function(client, "f-2")
    client("lambda").add_permission(
        FunctionName="f-2",
        StatementId="s-1",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    inputs = {
        "function": "f-2",
        "action": "lambda:InvokeFunction",
        "principal": "apigateway.amazonaws.com",
    }
    return inputs, "f-2/s-1"


def make_instance_profile(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("iam").create_instance_profile(InstanceProfileName="i-1")
    return {"name": "i-1"}, "i-1"


def make_auto_scaling_group(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    arm = {"Name": "architecture", "Values": ["arm64"]}
    image = ec2.describe_images(Filters=[arm])["Images"][0]["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="g-1",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t4g.micro"},
    )
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="g-1",
        LaunchTemplate={"LaunchTemplateName": "g-1"},
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=subnet,
    )
    return {"name": "g-1"}, "g-1"


def make_key(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    kms = client("kms")
    kms.create_key(Description="k-2")
    deleted = kms.create_key(Description="k-1")["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=deleted)
    made = kms.create_key(Description="k-1")
    return {"description": "k-1"}, made["KeyMetadata"]["KeyId"]


def make_parameter(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("ssm").put_parameter(Name="/p/1", Type="String", Value="a")
    return {"name": "/p/1"}, "/p/1"


def make_topic(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("sns").create_topic(Name="not-topic-1")
    return {"name": "topic-1"}, client("sns").create_topic(Name="topic-1")["TopicArn"]


def make_alarm(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("cloudwatch").put_metric_alarm(
        AlarmName="a-1",
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=1,
        MetricName="m",
        Namespace="n",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    return {"name": "a-1"}, "a-1"


def make_managed_policy(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    made = client("iam").create_policy(PolicyName="mp-1", PolicyDocument=json.dumps(document))
    return {"name": "mp-1"}, made["Policy"]["Arn"]


def make_alias(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/a-1", TargetKeyId=key)
    return {"name": "alias/a-1"}, "alias/a-1"


def bucket(client: Callable[..., Any], name: str) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)


def make_bucket(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    bucket(client, "b-1-of-another-name")
    bucket(client, "bucket-1")
    return {"bucket": "bucket-1"}, "bucket-1"


def connection(client: Callable[..., Any], name: str) -> str:
    made = client("codeconnections").create_connection(ConnectionName=name, ProviderType="GitHub")
    return made["ConnectionArn"]


def make_connection(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    connection(client, "c-2")
    return {"name": "c-1"}, connection(client, "c-1")


def project(client: Callable[..., Any], name: str) -> str:
    made = client("codebuild").create_project(
        name=name,
        serviceRole=role(client, f"role-of-{name}", "codebuild"),
        artifacts={"type": "CODEPIPELINE"},
        source={"type": "CODEPIPELINE"},
        environment={
            "type": "ARM_CONTAINER",
            "computeType": "BUILD_GENERAL1_SMALL",
            "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
        },
    )
    return made["project"]["arn"]


def make_project(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    return {"name": "project-1"}, project(client, "project-1")


def make_pipeline(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    project(client, "project-2")
    bucket(client, "artifacts-of-pipeline-1")
    source = {
        "name": "Checkout",
        "actionTypeId": action_type("Source", "CodeStarSourceConnection"),
        "configuration": {
            "ConnectionArn": connection(client, "c-3"),
            "FullRepositoryId": "example/cloud",
            "BranchName": "main",
        },
        "outputArtifacts": [{"name": "source"}],
    }
    build = {
        "name": "Check",
        "actionTypeId": action_type("Build", "CodeBuild"),
        "configuration": {"ProjectName": "project-2"},
        "inputArtifacts": [{"name": "source"}],
    }
    stages = [{"name": "Source", "actions": [source]}, {"name": "Check", "actions": [build]}]
    client("codepipeline").create_pipeline(
        pipeline={
            "name": "pipeline-1",
            "roleArn": role(client, "role-of-pipeline-1", "codepipeline"),
            "artifactStore": {"type": "S3", "location": "artifacts-of-pipeline-1"},
            "stages": stages,
        }
    )
    return {"name": "pipeline-1"}, "pipeline-1"


def action_type(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def event_rule(client: Callable[..., Any], name: str) -> None:
    client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")


def make_event_rule(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    event_rule(client, "rule-1")
    return {"name": "rule-1", "eventBusName": "default"}, "rule-1"


def make_event_target(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    topics = {it: client("sns").create_topic(Name=it)["TopicArn"] for it in ("to-1", "to-2")}
    event_rule(client, "rule-2")
    targets = [{"Id": name, "Arn": arn} for name, arn in topics.items()]
    client("events").put_targets(Rule="rule-2", Targets=targets)
    inputs = {"rule": "rule-2", "eventBusName": "default", "arn": topics["to-2"]}
    return inputs, "rule-2/to-2"


def make_event_target_with_an_id(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    inputs, _expected = make_event_target(client)
    return {**inputs, "targetId": "to-1"}, "rule-2/to-1"


TAGS = {"project": "corp", "stack": "main"}


def tags(kind: str) -> Any:
    pairs = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    return [{"ResourceType": kind, "Tags": pairs}]


def vpc(client: Callable[..., Any], cidr: str) -> str:
    made = client("ec2").create_vpc(CidrBlock=cidr, TagSpecifications=tags("vpc"))
    return made["Vpc"]["VpcId"]


def make_vpc(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("ec2").create_vpc(CidrBlock="10.11.0.0/16")
    return {"cidrBlock": "10.11.0.0/16", "tagsAll": TAGS}, vpc(client, "10.11.0.0/16")


def make_subnet(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    inputs = {"vpcId": vpc(client, "10.12.0.0/16"), "cidrBlock": "10.12.1.0/24"}
    ec2 = client("ec2")
    ec2.create_subnet(VpcId=inputs["vpcId"], CidrBlock="10.12.2.0/24")
    made = ec2.create_subnet(VpcId=inputs["vpcId"], CidrBlock=inputs["cidrBlock"])
    return inputs, made["Subnet"]["SubnetId"]


def make_internet_gateway(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    ec2, mine = client("ec2"), vpc(client, "10.13.0.0/16")
    other, made = (
        ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway"))["InternetGateway"]
        for _ in range(2)
    )
    attached = vpc(client, "10.14.0.0/16")
    ec2.attach_internet_gateway(InternetGatewayId=other["InternetGatewayId"], VpcId=attached)
    return {"vpcId": mine, "tagsAll": TAGS}, made["InternetGatewayId"]


def make_route_table(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    mine = vpc(client, "10.15.0.0/16")
    return {"vpcId": mine}, client("ec2").create_route_table(VpcId=mine)["RouteTable"][
        "RouteTableId"
    ]


def make_route_table_association(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    inputs, subnet = make_subnet(client)
    ec2 = client("ec2")
    table = ec2.create_route_table(VpcId=inputs["vpcId"])["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return {"subnetId": subnet, "routeTableId": table}, f"{subnet}/{table}"


def make_security_group(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    ec2 = client("ec2")
    other, mine = (
        ec2.create_security_group(GroupName="g", Description="d", VpcId=it)["GroupId"]
        for it in (vpc(client, "10.16.0.0/16"), vpc(client, "10.17.0.0/16"))
    )
    assert other != mine
    found = ec2.describe_security_groups(GroupIds=[mine])["SecurityGroups"][0]
    return {"name": "g", "vpcId": found["VpcId"]}, mine


def make_elastic_ip(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    client("ec2").allocate_address(Domain="vpc")
    made = client("ec2").allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip"))
    return {"tagsAll": TAGS}, made["AllocationId"]


def make_launch_template(client: Callable[..., Any]) -> tuple[dict[str, Any], str]:
    made = client("ec2").create_launch_template(
        LaunchTemplateName="lt-1", LaunchTemplateData={"InstanceType": "t4g.nano"}
    )
    return {"name": "lt-1"}, made["LaunchTemplate"]["LaunchTemplateId"]


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("aws:acm/certificate:Certificate", make_certificate),
        ("aws:apigateway/deployment:Deployment", make_deployment),
        ("aws:apigateway/restApi:RestApi", make_rest_api),
        ("aws:apigateway/stage:Stage", make_stage),
        ("aws:autoscaling/group:Group", make_auto_scaling_group),
        ("aws:cloudwatch/eventRule:EventRule", make_event_rule),
        ("aws:cloudwatch/eventTarget:EventTarget", make_event_target),
        ("aws:cloudwatch/eventTarget:EventTarget", make_event_target_with_an_id),
        ("aws:cloudwatch/logGroup:LogGroup", make_log_group),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", make_alarm),
        ("aws:codebuild/project:Project", make_project),
        ("aws:codeconnections/connection:Connection", make_connection),
        ("aws:codepipeline/pipeline:Pipeline", make_pipeline),
        ("aws:dynamodb/table:Table", make_table),
        ("aws:iam/instanceProfile:InstanceProfile", make_instance_profile),
        ("aws:ec2/eip:Eip", make_elastic_ip),
        ("aws:ec2/internetGateway:InternetGateway", make_internet_gateway),
        ("aws:ec2/launchTemplate:LaunchTemplate", make_launch_template),
        ("aws:ec2/routeTable:RouteTable", make_route_table),
        ("aws:ec2/routeTableAssociation:RouteTableAssociation", make_route_table_association),
        ("aws:ec2/securityGroup:SecurityGroup", make_security_group),
        ("aws:ec2/subnet:Subnet", make_subnet),
        ("aws:ec2/vpc:Vpc", make_vpc),
        ("aws:iam/policy:Policy", make_managed_policy),
        ("aws:iam/role:Role", make_role),
        ("aws:kms/alias:Alias", make_alias),
        ("aws:kms/key:Key", make_key),
        ("aws:lambda/function:Function", make_function),
        ("aws:lambda/permission:Permission", make_permission),
        ("aws:route53/record:Record", make_record),
        ("aws:route53/zone:Zone", make_zone),
        ("aws:s3/bucket:Bucket", make_bucket),
        ("aws:sns/topic:Topic", make_topic),
        ("aws:ssm/parameter:Parameter", make_parameter),
    ],
)
def test_what_had_been_created_is_adopted_with_its_place_in_the_program(
    url: str, client: Callable[..., Any], kind: str, make: Make
) -> None:
    inputs, expected = make(client)
    found = state(pending(kind, inputs))
    told = recovery.settle(found, url)
    adopted = found["deployment"]["resources"][-1]
    assert told == ["it adopted"]
    assert adopted["id"] == expected
    assert adopted["parent"] == "urn:parent"
    assert "pending_operations" not in found["deployment"]


@pytest.mark.parametrize(
    ("kind", "name", "inputs"),
    [
        ("aws:route53/zone:Zone", "two.example.com", {"name": "two.example.com"}),
        ("aws:apigateway/restApi:RestApi", "two", {"name": "two"}),
    ],
)
def test_what_another_resource_has_already_is_not_adopted(
    url: str, client: Callable[..., Any], kind: str, name: str, inputs: dict[str, Any]
) -> None:
    taken = zone(client, name) if "zone" in kind else rest_api(client, name)
    other = {"urn": "urn:other", "id": taken, "type": kind}
    found = state(pending(kind, inputs), resources=(other,))
    assert recovery.settle(found, url) == ["it not created"]


def test_a_target_that_another_resource_has_already_is_not_adopted(
    url: str, client: Callable[..., Any]
) -> None:
    event_rule(client, "rule-3")
    client("events").put_targets(Rule="rule-3", Targets=[{"Id": "t", "Arn": "arn:aws:sns:::t"}])
    inputs = {"rule": "rule-3", "eventBusName": "default", "arn": "arn:aws:sns:::t"}
    kind = "aws:cloudwatch/eventTarget:EventTarget"
    taken = {"urn": "urn:other", "id": "rule-3-t", "type": kind}
    found = state(pending(kind, inputs), resources=(taken,))
    assert recovery.settle(found, url) == ["it not created"]


def test_a_longer_name_is_another_log_group(url: str, client: Callable[..., Any]) -> None:
    client("logs").create_log_group(logGroupName="l-2-other")
    found = state(pending("aws:cloudwatch/logGroup:LogGroup", {"name": "l-2"}))
    assert recovery.settle(found, url) == ["it not created"]


def test_a_whole_organization_is_found_again(url: str, client: Callable[..., Any]) -> None:
    aws = client("organizations")
    organization = aws.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    root = aws.list_roots()["Roots"][0]["Id"]
    aws.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = aws.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]
    started = aws.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]
    account = aws.describe_create_account_status(CreateAccountRequestId=started["Id"])
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "qldb:DeleteLedger", "Resource": "*"}],
    }
    policy = aws.create_policy(
        Content=json.dumps(document), Description="", Name="p", Type="SERVICE_CONTROL_POLICY"
    )["Policy"]["PolicySummary"]["Id"]
    aws.attach_policy(PolicyId=policy, TargetId=unit["Id"])
    kinds: dict[str, tuple[dict[str, Any], str]] = {
        "organization:Organization": ({}, organization),
        "organizationalUnit:OrganizationalUnit": (
            {"name": "Workloads", "parentId": root},
            unit["Id"],
        ),
        "account:Account": (
            {"email": "a@example.com"},
            account["CreateAccountStatus"]["AccountId"],
        ),
        "policy:Policy": ({"name": "p"}, policy),
        "policyAttachment:PolicyAttachment": (
            {"policyId": policy, "targetId": unit["Id"]},
            f"{unit['Id']}:{policy}",
        ),
    }
    operations = [pending(f"aws:organizations/{kind}", it[0]) for kind, it in kinds.items()]
    found = state(*operations)
    recovery.settle(found, url)
    adopted = [it["id"] for it in found["deployment"]["resources"][1:]]
    assert adopted == [expected for _, expected in kinds.values()]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("aws:cloudwatch/eventRule:EventRule", {"name": "none", "eventBusName": "default"}),
        (
            "aws:cloudwatch/eventTarget:EventTarget",
            {"rule": "none", "eventBusName": "default", "arn": "arn:none"},
        ),
        ("aws:codebuild/project:Project", {"name": "none"}),
        ("aws:codeconnections/connection:Connection", {"name": "none"}),
        ("aws:codepipeline/pipeline:Pipeline", {"name": "none"}),
        ("aws:dynamodb/table:Table", {"name": "none"}),
        ("aws:ec2/eip:Eip", {"tagsAll": {"stack": "none"}}),
        ("aws:ec2/internetGateway:InternetGateway", {"tagsAll": {"stack": "none"}}),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"name": "none"}),
        ("aws:ec2/routeTable:RouteTable", {"vpcId": "vpc-none"}),
        (
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            {"subnetId": "subnet-none", "routeTableId": "rtb-none"},
        ),
        ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "vpc-none", "name": "none"}),
        ("aws:ec2/subnet:Subnet", {"vpcId": "vpc-none", "cidrBlock": "10.0.0.0/24"}),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.99.0.0/16"}),
        ("aws:iam/policy:Policy", {"name": "none"}),
        ("aws:iam/role:Role", {"name": "none"}),
        ("aws:lambda/function:Function", {"name": "none"}),
        ("aws:lambda/permission:Permission", {"function": "none"}),
        ("aws:apigateway/stage:Stage", {"restApi": "none", "stageName": "s"}),
        ("aws:apigateway/domainName:DomainName", {"domainName": "none.example.com"}),
        ("aws:apigateway/basePathMapping:BasePathMapping", {"domainName": "none.example.com"}),
        ("aws:route53/record:Record", {"zoneId": "Z0", "name": "a", "type": "A"}),
        ("aws:iam/rolePolicy:RolePolicy", {}),
        ("aws:autoscaling/group:Group", {"name": "none"}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"name": "none"}),
        ("aws:iam/instanceProfile:InstanceProfile", {"name": "none"}),
        ("aws:kms/alias:Alias", {"name": "alias/none"}),
        ("aws:kms/key:Key", {"description": "none"}),
        ("aws:s3/bucket:Bucket", {"bucket": "none"}),
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "none"}),
        ("aws:sns/topic:Topic", {"name": "none"}),
        ("aws:sns/topicSubscription:TopicSubscription", {}),
        ("aws:ssm/parameter:Parameter", {"name": "none"}),
    ],
)
def test_what_had_not_been_created_is_forgotten(
    url: str, kind: str, inputs: dict[str, Any]
) -> None:
    found = state(pending(kind, inputs))
    assert recovery.settle(found, url) == ["it not created"]
    assert found["deployment"] == {"resources": [PROVIDER]}


def test_a_replacement_that_had_been_created_retires_the_old_one(
    url: str, client: Callable[..., Any]
) -> None:
    role(client, "new")
    operation = pending("aws:iam/role:Role", {"name": "new"})
    old = {"urn": operation["resource"]["urn"], "id": "old", "type": "aws:iam/role:Role"}
    found = state(operation, resources=(old,))
    recovery.settle(found, url)
    assert [(it["id"], it.get("delete")) for it in found["deployment"]["resources"][1:]] == [
        ("old", True),
        ("new", None),
    ]
    gone = state(operation, resources=(old | {"pendingReplacement": True},))
    recovery.settle(gone, url)
    assert [it["id"] for it in gone["deployment"]["resources"][1:]] == ["new"]


def test_a_pending_change_of_a_known_resource_is_left_to_a_refresh(url: str) -> None:
    operation = pending("aws:iam/role:Role", {"name": "r"}) | {"type": "updating"}
    found = state(operation)
    assert recovery.settle(found, url) == ["it refreshed"]
    assert found["deployment"] == {"resources": [PROVIDER]}


def test_a_component_is_forgotten_since_it_exists_in_the_state_only(url: str) -> None:
    operation = pending("multi-account:api:Api", {})
    operation["resource"]["custom"] = False
    assert recovery.settle(state(operation), url) == ["it not created"]


def test_a_type_that_cannot_be_looked_up_is_one_sentence(url: str) -> None:
    with pytest.raises(SandboxError) as error:
        recovery.settle(state(pending("aws:sqs/queue:Queue", {})), url)
    assert str(error.value) == (
        "A killed update may or may not have created "
        "urn:pulumi:dev::app::aws:sqs/queue:Queue::it, and the sandbox cannot look for a "
        "aws:sqs/queue:Queue: start over with `make sandbox-down` and `make sandbox`."
    )


def test_every_type_that_the_stand_in_plugin_carries_can_be_settled() -> None:
    assert set(RESOURCES) <= recovery.FINDERS.keys() | recovery.REPEATABLE
