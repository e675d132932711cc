"""EventBridge: schedules and targets that AWS refuses, and a topic that EventBridge may use."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, Embedded, allow, policy, trust

PATTERN = json.dumps({"source": ["aws.codepipeline"], "detail": {"state": ["FAILED"]}})
TOPIC = f"arn:aws:sns:{REGION}:{MANAGEMENT}:deployments"
PIPELINE = f"arn:aws:codepipeline:{REGION}:{MANAGEMENT}:drift"
ROLE = f"arn:aws:iam::{MANAGEMENT}:role/scheduler"


def put_rule(aws: Embedded, **more: Any) -> str:
    asked = more or {"EventPattern": PATTERN}
    return aws.operator("events").put_rule(Name="results", **asked)["RuleArn"]


def put_target(aws: Embedded, **more: Any) -> None:
    target = {"Id": "target", "Arn": TOPIC, **more}
    answer = aws.operator("events").put_targets(Rule="results", Targets=[target])
    assert answer["FailedEntryCount"] == 0


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(1 day)",
        "rate(2 hours)",
        "cron(0 4 * * ? *)",
        "cron(0 4 ? * MON-FRI *)",
        "cron(0/15 4 ? JAN,JUL 2#1 *)",
        "cron(0 4 L * ? 2026-2030)",
        "cron(0 4 15W * ? *)",
        "cron(0 4 ? * 6L *)",
    ],
)
def test_a_schedule_is_kept_as_it_was_written(aws: Embedded, schedule: str) -> None:
    put_rule(aws, ScheduleExpression=schedule)
    found = aws.operator("events").describe_rule(Name="results")
    assert (found["ScheduleExpression"], found["State"]) == (schedule, "ENABLED")


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(1 days)",
        "rate(2 hour)",
        "rate(0 hours)",
        "rate(1 week)",
        "cron(0 4 * * *)",
        "cron(0 4 * * * *)",
        "cron(0 4 ? * ? *)",
        "cron(60 4 * * ? *)",
        "cron(0 4 32 * ? *)",
        "cron(0 4 ? * MONDAY *)",
        "cron(0 4#1 * * ? *)",
        "cron(0/x 4 * * ? *)",
        "every day",
    ],
)
def test_a_schedule_that_aws_cannot_read_is_refused(aws: Embedded, schedule: str) -> None:
    refusal = "ValidationException.*Parameter ScheduleExpression is not valid."
    with pytest.raises(ClientError, match=refusal):
        put_rule(aws, ScheduleExpression=schedule)
    assert aws.operator("events").list_rules()["Rules"] == []


def test_a_rule_is_of_events_or_of_a_schedule(aws: Embedded) -> None:
    with pytest.raises(ClientError, match=r"EventPattern or ScheduleExpression must be specified"):
        put_rule(aws, Description="neither")
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        put_rule(aws, EventPattern='{"source": "aws.codepipeline"}')


def test_a_rule_with_targets_is_not_deleted(aws: Embedded) -> None:
    events = aws.operator("events")
    put_rule(aws)
    put_target(aws)
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name="results")
    events.remove_targets(Rule="results", Ids=["target"])
    events.delete_rule(Name="results")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        events.describe_rule(Name="results")


def test_a_target_keeps_how_it_is_told(aws: Embedded) -> None:
    put_rule(aws)
    transformer = {
        "InputPathsMap": {"pipeline": "$.detail.pipeline"},
        "InputTemplate": '"<pipeline> failed"',
    }
    put_target(aws, InputTransformer=transformer)
    put_rule(aws, EventPattern=PATTERN, Description="again")
    [found] = aws.operator("events").list_targets_by_rule(Rule="results")["Targets"]
    assert found == {"Id": "target", "Arn": TOPIC, "InputTransformer": transformer}


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"Arn": PIPELINE}, f"ValidationException.*RoleArn is required for target {PIPELINE}"),
        (
            {"Input": "{}", "InputPath": "$.detail"},
            "ValidationException.*Only one of Input, InputPath, or InputTransformer must be "
            "provided for target target",
        ),
        ({"Arn": "deployments"}, "ValidationException.*is not in correct format"),
        ({"Id": "a target"}, r"Value at 'targets\.1\.member\.id' failed.*regular expression"),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    aws: Embedded, wrong: dict[str, str], refusal: str
) -> None:
    put_rule(aws)
    with pytest.raises(ClientError, match=refusal):
        put_target(aws, **wrong)
    assert aws.operator("events").list_targets_by_rule(Rule="results")["Targets"] == []


def test_a_pipeline_is_started_by_a_role(aws: Embedded) -> None:
    put_rule(aws, ScheduleExpression="rate(1 day)")
    put_target(aws, Arn=PIPELINE, RoleArn=ROLE)
    [found] = aws.operator("events").list_targets_by_rule(Rule="results")["Targets"]
    assert (found["Arn"], found["RoleArn"]) == (PIPELINE, ROLE)


def test_a_rule_has_five_targets_at_most(aws: Embedded) -> None:
    put_rule(aws)
    for number in range(5):
        put_target(aws, Id=f"target-{number}")
    put_target(aws, Id="target-4", Input="{}")
    with pytest.raises(ClientError, match="LimitExceededException"):
        put_target(aws, Id="target-5")


def test_a_rule_keeps_its_tags(aws: Embedded) -> None:
    events = aws.operator("events")
    arn = put_rule(aws, EventPattern=PATTERN, Tags=[{"Key": "a", "Value": "1"}])
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_who_may_change_one_rule_may_change_no_other(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    admin("iam").create_role(
        RoleName="changer", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT})
    )
    own = allow("events:*", f"arn:aws:events:{REGION}:{account}:rule/results")
    admin("iam").put_role_policy(RoleName="changer", PolicyName="own", PolicyDocument=policy(own))
    events = aws.session(account, "changer")("events")
    events.put_rule(Name="results", EventPattern=PATTERN)
    events.put_targets(Rule="results", Targets=[{"Id": "topic", "Arn": TOPIC}])
    with pytest.raises(ClientError, match=r"events:PutRule on resource: .*:rule/other because"):
        events.put_rule(Name="other", EventPattern=PATTERN)


def test_a_topic_admits_the_services_that_its_policy_names(aws: Embedded) -> None:
    sns = aws.operator("sns")
    topic = sns.create_topic(Name="deployments")["TopicArn"]
    statement = allow("sns:Publish", topic, Principal={"Service": "events.amazonaws.com"})
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(statement)
    )
    found = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert json.loads(found)["Statement"] == [statement]
