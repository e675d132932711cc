"""Pipelines: what a commit sets going, with which rights, what it leaves, and who hears of it.

Owns everything between the git host and an account's deploy role. Owns neither that role, which its
own account makes, nor the steps themselves: they are the files in `pipelines/` of the commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

from components.account import DEPLOY_ROLE, SESSION_SECONDS, role_arn
from components.bucket import PrivateBucket, PrivateBucketArgs, only_by_tls
from components.keys import administration
from components.service import service_trust

SERVICE_ROLE = "pipelines"
"""The role's name is fixed: the policies of bucket and key name it before it exists."""
CONNECTION = "git-host"
COMMIT_LINKS = {
    "GitHub": "https://github.com/{repository}/commit/",
    "GitLab": "https://gitlab.com/{repository}/-/commit/",
    "Bitbucket": "https://bitbucket.org/{repository}/commits/",
}
"""Where a git host shows a commit, but for the commit's id."""
BUILD_ROLES = "build-*"
"""What the names of build roles have in common."""
BUILDSPEC = "pipelines/build.yml"
IMAGE = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
"""The container a step runs in (CodeBuild user guide, read 2026-11-25)."""
BUILD_MINUTES = 60
"""As long as a session of the build role lasts."""
ARTIFACT_DAYS = 90
LOG_DAYS = 365
FILE_PATTERNS = 8
"""Patterns of files, branches or tags in a trigger (CodePipeline quotas, read 2026-11-25)."""
SOURCE, SOURCE_NAMESPACE, PREVIEW_NAMESPACE = "Source", "Source", "Preview"
USE_OF_A_KEY = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"]
OBJECTS = ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"]


def insiders(account_id: str) -> list[str]:
    """Return the ARNs, with a wildcard, of the roles that use artefacts: nobody else may."""
    return [role_arn(account_id, SERVICE_ROLE), role_arn(account_id, BUILD_ROLES)]


def artifact_key_policy(account_id: str) -> dict[str, Any]:
    """Return the policy of the artefacts' key: the account administrates it, pipelines use it."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            administration(account_id),
            {
                "Sid": "UseByPipelines",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
                "Action": USE_OF_A_KEY,
                "Resource": "*",
                "Condition": {"ArnLike": {"aws:PrincipalArn": insiders(account_id)}},
            },
        ],
    }


def artifact_bucket_policy(bucket_arn: str, account_id: str) -> dict[str, Any]:
    """Return the policy of the artefacts' bucket: its objects are for pipelines, and encrypted."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            only_by_tls(bucket_arn),
            {
                "Sid": "ForPipelinesOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": OBJECTS,
                "Resource": f"{bucket_arn}/*",
                "Condition": {"ArnNotLike": {"aws:PrincipalArn": insiders(account_id)}},
            },
        ],
    }


def artifact_access(bucket_arn: str, key_arn: str) -> list[dict[str, Any]]:
    """Return the statements by which a role puts artefacts into the bucket and gets them."""
    return [
        {
            "Sid": "Artifacts",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            "Resource": f"{bucket_arn}/*",
        },
        {
            "Sid": "ArtifactBucket",
            "Effect": "Allow",
            "Action": ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            "Resource": bucket_arn,
        },
        {
            "Sid": "ArtifactKey",
            "Effect": "Allow",
            "Action": USE_OF_A_KEY,
            "Resource": key_arn,
        },
    ]


