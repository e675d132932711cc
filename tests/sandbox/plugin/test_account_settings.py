"""What settings of an account or its region do beyond a plain life."""

from typing import Any

import pytest

from sandbox.plugin.values import Values
from tests.sandbox.plugin.engine import Engine, Refused
from tests.sandbox.plugin.world import (
    ACCOUNT_ACCESS_BLOCK,
    ENCRYPTION_BY_DEFAULT,
    MANAGEMENT,
    METADATA_DEFAULTS,
    World,
)

BLOCKED: Values = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}


def test_the_account_is_the_providers_unless_the_program_names_it(world: World) -> None:
    held = world.member.create(ACCOUNT_ACCESS_BLOCK, BLOCKED)
    assert held.id == held.state["accountId"] == world.account.id
    named = {**BLOCKED, "accountId": world.account.id}
    assert not world.member.diff(held, named).changes
    other = {**BLOCKED, "accountId": MANAGEMENT}
    assert world.member.diff(held, other).replaces == ["accountId"]
    expected = (
        "^creating S3 Account Public Access Block: operation error S3 Control: "
        "PutPublicAccessBlock, AccessDenied: "
    )
    with pytest.raises(Refused, match=expected):
        world.member.create(ACCOUNT_ACCESS_BLOCK, other)


def test_a_setting_that_was_switched_off_by_hand_is_put_right(world: World) -> None:
    ec2 = world.client("ec2")
    on: Values = {"enabled": True}
    held = world.member.create(ENCRYPTION_BY_DEFAULT, on)
    ec2.disable_ebs_encryption_by_default()
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, on).detailed == {"enabled": "ADD"}
    world.member.update(found, on)
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True


def test_a_deletion_switches_encryption_off(world: World) -> None:
    world.member.delete(world.member.create(ENCRYPTION_BY_DEFAULT, {}))
    live = world.client("ec2").get_ebs_encryption_by_default()
    assert live["EbsEncryptionByDefault"] is False


def test_defaults_of_metadata_are_gone_when_none_is_left(world: World) -> None:
    ec2 = world.client("ec2")
    held = world.member.create(METADATA_DEFAULTS, {"httpTokens": "required"})
    assert held.id == world.account.id
    assert held.state["httpPutResponseHopLimit"] == -1
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpEndpoint="enabled")
    found: Any = world.member.refresh(held)
    assert world.member.diff(found, {"httpTokens": "required"}).detailed == {
        "httpEndpoint": "UPDATE",
        "httpTokens": "UPDATE",
    }
    ec2.modify_instance_metadata_defaults(HttpEndpoint="no-preference")
    assert world.member.refresh(held) is None


def test_a_hop_limit_that_cannot_be_is_refused_before_anything_is_asked(engine: Engine) -> None:
    _inputs, failures = engine.check(METADATA_DEFAULTS, {"httpPutResponseHopLimit": 65})
    reason = failures["httpPutResponseHopLimit"]
    assert reason.startswith('The argument "httpPutResponseHopLimit" must be one of -1, 1, 2, ')
    assert reason.endswith(", 64; it is 65.")
