"""`python -m ops vpn-client`: a device gets in by what it prints, and no private key stays behind."""

import base64
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import segno
import yaml

from ops import account, vpn_client
from stacks.outputs import CorpOutputs
from stacks.settings import CorpSettings, UnusableSettingsError
from tests.ops.conftest import HOST_KEY, Corp, Said, Terminal
from tests.sandbox.aws.embedded import MANAGEMENT, Embedded, deny, policy
from wireguard.client import NO_PRIVATE_KEY, key_pair, new_key_pair
from wireguard.network import Peer, is_key

pytestmark = pytest.mark.usefixtures("corp")

Ops = Callable[..., Said]

ALICE = {
    "name": "alice",
    "publicKey": "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
    "address": "10.91.3.7",
}
FULL = "AllowedIPs = 0.0.0.0/0, ::/0"


class Pipe(Terminal):
    def isatty(self) -> bool:
        return False


class OldTerminal(Terminal):
    encoding = "ascii"


def peer(number: int) -> dict[str, str]:
    """Return a peer of the settings with this number in 10.91.0.0."""
    key = base64.b64encode(bytes([number] * 32)).decode()
    return {"name": f"peer-{number}", "publicKey": key, "address": f"10.91.0.{number}"}


def line(said: Said) -> str:
    """Return the line for the settings, with the spaces before it."""
    (found,) = re.findall(r"^ +- \{.*\}$", said.out, re.MULTILINE)
    return found


def shown(said: Said) -> str:
    """Return the configuration that was printed."""
    (found,) = re.findall(
        r"^\[Interface\].*?^PersistentKeepalive = \d+$", said.out, re.DOTALL | re.MULTILINE
    )
    return f"{found}\n"


def setting(text: str, key: str) -> str:
    (found,) = re.findall(rf"^{key} = (.*)$", text, re.MULTILINE)
    return found


def refusal(said: Said) -> str:
    assert said.status == 1
    assert said.out == ""
    return said.err


def with_line(corp: Corp, said: Said) -> list[Peer]:
    """Return the peers of the settings once the line stands where the text says."""
    text = corp.settings_file.read_text()
    assert "  corp:peers: []\n" in text
    corp.settings_file.write_text(
        text.replace("corp:peers: []\n", f"corp:peers:\n{line(said)}\n"),
    )
    return CorpSettings.read(corp.settings_file, "corp").wireguard_peers


def test_without_a_command_it_shows_the_commands(ops: Ops) -> None:
    said = ops()

    assert said.status == 0
    assert "vpn-client" in said.out
    assert "make or repeat a device's WireGuard configuration" in said.out


def test_an_unknown_command_is_refused_with_status_2(ops: Ops) -> None:
    assert ops("vpn-clinet").status == 2


def test_a_new_device_gets_a_line_and_the_configuration_that_belongs_to_it(
    ops: Ops, corp: Corp
) -> None:
    said = ops("vpn-client", "alice-phone")
    text = shown(said)
    (peer,) = with_line(corp, said)

    assert (said.status, said.err) == (0, "")
    assert (peer.name, peer.tunnel) == ("alice-phone", "full")
    private_key = base64.b64decode(setting(text, "PrivateKey"))
    assert key_pair(private_key).public_key == peer.public_key
    assert setting(text, "Address") == f"{peer.addresses.ipv4}/32, {peer.addresses.ipv6}/128"
    assert setting(text, "DNS") == "10.90.0.2"
    assert setting(text, "PublicKey") == HOST_KEY
    assert setting(text, "Endpoint") == "vpn.corp.example.com:51820"
    assert FULL in text


def test_it_says_where_the_line_goes_and_what_makes_it_work(ops: Ops, corp: Corp) -> None:
    first = ops("vpn-client", "bob").out
    corp.set(peers=[ALICE])
    later = ops("vpn-client", "bob").out

    rest = (
        " below corp:peers in stacks/corp/Pulumi.main.yaml, commit it, and run\n"
        "pulumi -C stacks/corp up -s main; the device gets in a minute later:\n\n    - { "
    )
    assert first.startswith(f"Put this line, in place of [],{rest}")
    assert later.startswith(f"Add this line{rest}")


