"""Runs the programs of a checkout under the mocks, each in a fresh process."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bench.mocked import ORGANIZATION, Order, Report
from sandbox.checkout import Checkout
from stacks import catalogue
from stacks.catalogue import Stack

ENGINE = """#!/bin/sh
echo '[{"kind": "update", "result": "succeeded", "environment": {}}]'
"""
"""Answers at once what the release gate asks the engine's command about STAGE's last update."""


class ProgramError(Exception):
    """A program ended badly; says what it wrote."""


@dataclass(frozen=True)
class Programs:
    """The programs in a throw-away clone, where the release gate of every stack lets them pass."""

    folder: Path
    commit: str

    @classmethod
    def of_work_tree(cls, source: Path, folder: Path) -> "Programs":
        """Clone what a work tree holds now."""
        checkout = Checkout(source, folder)
        commit = checkout.snapshot()
        checkout.release(commit, [stack.rule for stack in catalogue.stacks(source)])
        programs = cls(folder, commit)
        programs.bin.mkdir()
        (programs.bin / "pulumi").write_text(ENGINE, encoding="utf-8")
        (programs.bin / "pulumi").chmod(0o755)
        return programs

    @property
    def bin(self) -> Path:
        """The folder of the command that answers in the engine's place."""
        return self.folder.with_name("bin")

    def outputs_before(self, last: Stack) -> dict[str, dict[str, Any]]:
        """Return the outputs of the stacks that come before one, each fed with the earlier ones."""
        upstream: dict[str, dict[str, Any]] = {}
        stacks = catalogue.stacks()
        for stack in stacks[: stacks.index(last)]:
            report = self.run(self.order(stack, upstream))
            upstream[f"{ORGANIZATION}/{stack.project}/{stack.name}"] = report.outputs
        return upstream

    def order(self, stack: Stack, upstream: dict[str, dict[str, Any]]) -> Order:
        """Return the order to run a stack's program with its real settings."""
        settings = yaml.safe_load((self.folder / stack.settings).read_text(encoding="utf-8"))
        return Order(
            project=stack.project,
            stack=stack.name,
            program=str(self.folder / stack.folder / "__main__.py"),
            config={
                key: value if isinstance(value, str) else json.dumps(value)
                for key, value in settings["config"].items()
            },
            upstream=upstream,
        )

    def bare(self, order: Order, source: Path) -> Order:
        """Return the order to run the bare program for another, which is written for it."""
        self.run(replace(order, bare_program=str(source)))
        return replace(order, program=str(source))

    def run(self, order: Order) -> Report:
        """Run an order in a process of its own."""
        result = subprocess.run(
            [sys.executable, "-m", "bench.child"],
            input=json.dumps(asdict(order)),
            env=os.environ
            | {
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(self.folder),
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise ProgramError(f"{order.program} failed:\n{result.stderr}")
        return Report(**json.loads(result.stdout))
