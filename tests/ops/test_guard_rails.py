"""`python -m ops guard-rails`: the truth table of the guard rails, and what a change of them opens."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from components import guard_rails as library
from components.guard_rails import LIBRARY, Terms
from ops import dangers, registered
from ops.guard_rail_changes import SAME, differences
from ops.guard_rails import entries, shown, why
from ops.problem import OpsError
from ops.registered import COMMAND, SETTINGS, Registered, registered_by
from ops.text import WIDTH
from stacks.settings import OrgSettings, UnusableSettingsError
from tests.cloud import ROOT
from tests.git import git
from tests.ops.conftest import Said

Settings = Callable[..., Registered]
Ops = Callable[..., Said]

CONFIG: dict[str, Any] = yaml.safe_load(
    """
org:region: eu-central-1
org:managementAccountId: "111122223333"
org:emailPattern: aws-{account}@example.com
org:organizationalUnits:
  - Infrastructure
  - Suspended
  - Workloads/Development
  - Workloads/Production
org:accounts:
  dns: { ou: Infrastructure }
  corp: { ou: Infrastructure }
  tools: { ou: Infrastructure }
  dev: { ou: Workloads/Development }
  stage: { ou: Workloads/Production }
  prod: { ou: Workloads/Production }
org:guardRails:
  protectDataStores: [Workloads/Production]
  stayInOrganization: [Root]
  noRootUser: [Root]
  allowedRegions: [Root]
  protectAccess: [Root]
  noLongLivedKeys: [Root]
  protectAccountSettings: [Root]
  frozen: [Suspended]
  protectDataSettings: [Workloads/Production]
  protectPipelines: [tools]
