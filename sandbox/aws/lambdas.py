"""Lambda in the embedded AWS: what moto accepts, forgets or cannot do about functions.

Owns a function's logging settings, which moto drops, the runtimes that exist, the role's trust, the
statements of a function's policy and what they let a service do, and what is asked of a function
when it is invoked. Functions are moto's; running them is for `execution`.
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends

from iam import policy
from iam.policy import Effect, Request
from sandbox.aws import state
from sandbox.aws.call import AwsError, Call
from sandbox.aws.execution import Execution, Function
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import trusts_service, unknown_principal

_LOGGING = "logging_config"  # the attribute that moto's functions get
_SERVICE = "lambda.amazonaws.com"
_SYNCHRONOUS = "RequestResponse"


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


def rules(management_account: str, execution: Execution) -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {
        ("lambda", "AddPermission"): lambda call: _add_permission(call, management_account),
        ("lambda", "CreateFunction"): _check_function,
        ("lambda", "Invoke"): lambda call: _invoke(call, execution),
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
    function = _function(call.account, call.region, call.text("FunctionName"))
    statements = function.policy.statements if function else []
    if any(existing.get("Sid") == statement for existing in statements):
        raise AwsError(
            "ResourceConflictException",
            f"The statement id ({statement}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement.",
        )
    return None


def _function(account: str, region: str, name: str) -> LambdaFunction | None:
    """Return a function by its name or ARN."""
    functions = lambda_backends[account][region].list_functions()
    return next(
        (found for found in functions if name in (found.function_name, found.function_arn)), None
    )


def _invoke(call: Call, execution: Execution) -> Answer:
    name, kind = call.text("FunctionName"), call.text("InvocationType") or _SYNCHRONOUS
    if kind != _SYNCHRONOUS or call.text("Qualifier") not in ("", "$LATEST"):
        raise AwsError(
            "InvalidParameterValueException",
            f"The embedded AWS invokes functions by {_SYNCHRONOUS} and as $LATEST only.",
        )
    function = _function(call.account, call.region, name)
    if function is None:
        wanted = name.rsplit("function:", 1)[-1]
        arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{wanted}"
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}")
    event: bytes = call.parameters.get("Payload") or b"{}"
    try:
        json.loads(event)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise AwsError("InvalidRequestContentException", message) from None
    runnable = _runnable(function)

    def run() -> Mapping[str, Any]:
        outcome = execution.invoke(runnable, event, call.request.host_url)
        return {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "FunctionError": "Unhandled" if outcome.failed else None,
            "LogResult": outcome.log_tail if call.text("LogType") == "Tail" else None,
            "Payload": outcome.payload,
        }

    return run


def runnable_for(service: str, arn: str, source_arn: str) -> Function | None:
    """Return the function that its policy lets a service invoke for a resource, if there is one.

    Raises AwsError where Lambda cannot assume the function's role.
    """
    _, _, _, region, account, name = arn.split(":", 5)
    function = _function(account, region, name.removeprefix("function:"))
    if function is None or function.function_arn != arn:
        return None
    trusting = [
        statement
        for statement in function.policy.statements
        if policy.mapping(statement["Principal"]).get("Service") == service
    ]
    context = {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (source_arn.split(":")[4],)}
    request = Request(action="lambda:InvokeFunction", resource=arn, context=context)
    document = {"Version": "2012-10-17", "Statement": trusting}
    allowed = policy.evaluate([document], request) is Effect.ALLOW
    return _runnable(function) if allowed else None


def _runnable(function: LambdaFunction) -> Function:
    role = state.role(function.account_id, function.role.rsplit("/", 1)[-1])
    if role is None or not trusts_service(function.account_id, function.role, _SERVICE):
        raise AwsError(
            "AccessDeniedException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
    logging = vars(function)[_LOGGING]
    return Function(
        arn=function.function_arn,
        name=function.function_name,
        handler=str(function.handler),
        region=function.region,
        runtime=str(function.run_time),
        memory_mb=int(function.memory_size),
        log_group=logging.get("LogGroup", function.logs_group_name),
        digest=function.code_sha_256,
        variables=tuple(sorted(function.environment_vars.items())),
        role_arn=function.role,
        package=function.code_bytes,
        role=role,
        seconds=float(function.timeout),
    )
