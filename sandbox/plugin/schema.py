"""What a resource type is: its arguments, its outputs, and the calls that carry it.

A service module declares each type as a subclass of `Resource`; everything that follows from the
declaration alone (checks, differences, previews) is worked out elsewhere from it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, TypedDict, Unpack

from sandbox.plugin.account import Account
from sandbox.plugin.documents import policy_meaning
from sandbox.plugin.values import Values

Kind = Literal[
    "string", "boolean", "integer", "number", "document", "archive", "list", "map", "object"
]

MANAGED_BY = "Managed by Pulumi"
"""What the genuine plugin writes where a description is left out."""


class Traits(TypedDict, total=False):
    """What the constructors below take besides an argument's kind."""

    required: bool
    replaces: bool | Callable[[object, object], bool]
    computed: bool
    default: object
    choices: tuple[object, ...]
    unordered: bool
    normal: Callable[[str], str]
    carried: bool
    secret: bool


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a resource type, or one field of a nested one.

    `replaces`: a change cannot be made in place (always, or where the function of old and new says
    so). `computed`: AWS chooses the value where the program gives none. `unordered`: a list whose
    order means nothing. `normal`: how AWS spells a string. `carried`: False for an argument of the
    genuine plugin that this one refuses. `secret`: the engine keeps the value encrypted, whether or
    not the program marks it. A `document` is JSON text, or what becomes JSON text.
    """

    kind: Kind
    element: "Argument | None" = None
    fields: "Mapping[str, Argument]" = field(default_factory=dict[str, "Argument"])
    required: bool = False
    replaces: bool | Callable[[object, object], bool] = False
    computed: bool = False
    default: object = None
    choices: tuple[object, ...] = ()
    unordered: bool = False
    normal: Callable[[str], str] | None = None
    carried: bool = True
    secret: bool = False


def string(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is text."""
    return Argument(kind="string", **traits)


def boolean(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is true or false."""
    return Argument(kind="boolean", **traits)


def integer(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is a whole number."""
    return Argument(kind="integer", **traits)


def number(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is any number."""
    return Argument(kind="number", **traits)


def document(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is a JSON document, compared by what it says."""
    return Argument(kind="document", **traits)


def policy_document(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is a document in IAM's language, compared by what it means."""
    return replace(document(**traits), normal=policy_meaning)


def archive(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is files of the program, compared by hash."""
    return Argument(kind="archive", **traits)


def strings(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is a list of texts."""
    return Argument(kind="list", element=Argument(kind="string"), **traits)


def string_map(**traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is texts by name."""
    return Argument(kind="map", element=Argument(kind="string"), **traits)


def block(fields: Mapping[str, Argument], **traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is one nested object."""
    return Argument(kind="object", fields=fields, **traits)


def blocks(fields: Mapping[str, Argument], **traits: Unpack[Traits]) -> Argument:
    """Describe an argument that is a list of nested objects."""
    return Argument(kind="list", element=Argument(kind="object", fields=fields), **traits)


REGION: Mapping[str, Argument] = {"region": string(computed=True, replaces=True)}
"""The argument that every regional resource type has."""

TAGS: Mapping[str, Argument] = {"tags": string_map()}
"""The argument that every resource type with tags has."""


@dataclass(frozen=True, kw_only=True)
class AutoName:
    """The argument that is named after the resource where the program gives no name."""

    argument: str = "name"
    length: int = 255
    spelt: Callable[[str], str] = str
    """How a name has to look that AWS does not take as it is."""


class Resource(ABC):
    """One resource type: what it is, and the calls that carry it.

    `create` makes the one call after which the resource exists and returns its id; whatever has to
    follow belongs in `complete`, so that a failure there cannot lose the id. Both get every
    argument with its default. `read` returns the properties as AWS has them (None where there is no
    such resource); arguments that AWS does not tell are left out and keep their last known value.
    `update` gets the last known properties and the wanted arguments, and is idempotent.
    """

    type_name: ClassVar[str]
    title: ClassVar[str]
    service: ClassVar[str]
    arguments: ClassVar[Mapping[str, Argument]]
    outputs: ClassVar[tuple[str, ...]] = ()
    volatile: ClassVar[tuple[str, ...]] = ()
    """Properties that an update may change though nobody asked; the others keep their value."""
    auto_name: ClassVar[AutoName | None] = None
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()
    delete_before_replace: ClassVar[bool] = False
    create_timeout: ClassVar[float] = 600
    """Seconds that a creation may take where the program sets no timeout."""

    def understood(self, args: Values) -> Values:
        """Return the arguments as AWS understands them, which may be more than was written."""
        return args

    @abstractmethod
    def create(self, account: Account, args: Values) -> str:
        """Make the resource and return its id."""

    def complete(self, account: Account, resource_id: str, args: Values) -> None:  # noqa: B027
        """Make the calls that follow a creation; most types need none."""

    @abstractmethod
    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        """Return the properties as AWS has them; `known` is empty for an import."""

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:  # noqa: B027
        """Change the resource in place; a type whose every argument replaces has no more to do."""

    def volatile_in(self, old: Values, new: Values) -> Collection[str]:  # noqa: ARG002
        """Return what this very update may change though nobody asked, for a type that can tell."""
        return self.volatile

    @abstractmethod
    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        """Delete the resource; that it is gone already is no error."""

    @property
    def is_regional(self) -> bool:
        """Whether the resource lives in a region that its arguments may name."""
        return "region" in self.arguments

    @property
    def is_taggable(self) -> bool:
        """Whether the provider's default tags apply."""
        return "tagsAll" in self.outputs
