"""`python -m sandbox.plugin`: what the engine starts as `pulumi-resource-aws`.

Prints the port on which it answers, as every plugin does. It ends after the running step: on
SIGINT, by which the engine ends its plugins (a terminal's interrupt does not reach their process
groups), on SIGTERM, or when the engine is gone.
"""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from sandbox.plugin.protocol import leave_out_the_sdk

leave_out_the_sdk()

import grpc  # noqa: E402  after the placeholders, on which these build
from pulumi.runtime.proto import provider_pb2_grpc  # noqa: E402

from sandbox.plugin.errors import OneSentence  # noqa: E402
from sandbox.plugin.provider import AwsProvider  # noqa: E402

_THREADS = 32  # the engine works on as many resources at once as it is told to, 16 by default
_LARGEST_MESSAGE = 400 * 1024 * 1024  # the engine's own limit
_STEP_SECONDS = 600
_PARENT_POLL_SECONDS = 1.0


def main() -> None:
    """Serve one engine."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    parent = os.getppid()
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        interceptors=[OneSentence()],
        options=[
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.max_send_message_length", _LARGEST_MESSAGE),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(_PARENT_POLL_SECONDS) and os.getppid() == parent:
        pass
    server.stop(_STEP_SECONDS).wait()


main()
