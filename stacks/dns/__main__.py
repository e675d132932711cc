"""The DNS account: the primary zone, and each environment's right to delegate its own sub-domain.

Deliberately no record of an environment: its own stack writes it, with the role made here.
"""

import pulumi

from components.account import AccountBaseline, AccountBaselineArgs
from components.dns import DelegationRole, DelegationRoleArgs, PrimaryZone, PrimaryZoneArgs
from stacks import catalogue
from stacks.accounts import delegation_role, member_account, own_build_role
from stacks.outputs import DnsOutputs, OrgOutputs
from stacks.release import Release
from stacks.settings import TOOLS, DnsSettings

settings = DnsSettings.load()
release = Release.admitted_by(settings.release)
org = OrgOutputs.read(accounts=("dns", TOOLS))
build_roles = catalogue.build_roles_for(settings.delegations)
account_id, tools_account_id = org.accounts["dns"], org.accounts[TOOLS]

in_dns = pulumi.ResourceOptions(providers=[member_account("dns", account_id, settings.region)])

baseline = AccountBaseline(
    "baseline",
    AccountBaselineArgs(
        account_id=account_id, tools_account_id=tools_account_id, build_role=own_build_role()
    ),
    in_dns,
)
primary = PrimaryZone("primary", PrimaryZoneArgs(domain=settings.domain), in_dns)
roles = {
    account: DelegationRole(
        f"delegate-{account}",
        DelegationRoleArgs(
            domain=domain,
            role_name=delegation_role(account),
            zone_arn=primary.zone_arn,
            tools_account_id=tools_account_id,
            build_role=build_roles[account],
            permissions_boundary=baseline.boundary_arn,
        ),
        in_dns,
    )
    for account, domain in settings.domains.items()
}

DnsOutputs(
    account_id=account_id,
    domain=pulumi.Output.from_input(settings.domain),
    zone_id=primary.zone_id,
    name_servers=primary.name_servers,
    domains=pulumi.Output.from_input(settings.domains),
    delegation_roles=pulumi.Output.all(
        **{name: role.role_arn for name, role in roles.items()}
    ).apply(dict),
    **release.once_complete(),
).export()
