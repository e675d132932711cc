"""The patterns of CodePipeline's triggers, as its user guide describes them."""

import pytest

from sandbox.globs import admits, matches


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("main", "main"),
        ("v*", "v1.0.0"),
        ("stacks/org/**", "stacks/org/Pulumi.yaml"),
        ("stacks/org/**", "stacks/org/more/README.md"),
        ("**", "stacks/org/Pulumi.yaml"),
        ("*.{java,class}", "Main.class"),
        ("*.*", "a.b"),
        ("foo.?", "foo.c"),
        ("release-[0-9]", "release-4"),
        ("release-[!0-9]", "release-a"),
        ("a,b", "a,b"),
        (r"\*.py", "*.py"),
        ("[*]", "*"),
        ("components/*.py", "components/dns.py"),
    ],
)
def test_a_pattern_means_a_text(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("main", "maintenance"),
        ("v*", "v1/0"),
        ("stacks/org/**", "stacks/dns/Pulumi.yaml"),
        ("stacks/*", "stacks/org/Pulumi.yaml"),
        ("*.{java,class}", "Main.py"),
        ("foo.?", "foo./"),
        ("release-[!0-9]", "release-4"),
        ("release-[!0-9]", "release-/"),
        (r"\*.py", "a.py"),
        ("a.b", "axb"),
    ],
)
def test_a_pattern_means_no_other_text(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_an_exclusion_wins_and_none_included_means_all() -> None:
    assert admits(["stacks/**"], ["**/README.md"], "stacks/org/__main__.py")
    assert not admits(["stacks/**"], ["**/README.md"], "stacks/org/README.md")
    assert not admits(["stacks/**"], [], "ops/up.py")
    assert admits([], ["**/README.md"], "ops/up.py")
