"""What an unchanged `pulumi preview -s prod` takes on a running sandbox: seconds, and memory."""

import subprocess
from pathlib import Path, PurePath
from statistics import median
from time import perf_counter, sleep

import psutil
from rich.console import Console

from bench.tables import table
from sandbox import processes
from sandbox.problem import SandboxError
from sandbox.sandbox import Sandbox

COMMAND = ["pulumi", "preview", "--non-interactive", "--expect-no-changes", "-s", "prod"]
RUNS = 3
SAMPLE_SECONDS = 0.05
MEGABYTE = 1_000_000
KINDS = {
    "pulumi": "engine",
    "pulumi-language-python": "language host",
    "pulumi-language-python-exec": "program",
    "pulumi-resource-aws": "AWS plugin",
    "sandbox.plugin": "AWS plugin",
}
"""What a word of a process's command line says about its part in the preview."""


def measure(sandbox: Sandbox, console: Console) -> None:
    """Run previews undisturbed for the time, and one more that is watched for the memory."""
    with console.status("pulumi preview -s prod"):
        seconds = median(_timed(sandbox) for _ in range(RUNS))
        peaks, together = _watched(sandbox)

    shown = table(
        f"(b) pulumi preview -s prod, unchanged: {seconds:.2f} s, median of {RUNS} runs",
        *("process", "peak resident memory, MB"),
    )
    for (_, kind), peak in sorted(peaks.items(), key=lambda entry: entry[0][1]):
        shown.add_row(kind, f"{peak / MEGABYTE:.0f}")
    shown.add_section()
    shown.add_row("all at one time, shared pages counted in each", f"{together / MEGABYTE:.0f}")
    console.print(shown)


def _timed(sandbox: Sandbox) -> float:
    started = perf_counter()
    _finish(_start(sandbox))
    return perf_counter() - started


def _watched(sandbox: Sandbox) -> tuple[dict[tuple[int, str], int], int]:
    """Return each process's peak, and the highest sum at one time."""
    peaks: dict[tuple[int, str], int] = {}
    together = 0
    preview = _start(sandbox)
    while preview.poll() is None:
        now = _resident(sandbox.directory)
        together = max(together, sum(now.values()))
        peaks |= {process: max(size, peaks.get(process, 0)) for process, size in now.items()}
        sleep(SAMPLE_SECONDS)
    _finish(preview)
    return peaks, together


def _start(sandbox: Sandbox) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - fixed words, found on the sandbox's own path
        COMMAND,
        cwd=sandbox.checkout.directory,
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finish(preview: subprocess.Popen[str]) -> None:
    said, _ = preview.communicate()
    if preview.returncode:
        raise SandboxError(f"{' '.join(COMMAND)} failed:\n{said}")


def _resident(directory: Path) -> dict[tuple[int, str], int]:
    """Return the resident memory of every process of the preview that can be told."""
    found: dict[tuple[int, str], int] = {}
    for process in processes.of_engine(str(directory)):
        try:
            names = [PurePath(word).name for word in process.cmdline()]
            size = process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        kind = next((KINDS[name] for name in names if name in KINDS), None)
        if kind:
            found[process.pid, kind] = size
    return found
