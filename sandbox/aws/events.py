"""EventBridge in the embedded AWS: schedules and targets that AWS refuses and moto takes.

Rules, targets and tags are moto's. No rule fires by itself here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.events.models import Rule as EventRule
from moto.events.models import events_backends

from sandbox.aws import constraints
from sandbox.aws.call import AwsError, Call
from sandbox.aws.rules import Answer, Rules

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[range, tuple[str, ...]], ...] = (
    (range(60), ()),
    (range(24), ()),
    (range(1, 32), ()),
    (range(1, 13), _MONTHS),
    (range(1, 8), _DAYS),
    (range(1970, 10000), ()),
)
"""Minutes, hours, days of the month, months, days of the week and years, with their names.

AWS does not hold years to the limit that its user guide gives them.
"""
_DAY_OF_MONTH, _DAY_OF_WEEK = 2, 4
_TARGETS = 5  # targets of a rule (EventBridge user guide, "Quotas")
_BY_ROLE = re.compile(r"arn:aws:(codebuild|codepipeline|ecs|events|firehose|kinesis|states):")
"""Targets that EventBridge reaches only by a role; others have a policy of their own."""


def rules() -> Rules:
    """Return the operations that this module restricts; it answers none itself."""
    return {("events", "PutRule"): _put_rule, ("events", "PutTargets"): _put_targets}


def _put_rule(call: Call) -> Answer:
    constraints.check(call)
    schedule = call.text("ScheduleExpression")
    if schedule and not (_is_rate(schedule) or _is_cron(schedule)):
        raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.")
    return None


def _is_rate(schedule: str) -> bool:
    """Whether a text is a rate; one of something has no plural, and all others have."""
    rate = _RATE.fullmatch(schedule)
    return rate is not None and int(rate[1]) > 0 and (rate[1] == "1") == (rate[3] == "")


def _is_cron(schedule: str) -> bool:
    cron = _CRON.fullmatch(schedule)
    fields = cron[1].split() if cron else []
    if len(fields) != len(_FIELDS):
        return False
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return False
    return all(_is_field(place, field) for place, field in enumerate(fields))


def _is_field(place: int, field: str) -> bool:
    if place in {_DAY_OF_MONTH, _DAY_OF_WEEK} and field in {"?", "L"}:
        return True
    return all(_is_part(place, part) for part in field.split(","))


def _is_part(place: int, part: str) -> bool:
    """Whether a part is a value, a range or a step; days also have W, L and #."""
    numbers, names = _FIELDS[place]
    if place == _DAY_OF_MONTH and part != "W":
        part = part.removesuffix("W")
    if place == _DAY_OF_WEEK and part != "L":
        part = re.sub(r"(L|#[1-5])$", "", part)
    values, slash, step = part.partition("/")
    if slash and not step.isdecimal():
        return False
    first, dash, last = values.partition("-")
    ends = [first, last] if dash else [first]
    return values == "*" or all(
        (end.isdecimal() and int(end) in numbers) or end in names for end in ends
    )


def _put_targets(call: Call) -> Answer:
    constraints.check(call)
    targets: list[Mapping[str, Any]] = call.parameters["Targets"]
    for problem in _problems(targets):
        raise AwsError("ValidationException", problem)
    names = {target["Id"] for target in targets}
    rule = _rule(call)
    present = {target["Id"] for target in rule.targets} if rule else set[str]()
    if len(names | present) > _TARGETS:
        raise AwsError(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        )
    return None


def _problems(targets: list[Mapping[str, Any]]) -> Iterator[str]:
    for target in targets:
        arn: str = target["Arn"]
        if _BY_ROLE.match(arn) and not target.get("RoleArn"):
            yield f"RoleArn is required for target {arn}."
        if sum(bool(target.get(name)) for name in ("Input", "InputPath", "InputTransformer")) > 1:
            yield (
                "Only one of Input, InputPath, or InputTransformer must be provided for target "
                f"{target['Id']}."
            )


def _rule(call: Call) -> EventRule | None:
    """Return the rule of a call; moto says what is wrong with an unknown bus."""
    buses = events_backends[call.account][call.region].event_buses
    bus = buses.get((call.text("EventBusName") or "default").rsplit("/", 1)[-1])
    return bus.rules.get(call.text("Rule")) if bus else None
