"""What connections, build projects and pipelines do beyond a plain life."""

from typing import Any

import pytest

from sandbox import access
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Engine, Held, Refused
from tests.sandbox.plugin.scripted import refusal, scripted
from tests.sandbox.plugin.world import (
    BUILD_ENVIRONMENT,
    CONNECTION,
    PIPELINE,
    PROJECT,
    World,
    trust,
)

ARN = "arn:aws:codeconnections:eu-central-1:222222222222:connection/1"


def test_a_connection_waits_for_a_person_and_nothing_waits_for_it(
    world: World, shared_aws: str
) -> None:
    inputs = {"name": "pending", "providerType": "GitHub"}
    held = world.member.create(CONNECTION, inputs)
    assert held.state["connectionStatus"] == "PENDING"
    assert held.state["ownerAccountId"] == world.account.id

    access.finish_connection(shared_aws, held.id)
    found: Any = world.member.refresh(held)
    assert found.state["connectionStatus"] == "AVAILABLE"
    assert found.inputs == held.inputs
    assert not world.member.diff(found, inputs).changes
    held = world.member.update(found, {**inputs, "tags": {"a": "1"}})
    assert held.state["connectionStatus"] == "AVAILABLE"


def test_a_connection_is_deleted_when_aws_no_longer_finds_it() -> None:
    gone = refusal("ResourceNotFoundException")
    account, aws = scripted(GetConnection=[{"Connection": {}}, gone])
    RESOURCES[CONNECTION].delete(account, ARN, {})
    assert aws.operations == ["DeleteConnection", "GetConnection", "GetConnection"]


def test_a_connection_has_a_provider_or_a_host(engine: Engine) -> None:
    host = "arn:aws:codeconnections:eu-central-1:222222222222:host/h-1"
    inputs = {"name": "both", "providerType": "GitHub", "hostArn": host}
    _inputs, failures = engine.check(CONNECTION, inputs)
    assert failures == {
        "hostArn": 'Conflicting configuration arguments. "hostArn" conflicts with "providerType".'
    }


@pytest.mark.parametrize("change", [{"name": "other"}, {"providerType": "GitLab"}])
def test_where_the_code_is_replaces_a_connection(engine: Engine, change: Values) -> None:
    inputs = {"name": "code", "providerType": "GitHub"}
    held = Held(CONNECTION, ARN, inputs, inputs)
    assert engine.diff(held, {**inputs, **change}).replaces == [*change]


def project(world: World, name: str, **more: object) -> Values:
    return {
        "name": name,
        "serviceRole": world.build_role.state["arn"],
        "artifacts": {"type": "CODEPIPELINE"},
        "source": {"type": "CODEPIPELINE", "buildspec": "pipelines/build.yml"},
        "environment": BUILD_ENVIRONMENT,
        **more,
    }


def test_what_aws_adds_to_a_project_is_no_change(world: World) -> None:
    inputs = project(world, "plain")
    held = world.member.create(PROJECT, inputs)
    assert held.state["artifacts"]["name"] == "plain"
    assert held.state["logsConfig"]["cloudwatchLogs"] == {"status": "ENABLED"}
    assert held.state["cache"] == {"type": "NO_CACHE"}
    assert not world.member.diff(held, inputs).changes
    assert world.member.refresh(held) == held


def test_a_variable_that_was_changed_by_hand_is_named_and_put_right(world: World) -> None:
    inputs = project(world, "drifting")
    held = world.member.create(PROJECT, inputs)
    codebuild = world.client("codebuild")
    by_hand = {
        **BUILD_ENVIRONMENT,
        "environmentVariables": [
            {"name": "STACK", "value": "app/prod"},
            {"name": "DEPLOY_ROLE", "value": "deploy"},
        ],
    }
    codebuild.update_project(name="drifting", environment=by_hand)
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, inputs).detailed == {
        "environment.environmentVariables[0].value": "UPDATE"
    }
    world.member.update(found, inputs)
    live = codebuild.batch_get_projects(names=["drifting"])["projects"][0]["environment"]
    assert live["environmentVariables"][0]["value"] == "app/dev"


def test_a_limit_of_builds_is_taken_back(world: World) -> None:
    held = world.member.create(PROJECT, project(world, "limited", concurrentBuildLimit=2))
    held = world.member.update(held, project(world, "limited"))
    live = world.client("codebuild").batch_get_projects(names=["limited"])["projects"][0]
    assert "concurrentBuildLimit" not in live


