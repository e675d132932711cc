"""What an instance learns about itself, and the rights that its role gives it."""

import base64
import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from sandbox.access import as_instance, client, metadata_of_instance
from tests.sandbox.aws.embedded import MANAGEMENT, REGION, Client, Embedded, allow, trust
from tests.sandbox.aws.hosts import GROUP, ROLE, Host, make_host, make_role, take_address, template

TOKEN = "X-aws-ec2-metadata-token"
SECONDS = "X-aws-ec2-metadata-token-ttl-seconds"


@dataclass
class Metadata:
    """One instance's service, as the instance reaches it."""

    url: str

    def ask(self, path: str, method: str = "GET", **headers: str) -> str:
        url = f"{self.url}latest/{path}"
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310  loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.read().decode()

    def token(self, seconds: str = "60") -> str:
        return self.ask("api/token", "PUT", **{SECONDS: seconds})

    def get(self, path: str) -> str:
        return self.ask(path, **{TOKEN: self.token()})


def service(aws: Embedded, account: str, instance: str) -> Metadata:
    return Metadata(metadata_of_instance(f"http://127.0.0.1:{aws.port}", account, instance))


def status(ask: Any) -> int:
    with pytest.raises(HTTPError) as refusal:
        ask()
    refusal.value.close()
    return refusal.value.code


def make_profiled(admin: Client, *statements: dict[str, Any], **more: Any) -> Host:
    profile = make_role(admin, *statements)
    return make_host(admin, IamInstanceProfile={"Arn": profile}, **more)


def test_an_instance_learns_who_and_where_it_is(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    host = make_profiled(admin)
    found, metadata = host.described(), service(aws, account, host.instance)
    [interface] = found["NetworkInterfaces"]
    network = f"network/interfaces/macs/{interface['MacAddress']}"
    expected = {
        "instance-id": host.instance,
        "instance-type": "t4g.micro",
        "ipv6": interface["Ipv6Addresses"][0]["Ipv6Address"],
        "local-ipv4": found["PrivateIpAddress"],
        "placement/region": REGION,
        "placement/availability-zone": found["Placement"]["AvailabilityZone"],
        "public-ipv4": found["PublicIpAddress"],
        f"{network}/vpc-ipv4-cidr-block": "10.0.0.0/24",
    }
    assert {path: metadata.get(f"meta-data/{path}") for path in expected} == expected
    identity = json.loads(metadata.get("dynamic/instance-identity/document"))
    assert (identity["accountId"], identity["instanceId"]) == (account, host.instance)
    assert metadata.get("user-data") == "#!/bin/bash\n"
    assert "placement/" in metadata.get("meta-data/").splitlines()


def test_an_instance_sees_the_address_that_it_takes(aws: Embedded) -> None:
    host = make_host(aws.operator)
    metadata = service(aws, MANAGEMENT, host.instance)
    address = take_address(host)["PublicIp"]
    assert metadata.get("meta-data/public-ipv4") == address


def test_an_instance_reads_the_user_data_of_its_templates_version(aws: Embedded) -> None:
    host = make_host(aws.operator)
    changed = {"UserData": base64.b64encode(b"changed").decode()}
    aws.operator("ec2").create_launch_template_version(
        LaunchTemplateId=host.template, LaunchTemplateData=template(host.network, **changed)
    )
    autoscaling = aws.operator("autoscaling")
    chosen = {"LaunchTemplateId": host.template, "Version": "2"}
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=GROUP, LaunchTemplate=chosen)
    autoscaling.start_instance_refresh(AutoScalingGroupName=GROUP)
    assert service(aws, MANAGEMENT, host.instance).get("user-data") == "changed"


def test_nothing_is_told_without_a_token(aws: Embedded) -> None:
    host = make_host(aws.operator)
    metadata = service(aws, MANAGEMENT, host.instance)
    path = "meta-data/instance-id"
    assert status(lambda: metadata.ask(path)) == 401
    assert status(lambda: metadata.ask(path, **{TOKEN: "invented"})) == 401
    assert status(lambda: metadata.ask("api/token", "PUT")) == 400
    assert status(lambda: metadata.token("21601")) == 400
    assert status(lambda: metadata.ask("api/token", **{SECONDS: "60"})) == 400
    assert metadata.ask(path, **{TOKEN: metadata.token("21600")}) == host.instance


def test_a_token_is_one_instances(aws: Embedded) -> None:
    host = make_host(aws.operator)
    old = service(aws, MANAGEMENT, host.instance)
    token = old.token()
    aws.operator("autoscaling").set_instance_health(
        InstanceId=host.instance, HealthStatus="Unhealthy"
    )
    new = service(aws, MANAGEMENT, host.instance)
    assert status(lambda: new.ask("meta-data/instance-id", **{TOKEN: token})) == 401
    assert status(old.token) == 404


def test_an_instance_whose_options_allow_it_needs_no_token(aws: Embedded) -> None:
    host = make_host(aws.operator, MetadataOptions={"HttpTokens": "optional"})
    metadata = service(aws, MANAGEMENT, host.instance)
    assert metadata.ask("meta-data/instance-id") == host.instance


def test_a_service_that_is_switched_off_tells_nothing(aws: Embedded) -> None:
    host = make_host(aws.operator, MetadataOptions={"HttpEndpoint": "disabled"})
    assert status(service(aws, MANAGEMENT, host.instance).token) == 403


def test_an_instance_acts_as_its_role(aws: Embedded, corp: tuple[str, Client]) -> None:
    account, admin = corp
    host = make_profiled(admin, allow("ssm:PutParameter"))
    access = as_instance(f"http://127.0.0.1:{aws.port}", account, host.instance)
    identity = client("sts", access).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{ROLE}/{host.instance}"
    ssm = client("ssm", access)
    ssm.put_parameter(Name="/vpn/host/public-key", Value="key", Type="String")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        ssm.get_parameter(Name="/vpn/host/public-key")
    assert as_instance(f"http://127.0.0.1:{aws.port}", account, host.instance) == access


def test_awss_own_clients_find_the_role_by_their_standard_variable(
    aws: Embedded, corp: tuple[str, Client]
) -> None:
    account, admin = corp
    host = make_profiled(admin)
    url = f"http://127.0.0.1:{aws.port}"
    variables = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_of_instance(url, account, host.instance),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": REGION,
        "HOME": "/nonexistent",
        "PATH": os.environ["PATH"],
    }
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip().endswith(f"assumed-role/{ROLE}/{host.instance}")


@pytest.mark.parametrize("trusting", [{"Service": "lambda.amazonaws.com"}, {"AWS": MANAGEMENT}])
def test_a_role_that_does_not_trust_ec2_gives_an_instance_no_rights(
    aws: Embedded, corp: tuple[str, Client], trusting: dict[str, str]
) -> None:
    account, admin = corp
    profile = make_role(admin, trusting=trust(trusting))
    host = make_host(admin, IamInstanceProfile={"Arn": profile})
    metadata = service(aws, account, host.instance)
    given = json.loads(metadata.get(f"meta-data/iam/security-credentials/{ROLE}"))
    assert given["Code"] == "AssumeRoleUnauthorizedAccess"
    assert "AccessKeyId" not in given


def test_an_instance_without_a_profile_has_no_role(aws: Embedded) -> None:
    host = make_host(aws.operator)
    metadata = service(aws, MANAGEMENT, host.instance)
    assert status(lambda: metadata.get("meta-data/iam/security-credentials/")) == 404
