"""AWS Organizations in the embedded AWS: the refusals that moto leaves out.

Owns quotas, the uniqueness of addresses and names, what a service control policy may contain, and
what a member account may ask. The organization itself is moto's.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.organizations.models import (
    FakeAccount,
    FakeOrganizationalUnit,
    FakeRoot,
    OrganizationsBackend,
)
from moto.organizations.utils import make_random_create_account_status_id

from iam import policy
from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules

ACCOUNT_QUOTA = 10
"""Accounts of an organization by default, the management account and closed ones counted.
Source: AWS Organizations, quotas; landing-zone-accelerator-on-aws issue 25; read 2026-11."""

SCP_MAXIMUM_LENGTH = 10_240
"""Characters of a service control policy; 5,120 before 2026-05-15. Source: AWS Organizations,
quotas; landing-zone-accelerator-on-aws issue 1119; read 2026-11."""

SCPS_PER_TARGET = 10
"""Service control policies attached to a root, OU or account, FullAWSAccess counted; 5 before
2026-05-15. Source: as for the length."""

OU_DEPTH = 5
"""Levels of organizational units below the root. Source: AWS Organizations, quotas; read
2026-11."""

_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")
_FOR_MEMBERS = ("CreateOrganization", "DescribeOrganization", "LeaveOrganization")
_DEFAULT_ACCESS_ROLE = "OrganizationAccountAccessRole"


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    failed: dict[str, Mapping[str, Any]] = {}  # what became of refused CreateAccount requests

    def create_account(call: Call) -> Answer:
        status = _create_account(call)
        if status["State"] == "FAILED":
            failed[status["Id"]] = status
        return {"CreateAccountStatus": {**_without_outcome(status), "State": "IN_PROGRESS"}}

    def describe_create_account_status(call: Call) -> Answer:
        _organization(call)
        status = failed.get(call.text("CreateAccountRequestId"))
        return None if status is None else {"CreateAccountStatus": status}

    answers = {
        "*": _only_for_management,
        "AttachPolicy": _attach_policy,
        "CloseAccount": _close_account,
        "CreateAccount": create_account,
        "CreateOrganizationalUnit": _create_organizational_unit,
        "CreatePolicy": _create_policy,
        "DeleteOrganizationalUnit": _delete_organizational_unit,
        "DescribeCreateAccountStatus": describe_create_account_status,
        "DetachPolicy": _detach_policy,
        "LeaveOrganization": _leave_organization,
        "MoveAccount": _move_account,
        "UpdateOrganizationalUnit": _update_organizational_unit,
        "UpdatePolicy": _update_policy,
    }
    return {("organizations", operation): answer for operation, answer in answers.items()}


def _organization(call: Call) -> OrganizationsBackend:
    """Return the organization of the caller, which must be its management account."""
    organization = state.organization_of(call.account)
    if organization is None:
        raise AwsError(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
        )
    if organization.account_id != call.account:
        raise AwsError(
            "AccessDeniedException", "You don't have permissions to access this resource."
        )
    return organization


def _only_for_management(call: Call) -> Answer:
    if call.operation not in _FOR_MEMBERS:
        _organization(call)
    return None


# Accounts


def _create_account(call: Call) -> Mapping[str, Any]:
    """Return the outcome that AWS would report later; a wrong argument is refused at once."""
    organization, email = _organization(call), call.text("Email")
    if not _EMAIL.fullmatch(email):
        raise AwsError("InvalidInputException", f"You provided an invalid email address: {email}.")
    if any(account.email.lower() == email.lower() for account in organization.accounts):
        return _failure(call, "EMAIL_ALREADY_EXISTS")
    if len(organization.accounts) >= ACCOUNT_QUOTA:
        return _failure(call, "ACCOUNT_LIMIT_EXCEEDED")
    created = organization.create_account(**call.parameters)["CreateAccountStatus"]
    state.iam(created["AccountId"]).put_role_policy(
        call.text("RoleName") or _DEFAULT_ACCESS_ROLE,
        "AdministratorAccess",
        json.dumps(policy.EVERYTHING),
    )
    return created


def _failure(call: Call, reason: str) -> Mapping[str, Any]:
    return {
        "Id": make_random_create_account_status_id(),
        "AccountName": call.text("AccountName"),
        "State": "FAILED",
        "FailureReason": reason,
    }


def _without_outcome(status: Mapping[str, Any]) -> dict[str, Any]:
    hidden = ("AccountId", "CompletedTimestamp", "FailureReason")
    return {name: value for name, value in status.items() if name not in hidden}


def _close_account(call: Call) -> Answer:
    if call.text("AccountId") == _organization(call).account_id:
        raise AwsError("ConstraintViolationException", "You cannot close the management account.")
    return None


def _leave_organization(call: Call) -> Answer:
    """Refuse: every account here was made by the organization, and has nothing to pay with."""
    organization = state.organization_of(call.account)
    if organization is not None and organization.account_id == call.account:
        raise AwsError(
            "MasterCannotLeaveOrganizationException",
            "The management account cannot leave its organization.",
        )
    raise AwsError(
        "ConstraintViolationException",
        "An account that the organization created needs a payment method of its own to leave it.",
    )


def _move_account(call: Call) -> Answer:
    organization = _organization(call)
    account = organization.get_account_by_id(call.text("AccountId"))
    if account.parent_id != call.text("SourceParentId"):
        raise AwsError(
            "SourceParentNotFoundException",
            "We can't find a source root or OU with the ParentId that you specified.",
        )
    if all(unit.id != call.text("DestinationParentId") for unit in organization.ou):
        raise AwsError(
            "DestinationParentNotFoundException",
            "We can't find the destination container (a root or OU) that you specified.",
        )
    return None


# Organizational units


def _create_organizational_unit(call: Call) -> Answer:
    organization = _organization(call)
    parent = next((u for u in organization.ou if u.id == call.text("ParentId")), None)
    if parent is None:
        raise AwsError(
            "ParentNotFoundException",
            "We can't find a root or OU with the ParentId that you specified.",
        )
    _unique_among_siblings(organization, call.text("Name"), parent.id)
    if _depth(organization, parent) >= OU_DEPTH:
        raise AwsError(
            "ConstraintViolationException",
            f"You have exceeded the maximum depth of {OU_DEPTH} organizational units.",
        )
    return None


def _update_organizational_unit(call: Call) -> Answer:
    """Answered here: moto compares the new name with every unit, its own included."""
    organization = _organization(call)
    unit = organization.get_organizational_unit_by_id(call.text("OrganizationalUnitId"))
    name = call.text("Name") or unit.name
    if name != unit.name:
        _unique_among_siblings(organization, name or "", unit.parent_id)
    unit.name = name
    return unit.describe()


def _delete_organizational_unit(call: Call) -> Answer:
    organization = _organization(call)
    unit = organization.get_organizational_unit_by_id(call.text("OrganizationalUnitId"))
    if any(child.parent_id == unit.id for child in (*organization.ou, *organization.accounts)):
        raise AwsError(
            "OrganizationalUnitNotEmptyException",
            "The specified OU is not empty. Move all accounts to another root or to other OUs, "
            "remove all child OUs, and try the operation again.",
        )
    for attached in unit.attached_policies:  # moto would leave the policy in use for ever
        attached.attachments.remove(unit)
    return None


def _unique_among_siblings(
    organization: OrganizationsBackend, name: str, parent_id: str | None
) -> None:
    if any(unit.name == name and unit.parent_id == parent_id for unit in organization.ou):
        raise AwsError(
            "DuplicateOrganizationalUnitException", "An OU with the same name already exists."
        )


def _depth(organization: OrganizationsBackend, unit: FakeOrganizationalUnit) -> int:
    """Units from the root, which has depth 0, down to this one."""
    units, depth = {found.id: found for found in organization.ou}, 0
    while not isinstance(unit, FakeRoot):
        unit, depth = units[unit.parent_id or ""], depth + 1
    return depth


# Policies


def _create_policy(call: Call) -> Answer:
    _organization(call)
    _check_content(call.text("Type"), call.text("Content"))
    return None


def _update_policy(call: Call) -> Answer:
    found = _organization(call).get_policy_by_id(call.text("PolicyId"))
    if call.text("Content"):
        _check_content(found.type, call.text("Content"))
    return None


def _check_content(kind: str, content: str) -> None:
    if kind == state.GUARD_RAIL and len(content) > SCP_MAXIMUM_LENGTH:
        raise AwsError(
            "ConstraintViolationException",
            f"You have exceeded the maximum policy size of {SCP_MAXIMUM_LENGTH} characters.",
        )
    try:
        document = json.loads(content)
    except ValueError:
        raise _malformed("The provided policy document is no JSON.") from None
    if kind == state.GUARD_RAIL:
        found = policy.problem(document) or _problem_of_guard_rail(document)
        if found:
            raise _malformed(found)


def _problem_of_guard_rail(document: policy.Document) -> str | None:
    for statement in policy.statements(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            return "Principal and NotPrincipal are not supported in a service control policy."
        if "Resource" not in statement and "NotResource" not in statement:
            return "Each Statement needs either Resource or NotResource."
    return None


def _malformed(problem: str) -> AwsError:
    return AwsError(
        "MalformedPolicyDocumentException",
        "The provided policy document does not meet the requirements of the specified policy "
        f"type. {problem}",
    )


def _target(organization: OrganizationsBackend, call: Call) -> FakeAccount | FakeOrganizationalUnit:
    wanted = call.text("TargetId")
    for target in (*organization.accounts, *organization.ou):
        if target.id == wanted:
            return target
    raise AwsError("TargetNotFoundException", "You specified a target that doesn't exist.")


def _attach_policy(call: Call) -> Answer:
    organization = _organization(call)
    attached = organization.get_policy_by_id(call.text("PolicyId"))
    target = _target(organization, call)
    if attached in target.attached_policies:
        raise AwsError(
            "DuplicatePolicyAttachmentException",
            "The selected policy is already attached to the specified target.",
        )
    if attached.type == state.GUARD_RAIL and not state.guard_rails_enabled(organization):
        raise AwsError(
            "PolicyTypeNotEnabledException",
            "The specified policy type isn't currently enabled in this root.",
        )
    if attached.type == state.GUARD_RAIL and len(state.guard_rails(target)) >= SCPS_PER_TARGET:
        raise AwsError(
            "ConstraintViolationException",
            "You have exceeded the number of policies that can be attached to an entity.",
        )
    return None


def _detach_policy(call: Call) -> Answer:
    organization = _organization(call)
    attached = organization.get_policy_by_id(call.text("PolicyId"))
    target = _target(organization, call)
    if attached not in target.attached_policies:
        raise AwsError(
            "PolicyNotAttachedException",
            "The policy isn't attached to the specified target in the specified root.",
        )
    if state.guard_rails(target) == [attached]:
        raise AwsError(
            "ConstraintViolationException",
            "You cannot remove the last service control policy of an entity.",
        )
    return None
