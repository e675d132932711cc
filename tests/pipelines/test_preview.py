"""The preview of a commit that the release gate refuses ends its pipeline with the gate's words."""

import os
import subprocess
from pathlib import Path

from sandbox.sandbox import ROOT

DOCUMENT = ROOT / "tests/ops/data/preview.json"
"""What the engine printed for a preview of app/stage from a checkout with a change in it."""


def test_what_the_gate_refuses_is_not_previewed_to_anybody(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\ncat {DOCUMENT}\n")
    pulumi.chmod(0o755)

    done = subprocess.run(
        ["bash", ROOT / "pipelines/preview.sh"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STACK": "app/stage"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "Stack stage does not take this checkout: the checkout is not commit 8add354d04ac alone "
        "(changed: Pulumi.stage.yaml, components/service.py), and only what is committed may be "
        "deployed: commit the changes or take them back (git stash -u). This is a preview; an "
        "update would be refused.\n",
        "",
    )
    assert (tmp_path / "out/summary.txt").read_text() == done.stdout
    assert not (tmp_path / "out/notice.txt").exists()
