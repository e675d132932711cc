"""The VPN on the real engine: its keys, its peers, its replaced host, its address in the APIs."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.access import as_instance, client
from sandbox.sandbox import Sandbox
from stacks.settings import ROOT, CorpSettings
from tests.engine.conftest import Clone, stack
from tests.engine.test_refusals import refused
from wireguard.parameters import PEERS_PATH, PRIVATE_KEY, PUBLIC_KEY

SETTINGS = "stacks/corp/Pulumi.main.yaml"
ANOTHER_IMAGE = "ami-026d5c5cfd630f506"
"""Another Amazon Linux 2023 for arm64, of the same release with an older kernel."""
ALICE = "FZMdTHRgcJyOPUIWj4C1nFgyNP0wPnSXJF0+xmOFdR0="
BOB = "pBqRUn1oM2eBxQCkTBYnzIY6nHNWJXoOyL6FZGOQtA4="
SECRET = "the private key that a host would make"


def of(sandbox: Sandbox, service: str, account: str = "corp") -> Any:
    """Return a client with administrator's access."""
    return client(service, sandbox.access(account))


def instance(sandbox: Sandbox) -> dict[str, Any]:
    """Return the one instance that runs."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    answer = of(sandbox, "ec2").describe_instances(Filters=states)
    (found,) = [it for group in answer["Reservations"] for it in group["Instances"]]
    return found


def as_host(sandbox: Sandbox, service: str) -> Any:
    """Return a client with what the instance's metadata hands out."""
    url = sandbox.environment()["AWS_ENDPOINT_URL"]
    return client(
        service, as_instance(url, sandbox.account_ids()["corp"], instance(sandbox)["InstanceId"])
    )


def take_the_address(sandbox: Sandbox) -> None:
    """Do what the host's boot script does first."""
    (address,) = of(sandbox, "ec2").describe_addresses()["Addresses"]
    as_host(sandbox, "ec2").associate_address(
        AllocationId=address["AllocationId"],
        InstanceId=instance(sandbox)["InstanceId"],
        AllowReassociation=True,
    )


def update(sandbox: Sandbox, *arguments: str) -> None:
    sandbox.pulumi(
        "up", "--yes", "--skip-preview", "--stack", "main", *arguments, folder="stacks/corp"
    )


def resources(sandbox: Sandbox) -> dict[str, str]:
    """Return the id of each resource of corp/main, by the end of its URN."""
    export = sandbox.pulumi("stack", "export", "--stack", "main", folder="stacks/corp").stdout
    return {
        r["urn"].split("$")[-1]: r.get("id", "")
        for r in json.loads(export)["deployment"]["resources"]
    }


@pytest.fixture(scope="module")
def booted(sandbox: Sandbox) -> Sandbox:
    """Return the sandbox after the host's first boot, as far as its AWS calls go."""
    take_the_address(sandbox)
    key = of(sandbox, "kms").list_keys()["Keys"][0]["KeyArn"]
    ssm = as_host(sandbox, "ssm")
    ssm.put_parameter(Name=PRIVATE_KEY, Value=SECRET, Type="SecureString", KeyId=key)
    ssm.put_parameter(Name=PUBLIC_KEY, Value=ALICE, Type="String", Overwrite=True)
    return sandbox


def private_key(sandbox: Sandbox) -> str:
    """Return what the host reads."""
    answer = as_host(sandbox, "ssm").get_parameter(Name=PRIVATE_KEY, WithDecryption=True)
    return answer["Parameter"]["Value"]


