"""Pipelines as CodePipeline plays them: what starts them, with which rights, what they hand on."""

import io
import json
import os
import shutil
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import access, builds
from sandbox.embedded import EmbeddedAws
from sandbox.pipelines import Player, Run
from sandbox.problem import SandboxError
from sandbox.sandbox import Sandbox
from tests.sandbox.aws import delivery
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Embedded, allow, policy
from tests.sandbox.conftest import Run as Git

PIPELINE = delivery.PROJECT
BUCKET = "artefacts"
GROUP = "/pipelines/app-dev"
MAIN = {"branches": {"includes": ["main"]}}
TELLS = """
env:
  variables: {STACK: from the buildspec, COLOUR: blue}
  exported-variables: [NOTICE]
phases:
  build:
    commands:
      - mkdir out
      - python -c 'import json, os; print(json.dumps(dict(os.environ)))' >out/environment.json
      - python -c 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])' >out/arn
      - git branch --remotes --format '%(refname)' >out/branches
      - git status --short --branch >out/status
      - export NOTICE="2 risks"
artifacts:
  files: [out/**/*]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The record of a running embedded AWS."""
    folder = tmp_path_factory.mktemp("aws")
    aws = EmbeddedAws(folder)
    aws.start(MANAGEMENT, 0)
    yield folder / "aws.json"
    aws.stop()


class Site(Sandbox):
    """A sandbox whose organization has one member account, Tools, and no engine."""

    accounts: dict[str, str]

    known: dict[str, access.Access]

    def access(self, account: str) -> access.Access:
        if account not in self.known:
            self.known[account] = super().access(account)
        return self.known[account]

    def account_ids(self) -> dict[str, str]:
        return self.accounts

    def engine(self) -> Path:
        return self.directory


