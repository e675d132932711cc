"""The one mock cloud: records what a program asks of the engine, and answers from a table by type.

A record holds what a person reviewing a plan would look at: inputs, parent, provider, protection and
order. It is complete once `run` or `run_project` has returned: both drain the program first.
"""

import asyncio
import json
import os
import runpy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import pulumi
import yaml
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import engine_pb2, resource_pb2

ROOT = Path(__file__).resolve().parent.parent
MANAGEMENT_ACCOUNT = "111122223333"
COMMIT = "c0ffee" * 6 + "c0ff"

SUCCEEDED = {"kind": "update", "result": "succeeded", "environment": {}}
"""What the backend records of an update that went well."""

Inputs = dict[str, Any]


def _digits(name: str) -> str:
    """Return a made-up account id, the same for the same name."""
    return str(sum(ord(letter) * 31**place for place, letter in enumerate(name)))[:12].zfill(12)


ANSWERS: dict[str, Callable[[str, Inputs], Inputs]] = {
    "aws:organizations/organization:Organization": lambda name, _: {
        "arn": f"arn:aws:organizations::{MANAGEMENT_ACCOUNT}:organization/o-{name}",
        "roots": [{"id": "r-root"}],
    },
    "aws:organizations/account:Account": lambda _, inputs: {"id": _digits(inputs["name"])},
    "aws:route53/zone:Zone": lambda name, _: {
        "zoneId": f"Z{name}",
        "arn": f"arn:aws:route53:::hostedzone/Z{name}",
        "nameServers": [f"ns-{n}.{name}.test" for n in range(1, 5)],
    },
    "aws:route53/record:Record": lambda _, inputs: {"fqdn": inputs["name"]},
    "aws:iam/role:Role": lambda name, inputs: {
        "name": inputs.get("name", name),
        "arn": f"arn:aws:iam::444455556666:role/{inputs.get('name', name)}",
    },
    "aws:acm/certificate:Certificate": lambda name, inputs: {
        "arn": f"arn:aws:acm:eu-central-1:444455556666:certificate/{name}",
        "domainValidationOptions": [
            {
                "domainName": inputs["domainName"],
                "resourceRecordName": f"_proof.{inputs['domainName']}",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": "_proof.acm.test",
            }
        ],
    },
    "aws:dynamodb/table:Table": lambda name, _: {
        "name": name,
        "arn": f"arn:aws:dynamodb:eu-central-1:444455556666:table/{name}",
    },
    "aws:cloudwatch/logGroup:LogGroup": lambda name, _: {
        "name": name,
        "arn": f"arn:aws:logs:eu-central-1:444455556666:log-group:{name}",
    },
    "aws:lambda/function:Function": lambda name, _: {
        "name": name,
        "invokeArn": f"arn:aws:apigateway:eu-central-1:lambda:path/functions/{name}/invocations",
    },
    "aws:apigateway/restApi:RestApi": lambda name, _: {
        "executionArn": f"arn:aws:execute-api:eu-central-1:444455556666:{name}",
    },
    "aws:ec2/vpc:Vpc": lambda *_: {"ipv6CidrBlock": "2a05:d014:1:2300::/56"},
    "aws:ec2/eip:Eip": lambda *_: {"publicIp": "203.0.113.7", "allocationId": "eipalloc-1"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda *_: {"latestVersion": 3},
    "aws:iam/instanceProfile:InstanceProfile": lambda name, _: {
        "arn": f"arn:aws:iam::444455556666:instance-profile/{name}"
    },
    "aws:kms/key:Key": lambda name, _: {"arn": f"arn:aws:kms:eu-central-1:444455556666:key/{name}"},
    "aws:sns/topic:Topic": lambda name, _: {"arn": f"arn:aws:sns:eu-central-1:444455556666:{name}"},
    "aws:iam/policy:Policy": lambda name, inputs: {
        "arn": f"arn:aws:iam::444455556666:policy/{inputs.get('name', name)}"
    },
    "aws:s3/bucket:Bucket": lambda name, inputs: {
        "bucket": inputs.get("bucket", name),
        "arn": f"arn:aws:s3:::{inputs.get('bucket', name)}",
    },
    "aws:cloudwatch/eventRule:EventRule": lambda name, _: {
        "arn": f"arn:aws:events:eu-central-1:444455556666:rule/{name}"
    },
    "aws:codeconnections/connection:Connection": lambda name, _: {
        "arn": f"arn:aws:codeconnections:eu-central-1:444455556666:connection/{name}",
        "connectionStatus": "PENDING",
    },
    "aws:codepipeline/pipeline:Pipeline": lambda _, inputs: {
        "arn": f"arn:aws:codepipeline:eu-central-1:444455556666:{inputs['name']}"
    },
    "aws:apigateway/domainName:DomainName": lambda _, inputs: {
        "regionalDomainName": f"d-{inputs['domainName']}.test",
        "regionalZoneId": "ZREGIONAL",
    },
}
"""What AWS computes, by type token, from the resource's name and inputs."""


@dataclass(frozen=True)
class Resource:
    """A resource as the program registered it."""

    type: str
    name: str
    urn: str
    id: str
    inputs: Inputs
    parent: str
    provider: str
    depends_on: tuple[str, ...]
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]


