"""A host comes up, stays healthy, is updated and replaced, and keeps its key and its address."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox.lab.cloud import PUBLIC_IP, Cloud
from sandbox.lab.instance import Instance
from sandbox.lab.internet import WEB_SITE
from sandbox.lab.laboratory import NETWORK, Laboratory
from sandbox.lab.namespaces import MachineError
from tests.network.conftest import NewDevice, eventually
from wireguard.host import METRIC_NAME, METRIC_NAMESPACE
from wireguard.parameters import PRIVATE_KEY, PUBLIC_KEY


def own_key(host: Instance) -> str:
    return host.machine.run("wg", "show", "wg0", "public-key")


def key_versions(cloud: Cloud) -> int:
    return len(cloud.ssm.get_parameter_history(Name=PRIVATE_KEY)["Parameters"])


def rebooted(host: Instance) -> bool:
    return host.machine.succeeds("test", "-e", "/run/reboots")


def said_healthy(cloud: Cloud) -> float:
    """How often a host has said that it is healthy."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    found = cloud.cloudwatch.get_metric_statistics(
        Namespace=METRIC_NAMESPACE,
        MetricName=METRIC_NAME,
        StartTime=now - hour,
        EndTime=now + hour,
        Period=7200,
        Statistics=["Sum"],
    )
    return sum(it["Sum"] for it in found["Datapoints"])


def test_no_key_is_made_while_aws_answers_an_error_and_one_is_at_the_next_try(
    first_boot: tuple[Laboratory, list[str]], host: Instance
) -> None:
    laboratory, parameters = first_boot
    assert parameters == []
    assert own_key(host) == laboratory.cloud.public_key()


def test_a_key_that_another_host_made_meanwhile_is_taken(
    laboratory: Laboratory, host: Instance
) -> None:
    known = own_key(host)
    with laboratory.refusing("GetParameter", "ParameterNotFound"):
        host.reboot()
    assert own_key(host) == known == laboratory.cloud.public_key()
    assert key_versions(laboratory.cloud) == 1


def test_the_private_key_is_on_no_disk_and_no_administrator_reads_it(
    laboratory: Laboratory, host: Instance
) -> None:
    key = host.machine.run("wg", "show", "wg0", "private-key")
    looked_for = f"grep -rlF -- {key} /etc /opt || [ $? = 1 ]"
    assert host.machine.script(looked_for) == ""
    with pytest.raises(ClientError, match="kms:Decrypt"):
        laboratory.cloud.ssm.get_parameter(Name=PRIVATE_KEY, WithDecryption=True)


def test_a_reboot_brings_everything_up_again(host: Instance, new_device: NewDevice) -> None:
    host.reboot()
    assert new_device().fetches(WEB_SITE) == str(PUBLIC_IP)


def test_a_replaced_host_takes_over_and_devices_stay_as_they_are(
    laboratory: Laboratory, host: Instance, new_device: NewDevice
) -> None:
    device = new_device()
    assert device.pings(NETWORK.host.ipv4)
    known = own_key(host)
    laboratory.cloud.terminate(host.instance_id)
    host.stop()
    replacement = laboratory.new_host()
    laboratory.boot(replacement)
    assert own_key(replacement) == known
    assert key_versions(laboratory.cloud) == 1
    assert eventually(lambda: device.fetches(WEB_SITE) == str(PUBLIC_IP))


def test_a_healthy_host_says_so(laboratory: Laboratory, host: Instance) -> None:
    before = said_healthy(laboratory.cloud)
    host.expire("vpn-health")
    assert said_healthy(laboratory.cloud) == before + 1


def test_a_host_with_another_key_than_devices_are_told_is_not_healthy(
    laboratory: Laboratory, host: Instance
) -> None:
    before = said_healthy(laboratory.cloud)
    ssm, known = laboratory.cloud.ssm, laboratory.cloud.public_key()
    ssm.put_parameter(Name=PUBLIC_KEY, Value="another", Overwrite=True)
    try:
        with pytest.raises(MachineError, match="another key"):
            host.expire("vpn-health")
    finally:
        ssm.put_parameter(Name=PUBLIC_KEY, Value=known, Overwrite=True)
    assert said_healthy(laboratory.cloud) == before


def test_a_host_that_has_not_read_the_peers_of_late_is_not_healthy(host: Instance) -> None:
    host.machine.run("touch", "--date", "4 minutes ago", "/run/vpn/read")
    with pytest.raises(MachineError, match="not read for three minutes"):
        host.expire("vpn-health")
    host.expire("vpn-peers")


def test_a_host_takes_back_an_address_that_nobody_has_and_none_of_another(
    laboratory: Laboratory, host: Instance
) -> None:
    cloud = laboratory.cloud
    before = said_healthy(cloud)
    other = cloud.another_instance()
    cloud.ec2.associate_address(AllocationId=cloud.allocation, InstanceId=other)
    with pytest.raises(MachineError, match="AlreadyAssociated"):
        host.expire("vpn-health")
    assert cloud.holder() == other
    assert said_healthy(cloud) == before
    cloud.ec2.terminate_instances(InstanceIds=[other])
    host.expire("vpn-health")
    assert cloud.holder() == host.instance_id
    assert said_healthy(cloud) == before + 1


def test_updates_lift_the_lock_and_reboot_only_where_needed(host: Instance) -> None:
    machine = host.machine
    host.expire("vpn-update")
    assert "-y upgrade --releasever=latest" in machine.run("cat", "/run/dnf").splitlines()
    assert not rebooted(host)
    machine.script("echo broken >/run/reboot-needed")
    with pytest.raises(MachineError, match="broken"):
        host.expire("vpn-update")
    assert not rebooted(host)
    machine.script("echo 'Reboot is required.' >/run/reboot-needed")
    host.expire("vpn-update")
    assert rebooted(host)
