"""The provider's own settings, and whom it works for."""

import json
from pathlib import Path

import pytest

from sandbox.plugin.configuration import SETTINGS
from sandbox.plugin.values import UNKNOWN
from tests.sandbox.plugin import sdk
from tests.sandbox.plugin.engine import Engine, Refused
from tests.sandbox.plugin.world import LOG_GROUP, MANAGEMENT, REGION, ROLE, World


def test_the_settings_are_those_of_the_installed_class() -> None:
    assert SETTINGS.keys() == sdk.provider_inputs()


@pytest.mark.parametrize(
    ("settings", "failures"),
    [
        (
            {"regoin": "x"},
            {
                "regoin": 'Unsupported argument. An argument named "regoin" is not expected here. Did you mean "region"?'
            },
        ),
        (
            {"allowedAccountIds": '"1"'},
            {
                "allowedAccountIds": 'Incorrect type. The argument "allowedAccountIds" must be a list.'
            },
        ),
        (
            {"assumeRoles": '[{"sessionName": "x"}]'},
            {
                "assumeRoles[0].roleArn": 'Missing required argument. The argument "assumeRoles[0].roleArn" is required, but no definition was found.'
            },
        ),
        (
            {"ignoreTags": "{}"},
            {
                "ignoreTags": 'The provider setting "ignoreTags" is not carried by the sandbox\'s AWS plugin.'
            },
        ),
    ],
)
def test_wrong_settings_are_refused_by_name(
    engine: Engine, settings: dict[str, str], failures: dict[str, str]
) -> None:
    assert engine.check_config(settings)[1] == failures


def test_the_region_comes_from_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.check_config({})[0] == {"region": REGION}
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert engine.check_config({})[0] == {"region": "us-east-1"}
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert engine.check_config({})[1].keys() == {"region"}


def test_what_the_engine_adds_is_no_mistake(engine: Engine) -> None:
    settings = {"version": "7.51.1", "__internal": {}, "skipRegionValidation": "true"}
    assert engine.check_config(settings)[1] == {}


def test_another_account_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.provider(allowedAccountIds=["222222222222"])
    assert refused.value.message == f"AWS Account ID not allowed: {MANAGEMENT}"
    with pytest.raises(Refused, match=f"AWS Account ID not allowed: {MANAGEMENT}"):
        world.provider(forbiddenAccountIds=[MANAGEMENT])


def test_a_role_that_does_not_exist_is_named(world: World) -> None:
    arn = f"arn:aws:iam::{world.account.id}:role/nobody"
    with pytest.raises(Refused) as refused:
        world.provider(assumeRoles=[{"roleArn": arn}])
    assert refused.value.message.startswith(
        f"Cannot assume IAM Role ({arn}): operation error STS: AssumeRole, AccessDenied: "
    )


def test_each_role_is_assumed_with_the_one_before(world: World) -> None:
    member = f"arn:aws:iam::{world.account.id}:role/{ROLE}"
    trust_member = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": member}, "Action": "sts:AssumeRole"}
        ],
    }
    inner = world.member.create(
        "aws:iam/role:Role", {"name": "inner", "assumeRolePolicy": json.dumps(trust_member)}
    )
    arn = inner.state["arn"]
    with pytest.raises(Refused, match="AccessDenied"):
        world.provider(assumeRoles=[{"roleArn": arn}])
    world.provider(
        assumeRoles=[{"roleArn": member}, {"roleArn": arn}], allowedAccountIds=[world.account.id]
    )


def test_credentials_that_aws_does_not_know_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODYNOBO")
    with pytest.raises(Refused, match="GetCallerIdentity, InvalidClientTokenId"):
        world.provider()


def test_an_aws_that_does_not_listen_is_told_in_one_sentence(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Refused) as refused:
        engine.configure({"region": REGION, "maxRetries": "1"})
    assert refused.value.message == (
        "operation error STS: GetCallerIdentity, "
        'Could not connect to the endpoint URL: "http://127.0.0.1:1/"'
    )


def test_settings_that_are_not_known_yet_let_a_preview_go_on(engine: Engine) -> None:
    engine.configure({"region": REGION, "allowedAccountIds": UNKNOWN})
    assert engine.preview_create(LOG_GROUP, {"name": "a"})["arn"] is UNKNOWN
    with pytest.raises(Refused, match="The AWS provider is not configured yet"):
        engine.create(LOG_GROUP, {"name": "a"})


def test_the_profile_of_a_person_is_used_when_it_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile ops]\naws_access_key_id = AKIASANDBOXMANAGEMEN\naws_secret_access_key = sandbox\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODYNOBO")
    world.provider(profile="ops", allowedAccountIds=[MANAGEMENT])


def test_the_caller_can_be_asked_for_and_nothing_else(world: World) -> None:
    assert world.management.invoke("aws:index/getCallerIdentity:getCallerIdentity") == {
        "id": MANAGEMENT,
        "accountId": MANAGEMENT,
        "arn": f"arn:aws:iam::{MANAGEMENT}:user/operator",
        "userId": "AIDASANDBOXOPERATOR0",
    }
    with pytest.raises(Refused, match="does not carry the function aws:s3/getBucket:getBucket;"):
        world.management.invoke("aws:s3/getBucket:getBucket")
