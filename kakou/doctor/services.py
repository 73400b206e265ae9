"""Redis, the list, the outbox and the channels."""

import contextlib
import os
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis
from cryptography import x509

from alerts.channels.base import Channel
from alerts.channels.build import build_channels
from alerts.channels.lane import LaneSettings
from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.notice import NoticeEvent
from alerts.notices.keeper import ActiveNotice
from alerts.notices.table import BY_NAME
from alerts.outbox import Outbox
from alerts.stream import FlaggedStream, connect
from kakou.doctor.finding import Finding, Told, Verdict, checked, ok
from kakou.doctor.machine import certificate_told
from kakou.links import is_elsewhere
from kakou.settings import Settings
from kakou.utc import utc_now
from kakou.watch.centre import fault_of, is_held
from kakou.watch.identity import box_origin
from kakou.wiring.embedded_redis import MINIMUM_VERSION, find_redis_server
from kakou.wiring.matching import key_path, open_hot_set
from kakou.wiring.redis import open_redis
from riskdb.system_words import system_words

MAX_EVENT_AGE_S = 60.0
MAX_CLOCK_APART_S = 5.0
PATIENCE_S = 2.0


def service_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what Redis and the outbox say. An embedded Redis that never ran is not started for this."""
    yield checked("发件箱 outbox", lambda: _outbox(settings))
    if settings.redis_url is None and not os.path.lexists(settings.state_dir / "redis"):
        yield checked("Redis", _embedded, "apt-get install redis-server，或设 redis_url")
        return
    with contextlib.ExitStack() as stack:
        opened: list[str] = []

        def enter() -> Told:
            opened.append(stack.enter_context(open_redis(settings)))
            return _redis(opened[0])

        yield checked("Redis", enter, "启动 Redis，核对 redis_url、密码和 TLS（docs/replica.md）")
        if opened:
            yield from _with_redis(settings, opened[0])


def _with_redis(settings: Settings, url: str) -> Iterator[Finding]:
    stream_url, list_url = settings.alerts.stream_url or url, settings.risk.list_url or url
    certified = (("Redis 证书", url), ("中心证书", settings.alerts.stream_url), ("名单证书", settings.risk.list_url))
    for name, one in certified:
        if one is not None and one.startswith("rediss://"):
            yield checked(name, lambda one=one: _server_certificate(one, settings), "核对 TLS 端口")  # type: ignore[misc]  # mypy does not see through a default that binds
    if list_url != url:
        yield checked("名单的 Redis", lambda: _redis(list_url), "启动它，核对 list_url、密码和 TLS（docs/replica.md）")
    yield checked(
        "名单复制 replication", lambda: replication(settings, list_url), "到中心的线路和 replicaof（docs/replica.md）"
    )
    yield checked(
        "风险名单 risk list", lambda: _list(settings, url), "中心：kakou risk serve；卡口：名单复制、plate.key、时钟"
    )
    if settings.alerts.stream_url:
        yield checked("中心 centre", lambda: _centre(stream_url), "检查上行网络和中心的 Redis")
    yield checked("投递 delivery", lambda: _delivery(settings, stream_url), "kakou deliver status 查看错误")


def channel_findings(settings: Settings, *, sends_test: bool) -> Iterator[Finding]:
    """Yield whether each channel's far end is there; with `sends_test` each is told so."""
    try:
        channels = build_channels(settings.alerts, utc_now)
    except (OSError, ValueError) as error:
        yield Finding("通道 channels", "bad", system_words(error), "改正 kakou.toml")
        return
    for channel in channels:
        is_lane = any(isinstance(one, LaneSettings) and one.name == channel.name for one in settings.alerts.channels)
        sends = sends_test and not is_lane
        try:
            yield checked(
                f"通道 {channel.name}",
                lambda channel=channel, sends=sends: _channel(channel, sends),  # type: ignore[misc]  # mypy does not see through a default that binds
                "检查对方服务、密文文件、allowed_hosts 和出口防火墙",
            )
        finally:
            channel.close()


def _channel(channel: Channel, sends_test: bool) -> Told:
    if sends_test:
        channel.deliver([test_message()])
        return ok("测试消息已送达")
    channel.probe()
    return ok("对方可达（未发消息；--test-message 发送测试消息）")


def test_message() -> NoticeEvent:
    """Return a notice that says that it is a test."""
    kind = BY_NAME["channel_failing"]
    said = ActiveNotice(
        notice=kind.name, severity="warning", title="测试消息", to_do="无需处理：kakou doctor 检查通道。", subject="",
        detail="", checkpoint="测试", origin=box_origin(), began_at=datetime.now(UTC),
    )  # fmt: skip
    return said.event()


def _embedded() -> Told:
    server = find_redis_server()
    return ok(f"内置，{'.'.join(map(str, server.version))}，尚未启动过")


def _outbox(settings: Settings) -> Told:
    path = settings.state_dir / "outbox.sqlite"
    if not path.exists():
        return ok("尚无预警")
    with Outbox(path) as outbox:  # without a reserve: the doctor takes no room, and leaves that of others whole
        waiting, oldest_s = outbox.pending_count(), outbox.oldest_pending_s()
    says = f"{waiting} 条待转发，最早 {oldest_s:.0f} 秒前"
    return ok(says) if oldest_s <= MAX_EVENT_AGE_S else ("bad", says, "检查到中心的线路和 kakou run 是否运行")


