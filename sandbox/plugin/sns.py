"""SNS: topics, their policies, and who is subscribed to them."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

import json
from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.documents import policy_meaning
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    boolean,
    document,
    integer,
    policy_document,
    string,
)
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values

_SERVICE = "sns"
_ATTRIBUTES = {
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
}
"""The arguments of a topic that AWS calls its attributes."""
_OWNERS_ACTIONS = (
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
)
"""What the policy that a new topic has lets its owner do."""


class Topic(Resource):
    """A standard topic; its id is its ARN. Deliveries leave no logs."""

    type_name = "aws:sns/topic:Topic"
    title = "SNS Topic"
    arguments: ClassVar = {
        "applicationFailureFeedbackRoleArn": string(carried=False),
        "applicationSuccessFeedbackRoleArn": string(carried=False),
        "applicationSuccessFeedbackSampleRate": integer(carried=False),
        "archivePolicy": document(carried=False),
        "contentBasedDeduplication": boolean(default=False, carried=False),
        "deliveryPolicy": document(carried=False),
        "displayName": string(),
        "fifoThroughputScope": string(computed=True, carried=False),
        "fifoTopic": boolean(default=False, replaces=True, carried=False),
        "firehoseFailureFeedbackRoleArn": string(carried=False),
        "firehoseSuccessFeedbackRoleArn": string(carried=False),
        "firehoseSuccessFeedbackSampleRate": integer(carried=False),
        "httpFailureFeedbackRoleArn": string(carried=False),
        "httpSuccessFeedbackRoleArn": string(carried=False),
        "httpSuccessFeedbackSampleRate": integer(carried=False),
        "kmsMasterKeyId": string(),
        "lambdaFailureFeedbackRoleArn": string(carried=False),
        "lambdaSuccessFeedbackRoleArn": string(carried=False),
        "lambdaSuccessFeedbackSampleRate": integer(carried=False),
        "maximumMessageSize": integer(computed=True, carried=False),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        "policy": policy_document(computed=True),
        **REGION,
        "signatureVersion": integer(computed=True, carried=False),
        "sqsFailureFeedbackRoleArn": string(carried=False),
        "sqsSuccessFeedbackRoleArn": string(carried=False),
        "sqsSuccessFeedbackSampleRate": integer(carried=False),
        **TAGS,
        "tracingConfig": string(computed=True, carried=False),
    }
    outputs = ("arn", "beginningArchiveTime", "owner", "tagsAll")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(_SERVICE, "CreateTopic", Name=given_name(args), Tags=tag_list(args))
        return answer["TopicArn"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._set(account, resource_id, {}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetTopicAttributes", TopicArn=resource_id)["Attributes"]
        tags = account.call(_SERVICE, "ListTagsForResource", ResourceArn=resource_id)
        return {
            "arn": live["TopicArn"],
            "beginningArchiveTime": live.get("BeginningArchiveTime", ""),
            "name": live["TopicArn"].rpartition(":")[2],
            "owner": live["Owner"],
            "tagsAll": tag_map(tags["Tags"]),
            **{name: live.get(attribute, "") for name, attribute in _ATTRIBUTES.items()},
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set(account, resource_id, old, new)
        retag(account, _SERVICE, old, new, ResourceArn=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteTopic", TopicArn=resource_id)

    @staticmethod
    def _set(account: Account, topic: str, old: Values, new: Values) -> None:
        for name, attribute in _ATTRIBUTES.items():
            before, after = old.get(name, ""), new.get(name, "")
            if policy_meaning(before) != policy_meaning(after):
                account.call(
                    _SERVICE,
                    "SetTopicAttributes",
                    TopicArn=topic,
                    AttributeName=attribute,
                    AttributeValue=after,
                )


class TopicPolicy(Resource):
    """Who may do what with a topic; its id is the topic's ARN.

    A topic always has a policy: a deletion gives it back the one that AWS made it with.
    """

    type_name = "aws:sns/topicPolicy:TopicPolicy"
    title = "SNS Topic Policy"
    arguments: ClassVar = {
        "arn": string(required=True, replaces=True),
        "policy": policy_document(required=True),
        **REGION,
    }
    outputs = ("owner",)

    def create(self, account: Account, args: Values) -> str:
        self._set(account, args["arn"], args["policy"])
        return args["arn"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetTopicAttributes", TopicArn=resource_id)
        live = answer["Attributes"]
        return {"arn": resource_id, "owner": live["Owner"], "policy": live["Policy"]}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set(account, resource_id, new["policy"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        owner = {"StringEquals": {"AWS:SourceOwner": account.id}}
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": list(_OWNERS_ACTIONS),
            "Resource": resource_id,
            "Condition": owner,
        }
        usual = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        self._set(account, resource_id, json.dumps(usual))

    @staticmethod
    def _set(account: Account, topic: str, policy: str) -> None:
        account.call(
            _SERVICE,
            "SetTopicAttributes",
            TopicArn=topic,
            AttributeName="Policy",
            AttributeValue=policy,
        )


class TopicSubscription(Resource):
    """A subscription; its id is its ARN, which AWS tells before anybody confirmed it.

    A person confirms an e-mail address by the link that AWS sends; nothing waits for that.
    """

    type_name = "aws:sns/topicSubscription:TopicSubscription"
    title = "SNS Topic Subscription"
    arguments: ClassVar = {
        "confirmationTimeoutInMinutes": integer(default=1, carried=False),
        "deliveryPolicy": document(carried=False),
        "endpoint": string(required=True, replaces=True),
        "endpointAutoConfirms": boolean(default=False, carried=False),
        "filterPolicy": document(carried=False),
        "filterPolicyScope": string(computed=True, carried=False),
        "protocol": string(required=True, replaces=True),
        "rawMessageDelivery": boolean(default=False, carried=False),
        "redrivePolicy": document(carried=False),
        **REGION,
        "replayPolicy": document(carried=False),
        "subscriptionRoleArn": string(carried=False),
        "topic": string(required=True, replaces=True),
    }
    outputs = ("arn", "confirmationWasAuthenticated", "ownerId", "pendingConfirmation")

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "Subscribe",
            Endpoint=args["endpoint"],
            Protocol=args["protocol"],
            ReturnSubscriptionArn=True,
            TopicArn=args["topic"],
        )
        return answer["SubscriptionArn"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "GetSubscriptionAttributes", SubscriptionArn=resource_id)
        live = answer["Attributes"]
        return {
            "arn": live["SubscriptionArn"],
            "confirmationWasAuthenticated": live.get("ConfirmationWasAuthenticated") == "true",
            "endpoint": live["Endpoint"],
            "ownerId": live["Owner"],
            "pendingConfirmation": live["PendingConfirmation"] == "true",
            "protocol": live["Protocol"],
            "topic": live["TopicArn"],
        }

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        try:
            account.call(_SERVICE, "Unsubscribe", SubscriptionArn=resource_id)
        except AwsError as error:
            # AWS itself removes what nobody has confirmed for two days, and lets nobody else do it
            if "pending confirmation" not in str(error):
                raise


RESOURCES = (Topic(), TopicPolicy(), TopicSubscription())
