"""The Tools account: the connection to the git host, a pipeline for each stack, and every state.

Deliberately nothing that is deployed: each pipeline works in its stack's account, with the one role
there that trusts it.
"""

import pulumi

from components.account import AccountBaseline, AccountBaselineArgs
from components.pipeline import (
    DriftCheck,
    DriftCheckArgs,
    Pipeline,
    PipelineArgs,
    PipelineService,
    PipelineServiceArgs,
)
from components.state import StateStore, StateStoreArgs
from stacks import catalogue
from stacks.accounts import member_account, own_build_role
from stacks.outputs import OrgOutputs, ToolsOutputs
from stacks.release import Release
from stacks.settings import TOOLS, ToolsSettings

settings = ToolsSettings.load()
release = Release.admitted_by(settings.release)
org = OrgOutputs.read(accounts=catalogue.member_accounts())
account_id, account_ids = org.accounts[TOOLS], org.every_account()

in_tools = pulumi.ResourceOptions(providers=[member_account(TOOLS, account_id, settings.region)])

baseline = AccountBaseline(
    "baseline",
    AccountBaselineArgs(
        account_id=account_id,
        tools_account_id=account_id,
        build_role=own_build_role(),
        assumable=catalogue.assumable_roles(),
    ),
    in_tools,
)
store = StateStore(
    "state",
    StateStoreArgs(
        account_id=account_id,
        region=settings.region,
        bucket_name=pulumi.Output.concat("pulumi-state-", account_id),
        build_roles=list(catalogue.build_roles().values()),
        operator_role_arn=pulumi.Output.concat(
            "arn:aws:iam::", org.management_account_id, ":role/", settings.deployer_role
        ),
    ),
    in_tools,
)
service = PipelineService(
    "pipelines",
    PipelineServiceArgs(
        account_id=account_id,
        region=settings.region,
        git_host=settings.git_host,
        repository=settings.repository,
        email=settings.notification_email,
        permissions_boundary=baseline.boundary_arn,
    ),
    in_tools,
)
pipelines = {
    stack.pipeline: Pipeline(
        stack.pipeline,
        PipelineArgs(
            stack=str(stack),
            build_role=stack.build_role,
            branch=stack.rule.branch,
            tag=stack.rule.tag,
            file_patterns=catalogue.file_patterns(stack),
            approval=stack.rule.approval,
            service=service,
            assumed=account_ids.apply(stack.assumed_roles),
            state=store.access_of(stack.project, stack.name, stack.reads),
            state_url=store.url,
            permissions_boundary=baseline.boundary_arn,
        ),
        in_tools,
    )
    for stack in catalogue.stacks()
}
DriftCheck(
    "drift",
    DriftCheckArgs(
        projects={name: pipeline.project_name for name, pipeline in pipelines.items()},
        hour=settings.drift_hour,
        branch=settings.release.branch,
        service=service,
        permissions_boundary=baseline.boundary_arn,
    ),
    in_tools,
)

ToolsOutputs(
    account_id=account_id,
    connection_arn=service.connection_arn,
    connection_status=service.connection_status,
    connection_next_step=service.connection_next_step,
    state_url=store.url,
    secrets_provider=store.secrets_provider,
    artifact_bucket=service.artifacts.bucket_name,
    notifications_topic=service.topic_arn,
    **release.once_complete(),
).export()
