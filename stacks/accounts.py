"""The provider for an account: the only way a program reaches AWS.

The default provider is off in every project (`Pulumi.yaml`), so a resource without a provider is an
error. Each provider here names the one account it may work in. Each is a process of its own too: a
program has one or two, never one for each of many accounts.
"""

import os
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.organization import ACCESS_ROLE

DEPLOY_ROLE = os.environ.get("DEPLOY_ROLE") or ACCESS_ROLE
"""The role that a run assumes in its account; the pipelines set another than the default."""


def management_account(account_id: str, region: str) -> aws.Provider:
    """Return the provider for the management account, as whose user or role the program runs."""
    return _provider("management", account_id, region, ())


def member_account(name: str, account_id: pulumi.Output[str], region: str) -> aws.Provider:
    """Return the provider for a member account, by the role this run assumes there."""
    role_arn = account_id.apply(lambda account: f"arn:aws:iam::{account}:role/{DEPLOY_ROLE}")
    return assumed_role(name, role_arn, account_id, region)


def assumed_role(
    name: str, role_arn: pulumi.Output[str], account_id: pulumi.Output[str], region: str
) -> aws.Provider:
    """Return the provider that works in the account with what the role may do there."""
    session = f"pulumi-{pulumi.get_project()}-{pulumi.get_stack()}"
    return _provider(
        name,
        account_id,
        region,
        [aws.ProviderAssumeRoleArgs(role_arn=role_arn, session_name=session)],
    )


def _provider(
    name: str,
    account_id: pulumi.Input[str],
    region: str,
    roles: Sequence[aws.ProviderAssumeRoleArgs],
) -> aws.Provider:
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=[account_id],
        assume_roles=roles or None,
        default_tags={
            "tags": {
                "project": pulumi.get_project(),
                "stack": pulumi.get_stack(),
                "managed-by": "pulumi",
            }
        },
        # The name of a bucket before a custom endpoint's host does not resolve.
        s3_use_path_style=True if "AWS_ENDPOINT_URL" in os.environ else None,
    )
