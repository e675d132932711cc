"""The engine's part of the protocol: what it asks a plugin, and how it remembers the answers."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugin.errors import OneSentence
from sandbox.plugin.provider import AwsProvider
from sandbox.plugin.values import Values, decode, encode

URN = "urn:pulumi:main::trial::{type}::{name}"
DIFF = provider_pb2.DiffResponse


@dataclass
class Held:
    """A resource as the engine holds it in its state."""

    type: str
    id: str
    inputs: Values
    state: Values


@dataclass
class Difference:
    changes: bool
    replaces: list[str]
    detailed: dict[str, str]
    delete_before_replace: bool


@dataclass
class Refused(Exception):  # noqa: N818  what the plugin did
    """What the plugin answered instead of a result."""

    message: str
    id: str = ""
    state: Values = field(default_factory=dict)


class Engine:
    def __init__(self, channel: grpc.Channel) -> None:
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)

    def ask(self, method: str, request: object) -> Any:
        try:
            return getattr(self.stub, method)(request)
        except grpc.RpcError as error:
            raise _refusal(error) from None

    def check_config(self, settings: Mapping[str, object]) -> tuple[Values, dict[str, str]]:
        answer = self.ask("CheckConfig", provider_pb2.CheckRequest(news=encode(settings)))
        return decode(answer.inputs), {item.property: item.reason for item in answer.failures}

    def configure(self, settings: Mapping[str, object]) -> None:
        self.ask("Configure", provider_pb2.ConfigureRequest(args=encode(settings)))

    def invoke(self, function: str) -> Values:
        answer = self.ask("Invoke", provider_pb2.InvokeRequest(tok=function))
        return decode(getattr(answer, "return"))

    def check(
        self,
        type_: str,
        news: Mapping[str, object],
        olds: Mapping[str, object] | None = None,
        *,
        name: str = "thing",
        seed: bytes = b"",
    ) -> tuple[Values, dict[str, str]]:
        request = provider_pb2.CheckRequest(
            urn=URN.format(type=type_, name=name),
            type=type_,
            name=name,
            olds=encode(olds or {}),
            news=encode(news),
            randomSeed=seed,
        )
        answer = self.ask("Check", request)
        return decode(answer.inputs), {item.property: item.reason for item in answer.failures}

    def inputs(
        self, type_: str, news: Mapping[str, object], olds: Mapping[str, object] | None = None
    ) -> Values:
        """The checked arguments; there is nothing wrong with them."""
        inputs, failures = self.check(type_, news, olds)
        assert failures == {}
        return inputs

    def preview_create(self, type_: str, news: Mapping[str, object]) -> Values:
        inputs = self.inputs(type_, news)
        request = provider_pb2.CreateRequest(type=type_, properties=encode(inputs), preview=True)
        return decode(self.ask("Create", request).properties)

    def create(self, type_: str, news: Mapping[str, object], timeout: float = 0) -> Held:
        inputs = self.inputs(type_, news)
        request = provider_pb2.CreateRequest(type=type_, properties=encode(inputs), timeout=timeout)
        answer = self.ask("Create", request)
        return Held(type_, answer.id, inputs, decode(answer.properties))

    def diff(
        self, held: Held, news: Mapping[str, object], ignored: tuple[str, ...] = ()
    ) -> Difference:
        inputs = self.inputs(held.type, news, held.inputs)
        request = provider_pb2.DiffRequest(
            id=held.id,
            type=held.type,
            olds=encode(held.state),
            old_inputs=encode(held.inputs),
            news=encode(inputs),
            ignoreChanges=ignored,
        )
        answer = self.ask("Diff", request)
        kinds = provider_pb2.PropertyDiff.Kind
        return Difference(
            changes=answer.changes == DIFF.DIFF_SOME,
            replaces=list(answer.replaces),
            detailed={path: kinds.Name(item.kind) for path, item in answer.detailedDiff.items()},
            delete_before_replace=answer.deleteBeforeReplace,
        )

    def preview_update(self, held: Held, news: Mapping[str, object]) -> Values:
        return decode(self.ask("Update", self._update(held, news, preview=True)).properties)

    def update(self, held: Held, news: Mapping[str, object]) -> Held:
        request = self._update(held, news, preview=False)
        answer = self.ask("Update", request)
        return Held(held.type, held.id, decode(request.news), decode(answer.properties))

    def refresh(self, held: Held) -> Held | None:
        request = provider_pb2.ReadRequest(
            id=held.id,
            type=held.type,
            properties=encode(held.state),
            inputs=encode(held.inputs),
        )
        return self._held(held.type, self.ask("Read", request))

    def adopt(self, type_: str, id_: str) -> Held | None:
        return self._held(type_, self.ask("Read", provider_pb2.ReadRequest(id=id_, type=type_)))

    def delete(self, held: Held) -> None:
        request = provider_pb2.DeleteRequest(
            id=held.id,
            type=held.type,
            properties=encode(held.state),
            old_inputs=encode(held.inputs),
        )
        self.ask("Delete", request)

    def _update(self, held: Held, news: Mapping[str, object], *, preview: bool) -> Any:
        inputs = self.inputs(held.type, news, held.inputs)
        return provider_pb2.UpdateRequest(
            id=held.id,
            type=held.type,
            olds=encode(held.state),
            old_inputs=encode(held.inputs),
            news=encode(inputs),
            preview=preview,
        )

    @staticmethod
    def _held(type_: str, answer: Any) -> Held | None:
        if not answer.id:
            return None
        return Held(type_, answer.id, decode(answer.inputs), decode(answer.properties))


@contextmanager
def plugin() -> Iterator[Engine]:
    """A plugin of its own, as the engine starts one for every provider."""
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[OneSentence()])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Engine(channel)
    finally:
        server.stop(None).wait()


def raw(struct: Struct) -> Values:
    """A struct with its signatures, as the engine sees it."""
    return MessageToDict(struct)


def _refusal(error: grpc.RpcError) -> Refused:
    call: Any = error
    refused = Refused(call.details())
    for key, value in call.trailing_metadata():
        if key == "grpc-status-details-bin":
            detail = provider_pb2.ErrorResourceInitFailed()
            status_pb2.Status.FromString(value).details[0].Unpack(detail)
            refused.id, refused.state = detail.id, decode(detail.properties)
            assert list(detail.reasons) == [refused.message]
    return refused
