"""EventBridge: rules, and whom they tell."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from collections.abc import Iterator
from typing import ClassVar
from uuid import uuid4

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    document,
    string,
    string_map,
)
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "events"
_DEFAULT_BUS = "default"


class EventRule(Resource):
    """A rule; its id is its name, after the bus and a slash where that is not the default one."""

    type_name = "aws:cloudwatch/eventRule:EventRule"
    title = "EventBridge Rule"
    arguments: ClassVar = {
        "description": string(),
        "eventBusName": string(default=_DEFAULT_BUS, replaces=True),
        "eventPattern": document(),
        "forceDestroy": boolean(default=False),
        "isEnabled": boolean(carried=False),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        **REGION,
        "roleArn": string(),
        "scheduleExpression": string(),
        "state": string(
            computed=True,
            choices=("DISABLED", "ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"),
        ),
        **TAGS,
    }
    outputs = ("arn", "tagsAll")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        name, bus = given_name(args), args["eventBusName"]
        self._put(account, name, args, Tags=tag_list(args))
        return name if bus == _DEFAULT_BUS else f"{bus}/{name}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        bus, name = self._parts(resource_id)
        live = account.call(_SERVICE, "DescribeRule", Name=name, EventBusName=bus)
        tags = account.call(_SERVICE, "ListTagsForResource", ResourceARN=live["Arn"])
        return {
            "arn": live["Arn"],
            "description": live.get("Description", ""),
            "eventBusName": bus,
            "eventPattern": live.get("EventPattern", ""),
            "name": name,
            "roleArn": live.get("RoleArn", ""),
            "scheduleExpression": live.get("ScheduleExpression", ""),
            "state": live["State"],
            "tagsAll": tag_map(tags["Tags"]),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        _bus, name = self._parts(resource_id)
        self._put(account, name, new)
        retag(account, _SERVICE, old, new, ResourceARN=old["arn"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        bus, name = self._parts(resource_id)
        force = state.get("forceDestroy") or None
        account.call(_SERVICE, "DeleteRule", Name=name, EventBusName=bus, Force=force)

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str]:
        bus, _, name = resource_id.rpartition("/")
        return bus or _DEFAULT_BUS, name

    @staticmethod
    def _put(account: Account, name: str, args: Values, **more: object) -> None:
        """Write the whole rule: what is left out is gone."""
        account.call(
            _SERVICE,
            "PutRule",
            Name=name,
            Description=args.get("description") or None,
            EventBusName=args["eventBusName"],
            EventPattern=args.get("eventPattern") or None,
            RoleArn=args.get("roleArn") or None,
            ScheduleExpression=args.get("scheduleExpression") or None,
            State=args.get("state") or None,
            **more,
        )


class EventTarget(Resource):
    """Whom a rule tells, and in which words; its id is RULE-TARGET, an import says RULE/TARGET.

    Either is after the bus where that is not the default one. What only some kinds of targets
    need is not carried.
    """

    type_name = "aws:cloudwatch/eventTarget:EventTarget"
    title = "EventBridge Target"
    arguments: ClassVar = {
        "appsyncTarget": block({}, carried=False),
        "arn": string(required=True),
        "batchTarget": block({}, carried=False),
        "deadLetterConfig": block({}, carried=False),
        "ecsTarget": block({}, carried=False),
        "eventBusName": string(default=_DEFAULT_BUS, replaces=True),
        "forceDestroy": boolean(default=False),
        "httpTarget": block({}, carried=False),
        "input": string(),
        "inputPath": string(),
        "inputTransformer": block(
            {"inputPaths": string_map(), "inputTemplate": string(required=True)}
        ),
        "kinesisTarget": block({}, carried=False),
        "redshiftTarget": block({}, carried=False),
        **REGION,
        "retryPolicy": block({}, carried=False),
        "roleArn": string(),
        "rule": string(required=True, replaces=True),
        "runCommandTargets": blocks({}, carried=False),
        "sagemakerPipelineTarget": block({}, carried=False),
        "sqsTarget": block({}, carried=False),
        "targetId": string(computed=True, replaces=True),
    }
    conflicts = (
        ("input", "inputPath"),
        ("input", "inputTransformer"),
        ("inputPath", "inputTransformer"),
    )

    def create(self, account: Account, args: Values) -> str:
        target = args.get("targetId") or f"target-{uuid4().hex}"
        self._put(account, target, args)
        return self._id(args["eventBusName"], args["rule"], target)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        bus, rule, target = self._place(resource_id, known)
        for live in self._targets(account, bus, rule):
            if live["Id"] == target or self._id(bus, rule, live["Id"]) == resource_id:
                words = nested(live, "InputTransformer")
                told = {
                    "inputPaths": nested(words, "InputPathsMap"),
                    "inputTemplate": words.get("InputTemplate"),
                }
                return {
                    "id": self._id(bus, rule, live["Id"]),
                    "arn": live["Arn"],
                    "eventBusName": bus,
                    "input": live.get("Input", ""),
                    "inputPath": live.get("InputPath", ""),
                    "inputTransformer": told if words else None,
                    "roleArn": live.get("RoleArn", ""),
                    "rule": rule,
                    "targetId": live["Id"],
                }
        return None

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, old["targetId"], new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        bus, rule, target = self._place(resource_id, state)
        answer = account.call(
            _SERVICE,
            "RemoveTargets",
            EventBusName=bus,
            Rule=rule,
            Ids=[target],
            Force=state.get("forceDestroy") or None,
        )
        self._refuse(answer)

    @staticmethod
    def _id(bus: str, rule: str, target: str) -> str:
        return "-".join((*(() if bus == _DEFAULT_BUS else (bus,)), rule, target))

    @staticmethod
    def _place(resource_id: str, known: Values) -> tuple[str, str, str]:
        """Return the bus, the rule and the target's id: known, or what an import says."""
        if "rule" in known:
            return known["eventBusName"], known["rule"], known.get("targetId", "")
        *before, target = resource_id.rsplit("/", 1)
        bus, _, rule = "".join(before).rpartition("/")
        if not rule:
            raise AwsError(f"an event target's import id is RULE/TARGET, not {resource_id}")
        return bus or _DEFAULT_BUS, rule, target

    @staticmethod
    def _targets(account: Account, bus: str, rule: str) -> Iterator[Values]:
        yield from account.pages(
            _SERVICE, "ListTargetsByRule", "Targets", EventBusName=bus, Rule=rule
        )

    @classmethod
    def _put(cls, account: Account, target: str, args: Values) -> None:
        """Write the whole target: what is left out is gone."""
        said: Values = {
            "Id": target,
            "Arn": args["arn"],
            "Input": args.get("input"),
            "InputPath": args.get("inputPath"),
            "RoleArn": args.get("roleArn"),
        }
        if words := nested(args, "inputTransformer"):
            said["InputTransformer"] = {
                "InputPathsMap": nested(words, "inputPaths"),
                "InputTemplate": words["inputTemplate"],
            }
        answer = account.call(
            _SERVICE,
            "PutTargets",
            EventBusName=args["eventBusName"],
            Rule=args["rule"],
            Targets=[{name: value for name, value in said.items() if value}],
        )
        cls._refuse(answer)

    @staticmethod
    def _refuse(answer: Values) -> None:
        """Raise what an answer says of single entries, which fail without an error."""
        for entry in listed(answer, "FailedEntries"):
            code = entry.get("ErrorCode", "")
            raise AwsError(f"{entry.get('TargetId')}: {code}: {entry.get('ErrorMessage')}", code)


RESOURCES = (EventRule(), EventTarget())
