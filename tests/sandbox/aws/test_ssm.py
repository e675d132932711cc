"""Parameter Store: limits, who may read which path, and secrets that KMS keeps."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    ACCESS_ROLE,
    MANAGEMENT,
    REGION,
    Client,
    Embedded,
    allow,
    code_and_status,
    policy,
    trust,
)

SECRET = "/vpn/host/private-key"
PEERS = "/vpn/peers"


def arn(account: str, name: str) -> str:
    return f"arn:aws:ssm:{REGION}:{account}:parameter{name}"


def become(aws: Embedded, corp: tuple[str, Client], *statements: dict[str, Any]) -> Any:
    """The client of a role with no more than these rights."""
    account, admin = corp
    admin("iam").create_role(RoleName="host", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    admin("iam").put_role_policy(
        RoleName="host", PolicyName="own", PolicyDocument=policy(*statements)
    )
    return aws.session(account, "host")("ssm")


def put(client: Any, name: str, value: str = "value", **more: Any) -> dict[str, Any]:
    return client.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def values(client: Any, path: str = PEERS, **more: Any) -> list[str]:
    found = client.get_parameters_by_path(Path=path, **more)["Parameters"]
    return [parameter["Value"] for parameter in found]


@pytest.mark.parametrize(("tier", "most"), [("Standard", 4096), ("Advanced", 8192)])
def test_a_parameter_holds_no_more_than_its_tier(aws: Embedded, tier: str, most: int) -> None:
    ssm = aws.operator("ssm")
    put(ssm, "/full", "ä" * (most // 2), Tier=tier)
    with pytest.raises(ClientError) as refusal:
        put(ssm, "/over", "x" * (most + 1), Tier=tier)
    assert code_and_status(refusal.value) == ("ValidationException", 400)
    assert f"maximum parameter value of {most} characters" in str(refusal.value)
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name="/over")


def test_a_large_parameter_may_choose_its_tier(aws: Embedded) -> None:
    ssm = aws.operator("ssm")
    for size, tier in ((4096, "Standard"), (4097, "Advanced")):
        made = put(ssm, f"/{size}", "x" * size, Tier="Intelligent-Tiering")
        assert made["Tier"] == tier


def test_a_path_is_read_ten_at_a_time(aws: Embedded) -> None:
    ssm = aws.operator("ssm")
    for number in range(12):
        put(ssm, f"{PEERS}/{number}", str(number))
    page = ssm.get_parameters_by_path(Path=PEERS)
    assert len(page["Parameters"]) == 10
    assert len(values(ssm, NextToken=page["NextToken"])) == 2
    with pytest.raises(ClientError) as refusal:
        values(ssm, MaxResults=11)
    assert str(refusal.value).endswith(
        "Value '11' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 10"
    )


def test_what_exists_is_not_overwritten_by_mistake(aws: Embedded) -> None:
    ssm = aws.operator("ssm")
    put(ssm, SECRET, "first", Type="SecureString")
    for overwrite in ({}, {"Overwrite": False}):
        with pytest.raises(ClientError, match="ParameterAlreadyExists"):
            put(ssm, SECRET, "second", Type="SecureString", **overwrite)
    assert ssm.get_parameter(Name=SECRET, WithDecryption=True)["Parameter"]["Value"] == "first"


def test_a_role_may_be_kept_from_overwriting(aws: Embedded, corp: tuple[str, Client]) -> None:
    once = {"StringEquals": {"ssm:Overwrite": "false"}}
    host = become(aws, corp, allow("ssm:PutParameter", Condition=once))
    put(host, "/new")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        put(host, "/new", "other", Overwrite=True)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        put(host, "/newer", Overwrite=True)


@pytest.mark.parametrize(
    ("granted", "path", "allowed"),
    [
        (PEERS, PEERS, True),
        (f"{PEERS}*", PEERS, True),
        (f"{PEERS}/*", f"{PEERS}/", True),
        (f"{PEERS}/*", PEERS, False),
        (f"{PEERS}/*", f"{PEERS}/corp", True),
        (PEERS, "/vpn", False),
        (PEERS, "/", False),
        (PEERS, "/vpn/peersandmore", False),
    ],
)
def test_a_read_of_a_path_is_judged_on_the_path(
    aws: Embedded,
    corp: tuple[str, Client],
    granted: str,
    path: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    account, admin = corp
    put(admin("ssm"), f"{PEERS}/somebody")
    host = become(aws, corp, allow("ssm:GetParametersByPath", arn(account, granted)))
    if allowed:
        values(host, path)
        return
    with pytest.raises(
        ClientError, match="not authorized to perform: ssm:GetParametersByPath"
    ) as r:
        values(host, path)
    assert f"on resource: {arn(account, path)} " in str(r.value)


def test_each_parameter_that_is_named_is_judged(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    for name in ("/mine", "/other"):
        put(admin("ssm"), name)
    mine = arn(account, "/mine")
    host = become(aws, corp, allow(["ssm:GetParameter", "ssm:GetParameters"], mine))
    host.get_parameter(Name="/mine")
    host.get_parameter(Name="/mine:1")
    host.get_parameter(Name=mine)
    host.get_parameters(Names=["/mine"])
    with pytest.raises(ClientError, match=arn(account, "/other")):
        host.get_parameters(Names=["/mine", "/other"])
    with pytest.raises(ClientError, match=arn(account, "/other")):
        host.get_parameter(Name="/other")
    with pytest.raises(ClientError, match="ssm:DeleteParameter"):
        host.delete_parameter(Name="/mine")


def test_a_secret_is_not_shown_to_who_does_not_decrypt_it(aws: Embedded) -> None:
    ssm = aws.operator("ssm")
    put(ssm, SECRET, "hidden", Type="SecureString")
    assert "hidden" not in ssm.get_parameter(Name=SECRET)["Parameter"]["Value"]
    assert "hidden" not in values(ssm, "/vpn/host")[0]
    assert ssm.get_parameter(Name=SECRET, WithDecryption=True)["Parameter"]["Value"] == "hidden"


def use_by_host(account: str) -> str:
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    host = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/host"}}
    return policy(
        allow(["kms:Describe*", "kms:Put*"], Principal=root),
        allow(["kms:Encrypt", "kms:Decrypt"], Principal=root, Condition=host),
    )


READS = {
    "GetParameter": lambda ssm: ssm.get_parameter(Name=SECRET, WithDecryption=True),
    "GetParameterHistory": lambda ssm: ssm.get_parameter_history(Name=SECRET, WithDecryption=True),
    "GetParameters": lambda ssm: ssm.get_parameters(Names=[SECRET], WithDecryption=True),
    "GetParametersByPath": lambda ssm: ssm.get_parameters_by_path(
        Path="/vpn/host", WithDecryption=True
    ),
}


@pytest.mark.parametrize("read", READS)
def test_an_administrator_cannot_read_a_secret_under_another_roles_key(
    aws: Embedded, corp: tuple[str, Client], read: str
) -> None:
    account, admin = corp
    key = admin("kms").create_key(Policy=use_by_host(account))["KeyMetadata"]["Arn"]
    host = become(aws, corp, allow(["ssm:*", "kms:Encrypt", "kms:Decrypt"]))
    put(host, SECRET, "hidden", Type="SecureString", KeyId=key)
    assert "hidden" in str(READS[read](host))
    with pytest.raises(ClientError) as refusal:
        READS[read](admin("ssm"))
    assert code_and_status(refusal.value) == ("AccessDeniedException", 400)
    assert str(refusal.value).endswith(
        f"assumed-role/{ACCESS_ROLE}/test is not authorized to perform: kms:Decrypt on resource: "
        f"{key} because no resource-based policy allows the kms:Decrypt action"
    )
    sealed = admin("ssm").get_parameter(Name=SECRET)["Parameter"]
    assert sealed["Type"] == "SecureString"
    assert "hidden" not in sealed["Value"]
    with pytest.raises(ClientError, match="kms:Encrypt on resource"):
        put(admin("ssm"), "/vpn/host/other", Type="SecureString", KeyId=key)


def test_a_secret_stays_under_its_key_when_an_alias_is_moved(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    kms = admin("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/vpn", TargetKeyId=key)
    host = become(aws, corp, allow(["ssm:*", "kms:Encrypt"]))
    put(host, SECRET, "hidden", Type="SecureString", KeyId="alias/vpn")
    kms.update_alias(AliasName="alias/vpn", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    without_use = policy(allow(["kms:Put*", "kms:Describe*"], Principal=root))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=without_use)
    with pytest.raises(ClientError, match=f"kms:Decrypt on resource: .*{key}"):
        READS["GetParameter"](admin("ssm"))


@pytest.mark.parametrize(
    ("conditions", "allowed"),
    [
        ({"kms:ViaService": f"ssm.{REGION}.amazonaws.com"}, True),
        ({"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}, False),
        ({"kms:EncryptionContext:PARAMETER_ARN": "{secret}"}, True),
        ({"kms:EncryptionContext:PARAMETER_ARN": "{secret}-other"}, False),
    ],
)
def test_a_role_may_use_a_key_through_the_store_for_one_parameter_only(
    aws: Embedded,
    corp: tuple[str, Client],
    conditions: dict[str, str],
    allowed: bool,  # noqa: FBT001
) -> None:
    account, admin = corp
    key = admin("kms").create_key()["KeyMetadata"]["Arn"]
    limits = {name: text.format(secret=arn(account, SECRET)) for name, text in conditions.items()}
    use = allow(["kms:Encrypt", "kms:Decrypt"], key, Condition={"StringEquals": limits})
    host = become(aws, corp, allow("ssm:*"), use)
    if not allowed:
        with pytest.raises(ClientError, match="no identity-based policy allows the kms:Encrypt"):
            put(host, SECRET, Type="SecureString", KeyId=key)
        return
    put(host, SECRET, "hidden", Type="SecureString", KeyId=key)
    assert "hidden" in str(READS["GetParameter"](host))
    direct = aws.session(account, "host")("kms")
    with pytest.raises(ClientError, match="no identity-based policy allows the kms:Encrypt"):
        direct.encrypt(KeyId=key, Plaintext=b"other")


def test_aws_own_key_serves_everybody_who_may_use_the_store(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    _, admin = corp
    host = become(aws, corp, allow("ssm:*"))
    put(host, SECRET, "hidden", Type="SecureString")
    assert "hidden" in str(READS["GetParameter"](host))
    assert "hidden" in str(READS["GetParameter"](admin("ssm")))
    with pytest.raises(ClientError, match="no resource-based policy allows the kms:Encrypt"):
        admin("kms").encrypt(KeyId="alias/aws/ssm", Plaintext=b"other")


def test_a_key_that_cannot_be_used_is_named(aws: Embedded) -> None:
    ssm, kms = aws.operator("ssm"), aws.operator("kms")
    with pytest.raises(ClientError, match=r"InvalidKeyId.*alias/none"):
        put(ssm, SECRET, Type="SecureString", KeyId="alias/none")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put(ssm, SECRET, Type="SecureString", KeyId=key)
    kms.disable_key(KeyId=key.rsplit("/", 1)[-1])
    with pytest.raises(ClientError, match=r"InvalidKeyId.*is disabled"):
        READS["GetParameter"](ssm)
