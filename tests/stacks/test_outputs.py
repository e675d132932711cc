"""Outputs: what one stack exports another one reads, or it says in one sentence why not."""

from typing import Any

import pulumi
import pytest

from stacks.outputs import DnsOutputs, OrgOutputs
from tests.cloud import COMMIT, Cloud

ORG: dict[str, Any] = {
    "release_ref": "main",
    "release_commit": COMMIT,
    "organization_id": "o-1",
    "management_account_id": "111122223333",
    "accounts": {"dns": "222233334444", "dev": "333344445555"},
}
STACK = "organization/org/main"


def read(exported: dict[str, Any] | None, **keys: str) -> Cloud:
    cloud = Cloud(stacks={} if exported is None else {STACK: exported})

    def program() -> None:
        org = OrgOutputs.read(**keys)
        pulumi.export("dns", org.accounts["dns"])
        pulumi.export("id", org.organization_id)

    return cloud.run(program)


def refusal(exported: dict[str, Any] | None, **keys: str) -> str:
    cloud = Cloud(stacks={} if exported is None else {STACK: exported})
    with pytest.raises(SystemExit) as end:
        cloud.run(lambda: OrgOutputs.read(**keys))
    assert end.value.code == 32
    assert cloud.resources == []
    (message,) = cloud.errors
    return message


def test_a_reader_gets_what_the_producer_exported() -> None:
    assert read(ORG).outputs == {"dns": "222233334444", "id": "o-1"}


def test_an_output_that_the_reader_does_not_know_is_no_mistake() -> None:
    assert read(ORG | {"later": 1}).outputs["id"] == "o-1"


def test_a_producer_exports_every_field_by_its_name() -> None:
    def program() -> None:
        OrgOutputs(
            **{name: pulumi.Output.from_input(value) for name, value in ORG.items()}
        ).export()

    assert Cloud().run(program).outputs == ORG


@pytest.mark.parametrize("exported", [None, {}])
def test_a_stack_that_is_not_deployed_is_named_with_the_command(
    exported: dict[str, Any] | None,
) -> None:
    assert refusal(exported) == (
        "Stack organization/org/main is not deployed, and this stack reads its outputs: first run: "
        "pulumi -C stacks/org up -s main"
    )


def test_a_missing_output_is_named_with_the_command() -> None:
    older = {name: value for name, value in ORG.items() if name != "accounts"}

    assert refusal(older) == (
        "Stack organization/org/main has no output accounts: its last update failed or is older than "
        "this program; run: pulumi -C stacks/org up -s main"
    )


@pytest.mark.parametrize(
    ("output", "value", "why"),
    [
        ("accounts", ["dns"], "Input should be a valid dictionary"),
        ("accounts", {"dns": "1234"}, r"String should match pattern '^\d{12}$'"),
        ("management_account_id", 111122223333, "Input should be a valid string"),
        ("release_commit", "main", "String should match pattern '^[0-9a-f]{40}$'"),
    ],
)
def test_an_output_of_another_shape_is_named_with_the_command(
    output: str, value: object, why: str
) -> None:
    assert refusal(ORG | {output: value}) == (
        f"Stack organization/org/main has an output {output} of another shape than this program reads "
        f"({why}): bring it to the same release; run: pulumi -C stacks/org up -s main"
    )


def test_a_missing_account_is_named_with_the_place_to_add_it() -> None:
    assert refusal(ORG, accounts="qa") == (
        "Stack organization/org/main has no qa in its output accounts (there are: dev, dns): add qa to "
        "stacks/org/Pulumi.main.yaml, then run: pulumi -C stacks/org up -s main"
    )


def test_a_stack_that_cannot_be_read_is_named_with_the_reason() -> None:
    cloud = Cloud(broken="incorrect passphrase")

    with pytest.raises(SystemExit):
        cloud.run(OrgOutputs.read)

    assert cloud.errors == [
        "Stack organization/org/main cannot be read (invoke of pulumi:pulumi:readStackOutputs failed: "
        "incorrect passphrase): check the backend (pulumi whoami -v) and how it decrypts"
    ]


def test_the_full_name_of_a_stack_has_the_organization_of_the_backend() -> None:
    names: list[str] = []

    Cloud().run(lambda: names.append(DnsOutputs.reference("main")))

    assert names == ["organization/dns/main"]
