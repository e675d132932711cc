"""What topics and subscriptions do beyond a plain life."""

from typing import Any

import pytest

from sandbox.plugin.account import AwsError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.documents import policy_meaning
from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Refused
from tests.sandbox.plugin.scripted import refusal, scripted
from tests.sandbox.plugin.world import SUBSCRIPTION, TOPIC, TOPIC_POLICY, World, policy

MAIL: Values = {"protocol": "email", "endpoint": "ops@example.com"}
ARN = "arn:aws:sns:eu-central-1:222222222222:alarms:1"


def test_a_subscription_has_its_arn_before_anybody_confirmed_it() -> None:
    account, aws = scripted(
        Subscribe=[{"SubscriptionArn": ARN}],
        GetSubscriptionAttributes=[
            {
                "Attributes": {
                    "SubscriptionArn": ARN,
                    "Endpoint": "ops@example.com",
                    "Owner": "222222222222",
                    "PendingConfirmation": "true",
                    "Protocol": "email",
                    "TopicArn": ARN.removesuffix(":1"),
                }
            }
        ],
    )
    subscription = RESOURCES[SUBSCRIPTION]
    assert subscription.create(account, {**MAIL, "topic": ARN.removesuffix(":1")}) == ARN
    assert aws.calls[0][1]["ReturnSubscriptionArn"] is True
    state = subscription.read(account, ARN, {})
    assert state
    assert state["pendingConfirmation"] is True
    assert state["confirmationWasAuthenticated"] is False


def test_a_subscription_that_nobody_confirmed_is_left_to_expire(world: World) -> None:
    held = world.member.create(SUBSCRIPTION, {**MAIL, "topic": world.topic.id})
    assert held.state["pendingConfirmation"] is True
    world.member.delete(held)

    message = "Cannot unsubscribe a subscription that is pending confirmation"
    account, _aws = scripted(Unsubscribe=[refusal("InvalidParameter", message)])
    RESOURCES[SUBSCRIPTION].delete(account, ARN, {})
    account, _aws = scripted(Unsubscribe=[refusal("AuthorizationError", "no")])
    with pytest.raises(AwsError, match="AuthorizationError"):
        RESOURCES[SUBSCRIPTION].delete(account, ARN, {})


def test_a_refusal_of_a_thing_without_a_name_names_its_type(world: World) -> None:
    inputs = {**MAIL, "topic": f"{world.topic.id}-none"}
    expected = "^creating SNS Topic Subscription: operation error SNS: Subscribe, NotFound: "
    with pytest.raises(Refused, match=expected):
        world.member.create(SUBSCRIPTION, inputs)


@pytest.mark.parametrize("change", [{"endpoint": "a@example.com"}, {"protocol": "email-json"}])
def test_who_is_told_and_how_replaces_a_subscription(world: World, change: Values) -> None:
    inputs = {**MAIL, "topic": world.topic.id}
    held = world.member.create(SUBSCRIPTION, inputs)
    assert world.member.diff(held, {**inputs, **change}).replaces == [*change]


def test_a_topic_keeps_the_policy_that_it_was_given(world: World) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": "*",
    }
    inputs = {"policy": policy(statement), "displayName": "Alarms"}
    held = world.member.create(TOPIC, inputs)
    assert held.state["displayName"] == "Alarms"
    assert world.member.diff(held, inputs).detailed == {}
    held = world.member.update(held, {"policy": policy(statement)})
    attributes = world.client("sns").get_topic_attributes(TopicArn=held.id)["Attributes"]
    assert attributes["DisplayName"] == ""
    assert "cloudwatch.amazonaws.com" in attributes["Policy"]


def test_a_topic_gets_back_the_policy_that_aws_made_it_with(world: World) -> None:
    topic = world.member.create(TOPIC, {"name": "results"})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic.id,
    }
    held = world.member.create(TOPIC_POLICY, {"arn": topic.id, "policy": policy(statement)})
    assert held.state["owner"] == world.account.id
    found: Any = world.member.refresh(topic)
    assert not world.member.diff(found, {"name": "results"}).changes
    world.member.delete(held)
    found = world.member.refresh(topic)
    assert policy_meaning(found.state["policy"]) == policy_meaning(topic.state["policy"])


def test_the_policy_of_a_topic_that_is_gone_is_gone(world: World) -> None:
    topic = world.member.create(TOPIC, {"name": "short-lived"})
    held = world.member.create(TOPIC_POLICY, {"arn": topic.id, "policy": topic.state["policy"]})
    world.member.delete(topic)
    assert world.member.refresh(held) is None
    world.member.delete(held)