@pytest.mark.parametrize("name", ["no", "1e5", "007", "null", "0x10", "12"])
def test_a_name_that_looks_like_something_else_stays_a_name(
    ops: Ops, corp: Corp, name: str
) -> None:
    (peer,) = with_line(corp, ops("vpn-client", name))

    assert peer.name == name
    assert f'name: "{name}"' in corp.settings_file.read_text()


def test_a_new_device_gets_an_address_that_is_free(ops: Ops, corp: Corp) -> None:
    corp.set(network={"ipv4": "10.91.0.0/29", "ipv6": "fdc1:32d2:9e7b::/64"})
    corp.set(peers=[peer(number) for number in (2, 3, 5, 6)])

    assert "address: 10.91.0.4 }" in ops("vpn-client", "bob").out


def test_every_run_makes_a_key_pair_of_its_own(ops: Ops) -> None:
    one, other = (shown(ops("vpn-client", "bob")) for _ in range(2))

    assert setting(one, "PrivateKey") != setting(other, "PrivateKey")


def test_a_private_key_is_in_no_file_and_in_no_other_programs_arguments(
    ops: Ops, corp: Corp, tmp_path: Path
) -> None:
    private_key = setting(shown(ops("vpn-client", "bob")), "PrivateKey")

    asked = (corp.root / "asked").read_text().split()
    assert asked == ["-C", f"{corp.root}/stacks/corp", "-s", "main", "--non-interactive", "stack", "output", "--json"]  # fmt: skip
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert not [path for path in files if private_key in path.read_text()]


def test_the_configuration_is_also_a_qr_code_that_a_camera_can_read(ops: Ops) -> None:
    said = ops("vpn-client", "alice-phone")
    rows = re.findall(r"^\x1b\[38;5;231;48;5;16m(.*)\x1b\[0m$", said.out, re.MULTILINE)

    # A character is two modules, one above the other, and light where something is drawn.
    light = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
    drawn = [[1 - light[it][half] for it in row] for row in rows for half in (0, 1)]

    wanted = segno.make_qr(shown(said), error="l")
    matrix = [list(row) for row in wanted.matrix_iter(border=4)]
    assert len(rows[0]) == wanted.symbol_size(border=4)[0] <= 100
    assert drawn[: len(matrix)] == matrix
    assert drawn[len(matrix) :] == [[1] * len(matrix)]  # the half of a line that is left over


def test_a_pipe_gets_the_same_without_colours(ops: Ops) -> None:
    said = ops("vpn-client", "bob", into=Pipe)

    assert said.status == 0
    assert "\x1b" not in said.out
    assert "\n\u2588\u2588\u2588\u2588" in said.out


def test_a_device_that_made_its_key_gets_neither_private_key_nor_qr_code(
    ops: Ops, corp: Corp
) -> None:
    key = new_key_pair().public_key

    said = ops("vpn-client", "bob", "--public-key", key)
    (peer,) = with_line(corp, said)

    assert peer.public_key == key
    assert "PrivateKey =" not in said.out
    assert NO_PRIVATE_KEY in shown(said)
    assert "\u2588" not in said.out


def test_a_peer_gets_its_configuration_again_and_no_line(ops: Ops, corp: Corp) -> None:
    corp.set(peers=[ALICE])

    said = ops("vpn-client", "alice")

    assert said.status == 0
    assert said.out == f"The configuration of alice:\n\n{shown(said)}"
    assert setting(said.out, "Address") == "10.91.3.7/32, fdc1:32d2:9e7b::307/128"
    assert NO_PRIVATE_KEY in said.out
    assert ops("vpn-client", "alice", "--public-key", ALICE["publicKey"]).out == said.out


def test_a_peer_with_a_new_key_keeps_its_address_and_tunnel(ops: Ops, corp: Corp) -> None:
    corp.set(peers=[ALICE | {"tunnel": "split"}], splitTunnel=["192.168.7.0/24"])
    key = new_key_pair().public_key

    said = ops("vpn-client", "alice", "--public-key", key)

    assert said.out.startswith(
        "Put this line in place of the one of alice below corp:peers in "
        "stacks/corp/Pulumi.main.yaml, commit it, and run\n"
    )
    assert yaml.safe_load(line(said)) == [ALICE | {"publicKey": key, "tunnel": "split"}]


