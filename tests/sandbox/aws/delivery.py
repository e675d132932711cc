"""What a delivery needs in an account: its roles, a build project and a pipeline's definition."""

from typing import Any

from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, policy

PROJECT = "app-dev"
CONNECTION = f"arn:aws:codeconnections:{REGION}:{MANAGEMENT}:connection/11111111"


def make_role(by: Client, name: str, service: str, *statements: dict[str, Any]) -> str:
    """A role that a service of AWS takes; its trust names the service in a list."""
    names = {"Service": [f"{service}.amazonaws.com"]}
    trust = policy({"Effect": "Allow", "Principal": names, "Action": "sts:AssumeRole"})
    made = by("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    for number, statement in enumerate(statements):
        by("iam").put_role_policy(
            RoleName=name, PolicyName=str(number), PolicyDocument=policy(statement)
        )
    return made["Role"]["Arn"]


def project(role: str, **more: Any) -> dict[str, Any]:
    return {
        "name": PROJECT,
        "source": {"type": "CODEPIPELINE", "buildspec": "pipelines/build.yml"},
        "artifacts": {"type": "CODEPIPELINE"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "STACK", "value": "app/dev"}],
        },
        "serviceRole": role,
        **more,
    }


def source(**more: Any) -> dict[str, Any]:
    return {
        "name": "Source",
        "actionTypeId": action_type("Source", "CodeStarSourceConnection"),
        "configuration": {
            "ConnectionArn": CONNECTION,
            "FullRepositoryId": "company/cloud",
            "BranchName": "main",
            "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
            "DetectChanges": "false",
        },
        "outputArtifacts": [{"name": "source"}],
        "namespace": "Source",
        **more,
    }


def build(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "actionTypeId": action_type("Build", "CodeBuild"),
        "configuration": {"ProjectName": PROJECT},
        "inputArtifacts": [{"name": "source"}],
        **more,
    }


def approval(**configuration: str) -> dict[str, Any]:
    return {
        "name": "Approve",
        "actionTypeId": action_type("Approval", "Manual"),
        "configuration": configuration,
    }


def action_type(category: str, provider: str) -> dict[str, str]:
    return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}


def trigger(*pushes: dict[str, Any], action: str = "Source") -> dict[str, Any]:
    return {
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {"sourceActionName": action, "push": list(pushes)},
    }


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "actions": list(actions)}


def pipeline(role: str, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": PROJECT,
        "roleArn": role,
        "artifactStore": {"type": "S3", "location": "artefacts"},
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "stages": list(stages),
        **more,
    }
