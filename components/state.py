"""Where the state of every stack is kept: a bucket, and the key of the bucket and of the secrets.

Owns who gets at the state, and who at the secrets in it. Owns no state: the engine writes it, and
an update or a destroy does not reach it. Nobody but the pipelines' build roles, each its own
stack's part, and the one role of a person who deploys gets in: no administrator of the account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.bucket import PrivateBucket, PrivateBucketArgs, only_by_tls
from components.keys import administration
from components.role import role_arn

CONTEXT = "stack"
"""What a stack's secrets are bound to in KMS, so that no other stack's role decrypts them."""
OLD_VERSIONS_DAYS = 90
"""How long a state that was written over can be brought back."""


def context_of(project: str, stack: str) -> str:
    """Return the value of CONTEXT for a stack."""
    return f"{project}-{stack}"


def bucket_policy(
    bucket_arn: str, account_id: str, build_roles: Sequence[str], operator_role_arn: str
) -> dict[str, Any]:
    """Return the bucket's policy: by TLS, and for the build roles and the operator only.

    The build roles are names of roles in the account; what each may do stands in its own policy.
    The operator's role is of another account, so that what it may do has to stand here.
    """
    objects = f"{bucket_arn}/*"
    operator = {
        "Effect": "Allow",
        "Principal": {"AWS": _account_of(operator_role_arn)},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": operator_role_arn}},
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            only_by_tls(bucket_arn),
            {
                "Sid": "OnlyPipelinesAndTheOperator",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": objects,
                "Condition": {
                    "ArnNotEquals": {
                        "aws:PrincipalArn": [
                            *(role_arn(account_id, name) for name in build_roles),
                            operator_role_arn,
                        ]
                    }
                },
            },
            {
                "Sid": "TheOperatorUsesStates",
                "Action": [
                    "s3:DeleteObject",
                    "s3:GetObject",
                    "s3:GetObjectVersion",
                    "s3:PutObject",
                ],
                "Resource": objects,
                **operator,
            },
            {
                "Sid": "TheOperatorFindsStates",
                "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
                "Resource": bucket_arn,
                **operator,
            },
        ],
    }


def key_policy(
    account_id: str, build_roles: Sequence[str], operator_role_arn: str
) -> dict[str, Any]:
    """Return the key's policy: the account administrates it, build roles and the operator use it.

    Which stacks' secrets a build role may decrypt with it stands in the role's own policy.
    """
    users = {
        "Pipelines": [role_arn(account_id, name) for name in build_roles],
        "TheOperator": [operator_role_arn],
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            administration(account_id),
            *(
                {
                    "Sid": f"UseBy{who}",
                    "Effect": "Allow",
                    "Principal": {"AWS": _account_of(roles[0])},
                    "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
                    "Resource": "*",
                    "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
                }
                for who, roles in users.items()
            ),
        ],
    }


def state_access(
    bucket_arn: str, key_arn: str, project: str, stack: str, reads: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the statements by which a stack's build role keeps its state and reads others'.

    `reads` are the full names, like `org/main`, of the stacks that the stack references. Reading a
    stack's state is reading its secrets: the engine decrypts them all when it loads it. The names
    of all stacks are open to every role, because S3 answers 404 for what is not there only to who
    may list the whole bucket, and the engine takes 403 for a failure.
    """
    own = f"{project}/{stack}"
    contexts = [context_of(*name.split("/")) for name in (own, *reads)]
    files = f"{bucket_arn}/.pulumi"
    states = f"{files}/stacks/{own}"
    locks = f"{files}/locks/organization/{own}/*"
    return [
        {
            "Sid": "FindStates",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": bucket_arn,
        },
        {
            "Sid": "ReadItsStateAndThoseItReferences",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [
                f"{files}/meta.yaml",
                *(
                    f"{files}/{path}"
                    for name in (own, *reads)
                    for path in (
                        f"stacks/{name}.json",
                        f"stacks/{name}.pulumi-tags",
                        f"history/{name}/*.history.json",
                    )
                ),
                locks,
            ],
        },
        {
            "Sid": "WriteItsState",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": [
                f"{states}.json",
                f"{states}.json.bak",
                f"{files}/history/{own}/*",
                f"{files}/backups/{own}/*",
                locks,
            ],
        },
        {
            "Sid": "ReleaseItsLock",
            "Effect": "Allow",
            "Action": "s3:DeleteObject",
            "Resource": locks,
        },
        {
            "Sid": "UseTheBucketsKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": key_arn,
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": f"s3.{key_arn.split(':')[3]}.amazonaws.com",
                    # With a bucket key it is the bucket, not the object.
                    "kms:EncryptionContext:aws:s3:arn": bucket_arn,
                }
            },
        },
        {
            "Sid": "DecryptItsSecretsAndThoseItReferences",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": key_arn,
            "Condition": {"StringEquals": {f"kms:EncryptionContext:{CONTEXT}": contexts}},
        },
        {
            "Sid": "EncryptItsSecrets",
            "Effect": "Allow",
            "Action": "kms:Encrypt",
            "Resource": key_arn,
            "Condition": {"StringEquals": {f"kms:EncryptionContext:{CONTEXT}": contexts[0]}},
        },
    ]


