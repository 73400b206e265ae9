"""What stands at the barrier, what passed a moment ago, and what still waits for a hand. In memory only.

A vehicle that matched nothing is forgotten three minutes after it was checked, plate and pictures.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from alerts.booth_link import BoothPassage, BoothWord
from alerts.handled import BoothResult
from console.booth.devices import Device
from console.settings import ConsoleSettings
from console.situation.tiles import Heard, tiles
from console.stays import stays_of

FORGOTTEN_AFTER = timedelta(minutes=3)
SHOWN = 10
SILENT_AFTER = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Sight:
    """One vehicle, as far as it is known."""

    number: int
    passage: BoothPassage
    plate: bytes
    vehicle: bytes
    result: BoothResult | None = None

    @property
    def waits(self) -> bool:
        return self.passage.outcome == "flagged" and self.result is None


class SightView(BaseModel):
    """One vehicle, as JSON for the page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    plate_text: str
    plate_class: str
    outcome: str
    """clear, hit, possible or unchecked"""
    camera_id: str
    decided_at: AwareDatetime
    has_left: bool
    stays: tuple[str, ...]
    why: str
    permit: str
    """What is known of the vehicle's permits, in words; empty where it has none."""
    other_reading: str
    waits: bool
    """Somebody has to deal with it."""
    waits_until: AwareDatetime | None
    """Then it becomes the desk's."""
    result: BoothResult | None
    has_plate_picture: bool
    has_vehicle_picture: bool


class BoothBoard:
    """Lives on one thread: the server's event loop."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._sights: dict[str, Sight] = {}
        """By the vehicle's key, the latest last."""
        self._cameras: dict[str, Heard] = {}
        self._count = 0

    def take(self, word: BoothWord) -> Sight | None:
        """Take over what a camera's process says; return the vehicle where it says something new of one."""
        if word.status is not None:
            self._cameras[word.status.camera_id] = Heard(word.status, self._now())
        return self.put(word.passage, word.plate, word.vehicle) if word.passage is not None else None

    def put(self, passage: BoothPassage, plate: bytes, vehicle: bytes) -> Sight:
        known = self._sights.get(passage.key)
        if known is None:
            self._count += 1
            sight = Sight(self._count, passage, plate, vehicle)
        else:
            sight = replace(known, passage=passage, plate=plate or known.plate, vehicle=vehicle or known.vehicle)
        self._sights[passage.key] = sight
        return sight

    def forget(self) -> list[Sight]:
        """Drop what is too old to be shown; returns it. What waits for a hand stays until it is the desk's."""
        gone = [sight for sight in self._sights.values() if self._is_over(sight)]
        for sight in gone:
            del self._sights[sight.passage.key]
        return gone

    def shown_to(self, device: Device) -> list[Sight]:
        """Return what waits for a hand and the latest others of a device's place, in the order in which they came."""
        mine = [sight for sight in self._sights.values() if _is_at(sight, device) and not self._is_over(sight)]
        latest = {sight.number for sight in mine[-SHOWN:]}
        return [sight for sight in mine if sight.waits or sight.number in latest]

    def find(self, device: Device, number: int) -> Sight | None:
        return next((sight for sight in self.shown_to(device) if sight.number == number), None)

    def same_vehicle(self, sight: Sight) -> list[Sight]:
        """Return every open sight of its plate at its checkpoint: two cameras may have flagged it."""
        name = (sight.passage.text, sight.passage.plate_class, sight.passage.checkpoint)
        return [one for one in self._sights.values() if one.waits and _name_of(one) == name] or [sight]

    def close(self, sights: Iterable[Sight], result: BoothResult) -> list[Sight]:
        closed = [replace(sight, result=result) for sight in sights]
        self._sights |= {sight.passage.key: sight for sight in closed}
        return closed

    def problems_at(self, device: Device) -> list[str]:
        """Return what keeps vehicles from being seen or checked here, in words; the worst first."""
        now = self._now()
        mine = list(self._heard_at(device))
        if not any(now - heard.at < SILENT_AFTER for heard in mine):
            return ["识别程序没有应答，车辆未经识别"]
        found = tiles(mine, ConsoleSettings(stale_status_s=SILENT_AFTER.total_seconds()), now)
        return [f"{tile.camera_id}：{words}" for tile in found if tile.health == "bad" for words in tile.problems]

    def waiting_to_be_sent(self, device: Device) -> int:
        """Return how many events wait for the uplink."""
        return max((heard.status.outbox_pending for heard in self._heard_at(device)), default=0)

    def _heard_at(self, device: Device) -> Iterator[Heard]:
        for heard in self._cameras.values():
            if device.shows(heard.status.checkpoint, heard.status.camera_id):
                yield heard

    def _is_over(self, sight: Sight) -> bool:
        now, event = self._now(), sight.passage.event
        if sight.waits and event is not None and event.booth_until is not None and now < event.booth_until:
            return False
        return now - sight.passage.decided_at > FORGOTTEN_AFTER


def view_of(sight: Sight) -> SightView:
    passage, event = sight.passage, sight.passage.event
    others = [other for other in event.alternatives if other.text != passage.text] if event else []
    return SightView(
        number=sight.number,
        plate_text=passage.text,
        plate_class=passage.plate_class,
        outcome=event.level if event else passage.outcome,
        camera_id=passage.camera_id,
        decided_at=passage.decided_at,
        has_left=passage.has_left,
        stays=stays_of(event) if event else (),
        why=event.why if event else "",
        permit=passage.permit,
        other_reading=max(others, key=lambda other: other.probability).text if others else "",
        waits=sight.waits,
        waits_until=event.booth_until if event and sight.waits else None,
        result=sight.result,
        has_plate_picture=bool(sight.plate),
        has_vehicle_picture=bool(sight.vehicle),
    )


def _is_at(sight: Sight, device: Device) -> bool:
    return device.shows(sight.passage.checkpoint, sight.passage.camera_id)


def _name_of(sight: Sight) -> tuple[str, str, str]:
    return sight.passage.text, sight.passage.plate_class, sight.passage.checkpoint
