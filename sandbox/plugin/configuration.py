"""The provider's own configuration: which account, by which roles, with which default tags.

The engine sends nested values as JSON text. Settings of the genuine plugin that mean nothing on a
loopback endpoint are accepted without effect; those that would mean something are refused by name.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sandbox.plugin.account import Account, Assumption, AwsError, sign_in
from sandbox.plugin.checking import Failure, type_failures, unsupported
from sandbox.plugin.schema import (
    Argument,
    block,
    blocks,
    boolean,
    integer,
    string,
    string_map,
    strings,
)
from sandbox.plugin.values import UNKNOWN, Values, listed, nested

_ROLE: Mapping[str, Argument] = {
    "roleArn": string(required=True),
    "sessionName": string(),
    "externalId": string(),
    "duration": string(carried=False),
    "policy": string(carried=False),
    "policyArns": strings(carried=False),
    "sourceIdentity": string(carried=False),
    "tags": string_map(carried=False),
    "transitiveTagKeys": strings(carried=False),
}

SETTINGS: Mapping[str, Argument] = {
    "accessKey": string(),
    "allowedAccountIds": strings(),
    "assumeRoleWithWebIdentity": block({}, carried=False),
    "assumeRoles": blocks(_ROLE),
    "customCaBundle": string(carried=False),
    "defaultTags": block({"tags": string_map()}),
    "ec2MetadataServiceEndpoint": string(carried=False),
    "ec2MetadataServiceEndpointMode": string(carried=False),
    "endpoints": blocks({}, carried=False),
    "forbiddenAccountIds": strings(),
    "httpProxy": string(carried=False),
    "httpsProxy": string(carried=False),
    "ignoreTags": block({}, carried=False),
    "insecure": boolean(),
    "maxRetries": integer(),
    "noProxy": string(carried=False),
    "profile": string(),
    "region": string(required=True),
    "retryMode": string(),
    "s3UsEast1RegionalEndpoint": string(),
    "s3UsePathStyle": boolean(),
    "secretKey": string(),
    "sharedConfigFiles": strings(carried=False),
    "sharedCredentialsFiles": strings(carried=False),
    "skipCredentialsValidation": boolean(),
    "skipMetadataApiCheck": boolean(),
    "skipRegionValidation": boolean(),
    "skipRequestingAccountId": boolean(),
    "stsRegion": string(carried=False),
    "tagPolicyCompliance": string(carried=False),
    "token": string(),
    "tokenBucketRateLimiterCapacity": integer(),
    "useDualstackEndpoint": boolean(carried=False),
    "useFipsEndpoint": boolean(carried=False),
    "userAgents": strings(),
}

_ENGINE_SETTINGS = frozenset({"version", "pluginDownloadURL", "__internal"})
_DEFAULT_RETRIES = 4
"""Genuine: 25, which on a laptop only hides for minutes that nothing listens."""


@dataclass(kw_only=True)
class Provider:
    """A configured provider: the session in its account."""

    account: Account
    default_tags: Values = field(default_factory=dict[str, Any])

    def for_request(self, region: str | None, timeout: float) -> Account:
        """Return the account as one request sees it."""
        return Account(
            session=self.account.session,
            id=self.account.id,
            region=region or self.account.region,
            timeout=timeout,
        )


def check_settings(given: Values) -> tuple[Values, list[Failure]]:
    """Return the settings, with the environment's region, and what is wrong with them."""
    settings = {name: value for name, value in given.items() if value not in (None, "")}
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        settings.setdefault("region", region)
    failures: list[Failure] = []
    for name, value in decoded(settings).items():
        setting = SETTINGS.get(name)
        if setting is None:
            failures.append(Failure(argument=name, reason=unsupported(name, SETTINGS)))
        elif not setting.carried:
            reason = f'The provider setting "{name}" is not carried by the sandbox\'s AWS plugin.'
            failures.append(Failure(argument=name, reason=reason))
        else:
            failures += type_failures(name, setting, value)
    if "region" not in settings:
        reason = (
            "Missing region configuration. Set it in the program's provider, "
            "with `pulumi config set aws:region`, or in AWS_REGION."
        )
        failures.append(Failure(argument="region", reason=reason))
    return settings, failures


def decoded(settings: Values) -> Values:
    """Return the settings with nested values as such instead of JSON text."""
    values: Values = {}
    for name, value in settings.items():
        if name in _ENGINE_SETTINGS:
            continue
        kind = SETTINGS[name].kind if name in SETTINGS else "string"
        values[name] = _from_json(value) if kind != "string" else value
    return values


def configure(settings: Values) -> Provider | None:
    """Signs in; None where a preview does not know the settings yet."""
    values = decoded(settings)
    if UNKNOWN in values.values():
        return None
    region = str(values["region"])
    credentials = {
        "aws_access_key_id": values.get("accessKey"),
        "aws_secret_access_key": values.get("secretKey"),
        "aws_session_token": values.get("token"),
        "profile_name": values.get("profile"),
    }
    roles = [
        Assumption(
            role_arn=role["roleArn"],
            session_name=role.get("sessionName"),
            external_id=role.get("externalId"),
        )
        for role in cast("list[Values]", listed(values, "assumeRoles"))
    ]
    given = {name: value for name, value in credentials.items() if value}
    session = sign_in(given, roles, region, values.get("maxRetries") or _DEFAULT_RETRIES)
    account_id = str(session.call("sts", region, "GetCallerIdentity", {})["Account"])
    _refuse_wrong_account(account_id, values)
    return Provider(
        account=Account(session=session, id=account_id, region=region, timeout=0),
        default_tags=nested(values, "defaultTags").get("tags") or {},
    )


def _refuse_wrong_account(account_id: str, values: Values) -> None:
    allowed = values.get("allowedAccountIds")
    forbidden = listed(values, "forbiddenAccountIds")
    if (allowed and account_id not in allowed) or account_id in forbidden:
        raise AwsError(f"AWS Account ID not allowed: {account_id}")


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
