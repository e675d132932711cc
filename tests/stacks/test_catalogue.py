"""The catalogue: what there is stands in the files, each fact once, and a new stack is found."""

import shutil
from pathlib import Path

import pytest
import yaml

from stacks import catalogue
from stacks.settings import UnusableSettingsError
from tests.cloud import ROOT
from tests.test_wiring import add_environment, copy_programs

NAMES = ["org/main", "dns/main", "corp/main", "tools/main", "app/dev", "app/stage", "app/prod"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    copy_programs(tmp_path)
    shutil.copytree(ROOT / "components", tmp_path / "components")
    return tmp_path


def by_name(root: Path = ROOT) -> dict[str, catalogue.Stack]:
    return {str(stack): stack for stack in catalogue.stacks(root)}


def test_every_stack_of_the_repository_is_found() -> None:
    assert sorted(by_name()) == sorted(NAMES)


def test_what_is_upstream_of_a_stack_is_found_through_others(copy: Path) -> None:
    program = copy / "stacks/corp/__main__.py"
    program.write_text(program.read_text().replace("OrgOutputs.read(", "OrgOutputs.of("))
    corp = by_name(copy)["corp/main"]

    assert corp.reads == ("dns/main",)
    assert catalogue.upstream(corp, copy) == {"dns/main", "org/main"}


def test_every_settings_file_is_a_stacks() -> None:
    files = [*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("stacks/*/Pulumi.*.yaml")]

    assert sorted(stack.settings for stack in catalogue.stacks()) == sorted(
        str(file.relative_to(ROOT)) for file in files
    )


def test_a_stack_comes_after_those_it_reads() -> None:
    order = list(by_name())

    for stack in catalogue.stacks():
        assert all(order.index(name) < order.index(str(stack)) for name in stack.reads), stack


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("org/main", set()),
        ("dns/main", {"org/main"}),
        ("corp/main", {"org/main", "dns/main"}),
        ("tools/main", {"org/main"}),
        ("app/dev", {"org/main", "dns/main", "corp/main"}),
        ("app/prod", {"org/main", "dns/main", "corp/main", "app/stage"}),
    ],
)
def test_what_a_stack_reads_stands_in_its_program(name: str, reads: set[str]) -> None:
    assert set(by_name()[name].reads) == reads


def test_the_rule_is_the_one_in_the_settings_file() -> None:
    for stack in catalogue.stacks():
        config = yaml.safe_load((ROOT / stack.settings).read_text())["config"]
        rule = stack.rule.model_dump(by_alias=True, exclude_defaults=True)
        assert rule == config[f"{stack.project}:release"], stack


def test_a_new_stack_is_found(copy: Path) -> None:
    add_environment(copy, "qa")

    qa = by_name(copy)["app/qa"]
    assert (qa.account, qa.folder, qa.rule.branch) == ("qa", ".", "develop")
    assert qa.build_role == "build-app-qa"
    assert catalogue.build_roles(copy)["qa"] == "build-app-qa"


def test_a_pipeline_deploys_to_its_own_account_and_delegates_its_own_domain() -> None:
    ids = {
        name: f"{n:012}"
        for n, name in enumerate(["org", "dns", "corp", "tools", "dev", "stage", "prod"])
    }
    assumed = {name: stack.assumed_roles(ids) for name, stack in by_name().items()}

    assert assumed == {
        "org/main": ["arn:aws:iam::000000000000:role/deploy"],
        "dns/main": ["arn:aws:iam::000000000001:role/deploy"],
        "corp/main": ["arn:aws:iam::000000000002:role/deploy", "arn:aws:iam::000000000001:role/delegate-corp"],
        "tools/main": ["arn:aws:iam::000000000003:role/deploy"],
        "app/dev": ["arn:aws:iam::000000000004:role/deploy", "arn:aws:iam::000000000001:role/delegate-dev"],
        "app/stage": ["arn:aws:iam::000000000005:role/deploy", "arn:aws:iam::000000000001:role/delegate-stage"],
        "app/prod": ["arn:aws:iam::000000000006:role/deploy", "arn:aws:iam::000000000001:role/delegate-prod"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "of_its_own"),
    [
        ("org/main", ["stacks/org/**", "components/account.py", "components/guard_rails.py", "components/organization.py"]),
        ("dns/main", ["stacks/dns/**", "components/account.py", "components/dns.py", "components/role.py"]),
        ("corp/main", ["stacks/corp/**", "components/vpn.py", "components/keys.py", "wireguard/**"]),
    ],
)  # fmt: skip
def test_a_stacks_files_are_what_its_program_is_made_of(name: str, of_its_own: list[str]) -> None:
    patterns = catalogue.file_patterns(by_name()[name])

    assert set(of_its_own) <= set(patterns)
    assert {"stacks/*.py", "pipelines/**", "requirements.lock"} <= set(patterns)
    assert len(patterns) <= 24