org:dataBuckets: "data-*"
org:breakGlassRole: break-glass
org:release: { branch: main }
"""
)
"""Settings as they are shipped; whoever clones this changes those."""
RAILS: dict[str, list[str]] = CONFIG["org:guardRails"]
ACCOUNTS: dict[str, Any] = CONFIG["org:accounts"]
ADMINISTRATOR, DEPLOY, BREAK_GLASS = "administrator", "deploy role", "break glass"
ROOT_USER, LINKED = "root user", "service-linked role"
PRINCIPALS = (ADMINISTRATOR, DEPLOY, BREAK_GLASS, ROOT_USER, LINKED)
SECONDS = 5


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Register what the settings above ask for, with some of them changed."""

    def read(**changed: Any) -> Registered:
        file = tmp_path / "settings.yaml"
        config = CONFIG | {f"org:{key}": value for key, value in changed.items()}
        config = {key: value for key, value in config.items() if value is not None}
        file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))
        return Registered.of(OrgSettings.read(file, "org"))

    return read


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the settings above in place of those of this checkout."""
    file = tmp_path / "here" / SETTINGS
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"config": CONFIG}, sort_keys=False))
    monkeypatch.setattr(registered, "ROOT", tmp_path / "here")
    monkeypatch.setattr(registered, "check_regions", lambda _: None)


def row(registered: Registered, account: str, action: str, detail: str = "") -> dict[str, str]:
    """Return what decides for each principal, yes where it is allowed."""
    found = {
        str(it["principal"]): "yes" if it["allowed"] else str(it["statement"])
        for it in entries(registered)
        if (it["account"], it["action"], it["detail"]) == (account, action, detail)
    }
    assert found
    return found


def cells(administrator: str, deploy: str, break_glass: str, root: str) -> dict[str, str]:
    return dict(zip(PRINCIPALS, (administrator, deploy, break_glass, root, "yes"), strict=True))


def all_but_root(word: str) -> dict[str, str]:
    return cells(word, word, word, "NoRootUser")


REGIONS = "AllowedRegions"
ROLES = "ProtectRoles"
SHIPPED = [
    ("prod", "dynamodb:DeleteTable", "", all_but_root("ProtectDataStores")),
    ("stage", "rds:DeleteDBInstance", "", all_but_root("ProtectDataStores")),
    ("prod", "s3:DeleteObjectVersion", "data bucket", all_but_root("ProtectDataBuckets")),
    ("prod", "s3:DeleteBucket", "other bucket", all_but_root("yes")),
    ("prod", "logs:DeleteLogGroup", "audit log", all_but_root("ProtectAuditLogs")),
    ("dev", "dynamodb:DeleteTable", "", all_but_root("yes")),
    *(
        (it, "organizations:LeaveOrganization", "", cells(*["StayInOrganization"] * 4))
        for it in ACCOUNTS
    ),
    ("dev", "ec2:RunInstances", "eu-central-1", all_but_root("yes")),
    ("dev", "ec2:RunInstances", "ap-northeast-1", cells(REGIONS, REGIONS, "yes", "NoRootUser")),
    ("dev", "acm:RequestCertificate", "us-east-1", all_but_root("yes")),
    ("dev", "iam:UpdateAssumeRolePolicy", "deploy role", cells(ROLES, ROLES, "yes", "NoRootUser")),
    ("tools", "iam:CreateRole", "break glass", cells(ROLES, ROLES, "yes", "NoRootUser")),
    ("tools", "iam:PutRolePolicy", "build role", cells("ProtectBuildRoles", "yes", "yes", "NoRootUser")),
    ("prod", "iam:DeleteRole", "access role", all_but_root("ProtectAccessRole")),
    ("prod", "organizations:DetachPolicy", "guard rail", all_but_root("ProtectGuardRails")),
    ("prod", "iam:CreateAccessKey", "", cells("NoLongLivedKeys", "NoLongLivedKeys", "yes", "NoRootUser")),
    (
        "prod",
        "s3:PutAccountPublicAccessBlock",
        "",
        cells("ProtectAccountSettings", "yes", "yes", "NoRootUser"),
    ),
    ("prod", "s3:DeleteBucketPolicy", "assumed root", cells("yes", "yes", "yes", "yes")),
]  # fmt: skip
"""What holds with the settings as they are: a change of one of these is meant, or is a mistake."""


@pytest.mark.parametrize(
    ("account", "action", "detail", "decided"),
    SHIPPED,
    ids=[f"{it[0]}-{it[1]}-{it[2].replace(' ', '-')}" for it in SHIPPED],
)
def test_in_the_accounts_of_the_settings_these_may_do_it_and_others_not(
    account: str, action: str, detail: str, decided: dict[str, str]
) -> None:
    assert row(Registered.here(), account, action, detail) == decided


def test_a_root_user_who_signs_in_may_do_nothing_anywhere() -> None:
    allowed = {
        it["detail"]
        for it in entries(Registered.here())
        if it["principal"] == ROOT_USER and it["allowed"]
    }

    assert allowed == {"assumed root"}


def test_no_guard_rail_binds_a_service_linked_role() -> None:
    assert all(it["allowed"] for it in entries(Registered.here()) if it["principal"] == LINKED)


def test_in_a_suspended_account_nobody_may_do_anything(settings: Settings) -> None:
    registered = settings(accounts=ACCOUNTS | {"dev": {"ou": "Suspended"}})

    allowed = {
        it["principal"] for it in entries(registered) if it["account"] == "dev" and it["allowed"]
    }
    assert allowed == {LINKED}
    assert row(registered, "dev", "support:CreateCase") == all_but_root("Frozen")


def test_what_is_harmless_stays_allowed_below_every_guard_rail(settings: Settings) -> None:
    registered = settings(guardRails={name: ["Root"] for name in LIBRARY if name != "frozen"})
    harmless = {(it.action, it.detail) for it in dangers.harmless(registered.terms)}

    denied = {
        it["principal"]
        for it in entries(registered)
        if (it["action"], it["detail"]) in harmless and not it["allowed"]
    }
    assert denied == {ROOT_USER}


def test_what_is_dangerous_is_denied_to_an_administrator_below_every_guard_rail(
    settings: Settings,
) -> None:
    registered = settings(guardRails={name: ["Root"] for name in LIBRARY if name != "frozen"})
    dangerous = {(it.action, it.detail) for it in dangers.dangerous(registered.terms)}

    denied = {
        (it["action"], it["detail"])
        for it in entries(registered)
        if it["principal"] == ADMINISTRATOR and not it["allowed"]
    }
    rows = {(it.action, it.detail) for it in dangers.asked(registered.terms)}
    assert denied & rows == dangerous  # a guard rail of one's own has rows besides


@pytest.mark.parametrize("name", LIBRARY)
def test_every_statement_of_the_library_decides_a_cell_where_its_guard_rail_is_on(
    settings: Settings, name: str
) -> None:
    registered = settings(guardRails={name: ["Workloads"]})

    deciding = {it["statement"] for it in entries(registered)} - {None}
    assert deciding == {it["Sid"] for it in LIBRARY[name].statements(registered.terms)}


@pytest.mark.parametrize("target", ["Root", "A", "A/B", "A/B/C", "A/B/C/D", "A/B/C/D/E", "deep"])
def test_a_guard_rail_holds_in_an_account_from_any_level_above(
    settings: Settings, target: str
) -> None:
    registered = settings(
        organizationalUnits=["A/B/C/D/E", "A/B/X", "Infrastructure"],
        accounts={
            "deep": {"ou": "A/B/C/D/E"},
            "beside": {"ou": "A/B/X"},
            "tools": {"ou": "Infrastructure"},
        },
        guardRails={"stayInOrganization": [target]},
    )

    decided = {
        it["account"]: (it["target"], it["policy"])
        for it in entries(registered)
        if it["action"] == "account:CloseAccount" and it["principal"] == ADMINISTRATOR
    }
    by_target = (target, f"guard-rails-{target}-1")
    nothing = (None, None)
    assert decided == {
        "deep": by_target,
        "beside": by_target if target in {"Root", "A", "A/B"} else nothing,
        "tools": by_target if target == "Root" else nothing,
    }


def test_the_table_tells_accounts_with_the_same_rows_together_and_fits_the_width(
    ops: Ops,
) -> None:
    said = ops("guard-rails")

    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert not [it for it in lines if it.endswith("…")]
    assert [it for it in lines if it.startswith("In ")] == [
        "In dns, corp and dev:",
        "In tools:",
        "In stage and prod:",
        "In any in Suspended:",
    ]
    first, _, second, _ = (it.split() for it in lines if it.startswith("dynamodb:DeleteTable "))
    assert first[1:] == ["yes", "yes", "yes", "no", "1", "yes"]
    assert second[1:] == ["no", second[2], "no", second[2], "no", second[2], "no", "1", "yes"]
    legend = {it.split()[0]: it.split()[1:] for it in lines if it[:1].isdigit()}
    assert legend["1"] == ["NoRootUser", "guard-rails-Root-1", "Root"]
    place = "Workloads/Production"
    assert legend[second[2]] == ["ProtectDataStores", f"guard-rails-{place}-1", place]


def test_the_table_fits_the_width_with_long_names_and_many_accounts(settings: Settings) -> None:
    registered = settings(
        allowedRegions=["eu-central-1", "ap-southeast-2"],
        breakGlassRole="b" * 64,
        accounts={f"account-{n}": {"ou": "Infrastructure"} for n in range(200)}
        | {"tools": {"ou": "Infrastructure"}},
    )

    assert max(map(len, shown(registered))) <= WIDTH


def test_without_a_role_for_emergencies_there_is_no_column_and_no_row_of_it(
    settings: Settings,
) -> None:
    lines = shown(settings(breakGlassRole=None))

    assert "break glass" not in "\n".join(lines)


def test_json_has_an_object_for_each_cell(ops: Ops) -> None:
    said = ops("guard-rails", "--json")

    found = json.loads(said.out)
    rows = len(dangers.asked(Registered.here().terms))
    assert len(found) == len([*ACCOUNTS, "any in Suspended"]) * len(PRINCIPALS) * rows
    assert found == list(entries(Registered.here()))
    of_prod = [it for it in found if it["account"] == "prod" and it["principal"] == ADMINISTRATOR]
    assert [it for it in of_prod if it["action"] == "dynamodb:DeleteTable"] == [
        {
            "account": "prod",
            "principal": "administrator",
            "action": "dynamodb:DeleteTable",
            "resource": "arn:aws:dynamodb:eu-central-1:000000000000:table/service",
            "detail": "",
            "allowed": False,
            "target": "Workloads/Production",
            "policy": "guard-rails-Workloads/Production-1",
            "statement": "ProtectDataStores",
        }
    ]
    assert [
        (it["allowed"], it["target"], it["policy"], it["statement"])
        for it in of_prod
        if it["action"] == "acm:RequestCertificate"
    ] == [(True, None, None, None)]


def test_why_explains_each_principals_decision_level_by_level(ops: Ops) -> None:
    said = ops("guard-rails", "--why", "tools", "iam:putrolepolicy")  # in any case, as at AWS

    assert said.out.splitlines() == [
        "iam:PutRolePolicy (build role) on arn:aws:iam::000000000000:role/build-app-prod in tools:",
        "  administrator: no",
        "    Root: denied by statement ProtectBuildRoles of guard-rails-Root-1.",
        "    Infrastructure: allowed by statement 1 of FullAWSAccess.",
        "    tools: allowed by statement 1 of FullAWSAccess.",
        f"    The reason: {LIBRARY['protectAccess'].reason}.",
        "  deploy role: yes",
        "    Root: allowed by statement 1 of FullAWSAccess.",
        "    Infrastructure: allowed by statement 1 of FullAWSAccess.",
        "    tools: allowed by statement 1 of FullAWSAccess.",
        "  break glass: yes",
        "    Root: allowed by statement 1 of FullAWSAccess.",
        "    Infrastructure: allowed by statement 1 of FullAWSAccess.",
        "    tools: allowed by statement 1 of FullAWSAccess.",
        "  root user: no",
        "    Root: denied by statement NoRootUser of guard-rails-Root-1.",
        "    Infrastructure: allowed by statement 1 of FullAWSAccess.",
        "    tools: allowed by statement 1 of FullAWSAccess.",
        f"    The reason: {LIBRARY['noRootUser'].reason}.",
        "  service-linked role: yes",
        "    No service control policy binds the caller, who is a service-linked role.",
    ]


def test_why_explains_every_request_of_an_action() -> None:
    titles = [it for it in why(Registered.here(), "dev", "s3:DeleteBucket") if it[0] != " "]

    assert titles == [
        "s3:DeleteBucket (data bucket) on arn:aws:s3:::data-service in dev:",
        "s3:DeleteBucket (other bucket) on arn:aws:s3:::website in dev:",
    ]


@pytest.mark.parametrize(
    ("account", "action", "sentence"),
    [
        (
            "prd",
            "s3:DeleteBucket",
            "There is no account prd in stacks/org/Pulumi.main.yaml; did you mean prod?",
        ),
        (
            "x",
            "s3:DeleteBucket",
            "There is no account x in stacks/org/Pulumi.main.yaml; there are: dns, corp, tools, dev, "
            "stage, prod, any in Suspended.",
        ),
        (
            "prod",
            "dynamodb:DeletTable",
            "AWS has no action dynamodb:DeletTable; did you mean dynamodb:DeleteTable?",
        ),
        ("prod", "s3:Get*", "s3:Get* is more than one action; name one."),
        ("prod", "DeleteTable", "DeleteTable is no action; write one like s3:DeleteBucket."),
    ],
)
def test_an_unknown_account_or_action_is_answered_with_what_was_meant(
    ops: Ops, account: str, action: str, sentence: str
) -> None:
    said = ops("guard-rails", "--why", account, action)

    assert (said.status, said.out, said.err) == (1, "", sentence)


def test_guard_rails_that_aws_would_not_take_are_told_as_the_program_would(
    settings: Settings,
) -> None:
    with pytest.raises(OpsError) as error:
        settings(guardRailLimits={"policiesPerTarget": 2, "characters": 3000})

    title, *mistakes = str(error.value).splitlines()
    assert title == "The guard rails cannot be registered:"
    assert (
        "Root has 3 service control policies with FullAWSAccess, and a target has at most 2 by "
        "guardRailLimits.policiesPerTarget; switch a guard rail on at another level instead"
    ) in mistakes


def test_a_stack_in_a_region_that_is_denied_is_told_as_the_program_would(ops: Ops) -> None:
    with mock.patch.object(
        registered,
        "check_regions",
        side_effect=UnusableSettingsError("Stack app/qa works elsewhere"),
    ):
        said = ops("guard-rails")

    assert (said.status, said.out, said.err) == (1, "", "Stack app/qa works elsewhere.")


def told(before: Registered, after: Registered) -> str:
    """Return the difference on one line."""
    return " ".join(" ".join(differences(before, after)).split())


def test_nothing_is_said_where_nothing_differs(settings: Settings) -> None:
    assert differences(settings(), settings()) == [SAME]


def test_a_guard_rail_that_moves_is_no_difference_where_it_still_holds(settings: Settings) -> None:
    rails = RAILS | {"protectDataStores": ["stage", "prod"]}

    assert differences(settings(), settings(guardRails=rails)) == [SAME]


def test_what_weakens_protection_is_said_first_and_for_whom(settings: Settings) -> None:
    rails = RAILS | {"protectDataSettings": ["prod", "corp"]}

    assert differences(settings(), settings(guardRails=rails)) == [
        "Allowed now in stage to everybody but deploy role, break glass, root user and role",
        "OrganizationAccountAccessRole:",
        "  what ProtectTableSettings of guard-rails-Workloads/Production-1 on Workloads/Production denied:",
        "  dynamodb:UpdateContinuousBackups and dynamodb:UpdateTimeToLive",
        "  what ProtectBucketSettings of guard-rails-Workloads/Production-1 on Workloads/Production denied on",
        "  data-*: s3:PutLifecycleConfiguration (data bucket) and s3:PutBucketVersioning",
        "  what ProtectAuditLogSettings of guard-rails-Workloads/Production-1 on Workloads/Production denied",
        "  on log-group:*audit*, log-group:*CloudTrail* and log-group:*cloudtrail*: logs:PutRetentionPolicy",
        "  (audit log)",
        "Allowed now in stage to everybody but root user:",
        "  what ProtectKeyPolicies of guard-rails-Workloads/Production-1 on Workloads/Production denied:",
        "  kms:PutKeyPolicy (no way back)",
        "Denied now in corp to everybody but deploy role, break glass, root user and role",
        "OrganizationAccountAccessRole:",
        "  what ProtectTableSettings of guard-rails-corp-1 on corp denies: dynamodb:UpdateContinuousBackups",
        "  and dynamodb:UpdateTimeToLive",
        "  what ProtectBucketSettings of guard-rails-corp-1 on corp denies on data-*:",
        "  s3:PutLifecycleConfiguration (data bucket) and s3:PutBucketVersioning",
        "  what ProtectAuditLogSettings of guard-rails-corp-1 on corp denies on log-group:*audit*,",
        "  log-group:*CloudTrail* and log-group:*cloudtrail*: logs:PutRetentionPolicy (audit log)",
        "Denied now in corp to everybody but root user:",
        "  what ProtectKeyPolicies of guard-rails-corp-1 on corp denies: kms:PutKeyPolicy (no way back)",
    ]


WEAKER: dict[str, tuple[dict[str, Any], str]] = {
    "an exemption by a tag": (
        {"Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "admin"}}},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem (aws:principaltag/team admin)",
    ),
    "an exemption of a user": (
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/bob"}}},
        "Allowed now in every account to user bob: what Mine of guard-rails-Root-1 on Root denied: "
        "dynamodb:DeleteItem",
    ),
    "a resource that is left out": (
        {"Resource": None, "NotResource": ["arn:aws:dynamodb:*:*:table/tmp"]},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem",
    ),
    "an address that is left out": (
        {"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem (aws:sourceip 192.0.2.0/24)",
    ),
    "a number that is another service's": (
        {"Condition": {"NumericGreaterThan": {"s3:max-keys": "10"}}},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem",
    ),
    "a narrower resource": (
        {"Resource": "arn:aws:dynamodb:*:*:table/*/keep"},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem",
    ),
    "a condition whose requests are not made up": (
        {"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01"}}},
        "Allowed now in every account to everybody but root user: what Mine of guard-rails-Root-1 on "
        "Root denied: dynamodb:DeleteItem",
    ),
}
UNSHOWN = {"Condition": {"StringNotLike": {"aws:PrincipalArn": "*:role/friend"}}}
"""Whom it spares is no ARN that a request could have."""
MINE: dict[str, Any] = {
    "Sid": "Mine",
    "Effect": "Deny",
    "Action": "dynamodb:DeleteItem",
    "Resource": "*",
}


@pytest.fixture
def mine(settings: Settings) -> Callable[..., Registered]:
    """Register a guard rail of one's own on Root, with some elements changed (None: without)."""

    def register(**changed: Any) -> Registered:
        statement = {key: it for key, it in (MINE | changed).items() if it is not None}
        found = settings()
        found.policies["Root"]["guard-rails-Root-1"]["Statement"].append(statement)
        return found

    return register


