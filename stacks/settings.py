"""What each project reads from its `Pulumi.<stack>.yaml`, as types.

A settings file is checked whole before the first resource is registered, and an unknown key is a
mistake (a typing error, most often). Secrets stay out: a program asks `pulumi.Config` for one.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

import pulumi
import pulumi_aws as aws
import yaml
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from components.account import DEPLOY_ROLE, MADE_BY_AWS
from components.guard_rails import (
    CHARACTERS,
    LIBRARY,
    OF_BUILDS,
    POLICIES_PER_TARGET,
    Limits,
    Terms,
)
from components.organization import (
    ACCESS_ROLE,
    ROOT_TARGET,
    MemberAccount,
    targets_above,
    with_parents,
)
from stacks.refusal import refuse
from wireguard.network import Addresses, Network, Peer, Tunnel, is_key

ROOT = Path(__file__).resolve().parent.parent
TOOLS = "tools"
"""The name of the account with the pipelines, whom the deploy roles of all accounts trust."""
OU_DEPTH = 5
"""Levels of OUs below the root (AWS Organizations quotas, read 2026-11-25)."""
EMAIL_LENGTH = 64
"""Characters in a root address (AWS Organizations API, CreateAccount, read 2026-11-25)."""
LOG_RETENTION_DAYS = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
]  # fmt: skip
"""What CloudWatch Logs accepts (API, PutRetentionPolicy, read 2026-11-25)."""
VPC_PREFIXES = range(16, 29)
"""Prefix lengths of a VPC's IPv4 block (Amazon VPC User Guide, read 2026-11-25)."""
TUNNEL_PREFIXES = range(16, 31)
"""Prefix lengths of the tunnel's IPv4 network: a /30 has room for one peer, a /16 for 65,533."""
REGIONS = sorted(
    it.value for it in aws.Region if re.fullmatch(r"(?!cn-)[a-z]{2}-[a-z]+-\d", it.value)
)
"""The regions of the partition `aws`, which ARNs here name; China and governments have others."""
NOT_FOR_EMERGENCIES = {
    **dict.fromkeys(
        (DEPLOY_ROLE, ACCESS_ROLE, *OF_BUILDS, *MADE_BY_AWS),
        "is for other things, and is spared where it has to be",
    ),
    "AWSReservedSSO_*": "has a path, so that no exemption would match it",
    "administrator": "stands for anybody in what python -m ops guard-rails shows",
}
"""Patterns of names that are not for a role for emergencies, and why; IAM ignores their case."""
UNIQUE_LOCAL = IPv6Network("fd00::/8")
"""Addresses that anybody may choose a /48 from at random (RFC 4193)."""


def _raw(info: ValidationInfo, key: str) -> list[str]:
    """Return the words of another key of the same file as they stand there, right or wrong."""
    value = cast("dict[str, Any]", info.context).get(key)
    words = list(cast("list[Any]", value)) if isinstance(value, (list, dict)) else []
    return [word for word in words if isinstance(word, str)]


def _of_an_address(name: str, info: ValidationInfo) -> str:
    pattern = cast("dict[str, Any]", info.context).get("emailPattern", "")
    address = str(pattern).replace("{account}", name)
    if len(address) > EMAIL_LENGTH:
        raise ValueError(
            f"its root address is longer than {EMAIL_LENGTH} characters; shorten emailPattern"
        )
    return name


def _shallow(path: str) -> str:
    if path.count("/") >= OU_DEPTH:
        raise ValueError(f"{path} is deeper than the {OU_DEPTH} levels that AWS allows")
    return path


def _below_the_root(path: str) -> str:
    if path.partition("/")[0] == ROOT_TARGET:
        raise ValueError(
            f"guard rails call the organization's root {ROOT_TARGET}; give the OU another name"
        )
    return path


def _of_its_own_name(name: str, info: ValidationInfo) -> str:
    if name in with_parents(_raw(info, "organizationalUnits")):
        raise ValueError("an OU has the same path, so a guard rail could mean either; rename one")
    return name


def _an_ou(path: str, info: ValidationInfo) -> str:
    units = with_parents(_raw(info, "organizationalUnits"))
    if path not in units:
        raise ValueError(f"no OU {path} in organizationalUnits{meant(path, units)}")
    return path


def _a_guard_rail(name: str) -> str:
    if name not in LIBRARY:
        raise ValueError(f"no such guard rail{meant(name, LIBRARY)}")
    return name


