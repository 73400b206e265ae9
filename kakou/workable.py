"""What can never work though each key alone is allowed: said when the file is read, not hours later on the first try.

Only what no machine and no network could make right stands here. Files that are not there yet, names that cannot be
resolved and ports that somebody else has are the doctor's, and the process's that needs them.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from kakou.all_settings import AllSettings
from kakou.sane_values import Location

Fault: TypeAlias = tuple[Location, str]
DATABASES = ("postgresql+psycopg://", "sqlite:///")
WEB = re.compile(r"https?://[^\s/?#@]+", re.IGNORECASE)
"""The beginning of an address that somebody can be reached at."""
TRIES = re.compile(r"\s*0*[1-9]\d*/(second|minute|hour|day)\s*")
BROKER = re.compile(r"\s*(\[[0-9a-fA-F:]+\]|[^\s:/,\[\]]+)(:\d{1,5})?\s*")
TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_OF_FILES = ("file", "files", "path", "certificate", "key", "ca")
"""Endings of the names of settings that are a file's path."""
_WEB = "应如 https://主机 或 https://主机:端口/路径"
_NETWORK = "应为网段，如 10.20.0.0/16（/ 后面的位都为 0）"


def unworkable(settings: AllSettings) -> Iterator[Fault]:
    """Yield the key and why its value can never work."""
    if isinstance(settings, BaseModel):
        yield from _empty_paths(settings, ())
    yield from _redis(settings)
    yield from _console(settings)
    yield from _checkpoints(settings)
    yield from _alerts(settings)
    yield from _channels(settings)
    yield from _topics(settings)
    yield from _cameras(settings)
    yield from _ports(settings)


def _empty_paths(model: BaseModel, at: Location) -> Iterator[Fault]:
    """A folder may be this one; the state folder has its own words (kakou/disk_words.py)."""
    for name, field in type(model).model_fields.items():
        value, place = getattr(model, name), (*at, field.alias or name)
        for index, one in enumerate(value) if isinstance(value, tuple) else ((None, value),):
            here = place if index is None else (*place, index)
            if isinstance(one, BaseModel):
                yield from _empty_paths(one, here)
            elif isinstance(one, Path) and one == Path() and name.endswith(_OF_FILES):
                yield here, "应为文件的路径，不能为空"


def _redis(settings: AllSettings) -> Iterator[Fault]:
    for at, url in ((("redis_url",), settings.redis_url), (("alerts", "stream_url"), settings.alerts.stream_url)):
        scheme, _, rest = (url or "").partition("://")
        path = rest.split("?")[0]
        if scheme == "unix" and not path.rpartition("@")[2].startswith("/"):
            yield at, "unix:// 后面应为套接字的完整路径，如 unix:///run/redis.sock"
        elif scheme in ("redis", "rediss") and not re.fullmatch(r"[^/]*(/\d*)?", path):
            yield at, "主机之后只能是库的编号，如 redis://127.0.0.1:6379/0；密码里的 / 写成 %2F"


def _console(settings: AllSettings) -> Iterator[Fault]:
    console = settings.console
    if console.database_url is not None and not console.database_url.startswith(DATABASES):
        yield (
            ("console", "database_url"),
            (
                "数据库的地址应以 postgresql+psycopg:// 开头，如 postgresql+psycopg://用户:密码@主机/数据库；"
                "不写则用状态目录里的 SQLite"
            ),
        )
    for key, tries in (
        ("login_tries", console.login_tries),
        ("login_tries_of_strangers", console.login_tries_of_strangers),
    ):
        if not all(TRIES.fullmatch(part) for part in tries.split(";")):
            yield ("console", key), "应如 5/minute;20/hour：次数（至少 1）/second、minute、hour 或 day"
    for proxy in console.trusted_proxies:
        if not _is_address(proxy):
            yield ("console", "trusted_proxies"), f"{proxy!r} 不是 IP 地址：逐个写代理的地址，不能写网段或主机名"
    if console.public_url and not WEB.match(console.public_url):
        yield ("console", "public_url"), _WEB
    if (console.tls_certificate is None) != (console.tls_key is None):
        yield ("console",), "tls_certificate 和 tls_key 要么都写，要么都不写"
    yield from _messages(settings)


def _messages(settings: AllSettings) -> Iterator[Fault]:
    console, names = settings.console, {channel.name for channel in settings.alerts.channels}
    for index, messenger in enumerate(console.messenger):
        yield from _networks(messenger.allowed_networks, ("console", "messenger", index, "allowed_networks"))
        if messenger.url is not None and not WEB.match(messenger.url):
            yield ("console", "messenger", index, "url"), _WEB
    for index, group in enumerate(console.groups):
        if group.channel not in names:
            yield ("console", "group", index, "channel"), f"[[alerts.channel]] 中没有名为 {group.channel!r} 的通道"


def _checkpoints(settings: AllSettings) -> Iterator[Fault]:
    places = settings.console.checkpoint
    named = Counter(place.name for place in places)
    for index, place in enumerate(places):
        at: Location = ("console", "checkpoint", index)
        if not place.name.strip():
            yield (*at, "name"), "应写卡口的名称，不能为空"
        elif named[place.name] > 1:
            yield (*at, "name"), f"{place.name} 写了不止一次：每个卡口一个"
        if (place.longitude is None) != (place.latitude is None):
            yield at, f"{place.name}：longitude 和 latitude 要么都写，要么都不写"
        if not (abs(place.longitude or 0) <= 180 and abs(place.latitude or 0) <= 90):
            yield at, f"{place.name}：longitude 在 -180 到 180 之间，latitude 在 -90 到 90 之间（度）"


