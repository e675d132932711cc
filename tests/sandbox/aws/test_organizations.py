"""Organizations: the quotas, names and orders that AWS insists on."""

import json

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.organizations import (
    ACCOUNT_QUOTA,
    OU_DEPTH,
    SCP_MAXIMUM_LENGTH,
    SCPS_PER_TARGET,
)
from tests.sandbox.aws.embedded import (
    GUARD_RAIL,
    MANAGEMENT,
    Client,
    Embedded,
    allow,
    code_and_status,
    deny,
    policy,
)


def test_an_account_is_created_in_the_background(aws: Embedded) -> None:
    aws.organize()
    organizations = aws.operator("organizations")
    request = organizations.create_account(AccountName="dev", Email="aws-dev@example.com")[
        "CreateAccountStatus"
    ]
    assert request["State"] == "IN_PROGRESS"
    assert "AccountId" not in request
    outcome = organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])[
        "CreateAccountStatus"
    ]
    assert outcome["State"] == "SUCCEEDED"
    account = organizations.describe_account(AccountId=outcome["AccountId"])["Account"]
    assert (account["State"], account["Status"]) == ("ACTIVE", "ACTIVE")


def test_an_address_is_used_once(aws: Embedded) -> None:
    aws.organize()
    aws.account("dev")
    again = aws.create_account("other", Email="AWS-dev@example.com")
    assert (again["State"], again["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")


def test_the_address_of_a_closed_account_stays_taken(aws: Embedded) -> None:
    aws.organize()
    aws.operator("organizations").close_account(AccountId=aws.account("dev"))
    again = aws.create_account("dev")
    assert again["FailureReason"] == "EMAIL_ALREADY_EXISTS"


@pytest.mark.parametrize("email", ["nobody", "no body@example.com", "nobody@example", "@a.example"])
def test_a_malformed_address_is_refused(aws: Embedded, email: str) -> None:
    aws.organize()
    with pytest.raises(ClientError, match="InvalidInputException"):
        aws.create_account("dev", Email=email)


def test_the_quota_of_accounts_counts_the_management_account(aws: Embedded) -> None:
    aws.organize()
    for number in range(ACCOUNT_QUOTA - 1):
        aws.account(f"number-{number}")
    beyond = aws.create_account("beyond")
    assert (beyond["State"], beyond["FailureReason"]) == ("FAILED", "ACCOUNT_LIMIT_EXCEEDED")


def test_the_management_account_cannot_be_closed(aws: Embedded) -> None:
    aws.organize()
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        aws.operator("organizations").close_account(AccountId=MANAGEMENT)


def test_without_an_organization_there_is_nothing_to_ask(aws: Embedded) -> None:
    for call in ("list_accounts", "list_roots"):
        with pytest.raises(ClientError, match="AWSOrganizationsNotInUseException"):
            getattr(aws.operator("organizations"), call)()
    with pytest.raises(ClientError, match="AWSOrganizationsNotInUseException"):
        aws.account("dev")


def test_a_member_knows_its_organization_and_not_the_other_members(aws: Embedded) -> None:
    root = aws.organize()
    member = aws.session(aws.account("dev"))("organizations")
    described = member.describe_organization()["Organization"]
    assert described["MasterAccountId"] == MANAGEMENT
    with pytest.raises(ClientError, match="AccessDeniedException"):
        member.list_accounts()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        member.create_organizational_unit(Name="own", ParentId=root)


def test_units_of_one_parent_have_different_names(aws: Embedded) -> None:
    root = aws.organize()
    first = aws.unit("workloads", root)
    with pytest.raises(ClientError, match="DuplicateOrganizationalUnitException"):
        aws.unit("workloads", root)
    aws.unit("workloads", first)


def test_a_unit_takes_a_new_name_that_is_free_beside_it(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    first, second = aws.unit("first", root), aws.unit("second", root)
    aws.unit("third", first)
    with pytest.raises(ClientError, match="DuplicateOrganizationalUnitException"):
        organizations.update_organizational_unit(OrganizationalUnitId=second, Name="first")
    organizations.update_organizational_unit(OrganizationalUnitId=second, Name="third")
    described = organizations.describe_organizational_unit(OrganizationalUnitId=second)
    assert described["OrganizationalUnit"]["Name"] == "third"


def test_units_nest_only_so_deep(aws: Embedded) -> None:
    parent = aws.organize()
    for level in range(OU_DEPTH):
        parent = aws.unit(f"level-{level}", parent)
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        aws.unit("too-deep", parent)


def test_a_unit_goes_only_when_it_is_empty(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    unit, account = aws.unit("prod", root), aws.account("prod")
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    with pytest.raises(ClientError, match="OrganizationalUnitNotEmptyException"):
        organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    organizations.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=root)
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def test_a_deleted_unit_uses_no_policy(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    unit = aws.unit("prod", root)
    guard = aws.guard_rail(policy(deny("s3:*")), unit)
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    organizations.delete_policy(PolicyId=guard)


def test_an_account_moves_only_from_where_it_is(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    account, unit = aws.account("prod"), aws.unit("prod", root)
    with pytest.raises(ClientError, match="SourceParentNotFoundException"):
        organizations.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=root)
    with pytest.raises(ClientError, match="DestinationParentNotFoundException"):
        organizations.move_account(
            AccountId=account, SourceParentId=root, DestinationParentId="ou-none-12345678"
        )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "MalformedPolicyDocumentException"),
        (policy({"Effect": "Deny", "Action": "*"}), "MalformedPolicyDocumentException"),
        (policy(deny("*", Principal="*")), "MalformedPolicyDocumentException"),
        (policy(deny("*", Condition={"Same": {"a": "b"}})), "MalformedPolicyDocumentException"),
        (policy(deny("*", Sid="x" * SCP_MAXIMUM_LENGTH)), "ConstraintViolationException"),
    ],
)
def test_a_wrong_guard_rail_is_refused_when_made_and_when_changed(
    aws: Embedded, content: str, code: str
) -> None:
    aws.organize()
    with pytest.raises(ClientError, match=code):
        aws.guard_rail(content)
    guard = aws.guard_rail(policy(deny("s3:*")))
    with pytest.raises(ClientError, match=code):
        aws.operator("organizations").update_policy(PolicyId=guard, Content=content)