def _a_target(target: str, info: ValidationInfo) -> str:
    known = [
        ROOT_TARGET,
        *with_parents(_raw(info, "organizationalUnits")),
        *_raw(info, "accounts"),
    ]
    if target not in known:
        raise ValueError(
            f"{target} is neither {ROOT_TARGET} nor an OU nor an account{meant(target, known)}"
        )
    return target


def _somewhere(targets: list[str]) -> list[str]:
    if not targets:
        raise ValueError(
            "an empty list switches it on nowhere; name a target, or take the line out"
        )
    return targets


def _each_once(targets: list[str]) -> list[str]:
    twice = [target for target, count in Counter(targets).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} stands there more than once; take the others out")
    return targets


def _a_region(name: str) -> str:
    if name not in REGIONS:
        raise ValueError(f"no region {name} in the partition aws{meant(name, REGIONS)}")
    return name


def _with_the_stacks_own(regions: list[str], info: ValidationInfo) -> list[str]:
    region = cast("dict[str, Any]", info.context).get("region")
    if region not in regions:
        raise ValueError(f"{region}, in which this stack works, is not among them; add it")
    return regions


def _of_nobody_else(role: str) -> str:
    for pattern, reason in NOT_FOR_EMERGENCIES.items():
        if fnmatchcase(role.lower(), pattern.lower()):
            raise ValueError(f"{role} {reason}; name a role of its own")
    return role


def _cidr(text: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(text))
    except ValueError as reason:
        raise ValueError(f"{reason}; write a CIDR block, like 10.20.0.0/16") from None


def _private(text: object) -> IPv4Network:
    network = _cidr(text)
    if not isinstance(network, IPv4Network) or not network.is_private:
        raise ValueError(f"{network} is no private IPv4 network; write one, like 10.20.0.0/16")
    return network


def _of_a_length(network: IPv4Network, prefixes: range) -> IPv4Network:
    if network.prefixlen not in prefixes:
        raise ValueError(
            f"{network} has a prefix of {network.prefixlen}; take one from {prefixes[0]} to "
            f"{prefixes[-1]}"
        )
    return network


def _of_a_vpc(network: IPv4Network) -> IPv4Network:
    return _of_a_length(network, VPC_PREFIXES)


def _of_a_tunnel(network: IPv4Network, info: ValidationInfo) -> IPv4Network:
    vpc = cast("dict[str, Any]", info.context).get("vpcCidr")
    try:
        overlaps = network.overlaps(_private(vpc))
    except ValueError:  # said at vpcCidr
        overlaps = False
    if overlaps:
        raise ValueError(f"{network} overlaps with vpcCidr {vpc}; take another private network")
    return _of_a_length(network, TUNNEL_PREFIXES)


def _unique_local(text: object) -> IPv6Network:
    network = _cidr(text)
    if (
        not isinstance(network, IPv6Network)
        or not network.subnet_of(UNIQUE_LOCAL)
        or network.prefixlen != 64  # noqa: PLR2004 - what a network in IPv6 is (RFC 4291)
    ):
        raise ValueError(
            f"{network} is no /64 of the unique local addresses; write one with ten random digits "
            "after fd, like fd5c:2e41:9a07::/64"
        )
    return network


def _address(text: object) -> IPv4Address:
    try:
        return IPv4Address(str(text))
    except ValueError:
        raise ValueError(f"{text} is no IPv4 address; write one, like 10.20.0.7") from None


def _a_key(text: str) -> str:
    if not is_key(text):
        raise ValueError(
            f"{text} is no WireGuard key (32 bytes in base64: 44 characters, the last is =); copy "
            "it whole from the device"
        )
    return text


def _of_the_region(zone: str, info: ValidationInfo) -> str:
    region = str(cast("dict[str, Any]", info.context).get("region"))
    if zone[:-1] != region:
        raise ValueError(f"{zone} is not in the region {region}; write a zone of it")
    return zone


GitHost = Literal["GitHub", "GitLab", "Bitbucket"]
"""The git hosts that need no host of one's own (CodeConnections API, CreateConnection)."""
AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
AccountName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Domain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
Region = Annotated[str, AfterValidator(_a_region)]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Cidr = Annotated[IPv4Network | IPv6Network, BeforeValidator(_cidr)]
OuPath = Annotated[str, Field(pattern=r"^[^/\s][^/]*(/[^/\s][^/]*)*$")]


