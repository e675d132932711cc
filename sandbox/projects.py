"""Which stacks the sandbox brings up, in the order of their references to each other.

A further environment or project is one more entry here.
"""

from dataclasses import dataclass
from typing import Literal

Ref = Literal["develop", "main", "tag"]
"""What is checked out while a stack is updated: a branch, or the release's tag."""

MANAGEMENT = "org"
"""The name of the management account; the others have the names that org/main exports."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack: its project and folder, the account it deploys to, and from which git reference.

    `shows` names the outputs that tell a person most.
    """

    project: str
    name: str
    folder: str
    account: str
    ref: Ref
    shows: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def settings(self) -> str:
        """The path of the stack's settings file, from the repository's root."""
        return f"{self.folder}/Pulumi.{self.name}.yaml".removeprefix("./")

    @property
    def command(self) -> str:
        """What a person types at the repository's root to update the stack."""
        place = "" if self.folder == "." else f" -C {self.folder}"
        return f"pulumi{place} up -s {self.name}"


def _single(project: str, shows: tuple[str, ...]) -> Stack:
    folder = f"stacks/{project}"
    return Stack(
        project=project, name="main", folder=folder, account=project, ref="main", shows=shows
    )


def _environment(name: str, ref: Ref) -> Stack:
    return Stack(project="app", name=name, folder=".", account=name, ref=ref, shows=("api_url",))


ORG = _single(MANAGEMENT, ("organization_id",))
STACKS = (
    ORG,
    _single("dns", ("domain", "name_servers")),
    _single("corp", ("vpn_host", "vpn_cidrs")),
    _environment("dev", "develop"),
    _environment("stage", "main"),
    _environment("prod", "tag"),
)