@pytest.mark.parametrize(("changed", "words"), WEAKER.values(), ids=WEAKER.keys())
def test_a_statement_that_denies_less_is_seen_however_it_does(
    mine: Callable[..., Registered], changed: dict[str, Any], words: str
) -> None:
    assert told(mine(), mine(**changed)) == words
    assert told(mine(**changed), mine()) == words.replace("Allowed", "Denied").replace(
        "denied:", "denies:"
    )


def test_what_no_request_shows_is_told_in_the_words_of_the_document(
    mine: Callable[..., Registered],
) -> None:
    assert told(mine(), mine(**UNSHOWN)) == (
        "Less in every account: Mine denies dynamodb:DeleteItem only if aws:PrincipalArn "
        "StringNotLike *:role/friend"
    )
    assert told(mine(**UNSHOWN), mine()) == (
        "More in every account: Mine denies what was not denied before"
    )


def test_a_guard_rail_that_is_taken_off_an_empty_unit_is_seen(settings: Settings) -> None:
    rails = {name: its for name, its in RAILS.items() if name != "frozen"}

    assert told(settings(), settings(guardRails=rails)).startswith(
        "Allowed now in any in Suspended to everybody but root user: what Frozen of "
        "guard-rails-Suspended-1 on Suspended denied: everything"
    )


