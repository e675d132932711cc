"""One build of a CodeBuild project, run here as CodeBuild would run it in a container.

Owns the container's environment, the build's log, and what goes in and out of the artefact bucket;
whatever CodeBuild does with the project's role is done with that role. The virtual environment that
is lent, and the sandbox's addresses, are what a container of AWS would not have.
"""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from sandbox import access, buildspec, globs, processes
from sandbox.access import Access
from sandbox.buildspec import Buildspec, BuildspecError
from sandbox.checkout import Checkout
from sandbox.environment import PASSPHRASE
from sandbox.processes import PATIENCE_SECONDS

SERVICE = "codebuild.amazonaws.com"
_DEFAULT_BUILDSPEC = "buildspec.yml"
_LOCK = "requirements.lock"
_NOT_IN_A_CONTAINER = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PYTHONPATH")
_LINES_AT_ONCE = 1000  # a request to CloudWatch Logs takes 10,000 at most
_MINUTE = 60


class BuildError(Exception):
    """Why a build could not begin or end, as the context of one of its phases says it."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where a pipeline keeps its artefacts, and the KMS key that encrypts them, if it names one."""

    bucket: str
    key: str | None

    def put(self, by: Access, name: str, content: bytes, acl: str | None = None) -> None:
        """Keep an artefact with the rights of whoever made it."""
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key} if self.key else {}
        grant = {"ACL": acl} if acl else {}
        client = access.client("s3", by)
        client.put_object(Bucket=self.bucket, Key=name, Body=content, **grant, **kms)

    def get(self, by: Access, name: str) -> bytes:
        """Return an artefact with the rights of whoever needs it."""
        answer = access.client("s3", by).get_object(Bucket=self.bucket, Key=name)
        return answer["Body"].read()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a pipeline asks of CodeBuild: a step of a commit, with a project's settings.

    `environment` is the sandbox's, without what a person's shell adds; `variables` are the
    action's. `connection` is that to the git host. Artefacts are given by the keys under which they
    are kept: the commit's `source`, the other `inputs` by name, and the `output` to make, if any.
    """

    project: Mapping[str, Any]
    pipeline: str
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    checkout: Checkout
    commit: str
    connection: str
    store: Store
    source: str
    inputs: Mapping[str, str]
    output: str | None

    @property
    def url(self) -> str:
        """Where the embedded AWS is."""
        return self.environment["AWS_ENDPOINT_URL"]


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that ended: whether everything succeeded, its log, and what it exported."""

    succeeded: bool
    log: str
    exported: Mapping[str, str]


def run(order: Order) -> Build:
    """Run a build from a fresh clone to its artefact; raise BuildError where it cannot begin."""
    identifier = str(uuid4())
    with tempfile.TemporaryDirectory(prefix="codebuild-") as folder:
        place = Path(folder)
        role = _role(order, identifier)
        stream = _log_stream(order, role, identifier)
        clone = _clone(order, role, place / "src")
        inputs = _unpacked(order, role, place)
        try:
            named = order.project["source"].get("buildspec") or _DEFAULT_BUILDSPEC
            spec = buildspec.read(clone / named)
            if not spec.knows_git_host:
                Checkout(order.checkout.directory, clone).forget_origin()
        except BuildspecError as error:
            raise BuildError(f"DOWNLOAD_SOURCE: {error}") from error
        variables = {
            **_container(order, role, clone, place / "home"),
            **_codebuild(order, identifier, clone),
            **{f"CODEBUILD_SRC_DIR_{name}": str(path) for name, path in inputs.items()},
            **spec.variables,
            **_variables(order),
        }
        build = _shell(order, spec, clone, variables)
        problem = _keep(order, role, spec, clone)
        log = build.log + (f"[Container] {problem}\n" if problem else "")
        _write(order, role, stream, log)
        return Build(
            succeeded=build.succeeded and problem is None, log=log, exported=build.exported
        )


def _role(order: Order, identifier: str) -> Access:
    role, source = order.project["serviceRole"], order.project["arn"]
    session = f"AWSCodeBuild-{identifier}"
    try:
        return access.as_service_role(order.url, role, SERVICE, source=source, name=session)
    except PermissionError as error:
        raise BuildError(f"SUBMITTED: {error}") from error


def _log_group(order: Order) -> str | None:
    """Return the log group of a project's builds, if it keeps their logs there."""
    settings: Mapping[str, str] = order.project["logsConfig"]["cloudWatchLogs"]
    named = settings.get("groupName") or f"/aws/codebuild/{order.project['name']}"
    return named if settings["status"] == "ENABLED" else None


def _log_stream(order: Order, role: Access, identifier: str) -> str:
    """Make the stream of a build's log, and the group where nobody has."""
    group, logs = _log_group(order), access.client("logs", role)
    try:
        try:
            if group:
                logs.create_log_stream(logGroupName=group, logStreamName=identifier)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=identifier)
    except ClientError as error:
        raise BuildError(
            f"SUBMITTED: ACCESS_DENIED: Service role {order.project['serviceRole']} does not allow "
            "AWS CodeBuild to create Amazon CloudWatch Logs log streams for build "
            f"{order.project['name']}:{identifier}. Error message: {error}"
        ) from error
    return identifier


def _write(order: Order, role: Access, stream: str, log: str) -> None:
    group, moment = _log_group(order), int(time.time() * 1000)
    lines = [line for line in log.splitlines() if line]
    events = [{"timestamp": moment, "message": line} for line in lines]
    for start in range(0, len(events) if group else 0, _LINES_AT_ONCE):
        some = events[start : start + _LINES_AT_ONCE]
        client = access.client("logs", role)
        try:
            client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=some)
        except ClientError as error:
            raise BuildError(f"FINALIZING: {error}") from error


