"""The process that the engine starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.plugin.values import encode
from tests.sandbox.plugin.world import CERTIFICATE, REGION, VALIDATION, World

COMMAND = [sys.executable, "-P", "-m", "sandbox.plugin", "127.0.0.1:1"]


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    if "world" in request.fixturenames:
        request.getfixturevalue("world")  # its address has to be in the environment by now
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def ask(port: int, method: str) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return getattr(provider_pb2_grpc.ResourceProviderStub(channel), method)(Empty(), timeout=5)


def test_it_prints_its_port_and_claims_the_version_of_the_sdk(
    process: subprocess.Popen[str],
) -> None:
    assert ask(read_port(process), "GetPluginInfo").version == version("pulumi-aws")


def test_a_cancellation_ends_nothing(process: subprocess.Popen[str]) -> None:
    port = read_port(process)
    ask(port, "Cancel")
    assert ask(port, "GetPluginInfo").version


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_after_the_running_step(
    process: subprocess.Popen[str], world: World, number: signal.Signals
) -> None:
    inputs = {"domainName": "late.example.com", "validationMethod": "DNS"}
    certificate = world.management.create(CERTIFICATE, inputs)
    step = provider_pb2.CreateRequest(
        type=VALIDATION, properties=encode({"certificateArn": certificate.id}), timeout=1
    )
    with grpc.insecure_channel(f"127.0.0.1:{read_port(process)}") as channel:
        stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": REGION})))
        running = stub.Create.future(step)
        with pytest.raises(grpc.FutureTimeoutError):
            running.result(timeout=0.5)
        process.send_signal(number)
        assert "timed out after 1 s" in running.exception().details()
    assert process.wait(timeout=10) == 0


def test_it_ends_when_the_engine_is_gone() -> None:
    script = " ".join(COMMAND) + " >/dev/null & echo $!; sleep 1.5"
    engine = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    plugin = int(engine.stdout)
    deadline = time.monotonic() + 10
    try:
        while alive(plugin):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        if alive(plugin):
            os.kill(plugin, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_without_what_only_calls_need() -> None:
    loaded = "import sys, sandbox.plugin.provider; print({'boto3', 'botocore'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_it_starts_without_the_sdk() -> None:
    script = (
        "import sys\n"
        "from sandbox.plugin.protocol import leave_out_the_sdk\n"
        "leave_out_the_sdk()\n"
        "import sandbox.plugin.provider\n"
        "print(sorted(name for name in sys.modules if name.startswith('pulumi.runtime.') "
        "and not name.startswith('pulumi.runtime.proto')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
