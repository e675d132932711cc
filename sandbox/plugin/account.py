"""The AWS account that a provider works in: its credentials, its clients, its errors.

Credentials, endpoint and region come from the standard AWS environment variables, overlaid with the
provider's configuration. boto3 is imported late: the engine waits for the plugin's port, and most
previews make no call at all.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

from sandbox import s3_control
from sandbox.plugin.values import Values

T = TypeVar("T")

_POLL_SECONDS = 0.2
_MISSING = {
    "404",  # what is left of the error where an answer has no body
    "AWSOrganizationsNotInUseException",
    "AccountAlreadyClosedException",
    "PolicyNotAttachedException",
}
_SERVICE_IDS = {
    "acm": "ACM",
    "account": "Account",
    "apigateway": "API Gateway",
    "autoscaling": "Auto Scaling",
    "cloudwatch": "CloudWatch",
    "codebuild": "CodeBuild",
    "codeconnections": "CodeConnections",
    "codepipeline": "CodePipeline",
    "dynamodb": "DynamoDB",
    "ec2": "EC2",
    "events": "EventBridge",
    "iam": "IAM",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "organizations": "Organizations",
    "route53": "Route 53",
    "s3": "S3",
    "s3control": "S3 Control",
    "sns": "SNS",
    "ssm": "SSM",
    "sts": "STS",
}


class AwsError(Exception):
    """An answer of AWS that is an error, or none at all, as one sentence."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.code = code

    @property
    def is_missing(self) -> bool:
        """Whether AWS says that what was asked for does not exist."""
        return "NotFound" in self.code or self.code.startswith("NoSuch") or self.code in _MISSING


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """A role to assume, and how."""

    role_arn: str
    session_name: str | None = None
    external_id: str | None = None


class Boto3Session(Protocol):
    """What is used of a session of boto3."""

    def client(self, service_name: str, **options: object) -> object:
        """Make a client."""
        ...


@dataclass(kw_only=True)
class Session:
    """Credentials, and one client for each service and region made from them."""

    base: Boto3Session
    max_retries: int
    _clients: dict[tuple[str, str], object] = field(default_factory=dict[tuple[str, str], object])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, service: str, region: str, operation: str, parameters: Values) -> Values:
        """Make one call. Parameters that are None are left out."""
        from botocore import xform_name  # noqa: PLC0415  late, see the module's docstring
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            method = getattr(self._client(service, region), xform_name(operation))
            return cast("Values", method(**given))
        except ClientError as error:
            answer = error.response.get("Error", {})
            code, message = answer.get("Code", "Unknown"), answer.get("Message", "")
            text = f"operation error {_SERVICE_IDS[service]}: {operation}, {code}: {message}"
            raise AwsError(text, code) from error
        except BotoCoreError as error:
            text = f"operation error {_SERVICE_IDS[service]}: {operation}, {error}"
            raise AwsError(text) from error

    def _client(self, service: str, region: str) -> object:
        from botocore.config import Config  # noqa: PLC0415

        with self._lock:  # boto3 sessions may not make clients in two threads at once
            if (service, region) not in self._clients:
                config = Config(
                    retries={"mode": "standard", "max_attempts": self.max_retries},
                    connect_timeout=5,
                    max_pool_connections=32,
                )
                client = self.base.client(service, region_name=region, config=config)
                s3_control.keep_host(client)
                self._clients[service, region] = client
            return self._clients[service, region]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account in one region, for one request of the engine."""

    session: Session
    id: str
    region: str
    timeout: float

    def call(self, service: str, operation: str, **parameters: object) -> Values:
        """Make one call. Parameters that are None are left out."""
        return self.session.call(service, self.region, operation, parameters)

    def pages(
        self, service: str, operation: str, key: str, **parameters: object
    ) -> Iterator[Values]:
        """Every item of a list that AWS answers in pages marked by `NextToken`."""
        token: object = None
        while True:
            page = self.call(service, operation, NextToken=token, **parameters)
            yield from page[key]
            token = page.get("NextToken")
            if token is None:
                return

    def wait_for(self, probe: Callable[[], T | None], describe: Callable[[], str]) -> T:
        """Return what the probe finds at last; after the timeout an error that `describe` words."""
        deadline = time.monotonic() + self.timeout
        while (found := probe()) is None:
            if time.monotonic() > deadline:
                raise AwsError(f"timed out after {self.timeout:g} s: {describe()}")
            time.sleep(_POLL_SECONDS)
        return found


def sign_in(credentials: Values, roles: list[Assumption], region: str, max_retries: int) -> Session:
    """Sign in with the roles, each assumed with the one before it.

    `credentials` are boto3's own keyword arguments, empty for what the environment says.
    """
    import boto3  # noqa: PLC0415  late, see the module's docstring

    base = cast("Boto3Session", boto3.Session(**credentials))
    session = Session(base=base, max_retries=max_retries)
    for role in roles:
        try:
            answer = session.call(
                "sts",
                region,
                "AssumeRole",
                {
                    "RoleArn": role.role_arn,
                    "RoleSessionName": role.session_name or "pulumi",
                    "ExternalId": role.external_id,
                },
            )
        except AwsError as error:
            text = f"Cannot assume IAM Role ({role.role_arn}): {error}"
            raise AwsError(text, error.code) from error
        keys = answer["Credentials"]
        assumed = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        session = Session(base=cast("Boto3Session", assumed), max_retries=max_retries)
    return session
