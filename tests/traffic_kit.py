"""Simulated traffic before a camera: what a reader would see of it, look by look, and which vehicles there were.

A pinhole camera above the road; vehicles keep their lane and, unless they creep or stop, their speed. Lengths are in
metres, speeds in metres a second.
"""

import functools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import cv2
import numpy as np

from ocr.grammar import DIGITS
from ocr.types import BgrImage, BoundingBox, PlateRead
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
ACCELERATION = 4.0
"""Metres a second squared: who stops brakes and starts as hard as people do."""
READABLE_PX = 45.0
SURE_PX = 60.0
MISSED_SHARE = 0.02
MISREAD_SHARE = 0.03
LONGEST_HIDDEN_WAY_M = 6.0
"""Half of the way that the camera sees (22 to 10 m): less than the distance of a follower, 9 m and more."""
MOST_SHAKEN_PX = 160
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
    looks: list[BoundingBox] = field(default_factory=list)
    """Where its plate was seen."""
    misreads: int = 0

    def distance(self, at_s: float) -> float:
        driven_s = at_s - self.enters_s
        if not self.stops_at_m:
            return FARTHEST_M - self.speed * driven_s
        ramp_s, way = self.speed / ACCELERATION, FARTHEST_M - self.stops_at_m
        stands_from_s = way / self.speed + ramp_s / 2
        braking_s = min(max(stands_from_s - driven_s, 0.0), ramp_s)
        cruise_s = max(stands_from_s - ramp_s - driven_s, 0.0)
        since_s = max(driven_s - stands_from_s - self.stands_s, 0.0)
        starting_s = min(since_s, ramp_s)
        still_to_drive = ACCELERATION / 2 * braking_s**2 + self.speed * cruise_s
        return self.stops_at_m + still_to_drive - ACCELERATION / 2 * starting_s**2 - self.speed * (since_s - starting_s)

    @property
    def passes_in_s(self) -> float:
        """How long it takes through the picture and a little beyond."""
        return 16.0 / self.speed + (self.stands_s + self.speed / ACCELERATION if self.stops_at_m else 0.0)

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
        readable = sum(box.width >= READABLE_PX + 5 for box in self.looks)
        is_sure = readable >= 2 or any(box.width >= SURE_PX for box in self.looks)
        return is_sure and readable > 2 * self.misreads

    def fault(self, texts: Sequence[str]) -> str | None:
        """Return what is wrong with the passages that were made of the looks at it, or None."""
        if len(texts) > 1:
            return f"doubled {len(texts)}"
        if not self.is_owed or tuple(texts) == (self.text,):
            return None
        return "misread" if texts else "lost"


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
                vehicle.looks.append(_jittered(box, rng))
                reads.append(_read(vehicle, vehicle.looks[-1], rng))
        yield FrameReads(Frame("cam-1", index, moment, moment, STREET, moved=()), tuple(reads))


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
        enters_s += (vehicle.passes_in_s if is_alone else 0.0) + rng.uniform(9.0, 20.0) / vehicle.speed
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
        vehicle.speed = min(vehicle.speed, math.sqrt(2 * ACCELERATION * (FARTHEST_M - vehicle.stops_at_m)))
    if rng.random() < 0.3:
        vehicle.hidden = _random_hiding(rng, vehicle)
    return vehicle


def _random_hiding(rng: random.Random, vehicle: Vehicle) -> tuple[float, float]:
    """Hide a vehicle somewhere on its way, for three seconds or half of the way that the camera sees at most."""
    since_s = vehicle.enters_s + rng.uniform(0.1, 0.7) * vehicle.passes_in_s
    until_s = since_s + rng.uniform(0.2, 3.0)
    while vehicle.distance(since_s) - vehicle.distance(until_s) > LONGEST_HIDDEN_WAY_M:
        until_s = since_s + 0.8 * (until_s - since_s)
    return since_s, until_s


def crowded_traffic(seed: int) -> Traffic:
    """Return ten vehicles in four lanes beside each other."""
    rng = random.Random(seed)
    looks_per_s = rng.choice([8.0, 10.0, 12.5, 25.0])
    vehicles = [
        Vehicle(
            random_plate(rng), 2.0 + rng.uniform(0.0, 3.0) + k // 4 * 2.5, rng.uniform(3.0, 8.0), -4.5 + k % 4 * 2.9
        )
        for k in range(10)
    ]
    until_s = max(vehicle.enters_s + vehicle.passes_in_s for vehicle in vehicles) + 2.0
    looks = looks_at(vehicles, look_times(rng, until_s, looks_per_s, 0.0), rng)
    return Traffic("crowd", looks_per_s, 0.0, tuple(vehicles), tuple(looks))


def shaken(traffic: Traffic, jump_px: float, seed: int) -> Traffic:
    """Return the traffic as a camera sees it that stands on a pole in the wind: the picture jumps from look to look."""
    rng = random.Random(seed)
    x = y = 0.0
    looks: list[FrameReads] = []
    moved: dict[int, BoundingBox] = {}
    for look in traffic.looks:
        x, y = 0.6 * x + rng.gauss(0.0, jump_px), 0.6 * y + rng.gauss(0.0, jump_px / 2)
        moved |= {id(read.box): read.box.moved(x, y) for read in look.reads}
        reads = tuple(replace(read, box=moved[id(read.box)]) for read in look.reads)
        looks.append(FrameReads(replace(look.frame, image=street_moved(x, y)), reads))
    for vehicle in traffic.vehicles:
        vehicle.looks = [moved[id(box)] for box in vehicle.looks]
    return replace(traffic, looks=tuple(looks))


def street_moved(x: float, y: float) -> BgrImage:
    """Return what a camera sees of a street, moved by so many pixels."""
    left, top = MOST_SHAKEN_PX - round(x), MOST_SHAKEN_PX - round(y)
    return _wide_street()[top : top + HEIGHT_PX, left : left + WIDTH_PX]


@functools.cache
def _wide_street() -> BgrImage:
    size = (WIDTH_PX + 2 * MOST_SHAKEN_PX, HEIGHT_PX + 2 * MOST_SHAKEN_PX)
    coarse = np.random.default_rng(3).uniform(40.0, 160.0, (size[1] // 20, size[0] // 20)).astype(np.float32)
    grey = np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
