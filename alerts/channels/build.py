"""Builds the channels that kakou.toml lists; adding a kind adds one line to `_build`."""

from collections.abc import Callable
from datetime import datetime

from alerts.channels.base import Channel, ChannelConfigError
from alerts.channels.bot import BotChannel, Dialect, RateWindow
from alerts.channels.dingtalk import DingTalkDialect
from alerts.channels.egress import AllowList
from alerts.channels.feishu import FeishuDialect
from alerts.channels.jsonl import FileChannel
from alerts.channels.lane import LaneChannel
from alerts.channels.pinned_http import PinnedHttp
from alerts.channels.secrets import read_secret
from alerts.channels.webhook import WebhookChannel
from alerts.channels.wecom import WeComDialect
from alerts.settings import (
    AlertsSettings,
    AnyChannel,
    BotSettings,
    FileSettings,
    LaneSettings,
    MqttSettings,
    WebhookSettings,
)


def build_channels(settings: AlertsSettings, now: Callable[[], datetime]) -> list[Channel]:
    """Return the channels in the order of the settings. Raises ChannelConfigError, EgressError."""
    names = [channel.name for channel in settings.channels]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ChannelConfigError(f"two channels have the name {', '.join(sorted(twice))}; names must differ")
    allow_list = AllowList(settings.allowed_hosts, settings.allowed_networks, settings.allowed_ports)
    return [build_channel(channel, settings.link_base, allow_list, now) for channel in settings.channels]


def build_channel(settings: AnyChannel, link_base: str, allow_list: AllowList, now: Callable[[], datetime]) -> Channel:
    """Return one channel. Raises ChannelConfigError, EgressError; a name that cannot be resolved now is no error."""
    match settings:
        case WebhookSettings():
            _check_url(settings.url, settings.name)
            return WebhookChannel(settings, PinnedHttp(allow_list, settings.timeout_s), link_base, now)
        case BotSettings():
            dialect = _dialect(settings, now)
            window = RateWindow(settings.per_minute or dialect.per_minute, dialect.gap_s)
            return BotChannel(settings.name, dialect, PinnedHttp(allow_list, settings.timeout_s), window, link_base)
        case MqttSettings():
            return _mqtt(settings, allow_list, link_base)
        case FileSettings():
            return FileChannel(settings, link_base)
        case LaneSettings():
            return LaneChannel(settings)


def _dialect(settings: BotSettings, now: Callable[[], datetime]) -> Dialect:
    token = read_secret(settings.token_file, settings.name)
    secret = read_secret(settings.secret_file, settings.name) if settings.secret_file else None
    if settings.url is not None:
        _check_url(settings.url, settings.name)
    match settings.kind:
        case "wecom":
            return WeComDialect(token, settings.url)
        case "dingtalk":
            return DingTalkDialect(token, secret, settings.url, now)
        case "feishu":
            return FeishuDialect(token, secret, settings.url, now)


def _mqtt(settings: MqttSettings, allow_list: AllowList, link_base: str) -> Channel:
    try:
        # Only those who use MQTT install its client.
        from alerts.channels.mqtt import MqttChannel
    except ImportError as error:
        raise ChannelConfigError(f"channel {settings.name}: MQTT needs paho-mqtt: run `make setup`") from error
    return MqttChannel(settings, allow_list, link_base)


def _check_url(url: str, channel: str) -> None:
    if not url.startswith(("https://", "http://")):
        raise ChannelConfigError(f"channel {channel}: url must start with https://")
