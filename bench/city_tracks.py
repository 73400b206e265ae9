"""Vehicles of a city that is played: their plates, and the tracks that a tracker would give of them."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from bench.history_box import read_of
from ocr.grammar import PROVINCES
from ocr.types import BgrImage, BoundingBox
from pipeline.types import Evidence, Frame, PlateTrack
from pipeline.walk.evidence import best_evidence

LOOKS, IN_VIEW = 12, timedelta(seconds=1.5)
PLATE = BoundingBox(890, 760, 1030, 805)
"""140 pixels wide in a picture of 1920 x 1080: its vehicle is cut out at 728 x 525."""
DIGITS = 5


class TrackMaker:
    """Makes the track of a vehicle that was read surely, as the tracker gives it when it has left."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        read = replace(read_of("京A12345", (0, 0)), box=PLATE)
        self._evidence = best_evidence(Frame("", 0, now, now, _road()), read)

    def track(self, camera_id: str, number: int, text: str) -> PlateTrack:
        now = datetime.now(UTC)
        evidence: Evidence = replace(self._evidence, captured_at=now, arrived_at=now)
        distribution = read_of(text, (0, 0)).distribution
        return PlateTrack(camera_id, number, now - IN_VIEW, now, LOOKS, distribution, evidence, True)


def _road() -> BgrImage:
    """A picture that takes as many bytes as a photograph: coarse and fine structure, and some noise."""
    dice = np.random.default_rng(7)
    coarse = cv2.resize(dice.integers(40, 200, (27, 48, 3), dtype=np.uint8), (1920, 1080)).astype(np.int16)
    fine = cv2.resize(dice.integers(-20, 20, (270, 480, 3), dtype=np.int16), (1920, 1080))
    noise = dice.integers(-4, 5, (1080, 1920, 3), dtype=np.int16)
    return np.asarray(np.clip(coarse + fine + noise, 0, 255), np.uint8)


def listed_plate(number: int) -> str:
    """Return one of 3,100,000 plates; different numbers give different ones."""
    province, serial = divmod(number, 10**DIGITS)
    return f"{PROVINCES[province]}B{serial:0{DIGITS}}"


def free_plate(dice: random.Random) -> str:
    """Return a plate that is on no list: of another city."""
    return f"{dice.choice(PROVINCES)}D{dice.randrange(10**DIGITS):0{DIGITS}}"
