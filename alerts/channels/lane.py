"""Sound and text at the barrier: runs a command on the box for each event, with or without an uplink."""

import json
import subprocess
from collections.abc import Sequence

from alerts.channels.base import DeliveryError
from alerts.envelope import Event
from alerts.flagged import LEVEL_WORDS, FlaggedEvent
from alerts.settings import LaneSettings


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
            raise DeliveryError(f"the lane alert speaks of vehicles, not of kind {event.kind}")
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
            raise DeliveryError(f"the lane command did not end within {self._settings.timeout_s:g} s") from error
        except OSError as error:
            raise DeliveryError(f"the lane command cannot be run: {error.strerror}") from error
        if ended.returncode != 0:
            raise DeliveryError(f"the lane command ended with {ended.returncode}")

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
