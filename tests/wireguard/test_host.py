"""The host's script is small enough, safe to run, and puts there what its parts rely on."""

import ast
import os
import re
import shutil
import subprocess
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from wireguard.host import USER_DATA_BYTES, Host, files, user_data
from wireguard.network import Network

HOST = Host(
    region="ap-southeast-4",
    network=Network(
        ipv4=IPv4Network("100.100.128.0/17"),
        ipv6=IPv6Network("fd12:3456:789a:bcde:f012:3456:789a:0/112"),
    ),
    public_ip="203.100.113.100",
    allocation_id="eipalloc-0123456789abcdef0",
    key_arn=f"arn:aws:kms:ap-southeast-4:111122223333:key/{'0123abcd-' * 4}0123",
    update_hour=3,
)
PROGRAMS = sorted(path for path, text in files(HOST).items() if text.startswith("#!/bin/bash\n"))
UNITS = {Path(path).name: text for path, text in files(HOST).items() if "/systemd/" in path}


def executed(unit: str) -> str:
    return unit.partition("ExecStart=")[2].partition("\n")[0]


def test_the_script_fits_into_an_instances_user_data() -> None:
    assert len(user_data(HOST).encode()) < USER_DATA_BYTES


@pytest.mark.parametrize("program", ["user-data", *PROGRAMS])
def test_every_program_of_the_host_passes_shellcheck(program: str, tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None and "CI" in os.environ:
        pytest.fail("shellcheck is missing: install it.")
    if shellcheck is None:
        pytest.skip("shellcheck is missing: install it to check the host's programs")
    for path, text in {"/opt/vpn/user-data": user_data(HOST), **files(HOST)}.items():
        (tmp_path / Path(path).name).write_text(text)
    checked = subprocess.run(
        [shellcheck, "--external-sources", "--source-path", "SCRIPTDIR", Path(program).name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == ""
    assert checked.returncode == 0


def test_a_setting_reaches_the_host_as_it_is(tmp_path: Path) -> None:
    value = 'a\'b "c" $(touch made) `touch made` \\ ; #'
    host = Host(**{**vars(HOST), "key_arn": value})
    settings = tmp_path / "settings"
    settings.write_text(files(host)["/opt/vpn/settings"])
    done = subprocess.run(
        ["bash", "-euc", '. ./settings; printf %s "$KEY_ARN"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == value
    assert list(tmp_path.iterdir()) == [settings]


def test_the_script_writes_every_file_as_it_is(tmp_path: Path) -> None:
    script = user_data(HOST).replace("/opt/vpn", f"{tmp_path}/opt/vpn")
    script = script.replace("/etc/systemd", f"{tmp_path}/etc/systemd")
    (tmp_path / "etc" / "systemd" / "system").mkdir(parents=True)
    (tmp_path / "systemctl").symlink_to("/bin/true")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", script], env={"PATH": path}, check=True)
    for name, text in files(HOST).items():
        written = Path(f"{tmp_path}{name}")
        assert written.read_text().replace(str(tmp_path), "") == text
        assert os.access(written, os.X_OK) == (name in PROGRAMS)


def test_every_unit_runs_a_program_that_is_there_and_every_timer_has_its_unit() -> None:
    services = {name: text for name, text in UNITS.items() if name.endswith(".service")}
    timers = {name for name in UNITS if name.endswith(".timer")}
    assert {executed(text) for text in services.values()} == set(PROGRAMS)
    assert {name.replace(".timer", ".service") for name in timers} | {"vpn.service"} == set(
        services
    )


def test_a_boot_starts_the_vpn_again_and_every_timer() -> None:
    (enabled,) = re.findall(
        r"^systemctl enable --now --no-block (.*)$", user_data(HOST), re.MULTILINE
    )
    assert set(enabled.split()) == {"vpn.service", *(it for it in UNITS if it.endswith(".timer"))}
    assert all("[Install]\nWantedBy=" in UNITS[unit] for unit in enabled.split())


def test_a_start_that_fails_comes_again_without_an_end() -> None:
    assert "\nRestart=on-failure\n" in UNITS["vpn.service"]
    assert "\nStartLimitIntervalSec=0\n" in UNITS["vpn.service"]


def test_updates_come_at_the_stated_hour() -> None:
    assert "\nOnCalendar=*-*-* 03:00:00 UTC\n" in UNITS["vpn-update.timer"]


def test_peers_are_read_three_times_a_minute() -> None:
    assert "\nOnUnitInactiveSec=20\n" in UNITS["vpn-peers.timer"]
    limit = re.search(r"^TimeoutStartSec=(\d+)$", UNITS["vpn-peers.service"], re.MULTILINE)
    assert limit
    assert 20 + int(limit[1]) < 60


def test_what_python_runs_there_is_its_library_alone_and_of_python_3_9() -> None:
    source = files(HOST)["/opt/vpn/peer_sections.py"]
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"collections.abc", "ipaddress"}
