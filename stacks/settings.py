"""What each project reads from its `Pulumi.<stack>.yaml`, as types.

A settings file is checked whole before the first resource is registered, and an unknown key is a
mistake (a typing error, most often). Secrets stay out: a program asks `pulumi.Config` for one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from components.guard_rails import LIBRARY
from components.organization import MemberAccount, with_parents
from stacks.refusal import refuse

ROOT = Path(__file__).resolve().parent.parent
OU_DEPTH = 5
"""Levels of OUs below the root (AWS Organizations quotas, read 2026-11-25)."""
EMAIL_LENGTH = 64
"""Characters in a root address (AWS Organizations API, CreateAccount, read 2026-11-25)."""
LOG_RETENTION_DAYS = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
]  # fmt: skip
"""What CloudWatch Logs accepts (API, PutRetentionPolicy, read 2026-11-25)."""


def _raw(info: ValidationInfo, key: str) -> list[str]:
    """Return the words of another key of the same file as they stand there, right or wrong."""
    value = cast("dict[str, Any]", info.context).get(key)
    words = list(cast("list[Any]", value)) if isinstance(value, (list, dict)) else []
    return [word for word in words if isinstance(word, str)]


def _of_an_address(name: str, info: ValidationInfo) -> str:
    pattern = cast("dict[str, Any]", info.context).get("emailPattern", "")
    address = str(pattern).replace("{account}", name)
    if len(address) > EMAIL_LENGTH:
        raise ValueError(
            f"its root address is longer than {EMAIL_LENGTH} characters; shorten emailPattern"
        )
    return name


def _shallow(path: str) -> str:
    if path.count("/") >= OU_DEPTH:
        raise ValueError(f"{path} is deeper than the {OU_DEPTH} levels that AWS allows")
    return path


def _of_its_own_name(name: str, info: ValidationInfo) -> str:
    if name in with_parents(_raw(info, "organizationalUnits")):
        raise ValueError("an OU has the same path, so a guard rail could mean either; rename one")
    return name


def _an_ou(path: str, info: ValidationInfo) -> str:
    units = with_parents(_raw(info, "organizationalUnits"))
    if path not in units:
        raise ValueError(f"no OU {path} in organizationalUnits{meant(path, units)}")
    return path


def _a_guard_rail(name: str) -> str:
    if name not in LIBRARY:
        raise ValueError(f"no such guard rail{meant(name, LIBRARY)}")
    return name


def _a_target(target: str, info: ValidationInfo) -> str:
    known = [
        *with_parents(_raw(info, "organizationalUnits")),
        *_raw(info, "accounts"),
    ]
    if target not in known:
        raise ValueError(f"{target} is neither an OU nor an account{meant(target, known)}")
    return target


AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]
AccountName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Domain = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
Region = Annotated[str, Field(pattern=r"^((af|ap|ca|eu|il|me|mx|sa)-[a-z]+|us-(east|west))-\d$")]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
OuPath = Annotated[str, Field(pattern=r"^[^/\s][^/]*(/[^/\s][^/]*)*$")]


class Section(BaseModel):
    """Part of a settings file; its keys are written in camelCase there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        strict=True,
        hide_input_in_errors=True,
    )


class ReleaseRule(Section):
    """Which commits may be deployed to the stack."""

    branch: Branch = Field(description="the branch that contains every commit deployed here")
    tag: str | None = Field(
        default=None,
        min_length=1,
        description="a pattern, like 'v*', of the tag that the commit carries",
    )
    promoted_from: str | None = Field(
        default=None,
        min_length=1,
        description="the stack of this project that runs the same commit already",
    )


class Settings(Section):
    """What every project's settings have."""

    region: Region = Field(description="an AWS region, like eu-central-1")
    release: ReleaseRule = Field(description="a map with the branch to deploy from")

    @classmethod
    def load(cls) -> Self:
        """Return the settings of the current stack; refuse the update with all their mistakes."""
        project, stack = pulumi.get_project(), pulumi.get_stack()
        prefix = f"{project}:"
        values = {
            key.removeprefix(prefix): text
            for key, text in CONFIG.get().items()
            if key.startswith(prefix) and not is_config_secret(key)
        }
        data = {key: cls._parsed(key, text) for key, text in values.items()}
        try:
            return cls.model_validate(data, context=data)
        except ValidationError as error:
            refuse(report(cls, error, project, settings_file(stack)))

    @classmethod
    def _parsed(cls, key: str, text: str) -> object:
        """Return a configuration value as data: what is no string comes as JSON."""
        field = next((f for f in cls.model_fields.values() if f.alias == key), None)
        if field is None or field.annotation is str:
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


class AccountSettings(Section):
    """A member account."""

    ou: Annotated[OuPath, AfterValidator(_an_ou)] = Field(
        description="the path of an OU of organizationalUnits"
    )


