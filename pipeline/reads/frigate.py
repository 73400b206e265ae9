"""Frigate: what it publishes on `frigate/events`, by MQTT (mqtt_doors.py) or posted by an automation.

A person who newly stands in the zone `door` crossed it. Frigate says the same event again with everything that changes;
where it was before is in the message, too.
"""

from pipeline.reads.adapter import Message, SentCrossing, Understood, UnreadableMessageError
from pipeline.reads.json_tree import at, parse_json
from pipeline.reads.texts import moment_of, short

PERSON = "person"
ZONE = "door"
"""What the zone before the door is to be called in Frigate's configuration."""


class Frigate:
    title = "Frigate（看护相机）"

    def understand(self, message: Message) -> Understood:
        document = parse_json(message.body)
        after = at(document, "after")
        if not isinstance(after, dict):
            raise UnreadableMessageError("Frigate 事件里没有 after")
        serial = short(at(after, "camera"))
        if at(after, "label") != PERSON or not _is_at_door(after) or _is_at_door(at(document, "before")):
            return Understood(serial=serial)
        moment = moment_of(_seconds(at(after, "frame_time")) or _seconds(at(after, "start_time")), message.utc_offset)
        crossing = SentCrossing(short(at(after, "id")), moment)
        return Understood(serial=serial, crossings=(crossing,))


def _is_at_door(event: object) -> bool:
    zones = event.get("entered_zones") if isinstance(event, dict) else None
    return isinstance(zones, list) and ZONE in zones


def _seconds(value: object) -> int | None:
    """Return a time of Frigate, seconds since 1970 with a fraction, in whole milliseconds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(value * 1000) if is_number and 0 < value < 1e11 else None  # type: ignore[operator]  # mypy does not see that is_number says so


ADAPTER = Frigate()
