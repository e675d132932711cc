"""Functions run: what their code sees, how they end, and with whose permissions."""

import base64
import io
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import (
    MANAGEMENT,
    REGION,
    Embedded,
    allow,
    code_and_status,
    policy,
    trust,
)

ROLE = "function"
NAME = "items"
ARN = f"arn:aws:lambda:{REGION}:{MANAGEMENT}:function:{NAME}"


def package(code: str, **more: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, text in {"handler.py": code, **more}.items():
            opened.writestr(name, text)
    return archive.getvalue()


def make_function(aws: Embedded, code: str, *statements: dict[str, Any], **more: Any) -> Any:
    """A function whose role may do what the statements say; returns a client to invoke it."""
    iam = aws.operator("iam")
    if not iam.list_roles()["Roles"]:
        lambdas = trust({"Service": "lambda.amazonaws.com"})
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=lambdas)
    if statements:
        document = policy(*statements)
        iam.put_role_policy(RoleName=ROLE, PolicyName="own", PolicyDocument=document)
    client = aws.operator("lambda")
    wanted = {
        "FunctionName": NAME,
        "Runtime": "python3.14",
        "Role": f"arn:aws:iam::{MANAGEMENT}:role/{ROLE}",
        "Handler": "handler.handle",
        "Code": {"ZipFile": package(code)},
        "Timeout": 10,
    }
    client.create_function(**{**wanted, **more})
    return client


def invoke(client: Any, event: Any = None, **more: Any) -> Any:
    """What the handler returned."""
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event), **more)
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.load(answer["Payload"])


def failure(client: Any, event: Any = None) -> dict[str, Any]:
    """The error that the handler ended with."""
    answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event))
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    return json.load(answer["Payload"])


SHOW = """
import os, sys
def handle(event, context):
    return {
        "event": event,
        "environment": dict(os.environ),
        "context": {name: str(getattr(context, name)) for name in (
            "aws_request_id", "function_name", "function_version", "invoked_function_arn",
            "memory_limit_in_mb", "log_group_name")},
        "left": context.get_remaining_time_in_millis(),
        "path": sys.path,
        "here": os.getcwd(),
    }
"""


def test_a_handler_gets_its_event_lambdas_environment_and_a_context(aws: Embedded) -> None:
    client = make_function(
        aws, SHOW, Environment={"Variables": {"TABLE": "items", "AWS_REGION_OF": "x"}},
        MemorySize=256, LoggingConfig={"LogFormat": "JSON", "LogGroup": "logs"},
    )  # fmt: skip
    seen = invoke(client, {"number": 1, "text": "ü"})
    assert seen["event"] == {"number": 1, "text": "ü"}
    environment = seen["environment"]
    assert environment["TABLE"] == "items"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == NAME
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == REGION
    assert environment["_HANDLER"] == "handler.handle"
    assert environment["LAMBDA_TASK_ROOT"] == seen["here"]
    assert environment["AWS_ENDPOINT_URL"].startswith(f"http://127.0.0.1:{aws.port}")
    assert not {"HOME", "VIRTUAL_ENV"} & environment.keys()
    assert seen["context"] == {
        "aws_request_id": seen["context"]["aws_request_id"],
        "function_name": NAME,
        "function_version": "$LATEST",
        "invoked_function_arn": ARN,
        "memory_limit_in_mb": "256",
        "log_group_name": "logs",
    }
    assert 5_000 < seen["left"] <= 10_000


def test_a_function_has_its_package_and_boto3_and_nothing_of_this_project(aws: Embedded) -> None:
    code = """
import importlib
def handle(names, context):
    def there(name):
        try:
            return importlib.import_module(name) is not None
        except ImportError:
            return False
    return [name for name in names if there(name)]
"""
    client = make_function(aws, code)
    asked = ["boto3", "handler", "json", "pulumi", "pydantic", "sandbox", "service", "stacks"]
    assert invoke(client, asked) == ["boto3", "handler", "json"]