def test_a_project_with_a_role_that_builds_cannot_take_is_refused(world: World) -> None:
    inputs = project(world, "strange", serviceRole=world.role.state["arn"])
    expected = r"^creating CodeBuild Project \(strange\): operation error CodeBuild: CreateProject"
    with pytest.raises(Refused, match=expected):
        world.member.create(PROJECT, inputs)


STORE: Values = {"type": "S3", "location": "b"}
ACTION: Values = {
    "name": "Checkout",
    "category": "Source",
    "owner": "AWS",
    "provider": "CodeStarSourceConnection",
    "version": "1",
}
TRIGGER: Values = {
    "providerType": "CodeStarSourceConnection",
    "gitConfiguration": {"sourceActionName": "Checkout"},
}


def live_pipeline(**more: object) -> list[Values]:
    live = {"name": "p", "roleArn": "arn:r", "artifactStore": STORE, "stages": [], **more}
    return [{"pipeline": live, "metadata": {"pipelineArn": "arn:p"}}]


def read_pipeline(**more: object) -> Values:
    account, _aws = scripted(GetPipeline=live_pipeline(**more), ListTagsForResource=[{"tags": []}])
    state = RESOURCES[PIPELINE].read(account, "p", {})
    assert state
    return state


def test_the_trigger_that_aws_adds_is_not_the_programs() -> None:
    git = {"sourceActionName": "Checkout", "push": [{"tags": {"includes": ["v*"]}}]}
    own = {**TRIGGER, "gitConfiguration": git}
    state = read_pipeline(triggers=[TRIGGER, own])
    told = {"sourceActionName": "Checkout", "pushes": [{"tags": {"includes": ["v*"]}}]}
    assert state["triggers"] == [{**TRIGGER, "gitConfiguration": told}]
    assert state["triggerAlls"] == [TRIGGER, *state["triggers"]]


def test_a_pipeline_of_several_regions_has_a_store_in_each() -> None:
    stores = [{**STORE, "region": "eu-central-1"}, {**STORE, "region": "eu-west-1"}]
    account, aws = scripted(CreatePipeline=[{"pipeline": {"name": "p"}}])
    inputs = {
        "name": "p",
        "roleArn": "arn:r",
        "executionMode": "QUEUED",
        "pipelineType": "V2",
        "stages": [],
        "artifactStores": stores,
    }
    RESOURCES[PIPELINE].create(account, inputs)
    said = aws.calls[0][1]["pipeline"]
    assert said["artifactStores"] == {"eu-central-1": STORE, "eu-west-1": STORE}
    assert "artifactStore" not in said
    live = live_pipeline(artifactStores=said["artifactStores"])[0]["pipeline"]
    del live["artifactStore"]
    assert read_pipeline()["artifactStores"] == [STORE]
    account, _aws = scripted(
        GetPipeline=[{"pipeline": live, "metadata": {"pipelineArn": "arn:p"}}],
        ListTagsForResource=[{"tags": []}],
    )
    state: Any = RESOURCES[PIPELINE].read(account, "p", {})
    assert state["artifactStores"] == stores


def test_an_action_is_told_in_the_programs_words() -> None:
    live = {
        "name": "Checkout",
        "actionTypeId": {k: ACTION[k] for k in ("category", "owner", "provider", "version")},
        "runOrder": 1,
        "configuration": {"BranchName": "main"},
        "inputArtifacts": [],
        "outputArtifacts": [{"name": "source"}],
        "region": "eu-central-1",
        "namespace": "Source",
    }
    state = read_pipeline(stages=[{"name": "Source", "actions": [live]}])
    assert state["stages"] == [
        {
            "name": "Source",
            "actions": [
                {
                    **ACTION,
                    "runOrder": 1,
                    "configuration": {"BranchName": "main"},
                    "outputArtifacts": ["source"],
                    "region": "eu-central-1",
                    "namespace": "Source",
                }
            ],
        }
    ]


def test_a_pipeline_that_aws_does_not_take_is_refused_in_its_words(world: World) -> None:
    role = world.member.create("aws:iam/role:Role", {"assumeRolePolicy": trust("lambda")})
    stages = [{"name": name, "actions": [{**ACTION, "name": name}]} for name in ("One", "Two")]
    inputs = {
        "name": "strange",
        "roleArn": role.state["arn"],
        "artifactStores": [STORE],
        "stages": stages,
    }
    expected = r"^creating CodePipeline Pipeline \(strange\): operation error CodePipeline: Create"
    with pytest.raises(Refused, match=expected):
        world.member.create(PIPELINE, inputs)
