"""Lambda in the embedded AWS: what moto accepts or forgets about functions.

Owns a function's logging settings, which moto drops, the runtimes that exist, the role's trust and
the statements of a function's policy. Functions are moto's; they are stored, not run.
"""

from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import trusts_service, unknown_principal

_LOGGING = "logging_config"  # the attribute that moto's functions get
_SERVICE = "lambda.amazonaws.com"


def install() -> None:
    """Lets moto's functions keep what an update says of logging, tracing and no environment."""
    initialise = LambdaFunction.__init__
    describe, update = LambdaFunction.get_configuration, LambdaFunction.update_configuration

    def initialise_with_logging(
        self: LambdaFunction,
        account_id: str,
        spec: dict[str, Any],
        region: str,
        version: str | int = 1,
    ) -> None:
        initialise(self, account_id, spec, region, version)
        vars(self)[_LOGGING] = _logging(spec.get("LoggingConfig") or {})

    def describe_with_logging(
        self: LambdaFunction,
        on_create: bool = False,  # noqa: FBT001, FBT002  moto calls it so
    ) -> dict[str, Any]:
        logging = {"LogGroup": self.logs_group_name, **vars(self)[_LOGGING]}
        return {**describe(self, on_create), "LoggingConfig": logging}

    def update_all(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        changes = dict(config_updates)
        if "Environment" in changes:
            changes["Environment"] = {"Variables": changes["Environment"].get("Variables", {})}
        if "LoggingConfig" in changes:
            vars(self)[_LOGGING] = _logging(changes["LoggingConfig"])
        if "TracingConfig" in changes:
            self.tracing_config = changes["TracingConfig"]
        update(self, changes)
        return self.get_configuration()

    LambdaFunction.__init__ = initialise_with_logging
    LambdaFunction.get_configuration = describe_with_logging
    LambdaFunction.update_configuration = update_all


def _logging(asked: Mapping[str, Any]) -> dict[str, Any]:
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    defaults = levels if asked.get("LogFormat") == "JSON" else {"LogFormat": "Text"}
    return {**defaults, **asked}


def rules(management_account: str) -> Rules:
    """Return the operations that this module restricts; it answers none itself."""
    return {
        ("lambda", "AddPermission"): lambda call: _add_permission(call, management_account),
        ("lambda", "CreateFunction"): _check_function,
        ("lambda", "UpdateFunctionConfiguration"): _check_function,
    }


def _check_function(call: Call) -> Answer:
    runtime, role = call.text("Runtime"), call.text("Role")
    known = call.enumeration("Runtime")
    if runtime and runtime not in known:
        raise AwsError(
            "InvalidParameterValueException",
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(known)}]",
        )
    if role and not trusts_service(call.account, role, _SERVICE):
        raise AwsError(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
    return None


def _add_permission(call: Call, management_account: str) -> Answer:
    principal, statement = call.text("Principal"), call.text("StatementId")
    kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
    policy = {"Statement": [{"Principal": {kind: principal}}]}
    if unknown_principal(policy, management_account):
        raise AwsError(
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        )
    functions = lambda_backends[call.account][call.region].list_functions()
    wanted = call.text("FunctionName")
    for function in functions:
        if wanted in (function.function_name, function.function_arn) and any(
            existing.get("Sid") == statement for existing in function.policy.statements
        ):
            raise AwsError(
                "ResourceConflictException",
                f"The statement id ({statement}) provided already exists. Please provide a new "
                "statement id, or remove the existing statement.",
            )
    return None
