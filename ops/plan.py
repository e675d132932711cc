"""What the engine says that it would do: `preview --json`, or `refresh --preview-only --json`.

Owns the reading of the document and what each step means, nothing of what is risky about it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, Self, cast, get_args

from pulumi.runtime.rpc import UNKNOWN
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ops.problem import OpsError
from ops.text import cut

Values = Mapping[str, object]
Change = Literal["create", "update", "replace", "delete"]
CHANGES: Mapping[str, Change] = {it: it for it in get_args(Change)}

SECRET = "[secret]"  # noqa: S105 - what the engine writes in place of one
PROVIDER = "pulumi:providers:"
ARN_ACCOUNT = re.compile(r"arn:[a-z-]+:[^:]*:[^:]*:(\d{12}):")
COMMAND = "pulumi preview --json --show-sames"
UNREADABLE = frozenset({"json_invalid", "string_unicode"})
"""What pydantic calls text that is no JSON, or is nested too deeply for anybody."""
SHOWN = 3
VALUE_LENGTH = 80
"""Elements of a list, and characters of a value, that a line shows."""


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=AliasGenerator(validation_alias=to_camel)
    )


class State(_Model):
    """A resource as the stack has it, or as it would have it."""

    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    dependencies: list[str] = []
    property_dependencies: dict[str, list[str]] = {}
    """The URNs of what an argument is made of."""


class Step(_Model):
    """What would be done to one resource; `old_state` is none before a creation, and so on."""

    op: str
    urn: str = Field(pattern="^urn:pulumi:.+::.+::.+::")
    provider: str = ""
    old_state: State | None = None
    new_state: State | None = None
    replace_reasons: list[str] = []
    detailed_diff: dict[str, Any] | None = None

    @property
    def is_of_cloud(self) -> bool:
        """Whether the resource is there outside the engine: a component or a provider is not."""
        return bool(self._provider)

    @property
    def change(self) -> Change | None:
        """What the step does in the cloud; a replacement is one step, its parts are not told."""
        return CHANGES.get(self.op) if self.is_of_cloud else None

    @property
    def chain(self) -> list[str]:
        """The types of the components that the resource is in, outermost first, and its own."""
        return self.urn.split("::")[2].split("$")

    @property
    def type(self) -> str:
        """The resource's type, like `aws:dynamodb/table:Table`."""
        return self.chain[-1]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def subject(self) -> str:
        """The resource in words, like `dynamodb table service-table`."""
        service, _, kind = self.type.removeprefix("aws:").partition("/")
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind.rpartition(":")[2]).lower()
        return f"{service} {words} {self.name}"

    @property
    def old(self) -> Values:
        """The arguments before."""
        return self.old_state.inputs if self.old_state else {}

    @property
    def new(self) -> Values:
        """The arguments after, where there is something after."""
        return self.new_state.inputs if self.new_state else {}

    @property
    def provider_urn(self) -> str:
        """The URN of the provider, which stands for one account."""
        return self._provider.rpartition("::")[0]

    @property
    def _provider(self) -> str:
        states = (self.new_state, self.old_state)
        return self.provider or next((it.provider for it in states if it and it.provider), "")

    @property
    def recorded(self) -> Values:
        """All there was to know of the resource before."""
        return self.old_state.outputs if self.old_state else {}

    @property
    def found(self) -> Values:
        """All there is to know of the resource after."""
        return self.new_state.outputs if self.new_state else {}

    @property
    def differing(self) -> set[str]:
        """The top-level arguments that the engine says differ, without tags told twice."""
        names = {re.split(r"[.\[]", path)[0] for path in self.detailed_diff or {}}
        return names - ({"tagsAll"} if "tags" in names else set[str]())

    def differs(self, argument: str) -> bool:
        """Tell whether a top-level argument changes, a secret one too."""
        return argument in self.differing or self.old.get(argument) != self.new.get(argument)


class _Diagnostic(_Model):
    message: str
    severity: str
    urn: str = ""


