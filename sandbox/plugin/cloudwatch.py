"""CloudWatch: alarms on one metric."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.schema import (
    REGION,
    TAGS,
    AutoName,
    Resource,
    block,
    blocks,
    boolean,
    integer,
    number,
    string,
    string_map,
    strings,
)
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "cloudwatch"
_NAMES = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "name": "AlarmName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}
"""The arguments whose values AWS takes and tells as they are."""


class MetricAlarm(Resource):
    """An alarm; its id is its name."""

    type_name = "aws:cloudwatch/metricAlarm:MetricAlarm"
    title = "CloudWatch Metric Alarm"
    arguments: ClassVar = {
        "actionsEnabled": boolean(default=True),
        "alarmActions": strings(unordered=True),
        "alarmDescription": string(),
        "comparisonOperator": string(
            required=True,
            choices=(
                "GreaterThanOrEqualToThreshold",
                "GreaterThanThreshold",
                "LessThanOrEqualToThreshold",
                "LessThanThreshold",
            ),
        ),
        "datapointsToAlarm": integer(),
        "dimensions": string_map(),
        "evaluateLowSampleCountPercentiles": string(computed=True, carried=False),
        "evaluationCriteria": block({}, carried=False),
        "evaluationInterval": integer(carried=False),
        "evaluationPeriods": integer(required=True),
        "evaluationWindow": block({}, carried=False),
        "extendedStatistic": string(carried=False),
        "insufficientDataActions": strings(unordered=True),
        "metricName": string(),
        "metricQueries": blocks({}, carried=False),
        "name": string(replaces=True),
        "namespace": string(),
        "okActions": strings(unordered=True),
        "period": integer(),
        **REGION,
        "statistic": string(choices=("SampleCount", "Average", "Sum", "Minimum", "Maximum")),
        **TAGS,
        "threshold": number(),
        "thresholdMetricId": string(carried=False),
        "treatMissingData": string(
            default="missing", choices=("breaching", "ignore", "missing", "notBreaching")
        ),
        "unit": string(),
        "warmUpConfiguration": block({}, carried=False),
    }
    outputs = ("arn", "tagsAll")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        self._put(account, args, Tags=tag_list(args))
        return args["name"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(_SERVICE, "DescribeAlarms", AlarmNames=[resource_id])
        if not answer["MetricAlarms"]:
            return None
        live = answer["MetricAlarms"][0]
        tags = account.call(_SERVICE, "ListTagsForResource", ResourceARN=live["AlarmArn"])
        dimensions = {item["Name"]: item["Value"] for item in listed(live, "Dimensions")}
        return {
            "arn": live["AlarmArn"],
            "dimensions": dimensions or None,
            "tagsAll": tag_map(tags["Tags"]),
            **{name: live.get(theirs) for name, theirs in _NAMES.items()},
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._put(account, new)
        retag(account, _SERVICE, old, new, ResourceARN=old["arn"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteAlarms", AlarmNames=[resource_id])

    @staticmethod
    def _put(account: Account, args: Values, **more: object) -> None:
        """Write the whole alarm: what is left out is gone."""
        dimensions = nested(args, "dimensions").items()
        account.call(
            _SERVICE,
            "PutMetricAlarm",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions],
            **{theirs: args.get(name) for name, theirs in _NAMES.items()},
            **more,
        )


RESOURCES = (MetricAlarm(),)
