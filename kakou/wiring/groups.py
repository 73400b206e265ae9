"""The robots that tell micro-grids' groups of closed cases: those channels that [[console.group]] names."""

from collections.abc import Callable
from datetime import datetime

from alerts.channels.base import ChannelConfigError, Surroundings
from alerts.channels.bot import BotChannel
from alerts.channels.build import build_channel
from alerts.channels.egress import AllowList, EgressError
from kakou.settings import Settings, SettingsError


def group_voices(settings: Settings, now: Callable[[], datetime]) -> dict[str, BotChannel]:
    """Return a robot by the grid code of its group. Raises SettingsError."""
    alerts = settings.alerts
    channels = {channel.name: channel for channel in alerts.channels}
    allow_list = AllowList(alerts.allowed_hosts, alerts.allowed_networks, alerts.allowed_ports)
    found: dict[str, BotChannel] = {}
    for group in settings.console.groups:
        name = f"[[console.group]] {group.grid_code}"
        channel = channels.get(group.channel)
        if channel is None:
            raise SettingsError(f"{name}: 没有名为 {group.channel} 的 [[alerts.channel]]：加上它，或改 channel")
        try:
            built = build_channel(channel, Surroundings("", allow_list, now))
        except (ChannelConfigError, EgressError) as error:
            raise SettingsError(f"{name}: {error}") from error
        if not isinstance(built, BotChannel):
            built.close()
            raise SettingsError(
                f"{name}: {group.channel} 不是群机器人：用 wecom、dingtalk 或 feishu 的通道 (is no robot in a group)"
            )
        found[group.grid_code] = built
    return found
