"""The resource provider that the engine talks to.

Owns the protocol only: each request is decoded, answered by `checking`, `planning` or the
resource's own calls, and encoded. `errors` turns what is raised here into what the engine
understands.
"""

# ruff: noqa: ARG002, N802  the protocol's names and parameters

import json
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager
from importlib.metadata import version
from typing import Protocol

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugin import planning
from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.archives import ArchiveError
from sandbox.plugin.catalogue import RESOURCES
from sandbox.plugin.checking import Failure, check
from sandbox.plugin.configuration import Provider, check_settings, configure, decoded
from sandbox.plugin.errors import InitFailedError, ProviderError
from sandbox.plugin.schema import Resource
from sandbox.plugin.values import Values, as_secret, decode, encode, secret_keys

PACKAGE = "aws"
CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"


_LABELS = (
    "name",
    "bucket",
    "stageName",
    "domainName",
    "function",
    "role",
    "rule",
    "policyId",
    "restApi",
)
"""The arguments by which a person tells one resource of a type from another."""


class _TypedRequest(Protocol):
    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. One process is one configured provider."""

    def __init__(self) -> None:
        self._provider: Provider | None = None
        self._secret_tags = False

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Claim to be the version that the program's SDK is made for."""
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Answer a schema without types: no SDK is generated from this plugin."""
        schema = {"name": PACKAGE, "version": version("pulumi-aws")}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Do nothing: a running step is finished, and the engine asks for no further one."""
        return Empty()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Check the provider's settings."""
        settings, failures = check_settings(decode(request.news))
        return _checked(settings, failures, request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the provider's settings; none replaces it, as with the genuine plugin."""
        olds = decoded(decode(request.old_inputs or request.olds))
        news = decoded(decode(request.news))
        differing = sorted(name for name in {*olds, *news} if olds.get(name) != news.get(name))
        return provider_pb2.DiffResponse(changes=_some(differing), diffs=differing)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Sign in to the provider's account."""
        self._secret_tags = "defaultTags" in secret_keys(request.args)
        self._provider = configure(decode(request.args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answer the one function that is carried: who the caller is."""
        if request.tok != CALLER_IDENTITY:
            raise ProviderError(
                f"The sandbox's AWS plugin does not carry the function {request.tok}; "
                "leave it out or run with SANDBOX_AWS_PLUGIN=genuine."
            )
        answer = self._configured().account.call("sts", "GetCallerIdentity")
        values = {
            "id": answer["Account"],
            "accountId": answer["Account"],
            "arn": answer["Arn"],
            "userId": answer["UserId"],
        }
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(values))  # a keyword of Python
        return response

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Check a resource's arguments and fill in defaults."""
        resource = _resource(request)
        name = request.name or request.urn.rpartition("::")[2]
        news = decode(request.news)
        if resource.is_taggable:
            news.pop("tagsAll", None)  # this plugin's own, in the inputs of an import
        inputs, failures = check(resource, name, decode(request.olds), news, request.randomSeed)
        if resource.is_taggable and not failures:
            inputs["tagsAll"] = self._all_tags(inputs)
        return _checked(inputs, failures, *self._secrets(resource, request.news))

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare what is wanted with the state, as the genuine plugin does, not with old inputs.

        So what has drifted, or failed half way, is put right without having been an input.
        """
        resource = _resource(request)
        state, wanted = decode(request.olds), self._wanted(resource, decode(request.news))
        changes = planning.changes(resource, state, wanted, _whole(request.ignoreChanges))
        replaces = sorted({change.argument for change in changes if change.replaces})
        kinds = provider_pb2.PropertyDiff.Kind
        detailed = {
            change.path: provider_pb2.PropertyDiff(
                kind=kinds.Value(change.kind.upper() + "_REPLACE" * change.replaces)
            )
            for change in changes
        }
        in_the_way = planning.deletes_before_replacing(resource, state, wanted)
        return provider_pb2.DiffResponse(
            changes=_some(changes),
            diffs=sorted({change.argument for change in changes}),
            replaces=replaces,
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and in_the_way,
        )

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Make a resource; once it exists, no failure loses its id."""
        resource = _resource(request)
        wanted = self._wanted(resource, decode(request.properties))
        secret = self._secrets(resource, request.properties)
        if request.preview:
            outcome = planning.preview_of_creation(resource, wanted)
            return provider_pb2.CreateResponse(properties=encode(outcome, *secret))
        account = self._account(wanted, request.timeout or resource.create_timeout)
        with _context("creating", resource, _label(wanted)):
            resource_id = resource.create(account, wanted)
        try:
            resource.complete(account, resource_id, wanted)
            state = self._state(resource, account, resource_id, wanted)
        except Exception as error:
            reason = f"creating {_described(resource, _label(wanted))}: {error}"
            state = self._state_after_failure(resource, account, resource_id, wanted)
            raise InitFailedError(resource_id, encode(state, *secret), reason) from error
        return provider_pb2.CreateResponse(id=resource_id, properties=encode(state, *secret))

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Answer what there is: for a refresh, or for an import, which knows no inputs."""
        resource = _resource(request)
        old_inputs = decode(request.inputs)
        known = {**old_inputs, **decode(request.properties)}
        if not old_inputs:
            known = {**planning.defaults(resource), **known}
        account = self._account(known, request.timeout or resource.create_timeout)
        with _context("reading", resource, request.id):
            live = _read(resource, account, request.id, known)
        if live is None:
            return provider_pb2.ReadResponse()
        state = planning.settled(resource, known, live, self._configured().default_tags)
        inputs = planning.inputs_of(resource, state, old_inputs)
        secret = [request.properties, *self._secrets(resource, request.inputs)]
        return provider_pb2.ReadResponse(
            id=live.get("id", request.id),
            properties=encode(state, *secret),
            inputs=encode(inputs, *secret),
        )

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""
        resource = _resource(request)
        old, wanted = decode(request.olds), self._wanted(resource, decode(request.news))
        ignored = _whole(request.ignoreChanges)
        secret = self._secrets(resource, request.news)
        if request.preview:
            outcome = planning.preview_of_update(resource, old, wanted, ignored)
            return provider_pb2.UpdateResponse(properties=encode(outcome, *secret))
        outcome = planning.outcome_of_update(resource, old, wanted, ignored)
        account = self._account(old, request.timeout or resource.create_timeout)
        try:
            resource.update(account, request.id, old, outcome)
            state = self._state(resource, account, request.id, outcome)
        except Exception as error:
            reason = f"updating {_described(resource, request.id)}: {error}"
            state = self._state_after_failure(resource, account, request.id, old)
            raise InitFailedError(request.id, encode(state, *secret), reason) from error
        return provider_pb2.UpdateResponse(properties=encode(state, *secret))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Delete a resource, or find it gone."""
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
            raise ProviderError("The AWS provider is not configured yet.")
        return self._provider

    def _account(self, properties: Values, timeout: float) -> Account:
        return self._configured().for_request(properties.get("region"), timeout)

    def _wanted(self, resource: Resource, inputs: Values) -> Values:
        """Return the inputs with what the provider adds to them."""
        wanted = dict(resource.understood(inputs))
        provider = self._provider
        if resource.is_taggable:
            wanted["tagsAll"] = self._all_tags(inputs)
        if resource.is_regional and provider:
            wanted.setdefault("region", provider.account.region)
        return wanted

    def _all_tags(self, inputs: Values) -> object:
        return planning.all_tags(inputs, self._provider.default_tags if self._provider else {})

    def _secrets(self, resource: Resource, inputs: Struct) -> list[Struct]:
        """Return what marks the secret properties: the inputs, and the names of others.

        A secret tag hides all tags.
        """
        hidden = {name for name, argument in resource.arguments.items() if argument.secret}
        if self._secret_tags or "tags" in secret_keys(inputs):
            hidden.add("tagsAll")
        return [inputs, encode(dict.fromkeys(hidden, as_secret("")))]

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
        """Return what there is, as far as it can be read, so that the next update ends the job."""
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
        raise ProviderError(
            f"The sandbox's AWS plugin does not carry the resource type {name}; "
            "leave it out or run with SANDBOX_AWS_PLUGIN=genuine."
        )
    return RESOURCES[name]


def _label(args: Values) -> str:
    """Return what a person calls the resource in an error."""
    for key in _LABELS:
        if key in args:
            return str(args[key])
    return ""


def _described(resource: Resource, label: str) -> str:
    return f"{resource.title} ({label})" if label else resource.title


@contextmanager
def _context(doing: str, resource: Resource, label: str) -> Generator[None]:
    """Say in an error what was being done, and to what."""
    try:
        yield
    except (ArchiveError, AwsError) as error:
        text = f"{doing} {_described(resource, label)}: {error}"
        raise AwsError(text, getattr(error, "code", "")) from error


def _checked(
    inputs: Values, failures: Iterable[Failure], *secret: Struct
) -> provider_pb2.CheckResponse:
    return provider_pb2.CheckResponse(
        inputs=encode(inputs, *secret),
        failures=[
            provider_pb2.CheckFailure(property=failure.argument, reason=failure.reason)
            for failure in failures
        ],
    )


def _some(changes: Collection[object]) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    response = provider_pb2.DiffResponse
    return response.DIFF_SOME if changes else response.DIFF_NONE


def _whole(paths: Iterable[str]) -> set[str]:
    """Return the properties that are ignored as a whole.

    For a part of one the engine has put the old input in the new one's place already.
    """
    return {path for path in paths if not {".", "["} & {*path}}