def test_a_statement_of_ones_own_gets_a_row_of_the_table(
    mine: Callable[..., Registered],
) -> None:
    assert row(mine(), "corp", "dynamodb:DeleteItem") == cells("Mine", "Mine", "Mine", "NoRootUser")
    asked = {"Condition": {"StringEquals": {"dynamodb:Select": "COUNT"}}}
    assert row(mine(**asked), "corp", "dynamodb:DeleteItem", "dynamodb:select COUNT") == cells(
        "Mine", "Mine", "Mine", "NoRootUser"
    )


def test_why_explains_an_action_that_no_row_is_about() -> None:
    lines = why(Registered.here(), "prod", "kms:DisableKey")

    assert [it for it in lines if it[0] != " "] == [
        "kms:DisableKey on * in prod:",
        "kms:DisableKey (ap-northeast-1) on * in prod:",
        "kms:DisableKey (us-east-1) on * in prod:",
    ]
    assert lines[1:4] == [
        "  administrator: no",
        "    Root: allowed by statement 1 of FullAWSAccess.",
        "    Workloads: allowed by statement 1 of FullAWSAccess.",
    ]


def test_an_action_taken_out_of_a_guard_rail_is_seen_though_no_row_is_about_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings()
    kept = [it for it in library.DELETIONS if it != "kms:DisableKey"]
    monkeypatch.setattr(library, "DELETIONS", kept)

    assert told(before, settings()).split("denied: ")[1:] == ["kms:DisableKey"]


