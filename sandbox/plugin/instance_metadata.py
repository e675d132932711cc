"""EC2: what a region sets of the metadata service of instances whose launch does not say."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE
from sandbox.plugin.schema import REGION, Resource, integer, string
from sandbox.plugin.values import Values

_NO_PREFERENCE, _NO_LIMIT = "no-preference", -1


class InstanceMetadataDefaults(Resource):
    """The defaults of an account in a region; its id is the account's.

    They are there while AWS has a preference for one of them, and a deletion takes them all back.
    """

    type_name = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
    title = "EC2 Instance Metadata Defaults"
    arguments: ClassVar = {
        "httpEndpoint": string(
            default=_NO_PREFERENCE, choices=("enabled", "disabled", _NO_PREFERENCE)
        ),
        "httpPutResponseHopLimit": integer(default=_NO_LIMIT, choices=(_NO_LIMIT, *range(1, 65))),
        "httpTokens": string(
            default=_NO_PREFERENCE, choices=("optional", "required", _NO_PREFERENCE)
        ),
        "instanceMetadataTags": string(
            default=_NO_PREFERENCE, choices=("enabled", "disabled", _NO_PREFERENCE)
        ),
        **REGION,
    }
    _theirs: ClassVar = {name: name[0].upper() + name[1:] for name in arguments.keys() - REGION}

    def create(self, account: Account, args: Values) -> str:
        self._set(account, args)
        return account.id

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(SERVICE, "GetInstanceMetadataDefaults")["AccountLevel"]
        found = {name: live[theirs] for name, theirs in self._theirs.items() if theirs in live}
        if not found:
            return None
        return {name: found.get(name, self.arguments[name].default) for name in self._theirs}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        self._set(account, new)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        self._set(account, {name: self.arguments[name].default for name in self._theirs})

    def _set(self, account: Account, args: Values) -> None:
        settings = {theirs: args[name] for name, theirs in self._theirs.items()}
        account.call(SERVICE, "ModifyInstanceMetadataDefaults", **settings)


RESOURCES = (InstanceMetadataDefaults(),)
