"""Notifications: how a run ended is told, to those whom settings name."""

import json

from components.notifications import Notifications, NotificationsArgs, topic_policy
from tests.cloud import Cloud


def run(email: str | None = None) -> Cloud:
    return Cloud().run(lambda: Notifications("pipelines", NotificationsArgs(email=email)))


def test_how_a_run_ended_goes_to_the_topic() -> None:
    cloud = run()

    pattern = json.loads(cloud.only("EventRule").inputs["eventPattern"])
    assert pattern["source"] == ["aws.codepipeline"]
    assert {"SUCCEEDED", "FAILED"} <= set(pattern["detail"]["state"])
    assert cloud.only("EventTarget").inputs["arn"].endswith(":pipelines-topic")
    (statement,) = topic_policy("arn:topic")["Statement"]
    assert (statement["Resource"], "Condition" in statement) == ("arn:topic", False)


def test_somebody_hears_of_it_only_if_settings_say_who() -> None:
    assert run().of_type("TopicSubscription") == {}

    subscription = run("ops@example.com").only("TopicSubscription").inputs
    assert subscription["endpoint"] == "ops@example.com"
