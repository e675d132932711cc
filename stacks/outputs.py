"""What each project exports, as types: the one place where an output has a name.

The producing program exports an instance, the consuming program reads the same class through a
stack reference. What is read is checked first, so that a stack which is not deployed yet, or is
older than its reader, is refused in one sentence before a resource is registered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Self, cast, get_args, get_type_hints

import pulumi
from pulumi.runtime import invoke
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from stacks.refusal import refuse
from stacks.settings import AccountId, Domain

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
NameServers = Annotated[list[str], Field(min_length=1)]
Cidrs = Annotated[
    list[Annotated[str, AfterValidator(lambda text: str(ip_network(text)))]], Field(min_length=1)
]
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")]


class UnreadableError(Exception):
    """Why a stack's outputs cannot be read, and the command that mends it."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The base of every project's outputs.

    `release_ref` and `release_commit` say which release the stack runs; they are exported only when
    the whole update has succeeded (see `stacks.release`).
    """

    project: ClassVar[str]

    release_ref: pulumi.Output[str]
    release_commit: pulumi.Output[Commit]

    def export(self) -> None:
        """Make these the current stack's outputs."""
        for field in fields(self):
            pulumi.export(field.name, getattr(self, field.name))

    @classmethod
    def read(cls, stack: str = "main", **keys: str | Iterable[str]) -> Self:
        """Return the outputs of a stack of this project.

        `keys` names, for an output that is a map, the keys that its reader needs in it. Refuses the
        update when the stack is not deployed, or lacks an output or a key, or has one of another
        shape.
        """
        try:
            values = cls.values(stack)
        except UnreadableError as reason:
            refuse(str(reason))
        for output, needed in keys.items():
            wanted = (needed,) if isinstance(needed, str) else needed
            key = next((it for it in wanted if it not in values[output]), None)
            if key is not None:
                refuse(
                    f"Stack {cls.reference(stack)} has no {key} in its output {output} (there are: "
                    f"{', '.join(sorted(values[output])) or 'none'}): add {key} to "
                    f"{cls.settings_of(stack)}, then run: {cls.update_of(stack)}"
                )
        reference = pulumi.StackReference(cls.reference(stack))
        return cls(**{field.name: reference.require_output(field.name) for field in fields(cls)})

    @classmethod
    def values(cls, stack: str) -> dict[str, Any]:
        """Return the outputs of a stack as they are now, checked against this class.

        Raises UnreadableError.
        """
        found = _exported(cls.reference(stack))
        if not found:
            raise UnreadableError(
                f"Stack {cls.reference(stack)} is not deployed, and this stack reads its outputs: "
                f"first run: {cls.update_of(stack)}"
            )
        types = _types(cls)
        missing = [name for name in types if name not in found]
        if missing:
            raise UnreadableError(
                f"Stack {cls.reference(stack)} has no output {', '.join(missing)}: its last update "
                f"failed or is older than this program; run: {cls.update_of(stack)}"
            )
        for name, adapter in types.items():
            try:
                adapter.validate_python(found[name], strict=True)
            except ValidationError as error:
                raise UnreadableError(
                    f"Stack {cls.reference(stack)} has an output {name} of another shape than this "
                    f"program reads ({error.errors()[0]['msg']}): bring it to the same release; "
                    f"run: {cls.update_of(stack)}"
                ) from None
        return {name: found[name] for name in types}

    @classmethod
    def reference(cls, stack: str) -> str:
        """Return the stack's full name; on a self-managed backend it starts with `organization`."""
        return f"{pulumi.get_organization()}/{cls.project}/{stack}"

    @classmethod
    def update_of(cls, stack: str) -> str:
        """Return the command that updates the stack, from the repository's root."""
        return (
            f"pulumi -C {cls.folder()} up -s {stack}" if cls.folder() else f"pulumi up -s {stack}"
        )

    @classmethod
    def settings_of(cls, stack: str) -> str:
        """Return the path of the stack's settings file, from the repository's root."""
        return f"{cls.folder()}/Pulumi.{stack}.yaml" if cls.folder() else f"Pulumi.{stack}.yaml"

    @classmethod
    def folder(cls) -> str:
        """Return the project's folder; the application is at the root."""
        return "" if cls.project == AppOutputs.project else f"stacks/{cls.project}"


