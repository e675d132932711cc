"""The Pulumi engine: the one on PATH, or one built from source with Go. WireGuard likewise.

Modules in `golang` name the programs and lock their dependencies: the command line, the Python
language host, and WireGuard as a program for tests of the VPN, since a kernel may have none. They
are built without cgo, so that no C compiler is needed.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.ticker import Ticker
from sandbox.problem import SandboxError, disk_full, is_disk_full

SOURCES = Path(__file__).parent / "golang"
SDK = "github.com/pulumi/pulumi/sdk/v3"
EXECUTOR = "python/cmd/pulumi-language-python-exec"
"""The Python part of the language host, a file of the SDK's module."""

STAMP = "built-from"
UNREACHABLE = ("dial tcp", "no such host", "i/o timeout", "TLS handshake timeout", "proxyconnect")


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is built: its names in a step and in a sentence, its modules, and how to mend a failure.

    The modules come with about how many packages each compiles on an empty cache.
    """

    step: str
    name: str
    modules: Mapping[str, int]
    instead: str
    again: str

    def advice(self) -> str:
        """Return how to mend a Go that is missing or old."""
        return (
            f"install Go {_required_go(self)} or newer (https://go.dev/dl/){self.instead}, "
            f"then run {self.again} again."
        )


ENGINE = Program(
    step="engine",
    name="the Pulumi engine",
    modules={"cli": 1730, "host": 420},
    instead=", or Pulumi (https://www.pulumi.com/docs/install/)",
    again="`make sandbox`",
)
WIREGUARD = Program(
    step="wireguard",
    name="WireGuard",
    modules={"wireguard": 140},
    instead="",
    again="the same command",
)


def on_path(path: str) -> Path | None:
    """Return the folder of a Pulumi that a person installed, with its Python language host."""
    engine, host = (shutil.which(name, path=path) for name in ("pulumi", "pulumi-language-python"))
    return Path(engine).parent if engine and host else None


class Built:
    """A program built below a directory; built once, whatever ends the build in between."""

    def __init__(self, directory: Path, program: Program = ENGINE) -> None:
        self._program = program
        self._directory = directory.absolute()
        self.programs = self._directory / "bin"
        self._log = self._directory / "build.log"

    def ensure(self) -> Path:
        """Return the folder of the programs; build them if they are missing or of other sources."""
        if self._is_current():
            return self.programs
        go = _go(self._program)
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not self._is_current():
                self._build(go)
        return self.programs

    def _is_current(self) -> bool:
        try:
            return (self.programs / STAMP).read_text(encoding="utf-8") == _sources_digest(
                self._program
            )
        except FileNotFoundError:
            return False

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Wait for another build here to end, and remove what killed ones left."""
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self._directory.glob("new-*"):
                shutil.rmtree(left)
            yield

    def _build(self, go: str) -> None:
        with tempfile.TemporaryDirectory(prefix="new-", dir=self._directory) as folder:
            new = Path(folder) / "bin"
            new.mkdir()
            with Ticker(self._program.step) as ticker:
                for module, packages in self._program.modules.items():
                    self._compile(go, module, packages, new, ticker)
                if self._program is ENGINE:
                    _copy_executor(go, new)
                ticker.show("built")
            (new / STAMP).write_text(_sources_digest(self._program), encoding="utf-8")
            shutil.rmtree(self.programs, ignore_errors=True)
            new.rename(self.programs)

    def _compile(self, go: str, module: str, packages: int, new: Path, ticker: Ticker) -> None:
        fetched = compiled = 0
        with self._log.open("w", encoding="utf-8") as log, _started(go, module, new) as process:
            for line in process.stderr or ():
                log.write(line)
                if line.startswith("go: downloading"):
                    fetched += 1
                    ticker.show(f"{module}: {fetched} modules fetched")
                elif not line.startswith(("go: ", "#")):
                    compiled += 1
                    ticker.show(f"{module}: {compiled} of about {packages} packages compiled")
        if process.returncode:
            raise _failure(self._program, self._log)


@contextmanager
def _started(go: str, module: str, new: Path) -> Generator[subprocess.Popen[str]]:
    command = [go, "build", "-v", "-trimpath", "-mod=readonly", "-o", f"{new}/", "tool"]
    with subprocess.Popen(  # noqa: S603 - the user's own Go, fixed words
        command,
        cwd=SOURCES / module,
        env=_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def _copy_executor(go: str, new: Path) -> None:
    found = subprocess.run(  # noqa: S603 - the user's own Go, fixed words
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", SDK],
        cwd=SOURCES / "cli",
        env=_variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise SandboxError(f"Go does not find the source of {SDK}: {found.stderr.strip()}")
    target = new / Path(EXECUTOR).name
    shutil.copyfile(Path(found.stdout.strip()) / EXECUTOR, target)
    target.chmod(0o755)


def _go(program: Program) -> str:
    """Return the path of a Go that is new enough."""
    go = shutil.which("go")
    if go is None:
        raise SandboxError(
            f"Neither {program.name} nor Go, which would build it, is on PATH: {program.advice()}"
        )
    told = subprocess.run(  # noqa: S603 - the user's own Go, fixed words
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=_variables()
    )
    if _numbers(told.stdout) < _numbers(_required_go(program)):
        version = told.stdout.strip().removeprefix("go") or "of an unknown version"
        raise SandboxError(
            f"Go {version} ({go}) is too old to build {program.name}: {program.advice()}"
        )
    return go


def _required_go(program: Program) -> str:
    text = (SOURCES / next(iter(program.modules)) / "go.mod").read_text(encoding="utf-8")
    found = re.search(r"^go (\S+)$", text, re.MULTILINE)
    return found[1] if found else "1.26"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _failure(program: Program, log: Path) -> SandboxError:
    text = log.read_text(encoding="utf-8")
    if is_disk_full(text):
        return disk_full()
    if any(word in text for word in UNREACHABLE):
        return SandboxError(
            f"The sources of {program.name} cannot be fetched: check the network (and GOPROXY), "
            f"then run {program.again} again; what Go said is in {log}."
        )
    reason = (text.strip().splitlines() or ["it gave no reason"])[-1]
    return SandboxError(f"Go cannot build {program.name} ({log}): {reason}")


def _sources_digest(program: Program) -> str:
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for module in program.modules:
        for name in ("go.mod", "go.sum"):
            digest.update((SOURCES / module / name).read_bytes())
    return digest.hexdigest()


def _variables() -> dict[str, str]:
    """Return an environment in which Go builds for this machine, as the sources are locked."""
    other = {"GOFLAGS", "GOOS", "GOARCH", "GOWORK"}
    own = {name: value for name, value in os.environ.items() if name not in other}
    return own | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
