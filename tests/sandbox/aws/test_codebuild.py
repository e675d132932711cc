"""Build projects: what AWS adds to them, what it refuses, and whose session a build has."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import as_service_role, client
from tests.sandbox.aws.delivery import PROJECT, make_role, project
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, Embedded, allow, policy, trust

ARN = f"arn:aws:codebuild:{REGION}:{MANAGEMENT}:project/{PROJECT}"
SERVICE = "codebuild.amazonaws.com"


@pytest.fixture
def role(aws: Embedded) -> str:
    return make_role(aws.operator, "build-app-dev", "codebuild")


def make_project(aws: Embedded, role: str, **more: Any) -> dict[str, Any]:
    return aws.operator("codebuild").create_project(**project(role, **more))["project"]


def read_project(aws: Embedded) -> dict[str, Any]:
    [found] = aws.operator("codebuild").batch_get_projects(names=[PROJECT])["projects"]
    return found


def test_a_project_of_a_pipeline_reads_as_aws_completes_it(aws: Embedded, role: str) -> None:
    made = make_project(aws, role)
    assert read_project(aws) == made
    assert made["source"] == {
        "type": "CODEPIPELINE",
        "buildspec": "pipelines/build.yml",
        "insecureSsl": False,
    }
    assert made["artifacts"] == {
        "type": "CODEPIPELINE",
        "name": PROJECT,
        "packaging": "NONE",
        "encryptionDisabled": False,
    }
    assert made["environment"]["environmentVariables"] == [
        {"name": "STACK", "value": "app/dev", "type": "PLAINTEXT"}
    ]
    assert made["environment"]["imagePullCredentialsType"] == "CODEBUILD"
    assert made["encryptionKey"] == f"arn:aws:kms:{REGION}:{MANAGEMENT}:alias/aws/s3"
    assert (made["timeoutInMinutes"], made["queuedTimeoutInMinutes"]) == (60, 480)
    assert made["logsConfig"]["cloudWatchLogs"] == {"status": "ENABLED"}
    assert (made["arn"], made["cache"], made["tags"]) == (ARN, {"type": "NO_CACHE"}, [])


def test_an_update_replaces_what_it_names_and_leaves_the_rest(aws: Embedded, role: str) -> None:
    tags = [{"key": "stack", "value": "app/dev"}]
    made = make_project(aws, role, description="builds", tags=tags, timeoutInMinutes=20)
    environment = {**made["environment"], "environmentVariables": []}
    logs = {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/builds"}}
    aws.operator("codebuild").update_project(
        name=PROJECT, environment=environment, logsConfig=logs, encryptionKey="alias/own"
    )
    found = read_project(aws)
    assert found["environment"]["environmentVariables"] == []
    assert found["logsConfig"]["cloudWatchLogs"] == logs["cloudWatchLogs"]
    assert found["encryptionKey"] == "alias/own"
    kept = ("description", "tags", "timeoutInMinutes", "source", "serviceRole", "created")
    assert {name: found[name] for name in kept} == {name: made[name] for name in kept}


def test_a_deleted_project_is_told_apart_from_those_that_are(aws: Embedded, role: str) -> None:
    make_project(aws, role)
    builds = aws.operator("codebuild")
    asked = [ARN, "unknown"]
    found = builds.batch_get_projects(names=asked)
    assert ([entry["arn"] for entry in found["projects"]], found["projectsNotFound"]) == (
        [ARN],
        ["unknown"],
    )
    builds.delete_project(name=PROJECT)
    assert builds.batch_get_projects(names=asked)["projectsNotFound"] == asked
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*Project cannot be found"):
        builds.update_project(name=PROJECT, description="gone")


def test_a_project_exists_once(aws: Embedded, role: str) -> None:
    make_project(aws, role)
    refusal = rf"ResourceAlreadyExistsException.*Project already exists: {ARN}"
    with pytest.raises(ClientError, match=refusal):
        make_project(aws, role)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"name": "app/dev"}, "Only alphanumeric characters, dash, and underscore are supported"),
        ({"description": "d" * 256}, "Max description length is 255"),
        (
            {"artifacts": {"type": "NO_ARTIFACTS"}},
            "both sourceType, and artifactType must be set to: CODEPIPELINE",
        ),
        (
            {"source": {"type": "GITHUB"}, "artifacts": {"type": "NO_ARTIFACTS"}},
            "Project source location is required",
        ),
        ({"badgeEnabled": True}, "Build badges are not supported for CodePipeline source"),
        (
            {"serviceRole": f"arn:aws:iam::{MANAGEMENT}:role/unknown"},
            f"CodeBuild is not authorized to perform: sts:AssumeRole on arn:aws:iam::{MANAGEMENT}:role/unknown",
        ),
        (
            {"serviceRole": "arn:aws:iam::999999999999:role/build"},
            "Service role account ID does not match caller's account",
        ),
    ],
)
def test_a_project_that_cannot_be_is_refused(
    aws: Embedded, role: str, wrong: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=f"InvalidInputException.*{refusal}"):
        make_project(aws, role, **wrong)
    assert aws.operator("codebuild").list_projects()["projects"] == []


def test_a_projects_role_must_trust_codebuild(aws: Embedded) -> None:
    role = make_role(aws.operator, "pipeline", "codepipeline")
    with pytest.raises(ClientError, match="CodeBuild is not authorized to perform"):
        make_project(aws, role)


def test_who_may_touch_one_project_may_touch_no_other(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    role = make_role(admin, "build", "codebuild")
    admin("codebuild").create_project(**project(role, name="other"))
    admin("codebuild").create_project(**project(role))
    trusted = trust({"AWS": MANAGEMENT})
    admin("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=trusted)
    permission = allow("codebuild:*", f"arn:aws:codebuild:{REGION}:{account}:project/{PROJECT}")
    admin("iam").put_role_policy(
        RoleName="reader", PolicyName="read", PolicyDocument=policy(permission)
    )
    builds = aws.session(account, "reader")("codebuild")
    assert builds.batch_get_projects(names=[PROJECT])["projects"]
    with pytest.raises(ClientError, match=r"codebuild:BatchGetProjects on resource.*project/other"):
        builds.batch_get_projects(names=[PROJECT, "other"])


def test_a_build_acts_as_its_projects_role(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    role = make_role(admin, "build-app-dev", "codebuild", allow("ssm:GetParameter"))
    url = f"http://127.0.0.1:{aws.port}"
    access = as_service_role(url, role, SERVICE, source=ARN, name="AWSCodeBuild-1")
    identity = client("sts", access).get_caller_identity()
    assert identity["Arn"] == (f"arn:aws:sts::{account}:assumed-role/build-app-dev/AWSCodeBuild-1")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        client("ssm", access).get_parameter(Name="/a")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("ssm", access).delete_parameter(Name="/a")


def test_a_service_takes_only_the_roles_that_trust_it_for_what_it_acts_for(aws: Embedded) -> None:
    role = make_role(aws.operator, "build", "codebuild")
    url = f"http://127.0.0.1:{aws.port}"
    refusal = f"codepipeline.amazonaws.com is not authorized to perform: sts:AssumeRole on {role}"
    with pytest.raises(PermissionError, match=refusal):
        as_service_role(url, role, "codepipeline.amazonaws.com", source=ARN, name="pipeline")
    document = policy(
        {
            "Effect": "Allow",
            "Principal": {"Service": SERVICE},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:SourceArn": ARN},
                "StringEquals": {"aws:SourceAccount": MANAGEMENT},
            },
        }
    )
    aws.operator("iam").update_assume_role_policy(RoleName="build", PolicyDocument=document)
    assert as_service_role(url, role, SERVICE, source=ARN, name="build")
    with pytest.raises(PermissionError, match=f"{SERVICE} is not authorized"):
        as_service_role(url, role, SERVICE, source=f"{ARN}-other", name="build")
    with pytest.raises(PermissionError, match="role/unknown"):
        as_service_role(url, f"{role[:-5]}unknown", SERVICE, source=ARN, name="build")
