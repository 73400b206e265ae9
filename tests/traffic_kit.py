"""Simulated traffic before a camera: what a reader would see of it, look by look, and which vehicles there were.

A pinhole camera above the road; vehicles keep their lane and, unless they creep or stop, their speed. Lengths are in
metres, speeds in metres a second.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from ocr.grammar import DIGITS
from ocr.types import BoundingBox, PlateRead
from pipeline.types import Frame, FrameReads
from tests.pipeline_kit import NOON
from tests.plates import make_distribution, make_read

FOCAL_PX = 1500.0
PLATE_M = 0.44
CAMERA_ABOVE_PLATE_M = 4.5
WIDTH_PX, HEIGHT_PX, HORIZON_PX = 1920, 1080, 400
STREET = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
FARTHEST_M = 22.0
"""A plate of 30 pixels: nothing is detected beyond."""
READABLE_PX = 45.0
SURE_PX = 60.0
MISSED_SHARE = 0.02
MISREAD_SHARE = 0.03
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass
class Vehicle:
    """One vehicle; `seen` grows while the traffic is looked at."""

    text: str
    enters_s: float
    speed: float
    lateral_m: float
    stops_at_m: float = 0.0
    """Distance from the camera where it stands for `stands_s`; 0.0 never."""
    stands_s: float = 0.0
    hidden: tuple[float, float] = (0.0, 0.0)
    """From, until: somebody stands before it."""
    widths: list[float] = field(default_factory=list)
    """Plate widths of the looks at it."""
    misreads: int = 0

    def distance(self, at_s: float) -> float:
        driven_s = at_s - self.enters_s
        if self.stops_at_m:
            until_stop_s = (FARTHEST_M - self.stops_at_m) / self.speed
            driven_s -= min(max(driven_s - until_stop_s, 0.0), self.stands_s)
        return FARTHEST_M - self.speed * driven_s

    def box(self, at_s: float) -> BoundingBox | None:
        """Return where its plate is, or None when it is not in the picture."""
        distance = self.distance(at_s)
        if not 1.0 < distance <= FARTHEST_M or self.hidden[0] <= at_s < self.hidden[1]:
            return None
        width = FOCAL_PX * PLATE_M / distance
        x = WIDTH_PX / 2 + FOCAL_PX * self.lateral_m / distance
        y = HORIZON_PX + FOCAL_PX * CAMERA_ABOVE_PLATE_M / distance
        if not (width / 2 <= x <= WIDTH_PX - width / 2 and y <= HEIGHT_PX - width / 6):
            return None
        return BoundingBox(x - width / 2, y - width / 6, x + width / 2, y + width / 6)

    @property
    def is_owed(self) -> bool:
        """Whether it was seen well enough to be a passage with its text."""
        readable = sum(width >= READABLE_PX + 5 for width in self.widths)
        is_sure = readable >= 2 or any(width >= SURE_PX for width in self.widths)
        return is_sure and readable > 2 * self.misreads


def random_plate(rng: random.Random) -> str:
    return "京" + rng.choice(LETTERS) + "".join(rng.choice(DIGITS) for _ in range(5))


def look_times(rng: random.Random, until_s: float, looks_per_s: float, burst_s: float) -> list[float]:
    """Return when pictures arrive; with bursts, what was taken between two of them arrives at once (the newest)."""
    if burst_s:
        return [burst_s * (k + rng.uniform(0.0, 0.3)) for k in range(int(until_s / burst_s))]
    return [(k + rng.uniform(-0.2, 0.2)) / looks_per_s for k in range(1, int(until_s * looks_per_s))]


def looks_at(vehicles: Sequence[Vehicle], times: Sequence[float], rng: random.Random) -> Iterator[FrameReads]:
    for index, at_s in enumerate(times):
        moment = NOON + timedelta(seconds=at_s)
        reads = []
        for vehicle in vehicles:
            box = vehicle.box(at_s)
            if box is not None and rng.random() >= MISSED_SHARE:
                vehicle.widths.append(box.width)
                reads.append(_read(vehicle, _jittered(box, rng), rng))
        yield FrameReads(Frame("cam-1", index, moment, moment, STREET), tuple(reads))


def _jittered(box: BoundingBox, rng: random.Random) -> BoundingBox:
    x, y = (center + rng.gauss(0.0, 0.03) * box.width for center in box.center)
    width = box.width * rng.gauss(1.0, 0.03)
    return BoundingBox(x - width / 2, y - width / 6, x + width / 2, y + width / 6)


def _read(vehicle: Vehicle, box: BoundingBox, rng: random.Random) -> PlateRead:
    text = vehicle.text
    if box.width < READABLE_PX:
        doubts = {slot: {rng.choice(DIGITS): rng.uniform(0.3, 0.6)} for slot in range(2, 7)}
        read = make_read(text, box, certainty=0.6)
        distribution = make_distribution(text, certainty=0.6, doubts=doubts)
    else:
        certainty = 0.99 if box.width >= SURE_PX else 0.95
        seen = text
        if rng.random() < MISREAD_SHARE:
            vehicle.misreads += 1
            slot = rng.randrange(2, 7)
            seen = text[:slot] + rng.choice(DIGITS) + text[slot + 1 :]
        read = make_read(seen, box, certainty=certainty)
        distribution = read.distribution
    return PlateRead(
        read.text, read.plate_class, box, read.corners, distribution, read.char_probs, read.confidence, 0.9, 500.0
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """A few vehicles one after the other, and when they are looked at."""

    kind: str
    looks_per_s: float
    burst_s: float
    """Time between two arrivals; 0.0 is an even stream."""
    vehicles: tuple[Vehicle, ...]
    looks: tuple[FrameReads, ...]


SPEEDS = {"free": (4.0, 20.0), "burst": (2.0, 12.0), "fast": (20.0, 34.0), "creep": (0.5, 1.5), "stop": (3.0, 10.0)}


def random_traffic(seed: int) -> Traffic:
    """Return one scene of a kind; the same seed, the same scene."""
    rng = random.Random(seed)
    kind = rng.choice(list(SPEEDS))
    looks_per_s = rng.choice([3.0, 5.0, 8.0, 10.0, 12.5, 25.0])
    burst_s = rng.uniform(0.2, 1.5) if kind == "burst" else 0.0
    vehicles: list[Vehicle] = []
    enters_s = 2.0
    for _ in range(rng.randint(2, 6)):
        vehicle = _random_vehicle(rng, kind, enters_s, vehicles[-1].text if vehicles else None)
        vehicles.append(vehicle)
        # Two car lengths and more behind the one before, often not before it has left.
        is_alone = kind in ("creep", "stop") or rng.random() < 0.6
        enters_s += vehicle.stands_s + (12.5 * is_alone + rng.uniform(9.0, 20.0)) / vehicle.speed
    times = look_times(rng, enters_s + FARTHEST_M / vehicles[-1].speed, looks_per_s, burst_s)
    return Traffic(kind, looks_per_s, burst_s, tuple(vehicles), tuple(looks_at(vehicles, times, rng)))


def _random_vehicle(rng: random.Random, kind: str, enters_s: float, before: str | None) -> Vehicle:
    text = random_plate(rng)
    if before is not None and rng.random() < 0.2:
        slot = rng.randrange(2, 7)  # a fleet's plates differ in one character
        text = before[:slot] + str((int(before[slot]) + rng.randint(1, 9)) % 10) + before[slot + 1 :]
    vehicle = Vehicle(text, enters_s, rng.uniform(*SPEEDS[kind]), rng.choice([-3.2, 0.3, 3.0]))
    if kind == "stop":
        vehicle.stops_at_m, vehicle.stands_s = rng.uniform(10.5, 20.0), rng.uniform(1.0, 8.0)
    if rng.random() < 0.3:
        vehicle.hidden = _random_hiding(rng, kind, vehicle)
    return vehicle


def _random_hiding(rng: random.Random, kind: str, vehicle: Vehicle) -> tuple[float, float]:
    """Hide a vehicle for a moment; one that creeps, or has stood for a while, for up to three seconds."""
    since_s = vehicle.enters_s + rng.uniform(0.1, 0.9) * 12.0 / vehicle.speed
    longest_s = 3.0 if kind == "creep" else 0.6
    if kind == "stop" and vehicle.stands_s > 2.5:
        since_s = vehicle.enters_s + (FARTHEST_M - vehicle.stops_at_m) / vehicle.speed + rng.uniform(2.0, 2.5)
        longest_s = 3.0
    return since_s, since_s + rng.uniform(0.2, longest_s)
