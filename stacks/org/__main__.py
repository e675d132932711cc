"""The management account: the organization, its accounts, its OUs and its guard rails.

Deliberately nothing else: no application, no DNS, nothing that a member account could hold.
"""

import pulumi

from components.guard_rails import LIBRARY, GuardRail, GuardRailArgs
from components.organization import Organization, OrganizationArgs
from stacks.accounts import management_account
from stacks.outputs import OrgOutputs
from stacks.release import Release
from stacks.settings import OrgSettings

settings = OrgSettings.load()
release = Release.admitted_by(settings.release)

in_management = pulumi.ResourceOptions(
    providers=[management_account(settings.management_account_id, settings.region)]
)

organization = Organization(
    "organization",
    OrganizationArgs(organizational_units=settings.organizational_units, accounts=settings.members),
    in_management,
)
for name, targets in settings.guard_rails.items():
    GuardRail(
        name,
        GuardRailArgs(
            organization_id=organization.organization_id,
            document=LIBRARY[name](),
            targets={target: organization.target_ids[target] for target in targets},
        ),
        in_management,
    )

OrgOutputs(
    organization_id=organization.organization_id,
    management_account_id=pulumi.Output.from_input(settings.management_account_id),
    accounts=organization.account_ids,
    **release.once_complete(),
).export()
