"""The organization: its root, its OUs and its member accounts.

Owns nothing inside a member account, and closes none: an account outlives a mistake made here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

ACCESS_ROLE = "OrganizationAccountAccessRole"
"""The role AWS makes in a new account; only the management account may assume it."""

ROOT_TARGET = "Root"
"""The name of the organization's root among what a policy attaches to."""

ACCOUNT_QUOTA = 10
"""Accounts an organization may have at first, the management account included (AWS Organizations
quotas, read 2026-11-25). A closed account counts for 90 days."""


def management_policy(deploy_role_arn: str) -> dict[str, Any]:
    """Return what a change of an organization that exists needs, and nothing else.

    Not to leave, close or delete anything of it: an account outlives a mistake made here. The role
    itself is read, since an update looks at it; a person changes it.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ChangeTheOrganization",
                "Effect": "Allow",
                "Action": [
                    "organizations:AttachPolicy",
                    "organizations:CreateAccount",
                    "organizations:CreateOrganizationalUnit",
                    "organizations:CreatePolicy",
                    "organizations:DeleteOrganizationalUnit",
                    "organizations:DeletePolicy",
                    "organizations:Describe*",
                    "organizations:DetachPolicy",
                    "organizations:EnablePolicyType",
                    "organizations:List*",
                    "organizations:MoveAccount",
                    "organizations:TagResource",
                    "organizations:UntagResource",
                    "organizations:UpdateOrganizationalUnit",
                    "organizations:UpdatePolicy",
                ],
                "Resource": "*",
            },
            {
                "Sid": "SeeItself",
                "Effect": "Allow",
                "Action": [
                    "iam:GetRole",
                    "iam:GetRolePolicy",
                    "iam:ListAttachedRolePolicies",
                    "iam:ListRolePolicies",
                ],
                "Resource": deploy_role_arn,
            },
        ],
    }


@dataclass(frozen=True, kw_only=True)
class MemberAccount:
    """A member account: the address of its root user and the path of its OU."""

    email: str
    organizational_unit: str


@dataclass(frozen=True, kw_only=True)
class OrganizationArgs:
    """The paths of all OUs (`Workloads/Production`, parents implied) and the accounts by name."""

    organizational_units: Sequence[str]
    accounts: Mapping[str, MemberAccount]


class Organization(pulumi.ComponentResource):
    """An organization with all features, service control policies, OUs and member accounts.

    `account_ids` maps an account's name to its id of twelve digits, `target_ids` the root's name,
    the path of an OU or the name of an account to the id that a policy attaches to.
    """

    organization_id: pulumi.Output[str]
    account_ids: pulumi.Output[dict[str, str]]
    target_ids: dict[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: OrganizationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:organization:Organization", name, None, opts)
        organization = aws.organizations.Organization(
            f"{name}-root",
            feature_set="ALL",
            enabled_policy_types=["SERVICE_CONTROL_POLICY"],
            opts=pulumi.ResourceOptions(
                parent=self,
                # Deleting the organization would set every account free of its guard rails.
                protect=True,
                retain_on_delete=True,
                # Services that people let into the organization are theirs, not this program's.
                ignore_changes=["awsServiceAccessPrincipals"],
            ),
        )
        root_id = organization.roots.apply(lambda roots: str(roots[0].id))
        units = self._organizational_units(name, args.organizational_units, root_id)
        accounts = self._accounts(name, args.accounts, units)

        self.organization_id = organization.id
        self.account_ids = pulumi.Output.all(**accounts).apply(dict[str, str])
        self.target_ids = {ROOT_TARGET: root_id} | units | accounts
        self.register_outputs(
            {
                "organization_id": self.organization_id,
                "account_ids": self.account_ids,
                "target_ids": self.target_ids,
            }
        )

    def _organizational_units(
        self, name: str, paths: Sequence[str], root_id: pulumi.Output[str]
    ) -> dict[str, pulumi.Output[str]]:
        units: dict[str, pulumi.Output[str]] = {}
        for path in with_parents(paths):
            parent, _, unit = path.rpartition("/")
            units[path] = aws.organizations.OrganizationalUnit(
                f"{name}-{path}",
                name=unit,
                parent_id=units[parent] if parent else root_id,
                opts=pulumi.ResourceOptions(parent=self),
            ).id
        return units

    def _accounts(
        self,
        name: str,
        members: Mapping[str, MemberAccount],
        units: Mapping[str, pulumi.Output[str]],
    ) -> dict[str, pulumi.Output[str]]:
        if len(members) + 1 > ACCOUNT_QUOTA:
            pulumi.log.warn(
                f"{len(members) + 1} accounts with the management account: an organization has "
                f"at most {ACCOUNT_QUOTA} until AWS raises its quota (Service Quotas, AWS "
                "Organizations); closed ones count for 90 days.",
                resource=self,
            )
        accounts: dict[str, pulumi.Output[str]] = {}
        previous: pulumi.Output[str] | None = None
        for member, settings in members.items():
            account = aws.organizations.Account(
                f"{name}-{member}",
                name=_after(previous, member),
                email=settings.email,
                parent_id=units[settings.organizational_unit],
                role_name=ACCESS_ROLE,
                close_on_deletion=False,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    # An account that is closed blocks its root address for months.
                    protect=True,
                    retain_on_delete=True,
                    # The account API changes an address; the other two cannot be read back, so an
                    # adopted account would seem to differ. Each of the three plans a replacement.
                    ignore_changes=["email", "roleName", "iamUserAccessToBilling"],
                ),
            )
            accounts[member] = previous = account.id
        return accounts


def _after(previous: pulumi.Output[str] | None, value: str) -> pulumi.Output[str]:
    """Return the value once the previous account is there.

    Created side by side, accounts fail: ConcurrentModification, EMAIL_ALREADY_EXISTS. A chain of
    `depends_on` would order them too, but the SDK walks it recursively for each link, and gives up
    after some hundred.
    """

    async def waited() -> str:
        if previous is not None:
            await previous.future()
        return value

    return pulumi.Output[str].from_input(waited())


def targets_above(account: str, path: str) -> list[str]:
    """Return where guard rails hold for an account in an OU, from the root down to itself."""
    return [ROOT_TARGET, *with_parents([path]), account]


def with_parents(paths: Sequence[str]) -> list[str]:
    """Return the paths and all their ancestors, each once, parents before children."""
    found: dict[str, None] = {}
    for path in paths:
        parts = path.split("/")
        found |= dict.fromkeys("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return list(found)
