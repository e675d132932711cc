"""AssumeRole: the role exists, its account is active, its trust names the caller."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.credentials import Credentials
from tests.sandbox.aws.embedded import (
    ACCESS_ROLE,
    MANAGEMENT,
    Embedded,
    allow,
    code_and_status,
    deny,
    policy,
    trust,
)


def refused(error: pytest.ExceptionInfo[ClientError]) -> bool:
    plain = "is not authorized to perform: sts:AssumeRole on resource" in str(error.value)
    return plain and code_and_status(error.value) == ("AccessDenied", 403)


def test_a_new_account_can_be_entered_from_the_management_account(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    identity = aws.session(account)("sts").get_caller_identity()
    assert identity["Account"] == account
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{ACCESS_ROLE}/test"


def test_the_access_role_has_the_name_that_was_asked_for(aws: Embedded) -> None:
    aws.organize()
    account = aws.create_account("dev", RoleName="Entry")["AccountId"]
    aws.session(account, "Entry")("dynamodb").list_tables()
    with pytest.raises(ClientError) as error:
        aws.session(account, ACCESS_ROLE)
    assert refused(error)


def test_a_role_that_does_not_exist_cannot_be_assumed(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    for wrong in ((account, "Nobody"), ("999999999999", ACCESS_ROLE)):
        with pytest.raises(ClientError) as error:
            aws.session(*wrong)
        assert refused(error)


def test_a_member_account_does_not_enter_another(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.account("dev"), aws.account("prod")
    with pytest.raises(ClientError) as error:
        aws.session(prod, by=aws.session(dev))
    assert refused(error)


def test_a_closed_account_cannot_be_entered_nor_used(aws: Embedded) -> None:
    aws.organize()
    account = aws.account("dev")
    inside = aws.session(account)
    aws.operator("organizations").close_account(AccountId=account)
    with pytest.raises(ClientError) as error:
        aws.session(account)
    assert refused(error)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        inside("sts").get_caller_identity()


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"AWS": "arn:aws:iam::{dev}:root"}, True),
        ({"AWS": "{dev}"}, True),
        ({"AWS": "arn:aws:iam::{dev}:role/deploy"}, True),
        ({"AWS": ["{management}", "arn:aws:iam::{dev}:role/deploy"]}, True),
        ({"AWS": "*"}, True),
        ({"AWS": "arn:aws:iam::{dev}:role/OrganizationAccountAccessRole"}, False),
        ({"AWS": "{management}"}, False),
        ({"Service": "lambda.amazonaws.com"}, False),
    ],
)
def test_a_trust_policy_names_who_may_assume_the_role(
    aws: Embedded, principal: dict[str, Any], *, trusted: bool
) -> None:
    aws.organize()
    dev, prod = aws.account("dev"), aws.account("prod")
    admin = aws.session(dev)
    admin("iam").create_role(
        RoleName="deploy",
        AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}),
    )
    admin("iam").put_role_policy(
        RoleName="deploy", PolicyName="enter", PolicyDocument=policy(allow("sts:AssumeRole"))
    )

    def filled(text: str) -> str:
        return text.format(dev=dev, management=MANAGEMENT)

    named = {
        kind: [filled(text) for text in ([texts] if isinstance(texts, str) else texts)]
        for kind, texts in principal.items()
    }
    aws.session(prod)("iam").create_role(RoleName="target", AssumeRolePolicyDocument=trust(named))
    deploy = aws.session(dev, "deploy")
    if trusted:
        aws.session(prod, "target", by=deploy)
        return
    with pytest.raises(ClientError) as error:
        aws.session(prod, "target", by=deploy)
    assert refused(error)


def test_the_caller_too_must_be_allowed_to_assume_a_role_of_another_account(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.account("dev"), aws.account("prod")
    aws.session(dev)("iam").create_role(
        RoleName="deploy", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT})
    )
    deploy = f"arn:aws:iam::{dev}:role/deploy"
    aws.session(prod)("iam").create_role(
        RoleName="target", AssumeRolePolicyDocument=trust({"AWS": deploy})
    )
    with pytest.raises(ClientError, match="no identity-based policy allows the sts:AssumeRole"):
        aws.session(prod, "target", by=aws.session(dev, "deploy"))


def test_within_an_account_the_trust_in_a_role_by_name_is_enough(aws: Embedded) -> None:
    aws.organize()
    dev = aws.account("dev")
    iam = aws.session(dev)("iam")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    by_name = trust({"AWS": f"arn:aws:iam::{dev}:role/deploy"})
    iam.create_role(RoleName="by-name", AssumeRolePolicyDocument=by_name)
    iam.create_role(RoleName="by-account", AssumeRolePolicyDocument=trust({"AWS": dev}))
    deploy = aws.session(dev, "deploy")
    aws.session(dev, "by-name", by=deploy)
    with pytest.raises(ClientError, match="no identity-based policy allows the sts:AssumeRole"):
        aws.session(dev, "by-account", by=deploy)


def test_the_conditions_of_a_trust_must_hold(aws: Embedded) -> None:
    aws.organize()
    dev = aws.account("dev")
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    aws.session(dev)("iam").create_role(
        RoleName="guarded", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}, Condition=condition)
    )
    arn, sts = f"arn:aws:iam::{dev}:role/guarded", aws.operator("sts")
    with pytest.raises(ClientError) as error:
        sts.assume_role(RoleArn=arn, RoleSessionName="test", ExternalId="wrong")
    assert refused(error)
    sts.assume_role(RoleArn=arn, RoleSessionName="test", ExternalId="secret")


def test_a_session_policy_limits_the_session(aws: Embedded) -> None:
    aws.organize()
    given = aws.operator("sts").assume_role(
        RoleArn=f"arn:aws:iam::{aws.account('dev')}:role/{ACCESS_ROLE}",
        RoleSessionName="test",
        Policy=policy(allow("s3:*")),
    )["Credentials"]
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    aws.client("s3", *keys).list_buckets()
    with pytest.raises(ClientError, match="no session policy allows the dynamodb:ListTables"):
        aws.client("dynamodb", *keys).list_tables()


def test_a_session_lasts_no_longer_than_the_role_allows(aws: Embedded) -> None:
    aws.organize()
    arn = f"arn:aws:iam::{aws.account('dev')}:role/{ACCESS_ROLE}"
    with pytest.raises(ClientError, match="MaxSessionDuration"):
        aws.operator("sts").assume_role(RoleArn=arn, RoleSessionName="test", DurationSeconds=43_200)


def test_a_session_that_a_session_starts_lasts_an_hour_at_most(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.account("dev"), aws.account("prod")
    long = {"MaxSessionDuration": 7200}
    aws.session(dev)("iam").create_role(
        RoleName="target", AssumeRolePolicyDocument=trust({"AWS": [prod, MANAGEMENT]}), **long
    )
    asked = {"RoleArn": f"arn:aws:iam::{dev}:role/target", "RoleSessionName": "test"}
    aws.operator("sts").assume_role(**asked, DurationSeconds=7200)
    chained = aws.session(prod)("sts")
    chained.assume_role(**asked, DurationSeconds=3600)
    with pytest.raises(ClientError) as refusal:
        chained.assume_role(**asked, DurationSeconds=3601)
    assert code_and_status(refusal.value) == ("ValidationError", 400)
    assert str(refusal.value).endswith(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
        "chaining"
    )


@pytest.mark.parametrize(
    ("role", "trusted"), [("build-app-dev", True), ("build-app-prod", False), ("deploy", False)]
)
def test_a_trust_in_an_account_can_require_a_role_that_need_not_exist_yet(
    aws: Embedded, role: str, *, trusted: bool
) -> None:
    aws.organize()
    tools, dev = aws.account("tools"), aws.account("dev")
    wanted = f"arn:aws:iam::{tools}:role/build-app-dev"
    document = trust(
        {"AWS": f"arn:aws:iam::{tools}:root"},
        Condition={"ArnEquals": {"aws:PrincipalArn": wanted}},
    )
    aws.session(dev)("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=document)
    iam = aws.session(tools)("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    own = policy(allow("sts:AssumeRole", f"arn:aws:iam::{dev}:role/deploy"))
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=own)
    build = aws.session(tools, role)
    if trusted:
        identity = aws.session(dev, "deploy", by=build)("sts").get_caller_identity()
        assert identity["Arn"] == f"arn:aws:sts::{dev}:assumed-role/deploy/test"
        return
    with pytest.raises(ClientError) as error:
        aws.session(dev, "deploy", by=build)
    assert refused(error)


def test_a_boundary_can_keep_a_role_from_assuming_another(aws: Embedded) -> None:
    aws.organize()
    dev, prod = aws.account("dev"), aws.account("prod")
    aws.session(prod)("iam").create_role(
        RoleName="target", AssumeRolePolicyDocument=trust({"AWS": dev})
    )
    iam = aws.session(dev)("iam")
    limit = iam.create_policy(
        PolicyName="boundary", PolicyDocument=policy(allow("*"), deny("sts:AssumeRole"))
    )["Policy"]["Arn"]
    iam.create_role(
        RoleName="deploy",
        AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}),
        PermissionsBoundary=limit,
    )
    everything = policy(allow("*"))
    iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=everything)
    with pytest.raises(ClientError, match="with an explicit deny in a permissions boundary"):
        aws.session(prod, "target", by=aws.session(dev, "deploy"))


def test_a_session_ends_when_its_time_is_up() -> None:
    credentials = Credentials(MANAGEMENT)
    for lifetime, valid in ((timedelta(minutes=1), True), (timedelta(0), False)):
        session = credentials.issue(credentials.operator(), lifetime)
        known = credentials.authenticate(session.access_key_id, session.session_token)
        assert (known is not None) == valid


def test_a_deleted_role_leaves_its_sessions_without_permissions(aws: Embedded) -> None:
    aws.organize()
    dev = aws.account("dev")
    iam = aws.session(dev)("iam")
    iam.create_role(RoleName="brief", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    everything = policy(allow("*"))
    iam.put_role_policy(RoleName="brief", PolicyName="all", PolicyDocument=everything)
    brief = aws.session(dev, "brief")("dynamodb")
    brief.list_tables()
    iam.delete_role_policy(RoleName="brief", PolicyName="all")
    iam.delete_role(RoleName="brief")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        brief.list_tables()