def service_policy(
    artifacts: Sequence[Mapping[str, Any]], connection_arn: str, projects_arn: str, topic_arn: str
) -> dict[str, Any]:
    """Return what CodePipeline itself may do: fetch the source, start builds, ask for approval."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            *artifacts,
            {
                "Sid": "Source",
                "Effect": "Allow",
                "Action": "codeconnections:UseConnection",
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
    log_group_arn: str,
    assumed: Sequence[str],
) -> dict[str, Any]:
    """Return what a build role may do: clone, log, keep state and artefacts, assume `assumed`."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            *artifacts,
            *state,
            {
                "Sid": "Clone",
                "Effect": "Allow",
                "Action": ["codeconnections:GetConnectionToken", "codeconnections:UseConnection"],
                "Resource": connection_arn,
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
    if len(file_patterns) > FILE_PATTERNS:
        raise ValueError(
            f"{len(file_patterns)} file patterns: a trigger has at most {FILE_PATTERNS}"
        )
    push: aws.codepipeline.PipelineTriggerGitConfigurationPushArgsDict
    if tag is not None:
        push = {"tags": {"includes": [tag]}}
    else:
        push = {"branches": {"includes": [branch]}}
        if file_patterns:
            push["file_paths"] = {"includes": list(file_patterns)}
    return {
        "provider_type": "CodeStarSourceConnection",
        "git_configuration": {"source_action_name": SOURCE, "pushes": [push]},
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


def build_action(
    name: str, project: pulumi.Input[str], step: str, namespace: str | None = None
) -> "aws.codepipeline.PipelineStageActionArgsDict":
    """Return the action that runs a step, `pipelines/<step>.sh`, of the commit."""
    action: aws.codepipeline.PipelineStageActionArgsDict = {
        "name": name,
        "category": "Build",
        "owner": "AWS",
        "provider": "CodeBuild",
        "version": "1",
        "input_artifacts": [SOURCE],
        "output_artifacts": [name.replace("-", "_")],
        "configuration": {
            "ProjectName": project,
            "EnvironmentVariables": dumps([{"name": "STEP", "value": step, "type": "PLAINTEXT"}]),
        },
    }
    if namespace is not None:
        action["namespace"] = namespace
    return action


def approval_action(
    topic_arn: pulumi.Input[str],
) -> "aws.codepipeline.PipelineStageActionArgsDict":
    """Return the action that waits for a person, who is told what the preview found."""
    return {
        "name": "Approve",
        "category": "Approval",
        "owner": "AWS",
        "provider": "Manual",
        "version": "1",
        "configuration": {
            "NotificationArn": topic_arn,
            "CustomData": f"#{{{PREVIEW_NAMESPACE}.NOTICE}}",
        },
    }


@dataclass(frozen=True, kw_only=True)
class ArtifactStoreArgs:
    """The Tools account, whose pipelines alone use the store."""

    account_id: pulumi.Input[str]


class ArtifactStore(pulumi.ComponentResource):
    """The bucket and the key of what one step of a pipeline hands to the next.

    `statements` are those of a policy by which a role uses them.
    """

    bucket_name: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    statements: pulumi.Output[list[dict[str, Any]]]

    def __init__(
        self, name: str, args: ArtifactStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:pipeline:ArtifactStore", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account_id = pulumi.Output.from_input(args.account_id)
        key = aws.kms.Key(
            f"{name}-key",
            description="Encrypts the artefacts of pipelines",
            policy=account_id.apply(lambda known: dumps(artifact_key_policy(known))),
            enable_key_rotation=True,
            opts=child,
        )
        bucket = PrivateBucket(
            f"{name}-store",
            # Artefacts are made again by running the pipeline again.
            PrivateBucketArgs(
                key_arn=key.arn,
                lifecycle={
                    "id": "old-artefacts",
                    "status": "Enabled",
                    "expiration": {"days": ARTIFACT_DAYS},
                },
                keep=False,
            ),
            child,
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket_name,
            policy=pulumi.Output.all(bucket.bucket_arn, account_id).apply(
                lambda known: dumps(artifact_bucket_policy(known[0], known[1]))
            ),
            opts=child,
        )
        # Nothing is put into the bucket before it is for pipelines only.
        self.bucket_name = pulumi.Output.all(bucket.bucket_name, policy.id).apply(
            lambda known: str(known[0])
        )
        self.key_arn = key.arn
        self.statements = pulumi.Output.all(bucket.bucket_arn, key.arn).apply(
            lambda known: artifact_access(known[0], known[1])
        )
        self.register_outputs(
            {
                "bucket_name": self.bucket_name,
                "key_arn": self.key_arn,
                "statements": self.statements,
            }
        )


@dataclass(frozen=True, kw_only=True)
class NotificationsArgs:
    """The address that hears of results, if any."""

    email: str | None


class Notifications(pulumi.ComponentResource):
    """The topic that tells how each run of a pipeline ended, and which wait for approval."""

    topic_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: NotificationsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:pipeline:Notifications", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(f"{name}-topic", opts=child)
        rule = aws.cloudwatch.EventRule(
            f"{name}-results",
            description="A run of a pipeline ended",
            event_pattern=dumps(
                {
                    "source": ["aws.codepipeline"],
                    "detail-type": ["CodePipeline Pipeline Execution State Change"],
                    "detail": {"state": ["SUCCEEDED", "FAILED", "CANCELED", "SUPERSEDED"]},
                }
            ),
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=pulumi.Output.all(topic.arn, rule.arn).apply(
                lambda known: dumps(topic_policy(known[0], known[1]))
            ),
            opts=child,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-target",
            rule=rule.name,
            arn=topic.arn,
            input_transformer={
                "input_paths": {
                    "pipeline": "$.detail.pipeline",
                    "state": "$.detail.state",
                    "execution": "$.detail.execution-id",
                },
                "input_template": '"Pipeline <pipeline>: <state> (execution <execution>)."',
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        if args.email is not None:
            aws.sns.TopicSubscription(
                f"{name}-email", topic=topic.arn, protocol="email", endpoint=args.email, opts=child
            )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})


def topic_policy(topic_arn: str, rule_arn: str) -> dict[str, Any]:
    """Return the policy of the topic: one rule of EventBridge may publish, besides IAM's say."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Results",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            }
        ],
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

    def _role(self, name: str, args: PipelineServiceArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=SERVICE_ROLE,
            description="Fetches commits and starts the steps of pipelines",
            assume_role_policy=dumps(service_trust("codepipeline.amazonaws.com")),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=pulumi.Output.all(
                self.artifacts.statements, self.connection_arn, args.account_id, self.topic_arn
            ).apply(
                lambda known: dumps(
                    service_policy(
                        known[0],
                        known[1],
                        f"arn:aws:codebuild:{args.region}:{known[2]}:project/*",
                        known[3],
                    )
                )
            ),
            opts=child,
        )
        return pulumi.Output.all(role.arn, policy.id).apply(lambda known: known[0])


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
        approval = [approval_action(args.service.topic_arn)] if args.approval else []
        steps = [
            build_action("Check", project, "check"),
            build_action("Preview", project, "preview", PREVIEW_NAMESPACE),
            *approval,
            build_action("Update", project, "update"),
            build_action("Smoke", project, "smoke"),
        ]
        aws.codepipeline.Pipeline(
            f"{name}-pipeline",
            name=name,
            pipeline_type="V2",
            # One run at a time, the others wait: a superseded one would leave a commit untested.
            execution_mode="QUEUED",
            role_arn=args.service.role_arn,
            artifact_stores=[artifact_store(args.service.artifacts)],
            stages=[
                source_stage(args.service, args.branch),
                *({"name": step["name"], "actions": [step]} for step in steps),
            ],
            triggers=[trigger(args.branch, args.tag, args.file_patterns)],
            opts=pulumi.ResourceOptions(parent=self),
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
        role = aws.iam.Role(
            f"{name}-role",
            name=args.build_role,
            description=f"Runs the steps of the pipeline of {args.stack}",
            assume_role_policy=dumps(service_trust("codebuild.amazonaws.com")),
            permissions_boundary=args.permissions_boundary,
            max_session_duration=SESSION_SECONDS,
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=pulumi.Output.all(
                args.service.artifacts.statements,
                args.state,
                args.service.connection_arn,
                log_group.arn,
                args.assumed,
            ).apply(lambda known: dumps(build_policy(*known))),
            opts=child,
        )
        variables: dict[str, pulumi.Input[str]] = {
            "STACK": args.stack,
            "DEPLOY_ROLE": DEPLOY_ROLE,
            "PULUMI_BACKEND_URL": args.state_url,
            "COMMIT_LINK": args.service.commit_link,
        }
        if args.tag is None:
            variables["RELEASE_BRANCH"] = args.branch
        project = aws.codebuild.Project(
            f"{name}-project",
            name=name,
            description=f"Runs the steps of the pipeline of {args.stack}",
            service_role=role.arn,
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
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        return project.name, role.arn


def artifact_store(
    artifacts: ArtifactStore,
) -> "aws.codepipeline.PipelineArtifactStoreArgsDict":
    """Return where a pipeline keeps its artefacts."""
    return {
        "type": "S3",
        "location": artifacts.bucket_name,
        "encryption_key": {"id": artifacts.key_arn, "type": "KMS"},
    }


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
        pipeline = aws.codepipeline.Pipeline(
            f"{name}-pipeline",
            name=name,
            pipeline_type="V2",
            execution_mode="QUEUED",
            role_arn=args.service.role_arn,
            artifact_stores=[artifact_store(args.service.artifacts)],
            stages=[
                source_stage(args.service, args.branch),
                {
                    "name": "Compare",
                    "actions": [
                        build_action(stack, project, "drift")
                        for stack, project in args.projects.items()
                    ],
                },
            ],
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=dumps(service_trust("events.amazonaws.com")),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=pipeline.arn.apply(lambda arn: dumps(start_policy(arn))),
            opts=child,
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
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
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
