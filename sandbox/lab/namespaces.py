"""Machines that share this one's kernel and programs, and nothing else.

A machine has a network, mounts and processes of its own, in a user namespace where this user is
root. Ending it ends every process in it; so does the end of this process, however it comes. The
first machine holds that user namespace for the others; it sees the processes outside, since `ip`
finds another machine by its process.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

TIMEOUT_SECONDS = 60.0
TOOLS = ("unshare", "nsenter", "mount", "ip", "nft", "wg", "wg-quick", "ping", "sysctl", "curl")
"""From util-linux, iproute2, nftables, wireguard-tools, iputils-ping, procps and curl."""

_SOCKET = """
import socket, sys
made = socket.socket(int(sys.argv[1]), int(sys.argv[2]))
socket.send_fds(socket.socket(fileno=0), [b"."], [made.fileno()])
"""

_NAMESPACES = {"user": "user", "mount": "mnt", "net": "net"}


class MachineError(Exception):
    """A command on a machine ended badly; says which, and what it wrote."""


def missing() -> str | None:
    """Return in a sentence what this system lacks for a laboratory, or None."""
    lacking = [tool for tool in TOOLS if not shutil.which(tool, path=_path([]))]
    if lacking:
        return f"{', '.join(lacking)} cannot be found: install what brings it."
    if not Path("/dev/net/tun").exists():
        return "/dev/net/tun is missing: load the kernel's module `tun`."
    tried = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return f"namespaces cannot be made: {tried.stderr.strip()}." if tried.returncode else None


class Machine:
    """A machine, from the moment it is made until `stop`; the first one holds the others."""

    def __init__(self, within: "Machine | None" = None, programs: Sequence[Path] = ()) -> None:
        """Make a machine inside another's user namespace, with folders first on its PATH."""
        self._variables = {"PATH": _path(programs), "LC_ALL": "C", "HOME": "/"}
        if within:
            before = within._enter()  # noqa: SLF001 - one of its own kind
            kinds = ["--pid", "--fork", "--kill-child"]
            self._namespaces = _NAMESPACES | {"pid": "pid_for_children"}
        else:
            before, kinds, self._namespaces = [], ["--user", "--map-root-user"], _NAMESPACES
        self._holder = subprocess.Popen(  # noqa: S603 - fixed words
            [*before, "unshare", "--mount", "--net", *kinds, "sh", "-c", "echo; exec cat >&2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        assert self._holder.stdout  # noqa: S101 - asked for above
        self._holder.stdout.readline()
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The id of the process that holds it, as commands on other machines see it."""
        return self._holder.pid

    def set(self, variables: Mapping[str, str]) -> None:
        """Give variables to the commands to come."""
        self._variables |= variables

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command; its output and its errors are in one."""
        return subprocess.Popen(  # noqa: S603 - the experiment's own words
            [*self._enter(), *command],
            env=self._variables,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def succeeds(self, *command: str) -> bool:
        """Tell whether a command ends well."""
        started = self.start(*command)
        started.communicate()
        return started.returncode == 0

    def interrupt(self, started: subprocess.Popen[str]) -> str:
        """Interrupt a started command as Ctrl-C does, and return what it printed."""
        for child in psutil.Process(started.pid).children(recursive=True):
            child.send_signal(signal.SIGINT)
        said, _ = started.communicate()
        return said

    def pings(self, address: object) -> bool:
        """Tell whether one of some packets to an address is answered."""
        return self.succeeds("ping", "-c", "3", "-i", "0.2", "-w", "1", str(address))

    def fetches(self, address: object, port: int = 80) -> str | None:
        """Return what a web server answers, or None where it does not."""
        host = f"[{address}]" if ":" in str(address) else str(address)
        curl = self.start("curl", "-sg", "-m", "1", f"http://{host}:{port}/")
        said, _ = curl.communicate()
        return None if curl.returncode else said

    def run(self, *command: str) -> str:
        """Run a command and return what it printed, without errors."""
        done = subprocess.run(  # noqa: S603 - the experiment's own words
            [*self._enter(), *command],
            env=self._variables,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise MachineError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def script(self, text: str) -> str:
        """Run lines of shell."""
        return self.run("bash", "-euc", text)

    def socket(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """Return a socket of this machine, for this process to use."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            subprocess.run(  # noqa: S603 - fixed words
                [*self._enter(), sys.executable, "-ISc", _SOCKET, str(int(family)), str(int(kind))],
                stdin=theirs.fileno(),
                cwd="/",
                check=True,
                timeout=TIMEOUT_SECONDS,
            )
            _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=descriptor)

    def stop(self) -> None:
        """End it and every process in it, as a power cut would."""
        self._holder.kill()
        self._holder.communicate()

    def _enter(self) -> list[str]:
        kinds = f"/proc/{self._holder.pid}/ns"
        return [
            *("nsenter", "--preserve-credentials"),
            *(f"--{kind}={kinds}/{name}" for kind, name in self._namespaces.items()),
        ]


def _path(programs: Sequence[Path]) -> str:
    system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return os.pathsep.join([*map(str, programs), *system])
