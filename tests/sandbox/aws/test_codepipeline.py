"""Definitions of pipelines: kept as they were given, and refused where AWS refuses them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.delivery import (
    PROJECT,
    action_type,
    approval,
    build,
    make_role,
    pipeline,
    source,
    stage,
    trigger,
)
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, Embedded, allow, policy, trust

MAIN = {"branches": {"includes": ["main"]}}
PREVIEW = build("Preview", namespace="Preview", outputArtifacts=[{"name": "preview"}])
STRUCTURE = "InvalidStructureException"
STAGE = "InvalidStageDeclarationException"
ACTION = "InvalidActionDeclarationException"


@pytest.fixture
def role(aws: Embedded) -> str:
    return make_role(aws.operator, "pipeline", "codepipeline")


def stages(*actions: dict[str, Any]) -> list[dict[str, Any]]:
    return [stage("Source", source()), stage("Build", *(actions or (build("Build"),)))]


def declared(role: str, **more: Any) -> dict[str, Any]:
    return {**pipeline(role, *stages(), triggers=[trigger(MAIN)]), **more}


def create(aws: Embedded, declaration: dict[str, Any], **more: Any) -> dict[str, Any]:
    return aws.operator("codepipeline").create_pipeline(pipeline=declaration, **more)["pipeline"]


def get(aws: Embedded) -> dict[str, Any]:
    return aws.operator("codepipeline").get_pipeline(name=PROJECT)["pipeline"]


def test_a_pipeline_reads_as_it_was_declared(aws: Embedded, role: str) -> None:
    paths = {"includes": ["stacks/org/**"], "excludes": ["**/README.md"]}
    told = build(
        "Update",
        configuration={"ProjectName": PROJECT, "EnvironmentVariables": "#{Preview.NOTICE}"},
        runOrder=2,
    )
    wanted = declared(
        role,
        stages=stages(PREVIEW, told),
        variables=[{"name": "REASON", "defaultValue": "push"}],
        triggers=[trigger({**MAIN, "filePaths": paths})],
    )
    create(aws, wanted)
    found = get(aws)
    assert found["version"] == 1
    assert {name: found[name] for name in wanted if name != "stages"} == {
        name: value for name, value in wanted.items() if name != "stages"
    }
    for kept, given in zip(found["stages"], wanted["stages"], strict=True):
        for action, declaration in zip(kept["actions"], given["actions"], strict=True):
            assert declaration.items() <= action.items()


def test_an_update_makes_the_next_version(aws: Embedded, role: str) -> None:
    create(aws, declared(role))
    changed = declared(role, triggers=[trigger({"tags": {"includes": ["v*"]}})])
    aws.operator("codepipeline").update_pipeline(pipeline=changed)
    found = get(aws)
    assert (found["version"], found["triggers"]) == (2, changed["triggers"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws.operator("codepipeline").update_pipeline(pipeline=declared(role, name="other"))


def test_a_pipeline_without_a_type_is_aws_old_one(aws: Embedded, role: str) -> None:
    old = {name: value for name, value in pipeline(role, *stages()).items() if "Type" not in name}
    made = create(aws, {**old, "executionMode": "SUPERSEDED"})
    assert made["pipelineType"] == "V1"


def test_a_pipeline_keeps_its_tags_and_goes_when_it_is_deleted(aws: Embedded, role: str) -> None:
    pipelines = aws.operator("codepipeline")
    create(aws, declared(role), tags=[{"key": "stack", "value": "app/dev"}])
    arn = pipelines.get_pipeline(name=PROJECT)["metadata"]["pipelineArn"]
    pipelines.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    pipelines.untag_resource(resourceArn=arn, tagKeys=["stack"])
    assert pipelines.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    pipelines.delete_pipeline(name=PROJECT)
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        get(aws)


def test_a_pipelines_name_is_taken_once(aws: Embedded, role: str) -> None:
    create(aws, declared(role))
    refusal = f"PipelineNameInUseException.*'{PROJECT}' already exists in account '{MANAGEMENT}'"
    with pytest.raises(ClientError, match=refusal):
        create(aws, declared(role))


def test_a_pipelines_role_must_trust_codepipeline(aws: Embedded) -> None:
    wrong = make_role(aws.operator, "build", "codebuild")
    refusal = f"{STRUCTURE}.*CodePipeline is not authorized to perform AssumeRole on role {wrong}"
    with pytest.raises(ClientError, match=refusal):
        create(aws, declared(wrong))


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (
            {"stages": [stage("Source", source())]},
            rf"{STRUCTURE}.*only 1 stage\(s\). There should be a minimum of 2 stages",
        ),
        (
            {"stages": [stage("Build", build("Build")), stage("Source", source())]},
            f"{STRUCTURE}.*should start with a stage that only contains source actions",
        ),
        (
            {"stages": [*stages(), stage("Again", source(name="Again"))]},
            f"{STRUCTURE}.*Source actions can only be included in the first stage",
        ),
        (
            {"stages": [*stages(), stage("Build", build("Again"))]},
            f"{STAGE}.*Stage name 'Build' is used more than once",
        ),
        (
            {"stages": [*stages(), *(stage(f"S{n}", approval()) for n in range(49))]},
            f"{STRUCTURE}.*There can only be up to 50 stages in a pipeline",
        ),
        (
            {"stages": stages(build("Build"), build("Build"))},
            f"{ACTION}.*'Build' is used more than once in stage 'Build'",
        ),
        (
            {"stages": stages(build("Build", configuration={}))},
            f"{ACTION}.*action 'Build' is missing required configuration 'ProjectName'",
        ),
        (
            {"stages": stages(build("Build", configuration={"ProjectName": "a", "Poll": "b"}))},
            f"{ACTION}.*action 'Build' contains unknown configuration 'Poll'",
        ),
        (
            {"stages": stages(build("Build", actionTypeId=action_type("Deploy", "CodeBuild")))},
            rf"{ACTION}.*ActionType \(Category: 'Deploy', Provider: 'CodeBuild', Owner: 'AWS', "
            "Version: '1'\\) in action 'Build' is not available in region 'EU_CENTRAL_1'",
        ),
        (
            {"stages": stages(build("Build", inputArtifacts=[]))},
            f"{ACTION}.*'Build' has 0 input artifacts, below the minimum of 1",
        ),
        (
            {"stages": stages({**approval(), "outputArtifacts": [{"name": "a"}]})},
            f"{ACTION}.*'Approve' has 1 output artifacts, above the maximum of 0",
        ),
        (
            {"stages": stages(build("Build", inputArtifacts=[{"name": "preview"}]))},
            f"{ACTION}.*Input Artifact Bundle preview in action Build is not declared as Output",
        ),
        (
            {"stages": stages(PREVIEW, build("Update", inputArtifacts=[{"name": "preview"}]))},
            f"{ACTION}.*Input Artifact Bundle preview in action Update is not declared as Output",
        ),
        (
            {"stages": stages(build("Build", outputArtifacts=[{"name": "source"}]))},
            f"{STRUCTURE}.*must be unique within the pipeline. source has been used more than once",
        ),
        (
            {"stages": stages(approval(CustomData="#{Preview.NOTICE}"))},
            rf"{ACTION}.*referencing a namespace that does not exist.*ActionName=\[Approve\], "
            r"ActionConfigurationKey=\[CustomData\], VariableReferenceText=\[Preview.NOTICE\]",
        ),
        (
            {"stages": stages(PREVIEW, build("Update", namespace="Preview"))},
            rf"{ACTION}.*must be unique across the pipeline.*\[Update\], Namespace=\[Preview\]",
        ),
        (
            {"stages": stages(approval(CustomData="c" * 1001))},
            r"ValidationException.*1 validation error detected: Value at 'pipeline\.stages\.2\."
            r"member\.actions\.1\.member\.configuration' failed to satisfy constraint: Map value "
            r"must satisfy constraint: \[Member must have length less than or equal to 1000, "
            r"Member must have length greater than or equal to 1\]",
        ),
        (
            {"stages": stages(build("Build", runOrder=1000))},
            r"runOrder' failed to satisfy constraint: Member must have value less than or equal to 999",
        ),
        ({"name": "app/dev"}, r"Value at 'pipeline\.name' failed to satisfy.*regular expression"),
        (
            {"variables": [{"name": "A"}, {"name": "A", "defaultValue": "b"}]},
            f"{STRUCTURE}.*Variable names must be unique.*already in use: A",
        ),
        (
            {"triggers": [trigger(MAIN, action="Build")]},
            f"{STRUCTURE}.*must reference a CodeStarSourceConnection action",
        ),
        (
            {"triggers": [trigger(MAIN), trigger({"tags": {"includes": ["v*"]}})]},
            f"{STRUCTURE}.*can't specify more than one trigger per source action",
        ),
        (
            {"triggers": [trigger({**MAIN, "tags": {"includes": ["v*"]}})]},
            f"{STRUCTURE}.*Make sure to choose valid filter combinations",
        ),
        (
            {"triggers": [trigger({"filePaths": {"includes": ["stacks/**"]}})]},
            f"{STRUCTURE}.*Make sure to choose valid filter combinations",
        ),
        (
            {
                "triggers": [
                    trigger({**MAIN, "filePaths": {"includes": [f"{n}" for n in range(9)]}})
                ]
            },
            r"Value at 'pipeline\.triggers\.1\.member\.gitConfiguration\.push\.1\.member\.filePaths\."
            r"includes' failed to satisfy constraint: Member must have length less than or equal to 8",
        ),
        (
            {"triggers": [trigger(*[MAIN] * 4)]},
            r"push' failed to satisfy constraint: Member must have length less than or equal to 3",
        ),
        (
            {"pipelineType": "V1", "executionMode": "SUPERSEDED"},
            f"{STRUCTURE}.*Triggers on tag can only be used with V2 pipelines",
        ),
        (
            {"pipelineType": "V1", "triggers": []},
            f"{STRUCTURE}.*QUEUED or PARALLEL mode can only be used with V2 pipelines",
        ),
        (
            {
                "pipelineType": "V1",
                "executionMode": "SUPERSEDED",
                "triggers": [],
                "variables": [{"name": "A"}],
            },
            f"{STRUCTURE}.*Pipeline variable can only be used with V2 pipelines",
        ),
    ],
)
def test_a_pipeline_that_cannot_be_is_neither_created_nor_updated(
    aws: Embedded, role: str, wrong: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        create(aws, declared(role, **wrong))
    assert aws.operator("codepipeline").list_pipelines()["pipelines"] == []
    create(aws, declared(role))
    with pytest.raises(ClientError, match=refusal):
        aws.operator("codepipeline").update_pipeline(pipeline=declared(role, **wrong))


def test_an_artefact_may_be_read_later_in_the_stage_that_makes_it(aws: Embedded, role: str) -> None:
    later = build("Update", inputArtifacts=[{"name": "preview"}], runOrder=2)
    assert create(aws, declared(role, stages=stages(later, PREVIEW)))


def test_who_may_change_one_pipeline_may_change_no_other(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    role = make_role(admin, "pipeline", "codepipeline")
    admin("iam").create_role(
        RoleName="changer", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT})
    )
    own = allow("codepipeline:*", f"arn:aws:codepipeline:{REGION}:{account}:{PROJECT}")
    document = policy(own, allow("iam:PassRole"))
    admin("iam").put_role_policy(RoleName="changer", PolicyName="own", PolicyDocument=document)
    pipelines = aws.session(account, "changer")("codepipeline")
    pipelines.create_pipeline(pipeline=declared(role))
    pipelines.get_pipeline(name=PROJECT)
    refusal = f"codepipeline:CreatePipeline on resource: .*:{account}:other because no identity"
    with pytest.raises(ClientError, match=refusal):
        pipelines.create_pipeline(pipeline=declared(role, name="other"))
