"""Settings: every file of the repository is right, and a wrong one is refused whole, in plain words."""

import contextlib
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from stacks.settings import AppSettings, DnsSettings, OrgSettings, Settings
from tests.cloud import ROOT, Cloud, as_engine_hands_over

MODELS: dict[str, type[Settings]] = {"org": OrgSettings, "dns": DnsSettings, "app": AppSettings}
FILES = sorted(path for path in [*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("stacks/*/Pulumi.*.yaml")])

ORG: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main"},
    "managementAccountId": "111122223333",
    "emailPattern": "aws-{account}@example.com",
    "organizationalUnits": ["Infrastructure", "Workloads/Production"],
    "accounts": {"dns": {"ou": "Infrastructure"}, "prod": {"ou": "Workloads/Production"}},
    "guardRails": {"protectDataStores": ["Workloads/Production"]},
}
DNS: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "main"},
    "domain": "example.com",
    "delegations": {"dev": "dev"},
}
APP: dict[str, Any] = {
    "region": "eu-central-1",
    "release": {"branch": "develop"},
    "account": "dev",
    "memoryMb": 256,
    "logRetentionDays": 14,
    "rateLimit": 20,
    "burstLimit": 40,
}
RIGHT = {"org": ORG, "dns": DNS, "app": APP}


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
            'org:region: "Frankfurt" is not right; set it to an AWS region, like eu-central-1',
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
            "org:guardRails.protectDataStores.0: prd is neither an OU nor an account; did you mean "
            "prod?",
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
        ("app", {"zzz": 1}, "app:zzz: no such key; there are: region, release, account, memoryMb, "
            "logRetentionDays, rateLimit, burstLimit, protectData"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_key_and_its_remedy(
    project: str, changes: dict[str, Any], line: str
) -> None:
    assert line in mistakes(project, **changes)
