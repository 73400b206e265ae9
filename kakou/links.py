"""Which links of the settings cross to another machine in the clear: they carry plates, digests and passwords."""

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, parse_qs, urlsplit

from pipeline.reads.settings import DeviceSettings
from riskdb.settings import KafkaSettings

ENFORCED_SSL = ("require", "verify-ca", "verify-full")
"""`sslmode` of PostgreSQL that never falls back to no TLS (its default, prefer, does)."""


def open_links(
    redis_url: str | None,
    stream_url: str | None,
    database_url: str | None,
    channels: Iterable[object],
    topics: Iterable[KafkaSettings] = (),
    devices: Iterable[DeviceSettings] = (),
) -> Iterator[tuple[str, str]]:
    """Yield the setting and the host of each link to another machine that TLS does not protect."""
    for name, url in (("redis_url", redis_url), ("alerts.stream_url", stream_url)):
        if url and _is_open_redis(urlsplit(url)):
            yield name, urlsplit(url).hostname or ""
    for channel in channels:
        name = f"alerts.channel {getattr(channel, 'name', '')}"
        link = urlsplit(getattr(channel, "url", ""))
        if link.scheme == "http" and is_elsewhere(link.hostname):
            yield f"{name}: url", link.hostname or ""
        host = getattr(channel, "host", None)
        if getattr(channel, "tls", True) is False and is_elsewhere(host):
            yield f"{name}: tls", str(host)
        if getattr(channel, "tls", True) is False:
            yield from ((f"{name}: tls", host) for host in _brokers_elsewhere(getattr(channel, "brokers", "")))
    for topic in topics:
        if not (topic.tls or topic.ca_file):
            yield from ((f"risk.kafka {topic.topic}: tls", host) for host in _brokers_elsewhere(topic.brokers))
    for device in devices:
        if device.pull and is_elsewhere((link := urlsplit(device.pull.url)).hostname) and link.scheme == "http":
            yield f"reads.device {device.device_id}: pull.url", link.hostname or ""
        broker = device.broker
        if broker and not broker.tls and is_elsewhere(broker.host):
            yield f"reads.device {device.device_id}: broker.tls", broker.host
    if database_url and (host := _open_database_host(urlsplit(database_url))):
        yield "console.database_url", host


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
