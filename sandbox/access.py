"""boto3 clients of the embedded AWS: an operator's, a role's, a root user's, a service's.

Owns also what AWS does only by hand or for itself: a click in its console, a service's session.
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.error import HTTPError

import boto3

from sandbox import s3_control
from sandbox.aws import paths
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
    return _session(url, session, session["SessionToken"])


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
    return _session(url, session, session["Token"])


def as_service_role(url: str, role_arn: str, service: str, *, source: str, name: str) -> Access:
    """Return the access that a service of AWS has by a role that trusts it.

    `service` is what the trust names, `source` the ARN of what it acts for, such as a build
    project, and `name` the session's. Raises PermissionError where the role does not trust it.
    """
    asked = {"role": role_arn, "service": service, "source": source, "session": name}
    try:
        session = json.loads(
            _fetch(f"{url}{paths.SERVICE_SESSIONS}", "POST", {}, json.dumps(asked))
        )
    except HTTPError as refusal:
        with refusal:
            raise PermissionError(refusal.read().decode()) from None
    return _session(url, session, session["SessionToken"])


def as_root(url: str, account: str) -> Access:
    """Return the access of somebody who signed in as the root user of an account."""
    session = json.loads(_fetch(f"{url}{paths.ROOT_SESSIONS}{account}", "POST", {}))
    return _session(url, session, session["SessionToken"])


def as_assumed_root(url: str, account: str, task: str) -> Access:
    """Return the access of a root user's session that the operator takes for a task of AWS's."""
    sts = client("sts", as_operator(url))
    policy = {"arn": f"arn:aws:iam::aws:policy/root-task/{task}"}
    session = sts.assume_root(TargetPrincipal=account, TaskPolicyArn=policy)["Credentials"]
    return _session(url, session, session["SessionToken"])


def use_connection(access: Access, connection: str) -> str:
    """Use a connection to a git host as a service does for somebody; return its status.

    Raises botocore's ClientError where that somebody may not, or where there is no connection.
    """
    through = access.copy()
    through["endpoint_url"] += paths.USED_CONNECTIONS
    found = client("codeconnections", through).get_connection(ConnectionArn=connection)
    return found["Connection"]["ConnectionStatus"]


def finish_connection(url: str, connection: str) -> None:
    """Complete a connection's handshake with its git host, as a person does in AWS's console."""
    _fetch(f"{url}{paths.FINISHED_CONNECTIONS}{connection}", "POST", {})


def _session(url: str, keys: Mapping[str, str], token: str) -> Access:
    return Access(
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=token,
    )


def _fetch(url: str, method: str, headers: dict[str, str], body: str = "") -> str:
    data = body.encode() if body else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - loopback
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request) as answer:
        return answer.read().decode()


def client(service: str, access: Access) -> Any:  # noqa: ANN401 - the service is data here
    """Return a client for a service that is known only at run time."""
    make: Any = boto3.client  # pyright: ignore - its types know only a few services
    made = make(service, **access)
    s3_control.keep_host(made)
    return made
