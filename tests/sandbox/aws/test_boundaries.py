"""Permissions boundaries: the most that a role can be allowed, and no way for it to get rid of one."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    MANAGEMENT,
    REGION,
    STRANGER,
    Client,
    Embedded,
    allow,
    code_and_status,
    deny,
    policy,
    trust,
)

EVERYTHING = allow("*")
LAMBDA = trust({"Service": "lambda.amazonaws.com"})
NOT_ALLOWED = "because no permissions boundary allows the "


def make_policy(client: Client, *statements: dict[str, Any], name: str = "boundary") -> str:
    document = policy(*statements)
    return client("iam").create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]


def make_role(
    client: Client, *own: dict[str, Any], boundary: str | None = None, name: str = "bounded"
) -> str:
    limit = {"PermissionsBoundary": boundary} if boundary else {}
    iam = client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}), **limit
    )["Role"]["Arn"]
    if own:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*own))
    return role


def test_a_role_may_do_what_its_policies_and_its_boundary_both_allow(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    boundary = make_policy(admin, allow(["iam:List*", "s3:List*"]))
    make_role(admin, allow(["iam:List*", "dynamodb:*"]), boundary=boundary)
    bounded = aws.session(account, "bounded")
    bounded("iam").list_roles()
    with pytest.raises(ClientError, match=f"{NOT_ALLOWED}dynamodb:ListTables action"):
        bounded("dynamodb").list_tables()
    with pytest.raises(ClientError, match="no identity-based policy allows the s3:ListAllMyBuck"):
        bounded("s3").list_buckets()


def test_a_denial_in_a_boundary_wins(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    boundary = make_policy(admin, EVERYTHING, deny("dynamodb:*"))
    make_role(admin, EVERYTHING, boundary=boundary)
    with pytest.raises(ClientError) as refusal:
        aws.session(account, "bounded")("dynamodb").list_tables()
    assert code_and_status(refusal.value) == ("AccessDeniedException", 400)
    assert str(refusal.value).endswith(
        f"User: arn:aws:sts::{account}:assumed-role/bounded/test is not authorized to perform: "
        "dynamodb:ListTables on resource: * with an explicit deny in a permissions boundary"
    )


def test_a_boundary_counts_from_when_it_is_set_until_it_is_taken_away(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    make_role(admin, EVERYTHING)
    boundary = make_policy(admin, allow("iam:*"))
    bounded = aws.session(account, "bounded")("dynamodb")
    bounded.list_tables()
    admin("iam").put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    with pytest.raises(ClientError, match=NOT_ALLOWED):
        bounded.list_tables()
    described = admin("iam").get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]
    assert described["PermissionsBoundaryArn"] == boundary
    admin("iam").delete_role_permissions_boundary(RoleName="bounded")
    bounded.list_tables()
    assert "PermissionsBoundary" not in admin("iam").get_role(RoleName="bounded")["Role"]


def test_the_version_of_a_boundary_that_is_the_default_counts(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    boundary = make_policy(admin, EVERYTHING)
    make_role(admin, EVERYTHING, boundary=boundary)
    bounded = aws.session(account, "bounded")("dynamodb")
    iam = admin("iam")
    closed = policy(deny("dynamodb:*"))
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=closed)
    bounded.list_tables()
    iam.set_default_policy_version(PolicyArn=boundary, VersionId="v2")
    with pytest.raises(ClientError, match="with an explicit deny in a permissions boundary"):
        bounded.list_tables()
    opened = policy(EVERYTHING)
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=opened, SetAsDefault=True)
    bounded.list_tables()


def test_a_policy_of_aws_can_be_a_boundary(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    read_only = "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"
    make_role(admin, EVERYTHING, boundary=read_only)
    bounded = aws.session(account, "bounded")
    bounded("dynamodb").list_tables()
    with pytest.raises(ClientError, match=f"{NOT_ALLOWED}sqs:ListQueues"):
        bounded("sqs").list_queues()


@pytest.mark.parametrize("owner", [MANAGEMENT, STRANGER, "aws"])
def test_a_boundary_must_exist_in_the_account(
    corp: tuple[str, Client], aws: Embedded, owner: str
) -> None:
    _, admin = corp
    make_policy(aws.operator, EVERYTHING, name="missing")
    missing = f"arn:aws:iam::{owner}:policy/missing"
    words = f"Scope ARN: {missing} does not exist or is not attachable."
    with pytest.raises(ClientError) as refusal:
        make_role(admin, boundary=missing)
    assert code_and_status(refusal.value) == ("NoSuchEntity", 404)
    assert words in str(refusal.value)
    make_role(admin)
    with pytest.raises(ClientError, match=words):
        admin("iam").put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=missing)


@pytest.mark.parametrize("use", ["boundary", "attached"])
def test_a_policy_in_use_cannot_be_deleted(corp: tuple[str, Client], use: str) -> None:
    iam = corp[1]("iam")
    used = make_policy(corp[1], EVERYTHING)
    make_role(corp[1], boundary=used if use == "boundary" else None)
    if use == "attached":
        iam.attach_role_policy(RoleName="bounded", PolicyArn=used)
    with pytest.raises(ClientError) as refusal:
        iam.delete_policy(PolicyArn=used)
    assert code_and_status(refusal.value) == ("DeleteConflict", 409)
    assert "Cannot delete a policy attached to entities." in str(refusal.value)
    if use == "attached":
        iam.detach_role_policy(RoleName="bounded", PolicyArn=used)
    iam.delete_role(RoleName="bounded")
    iam.delete_policy(PolicyArn=used)


def test_the_other_versions_of_a_policy_are_deleted_first(corp: tuple[str, Client]) -> None:
    iam = corp[1]("iam")
    versioned = make_policy(corp[1], EVERYTHING)
    iam.create_policy_version(PolicyArn=versioned, PolicyDocument=policy(deny("*")))
    with pytest.raises(ClientError, match=r"DeleteConflict.*This policy has more than one version"):
        iam.delete_policy(PolicyArn=versioned)
    iam.delete_policy_version(PolicyArn=versioned, VersionId="v2")
    iam.delete_policy(PolicyArn=versioned)


SESSION = "arn:aws:sts::{account}:assumed-role/bounded/test"
ROLE = "arn:aws:iam::{account}:role/bounded"


@pytest.mark.parametrize(
    ("named", "denial"),
    [
        (ROLE, f"{NOT_ALLOWED}kms:Encrypt action"),
        (SESSION, None),
        ("*", None),
        ("{account}", f"{NOT_ALLOWED}kms:Encrypt action"),
    ],
)
def test_a_resource_that_names_the_session_is_not_limited_by_the_boundary_of_the_role(
    aws: Embedded, corp: tuple[str, Client], named: str, denial: str | None
) -> None:
    account, admin = corp
    make_role(admin, boundary=make_policy(admin, allow("iam:*")))
    who = {"AWS": named.format(account=account)}
    root = allow(
        "kms:*", Principal={"AWS": account}, Condition={"Null": {"aws:PrincipalArn": True}}
    )
    administration = allow(
        ["kms:Put*", "kms:Create*"], Principal={"AWS": f"arn:aws:iam::{account}:root"}
    )
    document = policy(root, administration, allow("kms:Encrypt", Principal=who))
    key = admin("kms").create_key(Policy=document)["KeyMetadata"]["KeyId"]
    kms = aws.session(account, "bounded")("kms")
    if denial is None:
        kms.encrypt(KeyId=key, Plaintext=b"secret")
        return
    with pytest.raises(ClientError, match=denial):
        kms.encrypt(KeyId=key, Plaintext=b"secret")


def jailed(aws: Embedded, admin: Client, account: str) -> tuple[Client, str]:
    """The session of a role that may do everything but get out of its boundary."""
    arn = f"arn:aws:iam::{account}:policy/boundary"
    other = {"StringNotEquals": {"iam:PermissionsBoundary": arn}}
    changes = ["iam:CreateRole", "iam:Put*", "iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    boundary = make_policy(
        admin,
        EVERYTHING,
        deny([*changes, "iam:DeleteRolePolicy", "iam:CreateUser"], Condition=other),
        deny("iam:DeleteRolePermissionsBoundary"),
        deny(["iam:*PolicyVersion*", "iam:DeletePolicy"], arn),
        deny("iam:*", f"arn:aws:iam::{account}:role/bounded"),
    )
    make_role(admin, EVERYTHING, boundary=boundary)
    return aws.session(account, "bounded"), boundary


ESCAPES: dict[str, Callable[[Any, str], Any]] = {
    "a new role": lambda iam, _: iam.create_role(RoleName="free", AssumeRolePolicyDocument=LAMBDA),
    "a role with another boundary": lambda iam, _: iam.create_role(
        RoleName="free",
        AssumeRolePolicyDocument=LAMBDA,
        PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
    ),
    "a user": lambda iam, _: iam.create_user(UserName="free"),
    "another boundary for itself": lambda iam, _: iam.put_role_permissions_boundary(
        RoleName="bounded", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "no boundary for its own": lambda iam, _: iam.delete_role_permissions_boundary(RoleName="kept"),
    "another boundary for its own": lambda iam, _: iam.put_role_permissions_boundary(
        RoleName="kept", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "more for a role without": lambda iam, _: iam.put_role_policy(
        RoleName="older", PolicyName="more", PolicyDocument=policy(EVERYTHING)
    ),
    "a policy for a role without": lambda iam, _: iam.attach_role_policy(
        RoleName="older", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "another version of the boundary": lambda iam, boundary: iam.create_policy_version(
        PolicyArn=boundary, PolicyDocument=policy(EVERYTHING), SetAsDefault=True
    ),
    "another trust in itself": lambda iam, _: iam.update_assume_role_policy(
        RoleName="bounded", PolicyDocument=LAMBDA
    ),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_boundary_can_keep_a_role_from_escaping_it(
    aws: Embedded, corp: tuple[str, Client], escape: str
) -> None:
    account, admin = corp
    make_role(admin, name="older")
    session, boundary = jailed(aws, admin, account)
    iam = session("iam")
    inside = {"AssumeRolePolicyDocument": LAMBDA, "PermissionsBoundary": boundary}
    iam.create_role(RoleName="kept", **inside)
    iam.put_role_policy(RoleName="kept", PolicyName="p", PolicyDocument=policy(EVERYTHING))
    iam.delete_role_policy(RoleName="kept", PolicyName="p")
    iam.put_role_permissions_boundary(RoleName="kept", PermissionsBoundary=boundary)
    with pytest.raises(ClientError, match="with an explicit deny in a permissions boundary"):
        ESCAPES[escape](iam, boundary)


def test_the_policies_that_may_be_attached_can_be_limited(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    logging = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    only = {"ArnEquals": {"iam:PolicyARN": logging}}
    make_role(admin, allow(["iam:AttachRolePolicy", "iam:DetachRolePolicy"], Condition=only))
    iam = aws.session(account, "bounded")("iam")
    iam.attach_role_policy(RoleName="bounded", PolicyArn=logging)
    iam.detach_role_policy(RoleName="bounded", PolicyArn=logging)
    with pytest.raises(ClientError, match="no identity-based policy allows the iam:AttachRolePol"):
        iam.attach_role_policy(
            RoleName="bounded", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )


def test_a_call_of_iam_is_about_what_it_names(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    iam = admin("iam")
    iam.create_role(RoleName="placed", Path="/deep/", AssumeRolePolicyDocument=LAMBDA)
    iam.create_user(UserName="ann", Path="/staff/")
    iam.create_instance_profile(InstanceProfileName="profile", Path="/vpn/")
    aws.guard_rail(policy(deny("iam:*")), account)
    placed, arn = {"RoleName": "placed"}, f"arn:aws:iam::{account}:policy/p"
    expected: dict[str, tuple[dict[str, Any], str]] = {
        "attach_role_policy": ({**placed, "PolicyArn": arn}, "role/deep/placed"),
        "get_user": ({"UserName": "ann"}, "user/staff/ann"),
        "create_access_key": ({"UserName": "ann"}, "user/staff/ann"),
        "add_role_to_instance_profile": (
            {**placed, "InstanceProfileName": "profile"},
            "instance-profile/vpn/profile",
        ),
        "create_policy": (
            {"PolicyName": "new", "Path": "/x/", "PolicyDocument": policy(EVERYTHING)},
            "policy/x/new",
        ),
        "create_policy_version": (
            {"PolicyArn": arn, "PolicyDocument": policy(EVERYTHING)},
            "policy/p",
        ),
        "create_service_linked_role": (
            {"AWSServiceName": "ops.apigateway.amazonaws.com"},
            "role/aws-service-role/ops.apigateway.amazonaws.com/*",
        ),
    }
    named: dict[str, str] = {}
    for call, (arguments, _) in expected.items():
        with pytest.raises(ClientError) as refusal:
            getattr(iam, call)(**arguments)
        resource = str(refusal.value).partition(" on resource: ")[2].partition(" ")[0]
        named[call] = resource.removeprefix(f"arn:aws:iam::{account}:")
    assert named == {call: resource for call, (_, resource) in expected.items()}


def function(role: str) -> dict[str, Any]:
    return {
        "FunctionName": "f", "Runtime": "python3.13", "Role": role, "Handler": "h.h",
        "Code": {"ZipFile": b"zip"},
    }  # fmt: skip


def targets(role: str) -> dict[str, Any]:
    pipeline = f"arn:aws:codepipeline:{REGION}:{MANAGEMENT}:p"
    return {"Rule": "r", "Targets": [{"Id": "1", "Arn": pipeline, "RoleArn": role}]}


PASSES: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "lambda.create_function": ("lambda", function),
    "lambda.update_function_configuration": (
        "lambda", lambda role: {"FunctionName": "f", "Role": role}
    ),
    "iam.add_role_to_instance_profile": (
        "ec2", lambda _: {"InstanceProfileName": "profile", "RoleName": "passed"}
    ),
    "ec2.run_instances": (
        "ec2",
        lambda _: {
            "MinCount": 1, "MaxCount": 1, "ImageId": "ami-1", "InstanceType": "t4g.nano",
            "IamInstanceProfile": {"Name": "profile"},
        },
    ),
    "apigateway.update_account": (
        "apigateway",
        lambda role: {
            "patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
        },
    ),
    "codebuild.create_project": (
        "codebuild",
        lambda role: {
            "name": "project",
            "source": {"type": "NO_SOURCE"},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "c"},
            "serviceRole": role,
        },
    ),
    "codepipeline.create_pipeline": (
        "codepipeline",
        lambda role: {"pipeline": {"name": "p", "roleArn": role, "stages": []}},
    ),
    "events.put_targets": ("events", targets),
}  # fmt: skip


def answer(call: Callable[[], Any]) -> str:
    """What a call is told, be it by a service that does not like its other arguments."""
    try:
        return str(call())
    except ClientError as refused:
        return str(refused)


@pytest.mark.parametrize("call", PASSES)
def test_a_role_is_handed_to_a_service_only_by_who_may_pass_it(
    aws: Embedded, corp: tuple[str, Client], call: str
) -> None:
    account, admin = corp
    service, arguments = PASSES[call]
    passed = make_role(admin, name="passed")
    admin("iam").create_instance_profile(InstanceProfileName="profile")
    if call == "ec2.run_instances":
        admin("iam").add_role_to_instance_profile(InstanceProfileName="profile", RoleName="passed")
    elsewhere = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    make_role(
        admin,
        {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"},
        allow("iam:PassRole", passed, Condition=elsewhere),
    )
    client, method = call.split(".")
    bounded = getattr(aws.session(account, "bounded")(client), method)
    with pytest.raises(ClientError) as refusal:
        bounded(**arguments(passed))
    assert str(refusal.value).endswith(
        f"not authorized to perform: iam:PassRole on resource: {passed} because no identity-based "
        "policy allows the iam:PassRole action"
    )
    here = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    admin("iam").put_role_policy(
        RoleName="bounded",
        PolicyName="pass",
        PolicyDocument=policy(allow("iam:PassRole", passed, Condition=here)),
    )
    assert "iam:PassRole" not in answer(lambda: bounded(**arguments(passed)))


@pytest.mark.parametrize("by", ["LaunchTemplateName", "LaunchTemplateId"])
def test_a_launch_template_passes_the_role_of_its_profile(
    aws: Embedded, corp: tuple[str, Client], by: str
) -> None:
    account, admin = corp
    make_role(admin, name="passed")
    profile = {"InstanceProfileName": "profile"}
    admin("iam").create_instance_profile(**profile)
    admin("iam").add_role_to_instance_profile(**profile, RoleName="passed")
    made = admin("ec2").create_launch_template(
        LaunchTemplateName="template",
        LaunchTemplateData={"IamInstanceProfile": {"Name": "profile"}},
    )["LaunchTemplate"]
    make_role(admin, {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"})
    bounded = aws.session(account, "bounded")
    template = {by: made[by], "Version": "$Latest"}
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
        bounded("ec2").run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template)
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
        bounded("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="g",
            MinSize=0,
            MaxSize=1,
            LaunchTemplate=template,
            AvailabilityZones=[f"{REGION}a"],
        )
