"""CodePipeline in the embedded AWS: definitions of pipelines, refused where AWS refuses them.

Owns what may be created and updated: stages, actions, artefacts, variables and triggers. moto keeps
the definitions, their versions and tags, and pretends executions; a pipeline is really played by
`sandbox.pipelines`, outside of this process.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from moto.codepipeline.models import CodePipeline, CodePipelineBackend, codepipeline_backends

from sandbox.aws import constraints
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules
from sandbox.aws.trust import trusts_service

Declaration: TypeAlias = Mapping[str, Any]

_SERVICE = "codepipeline.amazonaws.com"
_CONNECTION = "CodeStarSourceConnection"
_STAGES = range(2, 51)  # CodePipeline user guide, "Quotas"
_NO_ARTEFACTS = range(1)
_STRUCTURE = "InvalidStructureException"
_STAGE = "InvalidStageDeclarationException"
_ACTION = "InvalidActionDeclarationException"
_VARIABLE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")
_NAMESPACES_OF_AWS = ("codepipeline", "variables")
_FILTERS = ({"tags"}, {"branches"}, {"branches", "filePaths"})
"""The criteria that a filter of a push may combine."""


class _Provider(NamedTuple):
    """What CodePipeline's action structure reference says of an action's provider."""

    categories: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    inputs: range
    outputs: range


_PROVIDERS = {
    _CONNECTION: _Provider(
        categories=("Source",),
        required=("ConnectionArn", "FullRepositoryId", "BranchName"),
        optional=("OutputArtifactFormat", "DetectChanges"),
        inputs=_NO_ARTEFACTS,
        outputs=range(1, 2),
    ),
    "CodeBuild": _Provider(
        categories=("Build", "Test"),
        required=("ProjectName",),
        optional=("PrimarySource", "BatchEnabled", "CombineArtifacts", "EnvironmentVariables"),
        inputs=range(1, 6),
        outputs=range(6),
    ),
    "Manual": _Provider(
        categories=("Approval",),
        required=(),
        optional=("NotificationArn", "CustomData", "ExternalEntityLink"),
        inputs=_NO_ARTEFACTS,
        outputs=_NO_ARTEFACTS,
    ),
}
"""The providers whose declarations are checked; of others only the names and artefacts are."""


class _Problem(NamedTuple):
    code: str
    text: str


def rules() -> Rules:
    """Return the operations that this module answers itself."""
    return {
        ("codepipeline", "CreatePipeline"): _create,
        ("codepipeline", "UpdatePipeline"): _update,
    }


def _backend(call: Call) -> CodePipelineBackend:
    return codepipeline_backends[call.account][call.region]


def _create(call: Call) -> Answer:
    """Answered here: moto cannot read a trust that names more than services."""
    pipeline, backend = _declared(call), _backend(call)
    name, tags = pipeline["name"], _each(call.parameters, "tags")
    if name in backend.pipelines:
        text = f"A pipeline with the name '{name}' already exists in account '{call.account}'"
        raise AwsError("PipelineNameInUseException", text)
    made = cast("CodePipeline", CodePipeline(call.account, call.region, pipeline))
    made.tags = {tag["key"]: tag["value"] for tag in tags}
    backend.pipelines[name] = made
    return {"pipeline": made.pipeline, "tags": tags}


def _update(call: Call) -> Answer:
    pipeline, backend = _declared(call), _backend(call)
    if pipeline["name"] not in backend.pipelines:
        text = (
            f"The account with id '{call.account}' does not include a pipeline with the name "
            f"'{pipeline['name']}'"
        )
        raise AwsError("ResourceNotFoundException", text)
    return {"pipeline": backend.update_pipeline(pipeline)}


def _declared(call: Call) -> dict[str, Any]:
    """Return the definition of a call with AWS's defaults, or raise why it cannot be one."""
    constraints.check(call)
    given = copy.deepcopy(call.parameters["pipeline"])
    pipeline = {"executionMode": "SUPERSEDED", "pipelineType": "V1", **given}
    if not trusts_service(call.account, pipeline["roleArn"], _SERVICE):
        role = pipeline["roleArn"]
        raise AwsError(
            _STRUCTURE, f"CodePipeline is not authorized to perform AssumeRole on role {role}"
        )
    for check in (_stages, _types, _actions, _namespaces, _artefacts, _variables, _triggers):
        problem = next(check(pipeline, call.region), None)
        if problem is not None:
            raise AwsError(problem.code, problem.text)
    return pipeline


