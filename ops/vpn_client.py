"""`python -m ops vpn-client NAME`: what a device needs to get into the VPN.

It reads the settings, the outputs of the stack `corp` and the host's public key, and changes
nothing: a person adds the line that it prints. A private key is nowhere but in what it prints, or
in the one file that it is told to write.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, TypeAdapter, ValidationError

from ops import account, deployed, qr
from ops.problem import OpsError
from stacks.outputs import CorpOutputs
from stacks.settings import ROOT, AccountId, CorpSettings, Domain, Label
from wireguard.client import Server, configuration, new_key_pair
from wireguard.network import Addresses, Peer, Tunnel, is_key
from wireguard.parameters import PUBLIC_KEY

SETTINGS = CorpOutputs.settings_of("main")
FILE_NAME = re.compile(r"[A-Za-z0-9_=+.-]{1,15}\.conf")
"""What WireGuard's programs take as a file name: they name the tunnel's interface after it."""


class Deployed(BaseModel):
    """The outputs of `stacks/corp` that are read here."""

    account_id: AccountId
    vpn_host: Domain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("name", metavar="NAME", help="the device's name, like alice-phone")
    parser.add_argument(
        "--public-key",
        metavar="KEY",
        help="the key that the device made; without it a new peer gets a key pair made here",
    )
    parser.add_argument(
        "--tunnel",
        choices=("full", "split"),
        help="what goes through the tunnel: everything (full, the default), or what splitTunnel "
        "lists in the settings",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the configuration to a new file that only you can read, instead of showing it",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the line to add to the settings, if any, and the configuration.

    Raises OpsError, or UnusableSettingsError.
    """
    name: str = arguments.name
    file: Path | None = arguments.output
    _check_words(name, arguments.public_key)
    if file is not None:
        _check_place(file)
    settings = CorpSettings.read(ROOT / SETTINGS, CorpOutputs.project)
    known = next((peer for peer in settings.wireguard_peers if peer.name == name), None)
    key, private_key = _keys(known, arguments.public_key)
    peer = _peer(settings, known, name, key, arguments.tunnel)
    server = _server(settings)
    if peer.public_key == server.public_key:
        raise OpsError(f"{key} is the host's own public key: copy the device's.")
    text = configuration(peer, server, private_key=private_key)
    parts = [
        *_line(settings, known, peer),
        *_shown(text, name, file, secret=private_key is not None),
    ]
    sys.stdout.write("\n\n".join(parts) + "\n")
    sys.stdout.flush()


def _check_words(name: str, key: str | None) -> None:
    try:
        TypeAdapter[str](Label).validate_python(name)
    except ValidationError:
        raise OpsError(
            f"'{name}' is no name for a device: use lower case letters, digits and -, like "
            "alice-phone."
        ) from None
    if key is not None and not is_key(key):
        raise OpsError(
            f"{key} is no WireGuard key (32 bytes in base64: 44 characters, the last is =): copy "
            "it whole from the device."
        )


def _check_place(file: Path) -> None:
    if not FILE_NAME.fullmatch(file.name):
        raise OpsError(
            f"{file} is no name that WireGuard takes: use at most 15 letters, digits or -, and "
            ".conf, like corp.conf."
        )
    folder = file.absolute().parent.resolve()
    if any((place / ".git").exists() for place in (folder, *folder.parents)):
        raise OpsError(
            f"{file} is in a git work tree, where a key could be committed: choose a place outside."
        )
    if file.exists():
        raise _exists(file)


def _exists(file: Path) -> OpsError:
    return OpsError(f"{file} exists already: choose another name, or remove it first.")


def _keys(known: Peer | None, given: str | None) -> tuple[str, str | None]:
    """Return the device's public key, and the private one where they are made here."""
    if given is not None:
        return given, None
    if known is not None:
        return known.public_key, None
    pair = new_key_pair()
    return pair.public_key, pair.private_key


