"""Plays pipelines as CodePipeline would, from the definitions in the sandbox's Tools account.

Owns which pipelines a push or a tag starts, the order of their actions, what these hand to each
other, approvals, and that one run of a pipeline waits for the other. The git host is the sandbox's
checkout. CodePipeline acts with the pipeline's role throughout, so that a right it lacks is seen
here. Actions that AWS would run at the same time run one after another.
"""

import itertools
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from sandbox import access, builds, globs, results
from sandbox.access import Access
from sandbox.builds import BuildError, Order, Store
from sandbox.environment import REGION
from sandbox.problem import SandboxError
from sandbox.results import Message
from sandbox.sandbox import Sandbox

ACCOUNT = "tools"
"""The account that holds the pipelines."""

SERVICE = "codepipeline.amazonaws.com"
CONNECTION = "CodeStarSourceConnection"
_FROM_OUTSIDE = ("PATH", "LANG", "LC_ALL", "TMPDIR")
_VARIABLE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")
_LONGEST_NOTICE = 1000
"""Characters of an approval's text, with its variables put in."""

Definition = Mapping[str, Any]
Approve = Callable[[str], bool]


class ActionError(Exception):
    """Why an action failed, as CodePipeline shows it."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action that was played: how it ended, what it said, and the variables that it made."""

    stage: str
    name: str
    succeeded: bool
    seconds: float
    log: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a pipeline that ended; an action that it did not come to is absent.

    `told` are the messages that topics got on its way and at its end, `artefacts` the keys in the
    pipeline's bucket by the names of what they hold.
    """

    pipeline: str
    commit: str
    actions: tuple[Action, ...]
    artefacts: Mapping[str, str]
    told: tuple[Message, ...]

    @property
    def succeeded(self) -> bool:
        """Whether the run came to its end."""
        return all(action.succeeded for action in self.actions)

    def action(self, name: str) -> Action:
        """Return an action by its name."""
        return next(action for action in self.actions if action.name == name)


def show_and_approve(notice: str) -> bool:
    """Approve for the person at the keyboard, who sees what would have been asked."""
    sys.stdout.write(f"{notice}\n")
    return True


class Player:
    """Plays the pipelines of a sandbox that is up."""

    def __init__(
        self,
        sandbox: Sandbox,
        approve: Approve = show_and_approve,
        *,
        variables: Mapping[str, str] = MappingProxyType({}),
        without: Collection[str] = (),
    ) -> None:
        """Play in a sandbox; `approve` decides for the person that an action waits for.

        `variables` are set in builds in place of what their projects set, and the actions in
        `without` are left out.
        """
        self.sandbox = sandbox
        self.approve = approve
        self.variables = variables
        self.without = without
        self._queues: dict[str, _Queue] = {}

    def started_by_push(self, branch: str, files: Iterable[str]) -> list[str]:
        """Return the names of the pipelines that a push to a branch starts."""
        changed = tuple(files)
        return [
            definition["name"]
            for definition in self._definitions()
            if any(_takes_push(push, branch, changed) for push in _pushes(definition))
        ]

    def started_by_tag(self, tag: str) -> list[str]:
        """Return the names of the pipelines that the push of a tag starts."""
        return [
            definition["name"]
            for definition in self._definitions()
            if any(_takes_tag(push, tag) for push in _pushes(definition))
        ]

    def play(self, pipeline: str, commit: str, branch: str | None = None) -> Run:
        """Play a pipeline for a commit, after all its runs that were asked for before."""
        account = self.sandbox.access(ACCOUNT)
        pipelines = access.client("codepipeline", account)
        with self._queues.setdefault(pipeline, _Queue()).turn():
            try:
                found = pipelines.get_pipeline(name=pipeline)
            except pipelines.exceptions.PipelineNotFoundException:
                raise SandboxError(
                    f"There is no pipeline {pipeline} in the {ACCOUNT} account: bring its stack up "
                    "first."
                ) from None
            if found["pipeline"]["executionMode"] != "QUEUED":
                raise SandboxError(
                    f"The pipeline {pipeline} is not QUEUED, and the sandbox plays no other."
                )
            played = _Execution(
                player=self,
                account=account,
                definition=found["pipeline"],
                arn=found["metadata"]["pipelineArn"],
                commit=commit,
                branch=branch,
            )
            return played.run()

    def _definitions(self) -> Iterator[Definition]:
        """Return every pipeline's definition, in the order of their names."""
        pipelines = access.client("codepipeline", self.sandbox.access(ACCOUNT))
        for page in pipelines.get_paginator("list_pipelines").paginate():
            for entry in page["pipelines"]:
                yield pipelines.get_pipeline(name=entry["name"])["pipeline"]


