"""How a request fails: as one sentence, with what the engine has to remember.

The engine shows what it gets; a traceback of this plugin would only hide the sentence.
"""

import traceback
from collections.abc import Callable
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.plugin.account import AwsError

_DETAILS = "grpc-status-details-bin"
_HANDLER = cast("Callable[..., object]", grpc.unary_unary_rpc_method_handler)


class ProviderError(Exception):
    """Why a request cannot be answered, as one sentence."""


class InitFailedError(Exception):
    """A resource exists, but not all that was asked for was done: the engine keeps its id."""

    def __init__(self, resource_id: str, properties: Struct, reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.properties = properties


class OneSentence(grpc.ServerInterceptor):
    """Answers every exception of every method."""

    def intercept_service(  # type: ignore[override]  gRPC's is generic
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> object:
        """Wrap the method that is called; the engine uses no streams."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        def answer(request: object, context: grpc.ServicerContext) -> object:
            try:
                return handler.unary_unary(request, context)
            except NotImplementedError:  # what gRPC raises for a method that is left out
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "not carried by this plugin")
            except Exception as error:  # noqa: BLE001  the engine must get an answer
                _abort(context, error)

        return _HANDLER(answer, handler.request_deserializer, handler.response_serializer)


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    abort = cast("Callable[[_Status], NoReturn]", context.abort_with_status)
    abort(_Status(error))


class _Status:
    """What gRPC calls a status."""

    def __init__(self, error: Exception) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = _sentence(error)
        self.trailing_metadata: tuple[tuple[str, bytes], ...] = ()
        if isinstance(error, InitFailedError):
            self.trailing_metadata = ((_DETAILS, _init_failed(error)),)


def _sentence(error: Exception) -> str:
    if isinstance(error, AwsError | InitFailedError | ProviderError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"The sandbox's AWS plugin has a mistake at {place.filename}:{place.lineno}: "
        f"{type(error).__name__}: {error}"
    )


def _init_failed(error: InitFailedError) -> bytes:
    detail = AnyMessage()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id, properties=error.properties, reasons=[str(error)]
        )
    )
    status = status_pb2.Status(
        code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail]
    )
    return status.SerializeToString()
