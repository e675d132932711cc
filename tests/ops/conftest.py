"""A corp stack as the commands see it: its settings, its outputs, and its account with a host's key."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import deployed, vpn_client
from ops.__main__ import main
from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.cloud import ROOT
from tests.sandbox.aws.conftest import aws, port
from tests.sandbox.aws.embedded import Embedded

__all__ = ["aws", "port"]

HOST_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="


class Terminal(io.StringIO):
    """What a person looks at."""

    encoding = "utf-8"  # pyright: ignore[reportAssignmentType] - a property there

    def isatty(self) -> bool:
        return True


@dataclass
class Corp:
    """The repository with a deployed corp stack, and what was asked of it."""

    root: Path
    account: str
    client: Callable[[str], Any]
    pulumi: Path

    @property
    def settings_file(self) -> Path:
        return self.root / "stacks" / "corp" / "Pulumi.main.yaml"

    def set(self, **settings: Any) -> None:
        """Change settings (None takes one out)."""
        config = yaml.safe_load(self.settings_file.read_text())["config"]
        config |= {f"corp:{key}": value for key, value in settings.items()}
        config = {key: value for key, value in config.items() if value is not None}
        self.settings_file.write_text(yaml.safe_dump({"config": config}))

    def publish(self, key: str = HOST_KEY) -> None:
        """Do what the host does."""
        self.client("ssm").put_parameter(
            Name="/vpn/host/public-key", Value=key, Type="String", Overwrite=True
        )

    def program(self, script: str) -> None:
        """Put a shell script in place of pulumi."""
        self.pulumi.write_text(f"#!/bin/sh\n{script}\n")
        self.pulumi.chmod(0o755)

    def export(self, **outputs: str) -> None:
        """Be a stack with these outputs."""
        self.program(
            f"printf '%s\\n' \"$@\" > {self.root}/asked\ncat <<'END'\n{json.dumps(outputs)}\nEND"
        )


@pytest.fixture
def corp(aws: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corp:
    programs = tmp_path / "programs"
    programs.mkdir()
    aws.organize()
    account = aws.account("corp")
    found = Corp(tmp_path / "repository", account, aws.session(account), programs / "pulumi")
    found.settings_file.parent.mkdir(parents=True)
    found.settings_file.write_text((ROOT / "stacks/corp/Pulumi.main.yaml").read_text())
    found.set(
        network={"ipv4": "10.91.0.0/16", "ipv6": "fdc1:32d2:9e7b::/64"}, vpcCidr="10.90.0.0/24"
    )
    found.set(peers=[], splitTunnel=[])
    found.publish()
    found.export(account_id=account, vpn_host="vpn.corp.example.com", domain="corp.example.com")
    for module in (deployed, vpn_client):
        monkeypatch.setattr(module, "ROOT", found.root)
    for name in [name for name in os.environ if re.match("AWS_|DEPLOY_", name)]:
        monkeypatch.delenv(name)
    for name, value in {
        "PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.port}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    return found


PROGRESS = ("...", "ok ", "failed ")


@dataclass
class Said:
    """What a command ends with; `err` is what it complains of, on one line, without progress."""

    status: int
    out: str
    err: str

    def __post_init__(self) -> None:
        lines = [it for it in self.err.splitlines() if not it.startswith(PROGRESS)]
        self.err = " ".join(" ".join(lines).split())


@pytest.fixture
def ops(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command as a person does, in a terminal unless told otherwise."""

    def run(*arguments: str, into: type[io.StringIO] = Terminal) -> Said:
        out, err = into(), io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["ops", *arguments])
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                status = main()
            except SystemExit as end:
                status = int(end.code or 0)
        return Said(status, out.getvalue(), err.getvalue())

    return run