def _declarations(pipeline: Declaration) -> Iterator[tuple[int, Declaration, Declaration]]:
    """Return each action with its stage and the number of the stage."""
    for number, stage in enumerate(pipeline["stages"]):
        for action in stage["actions"]:
            yield number, stage, action


def _each(declaration: Declaration, name: str) -> list[dict[str, Any]]:
    return declaration.get(name) or []


def _texts(action: Declaration) -> Mapping[str, str]:
    return action.get("configuration") or {}


def _stages(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    stages = pipeline["stages"]
    if len(stages) < _STAGES.start:
        yield _Problem(
            _STRUCTURE,
            f"Pipeline has only {len(stages)} stage(s). There should be a minimum of "
            f"{_STAGES.start} stages in a pipeline",
        )
    if len(stages) >= _STAGES.stop:
        yield _Problem(
            _STRUCTURE,
            f"Pipeline has too many stages. There can only be up to {_STAGES.stop - 1} stages in a "
            "pipeline",
        )
    twice = _repeated([stage["name"] for stage in stages])
    if twice is not None:
        yield _Problem(_STAGE, f"Stage name '{twice}' is used more than once")
    for number, _stage, action in _declarations(pipeline):
        is_source = action["actionTypeId"]["category"] == "Source"
        if number == 0 and not is_source:
            yield _Problem(
                _STRUCTURE,
                "Pipeline should start with a stage that only contains source actions",
            )
        if number > 0 and is_source:
            yield _Problem(
                _STRUCTURE,
                "Source actions can only be included in the first stage of the pipeline",
            )


def _types(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    """Return what only a pipeline of type V2 may have."""
    if pipeline["pipelineType"] != "V1":
        return
    if pipeline["executionMode"] != "SUPERSEDED":
        text = "QUEUED or PARALLEL mode can only be used with V2 pipelines"
        yield _Problem(_STRUCTURE, text)
    if pipeline.get("triggers"):
        yield _Problem(_STRUCTURE, "Triggers on tag can only be used with V2 pipelines")
    if pipeline.get("variables"):
        yield _Problem(_STRUCTURE, "Pipeline variable can only be used with V2 pipelines")


def _actions(pipeline: Declaration, region: str) -> Iterator[_Problem]:
    for stage in pipeline["stages"]:
        twice = _repeated([action["name"] for action in stage["actions"]])
        if twice is not None:
            text = f"Action name '{twice}' is used more than once in stage '{stage['name']}'"
            yield _Problem(_ACTION, text)
    for _, _, action in _declarations(pipeline):
        kind = action["actionTypeId"]
        provider = _PROVIDERS.get(kind["provider"]) if kind["owner"] == "AWS" else None
        if provider is None:
            continue
        if kind["category"] not in provider.categories or kind["version"] != "1":
            yield _Problem(
                _ACTION,
                f"ActionType (Category: '{kind['category']}', Provider: '{kind['provider']}', "
                f"Owner: '{kind['owner']}', Version: '{kind['version']}') in action "
                f"'{action['name']}' is not available in region "
                f"'{region.upper().replace('-', '_')}'",
            )
        yield from _configuration(action, provider)


def _configuration(action: Declaration, provider: _Provider) -> Iterator[_Problem]:
    given = _texts(action)
    about = f"Action configuration for action '{action['name']}'"
    for key in provider.required:
        if key not in given:
            yield _Problem(_ACTION, f"{about} is missing required configuration '{key}'")
    for key in given:
        if key not in (*provider.required, *provider.optional):
            yield _Problem(_ACTION, f"{about} contains unknown configuration '{key}'")
    for kind, limits in (("input", provider.inputs), ("output", provider.outputs)):
        count = len(_each(action, f"{kind}Artifacts"))
        if count not in limits:
            is_low = count < limits.start
            bound = f"minimum of {limits.start}" if is_low else f"maximum of {limits.stop - 1}"
            yield _Problem(
                _ACTION,
                f"Action '{action['name']}' has {count} {kind} artifacts, "
                f"{'below the' if is_low else 'above the'} {bound}",
            )


def _namespaces(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    """Return a namespace that two actions have, or that no earlier one has and a text names."""
    taken = set(_NAMESPACES_OF_AWS)
    for stage, action in _in_order(pipeline):
        where = f"StageName=[{stage['name']}], ActionName=[{action['name']}]"
        for key, text in _texts(action).items():
            for namespace, variable in _VARIABLE.findall(text):
                if namespace not in taken:
                    yield _Problem(
                        _ACTION,
                        "Valid format for a pipeline execution variable reference is a namespace "
                        "and a key separated by a period (.). The following pipeline execution "
                        "variables are referencing a namespace that does not exist. "
                        f"{where}, ActionConfigurationKey=[{key}], "
                        f"VariableReferenceText=[{namespace}.{variable}]",
                    )
        namespace = action.get("namespace")
        if namespace in taken:
            yield _Problem(
                _ACTION,
                "Namespaces must be unique across the pipeline definition. The following occur "
                f"more than once in the pipeline. {where}, Namespace=[{namespace}]",
            )
        taken |= {namespace} if namespace else set()


def _in_order(pipeline: Declaration) -> Iterator[tuple[Declaration, Declaration]]:
    for stage in pipeline["stages"]:
        for action in sorted(stage["actions"], key=_run_order):
            yield stage, action


def _run_order(action: Declaration) -> int:
    return action.get("runOrder") or 1


def _artefacts(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    """Return an artefact that two actions make, or that one reads before another has made it."""
    made: dict[str, tuple[int, int]] = {}
    for number, _stage, action in _declarations(pipeline):
        for artefact in _each(action, "outputArtifacts"):
            name = artefact["name"]
            if name in made:
                yield _Problem(
                    _STRUCTURE,
                    "Output Artifact Bundle name must be unique within the pipeline. "
                    f"{name} has been used more than once.",
                )
            made[name] = (number, _run_order(action))
    for number, _stage, action in _declarations(pipeline):
        for artefact in _each(action, "inputArtifacts"):
            name, moment = artefact["name"], (number, _run_order(action))
            if name not in made or made[name] >= moment:
                yield _Problem(
                    _ACTION,
                    f"Input Artifact Bundle {name} in action {action['name']} is not declared as "
                    "Output Artifact Bundle in any of the preceding actions",
                )


def _variables(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    names = [variable["name"] for variable in _each(pipeline, "variables")]
    twice = _repeated(names)
    if twice is not None:
        yield _Problem(
            _STRUCTURE,
            "Variable names must be unique. The following variable name is already in use: "
            f"{twice}",
        )


def _triggers(pipeline: Declaration, _: str) -> Iterator[_Problem]:
    triggers = [trigger["gitConfiguration"] for trigger in _each(pipeline, "triggers")]
    sources = [trigger["sourceActionName"] for trigger in triggers]
    connections = {
        action["name"]
        for _, _, action in _declarations(pipeline)
        if action["actionTypeId"]["provider"] == _CONNECTION
    }
    if not set(sources) <= connections or _repeated(sources) is not None:
        yield _Problem(
            _STRUCTURE,
            "Triggers for connections must reference a CodeStarSourceConnection action. Note that "
            "when you specify a trigger, you can't specify more than one trigger per source "
            "action.",
        )
    for trigger in triggers:
        for push in _each(trigger, "push"):
            if {key for key, criteria in push.items() if criteria} not in _FILTERS:
                yield _Problem(
                    _STRUCTURE,
                    "The trigger configuration for the source action is not valid. Make sure to "
                    "choose valid filter combinations.",
                )


def _repeated(names: list[str]) -> str | None:
    """Return the first name that comes a second time."""
    return next((name for place, name in enumerate(names) if name in names[:place]), None)