@dataclass(eq=False)
class Delivery:
    """The Tools account with the pipeline of a commit; approvals are asked of a list."""

    site: Site
    git: Git
    answers: list[bool] = field(default_factory=list[bool])
    asked: list[str] = field(default_factory=list[str])

    @property
    def url(self) -> str:
        return self.site.access("tools")["endpoint_url"]

    @property
    def player(self) -> Player:
        return Player(self.site, self._approve)

    def _approve(self, notice: str) -> bool:
        self.asked.append(notice)
        return self.answers.pop(0)

    @cache  # noqa: B019  lives as long as its test
    def client(self, service: str) -> Any:
        return access.client(service, self.site.access("tools"))

    def commit(self, buildspec: str) -> str:
        """Commit a buildspec, which becomes the head of both branches."""
        (self.site.source / "build.yml").write_text(f"version: 0.2\n{buildspec}")
        self.git(self.site.source, "add", "--all")
        self.git(self.site.source, "commit", "--quiet", "--message", "a step\n\nof two")
        commit = self.site.checkout.snapshot()
        self.site.checkout.switch("main", commit)
        self.git(self.site.checkout.directory, "branch", "--force", "develop", commit)
        return commit

    def make(self, *actions: dict[str, Any], lacking: str = "", **more: Any) -> None:
        """Make roles with all rights but one, a connection, a bucket, a project and a pipeline."""
        role, arn = self._role, f"arn:aws:s3:::{BUCKET}/*"
        connection = self.client("codeconnections").create_connection(
            ConnectionName="git", ProviderType="GitHub"
        )["ConnectionArn"]
        access.finish_connection(self.url, connection)
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        project = f"arn:aws:codebuild:{REGION}:{self.site.accounts['tools']}:project/{PIPELINE}"
        logs = f"arn:aws:logs:{REGION}:{self.site.accounts['tools']}:log-group:{GROUP}:*"
        self.client("logs").create_log_group(logGroupName=GROUP)
        pipeline = role(
            "pipelines",
            "codepipeline",
            {
                "codeconnections:UseConnection": connection,
                "s3:PutObject": arn,
                "s3:PutObjectAcl": arn,
                "codebuild:StartBuild": project,
                "codebuild:BatchGetBuilds": project,
                "sns:Publish": f"arn:aws:sns:{REGION}:{self.site.accounts['tools']}:results",
            },
            lacking,
        )
        build = role(
            "build-app-dev",
            "codebuild",
            {
                "codeconnections:UseConnection": connection,
                "s3:GetObject": arn,
                "s3:PutObject": arn,
                "logs:CreateLogStream": logs,
                "logs:PutLogEvents": logs,
            },
            lacking,
        )
        made = delivery.project(
            build, logsConfig={"cloudWatchLogs": {"status": "ENABLED", "groupName": GROUP}}
        )
        made["source"]["buildspec"] = "build.yml"
        self.client("codebuild").create_project(**made)
        source = delivery.source()
        source["configuration"]["ConnectionArn"] = connection
        stages = [delivery.stage(action["name"], action) for action in (source, *actions)]
        self.client("codepipeline").create_pipeline(
            pipeline=delivery.pipeline(pipeline, *stages, **more)
        )

    def _role(self, name: str, service: str, rights: dict[str, str], lacking: str) -> str:
        given = [
            allow(action, on) for action, on in rights.items() if f"{name} {action}" != lacking
        ]
        return delivery.make_role(self.client, name, service, *given)

    def read(self, run: Run, artefact: str) -> dict[str, str]:
        """The files of an artefact."""
        kept = self.client("s3").get_object(Bucket=BUCKET, Key=run.artefacts[artefact])
        with zipfile.ZipFile(io.BytesIO(kept["Body"].read())) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def tools(tmp_path: Path, server: Path, git: Git) -> Delivery:
    box, source = tmp_path / "box", tmp_path / "source"
    box.mkdir()
    source.mkdir()
    shutil.copy(server, box)
    git(source, "init", "--quiet", "--initial-branch", "main")
    aws = Embedded(json.loads(server.read_text())["port"])
    reset = urllib.request.Request(f"http://127.0.0.1:{aws.port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset)  # noqa: S310  loopback
    aws.organize()
    site = Site(box, source)
    site.known, site.accounts = {}, {"tools": aws.account("tools")}
    return Delivery(site, git)


def build(name: str = "Build", step: str = "build", **more: Any) -> dict[str, Any]:
    variables = [{"name": "STEP", "value": step, "type": "PLAINTEXT"}]
    configuration = {"ProjectName": PIPELINE, "EnvironmentVariables": json.dumps(variables)}
    return delivery.build(name, configuration=configuration, **more)


def outcome(run: Run) -> list[tuple[str, bool]]:
    return [(action.name, action.succeeded) for action in run.actions]


def test_a_push_is_built_from_a_full_clone_by_the_projects_role(tools: Delivery) -> None:
    commit = tools.commit(TELLS)
    tools.make(build(outputArtifacts=[{"name": "built"}]))
    run = tools.player.play(PIPELINE, commit, "main")
    assert outcome(run) == [("Source", True), ("Build", True)], run.actions[-1].log
    files, account = tools.read(run, "built"), tools.site.accounts["tools"]
    assert files["out/arn"].startswith(
        f"arn:aws:sts::{account}:assumed-role/build-app-dev/AWSCodeBuild-"
    )
    assert files["out/branches"].split() == [
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/develop",
        "refs/remotes/origin/main",
    ]
    assert files["out/status"] == "## HEAD (no branch)\n?? out/\n"
    assert run.action("Source").variables == {
        "AuthorDate": tools.site.checkout.shown(commit, "%aI"),
        "AuthorDisplayName": "a",
        "AuthorEmail": "a@example.com",
        "BranchName": "main",
        "CommitId": commit,
        "CommitMessage": "a step\n\nof two",
        "ConnectionArn": run.action("Source").variables["ConnectionArn"],
        "FullRepositoryName": "company/cloud",
    }


def test_a_build_has_the_variables_of_a_container_and_no_others(
    tools: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_A_PERSON", "secret")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "secret")
    commit = tools.commit(TELLS)
    tools.make(build(outputArtifacts=[{"name": "built"}]))
    run = tools.player.play(PIPELINE, commit)
    found = json.loads(tools.read(run, "built")["out/environment.json"])
    assert (found["STACK"], found["STEP"], found["COLOUR"]) == ("app/dev", "build", "blue")
    assert found["CODEBUILD_RESOLVED_SOURCE_VERSION"] == commit
    assert found["CODEBUILD_INITIATOR"] == f"codepipeline/{PIPELINE}"
    assert found["CODEBUILD_BUILD_ID"].startswith(f"{PIPELINE}:")
    assert found["CODEBUILD_SRC_DIR"] == found["PYTHONPATH"]
    assert found["HOME"] != os.environ["HOME"]
    foreign = {
        "SECRET_OF_A_PERSON",
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE",
    }
    assert not foreign & found.keys()


def test_a_build_that_keeps_state_in_the_sandbox_has_its_passphrase(tools: Delivery) -> None:
    commit = tools.commit(TELLS)
    tools.make(build(outputArtifacts=[{"name": "built"}]))
    variables = [{"name": "PULUMI_BACKEND_URL", "value": "file:///state"}]
    environment = {**delivery.project("")["environment"], "environmentVariables": variables}
    tools.client("codebuild").update_project(name=PIPELINE, environment=environment)
    run = tools.player.play(PIPELINE, commit)
    found = json.loads(tools.read(run, "built")["out/environment.json"])
    assert found["PULUMI_BACKEND_URL"] == "file:///state"
    assert found["PULUMI_CONFIG_PASSPHRASE"] == "sandbox"


def test_a_build_is_lent_the_packages_that_its_commit_locks_and_no_others(tools: Delivery) -> None:
    lock = tools.site.source / "requirements.lock"
    lock.write_text("old")
    old = tools.commit("phases: {build: {commands: ['[ ! -e .venv ]']}}")
    lock.write_text("new")
    new = tools.commit("phases: {build: {commands: ['[ -x .venv/bin/python ]']}}")
    tools.make(build())
    assert tools.player.play(PIPELINE, old).succeeded
    assert tools.player.play(PIPELINE, new).succeeded


def test_git_fetches_in_a_build_only_where_the_buildspec_hands_it_credentials(
    tools: Delivery,
) -> None:
    fetch = "phases: {build: {commands: [git fetch origin]}}"
    without, with_them = (
        tools.commit(fetch),
        tools.commit(f"env: {{git-credential-helper: yes}}\n{fetch}"),
    )
    tools.make(build())

    assert not tools.player.play(PIPELINE, without).succeeded
    assert tools.player.play(PIPELINE, with_them).succeeded


def test_an_approval_is_asked_what_the_preview_exported(tools: Delivery) -> None:
    commit = tools.commit(TELLS)
    ask = delivery.approval(CustomData="#{Preview.NOTICE} in #{Source.CommitId}")
    tools.make(build("Preview", namespace="Preview"), ask, build("Update"))
    tools.answers = [True, False]
    steps = ["Source", "Preview", "Approve", "Update"]
    assert outcome(tools.player.play(PIPELINE, commit)) == [(name, True) for name in steps]
    assert outcome(tools.player.play(PIPELINE, commit)) == [
        ("Source", True),
        ("Preview", True),
        ("Approve", False),
    ]
    assert tools.asked == [f"2 risks in {commit}"] * 2


def test_an_approvals_text_has_its_limit_with_its_variables_put_in(tools: Delivery) -> None:
    commit = tools.commit(TELLS.replace("2 risks", "r" * 1001))
    tools.make(build("Preview", namespace="P"), delivery.approval(CustomData="#{P.NOTICE}"))
    run = tools.player.play(PIPELINE, commit)
    assert run.action("Approve").log == (
        "The text of an approval may have 1000 characters, and this one has 1001.\n"
    )
    assert tools.asked == []


def test_a_variable_that_nothing_exported_fails_the_action_that_wants_it(tools: Delivery) -> None:
    commit = tools.commit("phases: {build: {commands: [NOTICE=1]}}")
    tools.make(build("Preview", namespace="P"), delivery.approval(CustomData="#{P.NOTICE}"))
    run = tools.player.play(PIPELINE, commit)
    assert run.action("Approve").log == (
        "The variable #{P.NOTICE} has no value: no action has made it.\n"
    )


def test_a_failing_build_ends_the_run_and_its_log_is_kept(tools: Delivery) -> None:
    commit = tools.commit("phases: {build: {commands: [echo begun, ls nothing]}}")
    tools.make(build(), build("Update"))
    run = tools.player.play(PIPELINE, commit)
    assert outcome(run) == [("Source", True), ("Build", False)]
    assert not run.succeeded
    lines = run.action("Build").log.splitlines()
    begun = lines.index("begun")
    assert lines[begun - 2 : begun] == [
        "[Container] Entering phase BUILD",
        "[Container] Running command echo begun",
    ]
    assert "[Container] Command did not exit successfully, exit status 2" in lines
    [stream] = tools.client("logs").describe_log_streams(logGroupName=GROUP)["logStreams"]
    kept = tools.client("logs").get_log_events(
        logGroupName=GROUP, logStreamName=stream["logStreamName"]
    )["events"]
    assert [event["message"] for event in kept] == lines


def test_a_build_that_promises_an_artefact_has_to_make_it(tools: Delivery) -> None:
    commit = tools.commit("phases: {build: {commands: ['true']}}\nartifacts: {files: out/**/*}")
    tools.make(build(outputArtifacts=[{"name": "built"}]))
    run = tools.player.play(PIPELINE, commit)
    assert outcome(run)[-1] == ("Build", False)
    assert run.action("Build").log.splitlines()[-1] == (
        "[Container] UPLOAD_ARTIFACTS: CLIENT_ERROR: no matching artifact paths found"
    )
    assert "built" not in run.artefacts


def test_an_action_reads_what_another_made(tools: Delivery) -> None:
    commands = """
phases:
  build:
    commands:
      - mkdir -p out
      - if [ $STEP = second ]; then cat $CODEBUILD_SRC_DIR_built/out/word; fi
      - echo made by $STEP >out/word
artifacts: {files: out/**/*}
"""
    commit = tools.commit(commands)
    second = build("Second", "second", inputArtifacts=[{"name": "source"}, {"name": "built"}])
    second["configuration"]["PrimarySource"] = "source"
    tools.make(build("First", "first", outputArtifacts=[{"name": "built"}]), second)
    run = tools.player.play(PIPELINE, commit)
    assert "made by first" in run.action("Second").log


def test_a_build_that_takes_too_long_is_ended(
    tools: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "_MINUTE", 0.01)
    commit = tools.commit("phases: {build: {commands: [sleep 60]}}")
    tools.make(build())
    run = tools.player.play(PIPELINE, commit)
    assert outcome(run)[-1] == ("Build", False)
    assert "[Container] Build timed out after 60 minutes" in run.action("Build").log


def test_what_a_build_leaves_behind_in_another_group_is_ended(
    tools: Delivery, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    command = f"set -m; sleep 300 & echo $! >{left}"
    commit = tools.commit(f"phases: {{build: {{commands: ['{command}']}}}}")
    tools.make(build())

    run = tools.player.play(PIPELINE, commit)
    assert run.succeeded, "\n".join(f"{it.name} {it.succeeded}\n{it.log}" for it in run.actions)

    with suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(left.read_text())).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("lacking", "fails", "refusal"),
    [
        ("pipelines codeconnections:UseConnection", "Source", "codeconnections:UseConnection on"),
        ("pipelines s3:PutObject", "Source", "PutObject"),
        ("pipelines codebuild:StartBuild", "Build", "codebuild:StartBuild on resource"),
        ("pipelines codebuild:BatchGetBuilds", "Build", "codebuild:BatchGetBuilds on resource"),
        ("build-app-dev codeconnections:UseConnection", "Build", "DOWNLOAD_SOURCE: "),
        ("build-app-dev s3:GetObject", "Build", "DOWNLOAD_SOURCE: "),
        ("build-app-dev s3:PutObject", "Build", "UPLOAD_ARTIFACTS: "),
        ("build-app-dev logs:CreateLogStream", "Build", "SUBMITTED: ACCESS_DENIED: Service role"),
        ("build-app-dev logs:PutLogEvents", "Build", "FINALIZING: "),
    ],
)
def test_a_right_that_a_role_lacks_is_seen_to_fail(
    tools: Delivery, lacking: str, fails: str, refusal: str
) -> None:
    commit = tools.commit("phases: {build: {commands: [touch a]}}\nartifacts: {files: a}")
    tools.make(build(outputArtifacts=[{"name": "built"}]), lacking=lacking)
    run = tools.player.play(PIPELINE, commit)
    assert outcome(run)[-1] == (fails, False)
    assert refusal in run.action(fails).log
    assert "AccessDenied" in run.action(fails).log


def test_a_connection_that_nobody_finished_fetches_nothing(tools: Delivery) -> None:
    commit = tools.commit(TELLS)
    tools.make(build())
    pipelines, connections = tools.client("codepipeline"), tools.client("codeconnections")
    declared = pipelines.get_pipeline(name=PIPELINE)["pipeline"]
    pending = connections.create_connection(ConnectionName="new", ProviderType="GitHub")
    declared["stages"][0]["actions"][0]["configuration"] |= {
        "ConnectionArn": pending["ConnectionArn"]
    }
    pipelines.update_pipeline(pipeline=declared)
    rights = allow("codeconnections:UseConnection")
    tools.client("iam").put_role_policy(
        RoleName="pipelines", PolicyName="new", PolicyDocument=policy(rights)
    )
    run = tools.player.play(PIPELINE, commit)
    assert run.action("Source").log == (
        f"The connection {pending['ConnectionArn']} is PENDING: a person has to finish it in AWS's "
        "console.\n"
    )


@pytest.mark.parametrize(
    ("push", "starts"),
    [
        ({"branches": {"includes": ["main"]}}, [PIPELINE]),
        ({"branches": {"includes": ["develop"]}}, []),
        ({"branches": {"excludes": ["main"]}}, []),
        ({**MAIN, "filePaths": {"includes": ["stacks/org/**"]}}, [PIPELINE]),
        ({**MAIN, "filePaths": {"includes": ["stacks/dns/**"]}}, []),
        ({**MAIN, "filePaths": {"includes": ["stacks/**"], "excludes": ["**/*.py"]}}, []),
        ({"tags": {"includes": ["**"]}}, []),
    ],
)
def test_a_push_starts_what_its_filters_name(
    tools: Delivery, push: dict[str, Any], starts: list[str]
) -> None:
    tools.make(build(), triggers=[delivery.trigger(push)])
    files = ["README.md", "stacks/org/__main__.py"]
    assert tools.player.started_by_push("main", files[1:]) == starts
    assert tools.player.started_by_tag("v1.0.0") == [PIPELINE] * ("tags" in push)


def test_any_of_several_filters_starts_a_pipeline(tools: Delivery) -> None:
    pushes = [{"branches": {"includes": ["develop"]}}, {**MAIN, "filePaths": {"includes": ["a"]}}]
    tools.make(build(), triggers=[delivery.trigger(*pushes)])
    assert tools.player.started_by_push("main", ["a", "b"]) == [PIPELINE]
    assert tools.player.started_by_push("develop", ["b"]) == [PIPELINE]
    assert tools.player.started_by_push("main", ["b"]) == []


def test_without_a_trigger_only_a_watched_branch_starts_a_pipeline(tools: Delivery) -> None:
    tools.make(build())
    assert tools.player.started_by_push("main", ["a"]) == []
    pipelines = tools.client("codepipeline")
    declared = pipelines.get_pipeline(name=PIPELINE)["pipeline"]
    declared["stages"][0]["actions"][0]["configuration"]["DetectChanges"] = "true"
    pipelines.update_pipeline(pipeline=declared)
    assert tools.player.started_by_push("main", ["a"]) == [PIPELINE]
    assert tools.player.started_by_push("develop", ["a"]) == []


def test_a_tag_builds_the_commit_that_it_names(tools: Delivery) -> None:
    commit = tools.commit("phases: {build: {commands: [git describe --tags]}}")
    tools.git(tools.site.checkout.directory, "tag", "--annotate", "--message", "r", "v1.2.3")
    tools.commit("phases: {build: {commands: ['false']}}")
    tools.make(build(), triggers=[delivery.trigger({"tags": {"includes": ["v*"]}})])
    [pipeline] = tools.player.started_by_tag("v1.2.3")
    run = tools.player.play(pipeline, commit)
    assert (run.commit, run.succeeded) == (commit, True)
    assert "v1.2.3" in run.action("Build").log.splitlines()


def test_runs_of_one_pipeline_wait_for_each_other(tools: Delivery, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    commit = tools.commit(
        f"phases: {{build: {{commands: [mkdir {alone}, sleep 0.3, rmdir {alone}]}}}}"
    )
    tools.make(build())
    player, runs = tools.player, list[Run]()
    threads = [
        threading.Thread(target=lambda: runs.append(player.play(PIPELINE, commit)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.succeeded for run in runs] == [True] * 3


def test_actions_of_one_place_are_all_played_before_one_of_them_ends_the_run(
    tools: Delivery,
) -> None:
    commit = tools.commit("phases: {build: {commands: ['[ $STEP = good ]']}}")
    tools.make(build("First", "good"))
    pipelines = tools.client("codepipeline")
    declared = pipelines.get_pipeline(name=PIPELINE)["pipeline"]
    together = [build("Last", "good", runOrder=2), build("Bad", "bad"), build("Good", "good")]
    declared["stages"][1]["actions"] = together
    pipelines.update_pipeline(pipeline=declared)
    assert outcome(tools.player.play(PIPELINE, commit))[1:] == [("Bad", False), ("Good", True)]


def test_topics_hear_of_an_approval_and_of_the_end(tools: Delivery) -> None:
    commit = tools.commit("phases: {build: {commands: ['true']}}")
    sns, events = tools.client("sns"), tools.client("events")
    topic = sns.create_topic(Name="results")["TopicArn"]
    pattern = {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"state": ["SUCCEEDED", "FAILED"], "pipeline": [{"prefix": "app-"}]},
    }
    rule = events.put_rule(Name="results", EventPattern=json.dumps(pattern))["RuleArn"]
    transformer = {
        "InputPathsMap": {"pipeline": "$.detail.pipeline", "state": "$.detail.state"},
        "InputTemplate": '"<pipeline>: <state>"',
    }
    target = {"Id": "topic", "Arn": topic, "InputTransformer": transformer}
    events.put_targets(Rule="results", Targets=[target])
    tools.make(build(), delivery.approval(NotificationArn=topic, CustomData="Update?"))
    tools.answers = [True, False]
    silent = tools.player.play(PIPELINE, commit)
    assert [message.text for message in silent.told] == ["Update?"]
    statement = allow(
        "sns:Publish",
        topic,
        Principal={"Service": "events.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": rule}},
    )
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=policy(statement)
    )
    told = tools.player.play(PIPELINE, commit).told
    assert [(message.topic, message.text) for message in told] == [
        (topic, "Update?"),
        (topic, '"app-dev: FAILED"'),
    ]


def test_a_pipeline_that_is_not_there_or_not_queued_is_not_played(tools: Delivery) -> None:
    commit = tools.commit(TELLS)
    with pytest.raises(SandboxError) as absent:
        tools.player.play(PIPELINE, commit)
    assert str(absent.value) == (
        "There is no pipeline app-dev in the tools account: bring its stack up first."
    )
    tools.make(build(), executionMode="SUPERSEDED")
    with pytest.raises(SandboxError) as other:
        tools.player.play(PIPELINE, commit)
    assert str(other.value) == "The pipeline app-dev is not QUEUED, and the sandbox plays no other."
