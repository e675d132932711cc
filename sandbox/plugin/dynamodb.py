"""DynamoDB: tables without secondary indexes or replicas."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar, cast

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
    string,
)
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values, listed, nested

_SERVICE = "dynamodb"
_ON_DEMAND = "PAY_PER_REQUEST"


class Table(Resource):
    """A table; its id is its name."""

    type_name = "aws:dynamodb/table:Table"
    title = "DynamoDB Table"
    arguments: ClassVar = {
        "attributes": blocks(
            {
                "name": string(required=True),
                "type": string(required=True, choices=("S", "N", "B")),
            },
            computed=True,
            unordered=True,
        ),
        "billingMode": string(default="PROVISIONED", choices=("PROVISIONED", _ON_DEMAND)),
        "deletionProtectionEnabled": boolean(),
        "globalSecondaryIndexes": blocks({}, carried=False),
        "globalTableWitness": block({}, computed=True, carried=False),
        "hashKey": string(computed=True, replaces=True),
        "importTable": block({}, replaces=True, carried=False),
        "localSecondaryIndexes": blocks({}, replaces=True, carried=False),
        "name": string(replaces=True),
        "onDemandThroughput": block({}, carried=False),
        "pointInTimeRecovery": block(
            {
                "enabled": boolean(required=True),
                "recoveryPeriodInDays": integer(computed=True),
            },
            computed=True,
        ),
        "rangeKey": string(replaces=True),
        "readCapacity": integer(computed=True),
        **REGION,
        "replicas": blocks({}, carried=False),
        "restoreBackupArn": string(replaces=True, carried=False),
        "restoreDateTime": string(replaces=True, carried=False),
        "restoreSourceName": string(carried=False),
        "restoreSourceTableArn": string(carried=False),
        "restoreToLatestTime": boolean(replaces=True, carried=False),
        "serverSideEncryption": block(
            {"enabled": boolean(required=True), "kmsKeyArn": string(computed=True)}, computed=True
        ),
        "streamEnabled": boolean(),
        "streamViewType": string(computed=True),
        "tableClass": string(
            default="STANDARD", choices=("STANDARD", "STANDARD_INFREQUENT_ACCESS")
        ),
        **TAGS,
        "ttl": block({"attributeName": string(), "enabled": boolean(default=False)}, computed=True),
        "warmThroughput": block({}, computed=True, carried=False),
        "writeCapacity": integer(computed=True),
    }
    outputs = ("arn", "streamArn", "streamLabel", "tagsAll")
    volatile = ("streamArn", "streamLabel")
    auto_name = AutoName()

    def create(self, account: Account, args: Values) -> str:
        keys = [{"AttributeName": args.get("hashKey"), "KeyType": "HASH"}]
        if args.get("rangeKey"):
            keys.append({"AttributeName": args["rangeKey"], "KeyType": "RANGE"})
        answer = account.call(
            _SERVICE,
            "CreateTable",
            AttributeDefinitions=[
                {"AttributeName": item["name"], "AttributeType": item["type"]}
                for item in listed(args, "attributes")
            ],
            BillingMode=args["billingMode"],
            DeletionProtectionEnabled=args.get("deletionProtectionEnabled"),
            KeySchema=keys,
            ProvisionedThroughput=_throughput(args),
            SSESpecification=_encryption(args) if args.get("serverSideEncryption") else None,
            StreamSpecification=_stream(args) if args.get("streamEnabled") else None,
            TableClass=args["tableClass"],
            TableName=args["name"],
            Tags=tag_list(args),
        )
        return answer["TableDescription"]["TableName"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        self._wait(account, resource_id)
        if nested(args, "pointInTimeRecovery").get("enabled"):
            self._set_recovery(account, resource_id, args)
        if nested(args, "ttl").get("enabled"):
            self._set_ttl(account, resource_id, args["ttl"])

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        table = account.call(_SERVICE, "DescribeTable", TableName=resource_id)["Table"]
        keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
        encryption = nested(table, "SSEDescription")
        stream = nested(table, "StreamSpecification")
        throughput = nested(table, "ProvisionedThroughput")
        tags = account.call(_SERVICE, "ListTagsOfResource", ResourceArn=table["TableArn"])
        return {
            "arn": table["TableArn"],
            "attributes": [
                {"name": item["AttributeName"], "type": item["AttributeType"]}
                for item in table["AttributeDefinitions"]
            ],
            "billingMode": nested(table, "BillingModeSummary").get("BillingMode", "PROVISIONED"),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "hashKey": keys["HASH"],
            "name": table["TableName"],
            "pointInTimeRecovery": self._recovery(account, resource_id),
            "rangeKey": keys.get("RANGE"),
            "readCapacity": throughput.get("ReadCapacityUnits", 0),
            "serverSideEncryption": _without_none(
                {
                    "enabled": encryption.get("Status") in {"ENABLED", "ENABLING", "UPDATING"},
                    "kmsKeyArn": encryption.get("KMSMasterKeyArn"),
                }
            ),
            "streamArn": table.get("LatestStreamArn", ""),
            "streamEnabled": stream.get("StreamEnabled", False),
            "streamLabel": table.get("LatestStreamLabel", ""),
            "streamViewType": stream.get("StreamViewType", ""),
            "tableClass": nested(table, "TableClassSummary").get("TableClass", "STANDARD"),
            "tagsAll": tag_map(listed(tags, "Tags")),
            "ttl": self._ttl(account, resource_id),
            "writeCapacity": throughput.get("WriteCapacityUnits", 0),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        for change in self._table_changes(old, new):
            account.call(_SERVICE, "UpdateTable", TableName=resource_id, **change)
            self._wait(account, resource_id)
        if _differs("pointInTimeRecovery", old, new):
            self._set_recovery(account, resource_id, new)
        if _differs("ttl", old, new):
            # only one attribute may expire items, and it is named when it is turned off, too
            before, after = nested(old, "ttl"), new["ttl"]
            if before.get("enabled") and before.get("attributeName") != after.get("attributeName"):
                self._set_ttl(account, resource_id, {**before, "enabled": False})
            if after.get("enabled") or before.get("enabled"):
                self._set_ttl(account, resource_id, {**before, **after})
        retag(account, _SERVICE, old, new, ResourceArn=old["arn"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteTable", TableName=resource_id)

    @staticmethod
    def _table_changes(old: Values, new: Values) -> list[Values]:
        """Return the parameters of UpdateTable, which takes one kind of change at a time."""
        found: list[Values] = []
        if any(_differs(name, old, new) for name in ("billingMode", "readCapacity")) or _differs(
            "writeCapacity", old, new
        ):
            found.append(
                {
                    "BillingMode": new["billingMode"],
                    "ProvisionedThroughput": _throughput(new),
                }
            )
        protected = new.get("deletionProtectionEnabled", False)
        if protected != old.get("deletionProtectionEnabled", False):
            found.append({"DeletionProtectionEnabled": protected})
        if new["tableClass"] != old.get("tableClass", "STANDARD"):
            found.append({"TableClass": new["tableClass"]})
        if _differs("serverSideEncryption", old, new):
            found.append({"SSESpecification": _encryption(new)})
        streams = new.get("streamEnabled", False)
        if streams != old.get("streamEnabled", False):
            found.append({"StreamSpecification": _stream(new)})
        return found

    @staticmethod
    def _wait(account: Account, name: str) -> None:
        def active() -> bool | None:
            table = account.call(_SERVICE, "DescribeTable", TableName=name)["Table"]
            return True if table["TableStatus"] == "ACTIVE" else None

        account.wait_for(active, lambda: f"table {name} is not active yet")

    @staticmethod
    def _recovery(account: Account, name: str) -> Values:
        answer = account.call(_SERVICE, "DescribeContinuousBackups", TableName=name)
        recovery = nested(answer["ContinuousBackupsDescription"], "PointInTimeRecoveryDescription")
        return _without_none(
            {
                "enabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
                "recoveryPeriodInDays": recovery.get("RecoveryPeriodInDays"),
            }
        )

    @staticmethod
    def _set_recovery(account: Account, name: str, args: Values) -> None:
        wanted = nested(args, "pointInTimeRecovery")
        specification = {
            "PointInTimeRecoveryEnabled": wanted.get("enabled", False),
            "RecoveryPeriodInDays": wanted.get("recoveryPeriodInDays"),
        }
        account.call(
            _SERVICE,
            "UpdateContinuousBackups",
            TableName=name,
            PointInTimeRecoverySpecification=_without_none(specification),
        )

    @staticmethod
    def _ttl(account: Account, name: str) -> Values:
        answer = account.call(_SERVICE, "DescribeTimeToLive", TableName=name)
        ttl = answer["TimeToLiveDescription"]
        return _without_none(
            {
                "attributeName": ttl.get("AttributeName"),
                "enabled": ttl.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"},
            }
        )

    @staticmethod
    def _set_ttl(account: Account, name: str, ttl: Values) -> None:
        account.call(
            _SERVICE,
            "UpdateTimeToLive",
            TableName=name,
            TimeToLiveSpecification={
                "AttributeName": ttl["attributeName"],
                "Enabled": ttl.get("enabled", False),
            },
        )


def _differs(name: str, old: Values, new: Values) -> bool:
    """Whether the program asks for something else; what it leaves out it leaves to AWS."""
    wanted, there = new.get(name), old.get(name)
    if isinstance(wanted, dict):
        fields = cast("Values", wanted)
        return any(_differs(key, nested(old, name), fields) for key in fields)
    return wanted is not None and wanted != there


def _throughput(args: Values) -> Values | None:
    if args["billingMode"] == _ON_DEMAND:
        return None
    return {
        "ReadCapacityUnits": args.get("readCapacity") or 1,
        "WriteCapacityUnits": args.get("writeCapacity") or 1,
    }


def _encryption(args: Values) -> Values:
    wanted = args["serverSideEncryption"]
    key = wanted.get("kmsKeyArn")
    return _without_none(
        {
            "Enabled": wanted["enabled"],
            "KMSMasterKeyId": key,
            "SSEType": "KMS" if wanted["enabled"] else None,
        }
    )


def _stream(args: Values) -> Values:
    return _without_none(
        {
            "StreamEnabled": args.get("streamEnabled", False),
            "StreamViewType": args.get("streamViewType") if args.get("streamEnabled") else None,
        }
    )


def _without_none(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}


RESOURCES = (Table(),)
