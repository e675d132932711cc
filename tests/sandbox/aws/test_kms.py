"""KMS: whom a key's policy lets in, administrators included, and what a key keeps."""

from collections.abc import Callable
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
    deny,
    policy,
    trust,
)

USE = ["kms:Encrypt", "kms:Decrypt"]
ADMINISTRATION = ["kms:Describe*", "kms:Get*", "kms:Put*", "kms:Enable*", "kms:Create*"]
UNTRUSTED = "because no resource-based policy allows the kms:"
POLICY = "default"  # the only name that KMS knows


def root(account: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def only(account: str, role: str) -> dict[str, Any]:
    return {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/{role}"}}


def split(account: str) -> str:
    """The account administers the key, and one role of it, which need not exist, uses it."""
    administration = ["kms:Describe*", "kms:Get*", "kms:Put*", "kms:Enable*"]
    return policy(
        allow(administration, Principal=root(account)),
        allow(USE, Principal=root(account), Condition=only(account, "user")),
    )


def make_key(client: Client, document: str | None = None) -> str:
    given: dict[str, Any] = {} if document is None else {"Policy": document}
    return client("kms").create_key(**given)["KeyMetadata"]["KeyId"]


def make_role(client: Client, name: str, *statements: dict[str, Any]) -> str:
    """A role that the operator may assume."""
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    if statements:
        client("iam").put_role_policy(
            RoleName=name, PolicyName="own", PolicyDocument=policy(*statements)
        )
    return name


def test_a_key_is_its_accounts_by_default(corp: tuple[str, Client], aws: Embedded) -> None:
    account, admin = corp
    key = make_key(admin)
    sealed = admin("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert admin("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    reader = aws.session(account, make_role(admin, "reader", allow("kms:Decrypt")))("kms")
    assert reader.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    with pytest.raises(ClientError, match="no identity-based policy allows the kms:Encrypt"):
        reader.encrypt(KeyId=key, Plaintext=b"other")


CIPHERTEXT_USES: dict[str, Callable[[Any, str, bytes], Any]] = {
    "CreateGrant": lambda kms, key, _: kms.create_grant(
        KeyId=key, GranteePrincipal=f"arn:aws:iam::{MANAGEMENT}:root", Operations=["Decrypt"]
    ),
    "Decrypt": lambda kms, _, sealed: kms.decrypt(CiphertextBlob=sealed),
    "Encrypt": lambda kms, key, _: kms.encrypt(KeyId=key, Plaintext=b"other"),
    "GenerateDataKey": lambda kms, key, _: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
    "GenerateDataKeyWithoutPlaintext": lambda kms, key, _: kms.generate_data_key_without_plaintext(
        KeyId=key, KeySpec="AES_256"
    ),
    "ReEncryptFrom": lambda kms, key, sealed: kms.re_encrypt(
        CiphertextBlob=sealed, DestinationKeyId=key
    ),
}


@pytest.mark.parametrize("use", CIPHERTEXT_USES)
def test_an_administrator_cannot_use_a_key_whose_policy_only_lets_it_be_administered(
    aws: Embedded, corp: tuple[str, Client], use: str
) -> None:
    account, admin = corp
    key = make_key(admin, split(account))
    user = aws.session(account, make_role(admin, "user", allow("kms:*")))
    sealed = user("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert user("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    with pytest.raises(ClientError) as refusal:
        CIPHERTEXT_USES[use](admin("kms"), key, sealed)
    assert code_and_status(refusal.value) == ("AccessDeniedException", 400)
    assert str(refusal.value).endswith(
        f"assumed-role/{ACCESS_ROLE}/test is not authorized to perform: kms:{use} on resource: "
        f"arn:aws:kms:{REGION}:{account}:key/{key} {UNTRUSTED}{use} action"
    )
    admin("kms").describe_key(KeyId=key)


def test_a_role_that_is_made_anew_uses_the_key_again(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    key = make_key(admin, split(account))
    for _ in range(2):
        make_role(admin, "user", allow(USE))
        aws.session(account, "user")("kms").encrypt(KeyId=key, Plaintext=b"secret")
        admin("iam").delete_role_policy(RoleName="user", PolicyName="own")
        admin("iam").delete_role(RoleName="user")


def test_a_delegation_to_the_account_needs_the_callers_own_policy_too(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    key = make_key(admin, split(account))
    without = aws.session(account, make_role(admin, "user"))("kms")
    with pytest.raises(ClientError, match="no identity-based policy allows the kms:Encrypt"):
        without.encrypt(KeyId=key, Plaintext=b"secret")


def test_a_key_that_names_a_role_asks_for_nothing_else(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    named = {"AWS": f"arn:aws:iam::{account}:role/{make_role(admin, 'user')}"}
    administration = allow(ADMINISTRATION, Principal=root(account))
    key = make_key(admin, policy(administration, allow("kms:Encrypt", Principal=named)))
    user = aws.session(account, "user")("kms")
    user.encrypt(KeyId=key, Plaintext=b"secret")
    with pytest.raises(ClientError, match=UNTRUSTED):
        user.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_a_denial_in_a_key_wins(corp: tuple[str, Client]) -> None:
    account, admin = corp
    everything = allow("kms:*", Principal=root(account))
    key = make_key(admin, policy(everything, deny("kms:Encrypt", Principal={"AWS": "*"})))
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        admin("kms").encrypt(KeyId=key, Plaintext=b"secret")


def test_the_operator_is_bound_by_a_key_of_the_management_account(aws: Embedded) -> None:
    key = make_key(aws.operator, split(MANAGEMENT))
    with pytest.raises(ClientError, match=f"{UNTRUSTED}Encrypt"):
        aws.operator("kms").encrypt(KeyId=key, Plaintext=b"secret")


def test_a_key_may_ask_for_an_encryption_context(corp: tuple[str, Client]) -> None:
    account, admin = corp
    wanted = {"StringEquals": {"kms:EncryptionContext:purpose": "vpn"}}
    key = make_key(
        admin,
        policy(
            allow(ADMINISTRATION, Principal=root(account)),
            allow(USE, Principal=root(account), Condition=wanted),
        ),
    )
    context = {"purpose": "vpn"}
    sealed = admin("kms").encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)
    with pytest.raises(ClientError, match=UNTRUSTED):
        admin("kms").encrypt(KeyId=key, Plaintext=b"secret")
    with pytest.raises(ClientError, match=f"{UNTRUSTED}Decrypt"):
        admin("kms").decrypt(
            CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"purpose": "other"}
        )


def test_an_alias_stands_for_the_key_that_it_points_to(corp: tuple[str, Client]) -> None:
    account, admin = corp
    locked = make_key(admin, split(account))
    open_key = make_key(admin)
    admin("kms").create_alias(AliasName="alias/vpn", TargetKeyId=open_key)
    admin("kms").encrypt(KeyId="alias/vpn", Plaintext=b"secret")
    with pytest.raises(ClientError, match=f"{UNTRUSTED}CreateAlias"):
        admin("kms").create_alias(AliasName="alias/locked", TargetKeyId=locked)
    with pytest.raises(ClientError, match=f"{UNTRUSTED}UpdateAlias"):
        admin("kms").update_alias(AliasName="alias/vpn", TargetKeyId=locked)
    admin("kms").encrypt(KeyId="alias/vpn", Plaintext=b"secret")


def test_a_changed_policy_counts_from_then_on(corp: tuple[str, Client]) -> None:
    account, admin = corp
    key = make_key(admin)
    admin("kms").encrypt(KeyId=key, Plaintext=b"secret")
    admin("kms").put_key_policy(KeyId=key, PolicyName=POLICY, Policy=split(account))
    with pytest.raises(ClientError, match=UNTRUSTED):
        admin("kms").encrypt(KeyId=key, Plaintext=b"secret")
    kept = admin("kms").get_key_policy(KeyId=key, PolicyName=POLICY)["Policy"]
    assert kept == split(account)


def test_nobody_locks_themselves_out_by_mistake(corp: tuple[str, Client]) -> None:
    account, admin = corp
    key = make_key(admin)
    locking = policy(allow("kms:Describe*", Principal=root(account)))
    with pytest.raises(ClientError, match="will not allow you to update the key policy"):
        admin("kms").put_key_policy(KeyId=key, PolicyName=POLICY, Policy=locking)
    with pytest.raises(ClientError, match="MalformedPolicyDocumentException"):
        make_key(admin, locking)
    admin("kms").create_key(Policy=locking, BypassPolicyLockoutSafetyCheck=True)


def test_a_guard_rail_knows_who_gives_up_the_way_back(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    (organization,) = aws.operator("organizations").list_roots()["Roots"]
    bypassed = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
    aws.guard_rail(policy(deny("kms:PutKeyPolicy", Condition=bypassed)), organization["Id"])
    key = make_key(admin)
    asked = {
        "KeyId": key,
        "PolicyName": POLICY,
        "Policy": policy(allow("kms:*", Principal=root(account))),
    }

    admin("kms").put_key_policy(**asked)
    admin("kms").put_key_policy(**asked, BypassPolicyLockoutSafetyCheck=False)
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        admin("kms").put_key_policy(**asked, BypassPolicyLockoutSafetyCheck=True)


@pytest.mark.parametrize("document", ["{", "[]", policy({"Effect": "Allow", "Principal": "*"})])
def test_a_policy_that_is_none_is_refused(aws: Embedded, document: str) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocumentException"):
        make_key(aws.operator, document)


def test_a_key_keeps_how_often_it_is_rotated(aws: Embedded) -> None:
    kms, key = aws.operator("kms"), make_key(aws.operator)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    for asked, kept in (({}, 365), ({"RotationPeriodInDays": 90}, 90)):
        kms.enable_key_rotation(KeyId=key, **asked)
        found = kms.get_key_rotation_status(KeyId=key)
        assert (found["KeyRotationEnabled"], found["RotationPeriodInDays"]) == (True, kept)
    with pytest.raises(ClientError, match="ValidationException"):
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=2561)
    kms.disable_key_rotation(KeyId=key)
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)


@pytest.mark.parametrize("days", [6, 31])
def test_a_key_waits_a_week_to_a_month_for_its_deletion(aws: Embedded, days: int) -> None:
    kms, key = aws.operator("kms"), make_key(aws.operator)
    with pytest.raises(ClientError, match="ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["DeletionDate"]


def test_a_key_that_is_disabled_or_about_to_be_deleted_cannot_be_used(aws: Embedded) -> None:
    kms, key = aws.operator("kms"), make_key(aws.operator)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="DisabledException"):
        kms.encrypt(KeyId=key, Plaintext=b"secret")
    kms.schedule_key_deletion(KeyId=key)
    for refused in (kms.schedule_key_deletion, kms.enable_key_rotation):
        with pytest.raises(ClientError, match="KMSInvalidStateException"):
            refused(KeyId=key)


@pytest.mark.parametrize(
    ("by_key", "own", "denial"),
    [
        (True, True, None),
        (False, True, UNTRUSTED),
        (True, False, "because no identity-based policy allows the kms:"),
    ],
    ids=["both", "only the caller's policy", "only the key's policy"],
)
def test_a_key_of_another_account_is_used_by_who_both_policies_allow(
    aws: Embedded, corp: tuple[str, Client], *, by_key: bool, own: bool, denial: str | None
) -> None:
    owner, admin = corp
    dev = aws.account("dev")
    uses = [*USE, "kms:GenerateDataKey", "kms:DescribeKey"]
    named = only(dev, "build")
    statement = allow(uses, Principal=root(dev), Condition=named)
    opened = [statement] if by_key else []
    document = policy(allow(ADMINISTRATION, Principal=root(owner)), *opened)
    key = admin("kms").create_key(Policy=document)["KeyMetadata"]["Arn"]
    make_role(aws.session(dev), "build", *([allow(uses, key)] if own else []))
    kms = aws.session(dev, "build")("kms")
    context = {"stack": "app-dev"}
    if denial:
        with pytest.raises(ClientError, match=f"{denial}Encrypt"):
            kms.encrypt(KeyId=key, Plaintext=b"secret")
        return
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == owner
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    assert made["KeyId"] == key
    for named_key in ({"KeyId": key}, {}):
        opened_again = kms.decrypt(
            CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context, **named_key
        )
        assert opened_again["Plaintext"] == made["Plaintext"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"


def test_no_policy_lets_another_account_administer_a_key(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    _, admin = corp
    dev = aws.account("dev")
    key = make_key(admin)
    opened = policy(allow("kms:*", Principal=root(corp[0])), allow("kms:*", Principal=root(dev)))
    admin("kms").put_key_policy(KeyId=key, PolicyName=POLICY, Policy=opened)
    kms = aws.session(dev)("kms")
    arn = f"arn:aws:kms:{REGION}:{corp[0]}:key/{key}"
    kms.encrypt(KeyId=arn, Plaintext=b"secret")
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.put_key_policy(KeyId=arn, PolicyName=POLICY, Policy=opened)


def test_a_denial_in_a_key_denies_whom_it_means(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    make_role(admin, "user", allow("kms:*"))
    opened = allow("kms:*", Principal=root(account))
    key = make_key(
        admin, policy(opened, deny("kms:*", Principal="*", Condition=only(account, "user")))
    )
    admin("kms").describe_key(KeyId=key)
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        aws.session(account, "user")("kms").describe_key(KeyId=key)
