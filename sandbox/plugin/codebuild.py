"""CodeBuild: projects with one source and one artifact, outside of a VPC.

A program's names are AWS's (`_WORDS` has the exception), so one walk over the declaration
translates both ways.
"""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Mapping
from typing import ClassVar, cast

from sandbox.plugin.account import Account
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    Argument,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    string,
    strings,
)
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "codebuild"
_NO_LIMIT = -1  # what takes a limit of concurrent builds back
_WORDS = {"cloudwatchLogs": "cloudWatchLogs"}
_TIMEOUTS = {"buildTimeout": "timeoutInMinutes", "queuedTimeout": "queuedTimeoutInMinutes"}
_STATUS = ("ENABLED", "DISABLED")

_BLOCKS: Mapping[str, Argument] = {
    "artifacts": block(
        {
            "artifactIdentifier": string(),
            "bucketOwnerAccess": string(carried=False),
            "encryptionDisabled": boolean(default=False),
            "location": string(),
            "name": string(computed=True),
            "namespaceType": string(computed=True),
            "overrideArtifactName": boolean(default=False),
            "packaging": string(computed=True),
            "path": string(),
            "type": string(required=True, choices=("CODEPIPELINE", "S3", "NO_ARTIFACTS")),
        },
        required=True,
    ),
    "cache": block(
        {
            "cacheNamespace": string(carried=False),
            "location": string(),
            "modes": strings(),
            "type": string(default="NO_CACHE", choices=("NO_CACHE", "LOCAL", "S3")),
        },
        computed=True,
    ),
    "environment": block(
        {
            "certificate": string(carried=False),
            "computeType": string(required=True),
            "dockerServer": block({}, carried=False),
            "environmentVariables": blocks(
                {
                    "name": string(required=True),
                    "type": string(
                        default="PLAINTEXT",
                        choices=("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"),
                    ),
                    "value": string(required=True),
                }
            ),
            "fleet": block({}, carried=False),
            "hostKernel": string(carried=False),
            "image": string(required=True),
            "imagePullCredentialsType": string(
                default="CODEBUILD", choices=("CODEBUILD", "SERVICE_ROLE")
            ),
            "privilegedMode": boolean(default=False),
            "registryCredential": block({}, carried=False),
            "type": string(required=True),
        },
        required=True,
    ),
    "logsConfig": block(
        {
            "cloudwatchLogs": block(
                {
                    "groupName": string(),
                    "status": string(default="ENABLED", choices=_STATUS),
                    "streamName": string(),
                },
                computed=True,
            ),
            "s3Logs": block(
                {
                    "bucketOwnerAccess": string(carried=False),
                    "encryptionDisabled": boolean(default=False),
                    "location": string(),
                    "status": string(default="DISABLED", choices=_STATUS),
                },
                computed=True,
            ),
        },
        computed=True,
    ),
    "source": block(
        {
            "auth": block({}, carried=False),
            "buildStatusConfig": block({}, carried=False),
            "buildspec": string(),
            "gitCloneDepth": integer(),
            "gitSubmodulesConfig": block({}, carried=False),
            "insecureSsl": boolean(),
            "location": string(),
            "reportBuildStatus": boolean(),
            "type": string(required=True),
        },
        required=True,
    ),
}


class Project(Resource):
    """A project; its id is its ARN, an import may name it."""

    type_name = "aws:codebuild/project:Project"
    title = "CodeBuild Project"
    arguments: ClassVar = {
        **_BLOCKS,
        "autoRetryLimit": integer(computed=True, carried=False),
        "badgeEnabled": boolean(default=False, carried=False),
        "buildBatchConfig": block({}, carried=False),
        "buildTimeout": integer(default=60),
        "concurrentBuildLimit": integer(),
        "description": string(computed=True),
        "encryptionKey": string(computed=True),
        "fileSystemLocations": blocks({}, carried=False),
        "name": string(replaces=True),
        "projectVisibility": string(default="PRIVATE", carried=False),
        "queuedTimeout": integer(default=480),
        **REGION,
        "resourceAccessRole": string(carried=False),
        "secondaryArtifacts": blocks({}, carried=False),
        "secondarySourceVersions": blocks({}, carried=False),
        "secondarySources": blocks({}, carried=False),
        "serviceRole": string(required=True),
        "sourceVersion": string(),
        **TAGS,
        "vpcConfig": block({}, carried=False),
    }
    outputs = ("arn", "badgeUrl", "publicProjectAlias", "tagsAll")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        limit = args.get("concurrentBuildLimit") or None
        answer = account.call(
            _SERVICE, "CreateProject", concurrentBuildLimit=limit, **self._said(args)
        )
        return answer["project"]["arn"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        projects = account.call(_SERVICE, "BatchGetProjects", names=[resource_id])["projects"]
        if not projects:
            return None
        live = projects[0]
        return {
            "id": live["arn"],
            "arn": live["arn"],
            **{name: _told(argument, live.get(name)) for name, argument in _BLOCKS.items()},
            **{name: live.get(theirs, 0) for name, theirs in _TIMEOUTS.items()},
            "badgeUrl": "",
            "concurrentBuildLimit": live.get("concurrentBuildLimit", 0),
            "description": live.get("description", ""),
            "encryptionKey": live.get("encryptionKey", ""),
            "name": live["name"],
            "publicProjectAlias": "",
            "serviceRole": live["serviceRole"],
            "sourceVersion": live.get("sourceVersion", ""),
            "tagsAll": {tag["key"]: tag["value"] for tag in listed(live, "tags")},
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        limit = new.get("concurrentBuildLimit") or None
        if limit is None and old.get("concurrentBuildLimit"):
            limit = _NO_LIMIT
        account.call(_SERVICE, "UpdateProject", concurrentBuildLimit=limit, **self._said(new))

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteProject", name=resource_id.rpartition("/")[2])

    @staticmethod
    def _said(args: Values) -> Values:
        """Return everything but the limit in AWS's words, all tags included."""
        tags = nested(args, "tagsAll").items()
        return {
            **_said_of_fields(_BLOCKS, args),
            **{theirs: args[name] for name, theirs in _TIMEOUTS.items()},
            "description": args.get("description"),
            "encryptionKey": args.get("encryptionKey") or None,
            "name": args["name"],
            "serviceRole": args["serviceRole"],
            "sourceVersion": args.get("sourceVersion"),
            "tags": [{"key": key, "value": value} for key, value in tags],
        }


def _said_of_fields(fields: Mapping[str, Argument], values: Values) -> Values:
    said = {
        _WORDS.get(name, name): _said(argument, values.get(name))
        for name, argument in fields.items()
        if argument.carried
    }
    return {word: value for word, value in said.items() if value is not None}


def _said(argument: Argument, value: object) -> object:
    """Return an argument's value in AWS's words, None for what is left out."""
    if value is None or value == "":
        return argument.default
    if argument.kind == "object":
        return _said_of_fields(argument.fields, cast("Values", value))
    if argument.kind == "list" and argument.element:
        element = argument.element
        return [_said(element, item) for item in cast("list[object]", value)]
    return value


def _told(argument: Argument, value: object) -> object:
    """Return AWS's value of an argument in the program's words, None for what it does not tell."""
    if value is None:
        return None
    if argument.kind == "object":
        told = {
            name: _told(child, cast("Values", value).get(_WORDS.get(name, name)))
            for name, child in argument.fields.items()
            if child.carried
        }
        return {name: item for name, item in told.items() if item is not None}
    if argument.kind == "list" and argument.element:
        element = argument.element
        return [_told(element, item) for item in cast("list[object]", value)]
    return value


RESOURCES = (Project(),)
