"""boto3 clients of the embedded AWS, as the operator, as a role or as an instance."""

import json
import urllib.request
from typing import Any, TypedDict

import boto3

from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from sandbox.environment import REGION


class Access(TypedDict):
    """What `boto3.client(service, **access)` needs to work somewhere as somebody."""

    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str | None


def as_operator(url: str) -> Access:
    """Return the access of the management account's operator."""
    return Access(
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        aws_session_token=None,
    )


def as_role(url: str, role_arn: str) -> Access:
    """Return the access of a role that the operator assumes."""
    sts = client("sts", as_operator(url))
    session = sts.assume_role(RoleArn=role_arn, RoleSessionName="sandbox")["Credentials"]
    return Access(
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def metadata_of_instance(url: str, account: str, instance: str) -> str:
    """Return where an instance of an account finds its metadata service.

    It is what an instance's `AWS_EC2_METADATA_SERVICE_ENDPOINT` must be in the sandbox.
    """
    return f"{url}/_instance/{account}/{REGION}/{instance}/"


def as_instance(url: str, account: str, instance: str) -> Access:
    """Return the access that an instance has by the role of its profile."""
    metadata = f"{metadata_of_instance(url, account, instance)}latest/"
    minute = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _fetch(f"{metadata}api/token", "PUT", minute)
    credentials = f"{metadata}meta-data/iam/security-credentials/"
    known = {"X-aws-ec2-metadata-token": token}
    session = json.loads(_fetch(f"{credentials}{_fetch(credentials, 'GET', known)}", "GET", known))
    return Access(
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["Token"],
    )


def _fetch(url: str, method: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - loopback
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request) as answer:
        return answer.read().decode()


def client(service: str, access: Access) -> Any:  # noqa: ANN401 - the service is data here
    """Return a client for a service that is known only at run time."""
    make: Any = boto3.client  # pyright: ignore - its types know only a few services
    return make(service, **access)
