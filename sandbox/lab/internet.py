"""The Internet of the laboratory: a router between a VPC, a web site, and the homes of clients.

As in EC2, an instance has a private IPv4 address, and the router exchanges it for a public one on
the way; IPv6 addresses are everybody's own. The home is behind one address that all in it share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path

from sandbox.lab.namespaces import Machine
from sandbox.lab.servers import HTTP, Answering, Server, tell_the_caller

AWS = IPv4Address("198.51.100.1")
METADATA = IPv4Address("169.254.169.254")
METADATA_IPV6 = IPv6Address("fd00:ec2::254")
RESOLVER = IPv4Address("10.80.0.2")
DNS = 53
WEB_SITE = IPv4Address("198.51.100.80")
OTHER_SITE = IPv4Address("198.51.100.81")
WEB_SITE_IPV6 = IPv6Address("2001:db8:100::80")
HOME_SHARED = IPv4Address("192.0.2.20")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A network at the router, which has the first address of each."""

    name: str
    ipv4: IPv4Interface
    ipv6: IPv6Interface
    mtu: int = 1500

    def __str__(self) -> str:
        return self.name

    def number(self, number: int) -> tuple[IPv4Address, IPv6Address]:
        """Return the addresses of a machine there."""
        return self.ipv4.network[number], self.ipv6.network[number]


VPC = Place(name="vpc", ipv4=IPv4Interface("10.80.0.1/24"), ipv6=IPv6Interface("2001:db8:80::1/64"))
WEB = Place(
    name="web", ipv4=IPv4Interface("198.51.100.1/24"), ipv6=IPv6Interface("2001:db8:100::1/64")
)
HOME = Place(
    name="home", ipv4=IPv4Interface("192.168.1.1/24"), ipv6=IPv6Interface("2001:db8:1::1/64")
)


class Internet:
    """The router and the web; sites and the VPC's resolver tell callers where they come from."""

    def __init__(self, directory: Path) -> None:
        """Put the disks of machines below a directory; they are gone when the router is."""
        self.directory = directory / "disks"
        self.directory.mkdir()
        self.router = Machine()
        self._cables = 0
        self._servers: list[Server] = []
        for place in (VPC, WEB, HOME):
            self._make(place)
        self.router.script(f"""
            mount -t tmpfs tmpfs {self.directory}
            ip address add {RESOLVER}/32 dev {VPC}
            ip address add {METADATA}/32 dev {VPC}
            ip address add {METADATA_IPV6}/128 dev {VPC}
            sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
        """)
        self.web_site = self.machine(WEB, WEB_SITE, WEB_SITE_IPV6)
        self.exchange({})
        self.serve(self.web_site, WEB_SITE, tell_the_caller)
        self.serve(self.web_site, WEB_SITE_IPV6, tell_the_caller)
        self.web_site.run("ip", "address", "add", f"{OTHER_SITE}/32", "dev", "eth0")
        self.serve(self.web_site, OTHER_SITE, tell_the_caller)
        self.serve(self.router, RESOLVER, tell_the_caller, DNS)

    def stop(self) -> None:
        """End everything."""
        for server in self._servers:
            server.stop()
        self.web_site.stop()
        self.router.stop()

    def serve(
        self,
        machine: Machine,
        address: IPv4Address | IPv6Address,
        answering: Answering,
        port: int = HTTP,
    ) -> None:
        """Let a web server stand at an address of a machine until the end."""
        self._servers.append(Server(machine, address, answering, port))

    def machine(
        self, place: Place, ipv4: IPv4Address, ipv6: IPv6Address, made: Machine | None = None
    ) -> Machine:
        """Connect a machine, a new one unless one is given, at a place."""
        machine = made or Machine(self.router)
        self._cables += 1
        cable = f"cable{self._cables}"
        self.router.script(f"""
            ip link add name {cable} type veth peer name eth0 netns {machine.pid}
            ip link set dev {cable} master {place} mtu {place.mtu} up
        """)
        machine.script(f"""
            ip link set dev eth0 mtu {place.mtu} up
            ip address add {ipv4}/{place.ipv4.network.prefixlen} dev eth0
            ip address add {ipv6}/{place.ipv6.network.prefixlen} dev eth0
            ip route add default via {place.ipv4.ip}
            ip route add default via {place.ipv6.ip}
        """)
        if place is VPC:
            machine.script(f"""
                ip route add {METADATA} dev eth0
                ip route add {METADATA_IPV6} dev eth0
            """)
        return machine

    def exchange(self, public: Mapping[IPv4Address, IPv4Address]) -> None:
        """Exchange private addresses for these public ones from now on, as EC2 does: at once.

        It keeps no state of connections, so one that was open goes to the address's new holder.
        """
        ways_in = ";".join(f"ip daddr {it} ip daddr set {own}" for own, it in public.items())
        ways_out = ";".join(
            f'oifname != "{VPC}" ip saddr {own} ip saddr set {it}' for own, it in public.items()
        )
        rules = f"""
            table inet internet
            delete table inet internet
            table inet internet {{
                chain in {{ type filter hook prerouting priority raw; {ways_in}; }}
                chain out {{ type filter hook postrouting priority 300; {ways_out}; }}
                chain home {{
                    type nat hook postrouting priority srcnat;
                    oifname != "{HOME}" ip saddr {HOME.ipv4.network} snat ip to {HOME_SHARED}
                }}
            }}
        """
        self.router.script(f"nft -f - <<'END'\n{rules}\nEND")

    def _make(self, place: Place) -> None:
        self.router.script(f"""
            ip link add name {place} mtu {place.mtu} type bridge
            ip link set dev {place} up
            ip address add {place.ipv4} dev {place}
            ip address add {place.ipv6} dev {place}
        """)
