"""Notifications: how each run of a pipeline ended, and which wait for approval, by one topic."""

from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

ENDS = ("SUCCEEDED", "FAILED", "STOPPED", "CANCELED", "SUPERSEDED")
"""The states in which a run of a pipeline ends."""
EXECUTION_LINK = (
    "https://<region>.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions"
    "/<execution>/timeline?region=<region>"
)
"""Where the console shows a run of a pipeline, with EventBridge's placeholders."""


def topic_policy(topic_arn: str) -> dict[str, Any]:
    """Return the policy of the topic: EventBridge may publish, besides whom IAM lets.

    EventBridge takes no condition in the policy of a topic (its user guide, "Using resource-based
    policies", read 2026-11-25).
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Results",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic_arn,
            }
        ],
    }


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
        super().__init__("multi-account:notifications:Notifications", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(f"{name}-topic", opts=child)
        rule = aws.cloudwatch.EventRule(
            f"{name}-results",
            description="A run of a pipeline ended",
            event_pattern=dumps(
                {
                    "source": ["aws.codepipeline"],
                    "detail-type": ["CodePipeline Pipeline Execution State Change"],
                    "detail": {"state": list(ENDS)},
                }
            ),
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=topic.arn.apply(lambda arn: dumps(topic_policy(arn))),
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
                    "region": "$.region",
                },
                "input_template": f'"Pipeline <pipeline>: <state>. {EXECUTION_LINK}"',
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        if args.email is not None:
            aws.sns.TopicSubscription(
                f"{name}-email", topic=topic.arn, protocol="email", endpoint=args.email, opts=child
            )
        self.topic_arn = topic.arn
        self.register_outputs({"topic_arn": self.topic_arn})
