"""The state on the real engine: moved to a bucket and back, and there open to each role's own part.

The stacks are small ones of its own; the bucket, the key and the roles have the real policies.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.state import bucket_policy, key_policy, state_access
from sandbox import environment
from sandbox.embedded import EmbeddedAws
from sandbox.sandbox import ROOT, Sandbox
from tests.git import git
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Embedded, policy, trust

BUCKET = "pulumi-state"
OPERATOR = f"arn:aws:iam::{MANAGEMENT}:role/deployer"
SECRETS = {"org/main": "sesame-of-org", "app/dev": "sesame-of-dev", "app/prod": "sesame-of-prod"}
READS = {"org/main": [], "app/dev": ["org/main"], "app/prod": ["org/main"]}
SLOW = "SECONDS_OF_A_PROGRAM"
PREAMBLE = f"""
import os, subprocess, time
import pulumi
commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
word = pulumi.Config().require_secret("word")
time.sleep(float(os.environ.get("{SLOW}", "0")))
pulumi.export("release_commit", commit)
pulumi.export("word", word)
"""
ORG = f"""{PREAMBLE}
import pulumi_aws as aws
here = aws.Provider("here", region="{REGION}", allowed_account_ids=["{MANAGEMENT}"])
aws.ssm.Parameter("word", name="/word", type="SecureString", value=word,
                  opts=pulumi.ResourceOptions(provider=here))
"""
APP = f"""{PREAMBLE}
class OrgOutputs:
    @staticmethod
    def read():
        return pulumi.StackReference(f"{{pulumi.get_organization()}}/org/main")
