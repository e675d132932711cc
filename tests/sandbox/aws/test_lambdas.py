"""Lambda, logs and DynamoDB: what a function keeps, and what is refused."""

import io
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import MANAGEMENT, STRANGER, Embedded, trust

ROLE = f"arn:aws:iam::{MANAGEMENT}:role/function"


def package() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("handler.py", "def handle(event, context): ...")
    return archive.getvalue()


def make_function(aws: Embedded, **more: Any) -> dict[str, Any]:
    roles = aws.operator("iam")
    if not roles.list_roles()["Roles"]:
        lambdas = trust({"Service": "lambda.amazonaws.com"})
        roles.create_role(RoleName="function", AssumeRolePolicyDocument=lambdas)
    wanted = {
        "FunctionName": "items",
        "Runtime": "python3.13",
        "Role": ROLE,
        "Handler": "handler.handle",
        "Code": {"ZipFile": package()},
        "Architectures": ["arm64"],
    }
    return aws.operator("lambda").create_function(**{**wanted, **more})


def configuration(aws: Embedded) -> dict[str, Any]:
    return aws.operator("lambda").get_function(FunctionName="items")["Configuration"]


def test_a_function_keeps_its_log_group_and_levels(aws: Embedded) -> None:
    logging = {"LogFormat": "JSON", "LogGroup": "items", "ApplicationLogLevel": "DEBUG"}
    made = make_function(aws, LoggingConfig=logging)
    kept = {**logging, "SystemLogLevel": "INFO"}
    assert made["LoggingConfig"] == configuration(aws)["LoggingConfig"] == kept
    aws.operator("lambda").update_function_configuration(
        FunctionName="items", LoggingConfig={"LogFormat": "Text", "LogGroup": "other"}
    )
    assert configuration(aws)["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "other"}


def test_a_function_logs_by_default_under_its_own_name(aws: Embedded) -> None:
    made = make_function(aws)
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/items"}


def test_an_update_keeps_what_it_does_not_name(aws: Embedded) -> None:
    make_function(aws, Environment={"Variables": {"TABLE": "items"}}, LoggingConfig={
        "LogFormat": "Text", "LogGroup": "items"})  # fmt: skip
    functions = aws.operator("lambda")
    functions.update_function_configuration(
        FunctionName="items", Timeout=9, TracingConfig={"Mode": "Active"}
    )
    found = configuration(aws)
    assert found["Environment"]["Variables"] == {"TABLE": "items"}
    assert found["LoggingConfig"]["LogGroup"] == "items"
    assert (found["Timeout"], found["TracingConfig"]) == (9, {"Mode": "Active"})
    functions.update_function_configuration(FunctionName="items", Environment={})
    assert "Environment" not in configuration(aws)


def test_a_function_needs_a_runtime_that_exists_and_a_role_that_trusts_lambda(
    aws: Embedded,
) -> None:
    for wrong in ({"Runtime": "python2.3"}, {"Role": f"{ROLE}-none"}):
        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            make_function(aws, **wrong)
    make_function(aws)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        aws.operator("lambda").update_function_configuration(
            FunctionName="items", Runtime="python2.3"
        )
    aws.operator("iam").update_assume_role_policy(
        RoleName="function", PolicyDocument=trust({"Service": "ec2.amazonaws.com"})
    )
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        make_function(aws, FunctionName="other")


def test_a_permission_has_a_principal_that_exists_and_an_id_of_its_own(aws: Embedded) -> None:
    make_function(aws)
    functions = aws.operator("lambda")
    invoke = {"FunctionName": "items", "Action": "lambda:InvokeFunction", "StatementId": "api"}
    with pytest.raises(ClientError, match="The provided principal was invalid"):
        functions.add_permission(**invoke, Principal=STRANGER)
    functions.add_permission(**invoke, Principal="apigateway.amazonaws.com")
    with pytest.raises(ClientError, match="ResourceConflictException"):
        functions.add_permission(**invoke, Principal="apigateway.amazonaws.com")
    functions.remove_permission(FunctionName="items", StatementId="api")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_policy(FunctionName="items")


def test_a_log_group_is_created_once(aws: Embedded) -> None:
    logs = aws.operator("logs")
    logs.create_log_group(logGroupName="items")
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        logs.create_log_group(logGroupName="items")


def test_a_protected_table_cannot_be_deleted(aws: Embedded) -> None:
    tables = aws.operator("dynamodb")
    tables.create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    with pytest.raises(ClientError, match="ValidationException"):
        tables.delete_table(TableName="items")
    tables.update_table(TableName="items", DeletionProtectionEnabled=False)
    tables.delete_table(TableName="items")
