"""What a box saw, in one table at its end."""

from rich.table import Table

from kakou.box.monitor import WatchedCamera
from kakou.settings import Settings
from kakou.terminal import marked, stderr
from pipeline.types import ScreeningCounts


def print_summary(settings: Settings, counts: dict[str, ScreeningCounts]) -> None:
    """Print what every camera saw, on stderr; the sums must add up."""
    table = Table("摄像机", "卡口", "帧", "识别", "跳过", "丢弃", "过车", "无风险", "预警", "未核对", "未识别")
    watched: list[WatchedCamera] = [*settings.sources, *settings.reads.devices]
    for source in watched:
        each = counts.get(source.camera_id, ScreeningCounts())
        frames = (each.frames, each.looked_at, each.skipped, each.dropped)
        passages = (each.passages, each.clear, each.flagged, each.unchecked, each.unread)
        table.add_row(source.camera_id, source.checkpoint, *map(str, frames + passages))
    total = ScreeningCounts(
        clear=sum(each.clear for each in counts.values()),
        flagged=sum(each.flagged for each in counts.values()),
        unchecked=sum(each.unchecked for each in counts.values()),
    )
    messages = stderr()
    if not messages.is_terminal:
        messages = stderr(140)
    messages.print(table)
    for camera_id, each in counts.items():
        if each.damage:
            messages.print(marked("red", camera_id, each.damage))
    messages.print(
        f"过车 {total.passages} = 无风险 {total.clear} + 预警 {total.flagged} + 未核对 {total.unchecked}"
        f"  (passages = clear + flagged + unchecked)"
    )