class UnusableSettingsError(Exception):
    """What is wrong with a settings file, and how to mend it."""


class Section(BaseModel):
    """Part of a settings file; its keys are written in camelCase there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        strict=True,
        hide_input_in_errors=True,
        defer_build=True,  # a program builds the models of its own project only
    )


class ReleaseRule(Section):
    """Which commits may be deployed to the stack."""

    branch: Branch = Field(description="the branch that contains every commit deployed here")
    tag: str | None = Field(
        default=None,
        min_length=1,
        description="a pattern, like 'v*', of the tag that the commit carries",
    )
    promoted_from: str | None = Field(
        default=None,
        min_length=1,
        description="the stack of this project that runs the same commit already",
    )
    approval: bool = Field(
        default=False, description="true where the pipeline waits for a person before the update"
    )


class Settings(Section):
    """What every project's settings have."""

    region: Region = Field(description="an AWS region, like eu-central-1")
    release: ReleaseRule = Field(description="a map with the branch to deploy from")

    @classmethod
    def load(cls) -> Self:
        """Return the settings of the current stack; refuse the update with all their mistakes."""
        project, stack = pulumi.get_project(), pulumi.get_stack()
        prefix = f"{project}:"
        values = {
            key.removeprefix(prefix): text
            for key, text in CONFIG.get().items()
            if key.startswith(prefix) and not is_config_secret(key)
        }
        data = {key: cls._parsed(key, text) for key, text in values.items()}
        try:
            return cls.model_validate(data, context=data)
        except ValidationError as error:
            refuse(report(cls, error, project, settings_file(stack)))

    @classmethod
    def read(cls, file: Path, project: str) -> Self:
        """Return the settings in a file of a project, outside a Pulumi program.

        Raises UnusableSettingsError.
        """
        config = config_of(file)
        prefix = f"{project}:"
        data = {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}
        try:
            return cls.model_validate(data, context=data)
        except ValidationError as error:
            raise UnusableSettingsError(report(cls, error, project, _shown(file))) from None

    @classmethod
    def _parsed(cls, key: str, text: str) -> object:
        """Return a configuration value as data: what is no string comes as JSON."""
        field = next((f for f in cls.model_fields.values() if f.alias == key), None)
        if field is None or field.annotation is str:
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


class AccountSettings(Section):
    """A member account."""

    ou: Annotated[OuPath, AfterValidator(_an_ou)] = Field(
        description="the path of an OU of organizationalUnits"
    )


class GuardRailLimits(Section):
    """Limits of guard rails, for an organization that wants to stay below those of AWS."""

    characters: int = Field(
        default=CHARACTERS,
        ge=1,
        le=CHARACTERS,
        description=f"the size of one policy, a whole number up to {CHARACTERS}",
    )
    policies_per_target: int = Field(
        default=POLICIES_PER_TARGET,
        ge=2,  # beside FullAWSAccess
        le=POLICIES_PER_TARGET,
        description="policies on one target with FullAWSAccess, a whole number from 2 to "
        f"{POLICIES_PER_TARGET}",
    )


