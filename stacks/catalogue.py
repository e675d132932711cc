"""Every stack of this repository, found from its files: where it is, what it reads, its rule.

Nothing here is written down twice: a project is a folder with a `Pulumi.yaml`, a stack a settings
file beside it, its rule stands in that file, and what it reads and is made of in its `__main__.py`.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from pydantic import ValidationError

from components.account import DEPLOY_ROLE
from components.artifacts import PIPELINE_CHARACTERS, place_of
from components.pipeline import FILE_PATTERNS, FILTERS
from components.role import role_arn
from stacks import accounts, outputs
from stacks.outputs import Outputs
from stacks.refusal import refuse
from stacks.settings import ROOT, ReleaseRule, UnusableSettingsError, config_of, meant

APPLICATION = outputs.AppOutputs.project
"""The project at the root, which has a stack for each environment."""
MANAGEMENT = outputs.OrgOutputs.project
"""The project, and the account, of the organization itself."""
DELEGATION = f"{outputs.DnsOutputs.project}/main"
"""The stack whose roles delegate sub-domains."""
PACKAGES = ("components", "service", "wireguard")
"""What a program is made of besides `stacks`, which every program uses."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack: where it is, the account it deploys to, its rule, and the stacks that it reads.

    `folder` is the project's, from the repository's root; `reads` has the full names, like
    `org/main`, of the stacks whose outputs it reads.
    """

    project: str
    name: str
    folder: str
    account: str
    rule: ReleaseRule
    reads: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def pipeline(self) -> str:
        """The name of the stack's pipeline."""
        return f"{self.project}-{self.name}"

    @property
    def build_role(self) -> str:
        """The name of the role in the Tools account that the stack's pipeline runs with."""
        return accounts.build_role(self.project, self.name)

    def assumed_roles(self, account_ids: Mapping[str, str]) -> list[str]:
        """Return the ARNs of the roles in other accounts that the stack's pipeline deploys with.

        `account_ids` has the id of every account by name. A stack that reads what `dns/main` knows
        of its domain delegates that domain, too.
        """
        roles = [role_arn(account_ids[self.account], DEPLOY_ROLE)]
        if DELEGATION in self.reads:
            name = accounts.delegation_role(self.account)
            roles.append(role_arn(account_ids[outputs.DnsOutputs.project], name))
        return roles

    @property
    def settings(self) -> str:
        """The path of the stack's settings file, from the repository's root."""
        return str(Path(self.folder) / f"Pulumi.{self.name}.yaml")

    @property
    def command(self) -> str:
        """What a person types at the repository's root to update the stack."""
        place = "" if self.folder == "." else f" -C {self.folder}"
        return f"pulumi{place} up -s {self.name}"


def stacks(root: Path | None = None) -> list[Stack]:
    """Return every stack, each after those whose outputs it reads.

    Raises UnusableSettingsError.
    """
    found = {str(stack): stack for stack in _found(root or ROOT)}
    places: dict[str, str] = {}
    for name, stack in found.items():
        other = places.setdefault(place_of(stack.pipeline), name)
        if other != name:
            raise UnusableSettingsError(
                f"The pipelines of {other} and {name} keep their artefacts in one place, since "
                f"CodePipeline goes by the first {PIPELINE_CHARACTERS} characters of their names; "
                "give one of these stacks another name"
            )
    order = TopologicalSorter(
        {name: [it for it in stack.reads if it in found] for name, stack in found.items()}
    )
    try:
        return [found[name] for name in order.static_order()]
    except CycleError as error:
        raise UnusableSettingsError(
            f"These stacks read each other's outputs in a circle: {' -> '.join(error.args[1])}; "
            "take one of these readings out"
        ) from None


def upstream(stack: Stack, root: Path | None = None) -> set[str]:
    """Return the full names of the stacks that a stack reads, and of those that these read.

    Raises UnusableSettingsError.
    """
    reads = {str(it): it.reads for it in stacks(root)}
    found: set[str] = set()
    waiting = [*stack.reads]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += reads.get(name, ())
    return found


def build_roles(root: Path | None = None) -> dict[str, str]:
    """Return the name of the build role that deploys to an account, by the account's name.

    Raises UnusableSettingsError.
    """
    return {stack.account: stack.build_role for stack in stacks(root)}


def build_roles_for(accounts: Iterable[str]) -> dict[str, str]:
    """Return the name of the build role that deploys to each account with a sub-domain.

    Refuses the update where no stack deploys to one of them.
    """
    roles = build_roles()
    for account in accounts:
        if account not in roles:
            refuse(
                f"No stack deploys to the account {account}, so nobody could delegate its "
                f"sub-domain: write its settings file first (a Pulumi.{account}.yaml with "
                f"app:account: {account}), or take {account} out of delegations in "
                "stacks/dns/Pulumi.main.yaml"
            )
    return {account: roles[account] for account in accounts}


def member_accounts(root: Path | None = None) -> list[str]:
    """Return the names of the accounts that stacks deploy to, without the management account.

    Raises UnusableSettingsError.
    """
    return [account for account in build_roles(root) if account != MANAGEMENT]