def test_the_host_is_what_settings_say(sandbox: Sandbox) -> None:
    settings = CorpSettings.read(ROOT / SETTINGS, "corp")
    host = instance(sandbox)

    assert host["ImageId"] == settings.image_id
    assert host["InstanceType"] == settings.instance_type
    assert host["MetadataOptions"]["HttpTokens"] == "required"
    assert host["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "KeyName" not in host
    (volume,) = of(sandbox, "ec2").describe_volumes()["Volumes"]
    assert volume["Encrypted"] is True


def test_only_wireguards_port_is_open(sandbox: Sandbox) -> None:
    (group,) = instance(sandbox)["SecurityGroups"]
    rules = of(sandbox, "ec2").describe_security_groups(GroupIds=[group["GroupId"]])

    (way_in,) = rules["SecurityGroups"][0]["IpPermissions"]
    assert (way_in["IpProtocol"], way_in["FromPort"], way_in["ToPort"]) == ("udp", 51820, 51820)


def test_a_host_takes_its_own_address_and_no_other(booted: Sandbox) -> None:
    ec2 = of(booted, "ec2")
    (address,) = ec2.describe_addresses()["Addresses"]
    other = ec2.allocate_address(Domain="vpc")

    assert address["InstanceId"] == instance(booted)["InstanceId"]
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        as_host(booted, "ec2").associate_address(
            AllocationId=other["AllocationId"], InstanceId=address["InstanceId"]
        )
    ec2.release_address(AllocationId=other["AllocationId"])


def test_the_name_leads_to_the_address(sandbox: Sandbox) -> None:
    (address,) = of(sandbox, "ec2").describe_addresses()["Addresses"]
    (zone,) = of(sandbox, "route53").list_hosted_zones()["HostedZones"]
    records = of(sandbox, "route53").list_resource_record_sets(HostedZoneId=zone["Id"])

    host = sandbox.outputs(stack("corp/main"))["vpn_host"]
    found = {r["Type"]: r for r in records["ResourceRecordSets"] if r["Name"] == f"{host}."}
    assert list(found) == ["A"]
    assert found["A"]["ResourceRecords"] == [{"Value": address["PublicIp"]}]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("decrypt", {"CiphertextBlob": b"x"}),
        ("encrypt", {"Plaintext": b"x"}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
        ("create_grant", {"GranteePrincipal": "arn:aws:iam::{account}:root", "Operations": ["Decrypt"]}),
        ("re_encrypt", {"CiphertextBlob": b"x", "DestinationKeyId": "{key}"}),
    ],
)  # fmt: skip
def test_an_administrator_administrates_the_key_and_cannot_use_it(
    booted: Sandbox, operation: str, arguments: dict[str, Any]
) -> None:
    kms = of(booted, "kms")
    key = kms.list_keys()["Keys"][0]["KeyArn"]
    places = {"account": booted.account_ids()["corp"], "key": key}
    words = {k: v.format(**places) if isinstance(v, str) else v for k, v in arguments.items()}
    which = "SourceKeyId" if operation == "re_encrypt" else "KeyId"

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(kms, operation)(**{which: key}, **words)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"] is True
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True


def test_an_administrator_cannot_read_the_private_key(booted: Sandbox) -> None:
    ssm = of(booted, "ssm")

    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameter(Name=PRIVATE_KEY, WithDecryption=True)
    assert SECRET not in ssm.get_parameter(Name=PRIVATE_KEY)["Parameter"]["Value"]
    assert private_key(booted) == SECRET


