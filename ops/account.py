"""A session in an account, by the role that a deployment assumes there."""

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ops.problem import OpsError
from stacks.accounts import DEPLOY_ROLE


def session(account_id: str, region: str) -> boto3.Session:
    """Return a session in an account.

    Raises OpsError.
    """
    role = f"arn:aws:iam::{account_id}:role/{DEPLOY_ROLE}"
    try:
        sts = boto3.Session(region_name=region).client("sts")  # pyright: ignore[reportUnknownMemberType]
        given = sts.assume_role(RoleArn=role, RoleSessionName="ops")["Credentials"]
    except NoCredentialsError:
        raise OpsError(
            "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, to those you deploy with."
        ) from None
    except ClientError as error:
        raise OpsError(
            f"The role {role} cannot be assumed ({error}): check who you are (aws sts "
            "get-caller-identity) and which role DEPLOY_ROLE names."
        ) from None
    except BotoCoreError as error:
        raise unreachable(error) from None
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=region,
    )


def unreachable(error: BotoCoreError) -> OpsError:
    """Return the sentence for an AWS that could not even be asked."""
    return OpsError(
        f"AWS cannot be asked ({error}): check your connection, and credentials with "
        "`aws sts get-caller-identity`."
    )
