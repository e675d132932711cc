"""What is changed behind Pulumi's back is told, and neither the cloud nor the state is touched."""

import subprocess
from typing import Any

import pytest

from sandbox.access import client
from sandbox.sandbox import Sandbox
from tests.engine.conftest import stack

DRIFTED = 10


def drift(sandbox: Sandbox, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["python", "-m", "ops", "drift", "app/dev"],
        cwd=sandbox.checkout.directory,
        env=sandbox.environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def state(sandbox: Sandbox) -> list[str]:
    """Return what the backend keeps of the stack, and of the updates there were."""
    return [
        sandbox.pulumi("stack", *question, "--stack", "dev").stdout
        for question in (("export",), ("history", "--json"))
    ]


def test_what_is_changed_behind_pulumis_back_is_told_and_nothing_is_written(
    sandbox: Sandbox,
) -> None:
    before = state(sandbox)
    found = drift(sandbox)
    assert (found.stdout, found.returncode) == ("app/dev: no drift\n", 0), found.stderr
    outputs = sandbox.outputs(stack("app/dev"))
    functions: Any = client("lambda", sandbox.access("dev"))
    dns: Any = client("route53", sandbox.access("dev"))
    (zone,) = dns.list_hosted_zones()["HostedZones"]
    (record,) = [
        it
        for it in dns.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        if it["Type"] == "AAAA"
    ]

    def set_memory(size: int) -> None:
        functions.update_function_configuration(
            FunctionName=outputs["function_name"], MemorySize=size
        )

    def change(action: str) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        dns.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch=batch)

    set_memory(512)
    change("DELETE")
    try:
        found = drift(sandbox)
    finally:
        set_memory(256)
        change("CREATE")

    assert (found.stdout, found.returncode) == (
        "app/dev:\n"
        "  deleted outside Pulumi: route53 record api-domain-alias-ipv6\n"
        "  changed outside Pulumi: lambda function service-function: memorySize 256 -> 512\n",
        DRIFTED,
    ), found.stderr
    assert state(sandbox) == before
    assert drift(sandbox).stdout == "app/dev: no drift\n"


@pytest.mark.usefixtures("deployed")
def test_the_role_is_the_one_of_this_run_and_not_that_of_the_last_update(sandbox: Sandbox) -> None:
    found = drift(sandbox, DEPLOY_ROLE="nobody")

    assert found.returncode == 1
    assert found.stdout.startswith("app/dev: not compared. The preview failed (")
    # Of the two roles of such a run, either may be asked for first.
    assert ":role/nobody" in found.stdout or ":role/delegate-dev" in found.stdout
