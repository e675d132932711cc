"""Connections to a git host: made by a program, finished by a person, used by whom may."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import as_role, client, finish_connection, use_connection
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, Embedded, allow, policy, trust

UNKNOWN = f"arn:aws:codeconnections:{REGION}:{MANAGEMENT}:connection/00000000"


def make_connection(by: Client, name: str = "git", **more: Any) -> str:
    asked = {"ConnectionName": name, "ProviderType": "GitHub", **more}
    return by("codeconnections").create_connection(**asked)["ConnectionArn"]


def status(by: Client, arn: str) -> str:
    found = by("codeconnections").get_connection(ConnectionArn=arn)
    return found["Connection"]["ConnectionStatus"]


def test_a_connection_waits_until_a_person_finishes_it(aws: Embedded) -> None:
    arn = make_connection(aws.operator)
    shown = aws.operator("codeconnections").get_connection(ConnectionArn=arn)["Connection"]
    assert shown == {
        "ConnectionName": "git",
        "ConnectionArn": arn,
        "ProviderType": "GitHub",
        "OwnerAccountId": MANAGEMENT,
        "ConnectionStatus": "PENDING",
    }
    assert arn.startswith(f"arn:aws:codeconnections:{REGION}:{MANAGEMENT}:connection/")
    finish_connection(f"http://127.0.0.1:{aws.port}", arn)
    assert status(aws.operator, arn) == "AVAILABLE"


def test_connections_are_listed_by_provider_and_in_pages(aws: Embedded) -> None:
    made = [make_connection(aws.operator, f"git-{number}") for number in range(3)]
    made.append(make_connection(aws.operator, "other", ProviderType="GitLab"))
    asked = {"ProviderTypeFilter": "GitHub", "MaxResults": 2}
    first = aws.operator("codeconnections").list_connections(**asked)
    asked["NextToken"] = first["NextToken"]
    second = aws.operator("codeconnections").list_connections(**asked)
    found = [[entry["ConnectionArn"] for entry in page["Connections"]] for page in (first, second)]
    assert found == [made[:2], made[2:3]]
    assert "NextToken" not in second


def test_an_account_sees_its_own_connections_alone(aws: Embedded, corp: tuple[str, Client]) -> None:
    _, admin = corp
    arn = make_connection(aws.operator)
    assert admin("codeconnections").list_connections()["Connections"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        status(admin, arn)


def test_a_connection_keeps_its_tags(aws: Embedded) -> None:
    arn = make_connection(aws.operator, Tags=[{"Key": "a", "Value": "1"}])
    connections = aws.operator("codeconnections")
    connections.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    connections.untag_resource(ResourceArn=arn, TagKeys=["a"])
    tags = connections.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]


def test_a_deleted_connection_is_gone(aws: Embedded) -> None:
    arn, connections = make_connection(aws.operator), aws.operator("codeconnections")
    connections.delete_connection(ConnectionArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        connections.delete_connection(ConnectionArn=arn)
    assert make_connection(aws.operator) != arn


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (
            {"ConnectionName": "n" * 33},
            r"InvalidInputException.*1 validation error detected: Value at 'connectionName' failed "
            r"to satisfy constraint: Member must have length less than or equal to 32",
        ),
        ({"ConnectionName": "git"}, "InvalidInputException.*git is already in use"),
        ({"ProviderType": "GitHubEnterpriseServer"}, "InvalidInputException.*require a host"),
        ({"ProviderType": "SVN"}, "Member must satisfy enum value set: .*GitHub"),
        (
            {"HostArn": f"arn:aws:codeconnections:{REGION}:{MANAGEMENT}:host/unknown"},
            "ResourceNotFoundException",
        ),
    ],
)
def test_a_connection_that_cannot_be_is_refused(
    aws: Embedded, wrong: dict[str, str], refusal: str
) -> None:
    make_connection(aws.operator)
    with pytest.raises(ClientError, match=refusal):
        make_connection(aws.operator, **{"ConnectionName": "other", **wrong})


def test_an_operation_that_the_embedded_aws_lacks_says_so(aws: Embedded) -> None:
    with pytest.raises(ClientError, match="does not have codeconnections ListHosts"):
        aws.operator("codeconnections").list_hosts()


def test_a_connection_is_read_and_used_by_whom_may(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    arn, other = make_connection(admin), make_connection(admin, "other")
    url, iam = f"http://127.0.0.1:{aws.port}", admin("iam")
    iam.create_role(RoleName="user", AssumeRolePolicyDocument=trust({"AWS": MANAGEMENT}))
    permission = policy(allow("codeconnections:UseConnection", arn))
    iam.put_role_policy(RoleName="user", PolicyName="use", PolicyDocument=permission)
    access = as_role(url, f"arn:aws:iam::{account}:role/user")
    assert use_connection(access, arn) == "PENDING"
    denied = "not authorized to perform: codeconnections:{} on resource: {} because no identity"
    with pytest.raises(ClientError, match=denied.format("UseConnection", other)):
        use_connection(access, other)
    with pytest.raises(ClientError, match=denied.format("GetConnection", arn)):
        client("codeconnections", access).get_connection(ConnectionArn=arn)


def test_an_unknown_connection_cannot_be_finished(aws: Embedded) -> None:
    with pytest.raises(OSError, match="404"):
        finish_connection(f"http://127.0.0.1:{aws.port}", UNKNOWN)
