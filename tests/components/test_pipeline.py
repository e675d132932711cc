"""Pipelines: a commit of the right kind runs in order, by one role that reaches one account."""

import json
from typing import Any

import pulumi
import pytest

from components.pipeline import (
    DriftCheck,
    DriftCheckArgs,
    Pipeline,
    PipelineArgs,
    PipelineService,
    PipelineServiceArgs,
    build_policy,
    next_step,
    service_policy,
    trigger,
)
from iam.policy import Effect
from tests.cloud import Cloud
from tests.policies import judged

TOOLS = "777788889999"
ROLE = "arn:aws:iam::444455556666:role"


def service() -> PipelineService:
    return PipelineService(
        "pipelines",
        PipelineServiceArgs(
            account_id=TOOLS,
            region="eu-central-1",
            git_host="GitLab",
            repository="example/cloud",
            email=None,
            permissions_boundary="arn:boundary",
        ),
    )


def run(**changes: Any) -> Cloud:
    """Return the record of a pipeline and of what all pipelines share."""
    settings: dict[str, Any] = {
        "stack": "app/dev",
        "build_role": "build-app-dev",
        "branch": "develop",
        "tag": None,
        "file_patterns": [],
        "approval": False,
        "assumed": ["arn:aws:iam::444455556666:role/deploy"],
        "state": [{"Sid": "State", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:state"}],
        "state_url": "s3://state",
        "permissions_boundary": "arn:boundary",
    }  # fmt: skip
    return Cloud().run(
        lambda: Pipeline("app-dev", PipelineArgs(service=service(), **settings | changes))
    )


def pipeline(**changes: Any) -> dict[str, Any]:
    return run(**changes).only("aws:codepipeline/pipeline:Pipeline").inputs


def actions(**changes: Any) -> list[dict[str, Any]]:
    """Return the actions of a pipeline in the order in which they run."""
    return [
        action
        for stage in pipeline(**changes)["stages"]
        for action in sorted(stage["actions"], key=lambda it: it.get("runOrder", 1))
    ]


def steps(**changes: Any) -> list[str]:
    return [action["name"] for action in actions(**changes)]


def test_the_steps_come_in_order() -> None:
    assert steps() == ["Source", "Check", "Preview", "Update", "Smoke"]


def test_a_person_decides_between_preview_and_update_where_it_is_asked_for() -> None:
    assert steps(approval=True) == ["Source", "Check", "Preview", "Approve", "Update", "Smoke"]

    (action,) = [it for it in actions(approval=True) if it["name"] == "Approve"]
    assert (action["category"], action["provider"]) == ("Approval", "Manual")
    assert action["configuration"]["CustomData"] == "#{Preview.NOTICE}"
    assert action["configuration"]["NotificationArn"].endswith(":pipelines-notifications-topic")


def test_the_source_is_a_full_clone_and_nothing_but_the_trigger_starts_it() -> None:
    (action,) = pipeline()["stages"][0]["actions"]

    assert action["configuration"] == {
        "ConnectionArn": "arn:aws:codeconnections:eu-central-1:444455556666:connection/pipelines-connection",
        "FullRepositoryId": "example/cloud",
        "BranchName": "develop",
        "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
        "DetectChanges": "false",
    }


def test_each_step_runs_its_own_file_of_the_commit() -> None:
    for action in actions()[1:]:
        (variable,) = json.loads(action["configuration"]["EnvironmentVariables"])
        assert variable == {"name": "STEP", "value": action["name"].lower(), "type": "PLAINTEXT"}
        assert action["inputArtifacts"] == ["Source"]
        assert action["outputArtifacts"] == [action["name"]]


def test_runs_of_one_stack_wait_for_each_other_from_the_preview_to_the_test() -> None:
    inputs = pipeline(approval=True)

    assert (inputs["pipelineType"], inputs["executionMode"]) == ("V2", "QUEUED")
    assert [{it["name"] for it in stage["actions"]} for stage in inputs["stages"]] == [
        {"Source"},
        {"Check"},
        {"Preview", "Approve", "Update", "Smoke"},
    ]


def test_a_push_to_a_branch_starts_a_pipeline_if_it_touches_its_files() -> None:
    (started,) = pipeline(branch="main", file_patterns=["stacks/org/**"])["triggers"]

    assert started == {
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {
            "sourceActionName": "Source",
            "pushes": [
                {
                    "branches": {"includes": ["main"]},
                    "filePaths": {"includes": ["stacks/org/**"]},
                }
            ],
        },
    }


def test_a_tag_starts_a_pipeline_whatever_it_touches() -> None:
    assert trigger("main", "v*", ["a"])["git_configuration"] == {
        "source_action_name": "Source",
        "pushes": [{"tags": {"includes": ["v*"]}}],
    }


def test_a_filter_has_eight_patterns_at_most_and_one_of_three_has_to_fit() -> None:
    pushes = trigger("main", None, [str(n) for n in range(17)])["git_configuration"]

    assert pushes == {
        "source_action_name": "Source",
        "pushes": [
            {"branches": {"includes": ["main"]}, "file_paths": {"includes": [*map(str, some)]}}
            for some in (range(8), range(8, 16), range(16, 17))
        ],
    }


def test_a_trigger_with_more_patterns_than_aws_takes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^25 file patterns: a trigger has at most 24$"):
        trigger("main", None, [str(n) for n in range(25)])


def test_a_build_knows_its_stack_its_role_and_its_branch() -> None:
    environment = run().only("Project").inputs["environment"]["environmentVariables"]

    assert {it["name"]: it["value"] for it in environment} == {
        "STACK": "app/dev",
        "DEPLOY_ROLE": "deploy",
        "PULUMI_BACKEND_URL": "s3://state",
        "COMMIT_LINK": "https://gitlab.com/example/cloud/-/commit/",
        "NOTIFICATIONS_TOPIC": "arn:aws:sns:eu-central-1:444455556666:pipelines-notifications-topic",
        "RELEASE_BRANCH": "develop",
    }


def test_a_build_that_a_tag_started_is_of_no_branch() -> None:
    environment = run(tag="v*").only("Project").inputs["environment"]["environmentVariables"]

    assert "RELEASE_BRANCH" not in {it["name"] for it in environment}


def test_a_build_may_not_start_before_its_role_may_work() -> None:
    cloud = run()

    assert cloud.of_type("RolePolicy")["app-dev-policy"].urn in cloud.only("Project").depends_on


def test_every_role_carries_the_boundary() -> None:
    def program() -> None:
        shared = service()
        DriftCheck(
            "drift",
            DriftCheckArgs(
                projects={"app-dev": "app-dev"},
                hour=3,
                branch="main",
                service=shared,
                permissions_boundary="arn:boundary",
            ),
        )

    for cloud in (Cloud().run(program), run()):
        roles = cloud.of_type("Role").values()
        assert roles
        assert {role.inputs["permissionsBoundary"] for role in roles} == {"arn:boundary"}


def test_a_build_role_reaches_what_it_is_given_and_nothing_else() -> None:
    document = build_policy(
        [], [], "arn:connection", "example/cloud", "arn:log", "arn:topic", [f"{ROLE}/deploy"]
    )

    assert judged(document, "sts:AssumeRole", f"{ROLE}/deploy") is Effect.ALLOW
    assert judged(document, "sts:AssumeRole", "arn:aws:iam::2:role/deploy") is Effect.NONE
    assert [statement["Sid"] for statement in document["Statement"]] == [
        "Clone", "TellOfDrift", "Log", "Deploy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("repository", "permissions", "effect"),
    [
        ("example/cloud", "read_only", Effect.ALLOW),
        ("example/cloud", "read_write", Effect.NONE),
        ("example/other", "read_only", Effect.NONE),
    ],
)
def test_a_build_role_reads_the_repository_and_does_not_write_to_it(
    repository: str, permissions: str, effect: Effect
) -> None:
    document = build_policy([], [], "arn:connection", "example/cloud", "arn:log", "arn:topic", [])
    context = {
        "codeconnections:FullRepositoryId": repository,
        "codeconnections:ProviderPermissionsRequired": permissions,
    }

    use = judged(document, "codeconnections:UseConnection", "arn:connection", context)
    assert use is effect


def test_the_build_role_of_a_pipeline_has_that_policy_and_one_hours_sessions() -> None:
    cloud = run()

    role = cloud.of_type("Role")["app-dev-role"].inputs
    assert (role["name"], role["maxSessionDuration"]) == ("build-app-dev", 3600)
    document = json.loads(cloud.of_type("RolePolicy")["app-dev-policy"].inputs["policy"])
    (deploy,) = [it for it in document["Statement"] if it["Sid"] == "Deploy"]
    assert deploy["Resource"] == ["arn:aws:iam::444455556666:role/deploy"]
    assert "State" in {statement["Sid"] for statement in document["Statement"]}


def test_codepipeline_itself_assumes_no_role_and_starts_only_builds() -> None:
    document = service_policy([], "arn:bucket", "arn:connection", "arn:project/*", "arn:topic")

    allowed = [statement["Action"] for statement in document["Statement"]]
    assert allowed == [
        "s3:PutObjectAcl",
        ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        ["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
        "sns:Publish",
    ]


def test_the_connection_is_locked_and_tells_the_one_step_that_is_a_persons() -> None:
    connection = run().only("Connection")

    assert connection.protect
    assert connection.inputs["providerType"] == "GitLab"
    assert next_step("AVAILABLE", "eu-central-1") == "none"
    assert next_step("PENDING", "eu-central-1") == (
        "Open https://eu-central-1.console.aws.amazon.com/codesuite/settings/connections in the Tools "
        "account, choose git-host, then Update pending connection, and sign in there."
    )


def test_drift_is_looked_for_each_day_in_every_stack() -> None:
    def program() -> None:
        DriftCheck(
            "drift",
            DriftCheckArgs(
                projects={"app-dev": "app-dev", "org-main": pulumi.Output.from_input("org-main")},
                hour=3,
                branch="main",
                service=service(),
                permissions_boundary="arn:boundary",
            ),
        )

    cloud = Cloud().run(program)

    pipeline = cloud.only("aws:codepipeline/pipeline:Pipeline").inputs
    assert "triggers" not in pipeline
    found = pipeline["stages"][1]["actions"]
    assert [it["configuration"]["ProjectName"] for it in found] == ["app-dev", "org-main"]
    assert [it["runOrder"] for it in found] == [1, 2]
    assert all('"drift"' in it["configuration"]["EnvironmentVariables"] for it in found)
    assert cloud.of_type("EventRule")["drift-schedule"].inputs["scheduleExpression"] == (
        "cron(0 3 * * ? *)"
    )
    assert json.loads(cloud.of_type("RolePolicy")["drift-policy"].inputs["policy"])[
        "Statement"
    ] == [
        {
            "Sid": "Start",
            "Effect": "Allow",
            "Action": "codepipeline:StartPipelineExecution",
            "Resource": "arn:aws:codepipeline:eu-central-1:444455556666:drift",
        }
    ]