def assumable_roles() -> list[str]:
    """Return the ARNs, with wildcards, of all roles that pipelines deploy with."""
    return [role_arn("*", name) for name in (DEPLOY_ROLE, accounts.delegation_role("*"))]


def find(name: str, root: Path | None = None) -> Stack:
    """Return the stack with a full name like `app/dev`, or the one with a name like `dev`.

    Raises UnusableSettingsError.
    """
    known = stacks(root)
    named = [it for it in known if name in (str(it), it.name, it.project)]
    exact = [it for it in named if str(it) == name] or named
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise UnusableSettingsError(
            f"{name} may be {' or '.join(map(str, exact))}; write which of them"
        )
    raise UnusableSettingsError(f"There is no stack {name}{meant(name, map(str, known))}")


def file_patterns(stack: Stack, root: Path | None = None) -> list[str]:
    """Return patterns of a stack's files, in the words of CodePipeline's triggers.

    None for the application, which every commit may change. A program's components are named one by
    one, so that only what changed runs; all together where that would be more patterns than a
    trigger may have.
    """
    if stack.project == APPLICATION:
        return []
    top = root or ROOT
    program = top / stack.folder / "__main__.py"
    modules = sorted(_modules(program, top))
    shared = ["stacks/*.py", "pipelines/**", "requirements.lock"]
    if _reads_every_rule(program):
        shared += ["Pulumi.*.yaml", "stacks/*/Pulumi.*.yaml"]
    if _reads_every_program(program):
        shared += ["__main__.py", "stacks/*/__main__.py"]
        modules = [f"{package}/**" for package in PACKAGES]
    patterns = [f"{stack.folder}/**", *shared, *modules]
    if len(patterns) > FILE_PATTERNS * FILTERS:
        whole = {module.partition("/")[0]: None for module in modules}
        patterns = [f"{stack.folder}/**", *shared, *(f"{package}/**" for package in whole)]
    return patterns


def _found(root: Path) -> Iterator[Stack]:
    for project_file in sorted([root / "Pulumi.yaml", *root.glob("stacks/*/Pulumi.yaml")]):
        folder = project_file.parent
        project = _project(project_file, root)
        for file in sorted(folder.glob("Pulumi.*.yaml")):
            name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
            yield _stack(project, name, folder, root)


def _stack(project: str, name: str, folder: Path, root: Path) -> Stack:
    file = folder / f"Pulumi.{name}.yaml"
    config = config_of(file)
    try:
        rule = ReleaseRule.model_validate(config.get(f"{project}:release"))
    except ValidationError:
        raise UnusableSettingsError(
            f"{file.relative_to(root)} has no usable {project}:release; set it to a map with the "
            "branch to deploy from"
        ) from None
    promoted = (f"{project}/{rule.promoted_from}",) if rule.promoted_from else ()
    return Stack(
        project=project,
        name=name,
        folder=str(folder.relative_to(root)),
        account=str(config.get(f"{project}:account", project)),
        rule=rule,
        reads=(*_readings(folder / "__main__.py"), *promoted),
    )


def _project(file: Path, root: Path) -> str:
    try:
        return str(yaml.safe_load(file.read_bytes())["name"])
    except (OSError, yaml.YAMLError, TypeError, KeyError):
        raise UnusableSettingsError(
            f"{file.relative_to(root)} does not give the project's name: restore it, for example "
            "with git"
        ) from None


@cache
def _program(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except OSError as error:
        raise UnusableSettingsError(
            f"{file} cannot be read ({error.strerror}): restore it, for example with git"
        ) from None
    except SyntaxError as error:
        # Text in a wrong encoding is one, too, and may have no line.
        raise UnusableSettingsError(
            f"{file} is no Python program ({error.msg}, line {error.lineno or 1}): mend it, or "
            "restore it, for example with git"
        ) from None


def _readings(program: Path) -> tuple[str, ...]:
    """Return the stacks that a program reads: each `OrgOutputs.read(...)` in it is one of them."""
    read = {
        node.func.value.id
        for node in ast.walk(_program(program))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "read"
        and isinstance(node.func.value, ast.Name)
    }
    producers = {it.__name__: it.project for it in Outputs.__subclasses__()}
    return tuple(f"{producers[name]}/main" for name in sorted(read & producers.keys()))


def _modules(program: Path, root: Path) -> set[str]:
    """Return what a program is made of in PACKAGES: components one by one, other packages whole."""
    found: set[str] = set()
    waiting = [program]
    while waiting:
        for module in _imported(waiting.pop()):
            package, _, rest = module.partition(".")
            file = root / package / f"{rest.partition('.')[0]}.py"
            if package not in PACKAGES:
                continue
            path = f"{package}/**" if package != "components" else str(file.relative_to(root))
            if path not in found and (package != "components" or file.is_file()):
                found.add(path)
                waiting += [file] if file.is_file() else []
    return found


def _imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(_program(file)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def _reads_every_rule(program: Path) -> bool:
    """Tell whether a program is made from this catalogue, and so from every settings file."""
    return "stacks.catalogue" in _imported(program)


def _reads_every_program(program: Path) -> bool:
    """Tell whether a program asks what others read and are made of, as that of the pipelines."""
    return any(
        isinstance(node, ast.Attribute) and node.attr == file_patterns.__name__
        for node in ast.walk(_program(program))
    )