def _peer(
    settings: CorpSettings, known: Peer | None, name: str, key: str, tunnel: Tunnel | None
) -> Peer:
    """Return the peer as it shall be: what is not given stays as it is known."""
    others = [peer for peer in settings.wireguard_peers if peer.name != name]
    owner = next((peer.name for peer in others if peer.public_key == key), None)
    if owner is not None:
        raise OpsError(f"{key} is the key of {owner} already: each device has a key of its own.")
    tunnel = tunnel or (known.tunnel if known else "full")
    if tunnel == "split" and not settings.split_tunnel:
        raise OpsError(
            f"splitTunnel in {SETTINGS} lists no CIDR block, so a split tunnel leads nowhere: list "
            "some, or leave out --tunnel."
        )
    addresses = known.addresses if known else _free(settings, key)
    return Peer(name=name, public_key=key, addresses=addresses, tunnel=tunnel)


def _free(settings: CorpSettings, key: str) -> Addresses:
    plan = settings.address_plan
    free = plan.free(key, {peer.addresses.ipv4 for peer in settings.wireguard_peers})
    if free is None:
        raise OpsError(
            f"The network {plan.ipv4} has no room for another peer: take out in {SETTINGS} who has "
            "left, or give network a larger one."
        )
    return free


def _server(settings: CorpSettings) -> Server:
    stack = deployed.outputs(CorpOutputs, Deployed)
    return Server(
        name=stack.vpn_host,
        public_key=_host_key(stack.account_id, settings.region),
        network=settings.address_plan,
        resolver=settings.resolver,
        split_tunnel=settings.split_tunnel,
    )


def _host_key(account_id: str, region: str) -> str:
    ssm = account.session(account_id, region).client("ssm")  # pyright: ignore[reportUnknownMemberType]
    try:
        found = ssm.get_parameter(Name=PUBLIC_KEY)["Parameter"].get("Value", "")
    except ssm.exceptions.ParameterNotFound:
        raise OpsError(
            "The host has not published its public key yet: it does so within some minutes of its "
            "first start, so try again then; if it never does, the alarm of the stack says so."
        ) from None
    except ClientError as error:
        raise OpsError(
            f"The parameter {PUBLIC_KEY} of account {account_id} cannot be read ({error}): check "
            "which role DEPLOY_ROLE names."
        ) from None
    except BotoCoreError as error:
        raise account.unreachable(error) from None
    if not is_key(found):
        raise OpsError(
            f"The parameter {PUBLIC_KEY} of account {account_id} holds no key: delete it and "
            "restart the host, which then publishes its key again."
        )
    return found


def _line(settings: CorpSettings, known: Peer | None, peer: Peer) -> list[str]:
    """Return what to write into the settings, none where it stands there already."""
    if peer == known:
        return []
    if known is not None:
        where = f"Put this line in place of the one of {peer.name} below"
    elif settings.peers:
        where = "Add this line below"
    else:
        where = "Put this line, in place of [], below"
    # In quotes, since a name may look like a number or like `no`.
    words = [f'name: "{peer.name}"', f'publicKey: "{peer.public_key}"']
    words.append(f"address: {peer.addresses.ipv4}")
    if peer.tunnel == "split":
        words.append("tunnel: split")
    return [
        (
            f"{where} {CorpOutputs.project}:peers in {SETTINGS}, commit it, and run\n"
            f"{CorpOutputs.update_of('main')}; the device gets in a minute later:"
        ),
        f"    - {{ {', '.join(words)} }}",
    ]


def _shown(text: str, name: str, file: Path | None, *, secret: bool) -> list[str]:
    """Return the configuration as it is shown, or write it and return where it is."""
    told = f"The configuration of {name}"
    if file is not None:
        _write(file, text)
        told += f" is in {file}, which only you can read"
    if secret:
        told += (
            ". It holds the private key, which is kept nowhere else;\n"
            "take it over to the device now, and show it to nobody else"
        )
    if file is not None:
        return [f"{told}."]
    shown = [f"{told}:", text.rstrip("\n")]
    if secret:
        shown += [
            "The same for the camera of a telephone (in the WireGuard app: add from a QR code):",
            qr.drawn(text, sys.stdout),
        ]
    return shown


def _write(file: Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise _exists(file) from None
    except OSError as error:
        raise OpsError(
            f"{file} cannot be written ({error.strerror}): choose another place."
        ) from None
