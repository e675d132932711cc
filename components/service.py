"""The application's function and its data: a Lambda function over one DynamoDB table.

Owns how the code runs and what it may touch. How it is reached from outside is `components.api`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.role import role_with_policy, trust_in_service

RUNTIME = "python3.14"
"""The newest Python that Lambda offers (AWS Lambda runtimes, read 2026-11-25)."""

TIMEOUT = 10
"""Seconds a request may take; API Gateway itself gives up after 29."""


def source_archive(package: Path) -> pulumi.AssetArchive:
    """Return a Python package's modules under its name, without bytecode, which differs by host."""
    return pulumi.AssetArchive(
        {
            f"{package.name}/{module.relative_to(package).as_posix()}": pulumi.FileAsset(module)
            for module in sorted(package.rglob("*.py"))
        }
    )


def function_policy(table_arn: str, log_group_arn: str) -> dict[str, Any]:
    """Return the policy of the function's role: its own table, without delete, and its own log."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "UseTheTable",
                "Effect": "Allow",
                "Action": [
                    "dynamodb:DescribeTable",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:Scan",
                ],
                "Resource": table_arn,
            },
            {
                "Sid": "WriteTheLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"{log_group_arn}:*",
            },
        ],
    }


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """The code with its entry point (`module.function`), and the scale it runs at.

    `memory_mb` also sets the share of a processor. `protect_data` locks the table against deletion,
    by Pulumi and by DynamoDB itself. `permissions_boundary` is the ARN of a policy.
    """

    code: pulumi.Archive
    handler: str
    memory_mb: int
    log_retention_days: int
    permissions_boundary: pulumi.Input[str]
    protect_data: bool = True


class Service(pulumi.ComponentResource):
    """The function, its log and its table."""

    function_name: pulumi.Output[str]
    invoke_arn: pulumi.Output[str]
    table_name: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:service:Service", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        table = self._table(name, args)
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-log", retention_in_days=args.log_retention_days, opts=child
        )
        role_arn, _ = role_with_policy(
            name,
            child,
            trust=trust_in_service("lambda.amazonaws.com"),
            policy=pulumi.Output.all(table.arn, log_group.arn).apply(
                lambda arns: function_policy(arns[0], arns[1])
            ),
            permissions_boundary=args.permissions_boundary,
        )
        function = aws.lambda_.Function(
            f"{name}-function",
            code=args.code,
            handler=args.handler,
            runtime=RUNTIME,
            architectures=["arm64"],
            memory_size=args.memory_mb,
            timeout=TIMEOUT,
            role=role_arn,
            environment={"variables": {"TABLE_NAME": table.name}},
            logging_config={"log_format": "JSON", "log_group": log_group.name},
            opts=child,
        )
        self.function_name = function.name
        self.invoke_arn = function.invoke_arn
        self.table_name = table.name
        self.register_outputs(
            {
                "function_name": self.function_name,
                "invoke_arn": self.invoke_arn,
                "table_name": self.table_name,
            }
        )

    def _table(self, name: str, args: ServiceArgs) -> aws.dynamodb.Table:
        return aws.dynamodb.Table(
            f"{name}-table",
            attributes=[{"name": "id", "type": "S"}],
            hash_key="id",
            billing_mode="PAY_PER_REQUEST",
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True},
            deletion_protection_enabled=args.protect_data,
            # The only copy of what customers entered.
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect_data),
        )
