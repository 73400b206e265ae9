"""Builds the channels that kakou.toml lists."""

from collections.abc import Callable
from datetime import datetime

from alerts.channels.base import Channel, ChannelConfigError, Surroundings
from alerts.channels.egress import AllowList
from alerts.channels.finding import channel_kind
from alerts.settings import AlertsSettings, AnyChannel


def build_channels(settings: AlertsSettings, now: Callable[[], datetime]) -> list[Channel]:
    """Return the channels in the order of the settings. Raises ChannelConfigError, EgressError."""
    names = [channel.name for channel in settings.channels]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ChannelConfigError(f"[[alerts.channel]] 有重名：{'、'.join(sorted(twice))}。每个通道要有自己的 name")
    allow_list = AllowList(settings.allowed_hosts, settings.allowed_networks, settings.allowed_ports)
    around = Surroundings(settings.link_base, allow_list, now)
    return [build_channel(channel, around) for channel in settings.channels]


def build_channel(settings: AnyChannel, around: Surroundings) -> Channel:
    """Return one channel. Raises ChannelConfigError, EgressError."""
    return channel_kind(getattr(settings, "kind", None)).build(settings, around)