def test_a_guard_rail_may_have_the_greatest_length(aws: Embedded) -> None:
    aws.organize()
    shortest = len(policy(deny("*", Sid="")))
    aws.guard_rail(policy(deny("*", Sid="x" * (SCP_MAXIMUM_LENGTH - shortest))))


def test_a_policy_is_attached_once_and_detached_once(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    guard = aws.guard_rail(policy(deny("s3:*")), root)
    with pytest.raises(ClientError, match="DuplicatePolicyAttachmentException"):
        organizations.attach_policy(PolicyId=guard, TargetId=root)
    organizations.detach_policy(PolicyId=guard, TargetId=root)
    with pytest.raises(ClientError, match="PolicyNotAttachedException"):
        organizations.detach_policy(PolicyId=guard, TargetId=root)


def test_a_target_that_does_not_exist_takes_no_policy(aws: Embedded) -> None:
    aws.organize()
    guard = aws.guard_rail(policy(deny("s3:*")))
    with pytest.raises(ClientError, match="TargetNotFoundException"):
        aws.operator("organizations").attach_policy(PolicyId=guard, TargetId="999999999999")


def test_a_target_takes_so_many_guard_rails_and_no_more(aws: Embedded) -> None:
    root = aws.organize()
    for number in range(SCPS_PER_TARGET - 1):  # FullAWSAccess is one of them
        aws.guard_rail(policy(deny("s3:*")), root, f"guard-{number}")
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        aws.guard_rail(policy(deny("s3:*")), root, "beyond")


def test_the_last_guard_rail_of_a_target_stays(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=root)


def test_a_policy_in_use_cannot_be_deleted(aws: Embedded) -> None:
    root = aws.organize()
    guard = aws.guard_rail(policy(deny("s3:*")), root)
    with pytest.raises(ClientError, match="PolicyInUseException"):
        aws.operator("organizations").delete_policy(PolicyId=guard)


def test_a_guard_rail_needs_its_policy_type_switched_on(aws: Embedded) -> None:
    organizations = aws.operator("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    with pytest.raises(ClientError, match="PolicyTypeNotEnabledException"):
        aws.guard_rail(policy(deny("s3:*")), root)


def test_everything_new_starts_with_full_access(aws: Embedded) -> None:
    root = aws.organize()
    organizations = aws.operator("organizations")
    for target in (root, aws.unit("prod", root), aws.account("prod")):
        attached = organizations.list_policies_for_target(TargetId=target, Filter=GUARD_RAIL)
        assert [found["Name"] for found in attached["Policies"]] == ["FullAWSAccess"]
    content = organizations.describe_policy(PolicyId="p-FullAWSAccess")["Policy"]["Content"]
    assert json.loads(content) == json.loads(policy(allow("*")))


def test_no_account_leaves_its_organization(aws: Embedded, corp: tuple[str, Client]) -> None:
    _, administrator = corp

    for by, code in (
        (administrator, "ConstraintViolationException"),
        (aws.operator, "MasterCannotLeaveOrganizationException"),
    ):
        with pytest.raises(ClientError) as error:
            by("organizations").leave_organization()
        assert code_and_status(error.value)[0] == code
