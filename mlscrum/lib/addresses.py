"""Which addresses this installation may call: the public ones, and what OUTBOUND_ALLOW names."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds hand out credentials to whoever asks from within a machine.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google and most others
            "169.254.170.2",  # AWS ECS
            "169.254.170.23",  # AWS EKS
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle
            "168.63.129.16",  # Azure's wire server, a public address
        ),
    )
)
THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")  # Linux takes 0.0.0.0 for 127.0.0.1
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # all that IPv6 has given out
CARRIERS_OF_IPV4 = {  # IPv6 networks, and how far from the right their IPv4 address stands
    ipaddress.ip_network("64:ff9b::/96"): 0,  # NAT64
    ipaddress.ip_network("::/96"): 0,  # IPv4-compatible
    ipaddress.ip_network("::ffff:0:0:0/96"): 0,  # translated
    ipaddress.ip_network("2002::/16"): 80,  # 6to4
}


class Reach(StrEnum):
    """Where an address leads."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    METADATA = "metadata"


@dataclass(frozen=True)
class Allowed:
    """What OUTBOUND_ALLOW names: networks, hosts, and single services as (host, port).

    Networks and hosts open private addresses, never this machine; a service is opened wherever
    it is, apart from the metadata of clouds, which nothing opens.
    """

    networks: frozenset[Network] = frozenset()
    hosts: frozenset[str] = frozenset()
    services: frozenset[tuple[str, int]] = frozenset()

    def admits(self, host: str, port: int, address: IPAddress) -> bool:
        """Whether this address of the host may be called on that port."""
        true = unwrapped(address)
        match reach(address):
            case Reach.METADATA:
                return False
            case Reach.PUBLIC:
                return True
            case Reach.LOOPBACK:
                return self._names_service(host, port, true)
        return (
            normal(host) in self.hosts
            or any(true in network for network in self.networks)
            or self._names_service(host, port, true)
        )

    def _names_service(self, host: str, port: int, address: IPAddress) -> bool:
        return not self.services.isdisjoint({(normal(host), port), (str(address), port)})


def parse(words: Iterable[str]) -> Allowed:
    """Read OUTBOUND_ALLOW: `10.0.0.0/8`, `minio.internal`, `127.0.0.1:9000`.

    Raises ValueError where a word is none of these, or would open this machine as a whole.
    """
    networks: set[Network] = set()
    hosts: set[str] = set()
    services: set[tuple[str, int]] = set()
    for word in words:
        network = _network(word)
        if network is not None:
            if reach(network[0]) == reach(network[-1]) == Reach.LOOPBACK:
                raise ValueError(_names_this_machine(word))
            networks.add(network)
            continue
        host, port = _service(word)
        if port is not None:
            services.add((host, port))
        elif host == "localhost" or host.endswith(".localhost"):
            raise ValueError(_names_this_machine(word))
        else:
            hosts.add(host)
    return Allowed(frozenset(networks), frozenset(hosts), frozenset(services))


def reach(address: IPAddress) -> Reach:
    """Where an address leads, IPv4 addresses within IPv6 ones looked through."""
    true = unwrapped(address)
    if true in METADATA:
        return Reach.METADATA
    if true.is_loopback or true.is_unspecified or true in THIS_NETWORK:
        return Reach.LOOPBACK
    is_unicast = true in GLOBAL_UNICAST or true.version == 4
    if is_unicast and true.is_global and not true.is_multicast and not true.is_reserved:
        return Reach.PUBLIC
    return Reach.PRIVATE


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.teredo is not None:
        return address.teredo[1]
    if address.is_loopback or address.is_unspecified:
        return address
    for network, shift in CARRIERS_OF_IPV4.items():
        if address in network:
            return ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address


def normal(host: str) -> str:
    """A host name as it is compared."""
    return host.strip().strip("[]").rstrip(".").lower()


def _network(word: str) -> Network | None:
    try:
        return ipaddress.ip_network(word.strip("[]"))
    except ValueError:
        if "/" in word:
            raise
        return None


def _service(word: str) -> tuple[str, int | None]:
    host, colon, port = word.rpartition(":")
    if not colon:
        host, port = word, ""
    if not normal(host) or any(sign in host for sign in "/@*? ") or (colon and not port.isdigit()):
        raise ValueError(
            f"{word!r} is no network (10.0.0.0/8), host (minio.internal) or service "
            "(127.0.0.1:9000)"
        )
    return normal(host), int(port) if port else None


def _names_this_machine(word: str) -> str:
    return f"{word!r} is this machine; name single services with their port, as 127.0.0.1:9000"
