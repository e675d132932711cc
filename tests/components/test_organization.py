"""The organization: its accounts are made in order, survive mistakes, and are never made twice."""

import pytest

from components.organization import MemberAccount, Organization, OrganizationArgs, with_parents
from tests.cloud import Cloud

ACCOUNT = "aws:organizations/account:Account"
UNITS = ["Infrastructure", "Workloads/Production"]


def organization(*accounts: str, slow: frozenset[str] = frozenset()) -> Cloud:
    members = {
        name: MemberAccount(email=f"aws-{name}@example.com", organizational_unit=UNITS[1])
        for name in accounts
    }
    args = OrganizationArgs(organizational_units=UNITS, accounts=members)
    return Cloud(slow=slow).run(lambda: Organization("organization", args))


def test_the_organization_has_all_features_and_service_control_policies() -> None:
    root = organization().only("aws:organizations/organization:Organization")

    assert root.inputs["featureSet"] == "ALL"
    assert root.inputs["enabledPolicyTypes"] == ["SERVICE_CONTROL_POLICY"]


def test_the_tree_of_ous_hangs_below_the_root() -> None:
    units = organization().of_type("OrganizationalUnit")

    parents = {unit.inputs["name"]: unit.inputs["parentId"] for unit in units.values()}
    assert parents == {
        "Infrastructure": "r-root",
        "Workloads": "r-root",
        "Production": "organization-Workloads-id",
    }


def test_an_account_is_created_in_its_ou_with_its_root_address() -> None:
    account = organization("prod").only("Account")

    assert account.inputs == {
        "name": "prod",
        "email": "aws-prod@example.com",
        "parentId": "organization-Workloads/Production-id",
        "roleName": "OrganizationAccountAccessRole",
        "closeOnDeletion": False,
    }


def test_accounts_are_created_one_after_another() -> None:
    cloud = organization("dns", "corp", "tools", slow=frozenset({ACCOUNT}))

    names = [account.inputs["name"] for account in cloud.of_type(ACCOUNT).values()]
    assert names == ["dns", "corp", "tools"]
    assert cloud.overlapping == set()


def test_services_that_people_let_into_the_organization_stay() -> None:
    root = organization().only("aws:organizations/organization:Organization")

    assert root.ignore_changes == ("awsServiceAccessPrincipals",)


@pytest.mark.parametrize("type_", ["account:Account", "organization:Organization"])
def test_what_a_mistake_must_not_delete_is_locked_and_left_in_aws(type_: str) -> None:
    (resource,) = organization("prod").of_type(f"aws:organizations/{type_}").values()

    assert resource.protect
    assert resource.retain_on_delete


def test_a_different_address_role_or_billing_access_replaces_no_account() -> None:
    account = organization("prod").only("Account")

    assert set(account.ignore_changes) == {"email", "roleName", "iamUserAccessToBilling"}


def test_more_accounts_than_the_first_quota_allows_are_pointed_out() -> None:
    assert not organization(*(f"a{n}" for n in range(9))).warnings
    (warning,) = organization(*(f"a{n}" for n in range(10))).warnings

    assert warning == (
        "11 accounts with the management account: an organization has at most 10 until AWS raises its "
        "quota (Service Quotas, AWS Organizations); closed ones count for 90 days."
    )


def test_parents_of_an_ou_come_before_it_and_once() -> None:
    assert with_parents(["a/b/c", "a/d", "a"]) == ["a", "a/b", "a/b/c", "a/d"]