def test_a_host_cannot_overwrite_the_private_key(booted: Sandbox) -> None:
    again: dict[str, Any] = {"Name": PRIVATE_KEY, "Value": "another", "Type": "SecureString"}
    key = of(booted, "kms").list_keys()["Keys"][0]["KeyArn"]
    ssm = as_host(booted, "ssm")

    with pytest.raises(ClientError, match="ParameterAlreadyExists"):
        ssm.put_parameter(**again, KeyId=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.put_parameter(**again, KeyId=key, Overwrite=True)
    assert private_key(booted) == SECRET


def test_no_key_is_in_the_state(booted: Sandbox) -> None:
    state = booted.pulumi(
        "stack", "export", "--show-secrets", "--stack", "main", folder="stacks/corp"
    )

    assert SECRET not in state.stdout
    assert PRIVATE_KEY not in resources(booted).values()


def test_a_peer_comes_and_goes_and_nothing_else_changes(booted: Sandbox, clone: Clone) -> None:
    before, host = resources(booted), instance(booted)
    alice = f'    - {{ name: alice, publicKey: "{ALICE}", address: 10.91.0.7 }}\n'
    bob = f'    - {{ name: bob, publicKey: "{BOB}" }}\n'
    clone.edit(SETTINGS, "corp:peers: []\n", f"corp:peers:\n{alice}{bob}")
    clone.commit_all("alice and bob")
    update(booted)

    found = as_host(booted, "ssm").get_parameters_by_path(Path=PEERS_PATH)["Parameters"]

    assert {it["Name"].rsplit("/", 1)[-1]: it["Value"].split()[0] for it in found} == {
        "alice": ALICE,
        "bob": BOB,
    }
    added = resources(booted).items() - before.items()
    assert sorted(id_ for _, id_ in added) == ["/vpn/peers/alice", "/vpn/peers/bob"]
    assert instance(booted) == host

    clone.git("checkout", "--quiet", clone.commit, SETTINGS)  # the engine has rewritten it
    clone.edit(SETTINGS, "corp:peers: []\n", f"corp:peers:\n{bob}")
    clone.commit_all("alice leaves")
    update(booted)

    found = as_host(booted, "ssm").get_parameters_by_path(Path=PEERS_PATH)["Parameters"]
    assert [it["Name"] for it in found] == ["/vpn/peers/bob"]
    assert instance(booted) == host


def test_the_line_that_an_operator_is_told_lets_a_device_in(booted: Sandbox, clone: Clone) -> None:
    command = ["python", "-m", "ops", "vpn-client", "carol"]
    told = subprocess.run(
        command,
        cwd=clone.folder,
        env=booted.environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    (line,) = [it for it in told.splitlines() if it.startswith("    - {")]
    clone.edit(SETTINGS, "corp:peers: []\n", f"corp:peers:\n{line}\n")
    clone.commit_all("carol")
    update(booted)

    (found,) = as_host(booted, "ssm").get_parameters_by_path(Path=PEERS_PATH)["Parameters"]
    key, addresses = found["Value"].split()
    assert key in line
    assert f"Address = {addresses.replace(',', ', ')}\n" in told
    assert f"PublicKey = {ALICE}\n" in told  # what the host has published
    assert f"Endpoint = {booted.outputs(stack('corp/main'))['vpn_host']}:51820\n" in told


def test_another_image_replaces_the_host_and_keeps_its_key_and_address(
    booted: Sandbox, clone: Clone
) -> None:
    old, before = instance(booted), booted.outputs(stack("corp/main"))
    clone.edit(SETTINGS, str(old["ImageId"]), ANOTHER_IMAGE)
    clone.commit_all("a newer image")
    update(booted)

    new = instance(booted)
    take_the_address(booted)

    assert new["InstanceId"] != old["InstanceId"]
    assert new["ImageId"] == ANOTHER_IMAGE
    assert private_key(booted) == SECRET
    after = booted.outputs(stack("corp/main"))
    assert (after["vpn_cidrs"], after["vpn_host"]) == (before["vpn_cidrs"], before["vpn_host"])
    assert f"{instance(booted)['PublicIpAddress']}/32" in after["vpn_cidrs"]


def test_a_host_that_is_lost_is_replaced_and_takes_the_same_address(booted: Sandbox) -> None:
    lost = instance(booted)

    of(booted, "ec2").terminate_instances(InstanceIds=[lost["InstanceId"]])

    assert instance(booted)["InstanceId"] != lost["InstanceId"]
    take_the_address(booted)
    assert (
        f"{instance(booted)['PublicIpAddress']}/32"
        in booted.outputs(stack("corp/main"))["vpn_cidrs"]
    )
    assert private_key(booted) == SECRET


def admitted(sandbox: Sandbox, environment: str) -> list[str] | None:
    """Return the addresses that an environment's API admits, none where it admits everybody."""
    (api,) = of(sandbox, "apigateway", environment).get_rest_apis()["items"]
    policy = json.loads(api["policy"].replace("\\\\", "").replace('\\"', '"'))
    condition = policy["Statement"][0].get("Condition")
    return condition and condition["IpAddress"]["aws:SourceIp"]


def served(sandbox: Sandbox, environment: str) -> str:
    """Return the deployment that an environment's stage serves."""
    gateway = of(sandbox, "apigateway", environment)
    (api,) = gateway.get_rest_apis()["items"]
    (found,) = gateway.get_stages(restApiId=api["id"])["item"]
    return found["deploymentId"]


def test_dev_and_stage_admit_the_vpn_and_prod_everybody(sandbox: Sandbox) -> None:
    cidrs = sandbox.outputs(stack("corp/main"))["vpn_cidrs"]

    assert [admitted(sandbox, it) for it in ("dev", "stage", "prod")] == [cidrs, cidrs, None]


def test_dev_is_not_opened_by_forgetting_a_setting(sandbox: Sandbox, clone: Clone) -> None:
    cidrs = sandbox.outputs(stack("corp/main"))["vpn_cidrs"]
    clone.git("checkout", "--quiet", "develop")
    clone.edit("Pulumi.dev.yaml", "  app:access: vpnOnly\n", "")
    clone.commit_all("without access")

    message = refused(sandbox, "dev")

    assert (
        "Pulumi.dev.yaml has 1 mistake; nothing was changed: app:access: missing; set it to public, or "
        "vpnOnly where only the VPN's addresses may call the API"
    ) in message
    assert admitted(sandbox, "dev") == cidrs


@pytest.fixture(scope="module")
def rebuilt(booted: Sandbox) -> Iterator[dict[str, Any]]:
    """Destroy corp/main, although it is protected, and make it anew; say what was before."""
    corp = ("--stack", "main", "--yes")
    before = {
        "cidrs": booted.outputs(stack("corp/main"))["vpn_cidrs"],
        "key": resources(booted)[next(it for it in resources(booted) if it.endswith("::vpn-key"))],
        "deployments": {it: served(booted, it) for it in ("dev", "stage", "prod")},
    }
    refusal = booted.pulumi("destroy", *corp, folder="stacks/corp", check=False)
    before["refusal"] = " ".join((refusal.stdout + refusal.stderr).split())
    booted.pulumi("state", "unprotect", "--all", *corp, folder="stacks/corp")
    booted.pulumi("destroy", *corp, folder="stacks/corp")
    before["left"] = of(booted, "kms").describe_key(KeyId=before["key"])["KeyMetadata"]
    (parameter,) = of(booted, "ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Values": [PRIVATE_KEY]}]
    )["Parameters"]
    before["parameter"] = parameter["Name"]
    booted.checkout.switch("main", Clone(booted).commit)
    update(booted)
    yield before
    booted.up(stacks=[stack("app/dev"), stack("app/stage")])


