"""A client's view of one running embedded AWS: its operator, and accounts and sessions in it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox import s3_control
from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY

MANAGEMENT = "111111111111"
STRANGER = "999999999999"
REGION = "eu-central-1"
ACCESS_ROLE = "OrganizationAccountAccessRole"
GUARD_RAIL = "SERVICE_CONTROL_POLICY"

Client = Callable[[str], Any]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal: Any, **more: Any) -> str:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more})


def code_and_status(error: ClientError) -> tuple[str | None, int | None]:
    """What AWS answered instead of a result."""
    answer = error.response
    return (
        answer.get("Error", {}).get("Code"),
        answer.get("ResponseMetadata", {}).get("HTTPStatusCode"),
    )


@dataclass
class Embedded:
    port: int
    _clients: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def client(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        """A client that does not try again, so that a refusal is seen at once."""
        name = (service, key)
        if name not in self._clients:
            make: Any = boto3.client  # its types name each service literally
            self._clients[name] = make(
                service,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                region_name=REGION,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
            )
            s3_control.keep_host(self._clients[name])
        return self._clients[name]

    def operator(self, service: str) -> Any:
        return self.client(service, ACCESS_KEY_ID, SECRET_ACCESS_KEY)

    def session(self, account: str, role: str = ACCESS_ROLE, *, by: Client | None = None) -> Client:
        arn = f"arn:aws:iam::{account}:role/{role}"
        sts = (by or self.operator)("sts")
        given = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return lambda service: self.client(
            service,
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given["SessionToken"],
        )

    def organize(self) -> str:
        """Makes the organization with service control policies; returns the root's id."""
        organizations = self.operator("organizations")
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        organizations.enable_policy_type(RootId=root, PolicyType=GUARD_RAIL)
        return root

    def create_account(self, name: str, **more: Any) -> dict[str, Any]:
        """The final status of a request for an account."""
        organizations = self.operator("organizations")
        asked = {"AccountName": name, "Email": f"aws-{name}@example.com", **more}
        request = organizations.create_account(**asked)["CreateAccountStatus"]
        return organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])[
            "CreateAccountStatus"
        ]

    def account(self, name: str) -> str:
        return self.create_account(name)["AccountId"]

    def unit(self, name: str, parent: str) -> str:
        organizations = self.operator("organizations")
        return organizations.create_organizational_unit(Name=name, ParentId=parent)[
            "OrganizationalUnit"
        ]["Id"]

    def guard_rail(self, content: str, target: str | None = None, name: str = "guard") -> str:
        organizations = self.operator("organizations")
        made = organizations.create_policy(
            Name=name, Description="", Type=GUARD_RAIL, Content=content
        )["Policy"]["PolicySummary"]["Id"]
        if target is not None:
            organizations.attach_policy(PolicyId=made, TargetId=target)
        return made