class _Queue:
    """Lets runs in one at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._tickets = itertools.count()
        self._next = 0
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Generator[None]:
        with self._changed:
            ticket = next(self._tickets)
            self._changed.wait_for(lambda: self._next == ticket)
        try:
            yield
        finally:
            with self._changed:
                self._next += 1
                self._changed.notify_all()


def _each(definition: Definition, name: str) -> list[dict[str, Any]]:
    return definition.get(name) or []


def _pushes(definition: Definition) -> Iterator[Mapping[str, Any]]:
    """Return the filters of pushes; a source that AWS watches by itself has one for its branch."""
    triggers = _each(definition, "triggers")
    for trigger in triggers:
        yield from _each(trigger["gitConfiguration"], "push")
    if not triggers:
        for action in definition["stages"][0]["actions"]:
            configuration = action["configuration"]
            if configuration.get("DetectChanges", "true") == "true":
                yield {"branches": {"includes": [configuration["BranchName"]]}}


def _takes_push(push: Mapping[str, Any], branch: str, files: tuple[str, ...]) -> bool:
    if "branches" not in push or not _admits(push["branches"], branch):
        return False
    return "filePaths" not in push or any(_admits(push["filePaths"], file) for file in files)


def _takes_tag(push: Mapping[str, Any], tag: str) -> bool:
    return "tags" in push and _admits(push["tags"], tag)


def _admits(criteria: Mapping[str, list[str]], text: str) -> bool:
    return globs.admits(criteria.get("includes") or [], criteria.get("excludes") or [], text)


@dataclass(kw_only=True)
class _Execution:
    """One run of a pipeline while it is played."""

    player: Player
    account: Access
    definition: Definition
    arn: str
    commit: str
    branch: str | None
    identifier: str = field(default_factory=lambda: str(uuid4()))
    variables: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    artefacts: dict[str, str] = field(default_factory=dict[str, str])
    told: list[Message] = field(default_factory=list[Message])

    def run(self) -> Run:
        """Play the stages until one fails, and tell whoever wants to know how it ended."""
        self.variables["variables"] = {
            variable["name"]: variable.get("defaultValue", "")
            for variable in _each(self.definition, "variables")
        }
        self.variables["codepipeline"] = {"PipelineExecutionId": self.identifier}
        actions: list[Action] = []
        for stage in self.definition["stages"]:
            wanted = [it for it in stage["actions"] if it["name"] not in self.player.without]
            for together in _in_order(wanted):
                played = [self._play(stage["name"], action) for action in together]
                actions += played
                if not all(action.succeeded for action in played):
                    return self._ended(actions, "FAILED")
        return self._ended(actions, "SUCCEEDED")

    def _ended(self, actions: list[Action], state: str) -> Run:
        name, owner = self.definition["name"], self.arn.split(":")[4]
        happened = results.event(owner, REGION, name, self.identifier, state)
        self.told += results.tell(self.account, happened)
        return Run(
            pipeline=name,
            commit=self.commit,
            actions=tuple(actions),
            artefacts=self.artefacts,
            told=tuple(self.told),
        )

    def _play(self, stage: str, action: Definition) -> Action:
        started = time.monotonic()
        plays = {CONNECTION: self._fetch, "CodeBuild": self._build, "Manual": self._ask}
        succeeded, variables = False, dict[str, str]()
        try:
            provider = action["actionTypeId"]["provider"]
            if provider not in plays:
                raise SandboxError(f"The sandbox plays no action of {provider}.")
            succeeded, log, variables = plays[provider](action, self._configuration(action))
        except (ActionError, BuildError, ClientError, PermissionError) as error:
            log = f"{error}\n"
        if action.get("namespace"):
            self.variables[action["namespace"]] = variables
        return Action(
            stage=stage,
            name=action["name"],
            succeeded=succeeded,
            seconds=time.monotonic() - started,
            log=log,
            variables=variables,
        )

    def _configuration(self, action: Definition) -> dict[str, str]:
        """Return an action's configuration with the values of its variables."""

        def value(found: re.Match[str]) -> str:
            known = self.variables.get(found[1], {})
            if found[2] not in known:
                raise ActionError(f"The variable {found[0]} has no value: no action has made it.")
            return known[found[2]]

        given: Mapping[str, str] = action.get("configuration") or {}
        return {key: _VARIABLE.sub(value, text) for key, text in given.items()}

    def _role(self) -> Access:
        """Return CodePipeline's access to the account, by the pipeline's role."""
        role, url = self.definition["roleArn"], self.account["endpoint_url"]
        return access.as_service_role(url, role, SERVICE, source=self.arn, name=self.identifier)

    def _store(self) -> Store:
        store: dict[str, Any] = self.definition["artifactStore"]
        key: dict[str, str] = store.get("encryptionKey") or {}
        return Store(bucket=store["location"], key=key.get("id"))

    def _new_artefact(self, action: Definition) -> tuple[str, str] | None:
        """Return the name of what an action makes, if anything, and the key it is kept under."""
        names: list[str] = [artefact["name"] for artefact in _each(action, "outputArtifacts")]
        if len(names) > 1:
            raise SandboxError(f"{action['name']}: the sandbox plays no action with two artefacts.")
        if not names:
            return None
        pipeline, last = self.definition["name"][:20], uuid4().hex[:7]
        return names[0], f"{pipeline}/{names[0][:10]}/{last}"

    def _fetch(
        self, action: Definition, configuration: Mapping[str, str]
    ) -> tuple[bool, str, dict[str, str]]:
        """Play the source: the commit by its connection, as a reference that builds clone."""
        role, connection = self._role(), configuration["ConnectionArn"]
        if configuration.get("OutputArtifactFormat") != "CODEBUILD_CLONE_REF":
            raise SandboxError(f"{action['name']}: the sandbox plays a full clone only.")
        status = access.use_connection(role, connection)
        if status != "AVAILABLE":
            raise ActionError(
                f"The connection {connection} is {status}: a person has to finish it in AWS's "
                "console."
            )
        checkout, artefact = self.player.sandbox.checkout, self._new_artefact(action)
        variables = {
            "AuthorDate": checkout.shown(self.commit, "%aI"),
            "AuthorDisplayName": checkout.shown(self.commit, "%an"),
            "AuthorEmail": checkout.shown(self.commit, "%ae"),
            "BranchName": self.branch or configuration["BranchName"],
            "CommitId": self.commit,
            "CommitMessage": checkout.shown(self.commit, "%B").strip(),
            "ConnectionArn": connection,
            "FullRepositoryName": configuration["FullRepositoryId"],
        }
        if artefact is not None:
            name, key = artefact
            content = json.dumps(variables).encode()
            self._store().put(role, key, content, acl="bucket-owner-full-control")
            self.artefacts[name] = key
        return True, f"{self.commit} {variables['CommitMessage']}\n", variables

    def _build(
        self, action: Definition, configuration: Mapping[str, str]
    ) -> tuple[bool, str, dict[str, str]]:
        """Play a build: CodePipeline starts it, looks after it, and CodeBuild does the rest."""
        sandbox, project = self.player.sandbox, self._started(configuration["ProjectName"])
        names: list[str] = [artefact["name"] for artefact in _each(action, "inputArtifacts")]
        source = configuration.get("PrimarySource", names[0])
        artefact = self._new_artefact(action)
        asked: list[dict[str, str]] = json.loads(configuration.get("EnvironmentVariables", "[]"))
        outside = {name: os.environ[name] for name in _FROM_OUTSIDE if name in os.environ}
        build = builds.run(
            Order(
                project=project,
                pipeline=self.definition["name"],
                environment=sandbox.environment(outside) | sandbox.public(),
                variables={
                    **{variable["name"]: variable["value"] for variable in asked},
                    **self.player.variables,
                },
                checkout=sandbox.checkout,
                commit=self.commit,
                connection=self._connection_of(source),
                store=self._store(),
                source=self.artefacts[source],
                inputs={name: self.artefacts[name] for name in names if name != source},
                output=artefact[1] if artefact else None,
            )
        )
        if artefact is not None and build.succeeded:
            self.artefacts[artefact[0]] = artefact[1]
        return build.succeeded, build.log, dict(build.exported)

    def _started(self, project: str) -> Mapping[str, Any]:
        """Start a build with the pipeline's role; return its project."""
        service = access.client("codebuild", self._role())
        build = service.start_build(projectName=project)["build"]
        service.batch_get_builds(ids=[build["id"]])
        owner = access.client("codebuild", self.account)
        [found] = owner.batch_get_projects(names=[project])["projects"]
        return found

    def _connection_of(self, artefact: str) -> str:
        """Return the connection of the source that an artefact comes from."""
        for action in self.definition["stages"][0]["actions"]:
            if artefact in [made["name"] for made in action["outputArtifacts"]]:
                return action["configuration"]["ConnectionArn"]
        raise SandboxError(f"{artefact} is no source: the sandbox builds nothing else.")

    def _ask(
        self, _: Definition, configuration: Mapping[str, str]
    ) -> tuple[bool, str, dict[str, str]]:
        """Play an approval: its topic is told, then a person decides."""
        notice, topic = configuration.get("CustomData", ""), configuration.get("NotificationArn")
        if len(notice) > _LONGEST_NOTICE:
            raise ActionError(
                f"The text of an approval may have {_LONGEST_NOTICE} characters, and this one has "
                f"{len(notice)}."
            )
        if topic:
            access.client("sns", self._role()).publish(TopicArn=topic, Message=notice)
            self.told.append(Message(topic=topic, text=notice))
        approved = self.player.approve(notice)
        return approved, f"{'Approved' if approved else 'Rejected'}\n{notice}\n", {}


def _in_order(actions: Iterable[Definition]) -> Iterator[list[Definition]]:
    """Return the actions of a stage in groups: AWS runs those of one group at the same time."""

    def order(action: Definition) -> int:
        return action.get("runOrder") or 1

    for _, together in itertools.groupby(sorted(actions, key=order), order):
        yield list(together)
