"""KMS: symmetric keys for encryption, and their other names."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

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
    integer,
    policy_document,
    string,
)
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values

_SERVICE = "kms"
_POLICY = "default"  # the only name that a key's policy may have
_PENDING_DELETION = "PendingDeletion"


def _tags(tags: Values) -> list[Values] | None:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()] or None


def _key_id(key: str) -> str:
    """Return the id of a key that is named by its id or its ARN."""
    return key.rpartition("/")[2]


class Key(Resource):
    """A key; its id is AWS's. Deleted means scheduled for deletion: AWS keeps it for days."""

    type_name = "aws:kms/key:Key"
    title = "KMS Key"
    arguments: ClassVar = {
        "bypassPolicyLockoutSafetyCheck": boolean(default=False, carried=False),
        "customKeyStoreId": string(replaces=True, carried=False),
        "customerMasterKeySpec": string(default="SYMMETRIC_DEFAULT", replaces=True, carried=False),
        "deletionWindowInDays": integer(),
        "description": string(computed=True),
        "enableKeyRotation": boolean(default=False),
        "isEnabled": boolean(default=True),
        "keyUsage": string(default="ENCRYPT_DECRYPT", replaces=True, carried=False),
        "multiRegion": boolean(computed=True, replaces=True, carried=False),
        "policy": policy_document(computed=True),
        **REGION,
        "rotationPeriodInDays": integer(computed=True),
        **TAGS,
        "xksKeyId": string(replaces=True, carried=False),
    }
    outputs = ("arn", "keyId", "tagsAll")

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreateKey",
            Description=args.get("description"),
            Policy=args.get("policy"),
            Tags=_tags(args["tagsAll"]),
        )
        return answer["KeyMetadata"]["KeyId"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if args["enableKeyRotation"]:
            self._rotate(account, resource_id, args)
        if not args["isEnabled"]:
            account.call(_SERVICE, "DisableKey", KeyId=resource_id)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        key = account.call(_SERVICE, "DescribeKey", KeyId=resource_id)["KeyMetadata"]
        if key["KeyState"] == _PENDING_DELETION:
            return None
        answer = account.call(_SERVICE, "GetKeyPolicy", KeyId=resource_id, PolicyName=_POLICY)
        rotation = account.call(_SERVICE, "GetKeyRotationStatus", KeyId=resource_id)
        tags = account.call(_SERVICE, "ListResourceTags", KeyId=resource_id)["Tags"]
        found = {
            "arn": key["Arn"],
            "description": key["Description"],
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "isEnabled": key["Enabled"],
            "keyId": key["KeyId"],
            "multiRegion": key.get("MultiRegion", False),
            "policy": answer["Policy"],
            "tagsAll": {tag["TagKey"]: tag["TagValue"] for tag in tags},
        }
        if "RotationPeriodInDays" in rotation:  # AWS tells it only of a key that rotates
            found["rotationPeriodInDays"] = rotation["RotationPeriodInDays"]
        return found

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        if new["isEnabled"] and not old.get("isEnabled"):
            account.call(_SERVICE, "EnableKey", KeyId=resource_id)  # first: a disabled key is fixed
        rotates = new["enableKeyRotation"]
        if rotates and any(
            old.get(name) != new.get(name) for name in ("enableKeyRotation", "rotationPeriodInDays")
        ):
            self._rotate(account, resource_id, new)
        elif not rotates and old.get("enableKeyRotation"):
            account.call(_SERVICE, "DisableKeyRotation", KeyId=resource_id)
        description = new.get("description", "")
        if old.get("description", "") != description:
            account.call(
                _SERVICE, "UpdateKeyDescription", KeyId=resource_id, Description=description
            )
        wanted = new.get("policy", "")
        if policy_meaning(old.get("policy", "")) != policy_meaning(wanted):
            account.call(
                _SERVICE, "PutKeyPolicy", KeyId=resource_id, PolicyName=_POLICY, Policy=wanted
            )
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "UntagResource", KeyId=resource_id, TagKeys=to_remove)
        if to_set:
            account.call(_SERVICE, "TagResource", KeyId=resource_id, Tags=_tags(to_set))
        if not new["isEnabled"] and old.get("isEnabled"):
            account.call(_SERVICE, "DisableKey", KeyId=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        try:
            account.call(
                _SERVICE,
                "ScheduleKeyDeletion",
                KeyId=resource_id,
                PendingWindowInDays=state.get("deletionWindowInDays"),
            )
        except AwsError as error:
            if "pending deletion" not in str(error):
                raise

    @staticmethod
    def _rotate(account: Account, key_id: str, args: Values) -> None:
        account.call(
            _SERVICE,
            "EnableKeyRotation",
            KeyId=key_id,
            RotationPeriodInDays=args.get("rotationPeriodInDays"),
        )


class Alias(Resource):
    """Another name of a key, which begins with `alias/`; it is its id."""

    type_name = "aws:kms/alias:Alias"
    title = "KMS Alias"
    arguments: ClassVar = {
        "name": string(computed=True, replaces=True),
        "namePrefix": string(computed=True, replaces=True),
        **REGION,
        "targetKeyId": string(required=True, normal=_key_id),
    }
    outputs = ("arn", "targetKeyArn")
    volatile = ("targetKeyArn",)
    auto_name = AutoName(length=250, spelt=lambda name: f"alias/{name}")
    conflicts = (("name", "namePrefix"),)

    def create(self, account: Account, args: Values) -> str:
        name = given_name(args)
        account.call(_SERVICE, "CreateAlias", AliasName=name, TargetKeyId=args["targetKeyId"])
        return name

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        marker: object = None
        while True:
            page = account.call(_SERVICE, "ListAliases", Marker=marker)
            for alias in page["Aliases"]:
                if alias["AliasName"] == resource_id:
                    key = alias["TargetKeyId"]
                    return {
                        "arn": alias["AliasArn"],
                        "name": resource_id,
                        "targetKeyArn": f"{alias['AliasArn'].partition(':alias/')[0]}:key/{key}",
                        "targetKeyId": key,
                    }
            if not page.get("Truncated"):
                return None
            marker = page["NextMarker"]

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        account.call(_SERVICE, "UpdateAlias", AliasName=resource_id, TargetKeyId=new["targetKeyId"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteAlias", AliasName=resource_id)


RESOURCES = (Alias(), Key())
