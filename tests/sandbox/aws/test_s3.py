"""S3: whom a bucket's policy lets in, also from other accounts, and who may use its key."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    ACCESS_ROLE,
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

BUCKET = "state-1"
ARN = f"arn:aws:s3:::{BUCKET}"
UNTRUSTED = "because no resource-based policy allows the "
UNPERMITTED = "because no identity-based policy allows the "


def make_bucket(client: Client, *statements: dict[str, Any], name: str = BUCKET) -> None:
    client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    if statements:
        client("s3").put_bucket_policy(Bucket=name, Policy=policy(*statements))


def make_role(client: Client, name: str, *own: dict[str, Any]) -> None:
    iam = client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    if own:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*own))


def by(account: str, role: str | None = None) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:" + (f"role/{role}" if role else "root")}


def put(client: Client, key: str = "key", **more: Any) -> dict[str, Any]:
    return client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"content", **more)


def get(client: Client, key: str = "key", **more: Any) -> bytes:
    return client("s3").get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


@pytest.fixture
def tools(aws: Embedded) -> tuple[str, Client]:
    """The account that owns the bucket, and its administrator."""
    aws.organize()
    account = aws.account("tools")
    return account, aws.session(account)


# In the account of the bucket


def test_a_bucket_without_a_policy_is_for_who_is_allowed_in_its_account(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    account, admin = tools
    make_bucket(admin)
    put(admin)
    make_role(admin, "reader", allow("s3:GetObject", f"{ARN}/*"))
    make_role(admin, "nobody")
    assert get(aws.session(account, "reader")) == b"content"
    with pytest.raises(ClientError) as refusal:
        get(aws.session(account, "nobody"))
    assert code_and_status(refusal.value) == ("AccessDenied", 403)
    assert str(refusal.value).endswith(
        f"User: arn:aws:sts::{account}:assumed-role/nobody/test is not authorized to perform: "
        f"s3:GetObject on resource: {ARN}/key {UNPERMITTED}s3:GetObject action"
    )


@pytest.mark.parametrize(
    ("role", "allowed"), [("reader", True), (None, False)], ids=["the role", "the account"]
)
def test_a_policy_that_names_a_role_of_its_account_is_enough(
    aws: Embedded, tools: tuple[str, Client], role: str | None, *, allowed: bool
) -> None:
    account, admin = tools
    make_role(admin, "reader")
    make_bucket(admin, allow("s3:GetObject", f"{ARN}/*", Principal=by(account, role)))
    put(admin)
    reader = aws.session(account, "reader")
    if allowed:
        assert get(reader) == b"content"
        return
    with pytest.raises(ClientError, match=f"{UNPERMITTED}s3:GetObject"):
        get(reader)


def test_a_denial_in_a_policy_wins_and_can_spare_roles(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    account, admin = tools
    make_role(admin, "build", allow("s3:*"))
    make_role(admin, "deploy", allow("s3:*"))
    build = [f"arn:aws:iam::{account}:role/{name}" for name in ("build", ACCESS_ROLE)]
    make_bucket(
        admin,
        deny(
            "s3:*",
            [ARN, f"{ARN}/*"],
            Principal="*",
            Condition={"ArnNotEquals": {"aws:PrincipalArn": build}},
        ),
    )
    put(aws.session(account, "build"))
    with pytest.raises(ClientError) as refusal:
        get(aws.session(account, "deploy"))
    assert code_and_status(refusal.value) == ("AccessDenied", 403)
    assert str(refusal.value).endswith("with an explicit deny in a resource-based policy")


def test_a_policy_may_ask_for_an_encrypted_connection(tools: tuple[str, Client]) -> None:
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    make_bucket(tools[1], deny("s3:*", [ARN, f"{ARN}/*"], Principal={"AWS": "*"}, Condition=plain))
    put(tools[1])
    assert get(tools[1]) == b"content"


# From another account


@pytest.mark.parametrize(
    ("role", "by_bucket", "denial"),
    [
        (True, True, None),
        (True, False, UNTRUSTED),
        (False, True, UNPERMITTED),
    ],
    ids=["both", "only the caller's policy", "only the bucket's policy"],
)
def test_a_bucket_of_another_account_needs_both_policies(
    aws: Embedded, tools: tuple[str, Client], *, role: bool, by_bucket: bool, denial: str | None
) -> None:
    _, owner = tools
    account = aws.account("dev")
    admin = aws.session(account)
    actions = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
    make_role(admin, "build", *([allow(actions, [ARN, f"{ARN}/*"])] if role else []))
    named = by(account, "build") if by_bucket else by(MANAGEMENT)
    make_bucket(owner, allow(actions, [ARN, f"{ARN}/*"], Principal=named))
    build = aws.session(account, "build")
    if denial:
        for refused in (put, get):
            with pytest.raises(ClientError, match=denial) as refusal:
                refused(build)
            assert code_and_status(refusal.value) == ("AccessDenied", 403)
        return
    put(build)
    assert get(owner) == get(build) == b"content"
    assert [one["Key"] for one in build("s3").list_objects_v2(Bucket=BUCKET)["Contents"]] == ["key"]
    assert build("s3").head_object(Bucket=BUCKET, Key="key")["ContentLength"] == 7


def test_the_administrator_of_another_account_gets_nowhere(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    make_bucket(tools[1])
    put(tools[1])
    s3 = aws.session(aws.account("dev"))("s3")
    there = {"Bucket": BUCKET}
    for call, arguments in (
        (s3.get_object, {"Key": "key"}),
        (s3.delete_object, {"Key": "key"}),
        (s3.list_objects_v2, {}),
        (s3.get_bucket_policy, {}),
        (s3.put_bucket_policy, {"Policy": policy(allow("s3:*", ARN, Principal={"AWS": STRANGER}))}),
        (s3.delete_bucket, {}),
    ):
        with pytest.raises(ClientError) as refusal:
            call(**there, **arguments)
        assert code_and_status(refusal.value) == ("AccessDenied", 403)
    assert s3.list_buckets()["Buckets"] == []
    with pytest.raises(ClientError) as refusal:
        s3.create_bucket(**there, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert code_and_status(refusal.value) == ("BucketAlreadyExists", 409)
    assert get(tools[1]) == b"content"


def test_what_another_account_writes_is_the_buckets(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    dev = aws.account("dev")
    make_bucket(tools[1], allow("s3:*", [ARN, f"{ARN}/*"], Principal=by(dev)))
    put(aws.session(dev), Tagging="stack=app-dev")
    tags = tools[1]("s3").get_object_tagging(Bucket=BUCKET, Key="key")["TagSet"]
    assert tags == [{"Key": "stack", "Value": "app-dev"}]


def test_everybody_of_an_organization_can_be_let_in(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    organization = aws.operator("organizations").describe_organization()["Organization"]["Id"]
    ours = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    make_bucket(tools[1], allow("s3:GetObject", f"{ARN}/*", Principal="*", Condition=ours))
    put(tools[1])
    assert get(aws.session(aws.account("dev"))) == b"content"


def test_a_bucket_that_nobody_has_is_not_found(aws: Embedded) -> None:
    for call in (get, put):
        with pytest.raises(ClientError) as refusal:
            call(aws.operator)
        assert code_and_status(refusal.value) == ("NoSuchBucket", 404)


# What is asked of a call


def test_a_role_can_be_kept_to_its_own_paths(aws: Embedded, tools: tuple[str, Client]) -> None:
    account, admin = tools
    make_bucket(admin)
    make_role(
        admin,
        "build",
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{ARN}/dev/*"),
        allow("s3:GetObject", f"{ARN}/read/*"),
        allow("s3:ListBucket", ARN, Condition={"StringLike": {"s3:prefix": ["dev/*", "read/*"]}}),
    )
    for key in ("dev/a", "read/a", "prod/a"):
        put(admin, key)
    build = aws.session(account, "build")
    s3 = build("s3")
    put(build, "dev/b")
    s3.delete_object(Bucket=BUCKET, Key="dev/b")
    assert get(build, "read/a") == b"content"
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="dev/")["KeyCount"] == 1
    for refused in (
        lambda: get(build, "prod/a"),
        lambda: put(build, "prod/a"),
        lambda: put(build, "read/a"),
        lambda: s3.delete_object(Bucket=BUCKET, Key="read/a"),
        lambda: s3.head_object(Bucket=BUCKET, Key="prod/a"),
        lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="prod/"),
        lambda: s3.list_objects_v2(Bucket=BUCKET),
        lambda: s3.copy_object(
            Bucket=BUCKET, Key="dev/c", CopySource={"Bucket": BUCKET, "Key": "prod/a"}
        ),
        lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "prod/a"}]}),
    ):
        with pytest.raises(ClientError) as refusal:
            refused()
        assert code_and_status(refusal.value)[1] == 403


def test_only_who_may_list_a_bucket_is_told_that_an_object_is_missing(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    account, admin = tools
    make_bucket(admin)
    own = allow("s3:GetObject", f"{ARN}/*")
    make_role(admin, "lister", own, allow("s3:ListBucket", ARN))
    make_role(admin, "reader", own)
    with pytest.raises(ClientError, match="NoSuchKey"):
        get(aws.session(account, "lister"))
    with pytest.raises(ClientError) as refusal:
        get(aws.session(account, "reader"))
    assert f"perform: s3:ListBucket on resource: {ARN} {UNPERMITTED}" in str(refusal.value)


def test_a_denial_names_the_action_that_iam_knows(aws: Embedded, tools: tuple[str, Client]) -> None:
    account, admin = tools
    make_bucket(admin)
    make_role(admin, "nobody")
    s3 = aws.session(account, "nobody")("s3")
    one = {"Key": "k"}
    version = {"Key": "k", "VersionId": "v"}
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("list_objects_v2", {}, "s3:ListBucket"),
        ("list_object_versions", {}, "s3:ListBucketVersions"),
        ("list_multipart_uploads", {}, "s3:ListBucketMultipartUploads"),
        ("get_bucket_encryption", {}, "s3:GetEncryptionConfiguration"),
        ("delete_bucket_encryption", {}, "s3:PutEncryptionConfiguration"),
        ("get_public_access_block", {}, "s3:GetBucketPublicAccessBlock"),
        ("get_object", one, "s3:GetObject"),
        ("get_object", version, "s3:GetObjectVersion"),
        ("get_object_tagging", version, "s3:GetObjectVersionTagging"),
        ("delete_object", one, "s3:DeleteObject"),
        ("delete_object", version, "s3:DeleteObjectVersion"),
        ("delete_objects", {"Delete": {"Objects": [version]}}, "s3:DeleteObjectVersion"),
        ("create_multipart_upload", one, "s3:PutObject"),
        ("upload_part", {**one, "UploadId": "u", "PartNumber": 1}, "s3:PutObject"),
        ("abort_multipart_upload", {**one, "UploadId": "u"}, "s3:AbortMultipartUpload"),
        ("list_parts", {**one, "UploadId": "u"}, "s3:ListMultipartUploadParts"),
    ]
    named: list[str] = []
    for method, arguments, _ in calls:
        with pytest.raises(ClientError) as refusal:
            getattr(s3, method)(Bucket=BUCKET, **arguments)
        named.append(str(refusal.value).partition("perform: ")[2].partition(" ")[0])
    assert named == [action for _, _, action in calls]


@pytest.mark.parametrize(
    ("more", "action"),
    [
        ({"Tagging": "a=b"}, "s3:PutObjectTagging"),
        ({"ACL": "private"}, "s3:PutObjectAcl"),
        ({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold"),
    ],
)
def test_what_an_upload_sets_besides_the_content_needs_a_permission_too(
    aws: Embedded, tools: tuple[str, Client], more: dict[str, str], action: str
) -> None:
    account, admin = tools
    make_bucket(admin)
    make_role(admin, "writer", allow("s3:PutObject", f"{ARN}/*"))
    writer = aws.session(account, "writer")
    put(writer)
    with pytest.raises(ClientError, match=f"not authorized to perform: {action} on"):
        put(writer, **more)


def test_a_policy_may_ask_how_an_upload_is_encrypted(tools: tuple[str, Client]) -> None:
    asked = "s3:x-amz-server-side-encryption"
    wrong = {"Null": {asked: "false"}, "StringNotEquals": {asked: "aws:kms"}}
    make_bucket(tools[1], deny("s3:PutObject", f"{ARN}/*", Principal={"AWS": "*"}, Condition=wrong))
    put(tools[1])
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        put(tools[1], ServerSideEncryption="AES256")


# Policies that AWS does not take


def test_a_policy_for_everybody_is_refused_until_the_block_is_taken_away(
    tools: tuple[str, Client],
) -> None:
    account, admin = tools
    make_bucket(admin)
    public = policy(allow("s3:GetObject", f"{ARN}/*", Principal="*"))
    with pytest.raises(ClientError) as refusal:
        admin("s3").put_bucket_policy(Bucket=BUCKET, Policy=public)
    assert code_and_status(refusal.value) == ("AccessDenied", 403)
    assert str(refusal.value).endswith(
        f"User: arn:aws:sts::{account}:assumed-role/{ACCESS_ROLE}/test is not authorized to "
        f"perform: s3:PutBucketPolicy on resource: {ARN} because public policies are prevented by "
        "the BlockPublicPolicy setting in S3 Block Public Access."
    )
    admin("s3").delete_public_access_block(Bucket=BUCKET)
    admin("s3").put_bucket_policy(Bucket=BUCKET, Policy=public)


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}, False),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.1"}}, False),
        ({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1234567890"}}, True),
    ],
)
def test_a_policy_is_public_unless_a_fixed_value_says_for_whom_it_is(
    tools: tuple[str, Client], condition: dict[str, Any], *, public: bool
) -> None:
    make_bucket(tools[1])
    document = policy(allow("s3:GetObject", f"{ARN}/*", Principal="*", Condition=condition))
    if not public:
        tools[1]("s3").put_bucket_policy(Bucket=BUCKET, Policy=document)
        return
    with pytest.raises(ClientError, match="BlockPublicPolicy"):
        tools[1]("s3").put_bucket_policy(Bucket=BUCKET, Policy=document)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "A policy document needs at least one Statement."),
        (policy(allow("s3:*", ARN)), "Missing required field Principal"),
        (
            policy({"Effect": "Allow", "Action": "s3:*", "Principal": {"AWS": MANAGEMENT}}),
            "Missing required field Resource",
        ),
        (
            policy(allow("s3:*", "arn:aws:s3:::other/*", Principal={"AWS": MANAGEMENT})),
            "Policy has invalid resource",
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(
    tools: tuple[str, Client], document: str, problem: str
) -> None:
    make_bucket(tools[1])
    with pytest.raises(ClientError) as refusal:
        tools[1]("s3").put_bucket_policy(Bucket=BUCKET, Policy=document)
    assert code_and_status(refusal.value) == ("MalformedPolicy", 400)
    assert problem in str(refusal.value)


# Objects that KMS encrypts


def make_key(client: Client, account: str, *statements: dict[str, Any]) -> str:
    """A key that its account administers and the statements open; returns its ARN."""
    administration = ["kms:Describe*", "kms:Get*", "kms:Put*", "kms:Disable*", "kms:Schedule*"]
    document = policy(allow(administration, Principal=by(account)), *statements)
    return client("kms").create_key(Policy=document)["KeyMetadata"]["Arn"]


def encrypt_bucket(client: Client, key: str | None, *, bucket_key: bool = False) -> None:
    default = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
    client("s3").put_bucket_encryption(
        Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )


USE = ["kms:Decrypt", "kms:GenerateDataKey"]


@pytest.mark.parametrize("bucket_key", [True, False])
def test_the_key_of_a_bucket_is_used_through_s3_for_the_bucket_or_its_objects(
    tools: tuple[str, Client], *, bucket_key: bool
) -> None:
    account, admin = tools
    make_bucket(admin)
    through = {
        "kms:ViaService": f"s3.{REGION}.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": ARN if bucket_key else f"{ARN}/key",
    }
    key = make_key(
        admin, account, allow(USE, Principal=by(account), Condition={"StringEquals": through})
    )
    encrypt_bucket(admin, key, bucket_key=bucket_key)
    kept = put(admin)
    assert (kept["ServerSideEncryption"], kept["SSEKMSKeyId"]) == ("aws:kms", key)
    assert get(admin) == b"content"
    with pytest.raises(ClientError, match=f"{UNTRUSTED}kms:GenerateDataKey"):
        admin("kms").generate_data_key(KeyId=key, KeySpec="AES_256")
    if not bucket_key:
        with pytest.raises(ClientError, match=f"{UNTRUSTED}kms:GenerateDataKey"):
            put(admin, "other")


def test_reading_and_writing_are_permissions_of_their_own(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    account, admin = tools
    make_bucket(admin)
    key = make_key(admin, account, allow(USE, Principal=by(account)))
    encrypt_bucket(admin, key)
    put(admin)
    make_role(admin, "reader", allow("s3:*"), allow("kms:Decrypt", key))
    make_role(admin, "writer", allow("s3:*"), allow("kms:GenerateDataKey", key))
    reader, writer = aws.session(account, "reader"), aws.session(account, "writer")
    assert get(reader) == b"content"
    put(writer)
    with pytest.raises(ClientError) as refusal:
        get(writer)
    assert code_and_status(refusal.value) == ("AccessDenied", 403)
    assert str(refusal.value).endswith(
        f"assumed-role/writer/test is not authorized to perform: kms:Decrypt on resource: {key} "
        f"{UNPERMITTED}kms:Decrypt action"
    )
    with pytest.raises(ClientError, match=f"{UNPERMITTED}kms:GenerateDataKey"):
        put(reader)
    for_copy = {"Bucket": BUCKET, "CopySource": {"Bucket": BUCKET, "Key": "key"}}
    with pytest.raises(ClientError, match=f"{UNPERMITTED}kms:Decrypt"):
        writer("s3").copy_object(Key="copy", **for_copy)
    with pytest.raises(ClientError, match=f"{UNPERMITTED}kms:GenerateDataKey"):
        reader("s3").copy_object(Key="copy", **for_copy)
    admin("s3").copy_object(Key="copy", **for_copy)


def test_an_upload_in_parts_writes_and_reads(aws: Embedded, tools: tuple[str, Client]) -> None:
    account, admin = tools
    make_bucket(admin)
    key = make_key(admin, account, allow(USE, Principal=by(account)))
    encrypt_bucket(admin, key)
    make_role(admin, "writer", allow("s3:*"), allow("kms:GenerateDataKey", key))
    upload = {"Bucket": BUCKET, "Key": "large"}
    part = {**upload, "PartNumber": 1, "Body": b"part"}

    def begin(client: Client) -> str:
        return client("s3").create_multipart_upload(**upload)["UploadId"]

    writer = aws.session(account, "writer")
    with pytest.raises(ClientError, match=f"{UNPERMITTED}kms:Decrypt"):
        writer("s3").upload_part(**part, UploadId=begin(writer))
    begun = begin(admin)
    tag = admin("s3").upload_part(**part, UploadId=begun)["ETag"]
    admin("s3").complete_multipart_upload(
        **upload, UploadId=begun, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    assert admin("s3").head_object(**upload)["SSEKMSKeyId"] == key
    assert get(admin, "large") == b"part"
    with pytest.raises(ClientError, match=f"{UNPERMITTED}kms:Decrypt"):
        get(writer, "large")


def test_an_upload_may_say_how_it_is_encrypted(tools: tuple[str, Client]) -> None:
    account, admin = tools
    make_bucket(admin)
    encrypt_bucket(admin, make_key(admin, account))
    with pytest.raises(ClientError, match=f"{UNTRUSTED}kms:GenerateDataKey"):
        put(admin)
    assert put(admin, ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    assert get(admin) == b"content"
    admin("kms").create_alias(
        AliasName="alias/mine",
        TargetKeyId=(own := admin("kms").create_key()["KeyMetadata"])["KeyId"],
    )
    kept = put(admin, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/mine")
    assert kept["SSEKMSKeyId"] == own["Arn"]
    assert put(admin, ServerSideEncryption="aws:kms")["SSEKMSKeyId"] != own["Arn"]
    with pytest.raises(ClientError) as refusal:
        put(admin, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/nothing")
    assert code_and_status(refusal.value) == ("KMS.NotFoundException", 400)


@pytest.mark.parametrize(
    ("by_key", "own", "denial"),
    [(True, True, None), (False, True, UNTRUSTED), (True, False, UNPERMITTED)],
    ids=["both", "only the caller's policy", "only the key's policy"],
)
def test_the_key_of_another_account_needs_both_policies_too(
    aws: Embedded, tools: tuple[str, Client], *, by_key: bool, own: bool, denial: str | None
) -> None:
    owner, admin = tools
    dev = aws.account("dev")
    key = make_key(admin, owner, *([allow(USE, Principal=by(dev))] if by_key else []))
    make_role(aws.session(dev), "build", allow("s3:*"), *([allow(USE, key)] if own else []))
    make_bucket(admin, allow("s3:*", [ARN, f"{ARN}/*"], Principal=by(dev)))
    encrypt_bucket(admin, key, bucket_key=True)
    build = aws.session(dev, "build")
    if denial is None:
        put(build)
        assert get(build) == b"content"
        return
    with pytest.raises(ClientError, match=f"{denial}kms:GenerateDataKey"):
        put(build)


def test_nobody_of_another_account_uses_the_key_that_aws_manages(
    aws: Embedded, tools: tuple[str, Client]
) -> None:
    _, admin = tools
    dev = aws.account("dev")
    make_bucket(admin, allow("s3:*", [ARN, f"{ARN}/*"], Principal=by(dev)))
    encrypt_bucket(admin, None)
    put(admin)
    assert get(admin) == b"content"
    foreign = aws.session(dev)
    with pytest.raises(ClientError, match=f"{UNTRUSTED}kms:Decrypt"):
        get(foreign)
    with pytest.raises(ClientError, match=f"{UNTRUSTED}kms:GenerateDataKey"):
        put(foreign)


def test_an_object_cannot_be_read_while_its_key_is_disabled(tools: tuple[str, Client]) -> None:
    account, admin = tools
    make_bucket(admin)
    key = make_key(admin, account, allow(USE, Principal=by(account)))
    encrypt_bucket(admin, key)
    put(admin)
    admin("kms").disable_key(KeyId=key.rpartition("/")[2])
    with pytest.raises(ClientError) as refusal:
        get(admin)
    assert code_and_status(refusal.value) == ("KMS.DisabledException", 400)
    assert f"{key} is disabled." in str(refusal.value)
