"""KMS in the embedded AWS: whom a key's policy may lock out, AWS's own keys, rotation, key states.

Owns what moto drops or does not refuse. What a key's policy grants is for `authorization`. Of the
services that use keys for their callers, Parameter Store and S3 alone ask, in `ssm` and `s3`. The
keys and what they encrypt are moto's.
"""

import json

from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse

from iam import policy
from iam.policy import Effect, Request
from sandbox.aws import state
from sandbox.aws.actions import accesses_of
from sandbox.aws.call import AwsError, Call
from sandbox.aws.conditions import of_access, of_call
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import trust_in, unknown_principal

_ROTATION = "rotation_period"  # the attribute that moto's keys get
_ROTATION_DAYS = range(90, 2561)  # AWS KMS API reference, EnableKeyRotation
_DEFAULT_ROTATION_DAYS = 365
_WAITING_DAYS = range(7, 31)  # AWS KMS API reference, ScheduleKeyDeletion
_USE = (
    "CreateGrant",
    "Decrypt",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
)
"""The operations that a key must be enabled for."""


def install() -> None:
    """Give AWS's own keys the policy that AWS gives them, and leave judging to `authorization`."""
    generate = KmsBackend._generate_default_keys  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def generate_managed(self: KmsBackend, alias_name: str) -> str | None:
        key_id = generate(self, alias_name)
        if key_id is not None:
            key = self.keys[key_id]
            key.key_manager = "AWS"
            key.policy = _managed_policy(key, alias_name.removeprefix("alias/aws/"))
        return key_id

    def judged_before(self: KmsResponse, key_id: str, action: str) -> None:
        del self, key_id, action

    KmsResponse._validate_key_policy = judged_before  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    KmsBackend._generate_default_keys = generate_managed  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _managed_policy(key: Key, service: str) -> str:
    """Return a policy under which everybody who may use a service may use its key through it."""
    through = {
        "kms:CallerAccount": key.account_id,
        "kms:ViaService": f"{service}.{key.region}.amazonaws.com",
    }
    use = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "CreateGrant", "DescribeKey"]
    look = ["Describe*", "Get*", "List*", "RevokeGrant"]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [f"kms:{action}" for action in use],
                    "Resource": "*",
                    "Condition": {"StringEquals": through},
                },
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{key.account_id}:root"},
                    "Action": [f"kms:{action}" for action in look],
                    "Resource": "*",
                },
            ],
        }
    )


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts or answers itself."""

    def check_policy(call: Call) -> Answer:
        return _check_policy(call, management_account)

    return {
        **{("kms", operation): _check_state for operation in _USE},
        ("kms", "CreateKey"): check_policy,
        ("kms", "EnableKeyRotation"): _enable_rotation,
        ("kms", "GetKeyRotationStatus"): _rotation_status,
        ("kms", "PutKeyPolicy"): check_policy,
        ("kms", "ScheduleKeyDeletion"): _check_waiting,
    }


def _check_policy(call: Call, management_account: str) -> Answer:
    """Refuse a policy that names who does not exist or that its own author could not change."""
    if not call.text("Policy"):
        return None
    try:
        document: policy.Document = json.loads(call.text("Policy"))
    except ValueError:
        document = {}
    problem = policy.problem(document)
    unknown = None if problem else unknown_principal(document, management_account)
    if unknown:
        problem = f"Invalid principal in policy: {unknown}"
    elif not problem and not _leaves_a_way_back(call, document):
        problem = "The new key policy will not allow you to update the key policy in the future."
    if problem:
        raise AwsError("MalformedPolicyDocumentException", problem)
    return None


def _leaves_a_way_back(call: Call, document: policy.Document) -> bool:
    if call.parameters.get("BypassPolicyLockoutSafetyCheck"):
        return True
    access = accesses_of(call)[0]
    context = {**of_call(call), **of_access(call, access)}
    request = Request(action="kms:PutKeyPolicy", resource=access.resource, context=context)
    return trust_in(document, call.account, call.principal, request).effect is Effect.ALLOW


def _keys(call: Call) -> list[Key]:
    found = [state.key_by_arn(access.resource) for access in accesses_of(call)]
    return [key for key in found if key is not None]


def _check_state(call: Call) -> Answer:
    for key in _keys(call):
        problem = unusable(key)
        if problem:
            raise AwsError(*problem)
    return None


def unusable(key: Key) -> tuple[str, str] | None:
    """Say with AWS's error code and words why a key cannot be used, if it cannot."""
    if key.key_state == "PendingDeletion":
        return "KMSInvalidStateException", f"{key.arn} is pending deletion."
    return None if key.enabled else ("DisabledException", f"{key.arn} is disabled.")


def _enable_rotation(call: Call) -> Answer:
    """Keep the period, which moto drops."""
    _check_state(call)
    days = int(call.parameters.get("RotationPeriodInDays") or 0)
    if days and days not in _ROTATION_DAYS:
        raise _out_of_range("rotationPeriodInDays", days, _ROTATION_DAYS)
    for key in _keys(call):
        vars(key)[_ROTATION] = days or _DEFAULT_ROTATION_DAYS
    return None


def _rotation_status(call: Call) -> Answer:
    for key in _keys(call):
        on = key.key_rotation_status
        period = {"RotationPeriodInDays": vars(key)[_ROTATION]} if on else {}
        return {"KeyId": key.arn, "KeyRotationEnabled": on, **period}
    return None


def _check_waiting(call: Call) -> Answer:
    """Refuse what moto would answer without a date."""
    days = call.parameters.get("PendingWindowInDays")
    if days is not None and days not in _WAITING_DAYS:
        raise _out_of_range("pendingWindowInDays", days, _WAITING_DAYS)
    for key in _keys(call):
        if key.key_state == "PendingDeletion":
            raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return None


def _out_of_range(name: str, value: int, allowed: range) -> AwsError:
    low = value < allowed.start
    than, limit = ("greater", allowed.start) if low else ("less", allowed.stop - 1)
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {than} than or equal to {limit}",
    )
