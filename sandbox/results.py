"""What EventBridge does with the news that a run of a pipeline has ended: it tells topics.

Owns the matching of rules, the texts and the judgement of topics' policies, for runs that are
played outside of the embedded AWS. Only SNS topics are told.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from iam import policy
from iam.policy import Effect, Request
from iam.principals import principals
from sandbox import access
from sandbox.access import Access

_SERVICE = "events.amazonaws.com"
_KIND = "CodePipeline Pipeline Execution State Change"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A text that a topic got."""

    topic: str
    text: str


def event(account: str, region: str, pipeline: str, execution: str, state: str) -> dict[str, Any]:
    """Return the event of a pipeline's execution that got to a state."""
    return {
        "source": "aws.codepipeline",
        "detail-type": _KIND,
        "account": account,
        "region": region,
        "resources": [f"arn:aws:codepipeline:{region}:{account}:{pipeline}"],
        "detail": {"pipeline": pipeline, "execution-id": execution, "state": state},
    }


def tell(account: Access, happened: Mapping[str, Any]) -> list[Message]:
    """Tell the topics of an account what happened, as its rules say; return what they got.

    EventBridge drops what a topic's policy does not let it publish, and so does this.
    """
    told: list[Message] = []
    for rule, target in _targets(access.client("events", account), happened):
        topic = target["Arn"]
        if ":sns:" in topic and _may_publish(account, topic, rule):
            text = _text(target, happened)
            access.client("sns", account).publish(TopicArn=topic, Message=text)
            told.append(Message(topic=topic, text=text))
    return told


def _targets(events: Any, happened: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - a boto3 client
    for page in events.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            pattern = json.loads(rule.get("EventPattern") or "null")
            if rule["State"] == "ENABLED" and pattern and matches(pattern, happened):
                found = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
                yield from ((rule["Arn"], target) for target in found)


def matches(pattern: Mapping[str, Any], happened: Mapping[str, Any]) -> bool:
    """Whether an event is one that a pattern of values and prefixes means."""
    for key, wanted in pattern.items():
        value = happened.get(key)
        if isinstance(wanted, Mapping):
            below = cast("Mapping[str, Any]", wanted)
            if not (
                isinstance(value, Mapping) and matches(below, cast("Mapping[str, Any]", value))
            ):
                return False
        elif not any(_is_meant(one, value) for one in wanted):
            return False
    return True


def _is_meant(wanted: object, value: object) -> bool:
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    if not isinstance(wanted, Mapping):
        return wanted in values
    ((kind, operand),) = cast("Mapping[str, Any]", wanted).items()
    if kind == "prefix":
        return any(str(one).startswith(operand) for one in values)
    raise NotImplementedError(f"The sandbox's EventBridge does not know {kind} in a pattern.")


def _may_publish(account: Access, topic: str, rule: str) -> bool:
    attributes = access.client("sns", account).get_topic_attributes(TopicArn=topic)["Attributes"]
    document: Mapping[str, object] = json.loads(attributes["Policy"])
    named = [
        statement
        for statement in policy.statements(document)
        if ("Service", _SERVICE) in principals(statement)
    ]
    context = {"aws:sourcearn": (rule,), "aws:sourceaccount": (rule.split(":")[4],)}
    request = Request(action="sns:Publish", resource=topic, context=context)
    return policy.evaluate([{**document, "Statement": named}], request) is Effect.ALLOW


def _text(target: Mapping[str, Any], happened: Mapping[str, Any]) -> str:
    """Return what a target is told: the event, or what its transformer makes of it."""
    if target.get("Input"):
        return target["Input"]
    transformer: Mapping[str, Any] = target.get("InputTransformer") or {}
    if not transformer:
        return json.dumps(happened)
    paths: dict[str, str] = transformer.get("InputPathsMap") or {}
    values = {name: _at(happened, path) for name, path in paths.items()}
    template: str = transformer["InputTemplate"]
    return re.sub(r"<([^<>]+)>", lambda found: values.get(found[1], ""), template)


def _at(happened: Mapping[str, Any], path: str) -> str:
    value: object = happened
    for key in path.removeprefix("$.").split("."):
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else json.dumps(value)
