"""Guard rails: what nobody in an account may do, its administrators included.

Owns the policy documents and their attachment to OUs and accounts. Leaves alone what people
attached by hand and `FullAWSAccess`, which AWS attaches: each guard rail is a deny list beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

import pulumi
import pulumi_aws as aws

PolicyDocument = dict[str, Any]


def protect_data_stores() -> PolicyDocument:
    """Return the policy that denies deletion of what holds the only copy of a customer's data.

    OpenSearch kept the service prefix of Elasticsearch and has both delete actions. QLDB ended on
    2025-07-31; its deny costs nothing.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ProtectDataStores",
                "Effect": "Deny",
                "Action": [
                    "dynamodb:DeleteTable",
                    "es:DeleteDomain",
                    "es:DeleteElasticsearchDomain",
                    "qldb:DeleteLedger",
                ],
                "Resource": "*",
            }
        ],
    }


LIBRARY: Mapping[str, Callable[[], PolicyDocument]] = {"protectDataStores": protect_data_stores}
"""Every guard rail that settings may switch on, by the name they use for it."""


def minified(document: PolicyDocument) -> str:
    """Return the document as it is sent: AWS counts white space against the size of an SCP."""
    return dumps(document, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class GuardRailArgs:
    """What one guard rail denies, and where.

    The policy is made in the organization, so `organization_id` has to be there first. `targets`
    maps the path of an OU or the name of an account to its id; its keys shape the graph.
    """

    organization_id: pulumi.Input[str]
    document: PolicyDocument
    targets: Mapping[str, pulumi.Input[str]]


class GuardRail(pulumi.ComponentResource):
    """One service control policy and its attachments."""

    policy_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: GuardRailArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("multi-account:guard_rails:GuardRail", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        policy = aws.organizations.Policy(
            f"{name}-policy",
            type="SERVICE_CONTROL_POLICY",
            # AWS refuses a policy before there is an organization; accounts need not be there yet.
            content=pulumi.Output.from_input(args.organization_id).apply(
                lambda _: minified(args.document)
            ),
            opts=child,
        )
        for target, target_id in args.targets.items():
            aws.organizations.PolicyAttachment(
                f"{name}-{target}", policy_id=policy.id, target_id=target_id, opts=child
            )
        self.policy_id = policy.id
        self.register_outputs({"policy_id": self.policy_id})
