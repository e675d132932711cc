"""CloudWatch Logs: log groups."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.naming import given_name
from sandbox.plugin.schema import REGION, TAGS, AutoName, Resource, boolean, integer, string
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values

_SERVICE = "logs"
_RETENTION_DAYS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)


class LogGroup(Resource):
    """A log group; its id is its name."""

    type_name = "aws:cloudwatch/logGroup:LogGroup"
    title = "CloudWatch Logs Log Group"
    arguments: ClassVar = {
        "deletionProtectionEnabled": boolean(computed=True, carried=False),
        "kmsKeyId": string(),
        "logGroupClass": string(computed=True, replaces=True),
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        **REGION,
        "retentionInDays": integer(default=0, choices=_RETENTION_DAYS),
        "skipDestroy": boolean(default=False),
        **TAGS,
    }
    outputs = ("arn", "tagsAll")
    auto_name = AutoName()
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        name = given_name(args)
        account.call(
            _SERVICE,
            "CreateLogGroup",
            kmsKeyId=args.get("kmsKeyId"),
            logGroupClass=args.get("logGroupClass"),
            logGroupName=name,
            tags=args.get("tagsAll") or None,
        )
        return name

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if args.get("retentionInDays"):
            self._retain(account, resource_id, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        groups = account.call(_SERVICE, "DescribeLogGroups", logGroupNamePrefix=resource_id)
        for group in groups["logGroups"]:
            if group["logGroupName"] == resource_id:
                arn = group["arn"].removesuffix(":*")
                tags = account.call(_SERVICE, "ListTagsForResource", resourceArn=arn)
                return {
                    "arn": arn,
                    "kmsKeyId": group.get("kmsKeyId", ""),
                    "logGroupClass": group.get("logGroupClass", "STANDARD"),
                    "name": resource_id,
                    "retentionInDays": group.get("retentionInDays", 0),
                    "tagsAll": tags["tags"],
                }
        return None

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if old.get("retentionInDays") != new.get("retentionInDays"):
            self._retain(account, resource_id, new)
        key = new.get("kmsKeyId") or None
        if (old.get("kmsKeyId") or None) != key:
            operation = "AssociateKmsKey" if key else "DisassociateKmsKey"
            account.call(_SERVICE, operation, logGroupName=resource_id, kmsKeyId=key)
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            arn = old["arn"]
            account.call(_SERVICE, "UntagResource", resourceArn=arn, tagKeys=to_remove)
        if to_set:
            account.call(_SERVICE, "TagResource", resourceArn=old["arn"], tags=to_set)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            account.call(_SERVICE, "DeleteLogGroup", logGroupName=resource_id)

    @staticmethod
    def _retain(account: Account, name: str, args: Values) -> None:
        days = args.get("retentionInDays")
        operation = "PutRetentionPolicy" if days else "DeleteRetentionPolicy"
        account.call(_SERVICE, operation, logGroupName=name, retentionInDays=days or None)


RESOURCES = (LogGroup(),)
