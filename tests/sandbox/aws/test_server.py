"""The process: how it starts, what it says, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import MANAGEMENT, Embedded

COMMAND = [sys.executable, "-m", "sandbox.aws", "--account", MANAGEMENT]


def test_it_says_its_port_and_ends_with_status_0_when_told_to() -> None:
    command = [*COMMAND, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().removeprefix("listening on "))
        identity = Embedded(port).operator("sts").get_caller_identity()
        assert identity["Account"] == MANAGEMENT
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0
        assert server.stdout.read() == ""


def test_a_port_in_use_is_refused_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        f"The embedded AWS cannot use port {port}: Address already in use."
    ]


def test_an_account_id_has_twelve_digits() -> None:
    command = [sys.executable, "-m", "sandbox.aws", "--port", "0", "--account", "42"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "'42' is no account id: it has 12 digits" in ended.stderr


def test_the_state_can_be_read_without_credentials(aws: Embedded) -> None:
    aws.operator("dynamodb").list_tables()
    url = f"http://127.0.0.1:{aws.port}/moto-api/data.json"
    with urllib.request.urlopen(url) as answer:
        assert "dynamodb" in json.load(answer)


def test_what_the_embedded_aws_does_not_have_is_said(aws: Embedded) -> None:
    with pytest.raises(ClientError, match="does not have dynamodb DescribeContributorInsights"):
        aws.operator("dynamodb").describe_contributor_insights(TableName="items")
    with pytest.raises(ClientError, match="knows no codeguru-reviewer operation"):
        aws.operator("codeguru-reviewer").list_code_reviews(Type="PullRequest")


def test_a_presigned_address_is_authorised_too(aws: Embedded) -> None:
    bucket, key = {"Bucket": "bucket"}, {"Key": "key"}
    buckets = aws.operator("s3")
    buckets.create_bucket(
        **bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    buckets.put_object(**bucket, **key, Body=b"content")
    address: str = buckets.generate_presigned_url("get_object", Params={**bucket, **key})
    with urllib.request.urlopen(address) as answer:  # noqa: S310  loopback
        assert answer.read() == b"content"
    stranger = address.replace("AKIASANDBOX", "AKIAUNKNOWN")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(stranger)  # noqa: S310  loopback
