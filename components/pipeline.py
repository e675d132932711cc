"""Pipelines: what a commit sets going, in which order, and with which rights.

Owns what is between the git host and an account's deploy role. Owns neither that role, which its
own account makes, nor the steps themselves: they are the files in `pipelines/` of the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.account import DEPLOY_ROLE, SERVICE_ROLE
from components.artifacts import ArtifactStore, ArtifactStoreArgs, place_of
from components.notifications import Notifications, NotificationsArgs
from components.role import SESSION_SECONDS, role_with_policy, trust_in_service

DRIFT = "drift"
"""The name of the pipeline that looks for drift."""
CONNECTION = "git-host"
COMMIT_LINKS = {
    "GitHub": "https://github.com/{repository}/commit/",
    "GitLab": "https://gitlab.com/{repository}/-/commit/",
    "Bitbucket": "https://bitbucket.org/{repository}/commits/",
}
"""Where a git host shows a commit, but for the commit's id."""
BUILDSPEC = "pipelines/build.yml"
IMAGE = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
"""The container a step runs in (CodeBuild user guide, read 2026-11-25)."""
BUILD_MINUTES = 60
"""As long as a session of the build role lasts."""
LOG_DAYS = 365
FILE_PATTERNS = 8
"""Patterns of files in a filter of a trigger (CodePipeline quotas, read 2026-11-25)."""
FILTERS = 3
"""Filters of a trigger, of which one has to fit (CodePipeline quotas, read 2026-11-25)."""
SOURCE, SOURCE_NAMESPACE, PREVIEW_NAMESPACE = "Source", "Source", "Preview"
USE_OF_A_CONNECTION = [
    "codeconnections:UseConnection",
    "codestar-connections:UseConnection",  # the service's name until 2024
]


def service_policy(
    artifacts: Sequence[Mapping[str, Any]],
    bucket_arn: str,
    connection_arn: str,
    projects_arn: str,
    topic_arn: str,
) -> dict[str, Any]:
    """Return what CodePipeline itself may do: fetch the source, start builds, ask for approval."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            *artifacts,
            {
                # A connection names the bucket's owner in the ACL of what it uploads.
                "Sid": "SourceArtifacts",
                "Effect": "Allow",
                "Action": "s3:PutObjectAcl",
                "Resource": f"{bucket_arn}/*",
            },
            {
                "Sid": "Source",
                "Effect": "Allow",
                "Action": USE_OF_A_CONNECTION,
                "Resource": connection_arn,
            },
            {
                "Sid": "Builds",
                "Effect": "Allow",
                "Action": ["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
                "Resource": projects_arn,
            },
            {
                "Sid": "Approvals",
                "Effect": "Allow",
                "Action": "sns:Publish",
                "Resource": topic_arn,
            },
        ],
    }


def build_policy(
    artifacts: Sequence[Mapping[str, Any]],
    state: Sequence[Mapping[str, Any]],
    connection_arn: str,
    repository: str,
    log_group_arn: str,
    topic_arn: str,
    assumed: Sequence[str],
) -> dict[str, Any]:
    """Return what a build role may do: clone, log, tell, keep what it is given, assume `assumed`.

    It may read the repository and not write to it: whoever pushes to `develop` runs with such a
    role, and must not be able to push to `main`.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            *artifacts,
            *state,
            {
                "Sid": "Clone",
                "Effect": "Allow",
                "Action": USE_OF_A_CONNECTION,
                "Resource": connection_arn,
                "Condition": {
                    "StringEqualsIfExists": {
                        f"{service}:{key}": value
                        for service in ("codeconnections", "codestar-connections")
                        for key, value in (
                            ("FullRepositoryId", repository),
                            ("ProviderPermissionsRequired", "read_only"),
                        )
                    }
                },
            },
            {
                "Sid": "TellOfDrift",
                "Effect": "Allow",
                "Action": "sns:Publish",
                "Resource": topic_arn,
            },
            {
                "Sid": "Log",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"{log_group_arn}:*",
            },
            {
                "Sid": "Deploy",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": list(assumed),
            },
        ],
    }


def next_step(status: str, region: str) -> str:
    """Return what a person has to do for a connection in this state."""
    if status == "AVAILABLE":
        return "none"
    return (
        f"Open https://{region}.console.aws.amazon.com/codesuite/settings/connections in the Tools "
        f"account, choose {CONNECTION}, then Update pending connection, and sign in there."
    )


