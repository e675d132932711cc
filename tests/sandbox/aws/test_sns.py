"""SNS and the alarms that use it: a subscription waits for its reader, an alarm keeps its rule."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws.embedded import Embedded


def make_topic(aws: Embedded) -> str:
    return aws.operator("sns").create_topic(Name="alarms")["TopicArn"]


def subscribe(aws: Embedded, topic: str, **more: Any) -> str:
    made = aws.operator("sns").subscribe(
        TopicArn=topic, Protocol="email", Endpoint="it@example.com", **more
    )
    return made["SubscriptionArn"]


def test_an_email_subscription_waits_for_its_confirmation(aws: Embedded) -> None:
    sns, topic = aws.operator("sns"), make_topic(aws)
    assert subscribe(aws, topic) == "pending confirmation"
    subscription = subscribe(aws, topic, ReturnSubscriptionArn=True)
    found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert found["PendingConfirmation"] == "true"
    with pytest.raises(ClientError, match=r"InvalidParameter.*that is pending confirmation"):
        sns.unsubscribe(SubscriptionArn=subscription)
    sns.delete_topic(TopicArn=topic)
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_a_subscription_of_a_queue_counts_at_once(aws: Embedded) -> None:
    sns, topic = aws.operator("sns"), make_topic(aws)
    queue = topic.replace(":sns:", ":sqs:").replace("alarms", "queue")
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.unsubscribe(SubscriptionArn=made["SubscriptionArn"])
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_an_alarm_keeps_what_missing_data_means_and_whom_it_tells(aws: Embedded) -> None:
    metrics, topic = aws.operator("cloudwatch"), make_topic(aws)
    asked = {
        "AlarmName": "vpn",
        "Namespace": "VPN",
        "MetricName": "HealthyHosts",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 5,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [topic],
        "OKActions": [topic],
    }
    metrics.put_metric_alarm(**asked)
    [alarm] = metrics.describe_alarms(AlarmNames=["vpn"])["MetricAlarms"]
    assert {name: alarm[name] for name in asked} == asked
