"""What the `kakou risk` commands share: options, messages, times for people."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskdb.hotset.publish import Published

Config = Annotated[Path | None, typer.Option(help="Settings file; ./kakou.toml by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]


def messages() -> Console:
    return Console(stderr=True, highlight=False)


def published_text(published: Published | None) -> str:
    if published is None:
        return "名单未变"
    return (
        f"名单版本 {published.version}：{published.count} 条（新增 {published.added}，移除 {published.removed}，"
        f"{published.elapsed_s:.2f} 秒）"
    )


def local_time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def local_epoch(epoch_s: int | None) -> str:
    return "—" if epoch_s is None else local_time(datetime.fromtimestamp(epoch_s).astimezone())
