"""The Corp account: the VPN that leads people to what only its addresses may reach.

Deliberately no key of WireGuard: the host makes its own, and each device its own.
"""

import pulumi

from components.account import AccountBaseline, AccountBaselineArgs
from components.dns import DelegatedZone, DelegatedZoneArgs
from components.vpn import Vpn, VpnArgs
from stacks.accounts import delegation, member_account, own_build_role
from stacks.outputs import CorpOutputs, DnsOutputs, OrgOutputs
from stacks.release import Release
from stacks.settings import TOOLS, CorpSettings

settings = CorpSettings.load()
release = Release.admitted_by(settings.release)
org = OrgOutputs.read(accounts=("corp", TOOLS))
dns = DnsOutputs.read(domains="corp", delegation_roles="corp")
account_id, domain = org.accounts["corp"], dns.domains["corp"]

corp = member_account("corp", account_id, settings.region)
in_dns = delegation(dns.delegation_roles["corp"], dns.account_id, settings.region)
in_corp = pulumi.ResourceOptions(providers=[corp])

baseline = AccountBaseline(
    "baseline",
    AccountBaselineArgs(
        account_id=account_id, tools_account_id=org.accounts[TOOLS], build_role=own_build_role()
    ),
    in_corp,
)
zone = DelegatedZone(
    "zone",
    DelegatedZoneArgs(domain=domain, parent_zone_id=dns.zone_id, parent_provider=in_dns),
    in_corp,
)
vpn = Vpn(
    "vpn",
    VpnArgs(
        account_id=account_id,
        region=settings.region,
        availability_zone=settings.availability_zone,
        vpc_cidr=settings.vpc_cidr,
        network=settings.address_plan,
        image_id=settings.image_id,
        instance_type=settings.instance_type,
        update_hour=settings.update_hour,
        alarm_email=settings.alarm_email,
        peers=settings.wireguard_peers,
        domain=pulumi.Output.concat("vpn.", domain),
        zone_id=zone.zone_id,
        permissions_boundary=baseline.boundary_arn,
    ),
    in_corp,
)

CorpOutputs(
    account_id=account_id,
    domain=domain,
    vpn_host=vpn.host_name,
    vpn_cidrs=vpn.cidrs,
    **release.once_complete(),
).export()
