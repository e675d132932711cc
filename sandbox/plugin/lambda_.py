"""Lambda: functions from the program's files, and who may invoke them."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

import json
from typing import ClassVar, cast

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.archives import content_hash, zipped
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    archive,
    block,
    boolean,
    integer,
    string,
    string_map,
    strings,
)
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values, nested

_SERVICE = "lambda"


def _function_name(function: str) -> str:
    """Return the name of a function that may be named by its ARN."""
    return function.split(":")[6] if function.startswith("arn:") else function


class Function(Resource):
    """A function; its id is its name."""

    type_name = "aws:lambda/function:Function"
    title = "Lambda Function"
    arguments: ClassVar = {
        "architectures": strings(computed=True),
        "capacityProviderConfig": block({}, carried=False),
        "code": archive(),
        "codeSha256": string(computed=True),
        "codeSigningConfigArn": string(carried=False),
        "deadLetterConfig": block({}, carried=False),
        "description": string(),
        "durableConfig": block({}, carried=False),
        "environment": block({"variables": string_map()}),
        "ephemeralStorage": block({"size": integer(computed=True)}, computed=True),
        "fileSystemConfig": block({}, carried=False),
        "handler": string(),
        "imageConfig": block({}, carried=False),
        "imageUri": string(carried=False),
        "kmsKeyArn": string(),
        "layers": strings(carried=False),
        "loggingConfig": block(
            {
                "applicationLogLevel": string(computed=True),
                "logFormat": string(required=True, choices=("JSON", "Text")),
                "logGroup": string(computed=True),
                "systemLogLevel": string(computed=True),
            },
            computed=True,
        ),
        "memorySize": integer(default=128),
        "name": string(replaces=True),
        "packageType": string(default="Zip", replaces=True, choices=("Zip",)),
        "publish": boolean(default=False),
        "publishTo": string(carried=False),
        **REGION,
        "replaceSecurityGroupsOnDestroy": boolean(carried=False),
        "replacementSecurityGroupIds": strings(carried=False),
        "reservedConcurrentExecutions": integer(default=-1),
        "role": string(required=True),
        "runtime": string(),
        "s3Bucket": string(carried=False),
        "s3Key": string(carried=False),
        "s3ObjectVersion": string(carried=False),
        "skipDestroy": boolean(default=False),
        "snapStart": block({}, carried=False),
        "sourceCodeHash": string(computed=True),
        "sourceKmsKeyArn": string(carried=False),
        **TAGS,
        "tenancyConfig": block({}, carried=False),
        "timeout": integer(default=3),
        "tracingConfig": block({"mode": string(required=True)}, computed=True),
        "useResourceTimeoutForPropagation": boolean(carried=False),
        "vpcConfig": block({}, carried=False),
    }
    outputs = (
        "arn",
        "invokeArn",
        "lastModified",
        "qualifiedArn",
        "qualifiedInvokeArn",
        "responseStreamingInvokeArn",
        "signingJobArn",
        "signingProfileVersionArn",
        "sourceCodeSize",
        "tagsAll",
        "version",
    )
    volatile = (
        "codeSha256",
        "lastModified",
        "qualifiedArn",
        "qualifiedInvokeArn",
        "sourceCodeSize",
        "version",
    )
    auto_name = AutoName(length=64)

    def create(self, account: Account, args: Values) -> str:
        if "code" not in args:
            raise AwsError("`code` must be given: the sandbox's AWS plugin takes no other source")
        answer = account.call(
            _SERVICE,
            "CreateFunction",
            Architectures=args.get("architectures"),
            Code={"ZipFile": zipped(args["code"])},
            FunctionName=args["name"],
            PackageType=args["packageType"],
            Publish=args["publish"],
            Tags=args.get("tagsAll") or None,
            **self._configuration(args),
        )
        return answer["FunctionName"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._wait(account, resource_id)
        if args["reservedConcurrentExecutions"] >= 0:
            self._reserve(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetFunction", FunctionName=resource_id)
        live = answer["Configuration"]
        arn = live["FunctionArn"]
        reserved = nested(answer, "Concurrency").get("ReservedConcurrentExecutions", -1)
        version = live.get("Version", "$LATEST")
        return {
            "architectures": live.get("Architectures", ["x86_64"]),
            "arn": arn,
            "codeSha256": live.get("CodeSha256", ""),
            "description": live.get("Description", ""),
            "environment": _environment(live),
            "ephemeralStorage": {"size": nested(live, "EphemeralStorage").get("Size", 512)},
            "handler": live.get("Handler", ""),
            "invokeArn": _invoke_arn(account, arn),
            "kmsKeyArn": live.get("KMSKeyArn", ""),
            "lastModified": live.get("LastModified", ""),
            "loggingConfig": _logging(live, resource_id),
            "memorySize": live["MemorySize"],
            "name": live["FunctionName"],
            "packageType": live.get("PackageType", "Zip"),
            "qualifiedArn": f"{arn}:{version}",
            "qualifiedInvokeArn": _invoke_arn(account, f"{arn}:{version}"),
            "reservedConcurrentExecutions": reserved,
            "responseStreamingInvokeArn": _invoke_arn(account, arn, streaming=True),
            "role": live["Role"],
            "runtime": live.get("Runtime", ""),
            "signingJobArn": live.get("SigningJobArn", ""),
            "signingProfileVersionArn": live.get("SigningProfileVersionArn", ""),
            "sourceCodeSize": live.get("CodeSize", 0),
            "tagsAll": nested(answer, "Tags"),
            "timeout": live["Timeout"],
            "tracingConfig": {"mode": nested(live, "TracingConfig").get("Mode", "PassThrough")},
            "version": version,
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        configuration = self._configuration(new)
        if configuration != self._configuration(old):
            account.call(
                _SERVICE, "UpdateFunctionConfiguration", FunctionName=resource_id, **configuration
            )
            self._wait(account, resource_id)
        if self._code_differs(old, new):
            account.call(
                _SERVICE,
                "UpdateFunctionCode",
                Architectures=new.get("architectures"),
                FunctionName=resource_id,
                Publish=new["publish"],
                ZipFile=zipped(new["code"]),
            )
            self._wait(account, resource_id)
        wanted = new["reservedConcurrentExecutions"]
        if wanted != old.get("reservedConcurrentExecutions", -1):
            self._reserve(account, resource_id, new)
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagResource", Resource=old["arn"], TagKeys=to_remove)
        if to_set:
            account.call(_SERVICE, "TagResource", Resource=old["arn"], Tags=to_set)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            account.call(_SERVICE, "DeleteFunction", FunctionName=resource_id)

    @staticmethod
    def _configuration(args: Values) -> Values:
        logging = args.get("loggingConfig")
        return {
            "Description": args.get("description", ""),
            "Environment": {"Variables": nested(args, "environment").get("variables") or {}},
            "EphemeralStorage": _capitals(args.get("ephemeralStorage")),
            "Handler": args.get("handler"),
            "KMSKeyArn": args.get("kmsKeyArn"),
            "LoggingConfig": _capitals(logging),
            "MemorySize": args["memorySize"],
            "Role": args["role"],
            "Runtime": args.get("runtime"),
            "Timeout": args["timeout"],
            "TracingConfig": _capitals(args.get("tracingConfig")),
        }

    @staticmethod
    def _code_differs(old: Values, new: Values) -> bool:
        if "code" not in new:
            return False
        hashes = [content_hash(nested(args, "code")) for args in (old, new)]
        wanted = new.get("architectures")
        hinted = any(
            new.get(name) not in (None, old.get(name)) for name in ("codeSha256", "sourceCodeHash")
        )
        moved = wanted is not None and wanted != old.get("architectures")
        return hashes[0] != hashes[1] or moved or hinted

    @staticmethod
    def _reserve(account: Account, name: str, args: Values) -> None:
        amount = args["reservedConcurrentExecutions"]
        if amount < 0:
            account.call(_SERVICE, "DeleteFunctionConcurrency", FunctionName=name)
        else:
            account.call(
                _SERVICE,
                "PutFunctionConcurrency",
                FunctionName=name,
                ReservedConcurrentExecutions=amount,
            )

    @staticmethod
    def _wait(account: Account, name: str) -> None:
        def ready() -> bool | None:
            live = account.call(_SERVICE, "GetFunctionConfiguration", FunctionName=name)
            states = {live.get("State", "Active"), live.get("LastUpdateStatus", "Successful")}
            if "Failed" in states:
                reason = live.get("StateReason") or live.get("LastUpdateStatusReason")
                raise AwsError(f"the function did not become active: {reason}")
            return None if states & {"Pending", "InProgress"} else True

        account.wait_for(ready, lambda: f"function {name} is not active yet")


def _capitals(values: Values | None) -> Values | None:
    """Return a nested argument as Lambda spells it."""
    if values is None:
        return None
    return {name[0].upper() + name[1:]: value for name, value in values.items()}


def _environment(live: Values) -> Values | None:
    variables = nested(live, "Environment").get("Variables")
    return {"variables": variables} if variables else None


def _logging(live: Values, name: str) -> Values:
    config = nested(live, "LoggingConfig")
    values = {
        "applicationLogLevel": config.get("ApplicationLogLevel"),
        "logFormat": config.get("LogFormat", "Text"),
        "logGroup": config.get("LogGroup", f"/aws/lambda/{name}"),
        "systemLogLevel": config.get("SystemLogLevel"),
    }
    return {key: value for key, value in values.items() if value is not None}


def _invoke_arn(account: Account, function_arn: str, *, streaming: bool = False) -> str:
    version, suffix = "2015-03-31", "invocations"
    if streaming:
        version, suffix = "2021-11-15", "response-streaming-invocations"
    prefix = f"arn:aws:apigateway:{account.region}:lambda:path/{version}/functions"
    return f"{prefix}/{function_arn}/{suffix}"


class Permission(Resource):
    """A statement in a function's policy; its id is the statement's."""

    type_name = "aws:lambda/permission:Permission"
    title = "Lambda Permission"
    arguments: ClassVar = {
        "action": string(required=True, replaces=True),
        "eventSourceToken": string(replaces=True, carried=False),
        "function": string(required=True, replaces=True, normal=_function_name),
        "functionUrlAuthType": string(replaces=True, carried=False),
        "invokedViaFunctionUrl": boolean(replaces=True, carried=False),
        "principal": string(required=True, replaces=True),
        "principalOrgId": string(replaces=True),
        "qualifier": string(replaces=True),
        **REGION,
        "sourceAccount": string(replaces=True),
        "sourceArn": string(replaces=True),
        "statementId": string(computed=True, replaces=True),
        "statementIdPrefix": string(computed=True, replaces=True),
    }
    auto_name = AutoName(argument="statementId", length=100)
    conflicts = (("statementId", "statementIdPrefix"),)

    def create(self, account: Account, args: Values) -> str:
        statement_id = given_name(args, "statementId")
        account.call(
            _SERVICE,
            "AddPermission",
            Action=args["action"],
            FunctionName=args["function"],
            Principal=args["principal"],
            PrincipalOrgID=args.get("principalOrgId"),
            Qualifier=args.get("qualifier"),
            SourceAccount=args.get("sourceAccount"),
            SourceArn=args.get("sourceArn"),
            StatementId=statement_id,
        )
        return statement_id

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        function, statement_id, qualifier = self._place(resource_id, known)
        policy = account.call(_SERVICE, "GetPolicy", FunctionName=function, Qualifier=qualifier)[
            "Policy"
        ]
        for statement in json.loads(policy)["Statement"]:
            if statement.get("Sid") == statement_id:
                break
        else:
            return None
        return {
            "action": statement["Action"],
            "function": function,
            "id": statement_id,
            "principal": _principal(statement["Principal"]),
            "principalOrgId": _condition(statement, "aws:principalorgid"),
            "qualifier": qualifier,
            "sourceAccount": _condition(statement, "aws:sourceaccount"),
            "sourceArn": _condition(statement, "aws:sourcearn"),
            "statementId": statement_id,
        }

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        function, statement_id, qualifier = self._place(resource_id, state)
        account.call(
            _SERVICE,
            "RemovePermission",
            FunctionName=function,
            StatementId=statement_id,
            Qualifier=qualifier,
        )

    @staticmethod
    def _place(resource_id: str, known: Values) -> tuple[str, str, str | None]:
        """Return function, statement and qualifier; an import has FUNCTION[:Q]/STATEMENT."""
        if "function" in known:
            return known["function"], resource_id, known.get("qualifier")
        function, _, statement_id = resource_id.rpartition("/")
        if not function:
            raise AwsError(f"a permission is imported by FUNCTION/STATEMENT, not {resource_id}")
        if function.startswith("arn:"):
            return function, statement_id, None
        name, _, qualifier = function.partition(":")
        return name, statement_id, qualifier or None


def _principal(principal: object) -> str:
    if isinstance(principal, dict):
        return str(next(iter(cast("Values", principal).values())))
    return str(principal)


def _condition(statement: Values, key: str) -> str | None:
    for condition in nested(statement, "Condition").values():
        for name, value in condition.items():
            if name.lower() == key:
                return value
    return None


RESOURCES = (Function(), Permission())
