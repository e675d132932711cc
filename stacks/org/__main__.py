"""The management account: the organization, its accounts, its OUs and its guard rails.

Deliberately nothing else but the role that changes them: no application, no DNS, nothing that a
member account could hold.
"""

import pulumi

from components.account import DEPLOY_ROLE, DeployRole, DeployRoleArgs
from components.organization import Organization, OrganizationArgs, management_policy
from components.role import role_arn
from components.service_control import NAME, GuardRails, GuardRailsArgs
from stacks import guard_rails
from stacks.accounts import management_account, own_build_role
from stacks.outputs import OrgOutputs
from stacks.release import Release
from stacks.settings import TOOLS, OrgSettings

settings = OrgSettings.load()
policies = guard_rails.admitted(settings)
release = Release.admitted_by(settings.release)

in_management = pulumi.ResourceOptions(
    providers=[management_account(settings.management_account_id, settings.region)]
)

organization = Organization(
    "organization",
    OrganizationArgs(organizational_units=settings.organizational_units, accounts=settings.members),
    in_management,
)
DeployRole(
    "deploy",
    DeployRoleArgs(
        tools_account_id=organization.account_ids[TOOLS],
        build_role=own_build_role(),
        policy=management_policy(role_arn(settings.management_account_id, DEPLOY_ROLE)),
    ),
    in_management,
)
GuardRails(
    NAME,
    GuardRailsArgs(
        organization_id=organization.organization_id,
        policies=policies,
        target_ids=organization.target_ids,
    ),
    in_management,
)

OrgOutputs(
    organization_id=organization.organization_id,
    management_account_id=pulumi.Output.from_input(settings.management_account_id),
    accounts=organization.account_ids,
    **release.once_complete(),
).export()
