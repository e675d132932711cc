"""What the host makes of the peers' parameters: the `[Peer]` sections that WireGuard takes.

Part of the boot script, run as `peer_sections.py IPV4_NETWORK IPV6_NETWORK` with lines `NAME TAB
VALUE` on standard input. On the host there is the Python 3.9 of Amazon Linux 2023 and nothing of
this repository, so this imports none of it. What is no peer is left out and named on standard
error: it must not cost the others their connection.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

VALUE = re.compile(r"([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=) ([0-9.]+)/32,([0-9a-f:]+)/128")
"""A key of 32 bytes in base64, whose last letter has two bits to spare; the two addresses."""
HOST = 1
"""The number of the host in both networks."""


def sections(lines: Iterable[str], ipv4: IPv4Network, ipv6: IPv6Network) -> Iterator[str]:
    """Yield the section of each line, in the order of the names; complain about the others."""
    taken = {str(ipv4[HOST]): "the host", str(ipv6[HOST]): "the host"}
    for line in sorted(lines):
        name, _, value = line.rstrip("\n").partition("\t")
        matched = VALUE.fullmatch(value)
        if not matched:
            _leave_out(name, f"{value!r} is not `KEY IPV4/32,IPV6/128`")
            continue
        key = matched.group(1)
        try:
            own = IPv4Address(matched.group(2)), IPv6Address(matched.group(3))
        except ValueError as error:
            _leave_out(name, str(error))
            continue
        if own[0] not in ipv4 or own[1] not in ipv6:
            _leave_out(name, f"{own[0]} and {own[1]} are not in {ipv4} and {ipv6}")
            continue
        # WireGuard would give an address to whoever names it last.
        unique = [key, *map(str, own)]
        others = [f"{it} belongs to {taken[it]}" for it in unique if it in taken]
        if others:
            _leave_out(name, ", ".join(others))
            continue
        taken.update(dict.fromkeys(unique, name))
        yield f"\n[Peer]\nPublicKey = {key}\nAllowedIPs = {own[0]}/32, {own[1]}/128\n"


def _leave_out(name: str, reason: str) -> None:
    sys.stderr.write(f"{name} is left out: {reason}.\n")


if __name__ == "__main__":
    networks = IPv4Network(sys.argv[1]), IPv6Network(sys.argv[2])
    sys.stdout.writelines(sections(sys.stdin, *networks))
