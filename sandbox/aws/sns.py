"""SNS in the embedded AWS: an e-mail subscription waits for somebody to confirm it.

Nobody does here, so it stays pending. Topics and subscriptions are moto's, which confirms all.
"""

from moto.sns.models import sns_backends

from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules

_CONFIRMED_BY_HAND = ("email", "email-json")


def rules() -> Rules:
    """Return the operations that this module restricts or answers itself."""
    return {("sns", "Subscribe"): _subscribe, ("sns", "Unsubscribe"): _unsubscribe}


def _subscribe(call: Call) -> Answer:
    """Answered here where the subscription waits; its ARN is told to who asks for it only."""
    if call.text("Protocol") not in _CONFIRMED_BY_HAND:
        return None
    made = sns_backends[call.account][call.region].subscribe(
        call.text("TopicArn"), call.text("Endpoint"), call.text("Protocol")
    )
    made.attributes |= {"PendingConfirmation": "true", "ConfirmationWasAuthenticated": "false"}
    told = call.parameters.get("ReturnSubscriptionArn")
    return {"SubscriptionArn": made.arn if told else "pending confirmation"}


def _unsubscribe(call: Call) -> Answer:
    subscriptions = sns_backends[call.account][call.region].subscriptions
    found = subscriptions.get(call.text("SubscriptionArn"))
    if found is not None and found.attributes["PendingConfirmation"] == "true":
        raise AwsError(
            "InvalidParameter",
            "Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation",
        )
    return None
