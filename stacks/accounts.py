"""The provider for an account: the only way a program reaches AWS.

The default provider is off in every project (`Pulumi.yaml`), so a resource without a provider is an
error. Each provider here names the one account it may work in. Each is a process of its own too: a
program has one or two, never one for each of many accounts.
"""

import os

import pulumi
import pulumi_aws as aws

from components.account import BUILD_ROLES
from components.organization import ACCESS_ROLE
from components.role import role_arn

DEPLOY_ROLE = os.environ.get("DEPLOY_ROLE") or ACCESS_ROLE
"""The role that a run assumes in its account; the pipelines set another than the default."""


def is_by_hand() -> bool:
    """Tell whether a person of the management account runs this, with the role AWS makes for it."""
    return DEPLOY_ROLE == ACCESS_ROLE


def build_role(project: str, stack: str) -> str:
    """Return the name of the role in the Tools account that a stack's pipeline runs with."""
    return f"{BUILD_ROLES}{project}-{stack}"


def own_build_role() -> str:
    """Return the name of the role that the current stack's pipeline runs with."""
    return build_role(pulumi.get_project(), pulumi.get_stack())


def delegation_role(account: str) -> str:
    """Return the name of the role in the DNS account that delegates an account's sub-domain."""
    return f"delegate-{account}"


def management_account(account_id: str, region: str) -> aws.Provider:
    """Return the provider for the management account.

    A person's run is there already, as whose user or role it runs; a pipeline's assumes a role.
    """
    if is_by_hand():
        return _provider("management", account_id, region, None)
    return _provider("management", account_id, region, role_arn(account_id, DEPLOY_ROLE))


def member_account(name: str, account_id: pulumi.Output[str], region: str) -> aws.Provider:
    """Return the provider for a member account, by the role this run assumes there."""
    assumed = account_id.apply(lambda account: role_arn(account, DEPLOY_ROLE))
    return _provider(name, account_id, region, assumed)


def delegation(
    role: pulumi.Output[str], account_id: pulumi.Output[str], region: str
) -> aws.Provider:
    """Return the provider that writes the delegation of a sub-domain into the DNS account.

    `role` admits only the pipeline of the sub-domain's account. A person's run has no need of it:
    it uses the role that it uses in every account.
    """
    if is_by_hand():
        return member_account("delegation", account_id, region)
    return _provider("delegation", account_id, region, role)


def _provider(
    name: str,
    account_id: pulumi.Input[str],
    region: str,
    assumed: pulumi.Input[str] | None,
) -> aws.Provider:
    session = f"pulumi-{pulumi.get_project()}-{pulumi.get_stack()}"
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=[account_id],
        assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=assumed, session_name=session)]
        if assumed is not None
        else None,
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