def test_a_service_that_is_no_longer_global_is_seen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings()
    kept = [it for it in library.GLOBAL_SERVICES if it != "shield:*"]
    monkeypatch.setattr(library, "GLOBAL_SERVICES", kept)

    assert told(before, settings()).split("denies: ")[1:] == [
        "shield:* (ap-northeast-1) and shield:* (us-east-1)"
    ]


def test_a_role_that_becomes_exempt_is_seen_though_no_column_is_about_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings()
    monkeypatch.setattr(library, "DEPLOYERS", (*library.DEPLOYERS, "friend"))

    assert differences(before, settings())[0] == "Allowed now in every account to role friend:"


def test_a_region_that_becomes_allowed_or_denied_is_seen(settings: Settings) -> None:
    two = settings(allowedRegions=["eu-central-1", "eu-west-1"])

    for before, after, word in ((settings(), two, "Allowed"), (two, settings(), "Denied")):
        found = told(before, after)
        assert found.startswith(
            f"{word} now in every account to everybody but break glass and root user: what "
            "AllowedRegions of guard-rails-Root-1 on Root den"
        )
        assert (
            found.count(
                ": everything but access-analyzer:*, account:*, activate:* and 75 more (eu-west-1)"
            )
            == 1
        )
        assert "AllowedRegionsForCloudFront" in found


