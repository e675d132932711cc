"""Guard rails: data stores are protected, by the smallest document, where settings say."""

import json

from components.guard_rails import GuardRail, GuardRailArgs, minified, protect_data_stores
from tests.cloud import Cloud


def test_nobody_deletes_a_table_a_search_domain_or_a_ledger() -> None:
    (statement,) = protect_data_stores()["Statement"]

    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == "*"
    assert set(statement["Action"]) == {
        "dynamodb:DeleteTable",
        "es:DeleteDomain",
        "es:DeleteElasticsearchDomain",
        "qldb:DeleteLedger",
    }
    assert "Condition" not in statement


def test_a_document_is_sent_without_white_space() -> None:
    sent = minified(protect_data_stores())

    assert json.loads(sent) == protect_data_stores()
    assert not set(sent) & set(" \n\t")


def test_a_guard_rail_is_attached_to_each_of_its_targets_and_nowhere_else() -> None:
    args = GuardRailArgs(
        organization_id="o-1",
        document=protect_data_stores(),
        targets={"Workloads/Production": "ou-1", "prod": "222"},
    )
    cloud = Cloud().run(lambda: GuardRail("protect", args))

    policy = cloud.only("Policy")
    attachments = cloud.of_type("PolicyAttachment").values()
    assert policy.inputs["type"] == "SERVICE_CONTROL_POLICY"
    assert {a.inputs["targetId"] for a in attachments} == {"ou-1", "222"}
    assert {a.inputs["policyId"] for a in attachments} == {policy.id}