class OrgSettings(Settings):
    """`stacks/org`: the organization."""

    management_account_id: AccountId = Field(
        description="the twelve digits of the management account, in quotes"
    )
    email_pattern: str = Field(
        description="the root addresses, with {account} for the account's name"
    )
    organizational_units: list[
        Annotated[OuPath, AfterValidator(_shallow), AfterValidator(_below_the_root)]
    ] = Field(description="a list of paths, like Workloads/Production")
    accounts: dict[
        Annotated[AccountName, AfterValidator(_of_an_address), AfterValidator(_of_its_own_name)],
        AccountSettings,
    ] = Field(
        description="a map from each account's name (lower case letters, digits, -) to its ou"
    )
    guard_rails: dict[
        Annotated[str, AfterValidator(_a_guard_rail)],
        Annotated[
            list[Annotated[str, AfterValidator(_a_target)]],
            AfterValidator(_somewhere),
            AfterValidator(_each_once),
        ],
    ] = Field(
        description="a map from each guard rail's name to a list of where it holds: "
        f"{ROOT_TARGET}, OU paths and account names"
    )
    guard_rail_limits: GuardRailLimits = Field(
        default=GuardRailLimits(), description="a map with characters and policiesPerTarget"
    )
    allowed_regions: Annotated[list[Region], AfterValidator(_with_the_stacks_own)] | None = Field(
        default=None, description="a list of regions, like eu-central-1, that accounts may use"
    )
    data_buckets: str = Field(
        default="data-*",
        # A star that is not the last would match keys of objects in other buckets, too.
        pattern=r"^[a-z0-9][a-z0-9.-]{0,62}\*?$",
        description="what the names of buckets start with whose objects are kept, like data-*",
    )
    break_glass_role: Annotated[str, AfterValidator(_of_nobody_else)] | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9+=,.@_-]{1,64}$",
        description="the name of the role for emergencies in every account, like break-glass",
    )

    @field_validator("accounts")
    @classmethod
    def _with_tools(cls, accounts: dict[str, AccountSettings]) -> dict[str, AccountSettings]:
        if TOOLS not in accounts:
            raise ValueError(
                f"no account {TOOLS}, in which the pipelines run that deploy to the others; add it"
            )
        return accounts

    @field_validator("guard_rails")
    @classmethod
    def _with_pipelines(
        cls, guard_rails: dict[str, list[str]], info: ValidationInfo
    ) -> dict[str, list[str]]:
        accounts: dict[str, AccountSettings] = info.data.get("accounts", {})
        above = targets_above(TOOLS, accounts[TOOLS].ou) if accounts else [ROOT_TARGET, TOOLS]
        ends = {*above} & {*guard_rails.get("frozen", [])}
        if ends:
            raise ValueError(
                f"frozen on {', '.join(sorted(ends))} ends every pipeline, since they run in the "
                f"account {TOOLS}; take it off there"
            )
        return guard_rails

    @field_validator("email_pattern")
    @classmethod
    def _one_address_for_each_account(cls, pattern: str) -> str:
        if not re.fullmatch(r"[^\s@]*\{account\}[^\s@]*@[^\s@]+\.[^\s@]+", pattern):
            raise ValueError(
                f"{pattern} does not give each account an address of its own; write {{account}} "
                "before the @, like aws-{account}@example.com"
            )
        return pattern

    @cached_property
    def members(self) -> dict[str, MemberAccount]:
        """The member accounts by name, each with its root address and OU."""
        return {
            name: MemberAccount(
                email=self.email_pattern.replace("{account}", name), organizational_unit=account.ou
            )
            for name, account in self.accounts.items()
        }

    @cached_property
    def terms(self) -> Terms:
        """What guard rails speak of."""
        return Terms(
            allowed_regions=self.allowed_regions or [self.region],
            data_buckets=self.data_buckets,
            break_glass_role=self.break_glass_role,
        )

    @cached_property
    def limits(self) -> Limits:
        """What a policy and a target hold at most."""
        return Limits(
            characters=self.guard_rail_limits.characters,
            policies_per_target=self.guard_rail_limits.policies_per_target,
        )


class DnsSettings(Settings):
    """`stacks/dns`: the primary zone."""

    domain: Domain = Field(description="the registered domain, in lower case, like example.com")
    delegations: dict[AccountName, Label] = Field(
        description="a map from an account's name to the label of its sub-domain"
    )

    @field_validator("delegations")
    @classmethod
    def _each_label_once(cls, delegations: dict[str, str]) -> dict[str, str]:
        counts = Counter(delegations.values())
        twice = [label for label, count in counts.items() if count > 1]
        if twice:
            raise ValueError(
                f"{', '.join(twice)} is delegated to more than one account; give each its own label"
            )
        return delegations

    @cached_property
    def domains(self) -> dict[str, str]:
        """The delegated domain of each account."""
        return {account: f"{label}.{self.domain}" for account, label in self.delegations.items()}


class NetworkSettings(Section):
    """The networks inside the tunnel: the host has the first address, each peer another."""

    ipv4: Annotated[IPv4Network, BeforeValidator(_private), AfterValidator(_of_a_tunnel)] = Field(
        description="a private network that is not the VPC's, like 10.20.0.0/16"
    )
    ipv6: Annotated[IPv6Network, BeforeValidator(_unique_local)] = Field(
        description="a /64 of the unique local addresses, like fd5c:2e41:9a07::/64"
    )


class PeerSettings(Section):
    """A person's device."""

    name: Label = Field(description="a name in lower case letters, digits and -, like alice-phone")
    public_key: Annotated[str, AfterValidator(_a_key)] = Field(
        description="the device's public key, 44 characters"
    )
    address: Annotated[IPv4Address, BeforeValidator(_address)] | None = Field(
        default=None, description="an IPv4 address in network.ipv4, like 10.20.0.7"
    )
    tunnel: Tunnel = Field(
        default="full", description="full, or split to send only splitTunnel through the tunnel"
    )