def test_only_a_root_users_session_can_be_an_assumed_one() -> None:
    terms = Registered.here().terms
    assumed = {
        it.name
        for danger in dangers.asked(terms)
        for it in dangers.principals(terms)
        if "aws:assumedroot" in danger.by(it).context
    }

    assert assumed == {ROOT_USER}


def test_buckets_that_lose_their_protection_are_seen(settings: Settings) -> None:
    found = told(settings(), settings(dataBuckets="kept-*"))

    assert found.startswith("Allowed now in stage and prod to everybody but root user: ")
    assert "denied on data-*, data-*/* and accesspoint/*: s3:DeleteBucket (data bucket)" in found
    assert "ProtectDataBuckets" in found.partition("Denied now")[0]


def test_a_role_for_emergencies_that_is_no_more_is_bound_like_others(settings: Settings) -> None:
    found = "\n".join(differences(settings(), settings(breakGlassRole=None)))

    assert "Denied now in every account to role break-glass:" in found


def test_accounts_are_compared_where_both_have_them(settings: Settings) -> None:
    fewer = {name: it for name, it in ACCOUNTS.items() if name != "dev"}

    assert differences(settings(), settings(accounts=fewer)) == [
        "Not compared, since settings have them no longer: dev."
    ]
    assert differences(settings(accounts=fewer), settings()) == [
        "Not compared, since they are new: dev."
    ]


