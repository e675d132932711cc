"""IAM and the policies of resources: principals exist, AWS's own policies are there when asked for."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import MANAGEMENT, STRANGER, Embedded, policy, trust

LOGGING = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
LAMBDA = trust({"Service": "lambda.amazonaws.com"})


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": STRANGER},
        {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        {"AWS": f"arn:aws:iam::{MANAGEMENT}:role/nobody"},
        {"AWS": f"arn:aws:iam::{MANAGEMENT}:user/nobody"},
        {"AWS": f"arn:aws:sts::{MANAGEMENT}:assumed-role/nobody/session"},
        {"AWS": "nobody"},
        {"AWS": [MANAGEMENT, STRANGER]},
        {"Service": "lambda"},
    ],
)
def test_a_role_cannot_trust_who_does_not_exist(aws: Embedded, principal: dict[str, Any]) -> None:
    iam = aws.operator("iam")
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*Invalid principal in policy"):
        iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust(principal))
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=LAMBDA)
    with pytest.raises(ClientError, match=r"MalformedPolicyDocument.*Invalid principal in policy"):
        iam.update_assume_role_policy(RoleName="role", PolicyDocument=trust(principal))


def test_a_role_can_trust_who_exists(aws: Embedded) -> None:
    aws.organize()
    iam = aws.operator("iam")
    member = aws.account("dev")
    iam.create_role(RoleName="first", AssumeRolePolicyDocument=LAMBDA)
    iam.create_user(UserName="ann")
    for number, principal in enumerate(
        [
            {"AWS": member},
            {"AWS": f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"},
            {"AWS": f"arn:aws:iam::{MANAGEMENT}:role/first"},
            {"AWS": f"arn:aws:iam::{MANAGEMENT}:user/ann"},
            {"AWS": "*"},
        ]
    ):
        iam.create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument=trust(principal))


@pytest.mark.parametrize(
    ("save", "code"),
    [
        (lambda aws, text: aws("s3").put_bucket_policy(Bucket="bucket", Policy=text),
         "MalformedPolicy"),
        (lambda aws, text: aws("kms").create_key(Policy=text),
         "MalformedPolicyDocumentException"),
        (lambda aws, text: aws("kms").put_key_policy(
            KeyId=aws("kms").create_key()["KeyMetadata"]["KeyId"],
            PolicyName="default",
            Policy=text,
        ), "MalformedPolicyDocumentException"),
        (lambda aws, text: aws("apigateway").create_rest_api(name="api", policy=text),
         "BadRequestException"),
    ],
    ids=["bucket", "key", "changed key", "api"],
)  # fmt: skip
def test_a_resource_cannot_trust_who_does_not_exist(
    aws: Embedded, save: Callable[[Any, str], Any], code: str
) -> None:
    aws.operator("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )

    def naming(account: str) -> str:
        who = {"AWS": f"arn:aws:iam::{account}:root"}
        return policy({"Effect": "Allow", "Principal": who, "Action": "*", "Resource": "*"})

    with pytest.raises(ClientError, match=code):
        save(aws.operator, naming(STRANGER))
    save(aws.operator, naming(MANAGEMENT))


def test_policies_of_aws_are_there_when_asked_for(aws: Embedded) -> None:
    iam = aws.operator("iam")
    found = iam.get_policy(PolicyArn=LOGGING)["Policy"]
    document = iam.get_policy_version(PolicyArn=LOGGING, VersionId=found["DefaultVersionId"])
    assert "logs:PutLogEvents" in document["PolicyVersion"]["Document"]["Statement"][0]["Action"]
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=LAMBDA)
    iam.attach_role_policy(RoleName="role", PolicyArn=LOGGING)
    attached = iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [LOGGING]


def test_a_policy_that_aws_does_not_have_cannot_be_attached(aws: Embedded) -> None:
    iam = aws.operator("iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=LAMBDA)
    for wrong in ("Nothing", "AmazonAPIGatewayPushToCloudWatchLogs"):  # it is in /service-role
        with pytest.raises(ClientError, match="NoSuchEntity"):
            iam.attach_role_policy(RoleName="role", PolicyArn=f"arn:aws:iam::aws:policy/{wrong}")


def test_a_role_with_policies_cannot_be_deleted(aws: Embedded) -> None:
    iam = aws.operator("iam")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=LAMBDA)
    iam.attach_role_policy(RoleName="role", PolicyArn=LOGGING)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_role(RoleName="role")
    iam.detach_role_policy(RoleName="role", PolicyArn=LOGGING)
    iam.delete_role(RoleName="role")