def trigger(
    branch: str, tag: str | None, file_patterns: Sequence[str]
) -> "aws.codepipeline.PipelineTriggerArgsDict":
    """Return what starts a pipeline: a push of a tag, or to a branch, of such files.

    Raises ValueError for more patterns than AWS takes.
    """
    if len(file_patterns) > FILE_PATTERNS * FILTERS:
        raise ValueError(
            f"{len(file_patterns)} file patterns: a trigger has at most {FILE_PATTERNS * FILTERS}"
        )
    pushes: list[aws.codepipeline.PipelineTriggerGitConfigurationPushArgsDict]
    if tag is not None:
        pushes = [{"tags": {"includes": [tag]}}]
    elif not file_patterns:
        pushes = [{"branches": {"includes": [branch]}}]
    else:
        pushes = [
            {
                "branches": {"includes": [branch]},
                "file_paths": {"includes": list(file_patterns[first : first + FILE_PATTERNS])},
            }
            for first in range(0, len(file_patterns), FILE_PATTERNS)
        ]
    return {
        "provider_type": "CodeStarSourceConnection",
        "git_configuration": {"source_action_name": SOURCE, "pushes": pushes},
    }


def source_stage(
    service: "PipelineService", branch: str
) -> "aws.codepipeline.PipelineStageArgsDict":
    """Return the stage that fetches a commit with its history; only a trigger starts it."""
    return {
        "name": SOURCE,
        "actions": [
            {
                "name": SOURCE,
                "category": "Source",
                "owner": "AWS",
                "provider": "CodeStarSourceConnection",
                "version": "1",
                "namespace": SOURCE_NAMESPACE,
                "output_artifacts": [SOURCE],
                "configuration": {
                    "ConnectionArn": service.connection_arn,
                    "FullRepositoryId": service.repository,
                    "BranchName": branch,
                    "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
                    "DetectChanges": "false",
                },
            }
        ],
    }


def artifact_of(action: str) -> str:
    """Return the name of what an action makes, in the letters that AWS takes."""
    return action.replace("-", "_")


def build_action(
    name: str, project: pulumi.Input[str], step: str, run_order: int, namespace: str | None = None
) -> "aws.codepipeline.PipelineStageActionArgsDict":
    """Return the action that runs a step, `pipelines/<step>.sh`, of the commit."""
    action: aws.codepipeline.PipelineStageActionArgsDict = {
        "name": name,
        "category": "Build",
        "owner": "AWS",
        "provider": "CodeBuild",
        "version": "1",
        "run_order": run_order,
        "input_artifacts": [SOURCE],
        "output_artifacts": [artifact_of(name)],
        "configuration": {
            "ProjectName": project,
            "EnvironmentVariables": dumps([{"name": "STEP", "value": step, "type": "PLAINTEXT"}]),
        },
    }
    if namespace is not None:
        action["namespace"] = namespace
    return action


def approval_action(
    topic_arn: pulumi.Input[str], run_order: int
) -> "aws.codepipeline.PipelineStageActionArgsDict":
    """Return the action that waits for a person, who is told what the preview found."""
    return {
        "name": "Approve",
        "category": "Approval",
        "owner": "AWS",
        "provider": "Manual",
        "version": "1",
        "run_order": run_order,
        "configuration": {
            "NotificationArn": topic_arn,
            "CustomData": f"#{{{PREVIEW_NAMESPACE}.NOTICE}}",
        },
    }


@dataclass(frozen=True, kw_only=True)
class PipelineServiceArgs:
    """What all pipelines of the Tools account share.

    `git_host` is a provider of CodeConnections, `repository` the name there (`owner/name`); `email`
    hears of results.
    """

    account_id: pulumi.Input[str]
    region: str
    git_host: str
    repository: str
    email: str | None
    permissions_boundary: pulumi.Input[str]