def test_a_destroy_is_refused_as_long_as_the_address_and_the_key_are_locked(
    rebuilt: dict[str, Any],
) -> None:
    for name in ("vpn-address", "vpn-key"):
        assert f"::{name}" in rebuilt["refusal"]
    assert "because it is protected" in rebuilt["refusal"]


def test_the_key_and_the_parameter_survive_a_destroy(rebuilt: dict[str, Any]) -> None:
    assert rebuilt["left"]["KeyState"] == "Enabled"
    assert rebuilt["parameter"] == PRIVATE_KEY


def test_a_vpn_made_anew_has_the_key_that_its_clients_know(
    booted: Sandbox, rebuilt: dict[str, Any]
) -> None:
    keys = {key["KeyId"] for key in of(booted, "kms").list_keys()["Keys"]}

    assert rebuilt["key"] in keys
    assert private_key(booted) == SECRET


def test_a_new_address_reaches_the_restricted_apis_with_their_next_update(
    booted: Sandbox, rebuilt: dict[str, Any]
) -> None:
    cidrs = booted.outputs(stack("corp/main"))["vpn_cidrs"]
    assert cidrs != rebuilt["cidrs"]
    assert admitted(booted, "dev") == rebuilt["cidrs"]

    booted.up(stacks=[stack("app/dev"), stack("app/stage"), stack("app/prod")])

    assert [admitted(booted, it) for it in ("dev", "stage", "prod")] == [cidrs, cidrs, None]
    changed = {it for it, old in rebuilt["deployments"].items() if served(booted, it) != old}
    assert changed == {"dev", "stage"}