def test_a_peer_may_change_its_tunnel(ops: Ops, corp: Corp) -> None:
    corp.set(peers=[ALICE], splitTunnel=["192.168.7.0/24"])

    said = ops("vpn-client", "alice", "--tunnel", "split")

    assert yaml.safe_load(line(said)) == [ALICE | {"tunnel": "split"}]
    assert FULL not in said.out


def test_a_split_tunnel_takes_what_the_settings_list(ops: Ops, corp: Corp) -> None:
    said = ops("vpn-client", "bob", "--tunnel", "full")
    corp.set(splitTunnel=["192.168.7.0/24"])

    split = ops("vpn-client", "bob", "--tunnel", "split")

    assert FULL in said.out
    assert setting(shown(split), "AllowedIPs") == (
        "10.90.0.2/32, 10.91.0.0/16, 192.168.7.0/24, fdc1:32d2:9e7b::/64"
    )
    assert line(split).endswith(", tunnel: split }")


def test_a_file_is_written_only_where_told_and_only_for_its_owner(ops: Ops, tmp_path: Path) -> None:
    file = tmp_path / "corp.conf"

    said = ops("vpn-client", "bob", "--output", str(file))

    assert said.status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    private_key = setting(file.read_text(), "PrivateKey")
    assert is_key(private_key)
    assert private_key not in said.out
    assert "\u2588" not in said.out
    assert said.out.endswith(
        f"The configuration of bob is in {file}, which only you can read. It holds the private key, "
        "which is kept nowhere else;\ntake it over to the device now, and show it to nobody else.\n"
    )


def test_a_file_without_a_private_key_says_nothing_of_one(
    ops: Ops, corp: Corp, tmp_path: Path
) -> None:
    corp.set(peers=[ALICE])
    file = tmp_path / "corp.conf"

    said = ops("vpn-client", "alice", "--output", str(file))

    assert said.out == f"The configuration of alice is in {file}, which only you can read.\n"
    assert "PrivateKey =" not in file.read_text()


def test_what_is_read_of_the_stack_is_what_it_exports() -> None:
    assert vpn_client.Deployed.model_fields.keys() <= CorpOutputs.__dataclass_fields__.keys()


def test_the_role_that_is_assumed_is_the_one_of_a_deployment(
    ops: Ops, corp: Corp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "DEPLOY_ROLE", "nobody")

    assert refusal(ops("vpn-client", "bob")) == (
        f"The role arn:aws:iam::{corp.account}:role/nobody cannot be assumed (An error occurred "
        "(AccessDenied) when calling the AssumeRole operation: User: "
        f"arn:aws:iam::{MANAGEMENT}:user/operator is not authorized to perform: sts:AssumeRole on "
        f"resource: arn:aws:iam::{corp.account}:role/nobody): check who you are (aws sts "
        "get-caller-identity) and which role DEPLOY_ROLE names."
    )


@pytest.mark.parametrize("name", ["Alice", "alice phone", "alice_1", "-a", "", "a" * 64, "a\n"])
def test_a_name_that_no_settings_take_is_refused(ops: Ops, name: str) -> None:
    sentence = (
        f"'{name}' is no name for a device: use lower case letters, digits and -, like alice-phone."
    )
    assert ops("vpn-client", "--", name) == Said(1, "", sentence)


def test_a_key_that_is_none_is_refused(ops: Ops) -> None:
    assert refusal(ops("vpn-client", "bob", "--public-key", "hSDw")) == (
        "hSDw is no WireGuard key (32 bytes in base64: 44 characters, the last is =): copy it "
        "whole from the device."
    )


def test_the_key_of_another_peer_is_refused(ops: Ops, corp: Corp) -> None:
    corp.set(peers=[ALICE])
    key = ALICE["publicKey"]

    assert refusal(ops("vpn-client", "bob", "--public-key", key)) == (
        f"{key} is the key of alice already: each device has a key of its own."
    )


def test_the_hosts_own_key_is_refused(ops: Ops) -> None:
    assert refusal(ops("vpn-client", "bob", "--public-key", HOST_KEY)) == (
        f"{HOST_KEY} is the host's own public key: copy the device's."
    )