@dataclass
class FakeCheckout:
    """A checkout that every stack takes; a test changes what it is about."""

    commit: str = COMMIT
    branch: str | None = "main"

    def changes(self) -> list[str]:
        return []

    def tags(self) -> list[str]:
        return ["v1.0.0"]

    def is_in(self, branch: str) -> bool:
        return branch in {"develop", "main"}


@dataclass
class Cloud:
    """The record of one run, and the answers it gives.

    `stacks` maps the full names of deployed stacks to their outputs; the others are unknown, or
    cannot be read for the reason that `broken` gives. `fail` is a set of resource names
    whose creation fails, `slow` a set of types that take a moment; `overlapping` then has those of
    them of which two were created at the same time.
    """

    stacks: dict[str, Inputs] = field(default_factory=dict)
    broken: str = ""
    fail: frozenset[str] = frozenset()
    slow: frozenset[str] = frozenset()
    overlapping: set[str] = field(default_factory=set)
    resources: list[Resource] = field(default_factory=list)
    outputs: Inputs = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of_type(self, type_: str) -> dict[str, Resource]:
        """Return the resources of a type (`aws:iam/role:Role`, or its last word) by name."""
        return {
            resource.name: resource
            for resource in self.resources
            if resource.type == type_ or resource.type.endswith(f":{type_}")
        }

    def only(self, type_: str) -> Resource:
        """Return the one resource of a type."""
        (resource,) = self.of_type(type_).values()
        return resource

    def run(
        self,
        program: Callable[[], object],
        *,
        project: str = "test",
        stack: str = "main",
        config: dict[str, str] | None = None,
        preview: bool = False,
    ) -> "Cloud":
        """Run a program to its end, with the configuration as the engine hands it over."""
        monitor = _Monitor(self)

        async def drained() -> None:
            settings.configure(
                mocks.MockSettings(
                    monitor=monitor,
                    monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
                    engine=_Engine(self),
                    project=project,
                    stack=stack,
                    dry_run=preview,
                    organization="organization",
                    callbacks=None,
                )
            )
            # What a failed run before this one left.
            settings.SETTINGS.outputs.clear()  # pyright: ignore[reportAttributeAccessIssue]
            pulumi.runtime.set_all_config(config or {}, [])
            await pulumi.runtime.run_in_stack(lambda: (program(), None)[1])

        asyncio.run(drained())
        return self

    def run_project(
        self,
        folder: Path,
        stack: str,
        *,
        preview: bool = False,
        overrides: dict[str, Any] | None = None,
        checkout: "FakeCheckout | None" = None,
    ) -> "Cloud":
        """Run a project's `__main__.py` whole, with its real settings file, from a given checkout."""
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
        file = folder / f"Pulumi.{stack}.yaml"
        config = yaml.safe_load(file.read_text())["config"] | (overrides or {})
        with (
            working_directory(folder),
            mock.patch("stacks.release.ROOT", folder.resolve()),
            mock.patch("stacks.catalogue.ROOT", top_of(folder.resolve())),
            mock.patch("stacks.release.Checkout", return_value=checkout or FakeCheckout()),
            mock.patch("stacks.release.history", return_value=[SUCCEEDED]),
        ):
            return self.run(
                lambda: runpy.run_path(str(folder / "__main__.py"), run_name="__main__"),
                project=project,
                stack=stack,
                config={key: as_engine_hands_over(value) for key, value in config.items()},
                preview=preview,
            )


