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
from riskdb.system_words import system_words

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
            raise EgressError("网址里有空格、反斜杠或非 ASCII 字符：改正 url（汉字写成百分号编码）")
        try:
            parsed = httpx.URL(url)
            port = parsed.port
        except (httpx.InvalidURL, ValueError) as error:
            raise EgressError("网址写得不对：应如 https://主机/路径") from error
        if parsed.scheme not in ("https", "http"):
            raise EgressError(f"网址以 {parsed.scheme!r} 开头，不允许：用 https")
        if parsed.userinfo or parsed.fragment:
            raise EgressError("网址里有用户名或 #：去掉它，密钥写在密钥文件里")
        literal = _literal_host(url)
        target = self.resolve(literal, port or (443 if parsed.scheme == "https" else 80))
        if parsed.scheme == "http" and not self._in_networks(ipaddress.ip_address(target.address)):
            raise EgressError(f"到 {target.host} 的 http 会明文经过公网：用 https")
        return parsed, target

    def resolve(self, host: str, port: int) -> Target:
        """Return where to dial for `host`; every address it resolves to must be allowed. Raises EgressError."""
        if port not in self._ports:
            raise EgressError(f"端口 {port} 不在 allowed_ports 里：确要连它，就把它加上")
        literal = _address_literal(host)
        if literal is not None:
            self._check_address(host, literal, is_listed=False)
            return Target(host, port, str(literal))
        if not HOST_NAME.fullmatch(host) or host not in self._hosts:
            raise EgressError(f"主机 {host[:100]!r} 不在 allowed_hosts 里：确要连它，就把它加上")
        addresses = [_parsed_address(text) for text in self._look_up(host, port)]
        for address in addresses:
            self._check_address(host, address, is_listed=True)
        return Target(host, port, str(addresses[0]))

    def _look_up(self, host: str, port: int) -> Sequence[str]:
        try:
            found = self._resolver(host, port)
        except OSError as error:
            raise EgressError(f"查不到主机 {host} 的地址（{system_words(error)}）：核对名字和 DNS") from error
        if not found:
            raise EgressError(f"主机 {host} 没有地址：核对名字和 DNS")
        return found

    def _check_address(self, host: str, address: Address, *, is_listed: bool) -> None:
        if address in METADATA_ADDRESSES or _is_transitional(address):
            raise EgressError(f"主机 {host[:100]!r} 指向 {address}，这个地址从不连接（云主机元数据等）")
        if self._in_networks(address):
            return
        if not is_listed:
            raise EgressError(f"地址 {address} 不在 allowed_networks 里：确要连它，就把它所在的网段加上")
        if not address.is_global or address.is_multicast:
            raise EgressError(
                f"主机 {host} 指向 {address}，不是公网地址，也不在 allowed_networks 里：确要连它，就把网段加上"
            )

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
            raise EgressError("不允许带区域（%）的 IPv6 地址：去掉 % 和后面的部分")
        return _parsed_address(host)
    return None


def _parsed_address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError as error:
        raise EgressError(f"{text[:100]!r} 不是 IP 地址") from error


def _is_transitional(address: Address) -> bool:
    return address.version == 6 and any(
        address in network for network in TRANSITION_NETWORKS if address != ipaddress.IPv6Address("::1")
    )


def _checked_host_entry(host: str) -> str:
    if not HOST_NAME.fullmatch(host):
        raise EgressError(f"allowed_hosts：{host!r} 不是小写的主机名（IP 地址和网段写在 allowed_networks 里）")
    return host


def _checked_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise EgressError(f"allowed_networks：{text!r} 不是网段，应如 10.1.0.0/16（{error}）") from error
