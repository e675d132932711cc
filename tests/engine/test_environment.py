"""An environment is taken down, brought back, killed half-way, healed; and a new one is data."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.access import client
from sandbox.sandbox import Sandbox
from stacks import catalogue
from tests.engine.conftest import Clone, stack
from tests.test_wiring import add_environment

UP = ("up", "--yes", "--skip-preview", "--stack")


def inventory(sandbox: Sandbox, account: str) -> dict[str, int]:
    """Count what an environment's account holds."""

    access = sandbox.access(account)

    def of(service: str) -> Any:
        return client(service, access)

    return {
        "tables": len(of("dynamodb").list_tables()["TableNames"]),
        "functions": len(of("lambda").list_functions()["Functions"]),
        "apis": len(of("apigateway").get_rest_apis()["items"]),
        "domains": len(of("apigateway").get_domain_names()["items"]),
        "zones": len(of("route53").list_hosted_zones()["HostedZones"]),
        "certificates": len(of("acm").list_certificates()["CertificateSummaryList"]),
        "log groups": len(of("logs").describe_log_groups()["logGroups"]),
        "roles": len(of("iam").list_roles()["Roles"]),
    }


WHOLE = {
    "tables": 1,
    "functions": 1,
    "apis": 1,
    "domains": 1,
    "zones": 1,
    "certificates": 1,
    "log groups": 2,
    "roles": 4,
}
"""One environment; of the roles two are its own, and two lead into its account."""

SAFE = {"public access": {False}, "disk encryption": True, "metadata service": "required"}


def settings(sandbox: Sandbox, account: str) -> dict[str, Any]:
    """Return what an account's own settings say."""
    access, account_id = sandbox.access(account), sandbox.account_ids()[account]
    ec2, s3 = client("ec2", access), client("s3control", access)
    block = s3.get_public_access_block(AccountId=account_id)["PublicAccessBlockConfiguration"]
    return {
        "public access": {not it for it in block.values()},
        "disk encryption": ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"],
        "metadata service": ec2.get_instance_metadata_defaults()["AccountLevel"]["HttpTokens"],
    }


EMPTY = dict.fromkeys(WHOLE, 0) | {"roles": 1}


def test_dev_is_destroyed_and_brought_up_again(sandbox: Sandbox) -> None:
    assert inventory(sandbox, "dev") == WHOLE

    sandbox.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev")
    assert inventory(sandbox, "dev") == EMPTY
    assert settings(sandbox, "dev") == SAFE

    sandbox.pulumi(*UP, "dev")
    assert inventory(sandbox, "dev") == WHOLE
    assert settings(sandbox, "dev") == SAFE


@pytest.mark.parametrize("environment", ["stage", "prod"])
def test_an_environment_with_locked_data_is_not_destroyed_and_says_why(
    sandbox: Sandbox, environment: str
) -> None:
    result = sandbox.pulumi("destroy", "--yes", "--stack", environment, check=False)

    assert result.returncode != 0
    message = " ".join((result.stdout + result.stderr).split())
    assert "::service-table" in message
    assert "cannot be deleted" in message
    assert "because it is protected" in message
    assert inventory(sandbox, environment) == WHOLE


def test_accounts_are_not_destroyed_with_their_stack(sandbox: Sandbox) -> None:
    result = sandbox.pulumi("destroy", "--yes", "--stack", "main", folder="stacks/org", check=False)

    assert result.returncode != 0
    assert "because it is protected" in " ".join((result.stdout + result.stderr).split())
    organizations: Any = client("organizations", sandbox.access("org"))
    states = {account["Status"] for account in organizations.list_accounts()["Accounts"]}
    assert states == {"ACTIVE"}


@pytest.mark.parametrize("created", [3, 20])
def test_an_update_that_was_killed_is_healed_by_the_next_run(
    sandbox: Sandbox, created: int
) -> None:
    sandbox.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev")
    killed_after(sandbox, created)

    (healed,) = sandbox.up(stacks=[stack("app/dev")])

    assert healed.update.succeeded
    assert inventory(sandbox, "dev") == WHOLE
    (again,) = sandbox.up(stacks=[stack("app/dev")])
    assert again.update.is_unchanged
    state = json.loads(sandbox.pulumi("stack", "export", "--stack", "dev").stdout)["deployment"]
    assert not state.get("pending_operations")


def killed_after(sandbox: Sandbox, created: int) -> None:
    """Start an update of dev and kill it hard once it has created so many resources."""
    variables = sandbox.environment()
    sandbox.checkout.switch("develop", Clone(sandbox).commit)
    with subprocess.Popen(
        ["pulumi", "--non-interactive", *UP, "dev", "--json"],
        cwd=sandbox.checkout.directory,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as update:
        assert update.stdout is not None
        for line in update.stdout:
            event = json.loads(line) if line.startswith("{") else {}
            done = event.get("resOutputsEvent", {}).get("metadata", {})
            created -= done.get("op") == "create" and done.get("type", "").startswith("aws:")
            if created == 0:
                os.kill(update.pid, signal.SIGKILL)
                break
        assert update.wait() == -signal.SIGKILL
    time.sleep(1)


@pytest.fixture
def further(sandbox: Sandbox, clone: Clone) -> Iterator[Clone]:
    """A clone with one more environment, qa, which is taken away again with all that it left."""
    add_environment(clone.folder, "qa")
    clone.git("branch", "--force", "develop", clone.commit_all("qa"))
    yield clone
    sandbox.pulumi("state", "unprotect", "--all", "--yes", "--stack", "qa")
    sandbox.pulumi("destroy", "--yes", "--skip-preview", "--stack", "qa")
    clone.restore()
    sandbox.pulumi(*UP, "main", folder="stacks/dns")
    account = "urn:pulumi:main::org::multi-account:organization:Organization$aws:organizations/account:Account::organization-qa"
    sandbox.pulumi("state", "unprotect", account, "--yes", "--stack", "main", folder="stacks/org")
    sandbox.pulumi(*UP, "main", folder="stacks/org")


def test_a_further_environment_is_data_only(sandbox: Sandbox, further: Clone) -> None:

    sandbox.pulumi(*UP, "main", folder="stacks/org")
    sandbox.pulumi(*UP, "main", folder="stacks/dns")
    sandbox.pulumi("stack", "init", "qa", "--no-select")
    sandbox.pulumi(*UP, "qa")

    assert inventory(sandbox, "qa") == WHOLE
    assert (
        sandbox.outputs(catalogue.find("app/qa", further.folder))["api_url"]
        == "https://api.qa.example.com"
    )
