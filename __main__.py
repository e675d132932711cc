"""One environment of the application: its zone, its API, its function and its table.

Deliberately nothing outside its own account but one record: the delegation of its sub-domain.
"""

import pulumi

from components.account import AccountBaseline, AccountBaselineArgs
from components.api import Api, ApiArgs, ApiDomain, ApiDomainArgs
from components.dns import DelegatedZone, DelegatedZoneArgs
from components.service import Service, ServiceArgs, source_archive
from stacks.accounts import delegation, member_account, own_build_role
from stacks.outputs import AppOutputs, CorpOutputs, DnsOutputs, OrgOutputs
from stacks.release import Release
from stacks.settings import ROOT, TOOLS, AppSettings

settings = AppSettings.load()
release = Release.admitted_by(settings.release)
org = OrgOutputs.read(accounts=(settings.account, TOOLS))
dns = DnsOutputs.read(domains=settings.account, delegation_roles=settings.account)
admitted = CorpOutputs.read().vpn_cidrs if settings.access == "vpnOnly" else None
account_id, domain = org.accounts[settings.account], dns.domains[settings.account]

own_account = member_account("account", account_id, settings.region)
in_dns = delegation(dns.delegation_roles[settings.account], dns.account_id, settings.region)
here = pulumi.ResourceOptions(providers=[own_account])

baseline = AccountBaseline(
    "baseline",
    AccountBaselineArgs(
        account_id=account_id, tools_account_id=org.accounts[TOOLS], build_role=own_build_role()
    ),
    here,
)
zone = DelegatedZone(
    "zone",
    DelegatedZoneArgs(
        domain=domain,
        parent_zone_id=dns.zone_id,
        parent_provider=in_dns,
        protect=settings.protect_data,
    ),
    here,
)
service = Service(
    "service",
    ServiceArgs(
        code=source_archive(ROOT / "service"),
        handler="service.handler.handle",
        memory_mb=settings.memory_mb,
        log_retention_days=settings.log_retention_days,
        permissions_boundary=baseline.boundary_arn,
        protect_data=settings.protect_data,
    ),
    here,
)
api = Api(
    "api",
    ApiArgs(
        function_name=service.function_name,
        invoke_arn=service.invoke_arn,
        admitted=admitted,
        rate_limit=settings.rate_limit,
        burst_limit=settings.burst_limit,
        log_retention_days=settings.log_retention_days,
        permissions_boundary=baseline.boundary_arn,
    ),
    here,
)
api_domain = ApiDomain(
    "api-domain",
    ApiDomainArgs(
        domain=pulumi.Output.concat("api.", domain),
        zone_id=zone.zone_id,
        rest_api_id=api.rest_api_id,
        stage_name=api.stage_name,
    ),
    here,
)

AppOutputs(
    account_id=account_id,
    domain=domain,
    api_url=api_domain.url,
    function_name=service.function_name,
    table_name=service.table_name,
    **release.once_complete(),
).export()
