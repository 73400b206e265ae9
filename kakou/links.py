"""Which links of the settings cross to another machine in the clear: they carry plates, digests and passwords."""

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import BaseModel

from pipeline.reads.settings import DeviceSettings
from riskdb.settings import KafkaSettings

ENFORCED_SSL = ("require", "verify-ca", "verify-full")
"""`sslmode` of PostgreSQL that never falls back to no TLS (its default, prefer, does)."""

OPEN_SCHEMES = ("http", "ws", "mqtt", "amqp", "redis", "ftp", "smtp", "ldap", "nats", "tcp", "udp")
"""Of addresses that are dialled without TLS."""


class AddressError(ValueError):
    """An address of the settings cannot be taken apart; says which setting, never the address."""


def open_links(
    redis_url: str | None,
    stream_url: str | None,
    database_url: str | None,
    channels: Iterable[object],
    topics: Iterable[KafkaSettings] = (),
    devices: Iterable[DeviceSettings] = (),
    list_url: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield the setting and the host of each link to another machine that TLS does not protect.

    Raises AddressError.
    """
    named = (("redis_url", redis_url), ("alerts.stream_url", stream_url), ("risk.list_url", list_url))
    for name, url in named:
        if url and _is_open_redis(link := _split(name, url)):
            yield name, link.hostname or ""
    for channel in channels:
        name = f"alerts.channel {getattr(channel, 'name', '')}"
        yield from _open_addresses(name, channel)
        host = getattr(channel, "host", None)
        if getattr(channel, "tls", True) is False and is_elsewhere(host):
            yield f"{name}: tls", str(host)
        if getattr(channel, "tls", True) is False:
            yield from ((f"{name}: tls", host) for host in _brokers_elsewhere(getattr(channel, "brokers", "")))
    for topic in topics:
        if not (topic.tls or topic.ca_file):
            yield from ((f"risk.kafka {topic.topic}: tls", host) for host in _brokers_elsewhere(topic.brokers))
    for device in devices:
        name = f"reads.device {device.device_id}"
        if device.pull and (link := _split(f"{name}: pull.url", device.pull.url)).scheme in OPEN_SCHEMES:
            yield from [(f"{name}: pull.url", link.hostname or "")] if is_elsewhere(link.hostname) else ()
        said = device.subscribe
        for key, url in (("url", said.url), ("receive_url", said.receive_url)) if said else ():
            if (link := _split(f"{name}: subscribe.{key}", url)).scheme in OPEN_SCHEMES and is_elsewhere(link.hostname):
                yield f"{name}: subscribe.{key}", link.hostname or ""
        broker = device.broker
        if broker and not broker.tls and is_elsewhere(broker.host):
            yield f"{name}: broker.tls", broker.host
    if database_url and (host := _open_database_host(_split("console.database_url", database_url))):
        yield "console.database_url", host


def _open_addresses(name: str, channel: object) -> Iterator[tuple[str, str]]:
    """Yield each setting of a channel, whatever its name, that is an address without TLS on another machine."""
    for key, said in channel if isinstance(channel, BaseModel) else ():
        if isinstance(said, str) and "://" in said:
            link = _split(f"{name}: {key}", said)
            if link.scheme in OPEN_SCHEMES and is_elsewhere(link.hostname):
                yield f"{name}: {key}", link.hostname or ""


def _split(name: str, url: str) -> SplitResult:
    try:
        link = urlsplit(url)
        _ = link.port  # raises, too, where it is none
    except ValueError as error:
        raise AddressError(f"{name}: 地址写得不对：请检查主机、端口和方括号；密码里的特殊字符写成 %XX") from error
    return link


def _brokers_elsewhere(brokers: str) -> Iterator[str]:
    hosts = (broker.strip() for broker in brokers.split(","))
    named = (host.rpartition(":")[0] if ":" in host else host for host in hosts)
    return (host for name in named if is_elsewhere(host := name.strip("[]")))


def is_elsewhere(host: str | None) -> bool:
    """Return whether a host is, or may be, another machine."""
    if not host or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _is_open_redis(link: SplitResult) -> bool:
    checks_nobody = parse_qs(link.query).get("ssl_cert_reqs", ["required"])[-1] == "none"
    return is_elsewhere(link.hostname) and (link.scheme == "redis" or (link.scheme == "rediss" and checks_nobody))


def _open_database_host(link: SplitResult) -> str | None:
    said = parse_qs(link.query)
    host = said.get("host", [link.hostname or ""])[-1]
    is_protected = said.get("sslmode", ["prefer"])[-1] in ENFORCED_SSL
    is_socket = host.startswith("/")
    return (
        host
        if link.scheme.startswith("postgresql") and is_elsewhere(host) and not (is_protected or is_socket)
        else None
    )