def test_a_full_network_is_refused(ops: Ops, corp: Corp) -> None:
    corp.set(network={"ipv4": "10.91.0.0/30", "ipv6": "fdc1:32d2:9e7b::/64"}, peers=[peer(2)])

    assert refusal(ops("vpn-client", "bob")) == (
        "The network 10.91.0.0/30 has no room for another peer: take out in "
        "stacks/corp/Pulumi.main.yaml who has left, or give network a larger one."
    )


def test_a_split_tunnel_to_nowhere_is_refused(ops: Ops) -> None:
    assert refusal(ops("vpn-client", "bob", "--tunnel", "split")) == (
        "splitTunnel in stacks/corp/Pulumi.main.yaml lists no CIDR block, so a split tunnel leads "
        "nowhere: list some, or leave out --tunnel."
    )


def test_wrong_settings_give_their_own_report(ops: Ops, corp: Corp) -> None:
    corp.set(peers=[ALICE | {"publicKey": "hSDw"}])
    with pytest.raises(UnusableSettingsError, match="has 1 mistake") as report:
        CorpSettings.read(corp.settings_file, "corp")

    assert refusal(ops("vpn-client", "bob")) == Said(1, "", str(report.value)).err


@pytest.mark.parametrize(
    "script", ["echo \"error: no stack named 'main' found\" >&2; exit 6", "echo '{}'"]
)
def test_a_stack_that_is_not_deployed_is_refused_with_the_command(
    ops: Ops, corp: Corp, script: str
) -> None:
    corp.program(script)

    assert refusal(ops("vpn-client", "bob")) == (
        "Stack corp/main is not deployed: first run: pulumi -C stacks/corp up -s main"
    )


def test_a_backend_that_does_not_answer_is_refused_with_its_reason(ops: Ops, corp: Corp) -> None:
    corp.program("echo 'warning: old' >&2; echo 'error: no token' >&2; exit 3")

    assert refusal(ops("vpn-client", "bob")) == (
        "Stack corp/main cannot be read (no token): check the backend (pulumi whoami -v)."
    )


def test_a_stack_without_an_output_is_refused_with_its_name(ops: Ops, corp: Corp) -> None:
    corp.export(account_id=corp.account, vpn_host="nowhere")

    assert refusal(ops("vpn-client", "bob")) == (
        "Stack corp/main has no right output vpn_host: its last update failed or is of another "
        "release than this program; run: pulumi -C stacks/corp up -s main"
    )


