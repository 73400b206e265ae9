"""What the `kakou risk` commands share: options, messages, times for people."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kakou.terminal import stderr
from riskdb.hands import Published

Config = Annotated[Path | None, typer.Option(help="Settings file; ./kakou.toml by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]


def messages() -> Console:
    return stderr()


def published_text(published: Published | None) -> str:
    if published is None:
        return "名单未变"
    return (
        f"名单版本 {published.version}：{published.count} 条（新增 {published.added}，移除 {published.removed}，"
        f"{published.elapsed_s:.2f} 秒）"
    )


class ZoneTimes:
    """Times for people, in the zone of the settings whatever the machine's own is."""

    def __init__(self, utc_offset_hours: float) -> None:
        self._zone = timezone(timedelta(hours=utc_offset_hours))

    @property
    def label(self) -> str:
        """Which zone it is, for a column's head."""
        return str(self._zone)

    def of(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def of_epoch(self, epoch_s: int | None) -> str:
        return "—" if epoch_s is None else self.of(datetime.fromtimestamp(epoch_s, UTC))