pulumi.export("theirs", OrgOutputs.read().require_output("word"))
"""
RUN = """
import sys
from pathlib import Path
from ops import __main__, move_state, telling
move_state.ROOT = telling.ROOT = Path(sys.argv.pop(1))
sys.exit(__main__.main())
"""


@dataclass
class World:
    """A repository of three stacks, an organization, and a bucket for the state in Tools."""

    folder: Path
    aws: Embedded
    tools: str
    key: str
    variables: dict[str, str]

    @property
    def root(self) -> Path:
        return self.folder / "repository"

    @property
    def local(self) -> str:
        return f"file://{self.folder / 'local'}?metadata=skip"

    @property
    def bucket(self) -> str:
        endpoint = f"http://127.0.0.1:{self.aws.port}"
        return (
            f"s3://{BUCKET}?endpoint={endpoint}&disableSSL=true&s3ForcePathStyle=true"
            f"&region={REGION}&awssdk=v2"
        )

    def of(self, role: str, account: str = "") -> dict[str, str]:
        """Return the variables of somebody's session."""
        arn = f"arn:aws:iam::{account or self.tools}:role/{role}"
        sts = self.aws.operator("sts")
        given = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def pulumi(
        self, stack: str, *words: str, backend: str, given: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(stack, *words),
            env=self.variables | {"PULUMI_BACKEND_URL": backend} | variables,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, stack: str, *words: str) -> list[str]:
        project, _, name = stack.partition("/")
        folder = self.root if project == "app" else self.root / "stacks" / project
        return ["pulumi", "-C", str(folder), "--non-interactive", *words, "--stack", name]

    def move(
        self, backend: str, to: str, *words: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as the person who deploys."""
        who = self.of("deployer", MANAGEMENT)
        return subprocess.run(
            [sys.executable, "-c", RUN, str(self.root), "move-state", "--to", to, *words],
            env=self.variables
            | {"PULUMI_BACKEND_URL": backend, "PYTHONPATH": str(ROOT)}
            | who
            | variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def names(self, backend: str) -> set[str]:
        """Return the names of the stacks in a backend, as the person who deploys sees them."""
        found: set[str] = set()
        for stack in ("org/main", "app/dev"):
            listed = self.pulumi(
                stack, "stack", "ls", "--json", backend=backend, **self.of("deployer", MANAGEMENT)
            )
            project = stack.partition("/")[0]
            found |= {f"{project}/{it['name']}" for it in json.loads(listed.stdout)}
        return found

    def in_clear(self) -> list[Path]:
        """Return the files that have a secret in them for everybody to read."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [
            path
            for path in files
            if any(secret.encode() in path.read_bytes() for secret in SECRETS.values())
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("state")
    server = EmbeddedAws(folder)
    port = server.start(MANAGEMENT, 0).port
    try:
        aws = Embedded(port)
        aws.organize()
        tools = aws.account("tools")
        key = _make_store(aws, tools)
        yield World(folder, aws, tools, key, _variables(folder, port))
    finally:
        server.stop()


def _variables(folder: Path, port: int) -> dict[str, str]:
    (folder / "bin").mkdir()
    environment.provide_plugin(folder / "bin")
    (folder / "temporary").mkdir()
    engine = Sandbox(folder / "none").engine()
    url = f"http://127.0.0.1:{port}"
    variables = environment.sandboxed(os.environ, folder, engine, url)
    del variables["PYTHONPATH"]
    return variables | {"TMPDIR": str(folder / "temporary")}


def _make_store(aws: Embedded, tools: str) -> str:
    """Make the roles, the key and the bucket, and return the key's ARN."""
    here = aws.session(tools)
    iam = aws.operator("iam")
    operator = trust({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"})
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=operator)
    everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=everything)
    builders = [_build_role(stack) for stack in SECRETS]
    key = here("kms").create_key(Policy=json.dumps(key_policy(tools, builders, OPERATOR)))
    key_arn = key["KeyMetadata"]["Arn"]
    bucket = f"arn:aws:s3:::{BUCKET}"
    for stack, reads in READS.items():
        role = _build_role(stack)
        project, _, name = stack.partition("/")
        statements = state_access(bucket, key_arn, project, name, reads)
        here("iam").create_role(RoleName=role, AssumeRolePolicyDocument=operator)
        here("iam").put_role_policy(
            RoleName=role, PolicyName="state", PolicyDocument=policy(*statements)
        )
    s3 = here("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
    rule = {"ApplyServerSideEncryptionByDefault": by_key, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps(bucket_policy(bucket, tools, builders, OPERATOR))
    )
    return key_arn


def _build_role(stack: str) -> str:
    return f"build-{stack.replace('/', '-')}"


@pytest.fixture(scope="module")
def deployed(world: World) -> World:
    """Return the world with all stacks in a folder's backend."""
    files = {
        "Pulumi.yaml": "name: app\nruntime: python\n",
        "__main__.py": APP,
        "stacks/org/Pulumi.yaml": "name: org\nruntime: python\n",
        "stacks/org/__main__.py": ORG,
        "requirements.lock": "",
        ".gitignore": ".venv\n__pycache__\n",
    }
    for stack in SECRETS:
        project, _, name = stack.partition("/")
        folder = "" if project == "app" else f"stacks/{project}/"
        settings = f"# Of a person.\nconfig:\n  {project}:release: {{ branch: main }}\n"
        files[f"{folder}Pulumi.{name}.yaml"] = settings
    for name, text in files.items():
        (world.root / name).parent.mkdir(parents=True, exist_ok=True)
        (world.root / name).write_text(text)
    (world.folder / "local").mkdir()
    for stack, secret in SECRETS.items():
        run = (world.pulumi(stack, "stack", "init", "--no-select", backend=world.local),
               world.pulumi(stack, "config", "set", "--secret", "word", backend=world.local,
                            given=secret))  # fmt: skip
        assert not any(it.returncode for it in run), run
    git(world.root, "init", "--quiet", "-b", "main")
    git(world.root, "add", "--all")
    git(world.root, "commit", "--quiet", "--message", "first")
    for stack in SECRETS:
        done = world.pulumi(stack, "up", "--yes", "--skip-preview", backend=world.local)
        assert done.returncode == 0, done.stdout + done.stderr
    return world


@dataclass
class Moved:
    """What was seen while the stacks moved to the bucket, the first time not to the end."""

    killed: subprocess.CompletedProcess[str]
    between: tuple[set[str], set[str]]
    ended: subprocess.CompletedProcess[str]
    in_clear: list[Path]


@pytest.fixture(scope="module")
def moved(deployed: World) -> Moved:
    killer = deployed.folder / "killer"
    killer.mkdir()
    program = killer / "pulumi"
    # It does what it is told, and when that was the import of dev nobody is there to hear of it.
    program.write_text(
        f'#!/bin/sh\nPATH="{deployed.variables["PATH"]}"\npulumi "$@"\nstatus=$?\n'
        'case "$*" in *"stack import --stack dev") kill -9 $PPID ;; esac\nexit $status\n'
    )
    program.chmod(0o755)
    world = deployed
    kms = ("--secrets-provider", f"awskms:///{world.key}?region={REGION}")
    path = f"{killer}{os.pathsep}{world.variables['PATH']}"
    killed = world.move(world.local, world.bucket, *kms, PATH=path)
    between = (world.names(world.local), world.names(world.bucket))
    in_clear = world.in_clear()
    ended = world.move(world.local, world.bucket, *kms)
    return Moved(killed, between, ended, in_clear + world.in_clear())


def test_a_move_that_was_killed_ends_when_it_is_run_again(deployed: World, moved: Moved) -> None:
    assert moved.killed.returncode == -9, moved.killed.stderr
    here, there = moved.between
    assert "app/dev" in here
    assert there == {"org/main", "app/dev"}
    assert moved.ended.returncode == 0, moved.ended.stderr
    assert deployed.names(deployed.bucket) == set(SECRETS)
    assert not deployed.names(deployed.local) & set(SECRETS)
    assert len(deployed.names(deployed.local)) == len(SECRETS)


def test_no_secret_is_in_a_file_in_clear_at_any_time(moved: Moved) -> None:
    assert moved.in_clear == []


def test_secrets_arrive_and_are_bound_to_their_stack(deployed: World, moved: Moved) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    who = deployed.of("deployer", MANAGEMENT)
    for stack, secret in SECRETS.items():
        done = deployed.pulumi(
            stack, "stack", "output", "word", "--show-secrets", backend=deployed.bucket, **who
        )
        assert done.stdout.strip() == secret, done.stderr
        done = deployed.pulumi(stack, "config", "get", "word", backend=deployed.bucket, **who)
        assert done.stdout.strip() == secret, done.stderr


OBJECT = ".pulumi/stacks/{}.json"


def refused(call: Any, **arguments: Any) -> str:
    """Return the code that a call is refused with, or nothing."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response.get("Error", {}).get("Code"))
    return ""


def test_devs_build_role_reaches_neither_prods_state_nor_what_it_only_reads(
    deployed: World, moved: Moved
) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    s3 = deployed.aws.session(deployed.tools, "build-app-dev")("s3")

    def get(stack: str) -> str:
        return refused(s3.get_object, Bucket=BUCKET, Key=OBJECT.format(stack))

    def put(key: str) -> str:
        return refused(s3.put_object, Bucket=BUCKET, Key=key, Body=b"{}")

    assert (get("app/prod"), put(OBJECT.format("app/prod"))) == ("AccessDenied", "AccessDenied")
    assert (get("org/main"), put(OBJECT.format("org/main"))) == ("", "AccessDenied")
    assert (get("app/dev"), put(".pulumi/backups/app/dev/x.json")) == ("", "")
    assert put(".pulumi/locks/organization/app/prod/x.json") == "AccessDenied"


def test_not_even_an_administrator_of_the_account_reads_a_state(
    deployed: World, moved: Moved
) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    s3 = deployed.aws.session(deployed.tools)("s3")

    assert refused(s3.get_object, Bucket=BUCKET, Key=OBJECT.format("app/dev")) == "AccessDenied"


def test_devs_build_role_does_all_that_a_pipeline_does_with_its_stack(
    deployed: World, moved: Moved
) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    who = deployed.of("build-app-dev")
    for words in (
        ("preview",),
        ("up", "--yes", "--skip-preview"),
        ("refresh", "--yes", "--skip-preview"),
        ("stack", "history"),
        ("stack", "output", "--show-secrets"),
        ("cancel", "--yes"),
    ):
        done = deployed.pulumi("app/dev", *words, backend=deployed.bucket, **who)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def test_devs_build_role_reads_no_secret_of_prod(deployed: World, moved: Moved) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    who = deployed.of("build-app-dev")

    state = deployed.pulumi("app/prod", "stack", "export", backend=deployed.bucket, **who)
    assert "StatusCode: 403" in state.stderr
    # The settings file is in the repository for everybody to read, and so is its key, encrypted.
    own = deployed.root / "Pulumi.dev.yaml"
    kept = own.read_text()
    try:
        own.write_text((deployed.root / "Pulumi.prod.yaml").read_text())
        config = deployed.pulumi("app/dev", "config", "get", "word", backend=deployed.bucket, **who)
    finally:
        own.write_text(kept)
    assert SECRETS["app/prod"] not in config.stdout
    assert "kms:Decrypt" in config.stderr


def test_of_two_updates_that_start_at_once_one_goes_on_at_most(
    deployed: World, moved: Moved
) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    variables = deployed.variables | deployed.of("build-app-dev")
    variables |= {"PULUMI_BACKEND_URL": deployed.bucket, SLOW: "2"}
    command = deployed.command("app/dev", "up", "--yes", "--skip-preview")

    both = [
        subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]

    refusals = [words for process, words in zip(both, said, strict=True) if process.returncode]
    assert refusals
    for words in refusals:
        assert "the stack is currently locked by" in words
        assert "created by " in words
        assert "(pid " in words


def test_stacks_move_back_to_a_folder(deployed: World, moved: Moved) -> None:
    assert moved.ended.returncode == 0, moved.ended.stderr
    git(deployed.root, "commit", "--all", "--quiet", "--message", "moved")
    back = ("org/main", "app/dev")

    done = deployed.move(deployed.bucket, deployed.local, *back)

    assert done.returncode == 0, done.stderr
    assert "Still there: app/prod; to be moved too" in done.stdout
    assert set(back) <= deployed.names(deployed.local)
    for stack in back:
        found = deployed.pulumi(
            stack, "stack", "output", "word", "--show-secrets", backend=deployed.local
        )
        assert found.stdout.strip() == SECRETS[stack], found.stderr
    assert deployed.in_clear() == []