def _alerts(settings: AllSettings) -> Iterator[Fault]:
    alerts = settings.alerts
    if alerts.link_base and not WEB.match(alerts.link_base):
        yield ("alerts", "link_base"), _WEB
    for host in alerts.allowed_hosts:
        if not re.fullmatch(r"[a-z0-9.-]*[a-z][a-z0-9.-]*", host):
            yield ("alerts", "allowed_hosts"), f"{host!r} 应为小写的主机名；IP 地址和网段写在 allowed_networks"
    yield from _networks(alerts.allowed_networks, ("alerts", "allowed_networks"))
    for port in alerts.allowed_ports:
        if not 1 <= port <= 65535:
            yield ("alerts", "allowed_ports"), f"{port}：端口应在 1 到 65535 之间"
    for host in settings.allow_unencrypted_links_to:
        if not host or re.search(r"[\s/]", host):
            yield ("allow_unencrypted_links_to",), f"{host!r} 应为主机名或 IP 地址，前后没有协议和路径"


def _networks(networks: Iterable[str], at: Location) -> Iterator[Fault]:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield at, f"{network!r} {_NETWORK}"


def _channels(settings: AllSettings) -> Iterator[Fault]:
    channels = settings.alerts.channels
    named = Counter(channel.name for channel in channels)
    for index, channel in enumerate(channels):
        at: Location = ("alerts", "channel", index)
        said = channel.model_dump()
        if named[channel.name] > 1:
            yield (*at, "name"), f"{channel.name} 写了不止一次：每个通道要有自己的 name"
        if not channel.kinds:
            yield (*at, "kinds"), '不能为空：这样什么也不会发出；如 ["flagged", "notice"]'
        if said.get("url") is not None and not WEB.match(str(said["url"])):
            yield (*at, "url"), _WEB
        if "host" in said and not _is_host(str(said["host"])):
            yield (*at, "host"), "应为主机名或 IP 地址，端口写在 port"
        if said.get("kind") == "mqtt" and (not said["topic"] or re.search(r"[#+\0]", said["topic"])):
            yield (*at, "topic"), "不能为空，也不能含 # 和 +：它们只用于订阅"
        if said.get("kind") == "lane" and not said["command"][0].strip():
            yield (*at, "command"), '第一项应为要运行的程序，如 ["/usr/local/bin/alarm"]'
        if "brokers" in said:
            yield from _brokers(said["brokers"], said["username"], said["password_file"], at)


def _topics(settings: AllSettings) -> Iterator[Fault]:
    for index, topic in enumerate(settings.risk.kafka):
        at: Location = ("risk", "kafka", index)
        yield from _brokers(topic.brokers, topic.username, topic.password_file, at)
        if topic.dead_letters and not TOPIC.fullmatch(topic.dead_letters):
            yield (*at, "dead_letters"), "应为主题的名称：只用字母、数字、. _ -"
        if topic.dead_letters == topic.topic:
            yield (*at, "dead_letters"), "不能与 topic 相同：死信会被一再读入"
    for index, feed in enumerate(settings.risk.feed):
        for area in feed.areas:
            if not re.fullmatch(r"\d{2}(\d{2}){0,2}(\d{3}){0,2}", area):
                yield ("risk", "feed", index, "areas"), f"{area!r} 应为行政区划代码，如 370200"


def _brokers(brokers: str, username: str, password_file: Path | None, at: Location) -> Iterator[Fault]:
    parts = brokers.split(",")
    if not all(BROKER.fullmatch(part) and _is_port(part.strip().rpartition("]")[2]) for part in parts):
        yield (*at, "brokers"), "应为 主机:端口，几个之间用逗号隔开"
    if bool(username) != (password_file is not None):
        yield at, "username 和 password_file 要一起写"


def _cameras(settings: AllSettings) -> Iterator[Fault]:
    for index, source in enumerate(settings.sources):
        if not source.checkpoint.strip():
            yield ("source", index, "checkpoint"), "应写卡口的名称，不能为空"
        if not source.uri.strip():
            yield ("source", index, "uri"), "应为摄像机的地址、录像文件或图片文件夹，不能为空"
    if not settings.watch.centre_name.strip():
        yield ("watch", "centre_name"), "应写中心的名称，不能为空"


def _ports(settings: AllSettings) -> Iterator[Fault]:
    watch = settings.watch
    named = {
        ("watch", "run_port"): watch.run_port,
        ("watch", "risk_port"): watch.risk_port,
        ("watch", "console_port"): watch.console_port,
        ("watch", "deliver_port"): watch.deliver_port,
        ("booth", "port"): settings.booth.port,
        ("reads", "port"): settings.reads.port if settings.reads.devices else 0,
    }
    taken = Counter(port for port in named.values() if port)
    for at, port in named.items():
        if port and taken[port] > 1:
            yield at, f"端口 {port} 写了不止一次：每处用自己的端口"
    for section, host in (("console", settings.console.host), ("booth", settings.booth.host)):
        if not _is_host(host):
            yield (section, "host"), "应为主机名或 IP 地址，端口写在 port"
    if settings.booth.public_name and re.search(r"[\s/]", settings.booth.public_name):
        yield ("booth", "public_name"), "应为主机名或 IP 地址，前后没有协议和路径"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    return _is_address(text) or re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?", text) is not None


def _is_port(part: str) -> bool:
    port = part.rpartition(":")[2] if ":" in part else "9092"
    return 1 <= int(port or 0) <= 65535