def test_a_function_may_do_what_its_role_may_and_no_more(aws: Embedded) -> None:
    code = """
import boto3
from botocore.exceptions import ClientError
client = boto3.client("dynamodb")
def handle(table, context):
    try:
        client.describe_table(TableName=table)
    except ClientError as error:
        return str(error)
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    tables = aws.operator("dynamodb")
    for table in ("own", "other"):
        tables.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    own = f"arn:aws:dynamodb:{REGION}:{MANAGEMENT}:table/own"
    client = make_function(aws, code, allow("dynamodb:DescribeTable", own))
    session = f"arn:aws:sts::{MANAGEMENT}:assumed-role/{ROLE}/{NAME}"
    assert invoke(client, "own") == session
    assert invoke(client, "other") == (
        "An error occurred (AccessDeniedException) when calling the DescribeTable operation: "
        f"User: {session} is not authorized to perform: dynamodb:DescribeTable on resource: "
        f"{own.replace('own', 'other')} because no identity-based policy allows the "
        "dynamodb:DescribeTable action"
    )


COUNT = """
import os
count = 0
def handle(event, context):
    global count
    count += 1
    return count if event != "process" else os.getpid()
"""


def test_a_process_serves_until_the_code_or_its_configuration_changes(aws: Embedded) -> None:
    client = make_function(aws, COUNT)
    assert [invoke(client) for _ in range(3)] == [1, 2, 3]
    first = psutil.Process(invoke(client, "process"))
    changed = COUNT.replace("count = 0", "count = 100")
    client.update_function_code(FunctionName=NAME, ZipFile=package(changed))
    assert [invoke(client) for _ in range(2)] == [101, 102]
    assert not first.is_running()
    client.update_function_configuration(
        FunctionName=NAME, Environment={"Variables": {"TABLE": "items"}}
    )
    assert invoke(client) == 101


def test_a_failing_handler_ends_in_an_error_with_its_trace(aws: Embedded) -> None:
    code = "def handle(event, context):\n    raise KeyError(event)\n"
    client = make_function(aws, code)
    found = failure(client, "name")
    assert found.pop("requestId")
    (frame,) = found.pop("stackTrace")
    assert frame.endswith('handler.py", line 2, in handle\n    raise KeyError(event)\n')
    assert found == {"errorMessage": "'name'", "errorType": "KeyError"}


@pytest.mark.parametrize(
    ("handler", "code", "kind", "message"),
    [
        (
            "absent.handle",
            "",
            "Runtime.ImportModuleError",
            "Unable to import module 'absent': No module named 'absent'",
        ),
        (
            "handler.other",
            COUNT,
            "Runtime.HandlerNotFound",
            "Handler 'other' missing on module 'handler'",
        ),
        ("handler.handle", "raise OSError('at start')", "OSError", "at start"),
        (
            "handler.handle",
            "def handle(event, context):\n    return {1}",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
    ],
)
def test_code_that_cannot_run_or_answer_says_so(
    aws: Embedded, handler: str, code: str, kind: str, message: str
) -> None:
    client = make_function(aws, code, Handler=handler)
    found = failure(client)
    assert (found["errorType"], found["errorMessage"]) == (kind, message)


def test_a_function_that_ends_its_process_fails_and_starts_anew(aws: Embedded) -> None:
    code = COUNT.replace("os.getpid()", "os._exit(3)")
    client = make_function(aws, code)
    assert invoke(client) == 1
    found = failure(client, "process")
    assert found["errorType"] == "Runtime.ExitError"
    assert found["errorMessage"] == (
        f"RequestId: {found['requestId']} Error: Runtime exited with error: exit status 3"
    )
    assert invoke(client) == 1


def test_a_function_ends_at_its_timeout(aws: Embedded) -> None:
    code = "import time\ndef handle(event, context):\n    time.sleep(event)\n    return 'done'\n"
    client = make_function(aws, code, Timeout=1)
    assert invoke(client, 0) == "done"
    started = time.monotonic()
    found = failure(client, 60)
    assert time.monotonic() - started < 30
    assert found["errorType"] == "Sandbox.Timedout"
    assert found["errorMessage"] == (
        f"RequestId: {found['requestId']} Error: Task timed out after 1.00 seconds"
    )
    assert invoke(client, 0) == "done"


def test_others_are_answered_while_a_function_runs(aws: Embedded) -> None:
    code = "import time\ndef handle(event, context):\n    time.sleep(2)\n    return 'done'\n"
    client = make_function(aws, code)
    answers: list[Any] = []
    running = threading.Thread(target=lambda: answers.append(invoke(client)))
    running.start()
    time.sleep(0.5)
    aws.operator("sts").get_caller_identity()
    assert running.is_alive()
    running.join()
    assert answers == ["done"]


def test_what_a_function_prints_is_not_in_its_answer_but_in_its_log(aws: Embedded) -> None:
    code = """
