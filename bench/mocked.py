"""Runs one program under Pulumi's mocks: the order comes as JSON, the report goes out as JSON.

The mocks answer at once, with just enough for the programs of this repository to feed each other,
so what remains is the time of the program itself. The tests' mock cloud records far more, and that
would take longer than what is measured here.
"""

import json
import os
import runpy
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs

ORGANIZATION = "organization"
"""How a self-managed backend names the owner of every stack."""
STACK_REFERENCE = "pulumi:pulumi:StackReference"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run: a program of a stack, with its configuration and the outputs it can read.

    `preloaded` are modules to import before the clock starts. `bare_program` is where to write a
    program that registers the same without anything of this repository.
    """

    project: str
    stack: str
    program: str
    config: dict[str, str]
    upstream: dict[str, dict[str, Any]]
    preloaded: list[str] = field(default_factory=list[str])
    bare_program: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """How long a program took, how many resources it registered, and its outputs."""

    seconds: float
    resources: int
    outputs: dict[str, Any]


class Cloud(pulumi.runtime.Mocks):
    """Answers every registration with its inputs and what the programs here read of the rest."""

    def __init__(self, upstream: dict[str, dict[str, Any]]) -> None:
        self.upstream = upstream
        self.registered: list[MockResourceArgs] = []

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Answer the only function in use: what a stack has exported."""
        wanted = cast("dict[str, Any]", args.args)  # pyright: ignore[reportUnknownMemberType]
        return {"outputs": self.upstream[wanted["name"]]}, []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer the registration or the read of a resource."""
        if args.typ == STACK_REFERENCE:
            self.registered.append(args)
            return args.name, {
                "name": args.name,
                "outputs": self.upstream[args.name],
                "secretOutputNames": [],
            }
        if not args.custom:
            return None, {}
        self.registered.append(args)
        number = f"{len(self.registered):012}"
        computed = {
            "name": args.name,
            "zoneId": number,
            "allocationId": number,
            "publicIp": "203.0.113.7",
            "ipv6CidrBlock": "2001:db8:1:2300::/56",
            "latestVersion": 1,
            "arn": f"arn:aws:iam::{number}:role/{args.name}",
            "roots": [{"id": "r-root"}],
            "nameServers": [f"ns-{position}.example.net" for position in range(4)],
            "domainValidationOptions": [
                {
                    "domainName": "name",
                    "resourceRecordName": "name",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "value",
                }
            ],
        }
        return number, computed | inputs_of(args)


def inputs_of(resource: MockResourceArgs) -> dict[str, Any]:
    """Return a resource's inputs, which the SDK leaves without a type."""
    return cast("dict[str, Any]", resource.inputs)  # pyright: ignore[reportUnknownMemberType]


def run(order_text: str, started: float) -> None:
    """Run the program that the order asks for and print the report."""
    order = Order(**json.loads(order_text))
    cloud = Cloud(order.upstream)
    pulumi.runtime.set_all_config(order.config, [])
    pulumi.runtime.set_mocks(
        cloud, order.project, order.stack, preview=False, organization=ORGANIZATION
    )
    os.chdir(Path(order.program).parent)
    if order.preloaded:
        for module in order.preloaded:
            import_module(module)
        started = perf_counter()

    outputs: dict[str, Any] = {}

    @pulumi.runtime.test  # pyright: ignore[reportUnknownMemberType]
    def measured() -> pulumi.Output[None]:
        runpy.run_path(order.program, run_name="__main__")
        stack = pulumi.runtime.get_root_resource()
        exported = stack.outputs if isinstance(stack, pulumi.runtime.stack.Stack) else {}
        return pulumi.Output.all(**exported).apply(outputs.update)

    measured()
    seconds = perf_counter() - started
    if order.bare_program:
        source = import_module("bench.bare").program(cloud.registered)
        Path(order.bare_program).write_text(source, encoding="utf-8")
    report = Report(seconds=seconds, resources=len(cloud.registered), outputs=outputs)
    print(json.dumps(asdict(report)))  # noqa: T201 - the parent reads it