def _account_of(arn: str) -> str:
    """Return the account of a role, as a principal of policies.

    A role could not be one: AWS refuses a principal that does not exist yet, and ties one that
    does to its id. A condition names the role instead.
    """
    return f"arn:aws:iam::{arn.split(':')[4]}:root"


@dataclass(frozen=True, kw_only=True)
class StateStoreArgs:
    """The bucket's name, the names of the build roles, and the role of the person who deploys.

    `operator_role_arn` is of another account; the role's own policy there has to allow it, too.
    """

    account_id: pulumi.Input[str]
    region: str
    bucket_name: pulumi.Input[str]
    build_roles: Sequence[str]
    operator_role_arn: pulumi.Input[str]


class StateStore(pulumi.ComponentResource):
    """The state of every stack; `url` is what PULUMI_BACKEND_URL is set to.

    `secrets_provider` lacks a stack's own context: `&context_stack=PROJECT-STACK`.
    """

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    url: pulumi.Output[str]
    secrets_provider: pulumi.Output[str]

    def __init__(
        self, name: str, args: StateStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:state:StateStore", name, None, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts the state of every stack and the secrets in it",
            policy=pulumi.Output.all(args.account_id, args.operator_role_arn).apply(
                lambda known: dumps(key_policy(known[0], args.build_roles, known[1]))
            ),
            enable_key_rotation=True,
            # Without it no state can be read, and no stack be updated or destroyed.
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        bucket = PrivateBucket(
            f"{name}-store",
            PrivateBucketArgs(
                bucket_name=args.bucket_name,
                key_arn=key.arn,
                lifecycle={
                    "id": "old-versions",
                    "status": "Enabled",
                    "noncurrent_version_expiration": {"noncurrent_days": OLD_VERSIONS_DAYS},
                },
                # The only record of which resources are whose.
                keep=True,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket_name,
            policy=pulumi.Output.all(
                bucket.bucket_arn, args.account_id, args.operator_role_arn
            ).apply(
                lambda known: dumps(bucket_policy(known[0], known[1], args.build_roles, known[2]))
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        # No state is put into the bucket before it is for its users only.
        self.bucket_name = pulumi.Output.all(bucket.bucket_name, policy.id).apply(
            lambda known: str(known[0])
        )
        self.bucket_arn = bucket.bucket_arn
        self.key_arn = key.arn
        self.url = self.bucket_name.apply(lambda it: f"s3://{it}?region={args.region}&awssdk=v2")
        self.secrets_provider = key.arn.apply(lambda arn: f"awskms:///{arn}?region={args.region}")
        self.register_outputs(
            {
                "bucket_name": self.bucket_name,
                "bucket_arn": self.bucket_arn,
                "key_arn": self.key_arn,
                "url": self.url,
                "secrets_provider": self.secrets_provider,
            }
        )

    def access_of(
        self, project: str, stack: str, reads: Sequence[str]
    ) -> pulumi.Output[list[dict[str, Any]]]:
        """Return the statements by which a stack's build role keeps its state and reads others'."""
        return pulumi.Output.all(self.bucket_arn, self.key_arn).apply(
            lambda known: state_access(known[0], known[1], project, stack, reads)
        )
