"""Sound and text at the barrier: runs a command on the box for each event, with or without an uplink."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from alerts.channels.base import Channel, ChannelKind, ChannelSettings, DeliveryError, Surroundings
from alerts.envelope import Event
from alerts.flagged import LEVEL_WORDS, FlaggedEvent
from riskdb.system_words import system_words


class LaneSettings(ChannelSettings):
    """Sound and text at the barrier, on the box itself: works with the uplink down."""

    kind: Literal["lane"]
    """A command of yours that makes sound or light."""
    command: tuple[str, ...] = Field(min_length=1)
    """Run without a shell for each event, which it gets as one JSON line on its standard input."""
    kinds: tuple[Literal["flagged"], ...] = ("flagged",)
    """A car at the barrier and nothing else."""
    max_age_s: float = Field(default=120.0, gt=0)
    """Older events are passed over: the car has left the barrier."""

    def wants(self, event: Event) -> bool:
        """Return whether the event goes here; what a camera sent after an outage has left the barrier."""
        return super().wants(event) and not (isinstance(event, FlaggedEvent) and event.is_late)


class LaneChannel:
    """The command gets one JSON line: event_id, checkpoint, level, text, plate_class, spoken (a sentence to say)."""

    parallel = 1
    batch_limit = 1

    def __init__(self, settings: LaneSettings) -> None:
        self.name = settings.name
        self._settings = settings

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        [event] = events
        if not isinstance(event, FlaggedEvent):
            raise DeliveryError(f"车道报警只播报车辆，不播报 {event.kind}：从该通道的 kinds 里去掉它")
        try:
            ended = subprocess.run(
                self._settings.command,
                input=lane_line(event).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self._settings.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeliveryError(f"车道命令在 {self._settings.timeout_s:g} 秒内没有结束") from error
        except OSError as error:
            raise DeliveryError(f"车道命令无法运行（{system_words(error)}）：核对 command 的路径和权限") from error
        if ended.returncode != 0:
            raise DeliveryError(f"车道命令以 {ended.returncode} 结束：看它自己的日志")

    def probe(self) -> None:
        if shutil.which(self._settings.command[0]) is None:
            raise DeliveryError(f"车道命令 {self._settings.command[0]} 无法运行：核对 command 的路径和权限")

    def close(self) -> None:
        pass


def lane_line(event: FlaggedEvent) -> str:
    """Return what the lane command reads; the checkpoint's people see the plate, the car stands before them."""
    spoken = f"{LEVEL_WORDS[event.level]}，{event.text}，请核实"
    shown = {
        "event_id": event.event_id,
        "checkpoint": event.checkpoint,
        "level": event.level,
        "text": event.text,
        "plate_class": event.plate_class,
        "spoken": spoken,
    }
    return json.dumps(shown, ensure_ascii=False) + "\n"


def _build(settings: LaneSettings, _: Surroundings) -> Channel:
    return LaneChannel(settings)


CHANNEL = ChannelKind("Sound and text at the barrier", LaneSettings, _build)