class Plan(_Model):
    """Everything the engine would do to one stack."""

    duration: int
    steps: list[Step] = []
    """What is done to each resource; the stack is always one of them."""
    diagnostics: list[_Diagnostic] = []

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what the engine's document says.

        Raises OpsError.
        """
        if not text.strip():
            raise OpsError(
                "The preview printed nothing: mend what the engine complains of, and run it again."
            )
        try:
            plan = cls.model_validate_json(text)
        except ValidationError as error:
            mistake = error.errors()[0]
            where = ".".join(str(part) for part in mistake["loc"])
            problem = "JSON document is none of the engine's"
            if mistake["type"] in UNREADABLE:
                problem = "cannot be read as JSON"
            elif where:
                problem += f" ({where} is missing or wrong)"
            raise OpsError(f"This {problem}: give what `{COMMAND}` prints.") from None
        plan.refuse_failure()
        if not plan.steps:
            raise OpsError(
                "This JSON document has no step, not even that of the stack, so it does not tell "
                f"what would change: give what `{COMMAND}` prints."
            )
        return plan

    def refuse_failure(self) -> None:
        """Refuse the plan of a run that failed, since it ends where that happened.

        Raises OpsError.
        """
        failed = next((it for it in self.diagnostics if it.severity == "error"), None)
        if failed:
            about = f"{failed.urn.rpartition('::')[2]}: " if failed.urn else ""
            lines = [line.strip() for line in failed.message.splitlines() if line.strip()]
            lines = lines or ["it gives no reason"]
            # A traceback begins with where and ends with what.
            said = lines[-1] if "Traceback (most recent call last):" in lines else lines[0]
            raise OpsError(
                f"The preview failed ({about}{said.removeprefix('error: ')}), so it does not tell "
                "what would change: mend that, and run it again."
            )

    @property
    def stack(self) -> str:
        """The full name of the stack, like `app/dev`."""
        stack, project = self.steps[0].urn.removeprefix("urn:pulumi:").split("::")[:2]
        return f"{project}/{stack}"

    @property
    def changes(self) -> Iterator[Step]:
        """The steps that change something in the cloud."""
        return (step for step in self.steps if step.change)

    def account(self, step: Step) -> str | None:
        """Return the id of the account that a resource is in, as far as the document tells."""
        return self._accounts.get(step.provider_urn)

    @cached_property
    def _accounts(self) -> Mapping[str, str]:
        """The account of each provider: the one it may work in, or that of what it made."""
        made: dict[str, Counter[str]] = {}
        told: dict[str, str] = {}
        for step in self.steps:
            state = step.new_state or step.old_state
            if step.type.startswith(PROVIDER) and state:
                found = re.findall(r"\d{12}", str(state.inputs.get("allowedAccountIds", "")))
                told |= {step.urn: found[0]} if len(found) == 1 else {}
            elif step.old_state:
                arn = ARN_ACCOUNT.match(str(step.old_state.outputs.get("arn", "")))
                made.setdefault(step.provider_urn, Counter()).update([arn[1]] if arn else [])
        likely = {urn: it.most_common(1)[0][0] for urn, it in made.items() if it}
        return likely | told


def leaves(values: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Return each value that is no list or map, with its path in the words of the engine."""
    if isinstance(values, dict):
        for name, value in cast("dict[str, object]", values).items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(values, list):
        for number, value in enumerate(cast("list[object]", values)):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, values


def is_told(value: object) -> bool:
    """Tell whether a value is there to be read: neither a secret nor known only after an update."""
    return value not in (UNKNOWN, SECRET)


def shown(value: object) -> str:
    """Return a value as a line shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        items = [shown(it) for it in cast("list[object]", value)]
        more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
        return f"{', '.join(items[:SHOWN])}{more}" or "nothing"
    return cut(str(value), VALUE_LENGTH) if value != UNKNOWN else "what is known only then"


def number(value: object) -> float:
    """Return a value as a number; what is none counts as zero."""
    try:
        return float(str(value))
    except ValueError:
        return 0
