"""The style of the house, as assertions over the code's syntax tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import ROOT

COMPONENTS = sorted(path for path in (ROOT / "components").glob("*.py") if path.stem != "__init__")
PACKAGES = ["components", "stacks", "service", "wireguard", "iam", "ops", "sandbox", "bench"]
PROGRAMS = [ROOT / "__main__.py", *sorted(ROOT.glob("stacks/*/__main__.py"))]
PROJECT_FOLDERS = [program.parent for program in PROGRAMS if program.parent != ROOT]
FORBIDDEN_IN_COMPONENTS = {
    "Config",
    "StackReference",
    "get_stack",
    "get_project",
    "export",
    "Provider",
}
README_HEADINGS = ["Owns / does not own", "Needs", "Settings", "Outputs", "Deploy", "Danger"]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, and the names it takes from them, in full."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def components() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in COMPONENTS:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base) == "pulumi.ComponentResource" for base in node.bases
            ):
                yield path, node


EACH_COMPONENT = pytest.mark.parametrize(
    ("path", "component"), [pytest.param(p, c, id=c.name) for p, c in components()]
)


def constructor(component: ast.ClassDef) -> ast.FunctionDef:
    (init,) = [n for n in component.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    return init


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Call))


@EACH_COMPONENT
def test_a_component_starts_with_its_token(path: Path, component: ast.ClassDef) -> None:
    first = ast.unparse(constructor(component).body[0])

    token = f"multi-account:{path.stem}:{component.name}"
    assert first == f"super().__init__('{token}', name, None, opts)"
    assert not component.name.endswith("Component")


@EACH_COMPONENT
def test_a_component_takes_name_args_opts(path: Path, component: ast.ClassDef) -> None:
    arguments = constructor(component).args

    assert [a.arg for a in arguments.args] == ["self", "name", "args", "opts"], path
    annotation = arguments.args[2].annotation
    assert annotation is not None
    assert ast.unparse(annotation) == f"{component.name}Args"


@EACH_COMPONENT
def test_a_component_ends_with_the_outputs_it_declares(path: Path, component: ast.ClassDef) -> None:
    last = constructor(component).body[-1]

    assert isinstance(last, ast.Expr), path
    assert isinstance(last.value, ast.Call)
    assert ast.unparse(last.value.func) == "self.register_outputs"
    (outputs,) = last.value.args
    assert isinstance(outputs, ast.Dict)
    declared = [ast.unparse(n.target) for n in component.body if isinstance(n, ast.AnnAssign)]
    assert [ast.literal_eval(key) for key in outputs.keys if key] == declared
    assert [ast.unparse(value) for value in outputs.values] == [f"self.{n}" for n in declared]


@EACH_COMPONENT
def test_a_constructor_can_be_read_at_once(path: Path, component: ast.ClassDef) -> None:
    init = constructor(component)

    assert init.end_lineno is not None, path
    assert init.end_lineno - init.lineno <= 65


@EACH_COMPONENT
def test_a_components_arguments_are_frozen_and_by_keyword(
    path: Path, component: ast.ClassDef
) -> None:
    (args,) = [
        n
        for n in tree(path).body
        if isinstance(n, ast.ClassDef) and n.name == f"{component.name}Args"
    ]

    assert [ast.unparse(d) for d in args.decorator_list] == ["dataclass(frozen=True, kw_only=True)"]


@EACH_COMPONENT
def test_every_child_is_named_after_its_component_and_has_options(
    path: Path, component: ast.ClassDef
) -> None:
    made = [c for c in calls(component) if ast.unparse(c.func).startswith("aws.")]
    roles = [c for c in calls(component) if ast.unparse(c.func) == "role_with_policy"]

    assert made or roles, path
    for call in made:
        assert ast.unparse(call.args[0]).startswith("f'{name}-"), ast.unparse(call)
        assert [k for k in call.keywords if k.arg == "opts"], ast.unparse(call)


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_options_of_a_child_name_its_parent_and_merge_nothing(path: Path) -> None:
    for call in calls(tree(path)):
        function = ast.unparse(call.func)
        assert not function.endswith("ResourceOptions.merge")
        if function == "pulumi.ResourceOptions":
            assert {k.arg: ast.unparse(k.value) for k in call.keywords}["parent"] == "self"


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_makes_no_resource_in_apply(path: Path) -> None:
    for call in calls(tree(path)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "apply":
            inside = [ast.unparse(inner.func) for inner in calls(call) if inner is not call]
            assert not [name for name in inside if re.match(r"(aws\.|pulumi\.\w+Resource)", name)]


@pytest.mark.parametrize("path", COMPONENTS, ids=lambda path: path.stem)
def test_a_component_knows_no_stack_no_settings_and_no_cloud_but_its_provider(path: Path) -> None:
    assert not [m for m in imports(path) if re.match(r"(stacks|sandbox|service|boto3|tests)\b", m)]
    used = {n.attr for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute)} | {
        n.id for n in ast.walk(tree(path)) if isinstance(n, ast.Name)
    }
    made = {ast.unparse(c.func).split(".")[-1] for c in calls(tree(path))}
    assert not used & (FORBIDDEN_IN_COMPONENTS - {"Provider"})
    assert "Provider" not in made


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.parent.name)
def test_a_program_reads_like_a_table_of_contents(path: Path) -> None:
    module = tree(path)

    docstring = ast.get_docstring(module)
    assert docstring is not None
    assert "Deliberately" in docstring
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.If, ast.While, ast.Try)
    assert not [n for n in ast.walk(module) if isinstance(n, forbidden)]
    assert len([n for n in ast.walk(module) if isinstance(n, (ast.For, ast.comprehension))]) <= 2
    assert "json" not in imports(path)
    # Statements, not lines: the formatter gives each argument of a call a line of its own.
    statements = [n for n in module.body if not isinstance(n, (ast.Import, ast.ImportFrom))]
    assert len(statements) <= 16


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.parent.name)
def test_a_program_names_no_stack_and_no_sandbox(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"get_stack|sandbox|AWS_ENDPOINT_URL|127\.0\.0\.1", text)


def test_only_accounts_knows_that_there_are_custom_endpoints() -> None:
    files = [*COMPONENTS, *PROGRAMS, *ROOT.glob("stacks/*.py")]

    knowing = {f.name for f in files if re.search(r"AWS_ENDPOINT_URL|sandbox", f.read_text())}

    assert knowing == {"accounts.py"}


def test_outputs_are_named_in_one_file() -> None:
    files = [*COMPONENTS, *PROGRAMS, *ROOT.glob("stacks/*.py")]
    pattern = r"get_output|require_output|StackReference\(|pulumi\.export\("

    assert {f.name for f in files if re.search(pattern, f.read_text())} == {"outputs.py"}


@pytest.mark.parametrize("package", ["iam", "wireguard"])
def test_a_pure_package_knows_nothing_of_pulumi_or_of_this_repository(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert roots.isdisjoint({"pulumi", "pulumi_aws", "boto3", *PACKAGES} - {package}), path


def test_ops_knows_nothing_of_the_sandbox() -> None:
    for path in (ROOT / "ops").rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("sandbox")], path


def test_no_import_path_is_edited() -> None:
    for folder in (*PACKAGES, "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            edits = [n for n in ast.walk(tree(path)) if ast.unparse(n) == "sys.path"]
            assert not edits, path


@pytest.mark.parametrize("folder", PROJECT_FOLDERS, ids=lambda folder: folder.name)
def test_a_project_folder_holds_nothing_that_could_shadow_an_import(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if path.name != "__pycache__"} == {
        "Pulumi.yaml",
        "Pulumi.main.yaml",
        "__main__.py",
        "README.md",
    }


@pytest.mark.parametrize("folder", PROJECT_FOLDERS, ids=lambda folder: folder.name)
def test_a_projects_readme_is_short_and_complete(folder: Path) -> None:
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 40
    assert lines[0].startswith("# ")
    assert lines[2].endswith(".")
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == README_HEADINGS


def test_a_project_is_named_after_its_folder() -> None:
    for folder in PROJECT_FOLDERS:
        assert f"name: {folder.name}\n" in (folder / "Pulumi.yaml").read_text()
    assert "name: app\n" in (ROOT / "Pulumi.yaml").read_text()


def test_every_command_of_the_readme_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = set(re.findall(r"make ([a-z]+(?:-[a-z]+)*)(?=[`\s]+[#,;|.]|`)", readme))
    assert {"sandbox", "test", "sandbox-shell", "venv"} <= named
    assert named <= targets


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_nothing_is_left_for_later(word: str) -> None:
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*.py"):
            assert word not in path.read_text(encoding="utf-8"), path