def _clone(order: Order, role: Access, folder: Path) -> Path:
    """Clone the commit with its history, as the project's role may."""
    try:
        access.use_connection(role, order.connection)
        order.store.get(role, order.source)
    except ClientError as error:
        raise BuildError(f"DOWNLOAD_SOURCE: {error}") from error
    clone = order.checkout.clone(folder, order.commit)
    # A commit with another lock gets none: what makes its own would change the lent one.
    if _locked(clone) == _locked(order.checkout):
        clone.lend(Path(sys.prefix))
    return clone.directory


def _locked(checkout: Checkout) -> bytes:
    """Return what a checkout's virtual environment is made from."""
    lock = checkout.directory / _LOCK
    return lock.read_bytes() if lock.exists() else b""


def _unpacked(order: Order, role: Access, place: Path) -> dict[str, Path]:
    """Unpack the artefacts of other actions, each in a folder of its own."""
    folders = {name: place / "inputs" / name for name in order.inputs}
    for name, key in order.inputs.items():
        try:
            content = order.store.get(role, key)
        except ClientError as error:
            raise BuildError(f"DOWNLOAD_SOURCE: {error}") from error
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folders[name])
    return folders


def _container(order: Order, role: Access, clone: Path, home: Path) -> dict[str, str]:
    """Return what a container has before anybody sets anything."""
    home.mkdir()
    inherited = {
        name: value for name, value in order.environment.items() if name not in _NOT_IN_A_CONTAINER
    }
    return {
        **inherited,
        "HOME": str(home),
        "PYTHONPATH": str(clone),
        "AWS_ACCESS_KEY_ID": role["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": role["aws_secret_access_key"],
        "AWS_SESSION_TOKEN": role["aws_session_token"] or "",
    }


def _codebuild(order: Order, identifier: str, clone: Path) -> dict[str, str]:
    project = order.project
    name, arn = project["name"], project["arn"].replace(":project/", ":build/")
    return {
        "CI": "true",
        "CODEBUILD_BUILD_ARN": f"{arn}:{identifier}",
        "CODEBUILD_BUILD_ID": f"{name}:{identifier}",
        "CODEBUILD_BUILD_IMAGE": project["environment"]["image"],
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": f"codepipeline/{order.pipeline}",
        "CODEBUILD_KMS_KEY_ID": project["encryptionKey"],
        "CODEBUILD_LOG_PATH": identifier,
        "CODEBUILD_PROJECT_ARN": project["arn"],
        "CODEBUILD_RESOLVED_SOURCE_VERSION": order.commit,
        "CODEBUILD_SOURCE_VERSION": f"arn:aws:s3:::{order.store.bucket}/{order.source}",
        "CODEBUILD_SRC_DIR": str(clone),
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }


def _variables(order: Order) -> dict[str, str]:
    """Return the variables of the project and of the action."""
    given: list[dict[str, str]] = order.project["environment"]["environmentVariables"]
    variables = {variable["name"]: variable["value"] for variable in given} | dict(order.variables)
    if variables.get("PULUMI_BACKEND_URL", "").startswith("file:"):
        # State in a bucket needs no passphrase, and the engine finds the embedded AWS by itself.
        variables["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    return variables


def _shell(order: Order, spec: Buildspec, clone: Path, variables: Mapping[str, str]) -> Build:
    """Run the commands; a build that takes too long is ended, with all that it started."""
    place, minutes = clone.parent, order.project["timeoutInMinutes"]
    script, report, log = place / "build.sh", place / "report", place / "log"
    script.write_text(spec.script(report), encoding="utf-8")
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603 - the commands of the commit, in its container
            ["bash", str(script)],  # noqa: S607 - the container's shell, found on its PATH
            cwd=clone,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        told = ""
        try:
            process.wait(minutes * _MINUTE)
            # What is ended below may still be a copy of the shell, with its trap.
            told = report.read_text(encoding="utf-8") if report.exists() else ""
        except subprocess.TimeoutExpired:
            written.write(f"[Container] Build timed out after {minutes} minutes\n".encode())
        finally:
            _end(process)
    done, *exported = told.split("\0")
    pairs = (entry.partition("=") for entry in exported if entry)
    return Build(
        succeeded=process.returncode == 0 and done == "done",
        log=log.read_text(encoding="utf-8", errors="replace"),
        exported={name: value for name, _, value in pairs},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs of a build: by a request at first, so that an engine ends its step."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        processes.still_running(processes.of_session(process.pid), PATIENCE_SECONDS)
    processes.end(processes.of_session(process.pid))
    process.wait()


def _keep(order: Order, role: Access, spec: Buildspec, clone: Path) -> str | None:
    """Keep the build's artefact, which CodeBuild tries even after a failure; return why not."""
    if order.output is None:
        return None
    base, content = clone / spec.base, io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(base, spec.files):
            archive.write(base / path, path)
        if not archive.namelist():
            return "UPLOAD_ARTIFACTS: CLIENT_ERROR: no matching artifact paths found"
    try:
        order.store.put(role, order.output, content.getvalue())
    except ClientError as error:
        return f"UPLOAD_ARTIFACTS: {error}"
    return None


def _files(base: Path, patterns: tuple[str, ...]) -> Iterator[str]:
    """Return the files that patterns mean, in which `**/` also means no folder at all."""
    meant = {*patterns, *(pattern.replace("**/", "") for pattern in patterns)}
    for folder, folders, files in os.walk(base):
        folders[:] = sorted(set(folders) - {".git"})
        for file in sorted(files):
            path = (Path(folder) / file).relative_to(base).as_posix()
            if any(globs.matches(pattern, path) for pattern in meant):
                yield path
