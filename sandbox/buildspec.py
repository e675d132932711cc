"""What a project's buildspec tells CodeBuild to do, read from its file in the commit.

Owns the keys that are played here and the shell script that they mean. Others are refused, not
ignored: reports, caches, batches, secrets and what is done when a phase fails.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_LAST_RESORT = "post_build"
"""The phase that runs even where the one before it failed."""

_OF_PHASE = {"runtime-versions", "commands", "finally"}
_KEYS: Mapping[str, set[str]] = {
    "": {"version", "env", "phases", "artifacts"},
    "env": {"shell", "variables", "exported-variables", "git-credential-helper"},
    "phases": set(PHASES),
    "artifacts": {"files", "base-directory"},
    **{f"phases.{phase}": _OF_PHASE for phase in PHASES},
}
"""What may stand at each place; runtimes are those of this machine."""


class BuildspecError(Exception):
    """What is wrong with a buildspec, as CodeBuild says it at the start of a log."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """The commands of a phase, and those that run after them whatever happened."""

    name: str
    commands: tuple[str, ...]
    at_last: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    """A buildspec; `files` are the patterns of its artefact below `base`.

    Only with `knows_git_host` can git ask the host of the source for more.
    """

    variables: Mapping[str, str]
    exported: tuple[str, ...]
    phases: tuple[Phase, ...]
    files: tuple[str, ...]
    base: str
    knows_git_host: bool

    def script(self, report: Path) -> str:
        """Return the script, for bash, of all phases in one shell.

        It writes to the report, each after a NUL: "done" once nothing is left to do, then the
        exported variables that the environment has at the end. Its status tells of success.
        """
        return "\n".join([*_opening(self.exported, report), *_body(self.phases), *_CLOSING])


def read(path: Path) -> Buildspec:
    """Read a buildspec; raise BuildspecError where it is none, or has what is not played here."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BuildspecError(f"YAML_FILE_ERROR Message: stat {path}: no such file") from None
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR Message: {error}") from error
    places = {place: _place(given, place) for place in _KEYS}
    for place, keys in _KEYS.items():
        for unknown in sorted(places[place].keys() - keys):
            raise BuildspecError(
                f"{path.name}: the sandbox's CodeBuild does not know {place}{'.' * bool(place)}"
                f"{unknown}"
            )
    if str(places[""].get("version")) != "0.2":
        raise BuildspecError(f"{path.name}: the version of a buildspec has to be 0.2")
    if places["env"].get("shell", "bash") != "bash":
        raise BuildspecError(f"{path.name}: the sandbox's CodeBuild has no shell but bash")
    return Buildspec(
        variables={name: str(value) for name, value in _place(given, "env.variables").items()},
        exported=_texts(places["env"], "exported-variables"),
        phases=tuple(
            Phase(
                name=phase,
                commands=_texts(places[f"phases.{phase}"], "commands"),
                at_last=_texts(places[f"phases.{phase}"], "finally"),
            )
            for phase in PHASES
        ),
        files=_texts(places["artifacts"], "files"),
        base=str(places["artifacts"].get("base-directory", ".")),
        knows_git_host=places["env"].get("git-credential-helper") is True,
    )


def _place(given: object, path: str) -> Mapping[str, Any]:
    for key in path.split(".") if path else []:
        given = cast("Mapping[str, Any]", given).get(key) if isinstance(given, Mapping) else None
    return cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}


def _texts(place: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of texts, which may be written as a single one."""
    given: str | list[str] | None = place.get(key)
    return (given,) if isinstance(given, str) else tuple(given or ())


def _opening(exported: tuple[str, ...], report: Path) -> Iterator[str]:
    yield "export CODEBUILD_BUILD_SUCCEEDING=1"
    yield "__codebuild_status=0 __codebuild_reached=0 __codebuild_done="
    yield "__codebuild_report() {"
    yield "  printf '%s\\0' \"$__codebuild_done\""
    for name in exported:
        yield (
            f"  if __codebuild_value=$(printenv {name}); then "
            f"printf '%s\\0' \"{name}=$__codebuild_value\"; fi"
        )
    yield "}"
    yield f"trap '__codebuild_report >{shlex.quote(str(report))}' EXIT"


_CLOSING = ("__codebuild_done=done", "exit $__codebuild_status")


def _body(phases: tuple[Phase, ...]) -> Iterator[str]:
    """Return the phases: a failed one ends the build, but for the last that follows `build`."""
    goes_on = "$__codebuild_status = 0"
    for phase in phases:
        if phase.name == _LAST_RESORT:
            goes_on = "$__codebuild_reached = 1"
        yield f"if [ {goes_on} ]; then"
        if phase.name == "build":
            yield "__codebuild_reached=1"
        yield f"echo '[Container] Entering phase {phase.name.upper()}'"
        yield "__codebuild_failed=0"
        for command in phase.commands:
            yield "if [ $__codebuild_failed = 0 ]; then"
            yield from _command(command)
            yield "fi"
        for command in phase.at_last:
            yield from _command(command)
        yield "fi"


def _command(command: str) -> Iterator[str]:
    """Return a command that runs in the script's own shell, and what follows from its status."""
    shown = shlex.quote(f"[Container] Running command {command}")
    yield f"printf '%s\\n' {shown}"
    yield f"eval {shlex.quote(command)}"
    yield "__codebuild_code=$?"
    yield "if [ $__codebuild_code != 0 ]; then"
    yield "__codebuild_failed=1 __codebuild_status=1 CODEBUILD_BUILD_SUCCEEDING=0"
    yield 'echo "[Container] Command did not exit successfully, exit status $__codebuild_code"'
    yield "fi"