def test_a_missing_pulumi_is_said_to_be_missing(
    ops: Ops, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert refusal(ops("vpn-client", "bob")) == (
        "pulumi is not on PATH: install it, or run this in the shell that `make sandbox-shell` "
        "opens."
    )


def test_missing_credentials_are_said_to_be_missing(
    ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    assert refusal(ops("vpn-client", "bob")) == (
        "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, to those you deploy with."
    )


def test_a_profile_that_is_not_there_is_refused(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert refusal(ops("vpn-client", "bob")) == (
        "AWS cannot be asked (The config profile (nobody) could not be found): check your "
        "connection, and credentials with `aws sts get-caller-identity`."
    )


def test_a_host_that_has_no_key_yet_is_waited_for(ops: Ops, corp: Corp) -> None:
    corp.client("ssm").delete_parameter(Name="/vpn/host/public-key")

    assert refusal(ops("vpn-client", "bob")) == (
        "The host has not published its public key yet: it does so within some minutes of its "
        "first start, so try again then; if it never does, the alarm of the stack says so."
    )


def test_a_parameter_without_a_key_is_refused(ops: Ops, corp: Corp) -> None:
    corp.publish("none")

    assert refusal(ops("vpn-client", "bob")) == (
        f"The parameter /vpn/host/public-key of account {corp.account} holds no key: delete it and "
        "restart the host, which then publishes its key again."
    )


def test_a_parameter_that_may_not_be_read_is_refused(ops: Ops, corp: Corp, aws: Embedded) -> None:
    root = aws.operator("organizations").list_roots()["Roots"][0]["Id"]
    aws.guard_rail(policy(deny("ssm:GetParameter")), root)

    assert re.fullmatch(
        rf"The parameter /vpn/host/public-key of account {corp.account} cannot be read \(An error "
        r"occurred \(AccessDenied\w*\) when calling the GetParameter operation: .*\): check "
        r"which role DEPLOY_ROLE names\.",
        refusal(ops("vpn-client", "bob")),
    )


def test_a_file_that_is_there_is_never_overwritten(ops: Ops, tmp_path: Path) -> None:
    file = tmp_path / "corp.conf"
    file.write_text("mine")

    said = ops("vpn-client", "bob", "--output", str(file))

    assert refusal(said) == f"{file} exists already: choose another name, or remove it first."
    assert file.read_text() == "mine"


def test_a_link_to_nowhere_is_not_followed(ops: Ops, tmp_path: Path) -> None:
    file = tmp_path / "corp.conf"
    file.symlink_to(tmp_path / "elsewhere")

    said = ops("vpn-client", "bob", "--output", str(file))

    assert refusal(said) == f"{file} exists already: choose another name, or remove it first."
    assert not (tmp_path / "elsewhere").exists()


def test_no_file_is_written_into_a_git_work_tree(ops: Ops, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / "corp.conf"

    assert refusal(ops("vpn-client", "bob", "--output", str(file))) == (
        f"{file} is in a git work tree, where a key could be committed: choose a place outside."
    )
    assert not file.exists()


def test_a_file_in_no_folder_is_refused(ops: Ops, tmp_path: Path) -> None:
    file = tmp_path / "none" / "corp.conf"

    assert refusal(ops("vpn-client", "bob", "--output", str(file))) == (
        f"{file} cannot be written (No such file or directory): choose another place."
    )


@pytest.mark.parametrize("name", ["corp", "corp.txt", "a-name-too-long1.conf", "my corp.conf"])
def test_a_file_name_that_wireguard_does_not_take_is_refused(
    ops: Ops, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name

    assert refusal(ops("vpn-client", "bob", "--output", str(file))) == (
        f"{file} is no name that WireGuard takes: use at most 15 letters, digits or -, and .conf, "
        "like corp.conf."
    )


def test_a_terminal_too_narrow_for_the_qr_code_is_refused_before_a_key_is_shown(
    ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    assert refusal(ops("vpn-client", "bob")) == (
        "The QR code needs 69 columns and the terminal has 60: make it wider, or write the "
        "configuration to a file with --output FILE."
    )


def test_a_configuration_too_long_for_a_qr_code_is_refused(ops: Ops, corp: Corp) -> None:
    corp.set(splitTunnel=[f"172.16.{number}.0/32" for number in range(256)])

    assert refusal(ops("vpn-client", "bob", "--tunnel", "split")) == (
        "The configuration is too long for a QR code: write the configuration to a file with "
        "--output FILE."
    )


def test_an_encoding_without_blocks_is_refused(ops: Ops) -> None:
    assert refusal(ops("vpn-client", "bob", into=OldTerminal)) == (
        "The terminal's encoding ascii has no characters for a QR code: set LC_ALL to C.UTF-8, or "
        "write the configuration to a file with --output FILE."
    )


def test_an_error_of_the_system_is_one_sentence(ops: Ops, corp: Corp) -> None:
    corp.pulumi.write_text("#!/nowhere\n")

    assert refusal(ops("vpn-client", "bob")) == (
        f"The command cannot go on: [Errno 2] No such file or directory: '{corp.pulumi}'."
    )


def test_an_unreadable_settings_file_is_one_sentence(ops: Ops, corp: Corp) -> None:
    corp.settings_file.unlink()

    assert refusal(ops("vpn-client", "bob")) == (
        "Pulumi.main.yaml cannot be read (No such file or directory): restore it, for example with git."
    )


def test_an_interrupted_command_ends_without_a_traceback(
    ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vpn_client, "run", interrupted)

    assert ops("vpn-client", "bob") == Said(130, "", "Interrupted.\n")


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops", "vpn-client", "The telephone of Bob"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "'The telephone of Bob' is no name for a device: use lower case letters, digits and -, like\n"
        "alice-phone.\n",
    )
