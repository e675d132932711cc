"""CodeConnections: connections to where the code is, without hosts of one's own."""

# ruff: noqa: ARG002, D102  `schema.Resource` says what each method does and gets

from typing import ClassVar

from sandbox.plugin.account import Account, AwsError
from sandbox.plugin.schema import REGION, TAGS, AutoName, Resource, block, string
from sandbox.plugin.tags import retag, tag_list, tag_map
from sandbox.plugin.values import Values

_SERVICE = "codeconnections"
_PROVIDERS = (
    "AzureDevOps",
    "Bitbucket",
    "GitHub",
    "GitHubEnterpriseServer",
    "GitLab",
    "GitLabSelfManaged",
)


class Connection(Resource):
    """A connection; its id is its ARN. It is pending until a person finishes it in the console.

    Nothing waits for that person, and only tags change in place.
    """

    type_name = "aws:codeconnections/connection:Connection"
    title = "CodeConnections Connection"
    arguments: ClassVar = {
        "hostArn": string(replaces=True),
        "name": string(required=True, replaces=True),
        "providerType": string(computed=True, replaces=True, choices=_PROVIDERS),
        **REGION,
        **TAGS,
        "timeouts": block({}, carried=False),
    }
    outputs = ("arn", "connectionStatus", "ownerAccountId", "tagsAll")
    auto_name = AutoName()
    conflicts = (("hostArn", "providerType"),)

    def create(self, account: Account, args: Values) -> str:
        answer = account.call(
            _SERVICE,
            "CreateConnection",
            ConnectionName=args["name"],
            HostArn=args.get("hostArn"),
            ProviderType=args.get("providerType"),
            Tags=tag_list(args),
        )
        return answer["ConnectionArn"]

    def read(self, account: Account, resource_id: str, known: Values) -> Values | None:
        live = account.call(_SERVICE, "GetConnection", ConnectionArn=resource_id)["Connection"]
        tags = account.call(_SERVICE, "ListTagsForResource", ResourceArn=resource_id)
        return {
            "arn": live["ConnectionArn"],
            "connectionStatus": live["ConnectionStatus"],
            "hostArn": live.get("HostArn", ""),
            "name": live["ConnectionName"],
            "ownerAccountId": live["OwnerAccountId"],
            "providerType": live["ProviderType"],
            "tagsAll": tag_map(tags["Tags"]),
        }

    def update(self, account: Account, resource_id: str, old: Values, new: Values) -> None:
        retag(account, _SERVICE, old, new, ResourceArn=resource_id)

    def delete(self, account: Account, resource_id: str, state: Values) -> None:
        account.call(_SERVICE, "DeleteConnection", ConnectionArn=resource_id)

        def gone() -> bool | None:
            try:
                account.call(_SERVICE, "GetConnection", ConnectionArn=resource_id)
            except AwsError as error:
                if not error.is_missing:
                    raise
                return True
            return None

        account.wait_for(gone, lambda: f"connection {resource_id} is not deleted yet")


RESOURCES = (Connection(),)
