"""Footage for the replay bench, made from the 1080p fixture clip."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from bench.walk import largest_clip
from ocr.types import BgrImage

FPS = 25
CLIP_S = 60


def busy_clip(path: Path) -> Path:
    """Write a minute of 1080p at 25 fps with a vehicle always in view: the 1080p fixture to and fro."""
    pictures = list(_pictures(largest_clip()))
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    return _write(path, (there_and_back[index % len(there_and_back)] for index in range(FPS * CLIP_S)))


def long_clip(path: Path, minute: Path, minutes: int) -> Path:
    """Write a minute of footage again and again into one file, as an MPEG transport stream allows."""
    with path.open("wb") as file:
        for _ in range(minutes):
            file.write(minute.read_bytes())
    return path


def idle_clip(path: Path) -> Path:
    """Write a minute of 1080p at 25 fps of an empty street: the fixture's median picture and sensor noise."""
    street = np.median(np.stack(list(_pictures(largest_clip()))[::10]), axis=0).astype(np.int16)
    rng = np.random.default_rng(5)
    grains = [np.clip(street + rng.normal(0, 2.5, street.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    return _write(path, (grains[index % 8] for index in range(FPS * CLIP_S)))


def _write(path: Path, pictures: Iterator[BgrImage]) -> Path:
    first = next(pictures)
    size = (first.shape[1], first.shape[0])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
    for picture in chain([first], pictures):
        writer.write(picture)
    writer.release()
    return path


def _pictures(clip: Path) -> Iterator[BgrImage]:
    capture = cv2.VideoCapture(str(clip))
    while True:
        is_read, picture = capture.read()
        if not is_read:
            capture.release()
            return
        yield picture.astype(np.uint8, copy=False)
