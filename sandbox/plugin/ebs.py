"""EBS: whether a region encrypts new volumes and snapshots whatever is asked for."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar
from uuid import uuid4

from sandbox.plugin.account import Account
from sandbox.plugin.ec2 import SERVICE
from sandbox.plugin.schema import REGION, Resource, boolean
from sandbox.plugin.values import Values


class EncryptionByDefault(Resource):
    """A region's encryption by default; its id means nothing, and its deletion switches it off."""

    type_name = "aws:ebs/encryptionByDefault:EncryptionByDefault"
    title = "EBS Encryption By Default"
    arguments: ClassVar = {"enabled": boolean(default=True), **REGION}

    def create(self, account: Account, args: Values) -> str:
        _switch(account, on=args["enabled"])
        return f"terraform-{uuid4().hex}"

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        answer = account.call(SERVICE, "GetEbsEncryptionByDefault")
        return {"enabled": answer["EbsEncryptionByDefault"]}

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        _switch(account, on=new["enabled"])

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        _switch(account, on=False)


def _switch(account: Account, *, on: bool) -> None:
    operation = "EnableEbsEncryptionByDefault" if on else "DisableEbsEncryptionByDefault"
    account.call(SERVICE, operation)


RESOURCES = (EncryptionByDefault(),)
