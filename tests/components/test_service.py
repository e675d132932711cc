"""The service: its function reaches its own table and log, and its data is locked by default."""

import json
from pathlib import Path

import pulumi
import pytest

from components.role import trust_in_service
from components.service import (
    Service,
    ServiceArgs,
    function_policy,
    source_archive,
)
from tests.cloud import Cloud


def service(*, protect_data: bool = True) -> Cloud:
    args = ServiceArgs(
        code=pulumi.AssetArchive({}),
        handler="service.handler.handle",
        memory_mb=256,
        log_retention_days=14,
        permissions_boundary="arn:boundary",
        protect_data=protect_data,
    )
    return Cloud().run(lambda: Service("service", args))


def test_the_function_runs_on_arm_with_its_table_and_its_log() -> None:
    cloud = service()

    inputs = cloud.only("Function").inputs
    assert inputs["architectures"] == ["arm64"]
    assert inputs["runtime"] == "python3.14"
    assert inputs["handler"] == "service.handler.handle"
    assert inputs["memorySize"] == 256
    assert inputs["environment"] == {"variables": {"TABLE_NAME": "service-table"}}
    assert inputs["loggingConfig"] == {"logFormat": "JSON", "logGroup": "service-log"}


def test_the_log_does_not_grow_for_ever() -> None:
    assert service().only("LogGroup").inputs["retentionInDays"] == 14


def test_the_function_may_not_run_before_its_role_may_work() -> None:
    cloud = service()

    assert cloud.only("RolePolicy").urn in cloud.only("Function").depends_on


def test_the_function_uses_its_own_table_and_log_only_and_deletes_nothing() -> None:
    table, log = function_policy("arn:table", "arn:log")["Statement"]

    assert table["Resource"] == "arn:table"
    assert log["Resource"] == "arn:log:*"
    assert not [action for action in table["Action"] if "Delete" in action or "*" in action]
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_only_lambda_assumes_the_functions_role() -> None:
    trust = json.loads(service().only("Role").inputs["assumeRolePolicy"])

    assert trust == trust_in_service("lambda.amazonaws.com")
    assert trust["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("protect", [True, False])
def test_the_table_is_locked_twice_unless_settings_open_it(*, protect: bool) -> None:
    table = service(protect_data=protect).only("Table")

    assert table.protect is protect
    assert table.inputs["deletionProtectionEnabled"] is protect


def test_the_table_can_be_restored_and_is_encrypted() -> None:
    inputs = service().only("Table").inputs

    assert inputs["pointInTimeRecovery"] == {"enabled": True}
    assert inputs["serverSideEncryption"] == {"enabled": True}
    assert inputs["billingMode"] == "PAY_PER_REQUEST"


def test_the_archive_holds_the_packages_modules_and_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "service"
    (package / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "handler.py", "notes.txt", "__pycache__/handler.pyc"):
        (package / name).touch()

    assert set(source_archive(package).assets) == {"service/__init__.py", "service/handler.py"}