def test_an_account_that_is_suspended_is_told_of(settings: Settings) -> None:
    after = settings(accounts=ACCOUNTS | {"dev": {"ou": "Suspended"}})

    found = differences(settings(), after)
    assert {it.split(" to ")[0] for it in found if it[0] != " " and " now " in it} == {
        "Denied now in dev"
    }


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of this repository, as far as guard rails go, with one commit."""
    root = tmp_path / "repository"
    for package in ("components", "iam", "ops", "stacks", "wireguard"):
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / file, root)
    for file in root.glob("stacks/*/Pulumi.main.yaml"):  # they may work in any region
        file.unlink()
    git(root, "init", "--quiet", "--initial-branch", "main")
    set_rails(root)
    commit(root, "first")
    monkeypatch.setattr(registered, "ROOT", root)
    return root


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def set_rails(root: Path, **rails: list[str]) -> None:
    config = CONFIG | {"org:guardRails": RAILS | rails}
    (root / SETTINGS).write_text(yaml.safe_dump({"config": config}, sort_keys=False))


def test_a_checkout_is_compared_with_another_commit_and_leaves_no_work_tree(
    ops: Ops, repository: Path
) -> None:
    assert ops("guard-rails", "--against", "HEAD").out == f"{SAME}\n"
    set_rails(repository, stayInOrganization=["Workloads"])

    said = ops("guard-rails", "--against", "main")

    assert said.err == ""
    assert said.status == 0
    assert said.out.startswith("Allowed now in dns, corp and tools to everybody but root user:")
    assert "organizations:LeaveOrganization" in said.out
    commit(repository, "second")
    assert ops("guard-rails", "--against", "HEAD").out == f"{SAME}\n"
    assert ops("guard-rails", "--against", "HEAD~1").out == said.out
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_the_other_commit_is_read_with_its_own_library(repository: Path) -> None:
    file = repository / "components/guard_rails.py"
    own = file.read_text()
    file.write_text(own.replace('    "dynamodb:DeleteTable",\n', ""))
    commit(repository, "without tables")
    file.write_text(own)

    assert told(registered_by("HEAD"), Registered.here()).endswith("denies: dynamodb:DeleteTable")


def test_a_commit_from_before_the_table_is_told_in_a_sentence(ops: Ops, repository: Path) -> None:
    (repository / COMMAND).unlink()
    commit(repository, "without")

    assert ops("guard-rails", "--against", "HEAD").err == (
        "HEAD is from before there was python -m ops guard-rails, so that nothing can be compared "
        "with it; name a later commit."
    )


def test_a_commit_that_this_clone_does_not_know_is_told_in_a_sentence(
    ops: Ops, repository: Path
) -> None:
    assert repository.is_dir()
    assert ops("guard-rails", "--against", "elsewhere").err == (
        "This clone has no commit elsewhere: name a branch, a tag or a commit of it, or fetch it "
        "first (git fetch --tags)."
    )


def test_a_commit_with_settings_that_are_wrong_is_told_in_a_sentence(
    ops: Ops, repository: Path
) -> None:
    set_rails(repository, stayInOrganisation=["Root"])
    commit(repository, "wrong")
    set_rails(repository)

    assert ops("guard-rails", "--against", "HEAD").err == (
        "The guard rails of HEAD cannot be read (org:guardRails.stayInOrganisation: no such guard "
        "rail; did you mean stayInOrganization?): name another commit."
    )


@pytest.fixture
def large(settings: Settings) -> Callable[..., Registered]:
    """Return what is registered for 200 accounts, with those guard rails on Root but some."""
    units = [f"Unit{n}/Team/Product" for n in range(20)]
    names = [f"account-{n}" for n in range(199)]
    accounts = {name: {"ou": units[n % len(units)]} for n, name in enumerate(names)}

    def make(*without: str) -> Registered:
        return settings(
            organizationalUnits=units,
            accounts=accounts | {"tools": {"ou": units[0]}},
            # Each account has a policy of its own, so that no two are judged alike.
            guardRails={name: ["Root"] for name in RAILS if name not in {"frozen", *without}}
            | {"protectDataStores": [*units, *names, "tools"], "frozen": [names[0]]},
        )

    return make


def test_the_table_of_200_accounts_takes_less_than_5_seconds(
    large: Callable[..., Registered],
) -> None:
    registered = large()

    started = time.perf_counter()
    lines = shown(registered)
    taken = time.perf_counter() - started

    assert len(list(entries(registered))) > 200 * 30 * len(PRINCIPALS)
    assert max(map(len, lines)) <= WIDTH
    assert taken < SECONDS


def test_a_change_above_200_accounts_is_compared_in_less_than_5_seconds(
    large: Callable[..., Registered],
) -> None:
    before, after = large(), large("noLongLivedKeys")

    started = time.perf_counter()
    lines = differences(before, after)
    taken = time.perf_counter() - started

    assert " ".join(lines).startswith(
        "Allowed now in every account but account-0 to everybody but break glass and root user: "
    )
    assert taken < SECONDS


def test_requests_are_of_the_table_and_each_of_it_once() -> None:
    terms = Terms(allowed_regions=["eu-central-1", "eu-west-1"], data_buckets="w*")

    found = dangers.asked(terms)

    assert len({(it.action, it.detail) for it in found}) == len(found)
    assert not [it for it in dangers.harmless(terms) if ":::w" in it.resource]
