"""The resource provider that the engine talks to.

Owns the protocol only: each request is decoded, answered by `checking`, `planning` or the resource's
own calls, and encoded. An error becomes one sentence; a failure after a creation keeps the id.
"""

import contextlib
import functools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import NoReturn, Protocol, TypeVar, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugin import planning
from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.checking import Failure, check
from sandbox.plugin.configuration import Provider, check_settings, configure, decoded
from sandbox.plugin.schema import Resource
from sandbox.plugin.values import Values, as_secret, decode, encode, secret_keys

PACKAGE = "aws"
CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class ProviderError(Exception):
    """Why a request cannot be answered, as one sentence."""


class InitFailedError(Exception):
    """A resource exists, but not all of it could be made: the engine has to keep its id."""

    def __init__(self, resource_id: str, properties: Struct, reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.properties = properties


class _TypedRequest(Protocol):
    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...


class _Status:
    """What gRPC calls a status: the error, with what the engine needs to know in its trailer."""

    def __init__(self, error: Exception) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = str(error)
        self.trailing_metadata: tuple[tuple[str, bytes], ...] = ()
        if isinstance(error, InitFailedError):
            detail = AnyMessage()
            detail.Pack(
                provider_pb2.ErrorResourceInitFailed(
                    id=error.resource_id, properties=error.properties, reasons=[str(error)]
                )
            )
            status = status_pb2.Status(
                code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
            )
            self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def _answers(
    method: Callable[["AwsProvider", RequestT], ResponseT],
) -> Callable[["AwsProvider", RequestT, grpc.ServicerContext], ResponseT]:
    """Makes a method of the protocol from one that knows no gRPC."""

    @functools.wraps(method)
    def answer(self: "AwsProvider", request: RequestT, context: grpc.ServicerContext) -> ResponseT:
        try:
            return method(self, request)
        except (AwsError, InitFailedError, ProviderError) as error:
            abort = cast("Callable[[_Status], NoReturn]", context.abort_with_status)
            abort(_Status(error))
        except Exception as error:  # noqa: BLE001  the engine must get an answer, and one line
            place = traceback.extract_tb(error.__traceback__)[-1]
            context.abort(
                grpc.StatusCode.INTERNAL,
                f"the sandbox's AWS plugin has a mistake at {place.filename}:{place.lineno}: "
                f"{type(error).__name__}: {error}",
            )

    return answer


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. One process is one configured provider."""

    def __init__(self) -> None:
        self._provider: Provider | None = None
        self._secret_tags = False

    @_answers
    def GetPluginInfo(self, _request: Empty) -> plugin_pb2.PluginInfo:  # noqa: N802  the protocol's
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    @_answers
    def GetSchema(  # noqa: N802
        self, _request: provider_pb2.GetSchemaRequest
    ) -> provider_pb2.GetSchemaResponse:
        schema = {"name": PACKAGE, "version": version("pulumi-aws")}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    @_answers
    def Cancel(self, _request: Empty) -> Empty:  # noqa: N802
        return Empty()  # a running step is finished; the engine asks for no further one

    @_answers
    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest
    ) -> provider_pb2.CheckResponse:
        settings, failures = check_settings(decode(request.news))
        return _checked(settings, failures, request.news)

    @_answers
    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest
    ) -> provider_pb2.DiffResponse:
        olds, news = decoded(decode(request.old_inputs or request.olds)), decode(request.news)
        news = decoded(news)
        differing = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name))
        return provider_pb2.DiffResponse(
            changes=_some(differing),
            diffs=differing,
        )

    @_answers
    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest
    ) -> provider_pb2.ConfigureResponse:
        self._secret_tags = "defaultTags" in secret_keys(request.args)
        self._provider = configure(decode(request.args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    @_answers
    def Invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:  # noqa: N802
        if request.tok != CALLER_IDENTITY:
            raise ProviderError(
                f"the sandbox's AWS plugin does not carry the function {request.tok}"
            )
        account = self._configured().account
        answer = account.call("sts", "GetCallerIdentity")
        values = {
            "id": answer["Account"],
            "accountId": answer["Account"],
            "arn": answer["Arn"],
            "userId": answer["UserId"],
        }
        return provider_pb2.InvokeResponse(**{"return": encode(values)})

    @_answers
    def Check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:  # noqa: N802
        resource = _resource(request)
        name = request.name or request.urn.rpartition("::")[2]
        inputs, failures = check(
            resource, name, decode(request.olds), decode(request.news), request.randomSeed
        )
        return _checked(inputs, failures, request.news)

    @_answers
    def Diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:  # noqa: N802
        resource = _resource(request)
        state, wanted = decode(request.olds), self._wanted(resource, decode(request.news))
        changes = planning.changes(resource, state, wanted, _top_level(request.ignoreChanges))
        replaces = sorted({change.argument for change in changes if change.replaces})
        kinds = provider_pb2.PropertyDiff.Kind
        detailed = {
            change.path: provider_pb2.PropertyDiff(
                kind=kinds.Value(change.kind.upper() + "_REPLACE" * change.replaces)
            )
            for change in changes
        }
        return provider_pb2.DiffResponse(
            changes=_some(changes),
            diffs=sorted({change.argument for change in changes}),
            replaces=replaces,
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces)
            and planning.deletes_before_replacing(resource, state, wanted),
        )

    @_answers
    def Create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:  # noqa: N802
        resource = _resource(request)
        wanted = self._wanted(resource, decode(request.properties))
        pattern = self._secrets(request.properties)
        if request.preview:
            outcome = planning.preview_of_creation(resource, wanted)
            return provider_pb2.CreateResponse(properties=encode(outcome, *pattern))
        account = self._account(wanted, request.timeout or resource.create_timeout)
        with _context("creating", resource, _label(wanted)):
            resource_id = resource.create(account, wanted)
        try:
            resource.complete(account, resource_id, wanted)
            state = self._state(resource, account, resource_id, wanted)
        except AwsError as error:
            state = self._state_after_failure(resource, account, resource_id, wanted)
            raise InitFailedError(
                resource_id,
                encode(state, *pattern),
                f"creating {resource.title} ({_label(wanted)}): {error}",
            ) from error
        return provider_pb2.CreateResponse(id=resource_id, properties=encode(state, *pattern))

    @_answers
    def Read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:  # noqa: N802
        resource = _resource(request)
        known, old_inputs = decode(request.properties), decode(request.inputs)
        known = {**old_inputs, **known}
        account = self._account(known, request.timeout or resource.create_timeout)
        with _context("reading", resource, request.id):
            live = _read(resource, account, request.id, known)
        if live is None:
            return provider_pb2.ReadResponse()
        tags = self._configured().default_tags
        if not old_inputs:
            defaults = {k: v.default for k, v in resource.arguments.items()}
            known = {**defaults, **known}
        state = planning.settled(resource, known, live, tags)
        inputs = planning.inputs_of(resource, state, old_inputs)
        return provider_pb2.ReadResponse(
            id=live.get("id", request.id),
            properties=encode(state, request.properties, *self._secrets(request.inputs)),
            inputs=encode(inputs, request.inputs),
        )

    @_answers
    def Update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:  # noqa: N802
        resource = _resource(request)
        old, wanted = decode(request.olds), self._wanted(resource, decode(request.news))
        for name in _top_level(request.ignoreChanges):
            wanted[name] = old.get(name)
        pattern = self._secrets(request.news)
        outcome = planning.preview_of_update(resource, old, wanted)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=encode(outcome, *pattern))
        account = self._account(old, request.timeout or resource.create_timeout)
        try:
            resource.update(account, request.id, old, wanted)
            state = self._state(resource, account, request.id, outcome)
        except AwsError as error:
            reason = f"updating {resource.title} ({request.id}): {error}"
            state = self._state_after_failure(resource, account, request.id, old)
            raise InitFailedError(request.id, encode(state, *pattern), reason) from error
        return provider_pb2.UpdateResponse(properties=encode(state, *pattern))

    @_answers
    def Delete(self, request: provider_pb2.DeleteRequest) -> Empty:  # noqa: N802
        resource = _resource(request)
        state = decode(request.properties)
        account = self._account(state, request.timeout or resource.create_timeout)
        with _context("deleting", resource, request.id):
            try:
                resource.delete(account, request.id, state)
            except AwsError as error:
                if not error.is_missing:
                    raise
        return Empty()

    def _configured(self) -> Provider:
        if self._provider is None:
            raise ProviderError("the AWS provider is not configured yet")
        return self._provider

    def _account(self, properties: Values, timeout: float) -> Account:
        region = properties.get("region")
        return self._configured().for_request(region, timeout)

    def _wanted(self, resource: Resource, inputs: Values) -> Values:
        """The inputs with what the provider adds to them."""
        wanted = dict(inputs)
        provider = self._provider
        if resource.is_taggable:
            wanted["tagsAll"] = planning.all_tags(inputs, provider.default_tags if provider else {})
        if resource.is_regional and provider:
            wanted.setdefault("region", provider.account.region)
        return wanted

    def _secrets(self, inputs: Struct) -> list[Struct]:
        """Which properties are secret: those that are in the inputs, and tags with their like."""
        if not (self._secret_tags or "tags" in secret_keys(inputs)):
            return [inputs]
        return [inputs, encode({"tagsAll": as_secret("")})]

    def _state(
        self, resource: Resource, account: Account, resource_id: str, known: Values
    ) -> Values:
        live = _read(resource, account, resource_id, known)
        if live is None:
            raise AwsError("it was made, but AWS does not find it")
        return planning.settled(resource, known, live, self._configured().default_tags)

    def _state_after_failure(
        self, resource: Resource, account: Account, resource_id: str, known: Values
    ) -> Values:
        """What there is, as far as it can be read."""
        try:
            return self._state(resource, account, resource_id, known)
        except AwsError:
            return known


def _read(resource: Resource, account: Account, resource_id: str, known: Values) -> Values | None:
    try:
        live = resource.read(account, resource_id, known)
    except AwsError as error:
        if error.is_missing:
            return None
        raise
    if live is not None and resource.is_regional:
        live["region"] = account.region
    return live


def _resource(request: _TypedRequest) -> Resource:
    name = request.type or request.urn.split("::")[2].rpartition("$")[2]
    if name not in RESOURCES:
        raise ProviderError(f"the sandbox's AWS plugin does not carry the resource type {name}")
    return RESOURCES[name]


def _label(args: Values) -> str:
    """What a person calls the resource in an error."""
    for key in ("name", "stageName", "domainName", "function", "role", "policyId", "restApi"):
        if key in args:
            return str(args[key])
    return ""


@contextlib.contextmanager
def _context(doing: str, resource: Resource, label: str) -> Iterator[None]:
    try:
        yield
    except AwsError as error:
        text = f"{doing} {resource.title} ({label}): {error}"
        raise AwsError(text, error.code) from error


def _checked(
    inputs: Values, failures: Iterable[Failure], pattern: Struct
) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=encode(inputs, pattern),
        failures=[
            provider_pb2.CheckFailure(property=failure.argument, reason=failure.reason)
            for failure in failures
        ],
    )


def _some(changes: list[object] | list[str] | list[planning.Change]) -> int:
    response = provider_pb2.DiffResponse
    return response.DIFF_SOME if changes else response.DIFF_NONE


def _top_level(paths: Iterable[str]) -> set[str]:
    return {path.partition(".")[0].partition("[")[0] for path in paths}