def test_the_files_of_another_stack_do_not_run_a_pipeline() -> None:
    assert "components/api.py" not in catalogue.file_patterns(by_name()["org/main"])


def stacks_with(*patterns: str) -> set[str]:
    """Return the stacks whose pipelines these patterns, all of them, start."""
    wanted = set(patterns)
    return {name for name, it in by_name().items() if wanted <= set(catalogue.file_patterns(it))}


def test_what_is_made_from_every_rule_runs_when_a_rule_changes() -> None:
    rules = ("Pulumi.*.yaml", "stacks/*/Pulumi.*.yaml")

    assert stacks_with(*rules) == {"dns/main", "tools/main"}


def test_the_pipelines_are_made_anew_when_a_stack_reads_or_is_made_of_something_else() -> None:
    programs = ("__main__.py", "stacks/*/__main__.py")
    packages = ("components/**", "service/**", "wireguard/**")

    assert stacks_with(*programs, *packages) == {"tools/main"}


def test_every_commit_may_change_the_application() -> None:
    assert catalogue.file_patterns(by_name()["app/dev"]) == []


def test_more_files_than_a_trigger_takes_become_whole_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogue, "FILTERS", 0)

    assert "components/**" in catalogue.file_patterns(by_name()["org/main"])


@pytest.mark.parametrize(
    ("word", "name"), [("app/dev", "app/dev"), ("dev", "app/dev"), ("org", "org/main")]
)
def test_a_stack_is_found_by_its_full_name_or_a_short_one(word: str, name: str) -> None:
    assert str(catalogue.find(word)) == name


def test_a_word_that_names_no_stack_is_told() -> None:
    there_are = ", ".join(map(str, catalogue.stacks()))

    assert refusal_of("app/deb") == "There is no stack app/deb; did you mean app/dev?"
    assert refusal_of("zzz") == f"There is no stack zzz; there are: {there_are}"


def test_a_word_that_names_several_stacks_is_told() -> None:
    several = " or ".join(str(it) for it in catalogue.stacks() if it.name == "main")

    assert refusal_of("main") == f"main may be {several}; write which of them"


def refusal_of(word: str) -> str:
    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.find(word)
    return str(refusal.value)


def test_stacks_that_read_each_other_are_told(copy: Path) -> None:
    program = copy / "stacks/org/__main__.py"
    program.write_text(program.read_text() + "\nDnsOutputs.read()\n")

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        "These stacks read each other's outputs in a circle: dns/main -> org/main -> dns/main; take "
        "one of these readings out"
    )


def test_pipelines_that_codepipeline_takes_for_one_are_told(copy: Path) -> None:
    for name in ("customer-northern-1", "customer-northern-2"):
        shutil.copyfile(copy / "Pulumi.dev.yaml", copy / f"Pulumi.{name}.yaml")

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        "The pipelines of app/customer-northern-1 and app/customer-northern-2 keep their artefacts "
        "in one place, since CodePipeline goes by the first 20 characters of their names; give one "
        "of these stacks another name"
    )


def test_a_stack_without_a_rule_is_told(copy: Path) -> None:
    settings = copy / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text().replace("app:release", "app:releases"))

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        "Pulumi.dev.yaml has no usable app:release; set it to a map with the branch to deploy from"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"import pulumi\nname = (\n", "'(' was never closed, line 2"),
        (
            b"name = 1\nother = '\xff'\n",
            "(unicode error) 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte, "
            "line 2",
        ),
        (b"# -*- coding: nope -*-", "unknown encoding: nope, line 1"),
    ],
)
@pytest.mark.parametrize("file", ["stacks/org/__main__.py", "__main__.py"])
def test_a_program_that_python_cannot_read_is_told(
    copy: Path, file: str, text: bytes, reason: str
) -> None:
    (copy / file).write_bytes(text)

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        f"{copy / file} is no Python program ({reason}): mend it, or restore it, for example with git"
    )


def test_a_component_that_python_cannot_read_is_told(copy: Path) -> None:
    component = copy / "components/organization.py"
    component.write_text("name = (")

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.file_patterns(by_name(copy)["org/main"], copy)

    assert str(refusal.value) == (
        f"{component} is no Python program ('(' was never closed, line 1): mend it, or restore it, "
        "for example with git"
    )


def test_a_project_without_a_program_is_told(copy: Path) -> None:
    program = copy / "stacks/org/__main__.py"
    program.unlink()

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        f"{program} cannot be read (No such file or directory): restore it, for example with git"
    )


@pytest.mark.parametrize("text", [b"runtime: python", b"- name", b"name: [", b"name: \xff", b"\0"])
def test_a_project_file_without_a_name_is_told(copy: Path, text: bytes) -> None:
    (copy / "stacks/org/Pulumi.yaml").write_bytes(text)

    with pytest.raises(UnusableSettingsError) as refusal:
        catalogue.stacks(copy)

    assert str(refusal.value) == (
        "stacks/org/Pulumi.yaml does not give the project's name: restore it, for example with git"
    )