import os, sys
def handle(event, context):
    print("printed", event)
    os.write(1, b"written\\n")
    print("said", file=sys.stderr)
    return event
"""
    client = make_function(aws, code)
    for number in (1234, 5):
        answer = client.invoke(FunctionName=NAME, Payload=json.dumps(number), LogType="Tail")
        assert json.load(answer["Payload"]) == number
        lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
        assert sorted(lines) == [f"printed {number}", "said", "written"]
    assert "LogResult" not in client.invoke(FunctionName=NAME, Payload="3")


def test_a_caller_needs_the_permission_to_invoke(aws: Embedded) -> None:
    make_function(aws, COUNT)
    aws.operator("iam").create_role(
        RoleName="caller", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT})
    )
    allowed = policy(allow("lambda:InvokeFunction", ARN))
    caller = aws.session(MANAGEMENT, "caller")("lambda")
    with pytest.raises(ClientError, match=f"perform: lambda:InvokeFunction on resource: {ARN} bec"):
        caller.invoke(FunctionName=NAME)
    aws.operator("iam").put_role_policy(RoleName="caller", PolicyName="own", PolicyDocument=allowed)
    assert invoke(caller) == 1


def test_what_cannot_be_invoked_is_refused(aws: Embedded) -> None:
    client = make_function(aws, COUNT)
    with pytest.raises(ClientError) as unknown:
        client.invoke(FunctionName="other")
    assert code_and_status(unknown.value) == ("ResourceNotFoundException", 404)
    assert f"Function not found: {ARN.replace(NAME, 'other')}" in str(unknown.value)
    with pytest.raises(ClientError, match=r"InvalidRequestContentException.*request body into js"):
        client.invoke(FunctionName=NAME, Payload=b"{")
    with pytest.raises(ClientError, match="invokes functions by RequestResponse and as"):
        client.invoke(FunctionName=NAME, InvocationType="Event")
    aws.operator("iam").update_assume_role_policy(
        RoleName=ROLE, PolicyDocument=trust({"Service": "ec2.amazonaws.com"})
    )
    with pytest.raises(ClientError, match=r"AccessDeniedException.*cannot be assumed by Lambda"):
        client.invoke(FunctionName=NAME)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_no_function_outlives_the_embedded_aws(end: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--account", MANAGEMENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        aws = Embedded(int(server.stdout.readline().removeprefix("listening on ")))
        code = "import os\ndef handle(event, context):\n    return os.getpid(), os.getcwd()\n"
        process, folder = invoke(make_function(aws, code))
        running = psutil.Process(process)
        assert running.parent() == psutil.Process(server.pid)
        server.send_signal(end)
    psutil.wait_procs([running], timeout=10)
    assert not running.is_running()
    assert Path(folder).exists() == (end == signal.SIGKILL)
    shutil.rmtree(Path(folder).parent, ignore_errors=True)