def top_of(folder: Path) -> Path:
    """Return the repository that a project's folder is in."""
    return folder.parent.parent if folder.parent.name == "stacks" else folder


def as_engine_hands_over(value: object) -> str:
    """Return a setting as a program gets it: a string, or JSON."""
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def working_directory(folder: Path) -> Iterator[None]:
    """Work in a folder, as the engine does for a project."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class _Answers(mocks.Mocks):
    """Unused: the monitor below answers, since a mock sees neither protection nor order."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)


class _EngineError(grpc.RpcError):
    """What the engine answers instead of a stack's outputs."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self._words = words

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return self._words


class _Engine(mocks.MockEngine):
    def __init__(self, cloud: Cloud) -> None:
        super().__init__(None)
        self._cloud = cloud

    def Log(self, request: engine_pb2.LogRequest) -> Any:  # noqa: N802 - the protocol's name
        if request.severity == engine_pb2.ERROR:
            self._cloud.errors.append(request.message)
        elif request.severity == engine_pb2.WARNING:
            self._cloud.warnings.append(request.message)
        return super().Log(request)


class _Monitor(mocks.MockMonitor):
    def __init__(self, cloud: Cloud) -> None:
        super().__init__(_Answers())
        self._cloud = cloud
        self._at_work: set[str] = set()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - the protocol's name
        assert request.tok == "pulumi:pulumi:readStackOutputs", request.tok
        name = rpc.deserialize_properties(request.args)["name"]
        if name not in self._cloud.stacks:
            raise _EngineError(self._cloud.broken or f'unknown stack "{name}"')
        result = {"outputs": self._cloud.stacks[name], "secretOutputNames": []}
        return resource_pb2.ResourceInvokeResponse(**{"return": _struct(result)})

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802 - the protocol's name
        assert request.type == "pulumi:pulumi:StackReference", request.type
        name = rpc.deserialize_properties(request.properties)["name"]
        outputs = self._cloud.stacks[name]
        return resource_pb2.ReadResourceResponse(
            urn=self.make_urn(request.parent, request.type, request.name),
            properties=_struct({"name": name, "outputs": outputs, "secretOutputNames": []}),
        )

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802 - the protocol's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if request.name in self._cloud.fail:
            raise RuntimeError(f"creating {request.name} failed")
        if request.type in self._cloud.slow:
            self._take_a_moment(request.type)
        inputs = rpc.deserialize_properties(request.object)
        answer = ANSWERS.get(request.type, lambda _name, _inputs: {})
        state = {"name": request.name} | inputs | answer(request.name, inputs)
        resource_id = str(state.pop("id", f"{request.name}-id")) if request.custom else ""
        self._cloud.resources.append(
            Resource(
                type=request.type,
                name=request.name,
                urn=urn,
                id=resource_id,
                inputs=inputs,
                parent=request.parent,
                provider=request.provider or request.providers.get("aws", ""),
                depends_on=tuple(request.dependencies),
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                ignore_changes=tuple(request.ignoreChanges),
                replace_on_changes=tuple(request.replaceOnChanges),
            )
        )
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=resource_id, object=_struct(state if request.custom else {})
        )

    def _take_a_moment(self, type_: str) -> None:
        if type_ in self._at_work:
            self._cloud.overlapping.add(type_)
        self._at_work.add(type_)
        time.sleep(0.02)
        self._at_work.discard(type_)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self._cloud.outputs.update(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def _struct(value: Inputs) -> Any:
    return asyncio.run(rpc.serialize_properties(value, {}))
