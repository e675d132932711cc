"""Who is let in, and what is denied: service control policies and roles' policies."""

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    MANAGEMENT,
    REGION,
    Client,
    Embedded,
    allow,
    code_and_status,
    deny,
    policy,
    trust,
)

DELETE_TABLE = "dynamodb:DeleteTable"


def make_table(client: Client, name: str = "items") -> None:
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def make_role(client: Client, account: str, *statements: dict[str, Any]) -> str:
    client("iam").create_role(
        RoleName="limited",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}),
    )
    if statements:
        client("iam").put_role_policy(
            RoleName="limited", PolicyName="inline", PolicyDocument=policy(*statements)
        )
    return "limited"


def test_the_operator_works_in_the_management_account(aws: Embedded) -> None:
    identity = aws.operator("sts").get_caller_identity()
    assert identity["Account"] == MANAGEMENT
    assert identity["Arn"] == f"arn:aws:iam::{MANAGEMENT}:user/operator"


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("route53", "list_hosted_zones", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidClientTokenId"),
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ],
)
def test_an_unknown_key_is_refused(aws: Embedded, service: str, call: str, code: str) -> None:
    stranger = aws.client(service, "AKIAUNKNOWNUNKNOWN00", "secret")
    with pytest.raises(ClientError) as refusal:
        getattr(stranger, call)()
    assert code_and_status(refusal.value) == (code, 403)


def test_a_session_key_without_its_token_is_refused(aws: Embedded) -> None:
    aws.organize()
    role = f"arn:aws:iam::{aws.account('dev')}:role/OrganizationAccountAccessRole"
    given = aws.operator("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    bare = aws.client("sts", given["AccessKeyId"], given["SecretAccessKey"])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        bare.get_caller_identity()


def test_an_unsigned_request_is_refused(aws: Embedded) -> None:
    endpoint = f"http://127.0.0.1:{aws.port}"
    anonymous = boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, config=Config(signature_version=UNSIGNED)
    )
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        anonymous.list_buckets()


def test_each_account_holds_its_own_resources(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.session(aws.account("dev")), aws.session(aws.account("prod"))
    make_table(dev)
    assert dev("dynamodb").list_tables()["TableNames"] == ["items"]
    assert prod("dynamodb").list_tables()["TableNames"] == []
    assert aws.operator("dynamodb").list_tables()["TableNames"] == []


@pytest.mark.parametrize("level", ["root", "unit", "account"])
def test_a_guard_rail_of_any_level_denies_an_administrator(aws: Embedded, level: str) -> None:
    root = aws.organize()
    account, unit = aws.account("prod"), aws.unit("workloads", root)
    aws.operator("organizations").move_account(
        AccountId=account, SourceParentId=root, DestinationParentId=unit
    )
    prod = aws.session(account)
    make_table(prod)
    aws.guard_rail(
        policy(deny(DELETE_TABLE)), {"root": root, "unit": unit, "account": account}[level]
    )
    with pytest.raises(ClientError) as refusal:
        prod("dynamodb").delete_table(TableName="items")
    assert code_and_status(refusal.value) == ("AccessDeniedException", 400)
    assert "with an explicit deny in a service control policy" in str(refusal.value)
    assert prod("dynamodb").list_tables()["TableNames"] == ["items"]


def test_a_guard_rail_of_another_unit_denies_nothing(aws: Embedded) -> None:
    root = aws.organize()
    aws.guard_rail(policy(deny(DELETE_TABLE)), aws.unit("prod", root))
    dev = aws.session(aws.account("dev"))
    make_table(dev)
    dev("dynamodb").delete_table(TableName="items")


def test_a_level_without_an_allowance_denies(aws: Embedded) -> None:
    root = aws.organize()
    account = aws.account("dev")
    dev = aws.session(account)
    aws.guard_rail(policy(allow("s3:*")), root)
    organizations = aws.operator("organizations")
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=root)
    dev("s3").list_buckets()
    with pytest.raises(ClientError, match="no service control policy allows the dynamodb"):
        dev("dynamodb").list_tables()


def test_no_guard_rail_binds_the_management_account(aws: Embedded) -> None:
    root = aws.organize()
    aws.guard_rail(policy(deny("dynamodb:*")), root)
    make_table(aws.operator)


def test_a_guard_rail_can_spare_a_role(aws: Embedded) -> None:
    root = aws.organize()
    spared = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/OrganizationAccountAccess*"}}
    aws.guard_rail(policy(deny(DELETE_TABLE, Condition=spared)), root)
    account = aws.account("dev")
    admin = aws.session(account)
    make_table(admin)
    role = make_role(admin, MANAGEMENT, allow("*"))
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        aws.session(account, role)("dynamodb").delete_table(TableName="items")
    admin("dynamodb").delete_table(TableName="items")


