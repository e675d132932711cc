"""CodeBuild in the embedded AWS: projects with the checks and the defaults of AWS.

Owns projects from their creation to what is read of them. moto refuses the source type of a
pipeline, has no update and leaves most defaults out; it deletes and lists. A build is run by
whoever plays the pipeline, outside of this process, so builds are moto's pretended ones.
"""

import copy
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from moto.codebuild.models import CodeBuild, codebuild_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import trusts_service

_SERVICE = "codebuild.amazonaws.com"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
_BY_PIPELINE = "CODEPIPELINE"
_WITHOUT_LOCATION = (_BY_PIPELINE, "NO_SOURCE")
_LONGEST_DESCRIPTION = 255
_NO_LIMIT = -1  # what takes a limit of concurrent builds back
_GIVEN = (
    "artifacts",
    "autoRetryLimit",
    "buildBatchConfig",
    "cache",
    "concurrentBuildLimit",
    "description",
    "encryptionKey",
    "environment",
    "fileSystemLocations",
    "logsConfig",
    "queuedTimeoutInMinutes",
    "secondaryArtifacts",
    "secondarySources",
    "secondarySourceVersions",
    "serviceRole",
    "source",
    "sourceVersion",
    "tags",
    "timeoutInMinutes",
    "vpcConfig",
)
"""What a caller may set and reads again as it was set."""


def rules() -> Rules:
    """Return the operations that this module answers itself."""
    return {
        ("codebuild", "BatchGetProjects"): _get,
        ("codebuild", "CreateProject"): _create,
        ("codebuild", "UpdateProject"): _update,
    }


def _projects(call: Call) -> dict[str, CodeBuild]:
    return codebuild_backends[call.account][call.region].codebuild_projects


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:codebuild:{call.region}:{call.account}:project/{name}"


def _create(call: Call) -> Answer:
    name, arn = call.text("name"), _arn(call, call.text("name"))
    if name in _projects(call):
        raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
    moment = time.time()
    wanted: dict[str, Any] = {
        "name": name,
        "arn": arn,
        "encryptionKey": f"arn:aws:kms:{call.region}:{call.account}:alias/aws/s3",
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "cache": {"type": "NO_CACHE"},
        "badge": {"badgeEnabled": bool(call.parameters.get("badgeEnabled"))},
        "tags": [],
        "created": moment,
        "projectVisibility": "PRIVATE",
        **_given(call),
    }
    _check(call, wanted)
    backend = codebuild_backends[call.account][call.region]
    backend.create_project(
        project_name=name,
        description=None,
        project_source={},
        artifacts={},
        environment={},
        service_role=wanted["serviceRole"],
        tags=None,
        cache=None,
        timeout=None,
        queued_timeout=None,
        source_version=None,
        logs_config=None,
        vpc_config=None,
    )
    project = backend.codebuild_projects[name]
    _keep(project, wanted)
    return {"project": project.project_metadata}


def _update(call: Call) -> Answer:
    """Replace each argument that is given as a whole; the others stay."""
    project = _projects(call).get(call.text("name"))
    if project is None:
        what = f"Project cannot be found: {_arn(call, call.text('name'))}"
        raise AwsError("ResourceNotFoundException", what)
    wanted = {**project.project_metadata, **_given(call)}
    if wanted.get("concurrentBuildLimit") == _NO_LIMIT:
        del wanted["concurrentBuildLimit"]
    if call.parameters.get("badgeEnabled") is not None:
        wanted["badge"] = {"badgeEnabled": bool(call.parameters["badgeEnabled"])}
    _check(call, wanted)
    _keep(project, wanted)
    return {"project": project.project_metadata}


def _get(call: Call) -> Answer:
    projects = _projects(call)
    named = {name: name.rsplit(":project/", 1)[-1] for name in call.parameters["names"]}
    return {
        "projects": [
            projects[name].project_metadata for name in named.values() if name in projects
        ],
        "projectsNotFound": [given for given, name in named.items() if name not in projects],
    }


def _given(call: Call) -> dict[str, Any]:
    given = {name: call.parameters.get(name) for name in _GIVEN}
    return copy.deepcopy({name: value for name, value in given.items() if value is not None})


def _keep(project: CodeBuild, wanted: dict[str, Any]) -> None:
    project.service_role = wanted["serviceRole"]
    project.tags = wanted["tags"]
    project.project_metadata = {**wanted, **_with_defaults(wanted), "lastModified": time.time()}


def _with_defaults(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what AWS adds within the arguments."""
    environment = wanted["environment"]
    variables = _variables(wanted)
    logs: Mapping[str, Any] = wanted.get("logsConfig") or {}
    name = {"name": wanted["name"]} if wanted["artifacts"]["type"] == _BY_PIPELINE else {}
    return {
        "source": {"insecureSsl": False, **wanted["source"]},
        "artifacts": {
            **name,
            "encryptionDisabled": False,
            "packaging": "NONE",
            **wanted["artifacts"],
        },
        "environment": {
            "imagePullCredentialsType": "CODEBUILD",
            "privilegedMode": False,
            **environment,
            "environmentVariables": [{"type": "PLAINTEXT", **given} for given in variables],
        },
        "logsConfig": {
            "cloudWatchLogs": {"status": "ENABLED", **(logs.get("cloudWatchLogs") or {})},
            "s3Logs": {
                "status": "DISABLED",
                "encryptionDisabled": False,
                **(logs.get("s3Logs") or {}),
            },
        },
    }


def _variables(wanted: Mapping[str, Any]) -> list[dict[str, str]]:
    return wanted["environment"].get("environmentVariables") or []


def _check(call: Call, wanted: Mapping[str, Any]) -> None:
    problems = (*_problems(wanted), *_problems_of_role(call, wanted["serviceRole"]))
    if problems:
        raise AwsError("InvalidInputException", problems[0])


def _problems(wanted: Mapping[str, Any]) -> Iterator[str]:
    """Return what AWS says of a project that it does not take."""
    description: str = wanted.get("description") or ""
    source, artefacts = wanted["source"], wanted["artifacts"]
    if not _NAME.fullmatch(wanted["name"]):
        yield "Only alphanumeric characters, dash, and underscore are supported"
    if len(description) > _LONGEST_DESCRIPTION:
        yield f"Max description length is {_LONGEST_DESCRIPTION}"
    if (source["type"] == _BY_PIPELINE) != (artefacts["type"] == _BY_PIPELINE):
        yield (
            "Invalid input: when using CodePipeline both sourceType, and artifactType must be set "
            "to: CODEPIPELINE"
        )
    if source["type"] not in _WITHOUT_LOCATION and not source.get("location"):
        yield "Project source location is required"
    if wanted["badge"]["badgeEnabled"] and source["type"] == _BY_PIPELINE:
        yield "Build badges are not supported for CodePipeline source"
    names = [given["name"] for given in _variables(wanted)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        yield f"Invalid project environment: duplicate environment variable {twice}"


def _problems_of_role(call: Call, role: str) -> Iterator[str]:
    if not role.startswith(f"arn:aws:iam::{call.account}:role/"):
        yield "Invalid service role: Service role account ID does not match caller's account"
    if not trusts_service(call.account, role, _SERVICE):
        yield f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}"