class CorpSettings(Settings):
    """`stacks/corp`: the VPN."""

    vpc_cidr: Annotated[IPv4Network, BeforeValidator(_private), AfterValidator(_of_a_vpc)] = Field(
        description="the private network around the host, like 10.10.0.0/24"
    )
    availability_zone: Annotated[
        str, Field(pattern=r"^[a-z]+(-[a-z]+)+-\d[a-z]$"), AfterValidator(_of_the_region)
    ] = Field(description="the zone in which the host runs, like eu-central-1a")
    image_id: str = Field(
        pattern=r"^ami-[0-9a-f]{8,17}$",
        description="the id of an Amazon Linux 2023 image for arm64, like ami-0123456789abcdef0",
    )
    instance_type: str = Field(
        pattern=r"^[a-z]+\d+g[a-z]*\.[a-z0-9]+$",
        description="an ARM instance type (Graviton), like t4g.micro",
    )
    update_hour: int = Field(
        ge=0, le=23, description="the hour, UTC, of updates and restarts: from 0 to 23"
    )
    alarm_email: str | None = Field(
        default=None,
        pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        description="the address that hears of a VPN without a healthy host",
    )
    network: NetworkSettings = Field(description="a map with the tunnel's networks, ipv4 and ipv6")
    split_tunnel: list[Cidr] = Field(
        default=[], description="the CIDR blocks that a split tunnel leads to"
    )
    peers: list[PeerSettings] = Field(description="a list of peers, each with name and publicKey")

    @field_validator("peers")
    @classmethod
    def _each_for_itself(
        cls, peers: list[PeerSettings], info: ValidationInfo
    ) -> list[PeerSettings]:
        """Refuse what two peers share, and what leads nowhere."""
        mistakes = [
            *_shared(peers),
            *(
                f"{peer.name} has a split tunnel, and splitTunnel lists no CIDR block; list some, "
                "or leave out tunnel"
                for peer in peers
                if peer.tunnel == "split" and not info.data.get("split_tunnel", ["said there"])
            ),
        ]
        if "network" in info.data:
            mistakes += _out_of_place(peers, _plan(info.data["network"]))
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return peers

    @cached_property
    def address_plan(self) -> Network:
        """The networks of the tunnel."""
        return _plan(self.network)

    @cached_property
    def wireguard_peers(self) -> list[Peer]:
        """The peers with their addresses."""
        return [
            Peer(
                name=peer.name,
                public_key=peer.public_key,
                addresses=_addresses(peer, self.address_plan),
                tunnel=peer.tunnel,
            )
            for peer in self.peers
        ]

    @cached_property
    def resolver(self) -> IPv4Address:
        """The VPC's DNS server: Amazon VPC answers at the third address of its block."""
        return self.vpc_cidr[2]


def _plan(network: NetworkSettings) -> Network:
    return Network(ipv4=network.ipv4, ipv6=network.ipv6)


def _addresses(peer: PeerSettings, plan: Network) -> Addresses:
    return plan.at(peer.address) if peer.address else plan.of(peer.public_key)


def _shared(peers: list[PeerSettings]) -> list[str]:
    """Return a sentence for each name and key that stands twice."""
    names = Counter(peer.name for peer in peers)
    twice = [name for name, count in names.items() if count > 1]
    return [
        f"{name} stands there more than once; give each device its own name" for name in twice
    ] + [
        f"{one.name} and {other.name} have the same publicKey; each device has a key of its own"
        for one, other in combinations(peers, 2)
        if one.public_key == other.public_key and one.name != other.name
    ]


def _out_of_place(peers: list[PeerSettings], plan: Network) -> list[str]:
    """Return a sentence for each address that no peer may have, and each that two have."""
    if len(peers) > plan.room:
        return [f"{len(peers)} peers, and {plan.ipv4} has room for {plan.room}; take a larger one"]
    outside = [
        peer for peer in peers if peer.address is not None and not plan.has_room_at(peer.address)
    ]
    by_address: dict[IPv4Address, list[PeerSettings]] = {}
    for peer in peers:
        if peer not in outside:
            by_address.setdefault(_addresses(peer, plan).ipv4, []).append(peer)
    return [
        f"the address {peer.address} of {peer.name} is not one for peers; take one from "
        f"{plan.first_peer.ipv4} to {plan.last_peer.ipv4}"
        for peer in outside
    ] + [
        f"{' and '.join(peer.name for peer in sharing)} have the address {address}; write another "
        f"one to {sharing[-1].name}{_free(plan, sharing[-1], by_address)}"
        for address, sharing in by_address.items()
        if len({peer.public_key for peer in sharing}) > 1
    ]