class PipelineService(pulumi.ComponentResource):
    """The connection to the git host, artefacts, notifications, and CodePipeline's own role.

    `connection_status` is PENDING until a person has done `connection_next_step`; it is as old as
    the last update, since AWS tells of no change.
    """

    connection_arn: pulumi.Output[str]
    connection_status: pulumi.Output[str]
    connection_next_step: pulumi.Output[str]
    topic_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: PipelineServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:pipeline:PipelineService", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.repository = args.repository
        self.commit_link = COMMIT_LINKS[args.git_host].format(repository=args.repository)
        connection = aws.codeconnections.Connection(
            f"{name}-connection",
            name=CONNECTION,
            provider_type=args.git_host,
            # A connection made anew has to be finished by a person again.
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.artifacts = ArtifactStore(
            f"{name}-artifacts", ArtifactStoreArgs(account_id=args.account_id), child
        )
        notifications = Notifications(
            f"{name}-notifications", NotificationsArgs(email=args.email), child
        )
        self.connection_arn = connection.arn
        self.connection_status = connection.connection_status
        self.connection_next_step = connection.connection_status.apply(
            lambda status: next_step(status, args.region)
        )
        self.topic_arn = notifications.topic_arn
        self.role_arn = self._role(name, args)
        self.register_outputs(
            {
                "connection_arn": self.connection_arn,
                "connection_status": self.connection_status,
                "connection_next_step": self.connection_next_step,
                "topic_arn": self.topic_arn,
                "role_arn": self.role_arn,
            }
        )

    def pipeline(
        self,
        name: str,
        branch: str,
        stages: "Sequence[aws.codepipeline.PipelineStageArgsDict]",
        opts: pulumi.ResourceOptions,
        *,
        triggers: "Sequence[aws.codepipeline.PipelineTriggerArgsDict] | None" = None,
    ) -> aws.codepipeline.Pipeline:
        """Return a pipeline that fetches `branch`, or what a trigger found, and runs `stages`.

        Without triggers only a schedule or a person starts it.
        """
        return aws.codepipeline.Pipeline(
            f"{name}-pipeline",
            name=name,
            pipeline_type="V2",
            # A run waits before a stage that another is in.
            execution_mode="QUEUED",
            role_arn=self.role_arn,
            artifact_stores=[
                {
                    "type": "S3",
                    "location": self.artifacts.bucket_name,
                    "encryption_key": {"id": self.artifacts.key_arn, "type": "KMS"},
                }
            ],
            stages=[source_stage(self, branch), *stages],
            triggers=triggers,
            opts=opts,
        )

    def _role(self, name: str, args: PipelineServiceArgs) -> pulumi.Output[str]:
        everything = (place_of("*"),)
        policy = pulumi.Output.all(
            self.artifacts.access(everything, everything),
            self.artifacts.bucket_arn,
            self.connection_arn,
            args.account_id,
            self.topic_arn,
        ).apply(
            lambda known: service_policy(
                known[0],
                known[1],
                known[2],
                f"arn:aws:codebuild:{args.region}:{known[3]}:project/*",
                known[4],
            )
        )
        role_arn, _ = role_with_policy(
            name,
            pulumi.ResourceOptions(parent=self),
            trust=trust_in_service("codepipeline.amazonaws.com"),
            policy=policy,
            permissions_boundary=args.permissions_boundary,
            role_name=SERVICE_ROLE,
            description="Fetches commits and starts the steps of pipelines",
        )
        return role_arn


@dataclass(frozen=True, kw_only=True)
class PipelineArgs:
    """Which commits go where, by which rights.

    `stack` is what is deployed, like `app/dev`; `tag` a pattern, None for pushes to `branch`, and
    `file_patterns` say which files those must touch, none of them: any. `assumed` are the ARNs of
    roles that the build role may assume, `state` the statements by which it keeps state at
    `state_url`. With `approval` the update waits for a person.
    """

    stack: str
    build_role: str
    branch: str
    tag: str | None
    file_patterns: Sequence[str]
    approval: bool
    service: PipelineService
    assumed: pulumi.Input[Sequence[str]]
    state: pulumi.Input[Sequence[Mapping[str, Any]]]
    state_url: pulumi.Input[str]
    permissions_boundary: pulumi.Input[str]


class Pipeline(pulumi.ComponentResource):
    """One stack's pipeline: source, checks, preview, approval where asked for, update, test."""

    project_name: pulumi.Output[str]
    build_role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: PipelineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:pipeline:Pipeline", name, None, opts)
        project, role = self._project(name, args)
        deploy = [
            build_action("Preview", project, "preview", 1, PREVIEW_NAMESPACE),
            *([approval_action(args.service.topic_arn, 2)] if args.approval else []),
            build_action("Update", project, "update", 3),
            build_action("Smoke", project, "smoke", 4),
        ]
        # What depends on the state is in one stage: no other run of the pipeline gets in between
        # what a person approves and the update.
        args.service.pipeline(
            name,
            args.branch,
            [
                {"name": "Check", "actions": [build_action("Check", project, "check", 1)]},
                {"name": "Deploy", "actions": deploy},
            ],
            pulumi.ResourceOptions(parent=self),
            triggers=[trigger(args.branch, args.tag, args.file_patterns)],
        )
        self.project_name = project
        self.build_role_arn = role
        self.register_outputs(
            {"project_name": self.project_name, "build_role_arn": self.build_role_arn}
        )

    def _project(
        self, name: str, args: PipelineArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Return the name of the CodeBuild project that runs each step, and its role's ARN."""
        child = pulumi.ResourceOptions(parent=self)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log", name=f"/pipelines/{name}", retention_in_days=LOG_DAYS, opts=child
        )
        policy = pulumi.Output.all(
            args.service.artifacts.access(
                [place_of(name), place_of(DRIFT, SOURCE)],
                [place_of(name), place_of(DRIFT, artifact_of(name))],
            ),
            args.state,
            args.service.connection_arn,
            args.service.repository,
            log_group.arn,
            args.service.topic_arn,
            args.assumed,
        ).apply(lambda known: build_policy(*known))
        role_arn, _ = role_with_policy(
            name,
            child,
            trust=trust_in_service("codebuild.amazonaws.com"),
            policy=policy,
            permissions_boundary=args.permissions_boundary,
            role_name=args.build_role,
            description=f"Runs the steps of the pipeline of {args.stack}",
            max_session_duration=SESSION_SECONDS,
        )
        variables: dict[str, pulumi.Input[str]] = {
            "STACK": args.stack,
            "DEPLOY_ROLE": DEPLOY_ROLE,
            "PULUMI_BACKEND_URL": args.state_url,
            "COMMIT_LINK": args.service.commit_link,
            "NOTIFICATIONS_TOPIC": args.service.topic_arn,
        }
        if args.tag is None:
            variables["RELEASE_BRANCH"] = args.branch
        project = aws.codebuild.Project(
            f"{name}-project",
            name=name,
            description=f"Runs the steps of the pipeline of {args.stack}",
            service_role=role_arn,
            build_timeout=BUILD_MINUTES,
            encryption_key=args.service.artifacts.key_arn,
            source={"type": "CODEPIPELINE", "buildspec": BUILDSPEC},
            artifacts={"type": "CODEPIPELINE"},
            environment={
                "type": "ARM_CONTAINER",
                "compute_type": "BUILD_GENERAL1_LARGE",
                "image": IMAGE,
                "environment_variables": [
                    {"name": variable, "value": value} for variable, value in variables.items()
                ],
            },
            logs_config={"cloudwatch_logs": {"group_name": log_group.name}},
            opts=child,
        )
        return project.name, role_arn


@dataclass(frozen=True, kw_only=True)
class DriftCheckArgs:
    """What to look at, with what, and at which hour (UTC) of each day.

    `projects` maps a stack's pipeline to the CodeBuild project that runs its steps.
    """

    projects: Mapping[str, pulumi.Input[str]]
    hour: int
    branch: str
    service: PipelineService
    permissions_boundary: pulumi.Input[str]


class DriftCheck(pulumi.ComponentResource):
    """A daily run that compares every stack with what there is, and changes nothing."""

    pipeline_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: DriftCheckArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:pipeline:DriftCheck", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        pipeline = args.service.pipeline(
            name,
            args.branch,
            [
                {
                    "name": "Compare",
                    "actions": [
                        # One after another: a new account may run one build at a time, and
                        # CodeBuild fails the others instead of letting them wait.
                        build_action(stack, project, "drift", order)
                        for order, (stack, project) in enumerate(args.projects.items(), 1)
                    ],
                },
            ],
            child,
        )
        role_arn, _ = role_with_policy(
            name,
            child,
            trust=trust_in_service("events.amazonaws.com"),
            policy=pipeline.arn.apply(start_policy),
            permissions_boundary=args.permissions_boundary,
        )
        rule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            description="The hour of the daily search for drift",
            schedule_expression=f"cron(0 {args.hour} * * ? *)",
            opts=child,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-target",
            rule=rule.name,
            arn=pipeline.arn,
            role_arn=role_arn,
            opts=child,
        )
        self.pipeline_arn = pipeline.arn
        self.register_outputs({"pipeline_arn": self.pipeline_arn})


def start_policy(pipeline_arn: str) -> dict[str, Any]:
    """Return the policy by which a schedule starts a pipeline."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Start",
                "Effect": "Allow",
                "Action": "codepipeline:StartPipelineExecution",
                "Resource": pipeline_arn,
            }
        ],
    }
