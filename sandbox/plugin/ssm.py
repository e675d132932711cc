"""Systems Manager: parameters."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.schema import REGION, TAGS, AutoName, Resource, boolean, integer, string
from sandbox.plugin.tags import tag_changes, tag_list, tag_map
from sandbox.plugin.values import Values

_SERVICE = "ssm"
_SECURE = "SecureString"
_STANDARD, _ADVANCED = "Standard", "Advanced"


def _loses_its_tier(old: object, new: object) -> bool:
    """Whether AWS refuses the change of tier: it makes no advanced parameter a standard one."""
    return old == _ADVANCED and new == _STANDARD


class Parameter(Resource):
    """A parameter; its id is its name.

    `value` is a secret whatever the type is; `insecureValue` is shown. Neither is read where the
    other is given. Of the tiers, the one that AWS chooses is not carried.
    """

    type_name = "aws:ssm/parameter:Parameter"
    title = "SSM Parameter"
    arguments: ClassVar = {
        "allowedPattern": string(),
        "arn": string(computed=True, carried=False),
        "dataType": string(computed=True, replaces=True),
        "description": string(),
        "insecureValue": string(),
        "keyId": string(computed=True),
        "name": string(replaces=True),
        "overwrite": boolean(),
        **REGION,
        **TAGS,
        "tier": string(computed=True, replaces=_loses_its_tier, choices=(_STANDARD, _ADVANCED)),
        "type": string(required=True, choices=("String", "StringList", _SECURE)),
        "value": string(secret=True),
        "valueWo": string(secret=True, carried=False),
        "valueWoVersion": integer(carried=False),
    }
    outputs = ("hasValueWo", "tagsAll", "version")
    volatile = ("version",)
    auto_name = AutoName()
    conflicts = (("value", "insecureValue"),)

    def create(self, account: Account, args: Values) -> str:
        overwrites = args.get("overwrite", False)
        self._put(
            account,
            args,
            args["name"],
            DataType=args.get("dataType"),
            Overwrite=overwrites,
            Tags=None if overwrites else tag_list(args),  # AWS takes one or the other
        )
        return args["name"]

    def complete(self, account: Account, resource_id: str, args: Values) -> None:
        if args.get("overwrite"):
            self._retag(account, resource_id, {}, args)

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetParameter", Name=resource_id, WithDecryption=True)
        parameter = live["Parameter"]
        name = {"Key": "Name", "Option": "Equals", "Values": [resource_id]}
        found = account.pages(_SERVICE, "DescribeParameters", "Parameters", ParameterFilters=[name])
        details = next(found, None)
        if details is None:
            return None
        tags = account.call(
            _SERVICE, "ListTagsForResource", ResourceType="Parameter", ResourceId=resource_id
        )
        shown = bool(known.get("insecureValue")) and parameter["Type"] != _SECURE
        return {
            "allowedPattern": details.get("AllowedPattern", ""),
            "arn": parameter["ARN"],
            "dataType": parameter.get("DataType", "text"),
            "description": details.get("Description", ""),
            "hasValueWo": False,
            "insecureValue": parameter["Value"] if shown else None,
            "keyId": details.get("KeyId", ""),
            "name": parameter["Name"],
            "tagsAll": tag_map(tags["TagList"]),
            "tier": details.get("Tier", _STANDARD),
            "type": parameter["Type"],
            "value": None if shown else parameter["Value"],
            "version": parameter["Version"],
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        said = ("allowedPattern", "description", "insecureValue", "keyId", "tier", "type", "value")
        if any(old.get(name, "") != new.get(name, "") for name in said):
            self._put(account, new, resource_id, Overwrite=True)
        self._retag(account, resource_id, old, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteParameter", Name=resource_id)

    @staticmethod
    def _put(account: Account, args: Values, name: str, **more: object) -> None:
        account.call(
            _SERVICE,
            "PutParameter",
            AllowedPattern=args.get("allowedPattern", ""),
            Description=args.get("description", ""),
            KeyId=args.get("keyId") if args["type"] == _SECURE else None,
            Name=name,
            Tier=args.get("tier"),
            Type=args["type"],
            Value=args.get("insecureValue") or args.get("value"),
            **more,
        )

    @staticmethod
    def _retag(account: Account, name: str, old: Values, new: Values) -> None:
        place = {"ResourceType": "Parameter", "ResourceId": name}
        to_set, to_remove = tag_changes(old, new)
        if to_remove:
            account.call(_SERVICE, "RemoveTagsFromResource", **place, TagKeys=to_remove)
        if to_set:
            tags = tag_list({"tagsAll": to_set})
            account.call(_SERVICE, "AddTagsToResource", **place, Tags=tags)


RESOURCES = (Parameter(),)
