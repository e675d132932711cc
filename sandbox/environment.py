"""The environment in which the engine, its programs and a person's shell run in the sandbox.

It has everything to reach the embedded AWS, and nothing by which the real one could be.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.aws.credentials import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from sandbox.processes import ID_VARIABLE

REGION = "eu-central-1"
PASSPHRASE = "sandbox"  # noqa: S105 - it protects nothing: the state is thrown away
BACKEND = "metadata=skip"
"""Without a second file beside each state: a kill between the two makes the state unreadable."""

PLUGIN = "pulumi-resource-aws"
FOREIGN = ("AWS_", "GIT_", "PULUMI_", "PYTHON", "RELEASE_", "DEPLOY_", "MAKE", "MFLAGS")
"""What a person, a pipeline or make sets for another place than the sandbox."""


def is_plugin_genuine() -> bool:
    """Tell whether the choice of the AWS plugin is left to the engine."""
    return os.environ.get("SANDBOX_AWS_PLUGIN") == "genuine"


def sandboxed(
    variables: Mapping[str, str], directory: Path, engine: Path, url: str
) -> dict[str, str]:
    """Return the variables as they are inside the sandbox at a directory."""
    own = {name: value for name, value in variables.items() if not name.startswith(FOREIGN)}
    path = [str(directory / "bin"), str(Path(sys.prefix) / "bin"), str(engine), own["PATH"]]
    inside = {
        "PATH": os.pathsep.join(path),
        "VIRTUAL_ENV": sys.prefix,
        "PYTHONPATH": str(directory / "checkout"),
        "PULUMI_BACKEND_URL": f"file://{directory / 'state'}?{BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        ID_VARIABLE: str(directory),
    }
    if is_plugin_genuine():
        # It puts an account's id before the host; below `localhost` many systems know every name.
        inside["AWS_ENDPOINT_URL_S3_CONTROL"] = url.replace("127.0.0.1", "localhost")
    else:
        inside |= {
            "PULUMI_HOME": str(directory / "home"),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
    return own | inside


def provide_plugin(programs: Path) -> None:
    """Put the stand-in AWS plugin where the engine looks for plugins, or take it away."""
    programs.mkdir(exist_ok=True)
    script = programs / PLUGIN
    script.unlink(missing_ok=True)
    if is_plugin_genuine():
        return
    script.write_text(
        "#!/bin/sh\nunset PYTHONPATH\n"
        f'exec {shlex.quote(sys.executable)} -P -m sandbox.plugin "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