def _free(plan: Network, peer: PeerSettings, taken: Collection[IPv4Address]) -> str:
    free = plan.free(peer.public_key, taken)
    return f", like {free.ipv4}" if free else ""


class ToolsSettings(Settings):
    """`stacks/tools`: the pipelines, and the state of every stack."""

    git_host: GitHost = Field(description=f"one of {', '.join(get_args(GitHost))}")
    repository: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$",
        description="this repository's owner and name at the git host, like example/cloud",
    )
    deployer_role: str = Field(
        pattern=r"^[A-Za-z0-9+=,.@_/-][A-Za-z0-9+=,.@_/*-]{0,511}$",
        description="the role of the management account in which people deploy, like deployer",
    )
    notification_email: str | None = Field(
        default=None,
        pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        description="the address that hears of results, approvals to give and drift",
    )
    drift_hour: int = Field(
        ge=0, le=23, description="the hour, UTC, of the daily search for drift: from 0 to 23"
    )


class AppSettings(Settings):
    """The root project: one environment of the application."""

    account: AccountName = Field(description="the name of the environment's account in stacks/org")
    access: Literal["public", "vpnOnly"] = Field(
        description="public, or vpnOnly where only the VPN's addresses may call the API"
    )
    memory_mb: int = Field(ge=128, le=10240, description="a whole number from 128 to 10240")
    log_retention_days: LOG_RETENTION_DAYS = Field(
        description=f"one of {', '.join(map(str, get_args(LOG_RETENTION_DAYS)))}"
    )
    rate_limit: int = Field(ge=1, le=10000, description="requests per second, from 1 to 10000")
    burst_limit: int = Field(ge=1, le=5000, description="requests at one moment, from 1 to 5000")
    protect_data: bool = Field(
        default=True, description="true, or false where the data may be deleted with the stack"
    )


def settings_file(stack: str) -> str:
    """Return the path of the current project's settings file, from the repository's root."""
    return _shown(Path.cwd() / f"Pulumi.{stack}.yaml")


def config_of(file: Path) -> dict[str, Any]:
    """Return the map `config` of a settings file, unchecked.

    Raises UnusableSettingsError.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"{error.problem}, line {line}"
    except (UnicodeDecodeError, yaml.YAMLError):
        reason = "it is no text in UTF-8"
    else:
        match found:
            case {"config": {**config}}:
                return config
            case _:
                reason = "it has no map named config"
    raise UnusableSettingsError(
        f"{_shown(file)} cannot be read ({reason}): restore it, for example with git"
    )


def _shown(file: Path) -> str:
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name)


def meant(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: what was meant, or what there is."""
    known = list(known)
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known) or 'none'}"


def report(model: type[Section], error: ValidationError, project: str, file: str) -> str:
    """Return all mistakes of a settings file, a line for each key."""
    lines = [
        f"  {project}:{'.'.join(path)}: {message}"
        for path, message in (_mistake(model, details) for details in error.errors())
    ]
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return "\n".join([f"{file} has {count}; nothing was changed:", *lines])


def _mistake(model: type[Section], details: ErrorDetails) -> tuple[tuple[str, ...], str]:
    path = tuple(str(part) for part in details["loc"] if part != "[key]")
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return path, str(cause)
    owner, wanted = _place(model, path)
    if details["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in owner.model_fields.items()]
        return path, f"no such key{meant(path[-1], known)}"
    if details["type"] == "missing":
        return path, f"missing; set it to {wanted}"
    return path, f"{json.dumps(details['input'])} is not right; set it to {wanted}"


def _place(model: type[Section], path: tuple[str, ...]) -> tuple[type[Section], str]:
    """Return the section that a path leads to, and the description of the last field on the way."""
    wanted = "a map"
    for part in path:
        field = next((f for f in model.model_fields.values() if f.alias == part), None)
        if field is None:
            continue
        wanted = field.description or wanted
        inner = [field.annotation, *get_args(field.annotation)]
        model = next((t for t in inner if isinstance(t, type) and issubclass(t, Section)), model)
    return model, wanted
