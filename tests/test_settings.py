"""Settings: every file of the repository is right, and a wrong one is refused whole, in plain words."""

import contextlib
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.guard_rails import Limits, Terms
from stacks.settings import (
    REGIONS,
    AppSettings,
    CorpSettings,
    DnsSettings,
    OrgSettings,
    Settings,
    ToolsSettings,
    UnusableSettingsError,
)
from tests.cloud import ROOT, Cloud, as_engine_hands_over

MODELS: dict[str, type[Settings]] = {
    "org": OrgSettings,
    "dns": DnsSettings,
    "corp": CorpSettings,
    "tools": ToolsSettings,
    "app": AppSettings,
}
FILES = sorted(path for path in [*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("stacks/*/Pulumi.*.yaml")])

ORG: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main"},
    "managementAccountId": "111122223333",
    "emailPattern": "aws-{account}@example.com",
    "organizationalUnits": ["Infrastructure", "Workloads/Production"],
    "accounts": {
        "dns": {"ou": "Infrastructure"},
        "tools": {"ou": "Infrastructure"},
        "prod": {"ou": "Workloads/Production"},
    },
    "guardRails": {"protectDataStores": ["Workloads/Production"]},
}
DNS: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main"},
    "domain": "example.com",
    "delegations": {"dev": "dev"},
}
ALICE = "FZMdTHRgcJyOPUIWj4C1nFgyNP0wPnSXJF0+xmOFdR0="
BOB = "pBqRUn1oM2eBxQCkTBYnzIY6nHNWJXoOyL6FZGOQtA4="
CORP: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main"},
    "availabilityZone": "eu-central-1a",
    "vpcCidr": "10.90.0.0/24",
    "imageId": "ami-0123456789abcdef0",
    "instanceType": "t4g.micro",
    "updateHour": 2,
    "network": {"ipv4": "10.91.0.0/24", "ipv6": "fd00:1:2:3::/64"},
    "splitTunnel": ["10.0.0.0/8", "2001:db8::/32"],
    "peers": [
        {"name": "alice", "publicKey": ALICE},
        {"name": "bob", "publicKey": BOB, "address": "10.91.0.7", "tunnel": "split"},
    ],
}
APP: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "develop"},
    "account": "dev",
    "access": "vpnOnly",
    "memoryMb": 256,
    "logRetentionDays": 14,
    "rateLimit": 20,
    "burstLimit": 40,
}
TOOLS: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main", "approval": True},
    "gitHost": "GitHub",
    "repository": "example/cloud",
    "deployerRole": "deployer",
    "driftHour": 3,
}
RIGHT = {"org": ORG, "dns": DNS, "corp": CORP, "tools": TOOLS, "app": APP}


def load(project: str, settings: dict[str, Any]) -> tuple[Settings | None, list[str]]:
    """Return the settings or the messages that refused them."""
    cloud = Cloud()
    loaded: list[Settings] = []
    config = {f"{project}:{key}": as_engine_hands_over(value) for key, value in settings.items()}
    with contextlib.suppress(SystemExit):
        cloud.run(lambda: loaded.append(MODELS[project].load()), project=project, config=config)
    return (loaded[0] if loaded else None), cloud.errors


def mistakes(project: str, **changes: Any) -> list[str]:
    """Return the lines about the right settings with some changed (None takes one out)."""
    changed = {k: v for k, v in (RIGHT[project] | changes).items() if v is not None}
    _, (message,) = load(project, changed)
    heading, *lines = message.splitlines()
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    assert heading == f"Pulumi.main.yaml has {count}; nothing was changed:"
    return [line.strip() for line in lines]


@pytest.fixture(autouse=True)
def _in_a_project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_guard_rails_speak_of_the_stacks_region_unless_settings_say_more() -> None:
    alone, _ = load("org", ORG)
    more, _ = load(
        "org",
        ORG
        | {
            "allowedRegions": ["eu-central-1", "eu-west-1"],
            "dataBuckets": "kept-*",
            "breakGlassRole": "break-glass",
            "guardRailLimits": {"policiesPerTarget": 8},
        },
    )

    assert isinstance(alone, OrgSettings)
    assert isinstance(more, OrgSettings)
    assert alone.terms == Terms(allowed_regions=["eu-central-1"], data_buckets="data-*")
    assert alone.limits == Limits(characters=10240, policies_per_target=10)
    assert more.terms == Terms(
        allowed_regions=["eu-central-1", "eu-west-1"],
        data_buckets="kept-*",
        break_glass_role="break-glass",
    )
    assert more.limits == Limits(characters=10240, policies_per_target=8)


