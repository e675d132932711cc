"""Parameter Store in the embedded AWS: sizes, pages, and secrets that KMS really keeps.

Owns the encryption of SecureString parameters with the permissions of the caller, which moto only
pretends, and the limits of a parameter and of a page. Parameters and their versions are moto's.
"""

import base64
from collections.abc import Callable, Iterable

from moto.kms.models import Key, kms_backends
from moto.ssm.models import Parameter, SimpleSystemManagerBackend, ssm_backends
from moto.ssm.utils import parameter_arn

from sandbox.aws import kms, state
from sandbox.aws.access import Access
from sandbox.aws.authorization import authorize_through
from sandbox.aws.call import AwsError, Call
from sandbox.aws.conditions import encryption_context
from sandbox.aws.rules import Answer, Rules

_SECRET = "SecureString"  # noqa: S105  a type of parameter
_MANAGED_KEY = "alias/aws/ssm"
_KEY_ARN = "key_arn"  # the attribute that moto's secret parameters get
_PAGE = 10  # parameters of a read by path (Systems Manager API reference, GetParametersByPath)
_SIZES = {"Standard": 4096, "Advanced": 8192}
"""Bytes of a value in each tier (Systems Manager quotas)."""


def install() -> None:
    """Let moto's secret parameters show what KMS made of them, or what KMS makes of that again."""
    decrypt = Parameter.decrypt

    def decrypt_with_kms(self: Parameter, value: str) -> str | None:
        arn: str | None = vars(self).get(_KEY_ARN)
        key = state.key_by_arn(arn) if arn else None
        if key is None:
            return decrypt(self, value)
        plain, _ = kms_backends[key.account_id][key.region].decrypt(
            base64.b64decode(value), _encryption_context(self, key.region)
        )
        return plain.decode()

    Parameter.decrypt = decrypt_with_kms


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("ssm", "GetParameter"): lambda call: _read(call, [call.text("Name")]),
        ("ssm", "GetParameterHistory"): _read_history,
        ("ssm", "GetParameters"): lambda call: _read(call, call.parameters["Names"]),
        ("ssm", "GetParametersByPath"): _read_path,
        ("ssm", "PutParameter"): _put,
    }


def _backend(call: Call) -> SimpleSystemManagerBackend:
    return ssm_backends[call.account][call.region]


def _encryption_context(parameter: Parameter, region: str) -> dict[str, str]:
    return {"PARAMETER_ARN": parameter_arn(parameter.account_id, region, parameter.name)}


def _put(call: Call) -> Answer:
    """Answered here: moto keeps secrets in the clear."""
    tier, given = _tier(call), call.parameters
    secret = given.get("Type") == _SECRET or _is_secret(call)
    key = _key(call) if secret else None
    arn = parameter_arn(call.account, call.region, call.text("Name"))
    if key is not None:
        action = "kms:Encrypt" if tier == "Standard" else "kms:GenerateDataKey"
        _use(call, key, action, {"PARAMETER_ARN": arn})
    put: Callable[..., Parameter] = _backend(call).put_parameter  # moto's types forbid None
    made = put(
        name=call.text("Name"),
        description=given.get("Description"),
        value=call.text("Value"),
        parameter_type=given.get("Type"),
        allowed_pattern=given.get("AllowedPattern"),
        keyid=given.get("KeyId"),
        overwrite=given.get("Overwrite", False),
        tags=given.get("Tags"),
        data_type=given.get("DataType", "text"),
        tier=tier,
        policies=given.get("Policies"),
    )
    if key is not None:
        vars(made)[_KEY_ARN] = key.arn
        sealed, _ = kms_backends[key.account_id][key.region].encrypt(
            key.id, call.text("Value").encode(), {"PARAMETER_ARN": arn}
        )
        made.value = base64.b64encode(sealed).decode()
    return {"Version": made.version, "Tier": tier}


def _tier(call: Call) -> str:
    """Return the tier that a value goes in; a standard one takes no larger value."""
    size, tier = len(call.text("Value").encode()), call.text("Tier") or "Standard"
    if tier == "Intelligent-Tiering":
        tier = "Standard" if size <= _SIZES["Standard"] else "Advanced"
    if size <= _SIZES[tier]:
        return tier
    advice = (
        " To create a larger parameter value, upgrade the parameter to use the advanced-parameter "
        "tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/"
        "userguide/parameter-store-advanced-parameters.html"
    )
    raise AwsError(
        "ValidationException",
        f"{tier} tier parameters support a maximum parameter value of {_SIZES[tier]} characters."
        + (advice if tier == "Standard" else ""),
    )


def _is_secret(call: Call) -> bool:
    """Whether a parameter that is overwritten without a type is a secret."""
    found = None if call.text("Type") else _backend(call).get_parameter(call.text("Name"))
    return found is not None and found.parameter_type == _SECRET


def _key(call: Call) -> Key:
    name = call.text("KeyId") or _MANAGED_KEY
    key = state.key(call.account, call.region, name)
    if key is None:
        raise AwsError("InvalidKeyId", f"Key {name} does not exist.")
    return key


def _use(call: Call, key: Key, action: str, context: dict[str, str]) -> None:
    authorize_through(call, "ssm", Access(action, key.arn), encryption_context(context))
    problem = kms.unusable(key)
    if problem:
        raise AwsError("InvalidKeyId", problem[1])


def _read(call: Call, names: Iterable[str]) -> Answer:
    """Judge the decryption of each parameter; moto answers those that do not exist."""
    found = [_backend(call).get_parameter(name) for name in names]
    _check_decryption(call, [parameter for parameter in found if parameter is not None])
    return None


def _read_history(call: Call) -> Answer:
    versions, _ = _backend(call).get_parameter_history(call.text("Name"), None)
    _check_decryption(call, versions or [])
    return None


def _check_decryption(call: Call, parameters: Iterable[Parameter]) -> None:
    if not call.parameters.get("WithDecryption"):
        return
    for parameter in parameters:
        key = state.key_by_arn(vars(parameter).get(_KEY_ARN, ""))
        if key is not None:
            _use(call, key, "kms:Decrypt", _encryption_context(parameter, call.region))


def _read_path(call: Call) -> Answer:
    size = call.parameters.get("MaxResults") or _PAGE
    if size > _PAGE:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
            f"constraint: Member must have value less than or equal to {_PAGE}",
        )
    page, _ = _backend(call).get_parameters_by_path(
        call.text("Path"),
        bool(call.parameters.get("Recursive")),
        call.parameters.get("ParameterFilters"),
        call.parameters.get("NextToken"),
        size,
    )
    _check_decryption(call, page)
    return None
