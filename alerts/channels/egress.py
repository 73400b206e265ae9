"""Where channels may connect to: an allow-list, checked on the address that is really used.

A checkpoint's platform often sits in a private network, so "block private addresses" does not fit. A host must be
listed by name, or its address by network; the name is resolved once per attempt and that address is the one dialled
(no second look-up that could answer something else); redirects are never followed; metadata services never reached.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from alerts.errors import AlertsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to numeric addresses; raises OSError."""

HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""Letters, digits, hyphens; the last label starts with a letter, so no spelling of a number passes as a name."""
IPV4 = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}")
"""The one spelling of an IPv4 address: decimal, four parts, no leading zero."""
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")
)
"""Cloud metadata services (AWS, ECS, Alibaba, Oracle, Azure): refused even where a network is allowed."""
TRANSITION_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
"""IPv6 addresses with an IPv4 address inside (mapped, NAT64, 6to4, Teredo): a second way to say the same address."""


class EgressError(AlertsError):
    """The target is not on the allow-list, or cannot be resolved; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place to connect to."""

    host: str
    """Lower case name, or an address literal without brackets."""
    port: int
    address: str
    """The numeric address to dial."""


def system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class AllowList:
    """Which hosts, networks and ports may be reached."""

    def __init__(
        self,
        hosts: Sequence[str],
        networks: Sequence[str],
        ports: Sequence[int],
        resolver: Resolver = system_resolver,
    ) -> None:
        """Raises EgressError when an entry is not valid."""
        self._hosts = frozenset(_checked_host_entry(host) for host in hosts)
        self._networks = tuple(_checked_network(text) for text in networks)
        self._ports = frozenset(ports)
        self._resolver = resolver

    def check_url(self, url: str) -> tuple[httpx.URL, Target]:
        """Return the parsed URL and where to dial. Plain http only reaches allowed networks. Raises EgressError."""
        if not url.isascii() or any(char <= " " or char in "\\\x7f" for char in url):
            raise EgressError("the URL has a blank, a backslash or a character outside ASCII")
        try:
            parsed = httpx.URL(url)
            port = parsed.port
        except (httpx.InvalidURL, ValueError) as error:
            raise EgressError("the URL is not valid") from error
        if parsed.scheme not in ("https", "http"):
            raise EgressError(f"the URL's scheme {parsed.scheme!r} is not allowed, use https")
        if parsed.userinfo or parsed.fragment:
            raise EgressError("the URL has a user name or a fragment")
        literal = _literal_host(url)
        target = self.resolve(literal, port or (443 if parsed.scheme == "https" else 80))
        if parsed.scheme == "http" and not self._in_networks(ipaddress.ip_address(target.address)):
            raise EgressError(f"plain http to {target.host} would cross a public network, use https")
        return parsed, target

    def resolve(self, host: str, port: int) -> Target:
        """Return where to dial for `host`; every address it resolves to must be allowed. Raises EgressError."""
        if port not in self._ports:
            raise EgressError(f"port {port} is not in allowed_ports")
        literal = _address_literal(host)
        if literal is not None:
            self._check_address(host, literal, is_listed=False)
            return Target(host, port, str(literal))
        if not HOST_NAME.fullmatch(host) or host not in self._hosts:
            raise EgressError(f"host {host[:100]!r} is not in allowed_hosts")
        addresses = [_parsed_address(text) for text in self._look_up(host, port)]
        for address in addresses:
            self._check_address(host, address, is_listed=True)
        return Target(host, port, str(addresses[0]))

    def _look_up(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self._resolver(host, port)
        except OSError as error:
            raise EgressError(f"host {host} cannot be resolved: {error}") from error
        if not found:
            raise EgressError(f"host {host} has no address")
        return found

    def _check_address(self, host: str, address: Address, *, is_listed: bool) -> None:
        if address in METADATA_ADDRESSES or _is_transitional(address):
            raise EgressError(f"host {host[:100]!r} leads to {address}, which is never reached")
        if self._in_networks(address):
            return
        if not is_listed:
            raise EgressError(f"address {address} is not in allowed_networks")
        if not address.is_global or address.is_multicast:
            raise EgressError(f"host {host} leads to {address}, which is not public and not in allowed_networks")

    def _in_networks(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _literal_host(url: str) -> str:
    """Return the host as it is written: a parser that repairs `0x7f.1` would hide what the allow-list must see."""
    authority = re.split(r"[/?#]", url.split("://", 1)[-1], maxsplit=1)[0]
    if authority.startswith("["):
        return authority[1:].split("]", 1)[0]
    return authority.rsplit(":", 1)[0] if ":" in authority else authority


def _address_literal(host: str) -> Address | None:
    """Return the address when `host` is one in its plain spelling, None when it is something else."""
    if IPV4.fullmatch(host):
        return _parsed_address(host)
    if ":" in host:
        if "%" in host:
            raise EgressError("an IPv6 address with a zone is not allowed")
        return _parsed_address(host)
    return None


def _parsed_address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError as error:
        raise EgressError(f"{text[:100]!r} is not an address") from error


def _is_transitional(address: Address) -> bool:
    return address.version == 6 and any(
        address in network for network in TRANSITION_NETWORKS if address != ipaddress.IPv6Address("::1")
    )


def _checked_host_entry(host: str) -> str:
    if not HOST_NAME.fullmatch(host):
        raise EgressError(
            f"allowed_hosts: {host!r} is not a host name in lower case (addresses go to allowed_networks)"
        )
    return host


def _checked_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise EgressError(f"allowed_networks: {error}") from error