@pytest.mark.parametrize("role", ["break-glass", "rebuild-it", "deployer", "administrators"])
def test_a_role_for_emergencies_has_any_other_name(role: str) -> None:
    settings, errors = load("org", ORG | {"breakGlassRole": role})

    assert errors == []
    assert isinstance(settings, OrgSettings)
    assert settings.terms.break_glass_role == role


def test_an_account_without_pipelines_may_be_frozen() -> None:
    _, errors = load("org", ORG | {"guardRails": {"frozen": ["prod", "Workloads/Production"]}})

    assert errors == []


def test_regions_are_those_of_the_partition_that_arns_here_name() -> None:
    assert {"eu-central-1", "us-east-1", "il-central-1", "mx-central-1"} <= set(REGIONS)
    assert not [
        it for it in REGIONS if it.startswith(("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"))
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_settings_file_is_right(file: Path) -> None:
    project = yaml.safe_load((file.parent / "Pulumi.yaml").read_text())["name"]
    config = yaml.safe_load(file.read_text())["config"]
    ours = {key.removeprefix(f"{project}:"): value for key, value in config.items()}

    settings, errors = load(project, ours)

    assert errors == []
    assert settings is not None


def test_a_mistake_ends_the_program_by_the_status_the_engine_adds_nothing_to() -> None:
    with pytest.raises(SystemExit) as end:
        Cloud().run(OrgSettings.load, project="org")

    assert end.value.code == 32


@pytest.mark.parametrize("project", MODELS)
def test_the_examples_here_are_right(project: str) -> None:
    settings, errors = load(project, RIGHT[project])

    assert errors == []
    assert settings is not None


def test_a_secret_is_not_read_and_no_mistake() -> None:
    cloud = Cloud()
    config = {f"app:{key}": as_engine_hands_over(value) for key, value in APP.items()}

    def program() -> None:
        pulumi.runtime.set_all_config(config | {"app:password": "hidden"}, ["app:password"])
        AppSettings.load()

    assert cloud.run(program, project="app").errors == []


def test_numbers_and_flags_may_be_in_quotes_as_the_engine_writes_them() -> None:
    settings, _ = load("app", APP | {"memoryMb": "256", "protectData": "false"})

    assert isinstance(settings, AppSettings)
    assert settings.memory_mb == 256
    assert settings.protect_data is False


def test_data_is_protected_where_settings_do_not_say() -> None:
    settings, _ = load("app", APP)

    assert isinstance(settings, AppSettings)
    assert settings.protect_data is True


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    lines = mistakes("app", memoryMb=64, rateLmit=3, account=None, burstLimit="many")

    assert lines == [
        "app:account: missing; set it to the name of the environment's account in stacks/org",
        "app:memoryMb: 64 is not right; set it to a whole number from 128 to 10240",
        'app:burstLimit: "many" is not right; set it to requests at one moment, from 1 to 5000',
        "app:rateLmit: no such key; did you mean rateLimit?",
    ]


@pytest.mark.parametrize(
    ("project", "changes", "line"),
    [
        (
            "org",
            {"managementAccountId": "12345"},
            'org:managementAccountId: "12345" is not right; set it to the twelve digits of the '
            "management account, in quotes",
        ),
        (
            "org",
            {"region": "Frankfurt"},
            f"org:region: no region Frankfurt in the partition aws; there are: {', '.join(REGIONS)}",
        ),
        (
            "app",
            {"region": "eu-central1"},
            "app:region: no region eu-central1 in the partition aws; did you mean eu-central-1?",
        ),
        (
            "dns",
            {"region": "cn-north-1"},
            "dns:region: no region cn-north-1 in the partition aws; did you mean eu-north-1?",
        ),
        (
            "org",
            {"emailPattern": "aws@example.com"},
            "org:emailPattern: aws@example.com does not give each account an address of its own; write "
            "{account} before the @, like aws-{account}@example.com",
        ),
        (
            "org",
            {"emailPattern": f"aws-{'x' * 60}-{{account}}@example.com", "accounts": {"a": {"ou": "Infrastructure"}}},
            "org:accounts.a: its root address is longer than 64 characters; shorten emailPattern",
        ),
        (
            "org",
            {"accounts": {"prod": {"ou": "Workload/Production"}}},
            "org:accounts.prod.ou: no OU Workload/Production in organizationalUnits; did you mean "
            "Workloads/Production?",
        ),
        (
            "org",
            {"accounts": {"prod": {"oo": "x", "ou": "Infrastructure"}}},
            "org:accounts.prod.oo: no such key; there are: ou",
        ),
        (
            "org",
            {"accounts": {"PROD": {"ou": "Infrastructure"}}},
            'org:accounts.PROD: "PROD" is not right; set it to a map from each account\'s name (lower '
            "case letters, digits, -) to its ou",
        ),
        (
            "org",
            {"guardRails": {"protectDataStore": ["prod"]}},
            "org:guardRails.protectDataStore: no such guard rail; did you mean protectDataStores?",
        ),
        (
            "org",
            {"guardRails": {"protectDataStores": ["prd"]}},
            "org:guardRails.protectDataStores.0: prd is neither Root nor an OU nor an account; "
            "did you mean prod?",
        ),
        (
            "org",
            {"guardRails": {"protectDataStores": ["root"]}},
            "org:guardRails.protectDataStores.0: root is neither Root nor an OU nor an account; did "
            "you mean Root?",
        ),
        (
            "org",
            {"guardRails": {"protectDataStores": ["prod", "Root", "prod"]}},
            "org:guardRails.protectDataStores: prod stands there more than once; take the others out",
        ),
        (
            "org",
            {"guardRails": {"protectDataStores": []}},
            "org:guardRails.protectDataStores: an empty list switches it on nowhere; name a target, "
            "or take the line out",
        ),
        (
            "org",
            {"guardRails": {"frozen": ["prod", "Root"]}},
            "org:guardRails: frozen on Root ends every pipeline, since they run in the account tools; "
            "take it off there",
        ),
        (
            "org",
            {"guardRails": {"frozen": ["tools"]}},
            "org:guardRails: frozen on tools ends every pipeline, since they run in the account tools; "
            "take it off there",
        ),
        (
            "org",
            {
                "guardRails": {"frozen": ["Infrastructure"]},
                "accounts": {"tools": {"ou": "Infrastructure/Tools"}},
                "organizationalUnits": ["Infrastructure/Tools"],
            },
            "org:guardRails: frozen on Infrastructure ends every pipeline, since they run in the "
            "account tools; take it off there",
        ),
        (
            "org",
            {"guardRails": ["protectDataStores"]},
            'org:guardRails: ["protectDataStores"] is not right; set it to a map from each guard '
            "rail's name to a list of where it holds: Root, OU paths and account names",
        ),
        (
            "org",
            {"organizationalUnits": ["Infrastructure", "Workloads/Production", "Root/Special"]},
            "org:organizationalUnits.2: guard rails call the organization's root Root; give the OU "
            "another name",
        ),
        (
            "org",
            {"allowedRegions": ["eu-west-1", "us-east-1"]},
            "org:allowedRegions: eu-central-1, in which this stack works, is not among them; add it",
        ),
        (
            "org",
            {"allowedRegions": ["eu-central-1", "eu-west-4"]},
            "org:allowedRegions.1: no region eu-west-4 in the partition aws; did you mean eu-west-3?",
        ),
        (
            "org",
            {"dataBuckets": "*-data-*"},
            'org:dataBuckets: "*-data-*" is not right; set it to what the names of buckets start with '
            "whose objects are kept, like data-*",
        ),
        (
            "org",
            {"breakGlassRole": "break*"},
            'org:breakGlassRole: "break*" is not right; set it to the name of the role for '
            "emergencies in every account, like break-glass",
        ),
        (
            "org",
            {"breakGlassRole": "deploy"},
            "org:breakGlassRole: deploy is for other things, and is spared where it has to be; name "
            "a role of its own",
        ),
        *(
            (
                "org",
                {"breakGlassRole": role},
                f"org:breakGlassRole: {role} is for other things, and is spared where it has to be; "
                "name a role of its own",
            )
            for role in (
                "organizationaccountaccessrole",
                "Build-emergency",
                "pipelines",
                "AWSControlTowerExecution",
                "StackSets-Exec-1",
            )
        ),
        (
            "org",
            {"breakGlassRole": "AWSReservedSSO_Emergency_0123456789abcdef"},
            "org:breakGlassRole: AWSReservedSSO_Emergency_0123456789abcdef has a path, so that no "
            "exemption would match it; name a role of its own",
        ),
        (
            "org",
            {"breakGlassRole": "Administrator"},
            "org:breakGlassRole: Administrator stands for anybody in what python -m ops guard-rails "
            "shows; name a role of its own",
        ),
        (
            "org",
            {"guardRailLimits": {"characters": 10241}},
            "org:guardRailLimits.characters: 10241 is not right; set it to the size of one policy, a "
            "whole number up to 10240",
        ),
        (
            "org",
            {"guardRailLimits": {"policiesPerTarget": 11}},
            "org:guardRailLimits.policiesPerTarget: 11 is not right; set it to policies on one "
            "target with FullAWSAccess, a whole number from 2 to 10",
        ),
        (
            "org",
            {"guardRailLimits": {"policiesPerTarget": 1}},
            "org:guardRailLimits.policiesPerTarget: 1 is not right; set it to policies on one "
            "target with FullAWSAccess, a whole number from 2 to 10",
        ),
        (
            "org",
            {"organizationalUnits": ["Infrastructure", "Workloads/Production", "1/2/3/4/5/6"]},
            "org:organizationalUnits.2: 1/2/3/4/5/6 is deeper than the 5 levels that AWS allows",
        ),
        (
            "org",
            {"release": {"brnch": "main", "branch": "main"}},
            "org:release.brnch: no such key; did you mean branch?",
        ),
        (
            "org",
            {"release": {"branch": "*"}},
            'org:release.branch: "*" is not right; set it to the branch that contains every commit '
            "deployed here",
        ),
        (
            "org",
            {"release": {"branch": "main", "tag": ""}},
            "org:release.tag: \"\" is not right; set it to a pattern, like 'v*', of the tag that the "
            "commit carries",
        ),
        (
            "org",
            {"accounts": {"dns": {"ou": "dns"}}, "organizationalUnits": ["dns"]},
            "org:accounts.dns: an OU has the same path, so a guard rail could mean either; rename one",
        ),
        (
            "org",
            {"accounts": {"prod": {"ou": "Infrastructure"}}},
            "org:accounts: no account tools, in which the pipelines run that deploy to the others; add "
            "it",
        ),
        (
            "org",
            {"release": {"branch": "main", "approval": "yes"}},
            'org:release.approval: "yes" is not right; set it to true where the pipeline waits for a '
            "person before the update",
        ),
        (
            "tools",
            {"gitHost": "Gitea"},
            'tools:gitHost: "Gitea" is not right; set it to one of GitHub, GitLab, Bitbucket',
        ),
        (
            "tools",
            {"repository": "https://github.com/example/cloud"},
            'tools:repository: "https://github.com/example/cloud" is not right; set it to this '
            "repository's owner and name at the git host, like example/cloud",
        ),
        (
            "tools",
            {"deployerRole": ""},
            'tools:deployerRole: "" is not right; set it to the role of the management account in '
            "which people deploy, like deployer",
        ),
        (
            "tools",
            {"notificationEmail": "ops"},
            'tools:notificationEmail: "ops" is not right; set it to the address that hears of results, '
            "approvals to give and drift",
        ),
        (
            "tools",
            {"driftHour": 24},
            "tools:driftHour: 24 is not right; set it to the hour, UTC, of the daily search for drift: "
            "from 0 to 23",
        ),
        (
            "dns",
            {"domain": "Example.com."},
            'dns:domain: "Example.com." is not right; set it to the registered domain, in lower case, '
            "like example.com",
        ),
        (
            "dns",
            {"delegations": {"dev": "app", "prod": "app"}},
            "dns:delegations: app is delegated to more than one account; give each its own label",
        ),
        (
            "corp",
            {"vpcCidr": "10.90.0.5/24"},
            "corp:vpcCidr: 10.90.0.5/24 has host bits set; write a CIDR block, like 10.20.0.0/16",
        ),
        (
            "corp",
            {"vpcCidr": "8.8.8.0/24"},
            "corp:vpcCidr: 8.8.8.0/24 is no private IPv4 network; write one, like 10.20.0.0/16",
        ),
        (
            "corp",
            {"vpcCidr": "10.0.0.0/8", "network": {"ipv4": "172.16.0.0/24", "ipv6": "fd00::/64"}},
            "corp:vpcCidr: 10.0.0.0/8 has a prefix of 8; take one from 16 to 28",
        ),
        (
            "corp",
            {"network": {"ipv4": "10.90.0.128/25", "ipv6": "fd00::/64"}, "peers": []},
            "corp:network.ipv4: 10.90.0.128/25 overlaps with vpcCidr 10.90.0.0/24; take another "
            "private network",
        ),
        (
            "corp",
            {"network": {"ipv4": "10.91.0.0/31", "ipv6": "fd00::/64"}, "peers": []},
            "corp:network.ipv4: 10.91.0.0/31 has a prefix of 31; take one from 16 to 30",
        ),
        (
            "corp",
            {"network": {"ipv4": "10.91.0.0/24", "ipv6": "2001:db8::/64"}},
            "corp:network.ipv6: 2001:db8::/64 is no /64 of the unique local addresses; write one with "
            "ten random digits after fd, like fd5c:2e41:9a07::/64",
        ),
        (
            "corp",
            {"availabilityZone": "us-east-1a"},
            "corp:availabilityZone: us-east-1a is not in the region eu-central-1; write a zone of it",
        ),
        (
            "corp",
            {"availabilityZone": "a"},
            'corp:availabilityZone: "a" is not right; set it to the zone in which the host runs, like '
            "eu-central-1a",
        ),
        (
            "corp",
            {"imageId": "latest"},
            'corp:imageId: "latest" is not right; set it to the id of an Amazon Linux 2023 image for '
            "arm64, like ami-0123456789abcdef0",
        ),
        (
            "corp",
            {"instanceType": "t3.micro"},
            'corp:instanceType: "t3.micro" is not right; set it to an ARM instance type (Graviton), '
            "like t4g.micro",
        ),
        (
            "corp",
            {"updateHour": 24},
            "corp:updateHour: 24 is not right; set it to the hour, UTC, of updates and restarts: from 0 "
            "to 23",
        ),
        (
            "corp",
            {"alarmEmail": "ops"},
            'corp:alarmEmail: "ops" is not right; set it to the address that hears of a VPN without a '
            "healthy host",
        ),
        (
            "corp",
            {"splitTunnel": ["10.0.0.1/8", "0.0.0.0/0"]},
            "corp:splitTunnel.0: 10.0.0.1/8 has host bits set; write a CIDR block, like 10.20.0.0/16",
        ),
        (
            "corp",
            {"peers": [{"name": "Alice", "publicKey": ALICE}]},
            'corp:peers.0.name: "Alice" is not right; set it to a name in lower case letters, digits '
            "and -, like alice-phone",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE[:-5] + "="}]},
            "corp:peers.0.publicKey: FZMdTHRgcJyOPUIWj4C1nFgyNP0wPnSXJF0+xmO= is no WireGuard key (32 "
            "bytes in base64: 44 characters, the last is =); copy it whole from the device",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE, "address": "10.91.0"}]},
            "corp:peers.0.address: 10.91.0 is no IPv4 address; write one, like 10.20.0.7",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE, "tunnel": "half"}]},
            'corp:peers.0.tunnel: "half" is not right; set it to full, or split to send only '
            "splitTunnel through the tunnel",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE, "adress": "10.91.0.7"}]},
            "corp:peers.0.adress: no such key; did you mean address?",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE}, {"name": "alice", "publicKey": BOB}]},
            "corp:peers: alice stands there more than once; give each device its own name",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE}, {"name": "bob", "publicKey": ALICE}]},
            "corp:peers: alice and bob have the same publicKey; each device has a key of its own",
        ),
        (
            "corp",
            {
                "peers": [
                    {"name": "alice", "publicKey": ALICE, "address": "10.91.0.7"},
                    {"name": "bob", "publicKey": BOB, "address": "10.91.0.7"},
                ]
            },
            "corp:peers: alice and bob have the address 10.91.0.7; write another one to bob, like "
            "10.91.0.157",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE, "address": "10.91.0.1"}]},
            "corp:peers: the address 10.91.0.1 of alice is not one for peers; take one from 10.91.0.2 "
            "to 10.91.0.254",
        ),
        (
            "corp",
            {"peers": [{"name": "alice", "publicKey": ALICE, "address": "10.92.0.9"}]},
            "corp:peers: the address 10.92.0.9 of alice is not one for peers; take one from 10.91.0.2 "
            "to 10.91.0.254",
        ),
        (
            "corp",
            {
                "network": {"ipv4": "10.91.0.0/30", "ipv6": "fd00::/64"},
                "peers": [{"name": "alice", "publicKey": ALICE}, {"name": "bob", "publicKey": BOB}],
            },
            "corp:peers: 2 peers, and 10.91.0.0/30 has room for 1; take a larger one",
        ),
        (
            "corp",
            {"splitTunnel": None},
            "corp:peers: bob has a split tunnel, and splitTunnel lists no CIDR block; list some, or "
            "leave out tunnel",
        ),
        (
            "app",
            {"access": None},
            "app:access: missing; set it to public, or vpnOnly where only the VPN's addresses may call "
            "the API",
        ),
        (
            "app",
            {"access": "open"},
            'app:access: "open" is not right; set it to public, or vpnOnly where only the VPN\'s '
            "addresses may call the API",
        ),
        (
            "app",
            {"logRetentionDays": 8},
            "app:logRetentionDays: 8 is not right; set it to one of 1, 3, 5, 7, 14, 30, 60, 90, 120, "
            "150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
        ),
        (
            "app",
            {"protectData": "no"},
            'app:protectData: "no" is not right; set it to true, or false where the data may be '
            "deleted with the stack",
        ),
        (
            "app",
            {"release": None},
            "app:release: missing; set it to a map with the branch to deploy from",
        ),
        ("app", {"zzz": 1}, "app:zzz: no such key; there are: region, release, account, access, "
            "memoryMb, "
            "logRetentionDays, rateLimit, burstLimit, protectData"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_key_and_its_remedy(
    project: str, changes: dict[str, Any], line: str
) -> None:
    assert line in mistakes(project, **changes)


def test_peers_have_addresses_that_no_other_peer_moves() -> None:
    alice, bob = CORP["peers"]
    carol = {"name": "carol", "publicKey": "x" * 42 + "w="}

    all_three, _ = load("corp", CORP | {"peers": [carol, bob, alice]})
    alone, _ = load("corp", CORP | {"peers": [alice]})

    assert isinstance(all_three, CorpSettings)
    assert isinstance(alone, CorpSettings)
    (before,) = alone.wireguard_peers
    addresses = {peer.name: peer.addresses for peer in all_three.wireguard_peers}
    assert addresses["alice"] == before.addresses
    assert str(addresses["bob"]) == "10.91.0.7/32,fd00:1:2:3::7/128"


def test_clients_ask_the_vpcs_own_dns_server() -> None:
    settings, _ = load("corp", CORP)

    assert isinstance(settings, CorpSettings)
    assert str(settings.resolver) == "10.90.0.2"


def test_a_file_is_read_outside_a_program_as_inside(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.main.yaml"
    file.write_text(yaml.safe_dump({"config": {f"corp:{key}": v for key, v in CORP.items()}}))

    inside, _ = load("corp", CORP)

    assert CorpSettings.read(file, "corp") == inside


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Pulumi.main.yaml cannot be read (No such file or directory): restore it, for example with git"),
        ("- a", "Pulumi.main.yaml cannot be read (it has no map named config): restore it, for example with git"),
        ("config: {a: \x01}", "Pulumi.main.yaml cannot be read (it is no text in UTF-8): restore it, for example with git"),
        ("config: \udcff", "Pulumi.main.yaml cannot be read (it is no text in UTF-8): restore it, for example with git"),
        ("a: b: c", "Pulumi.main.yaml cannot be read (mapping values are not allowed here, line 1): restore it, for example with git"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "Pulumi.main.yaml"
    if text is not None:
        file.write_text(text, errors="surrogateescape")

    with pytest.raises(UnusableSettingsError) as refusal:
        CorpSettings.read(file, "corp")

    assert str(refusal.value) == message


def test_mistakes_in_a_file_are_told_outside_a_program_too(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.main.yaml"
    values = CORP | {"imageId": "latest"}
    file.write_text(yaml.safe_dump({"config": {f"corp:{key}": v for key, v in values.items()}}))

    with pytest.raises(UnusableSettingsError) as refusal:
        CorpSettings.read(file, "corp")

    assert str(refusal.value) == (
        "Pulumi.main.yaml has 1 mistake; nothing was changed:\n"
        '  corp:imageId: "latest" is not right; set it to the id of an Amazon Linux 2023 image for '
        "arm64, like ami-0123456789abcdef0"
    )