def _redis(url: str) -> Told:
    with _asking(url) as client:
        server, persistence = client.info("server"), client.info("persistence")
    version = str(server["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_VERSION:
        return "bad", f"{version}，需要 ≥ 6.2", "升级 Redis"
    if not persistence["aof_enabled"]:
        return "bad", f"{version}，AOF 关", "断电会丢名单和事件：在 redis.conf 设 appendonly yes"
    return ok(f"{version}，AOF 开")


def replication(settings: Settings, url: str) -> Told:
    """Return whether the list comes, and over a protected line: it alone decides who is stopped."""
    with _asking(url) as client:
        said: dict[str, Any] = client.info("replication")
        if said["role"] == "master":
            return ok(f"本机为主，{said.get('connected_slaves', 0)} 个副本")
        centre, is_tls = str(said.get("master_host")), _replicates_over_tls(client)
    if is_elsewhere(centre) and not is_tls and centre not in settings.allow_unencrypted_links_to:
        what = f"从 {centre} 复制名单没有 TLS" if is_tls is False else f"从 {centre} 复制名单，是否 TLS 无法读取"
        verdict: Verdict = "warn" if is_tls is None else "bad"
        return verdict, what, "redis.conf 设 tls-replication yes；线路另有保护时写入 allow_unencrypted_links_to"
    if said.get("master_link_status") != "up":
        gone_s = int(said.get("master_link_down_since_seconds", -1))
        how = f"中断 {gone_s} 秒" if gone_s >= 0 else "尚未建立"  # Redis says -1 where it never was up
        return "bad", f"到中心 {centre} 的复制{how}", "检查线路、证书、ACL 密码"
    return ok(f"副本，{said.get('master_last_io_seconds_ago', '?')} 秒前收到中心数据")


def _replicates_over_tls(client: "redis.Redis") -> bool | None:
    """None where this user of the server may not ask it."""
    try:
        return bool(client.config_get("tls-replication").get("tls-replication") == "yes")
    except redis.ResponseError:
        return None


def _list(settings: Settings, url: str) -> Told:
    if not key_path(settings).exists():
        return "warn", "没有密钥，无法查看名单", "卡口机：从中心复制 plate.key"
    state = open_hot_set(settings, url).state()
    age_s = state.age_s(datetime.now(UTC).timestamp())
    says = f"版本 {state.version}，{state.count} 条，{age_s:.0f} 秒前更新"
    if not state.count:
        return "bad", f"{says}：名单为空，查不出任何车辆", "导入行程记录（kakou risk import）并公布风险区"
    return ok(says) if age_s <= settings.console.stale_list_s else ("warn", says, "检查中心的 kakou risk serve 和线路")


def _centre(url: str) -> Told:
    started = time.time()
    with _asking(url) as client:
        seconds, microseconds = client.time()
    now = time.time()
    apart = (started + now) / 2 - seconds - microseconds / 1e6
    says = f"往返 {(now - started) * 1000:.0f} ms，时钟差 {apart:+.1f} 秒"
    return ok(says) if abs(apart) <= MAX_CLOCK_APART_S else ("bad", says, "在两边启用 NTP")


def _server_certificate(url: str, settings: Settings) -> Told:
    """Look at when the far end's certificate ends; whether it is to be believed, the connection itself has shown."""
    link = urlsplit(url)
    pem = ssl.get_server_certificate((link.hostname or "", link.port or 6379), timeout=PATIENCE_S)
    ends = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    return certificate_told((ends - datetime.now(UTC)).days, settings.watch.certificate_days)


def _delivery(settings: Settings, url: str) -> Told:
    names = [one.name for one in settings.alerts.channels if not isinstance(one, LaneSettings)]
    with contextlib.closing(connect(url)) as client:
        dead, states = FlaggedStream(client).dead_count(), channel_states(client, names)
    says = "；".join([f"死信 {dead} 条", *(_channel_text(state) for state in states)])
    if any(state.disabled for state in states):
        return "bad", says, "修复后 kakou deliver enable 通道名"
    if dead:
        return "bad", says, "kakou events dead 查看原因，kakou events retry 重发"
    if any(fault_of(state) for state in states):
        return "warn", says, "kakou deliver status 查看错误"
    if settings.alerts.channels and not is_held(settings.state_dir / "deliver.lock"):
        return "warn", says, "kakou deliver 没有运行"
    return ok(says)


def _channel_text(state: ChannelState) -> str:
    now_ms = time.time() * 1000
    oldest = f"，最早 {(now_ms - state.oldest_ms) / 1000:.0f} 秒前" if state.oldest_ms else ""
    off = f"，已停用：{state.disabled}" if state.disabled else ""
    return f"{state.name} 排队 {state.waiting}{oldest}，成功 {state.delivered}，失败 {state.failed}{off}"


@contextlib.contextmanager
def _asking(url: str) -> "Iterator[redis.Redis]":
    with redis.Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S) as client:
        yield client