def test_a_guard_rail_can_deny_other_regions(aws: Embedded) -> None:
    root = aws.organize()
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    aws.guard_rail(policy(deny("dynamodb:*", Condition=elsewhere)), root)
    with pytest.raises(ClientError, match="explicit deny"):
        aws.session(aws.account("dev"))("dynamodb").list_tables()


@pytest.mark.parametrize(
    ("call", "arguments", "action", "answer"),
    [
        ("dynamodb.list_tables", {}, "dynamodb:ListTables", ("AccessDeniedException", 400)),
        ("organizations.describe_organization", {}, "organizations:DescribeOrganization",
         ("AccessDeniedException", 400)),
        ("iam.list_roles", {}, "iam:ListRoles", ("AccessDenied", 403)),
        ("route53.list_hosted_zones", {}, "route53:ListHostedZones", ("AccessDenied", 403)),
        ("lambda.list_functions", {}, "lambda:ListFunctions", ("AccessDeniedException", 403)),
        ("lambda.invoke", {"FunctionName": "f"}, "lambda:InvokeFunction",
         ("AccessDeniedException", 403)),
        ("s3.list_buckets", {}, "s3:ListAllMyBuckets", ("AccessDenied", 403)),
        ("s3.list_objects_v2", {"Bucket": "bucket"}, "s3:ListBucket", ("AccessDenied", 403)),
        ("ec2.describe_vpcs", {}, "ec2:DescribeVpcs", ("UnauthorizedOperation", 403)),
        ("cloudformation.list_stacks", {}, "cloudformation:ListStacks", ("AccessDenied", 403)),
        ("cloudwatch.list_metrics", {}, "cloudwatch:ListMetrics", ("AccessDeniedException", 400)),
        ("apigateway.get_rest_apis", {}, "apigateway:GET", ("AccessDeniedException", 403)),
        ("apigatewayv2.get_apis", {}, "apigateway:GET", ("AccessDeniedException", 403)),
        ("es.delete_elasticsearch_domain", {"DomainName": "logs"},
         "es:DeleteElasticsearchDomain", ("AccessDeniedException", 403)),
        ("opensearch.delete_domain", {"DomainName": "logs"}, "es:DeleteDomain",
         ("AccessDeniedException", 403)),
    ],
)  # fmt: skip
def test_each_protocol_names_the_denied_action_as_aws_does(
    aws: Embedded, call: str, arguments: dict[str, Any], action: str, answer: tuple[str, int]
) -> None:
    aws.organize()
    account = aws.account("dev")
    member = aws.session(account)
    service, method = call.split(".")
    aws.guard_rail(policy(deny(action)), account)
    with pytest.raises(ClientError) as refusal:
        getattr(member(service), method)(**arguments)
    assert f"is not authorized to perform: {action} on resource: " in str(refusal.value)
    assert code_and_status(refusal.value) == answer


