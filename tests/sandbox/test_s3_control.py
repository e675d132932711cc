"""S3 Control is reached where it is: at an address without the account before it, by name with it."""

from typing import Any

import boto3
import pytest

from sandbox import s3_control

ACCOUNT = "222222222222"
PATH = "/v20180820/configuration/publicAccessBlock"


def asked(endpoint: str | None) -> Any:
    """The request that a client would send to an endpoint."""
    make: Any = boto3.client
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = make("s3control", region_name="eu-central-1", endpoint_url=endpoint, **keys)
    s3_control.keep_host(client)
    sent: list[Any] = []

    def keep(request: Any, **_event: object) -> Any:
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.s3-control", keep)
    with pytest.raises(InterruptedError):
        client.get_public_access_block(AccountId=ACCOUNT)
    return sent[0]


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("http://10.1.2.3", "http://10.1.2.3"),
        ("http://localhost:4566", "http://222222222222.localhost:4566"),
        (None, "https://222222222222.s3-control.eu-central-1.amazonaws.com"),
    ],
)
def test_only_an_address_that_is_no_name_loses_the_account(endpoint: str | None, host: str) -> None:
    request = asked(endpoint)
    assert request.url == f"{host}{PATH}"
    assert request.headers["x-amz-account-id"] == ACCOUNT.encode()
