"""KMS: symmetric keys for encryption."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.documents import canonical
from sandbox.plugin.schema import REGION, TAGS, Resource, boolean, document, integer, string
from sandbox.plugin.tags import tag_changes
from sandbox.plugin.values import Values

_SERVICE = "kms"
_POLICY = "default"  # the only name that a key's policy may have
_PENDING_DELETION = "PendingDeletion"


def _tags(tags: Values) -> list[Values] | None:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()] or None


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
        "policy": document(computed=True),
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
        policy = account.call(_SERVICE, "GetKeyPolicy", KeyId=resource_id, PolicyName=_POLICY)
        rotation = account.call(_SERVICE, "GetKeyRotationStatus", KeyId=resource_id)
        tags = account.call(_SERVICE, "ListResourceTags", KeyId=resource_id)["Tags"]
        found = {
            "arn": key["Arn"],
            "description": key["Description"],
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "isEnabled": key["Enabled"],
            "keyId": key["KeyId"],
            "multiRegion": key.get("MultiRegion", False),
            "policy": policy["Policy"],
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
        policy = new.get("policy", "")
        if canonical(old.get("policy", "")) != canonical(policy):
            account.call(
                _SERVICE, "PutKeyPolicy", KeyId=resource_id, PolicyName=_POLICY, Policy=policy
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


RESOURCES = (Key(),)