def test_a_denial_names_the_resource_as_aws_does(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    member = aws.session(account)
    aws.guard_rail(policy(deny("*")), account)
    regional = f"{REGION}:{account}"
    change = {"Action": "CREATE", "ResourceRecordSet": {"Name": "example.com", "Type": "A"}}
    keys: dict[str, Any] = {"id": {"S": "1"}}
    batch = {"one": [{"DeleteRequest": {"Key": keys}}], "two": [{"DeleteRequest": {"Key": keys}}]}
    expected: dict[str, tuple[dict[str, Any], str]] = {
        "route53.change_resource_record_sets": (
            {"HostedZoneId": "Z1", "ChangeBatch": {"Changes": [change]}},
            "arn:aws:route53:::hostedzone/Z1",
        ),
        "route53.get_hosted_zone": ({"Id": "/hostedzone/Z1"}, "arn:aws:route53:::hostedzone/Z1"),
        "route53.get_change": ({"Id": "/change/C1"}, "arn:aws:route53:::change/C1"),
        "route53.list_tags_for_resource": (
            {"ResourceType": "hostedzone", "ResourceId": "Z1"},
            "arn:aws:route53:::hostedzone/Z1",
        ),
        "route53.list_hosted_zones": ({}, "*"),
        "iam.get_role": ({"RoleName": "r"}, f"arn:aws:iam::{account}:role/r"),
        "iam.get_user": ({"UserName": "u"}, f"arn:aws:iam::{account}:user/u"),
        "iam.get_policy": (
            {"PolicyArn": f"arn:aws:iam::{account}:policy/p"},
            f"arn:aws:iam::{account}:policy/p",
        ),
        "sts.assume_role": (
            {"RoleArn": f"arn:aws:iam::{MANAGEMENT}:role/r", "RoleSessionName": "test"},
            f"arn:aws:iam::{MANAGEMENT}:role/r",
        ),
        "dynamodb.get_item": (
            {"TableName": "t", "Key": keys},
            f"arn:aws:dynamodb:{regional}:table/t",
        ),
        "dynamodb.query": (
            {"TableName": "t", "IndexName": "index"},
            f"arn:aws:dynamodb:{regional}:table/t/index/index",
        ),
        "dynamodb.batch_write_item": (
            {"RequestItems": batch},
            f"arn:aws:dynamodb:{regional}:table/one",
        ),
        "dynamodb.transact_write_items": (
            {"TransactItems": [{"Delete": {"TableName": "t", "Key": keys}}]},
            f"arn:aws:dynamodb:{regional}:table/t",
        ),
        "lambda.get_function": (
            {"FunctionName": "f"},
            f"arn:aws:lambda:{regional}:function:f",
        ),
        "lambda.list_tags": (
            {"Resource": f"arn:aws:lambda:{regional}:function:f"},
            f"arn:aws:lambda:{regional}:function:f",
        ),
        "logs.delete_log_group": ({"logGroupName": "g"}, f"arn:aws:logs:{regional}:log-group:g:*"),
        "logs.describe_log_groups": ({}, f"arn:aws:logs:{regional}:log-group:*"),
        "s3.list_objects_v2": ({"Bucket": "b-1"}, "arn:aws:s3:::b-1"),
        "s3.get_object": ({"Bucket": "b-1", "Key": "k/1"}, "arn:aws:s3:::b-1/k/1"),
        "kms.describe_key": ({"KeyId": "alias/k"}, f"arn:aws:kms:{regional}:alias/k"),
        "kms.get_key_policy": ({"KeyId": "k"}, f"arn:aws:kms:{regional}:key/k"),
        "kms.encrypt": (
            {"KeyId": "k", "Plaintext": b"secret"},
            f"arn:aws:kms:{regional}:key/k",
        ),
        "ssm.put_parameter": (
            {"Name": "/vpn/peers/p", "Value": "v"},
            f"arn:aws:ssm:{regional}:parameter/vpn/peers/p",
        ),
        "ssm.get_parameter": ({"Name": "plain:3"}, f"arn:aws:ssm:{regional}:parameter/plain"),
        "ssm.get_parameters_by_path": (
            {"Path": "/vpn/peers"},
            f"arn:aws:ssm:{regional}:parameter/vpn/peers",
        ),
        "ssm.add_tags_to_resource": (
            {"ResourceType": "Parameter", "ResourceId": "/vpn/peers/p", "Tags": []},
            f"arn:aws:ssm:{regional}:parameter/vpn/peers/p",
        ),
        "ssm.describe_parameters": ({}, "*"),
        "ec2.associate_address": (
            {"AllocationId": "eipalloc-1", "InstanceId": "i-1"},
            f"arn:aws:ec2:{regional}:elastic-ip/eipalloc-1",
        ),
        "ec2.describe_addresses": ({}, "*"),
        "acm.describe_certificate": (
            {"CertificateArn": f"arn:aws:acm:{regional}:certificate/c1"},
            f"arn:aws:acm:{regional}:certificate/c1",
        ),
        "apigateway.get_stage": (
            {"restApiId": "a", "stageName": "s"},
            f"arn:aws:apigateway:{REGION}::/restapis/a/stages/s",
        ),
    }
    named: dict[str, str] = {}
    for call, (arguments, _) in expected.items():
        service, method = call.split(".")
        with pytest.raises(ClientError) as refusal:
            getattr(member(service), method)(**arguments)
        named[call] = str(refusal.value).partition(" on resource: ")[2].partition(" ")[0]
    assert named == {call: resource for call, (_, resource) in expected.items()}


def test_every_table_of_a_batch_must_be_allowed(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    admin = aws.session(account)
    first = f"arn:aws:dynamodb:{REGION}:{account}:table/first"
    role = make_role(admin, MANAGEMENT, allow("dynamodb:*", first))
    for name in ("first", "second"):
        make_table(admin, name)
    limited = aws.session(account, role)("dynamodb")
    delete = [{"DeleteRequest": {"Key": {"id": {"S": "1"}}}}]
    limited.batch_write_item(RequestItems={"first": delete})
    with pytest.raises(ClientError, match=r"AccessDeniedException.*table/second"):
        limited.batch_write_item(RequestItems={"first": delete, "second": delete})


def test_a_role_may_do_what_its_policies_allow_and_no_more(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    admin = aws.session(account)
    make_table(admin)
    table = f"arn:aws:dynamodb:{REGION}:{account}:table/items"
    role = make_role(admin, MANAGEMENT, allow("dynamodb:DescribeTable", table))
    limited = aws.session(account, role)("dynamodb")
    limited.describe_table(TableName="items")
    with pytest.raises(ClientError, match="no identity-based policy allows the dynamodb:Descri"):
        limited.describe_table(TableName="other")
    with pytest.raises(ClientError, match="no identity-based policy allows the dynamodb:DeleteTa"):
        limited.delete_table(TableName="items")


def test_an_explicit_denial_in_a_role_wins(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    admin = aws.session(account)
    role = make_role(admin, MANAGEMENT, allow("*"), deny("dynamodb:*"))
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        aws.session(account, role)("dynamodb").list_tables()


@pytest.mark.parametrize("managed_by", ["aws", "customer"])
def test_attached_policies_count_while_they_are_attached(aws: Embedded, managed_by: str) -> None:
    aws.organize()
    account = aws.account("dev")
    admin = aws.session(account)
    role = make_role(admin, MANAGEMENT)
    limited = aws.session(account, role)("dynamodb")
    arn = "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"
    if managed_by == "customer":
        made = admin("iam").create_policy(
            PolicyName="read", PolicyDocument=policy(allow("dynamodb:List*"))
        )
        arn = made["Policy"]["Arn"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        limited.list_tables()
    admin("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    limited.list_tables()
    admin("iam").detach_role_policy(RoleName=role, PolicyArn=arn)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        limited.list_tables()


@pytest.mark.parametrize(
    ("name", "record_type", "action", "allowed"),
    [
        ("dev.example.com", "NS", "CREATE", True),
        ("DEV.example.com.", "NS", "CREATE", True),
        ("stage.example.com", "NS", "CREATE", False),
        ("dev.example.com", "TXT", "CREATE", False),
        ("dev.example.com", "NS", "UPSERT", False),
    ],
)
def test_a_role_may_change_only_the_records_that_its_conditions_name(
    aws: Embedded, name: str, record_type: str, action: str, *, allowed: bool
) -> None:
    aws.organize()
    account = aws.account("dns")
    admin = aws.session(account)
    zone = admin("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    zone_id = zone["HostedZone"]["Id"].rsplit("/", 1)[-1]
    conditions = {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["dev.example.com"],
        "route53:ChangeResourceRecordSetsRecordTypes": ["NS"],
        "route53:ChangeResourceRecordSetsActions": ["CREATE"],
    }
    role = make_role(
        admin,
        MANAGEMENT,
        allow(
            "route53:ChangeResourceRecordSets",
            f"arn:aws:route53:::hostedzone/{zone_id}",
            Condition={"ForAllValues:StringEquals": conditions},
        ),
    )
    value = '"text"' if record_type == "TXT" else "ns-1.awsdns-00.com"
    change = {
        "Action": action,
        "ResourceRecordSet": {
            "Name": name, "Type": record_type, "TTL": 60, "ResourceRecords": [{"Value": value}],
        },
    }  # fmt: skip
    route53 = aws.session(account, role)("route53")
    if allowed:
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})


def test_one_forbidden_record_denies_the_whole_batch(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dns")
    admin = aws.session(account)
    zone = admin("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    names = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": ["dev.example.com"]}
    condition = {"ForAllValues:StringEquals": names}
    role = make_role(admin, MANAGEMENT, allow("route53:*", Condition=condition))
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}],
            },
        }
        for name in ("dev.example.com", "www.example.com")
    ]  # fmt: skip
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.session(account, role)("route53").change_resource_record_sets(
            HostedZoneId=zone["HostedZone"]["Id"], ChangeBatch={"Changes": changes}
        )


def test_a_role_may_be_kept_to_one_namespace_of_metrics(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("corp")
    admin = aws.session(account)
    mine = {"StringEquals": {"cloudwatch:namespace": "VPN"}}
    role = make_role(admin, MANAGEMENT, allow("cloudwatch:PutMetricData", Condition=mine))
    metrics = aws.session(account, role)("cloudwatch")
    data = [{"MetricName": "HealthyHosts", "Value": 1}]
    metrics.put_metric_data(Namespace="VPN", MetricData=data)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        metrics.put_metric_data(Namespace="Other", MetricData=data)