@dataclass(frozen=True, kw_only=True)
class OrgOutputs(Outputs):
    """`stacks/org`: the account ids by name, read by every other stack."""

    project: ClassVar[str] = "org"

    organization_id: pulumi.Output[str]
    management_account_id: pulumi.Output[AccountId]
    accounts: pulumi.Output[dict[str, AccountId]]

    def every_account(self) -> pulumi.Output[dict[str, str]]:
        """Return the id of every account by name, the management account's (`org`) included."""
        return pulumi.Output.all(self.accounts, self.management_account_id).apply(
            lambda known: {**known[0], self.project: known[1]}
        )


@dataclass(frozen=True, kw_only=True)
class DnsOutputs(Outputs):
    """`stacks/dns`: the primary zone, and each environment's domain and right to delegate it."""

    project: ClassVar[str] = "dns"

    account_id: pulumi.Output[AccountId]
    domain: pulumi.Output[Domain]
    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[NameServers]
    domains: pulumi.Output[dict[str, Domain]]
    delegation_roles: pulumi.Output[dict[str, RoleArn]]


@dataclass(frozen=True, kw_only=True)
class CorpOutputs(Outputs):
    """`stacks/corp`: the VPN's name, and the addresses that those who use it come from.

    `vpn_cidrs` has the IPv4 address of the host and the IPv6 network in which the host is alone.
    """

    project: ClassVar[str] = "corp"

    account_id: pulumi.Output[AccountId]
    domain: pulumi.Output[Domain]
    vpn_host: pulumi.Output[Domain]
    vpn_cidrs: pulumi.Output[Cidrs]


@dataclass(frozen=True, kw_only=True)
class ToolsOutputs(Outputs):
    """`stacks/tools`: the connection to the git host, and where state and artefacts are kept.

    `secrets_provider` is the engine's name for the key of secrets, without a stack's own context.
    """

    project: ClassVar[str] = "tools"

    account_id: pulumi.Output[AccountId]
    connection_arn: pulumi.Output[str]
    connection_status: pulumi.Output[str]
    connection_next_step: pulumi.Output[str]
    state_url: pulumi.Output[str]
    secrets_provider: pulumi.Output[str]
    artifact_bucket: pulumi.Output[str]
    notifications_topic: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class AppOutputs(Outputs):
    """The root project: one environment; `app/prod` reads the release of `app/stage`."""

    project: ClassVar[str] = "app"

    account_id: pulumi.Output[AccountId]
    domain: pulumi.Output[Domain]
    api_url: pulumi.Output[str]
    function_name: pulumi.Output[str]
    table_name: pulumi.Output[str]


@cache
def _types(outputs: type[Outputs]) -> Mapping[str, TypeAdapter[Any]]:
    hints = get_type_hints(outputs, include_extras=True)
    return {field.name: TypeAdapter(get_args(hints[field.name])[0]) for field in fields(outputs)}


def _exported(stack: str) -> dict[str, Any]:
    """Return a stack's outputs, none where the backend has no such stack.

    A stack reference to an unknown stack ends the program with a traceback that nothing can catch;
    this token, which the SDK keeps to itself, raises instead.
    """
    try:
        result = invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    except Exception as error:  # noqa: BLE001 - the SDK raises it bare, with the engine's words
        if "unknown stack" in str(error):
            return {}
        reason = str(error).strip().splitlines()[-1]
        raise UnreadableError(
            f"Stack {stack} cannot be read ({reason}): check the backend (pulumi whoami -v) and "
            "how it decrypts"
        ) from None
    return cast("dict[str, Any]", result.value)["outputs"]
