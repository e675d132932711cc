"""A change of guard rails on the real engine: attached before detached, and nobody else's touched."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import client
from sandbox.sandbox import Sandbox
from tests.engine.conftest import BY_GUARD_RAILS, Clone

SETTINGS = "stacks/org/Pulumi.main.yaml"
OF = {"Filter": "SERVICE_CONTROL_POLICY"}
FULL_ACCESS = "FullAWSAccess"
BY_HAND = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "dax:*", "Resource": "*"}],
}
PROBES = 20
"""Calls at least while an update is at work."""


@pytest.fixture
def organizations(sandbox: Sandbox) -> Any:
    return client("organizations", sandbox.access("org"))


@pytest.fixture
def settings(sandbox: Sandbox, clone: Clone) -> Iterator[Clone]:
    """A clone to change settings in; afterwards the organization is as it was."""
    yield clone
    clone.restore()
    update(sandbox)


def update(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Deploy the organization; return what was done to attachments, in order, and to which."""
    options = ("--yes", "--skip-preview", "--json", "--stack", "main")
    said = sandbox.pulumi("up", *options, folder="stacks/org").stdout
    events = [json.loads(it) for it in said.splitlines()]
    done = [it["resOutputsEvent"]["metadata"] for it in events if "resOutputsEvent" in it]
    return [
        (it["op"], it["urn"].rpartition("::")[2])
        for it in done
        if it["type"].endswith(":PolicyAttachment") and it["op"] != "same"
    ]


def attached(organizations: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the policies of each target by its name, each as its name and its id."""
    found: dict[str, list[tuple[str, str]]] = {}
    for policy in organizations.list_policies(**OF)["Policies"]:
        for target in organizations.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]:
            found.setdefault(target["Name"], []).append((policy["Name"], policy["Id"]))
    return found


def ours(organizations: Any, target: str) -> list[str]:
    """Return the ids of our own policies on a target."""
    its = attached(organizations).get(target, [])
    return [identifier for name, identifier in its if name.startswith("guard-rails-")]


def holding(organizations: Any, sid: str) -> list[str]:
    """Return the targets that have a statement."""
    return [
        target
        for target, policies in attached(organizations).items()
        for _, identifier in policies
        if f'"{sid}"' in organizations.describe_policy(PolicyId=identifier)["Policy"]["Content"]
    ]


@contextmanager
def watched(sandbox: Sandbox) -> Iterator[list[str]]:
    """Go on deleting tables of PROD that are not there; what AWS answers is in the list."""
    dynamodb = client("dynamodb", sandbox.access("prod"))
    answers: list[str] = []
    end = threading.Event()

    def probe() -> None:
        while not end.is_set():
            try:
                dynamodb.delete_table(TableName="nothing")
            except ClientError as error:
                answers.append(str(error))

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield answers
    finally:
        end.set()
        thread.join()


def test_a_guard_rail_moves_to_another_target_without_a_gap(
    sandbox: Sandbox, settings: Clone, organizations: Any
) -> None:
    assert holding(organizations, "ProtectDataStores") == ["Production"]
    old, new = (f"protectDataStores: [{it}]" for it in ("Workloads/Production", "Workloads"))
    settings.edit(SETTINGS, old, new)
    settings.commit_all("data is protected in DEV too")

    with watched(sandbox) as answers:
        done = update(sandbox)

    ops = [op for op, _ in done]
    last_made = max(ops.index("create"), ops.index("create-replacement"))
    assert last_made < ops.index("delete-replaced")
    assert ("create", "guard-rails-Workloads-1") in done
    assert len(answers) > PROBES
    assert [it for it in answers if BY_GUARD_RAILS not in it] == []
    assert holding(organizations, "ProtectDataStores") == ["Workloads"]


def test_a_changed_guard_rail_is_attached_before_what_it_replaces_is_detached(
    sandbox: Sandbox, settings: Clone, organizations: Any
) -> None:
    before = ours(organizations, "Production")
    settings.edit(SETTINGS, 'org:dataBuckets: "data-*"', 'org:dataBuckets: "kept-*"')
    settings.commit_all("buckets are called otherwise")

    with watched(sandbox) as answers:
        done = update(sandbox)

    assert [op for op, _ in done] == ["create-replacement", "replace", "delete-replaced"]
    assert len(answers) > PROBES
    assert [it for it in answers if BY_GUARD_RAILS not in it] == []
    after = ours(organizations, "Production")
    assert len(after) == 1
    assert after != before
    known = organizations.list_policies(**OF)["Policies"]
    assert before[0] not in [it["Id"] for it in known]


def test_a_policy_that_somebody_attached_by_hand_stays(
    sandbox: Sandbox, settings: Clone, organizations: Any
) -> None:
    (root,) = organizations.list_roots()["Roots"]
    made = organizations.create_policy(
        Name="by-hand",
        Description="",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps(BY_HAND),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=made, TargetId=root["Id"])
    try:
        settings.edit(SETTINGS, "noLongLivedKeys: [Root]", "noLongLivedKeys: [Workloads]")
        settings.commit_all("keys that never end are for some")
        update(sandbox)

        found = attached(organizations)
        assert ("by-hand", made) in found["Root"]
        assert len(ours(organizations, "Root")) == len(ours(organizations, "Workloads")) == 1
        accounts = {it["Name"] for it in organizations.list_accounts()["Accounts"]}
        full = {name for name, its in found.items() if FULL_ACCESS in dict(its)}
        assert full >= accounts | {"Root", "Workloads", "Production", "Development"}
    finally:
        organizations.detach_policy(PolicyId=made, TargetId=root["Id"])
        organizations.delete_policy(PolicyId=made)
