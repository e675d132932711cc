"""Settings of an account or its region: who may set them, and what they do where nothing is said."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import as_role, client
from tests.sandbox.aws.embedded import (
    ACCESS_ROLE,
    REGION,
    Client,
    Embedded,
    allow,
    code_and_status,
    deny,
    policy,
)
from tests.sandbox.aws.hosts import IMAGE, make_network

BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def put_block(by: Client, account: str, **changes: bool) -> None:
    block = {**BLOCK, **changes}
    by("s3control").put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=block)


def block_of(by: Client, account: str) -> dict[str, bool]:
    found = by("s3control").get_public_access_block(AccountId=account)
    return found["PublicAccessBlockConfiguration"]


def defaults_of(by: Client) -> dict[str, Any]:
    return by("ec2").get_instance_metadata_defaults()["AccountLevel"]


def launched(by: Client, **more: Any) -> dict[str, Any]:
    """A new instance as it is described."""
    wanted = {"ImageId": IMAGE, "InstanceType": "t4g.micro", "SubnetId": make_network(by).subnet}
    made = by("ec2").run_instances(MinCount=1, MaxCount=1, **wanted, **more)["Instances"][0]
    found = by("ec2").describe_instances(InstanceIds=[made["InstanceId"]])
    return found["Reservations"][0]["Instances"][0]


def test_an_account_blocks_public_access_for_itself_alone(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    put_block(admin, account, IgnorePublicAcls=False)
    assert block_of(admin, account) == {**BLOCK, "IgnorePublicAcls": False}
    other = aws.account("other")
    with pytest.raises(ClientError) as missing:
        block_of(aws.session(other), other)
    assert code_and_status(missing.value) == ("NoSuchPublicAccessBlockConfiguration", 404)

    with pytest.raises(ClientError) as refusal:
        put_block(aws.session(other), account)
    assert code_and_status(refusal.value)[0] == "AccessDenied"

    admin("s3control").delete_public_access_block(AccountId=account)
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        block_of(admin, account)


def test_a_client_of_the_sandbox_reaches_s3_control(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    put_block(admin, account)
    access = as_role(f"http://127.0.0.1:{aws.port}", f"arn:aws:iam::{account}:role/{ACCESS_ROLE}")
    found = client("s3control", access).get_public_access_block(AccountId=account)
    assert found["PublicAccessBlockConfiguration"] == BLOCK


def test_a_bucket_is_as_closed_as_its_account_is(corp: tuple[str, Client]) -> None:
    account, admin = corp
    s3 = admin("s3")
    s3.create_bucket(Bucket="site", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket="site")
    public = policy(allow("s3:GetObject", "arn:aws:s3:::site/*", Principal="*"))
    put_block(admin, account)
    with pytest.raises(ClientError, match="public policies are prevented"):
        s3.put_bucket_policy(Bucket="site", Policy=public)
    put_block(admin, account, BlockPublicPolicy=False)
    s3.put_bucket_policy(Bucket="site", Policy=public)


def test_disks_are_encrypted_where_a_region_says_so(corp: tuple[str, Client]) -> None:
    _, admin = corp
    ec2 = admin("ec2")

    def new_disk() -> bool:
        made = ec2.create_volume(Size=1, AvailabilityZone=f"{REGION}a")["VolumeId"]
        return ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["Encrypted"]

    assert (ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], new_disk()) == (
        False,
        False,
    )
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert (ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], new_disk()) == (
        True,
        True,
    )
    instance = launched(admin)["InstanceId"]
    of_instance = [{"Name": "attachment.instance-id", "Values": [instance]}]
    assert [it["Encrypted"] for it in ec2.describe_volumes(Filters=of_instance)["Volumes"]] == [
        True
    ]
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert not new_disk()


def test_settings_of_a_region_are_one_accounts(aws: Embedded, corp: tuple[str, Client]) -> None:
    _, admin = corp
    admin("ec2").enable_ebs_encryption_by_default()
    admin("ec2").modify_instance_metadata_defaults(HttpTokens="required")
    other = aws.session(aws.account("other"))
    assert other("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert defaults_of(other) == {"ManagedBy": "account"}


def test_defaults_of_metadata_are_kept_one_by_one(corp: tuple[str, Client]) -> None:
    _, admin = corp
    ec2 = admin("ec2")
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2)
    ec2.modify_instance_metadata_defaults(HttpEndpoint="enabled")
    assert defaults_of(admin) == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "HttpEndpoint": "enabled",
        "ManagedBy": "account",
    }
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert defaults_of(admin) == {"HttpEndpoint": "enabled", "ManagedBy": "account"}


def test_an_instance_has_the_metadata_options_of_its_launch_or_else_of_its_region(
    corp: tuple[str, Client],
) -> None:
    _, admin = corp

    def options(**more: Any) -> tuple[str, int]:
        found = launched(admin, **more)["MetadataOptions"]
        return found["HttpTokens"], found["HttpPutResponseHopLimit"]

    own = {"HttpPutResponseHopLimit": 3}
    assert options() == ("optional", 1)
    admin("ec2").modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2)
    assert options() == ("required", 2)
    assert options(MetadataOptions=own) == ("required", 3)
    admin("ec2").create_launch_template(
        LaunchTemplateName="own", LaunchTemplateData={"MetadataOptions": own}
    )
    assert options(LaunchTemplate={"LaunchTemplateName": "own"}) == ("required", 3)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"HttpTokens": "always"}, r"InvalidParameterValue.*\(always\) for parameter HttpTokens"),
        ({"HttpPutResponseHopLimit": 65}, "InvalidParameterValue.*65"),
        ({"HttpPutResponseHopLimit": 0}, "InvalidParameterValue.*0"),
        ({"HttpTokensEnforced": "enabled"}, "does not have HttpTokensEnforced"),
        ({"HttpTokens": "required", "DryRun": True}, "DryRunOperation"),
    ],
)
def test_defaults_of_metadata_that_cannot_be_are_refused(
    corp: tuple[str, Client], wrong: dict[str, Any], refusal: str
) -> None:
    _, admin = corp
    with pytest.raises(ClientError, match=refusal):
        admin("ec2").modify_instance_metadata_defaults(**wrong)
    assert defaults_of(admin) == {"ManagedBy": "account"}


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("s3:PutAccountPublicAccessBlock", put_block),
        (
            "s3:PutAccountPublicAccessBlock",
            lambda by, account: by("s3control").delete_public_access_block(AccountId=account),
        ),
        ("s3:GetAccountPublicAccessBlock", block_of),
        (
            "ec2:EnableEbsEncryptionByDefault",
            lambda by, _: by("ec2").enable_ebs_encryption_by_default(),
        ),
        (
            "ec2:DisableEbsEncryptionByDefault",
            lambda by, _: by("ec2").disable_ebs_encryption_by_default(),
        ),
        (
            "ec2:ModifyInstanceMetadataDefaults",
            lambda by, _: by("ec2").modify_instance_metadata_defaults(HttpTokens="optional"),
        ),
    ],
)
def test_a_guard_rail_keeps_a_setting_by_the_action_that_iam_knows(
    aws: Embedded, corp: tuple[str, Client], action: str, call: Any
) -> None:
    account, admin = corp
    put_block(admin, account)
    aws.guard_rail(policy(deny(action)), account)
    with pytest.raises(ClientError) as refusal:
        call(admin, account)
    assert code_and_status(refusal.value)[1] == 403
    assert (
        f"is not authorized to perform: {action} on resource: * with an explicit deny in a service "
        "control policy"
    ) in str(refusal.value)
