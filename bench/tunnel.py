"""The VPN in namespaces: what its tunnel carries, and whether many peers cost more each."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import yaml
from rich.console import Console

from bench.tables import table, verdict
from sandbox.lab.instance import Instance
from sandbox.lab.internet import WEB_SITE
from sandbox.lab.laboratory import NETWORK, Device, Laboratory, lacking
from sandbox.problem import SandboxError
from stacks.settings import CorpSettings
from wireguard.client import new_key_pair
from wireguard.network import FIRST_PEER, Peer
from wireguard.parameters import peer_parameter, peer_value

SECONDS = 3.0
PORT = 5001
CHUNK = 1 << 16
GIGABIT = 1e9
SIZES = (10, 100, 250)
RUNS = 3
LIMIT = 1.2
PROJECT = "corp"
SETTINGS = "stacks/corp/Pulumi.main.yaml"


def measure(root: Path, directory: Path, console: Console) -> None:
    """Measure in a laboratory of its own, or say why there is none."""
    reason = lacking()
    if reason:
        console.print(f"(e), (f) The tunnel is not measured: {reason}")
        return
    with console.status("a VPN in namespaces"):
        laboratory = Laboratory(directory)
    try:
        host = laboratory.new_host()
        laboratory.boot(host)
        _throughput(laboratory, host, console)
        _peers(laboratory, host, root, console)
    finally:
        laboratory.stop()


def _throughput(laboratory: Laboratory, host: Instance, console: Console) -> None:
    device = laboratory.device()
    with console.status("throughput of the tunnel"), _listening(laboratory):
        plain = _rate(device)
        laboratory.cloud.add(device.peer)
        host.expire("vpn-peers")
        device.connect(laboratory.cloud.public_key())
        tunnelled = _rate(device)
    laboratory.cloud.revoke(device.peer)

    shown = table(
        f"(e) one TCP connection from a device to a web site, {SECONDS:.0f} s",
        *("path", "Gbit/s", "of the plain one"),
    )
    shown.add_row("without the tunnel", f"{plain / GIGABIT:.2f}")
    shown.add_row("through it", f"{tunnelled / GIGABIT:.2f}", f"1/{plain / tunnelled:.1f}")
    console.print(shown)


@contextmanager
def _listening(laboratory: Laboratory) -> Generator[None]:
    """Let the web site take whatever it is sent."""
    with laboratory.internet.web_site.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((str(WEB_SITE), PORT))
        listener.listen()
        threading.Thread(target=_take_all, args=(listener,), daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def _take_all(listener: socket.socket) -> None:
    room = bytearray(CHUNK)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while connection.recv_into(room):
                pass
            connection.sendall(b".")


def _rate(device: Device) -> float:
    """Return how many bits a second arrive; the other side says when it has them all."""
    chunk, sent = bytes(CHUNK), 0
    with device.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.connect((str(WEB_SITE), PORT))
        started = perf_counter()
        while perf_counter() - started < SECONDS:
            connection.sendall(chunk)
            sent += CHUNK
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
        return sent * 8 / (perf_counter() - started)


def _peers(laboratory: Laboratory, host: Instance, root: Path, console: Console) -> None:
    first, *others = (_peer(number) for number in range(FIRST_PEER, FIRST_PEER + max(SIZES)))
    each: dict[str, dict[int, float]] = {"render": {}, "reload": {}}
    with console.status("many peers"):
        for before, size in zip((1, *SIZES), SIZES, strict=False):
            for peer in others[before - 1 : size - 1]:
                laboratory.cloud.add(peer)
            each["render"][size] = _render(root, laboratory, [first, *others[: size - 1]]) / size
            each["reload"][size] = _reload(laboratory, host, first) / size

    shown = table(
        f"(f) peers of the VPN, median of {RUNS} runs",
        *("peers", "seconds", "ms each", f"against {min(SIZES)}", "limit", ""),
    )
    against = {part: times[max(SIZES)] / times[min(SIZES)] for part, times in each.items()}
    for part, times in each.items():
        for size, seconds in times.items():
            cells = verdict(against[part], LIMIT) if size == max(SIZES) else ()
            shown.add_row(
                f"{part} {size}", f"{seconds * size:.3f}", f"{seconds * 1000:.2f}", *cells
            )
        shown.add_section()
    console.print(shown)
    if max(against.values()) > LIMIT:
        raise SandboxError(
            f"{max(SIZES)} peers of the VPN take {max(against.values()):.2f} times as long each as "
            f"{min(SIZES)}: at most {LIMIT:.2f} is allowed."
        )


def _peer(number: int) -> Peer:
    return Peer(
        name=f"peer-{number}",
        public_key=new_key_pair().public_key,
        addresses=NETWORK.numbered(number),
        tunnel="full",
    )


def _render(root: Path, laboratory: Laboratory, peers: list[Peer]) -> float:
    """Return how long it takes from a settings file with peers to their parameters."""
    settings = yaml.safe_load((root / SETTINGS).read_text(encoding="utf-8"))
    settings["config"] |= {
        f"{PROJECT}:network": {"ipv4": str(NETWORK.ipv4), "ipv6": str(NETWORK.ipv6)},
        f"{PROJECT}:peers": [
            {
                "name": peer.name,
                "publicKey": peer.public_key,
                "address": str(peer.addresses.ipv4),
            }
            for peer in peers
        ],
    }
    file = laboratory.directory / "Pulumi.main.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return median(_rendered(file) for _ in range(RUNS))


def _rendered(file: Path) -> float:
    started = perf_counter()
    for peer in CorpSettings.read(file, PROJECT).wireguard_peers:
        peer_parameter(peer)
        peer_value(peer)
    return perf_counter() - started


def _reload(laboratory: Laboratory, host: Instance, changing: Peer) -> float:
    """Return how long a host takes to take a peer in, the others staying."""
    seconds: list[float] = []
    for _ in range(RUNS):
        laboratory.cloud.add(changing)
        started = perf_counter()
        host.expire("vpn-peers")
        seconds.append(perf_counter() - started)
        laboratory.cloud.revoke(changing)
        host.expire("vpn-peers")
    return median(seconds)
