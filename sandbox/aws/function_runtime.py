"""The process that a Lambda function runs in: loads its handler once, then answers events.

A program of its own, started by `execution` with nothing of this project on its path. It reads an
invocation from each line of its standard input and writes its outcome to a line of its standard
output; the function's own output goes to standard error. It ends with whoever started it.
"""

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TypeAlias

Handler: TypeAlias = Callable[[object, object], object]
Outcome: TypeAlias = dict[str, Any]


class Context:
    """The second argument of a handler."""

    def __init__(self, invocation: Mapping[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.invoked_function_arn: str = invocation["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + invocation["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still take."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main() -> None:
    """Answer events until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    invocations: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, invocations), daemon=True).start()
    handler = _loaded(os.environ["_HANDLER"])
    _write(answers, {})
    while True:
        invocation = json.loads(invocations.get())
        outcome = _outcome(handler, invocation) if callable(handler) else handler
        sys.stdout.flush()
        _write(answers, outcome)


def _read(lines: BinaryIO, invocations: "queue.SimpleQueue[bytes]") -> None:
    """Pass invocations on, and end the process with the one that sends them."""
    for line in lines:
        invocations.put(line)
    os._exit(0)


def _write(answers: BinaryIO, outcome: Outcome) -> None:
    answers.write(json.dumps(outcome).encode() + b"\n")
    answers.flush()


def _loaded(name: str) -> Handler | Outcome:
    """Return the handler, or the failure that every invocation ends with."""
    module, _, function = name.rpartition(".")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module}': {error}"
        return _failure("Runtime.ImportModuleError", message)
    except Exception as error:  # noqa: BLE001 - whatever the function's code raises
        return _failure(type(error).__name__, str(error), error)
    if not hasattr(loaded, function):
        message = f"Handler '{function}' missing on module '{module}'"
        return _failure("Runtime.HandlerNotFound", message)
    return getattr(loaded, function)


def _outcome(handler: Handler, invocation: Mapping[str, Any]) -> Outcome:
    try:
        result = handler(json.loads(invocation["event"]), Context(invocation))
    except Exception as error:  # noqa: BLE001 - whatever the function's code raises
        return _failure(type(error).__name__, str(error), error)
    try:
        return {"result": json.dumps(result)}
    except (TypeError, ValueError) as error:
        return _failure("Runtime.MarshalError", f"Unable to marshal response: {error}")


def _failure(kind: str, message: str, error: BaseException | None = None) -> Outcome:
    frames = traceback.extract_tb(error.__traceback__ if error else None)
    own = [frame for frame in frames if frame.filename != __file__]
    return {
        "failure": {
            "errorMessage": message,
            "errorType": kind,
            "stackTrace": traceback.format_list(own),
        }
    }


if __name__ == "__main__":
    main()
