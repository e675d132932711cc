"""CodeConnections in the embedded AWS, which moto does not have: connections to a git host.

Owns connections, their tags and their life: PENDING until a person finishes the handshake in the
console, for which AWS has no API and this module has `finish`. Hosts, repository links and
synchronisation are absent.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote
from uuid import uuid4

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.request import Request as HttpRequest
from werkzeug.wrappers import Response

from sandbox.aws import constraints
from sandbox.aws.call import AwsError, Call
from sandbox.aws.paths import FINISHED_CONNECTIONS
from sandbox.aws.rules import Answer, Rule, Rules

_PROVIDERS = ("Bitbucket", "GitHub", "GitLab")
"""Providers that need no host of their own."""

_NO_CONTENT, _NOT_FOUND = 204, 404
_PAGE = 50


@dataclass(kw_only=True)
class Connection:
    """A connection as GetConnection shows it."""

    name: str
    arn: str
    provider: str
    owner: str
    status: str = "PENDING"
    tags: dict[str, str] = field(default_factory=dict[str, str])

    def shown(self) -> dict[str, str]:
        """Return what AWS answers about the connection."""
        return {
            "ConnectionName": self.name,
            "ConnectionArn": self.arn,
            "ProviderType": self.provider,
            "OwnerAccountId": self.owner,
            "ConnectionStatus": self.status,
        }


class ConnectionsBackend(BaseBackend):
    """The connections of one account in one region; kept by moto, so its reset empties it."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.connections: dict[str, Connection] = {}


# botocore lists no regions of the service under its new name
_backends: BackendDict[ConnectionsBackend] = BackendDict(ConnectionsBackend, "codestar-connections")


def rules() -> Rules:
    """Return the operations that this module answers: all that there are here."""
    answers: dict[str, Rule] = {
        "*": _absent,
        "CreateConnection": _create,
        "DeleteConnection": _delete,
        "GetConnection": lambda call: {"Connection": _named(call, "ConnectionArn").shown()},
        "ListConnections": _list,
        "ListTagsForResource": _tags,
        "TagResource": _tag,
        "UntagResource": _untag,
    }
    return {("codeconnections", operation): answer for operation, answer in answers.items()}


def find(arn: str) -> Connection | None:
    """Return the connection with an ARN, if there is one."""
    _, _, _, region, account, *_ = (*arn.split(":"), "", "", "")
    known = account in _backends and region in _backends[account]
    return _backends[account][region].connections.get(arn) if known else None


def finish(request: HttpRequest) -> Response:
    """Answer a person's click that completes the handshake of a connection with its git host."""
    connection = find(unquote(request.path.removeprefix(FINISHED_CONNECTIONS)))
    if connection is None or request.method != "POST":
        return Response(status=_NOT_FOUND)
    connection.status = "AVAILABLE"
    return Response(status=_NO_CONTENT)


def _connections(call: Call) -> dict[str, Connection]:
    return _backends[call.account][call.region].connections


def _named(call: Call, parameter: str) -> Connection:
    arn = call.text(parameter)
    connection = _connections(call).get(arn)
    if connection is None:
        raise AwsError("ResourceNotFoundException", f"Could not find resource: {arn}")
    return connection


def _create(call: Call) -> Answer:
    constraints.check(call, "InvalidInputException")
    name, provider = call.text("ConnectionName"), call.text("ProviderType")
    if call.text("HostArn"):
        raise AwsError("ResourceNotFoundException", f"Could not find host {call.text('HostArn')}")
    if provider not in _PROVIDERS:
        raise AwsError(
            "InvalidInputException", f"Connections for {provider or 'no provider'} require a host"
        )
    if any(connection.name == name for connection in _connections(call).values()):
        raise AwsError("InvalidInputException", f"Connection name {name} is already in use")
    arn = f"arn:aws:codeconnections:{call.region}:{call.account}:connection/{uuid4()}"
    made = Connection(
        name=name, arn=arn, provider=provider, owner=call.account, tags=_given_tags(call)
    )
    _connections(call)[arn] = made
    return {"ConnectionArn": arn, "Tags": _listed(made.tags)}


def _delete(call: Call) -> Answer:
    del _connections(call)[_named(call, "ConnectionArn").arn]
    return {}


def _list(call: Call) -> Answer:
    """Answer one page; a connection of a host cannot be here."""
    provider, size = call.text("ProviderTypeFilter"), call.parameters.get("MaxResults") or _PAGE
    found = [
        connection.shown()
        for connection in _connections(call).values()
        if provider in {"", connection.provider} and not call.text("HostArnFilter")
    ]
    start = int(call.text("NextToken") or 0)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return {"Connections": found[start : start + size], **more}


def _tags(call: Call) -> Answer:
    return {"Tags": _listed(_named(call, "ResourceArn").tags)}


def _tag(call: Call) -> Answer:
    _named(call, "ResourceArn").tags.update(_given_tags(call))
    return {}


def _untag(call: Call) -> Answer:
    tags, keys = _named(call, "ResourceArn").tags, call.parameters["TagKeys"]
    for key in keys:
        tags.pop(key, None)
    return {}


def _given_tags(call: Call) -> dict[str, str]:
    given: list[dict[str, str]] = call.parameters.get("Tags") or []
    return {tag["Key"]: tag["Value"] for tag in given}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _absent(call: Call) -> Answer:
    message = f"The embedded AWS does not have {call.service} {call.operation}."
    raise AwsError("NotImplemented", message, 501)