class OrgSettings(Settings):
    """`stacks/org`: the organization."""

    management_account_id: AccountId = Field(
        description="the twelve digits of the management account, in quotes"
    )
    email_pattern: str = Field(
        description="the root addresses, with {account} for the account's name"
    )
    organizational_units: list[Annotated[OuPath, AfterValidator(_shallow)]] = Field(
        description="a list of paths, like Workloads/Production"
    )
    accounts: dict[
        Annotated[AccountName, AfterValidator(_of_an_address), AfterValidator(_of_its_own_name)],
        AccountSettings,
    ] = Field(
        description="a map from each account's name (lower case letters, digits, -) to its ou"
    )
    guard_rails: dict[
        Annotated[str, AfterValidator(_a_guard_rail)],
        list[Annotated[str, AfterValidator(_a_target)]],
    ] = Field(
        description="a map from each guard rail's name to the OU paths and account names under it"
    )

    @field_validator("email_pattern")
    @classmethod
    def _one_address_for_each_account(cls, pattern: str) -> str:
        if not re.fullmatch(r"[^\s@]*\{account\}[^\s@]*@[^\s@]+\.[^\s@]+", pattern):
            raise ValueError(
                f"{pattern} does not give each account an address of its own; write {{account}} "
                "before the @, like aws-{account}@example.com"
            )
        return pattern

    @cached_property
    def members(self) -> dict[str, MemberAccount]:
        """The member accounts by name, each with its root address and OU."""
        return {
            name: MemberAccount(
                email=self.email_pattern.replace("{account}", name), organizational_unit=account.ou
            )
            for name, account in self.accounts.items()
        }


class DnsSettings(Settings):
    """`stacks/dns`: the primary zone."""

    domain: Domain = Field(description="the registered domain, in lower case, like example.com")
    delegations: dict[AccountName, Label] = Field(
        description="a map from an account's name to the label of its sub-domain"
    )

    @field_validator("delegations")
    @classmethod
    def _each_label_once(cls, delegations: dict[str, str]) -> dict[str, str]:
        counts = Counter(delegations.values())
        twice = [label for label, count in counts.items() if count > 1]
        if twice:
            raise ValueError(
                f"{', '.join(twice)} is delegated to more than one account; give each its own label"
            )
        return delegations

    @cached_property
    def domains(self) -> dict[str, str]:
        """The delegated domain of each account."""
        return {account: f"{label}.{self.domain}" for account, label in self.delegations.items()}


class AppSettings(Settings):
    """The root project: one environment of the application."""

    account: AccountName = Field(description="the name of the environment's account in stacks/org")
    memory_mb: int = Field(ge=128, le=10240, description="a whole number from 128 to 10240")
    log_retention_days: LOG_RETENTION_DAYS = Field(
        description=f"one of {', '.join(map(str, get_args(LOG_RETENTION_DAYS)))}"
    )
    rate_limit: int = Field(ge=1, le=10000, description="requests per second, from 1 to 10000")
    burst_limit: int = Field(ge=1, le=5000, description="requests at one moment, from 1 to 5000")
    protect_data: bool = Field(
        default=True, description="true, or false where the data may be deleted with the stack"
    )


def settings_file(stack: str) -> str:
    """Return the path of the current project's settings file, from the repository's root."""
    file = Path.cwd() / f"Pulumi.{stack}.yaml"
    return str(file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name)


def meant(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown word: what was meant, or what there is."""
    known = list(known)
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known) or 'none'}"


def report(model: type[Section], error: ValidationError, project: str, file: str) -> str:
    """Return all mistakes of a settings file, a line for each key."""
    lines = [
        f"  {project}:{'.'.join(path)}: {message}"
        for path, message in (_mistake(model, details) for details in error.errors())
    ]
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return "\n".join([f"{file} has {count}; nothing was changed:", *lines])


def _mistake(model: type[Section], details: ErrorDetails) -> tuple[tuple[str, ...], str]:
    path = tuple(str(part) for part in details["loc"] if part != "[key]")
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return path, str(cause)
    owner, wanted = _place(model, path)
    if details["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in owner.model_fields.items()]
        return path, f"no such key{meant(path[-1], known)}"
    if details["type"] == "missing":
        return path, f"missing; set it to {wanted}"
    return path, f"{json.dumps(details['input'])} is not right; set it to {wanted}"


def _place(model: type[Section], path: tuple[str, ...]) -> tuple[type[Section], str]:
    """Return the section that a path leads to, and the description of the last field on the way."""
    wanted = "a map"
    for part in path:
        field = next((f for f in model.model_fields.values() if f.alias == part), None)
        if field is None:
            continue
        wanted = field.description or wanted
        inner = [field.annotation, *get_args(field.annotation)]
        model = next((t for t in inner if isinstance(t, type) and issubclass(t, Section)), model)
    return model, wanted
