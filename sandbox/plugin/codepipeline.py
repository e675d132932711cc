"""CodePipeline: pipelines of stages and actions, started by what is pushed.

Conditions between stages, actions that run commands of their own, and pull requests are not
carried.
"""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Mapping
from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    Argument,
    AutoName,
    Resource,
    block,
    blocks,
    integer,
    string,
    string_map,
    strings,
)
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "codepipeline"
_TYPE_ID = ("category", "owner", "provider", "version")
_ARTIFACTS = ("inputArtifacts", "outputArtifacts")
_ACTION = ("configuration", "name", "namespace", "region", "roleArn", "runOrder")
_ACTION_TIMEOUT = "timeoutInMinutes"
_FILTERS = ("branches", "filePaths", "tags")
_PATTERNS: Mapping[str, Argument] = {"excludes": strings(), "includes": strings()}


class Pipeline(Resource):
    """A pipeline; its id is its name."""

    type_name = "aws:codepipeline/pipeline:Pipeline"
    title = "CodePipeline Pipeline"
    arguments: ClassVar = {
        "artifactStores": blocks(
            {
                "encryptionKey": block(
                    {"id": string(required=True), "type": string(required=True, choices=("KMS",))}
                ),
                "location": string(required=True),
                "region": string(computed=True),
                "type": string(required=True, choices=("S3",)),
            },
            required=True,
            unordered=True,
        ),
        "executionMode": string(default="SUPERSEDED", choices=("PARALLEL", "QUEUED", "SUPERSEDED")),
        "name": string(replaces=True),
        "pipelineType": string(default="V1", choices=("V1", "V2")),
        **REGION,
        "roleArn": string(required=True),
        "stages": blocks(
            {
                "actions": blocks(
                    {
                        "category": string(
                            required=True,
                            choices=(
                                "Approval",
                                "Build",
                                "Compute",
                                "Deploy",
                                "Invoke",
                                "Source",
                                "Test",
                            ),
                        ),
                        "commands": strings(carried=False),
                        "configuration": string_map(),
                        "inputArtifacts": strings(),
                        "name": string(required=True),
                        "namespace": string(),
                        "outputArtifacts": strings(),
                        "outputArtifactsForComputeActions": blocks({}, carried=False),
                        "outputVariables": strings(carried=False),
                        "owner": string(required=True, choices=("AWS", "Custom", "ThirdParty")),
                        "provider": string(required=True),
                        "region": string(computed=True),
                        "roleArn": string(),
                        "runOrder": integer(computed=True),
                        "timeoutInMinutes": integer(),
                        "version": string(required=True),
                    },
                    required=True,
                ),
                "beforeEntry": block({}, carried=False),
                "name": string(required=True),
                "onFailure": block({}, carried=False),
                "onSuccess": block({}, carried=False),
            },
            required=True,
        ),
        **TAGS,
        "triggers": blocks(
            {
                "gitConfiguration": block(
                    {
                        "pullRequests": blocks({}, carried=False),
                        "pushes": blocks({name: block(_PATTERNS) for name in _FILTERS}),
                        "sourceActionName": string(required=True),
                    },
                    required=True,
                ),
                "providerType": string(required=True, choices=("CodeStarSourceConnection",)),
            }
        ),
        "variables": blocks(
            {
                "defaultValue": string(),
                "description": string(),
                "name": string(required=True),
            }
        ),
    }
    outputs = ("arn", "tagsAll", "triggerAlls")
    volatile = ("triggerAlls",)
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreatePipeline",
            pipeline=_declaration(args),
            tags=_tags(nested(args, "tagsAll")),
        )
        return answer["pipeline"]["name"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetPipeline", name=resource_id)
        live, arn = answer["pipeline"], answer["metadata"]["pipelineArn"]
        tags = account.call(_SERVICE, "ListTagsForResource", resourceArn=arn)["tags"]
        triggers = [_trigger_told(trigger) for trigger in listed(live, "triggers")]
        return {
            "arn": arn,
            "artifactStores": _stores_told(live),
            "executionMode": live.get("executionMode", "SUPERSEDED"),
            "name": live["name"],
            "pipelineType": live.get("pipelineType", "V1"),
            "roleArn": live["roleArn"],
            "stages": [_stage_told(stage) for stage in live["stages"]],
            "tagsAll": {tag["key"]: tag["value"] for tag in tags},
            "triggerAlls": triggers,
            # one that filters nothing is what AWS itself adds to a source without a trigger
            "triggers": [it for it in triggers if it["gitConfiguration"].get("pushes")],
            "variables": listed(live, "variables"),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        account.call(_SERVICE, "UpdatePipeline", pipeline=_declaration(new))
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagResource", resourceArn=old["arn"], tagKeys=to_remove)
        if to_set:
            account.call(_SERVICE, "TagResource", resourceArn=old["arn"], tags=_tags(to_set))

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeletePipeline", name=resource_id)


def _tags(tags: Values) -> list[Values] | None:
    return [{"key": key, "value": value} for key, value in tags.items()] or None


def _given(values: Values) -> Values:
    """Return what is said: what is empty is left out, as AWS leaves it out, too."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def _declaration(args: Values) -> Values:
    stores = {
        store.get("region"): _given({**store, "region": None})
        for store in listed(args, "artifactStores")
    }
    place = {"artifactStore": next(iter(stores.values()))}
    return {
        **(place if len(stores) == 1 else {"artifactStores": stores}),
        "executionMode": args["executionMode"],
        "name": args["name"],
        "pipelineType": args["pipelineType"],
        "roleArn": args["roleArn"],
        "stages": [
            {"name": stage["name"], "actions": [_action(it) for it in stage["actions"]]}
            for stage in args["stages"]
        ],
        **_given(
            {
                "triggers": [_trigger(trigger) for trigger in listed(args, "triggers")],
                "variables": [_given(variable) for variable in listed(args, "variables")],
            }
        ),
    }


def _action(action: Values) -> Values:
    artifacts = {
        name: [{"name": artifact} for artifact in listed(action, name)] for name in _ARTIFACTS
    }
    plain = {name: action.get(name) for name in (*_ACTION, _ACTION_TIMEOUT)}
    type_id = {name: action[name] for name in _TYPE_ID}
    return _given({"actionTypeId": type_id, **plain, **artifacts})


def _trigger(trigger: Values) -> Values:
    git = trigger["gitConfiguration"]
    pushes = [
        {name: _given(push[name]) for name in _FILTERS if push.get(name)}
        for push in listed(git, "pushes")
    ]
    return {
        "gitConfiguration": _given({"sourceActionName": git["sourceActionName"], "push": pushes}),
        "providerType": trigger["providerType"],
    }


def _stores_told(live: Values) -> list[Values]:
    if "artifactStore" in live:
        return [live["artifactStore"]]
    stores = nested(live, "artifactStores").items()
    return [{**store, "region": region} for region, store in stores]


def _stage_told(stage: Values) -> Values:
    return {"name": stage["name"], "actions": [_action_told(it) for it in stage["actions"]]}


def _action_told(action: Values) -> Values:
    type_id = action["actionTypeId"]
    plain = {name: action.get(name) for name in (*_ACTION, _ACTION_TIMEOUT)}
    artifacts = {name: [item["name"] for item in listed(action, name)] for name in _ARTIFACTS}
    return _given({**{name: type_id[name] for name in _TYPE_ID}, **plain, **artifacts})


def _trigger_told(trigger: Values) -> Values:
    git = trigger["gitConfiguration"]
    told = {"sourceActionName": git["sourceActionName"], "pushes": listed(git, "push")}
    return {"gitConfiguration": _given(told), "providerType": trigger["providerType"]}


RESOURCES = (Pipeline(),)
