"""Loads what the detector learns from, and draws batches of it in a process of its own."""

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from ocr.types import BgrImage
from training.detector.real_scenes import (
    BOX_SETS,
    PHOTO_SETS,
    Part,
    Scene,
    load_clean_frames,
    load_not_plates,
    load_photos,
)
from training.detector.scenes import as_backdrop, render_pool
from training.detector.score import Detector, box_of
from training.detector.targets import make_target, stack_targets
from training.detector.views import Material, make_view

VIEW_SIZES = ((384, 384), (448, 320), (320, 448), (416, 640))
"""Height and width of training views; a batch has one size."""
SIZE_WEIGHTS = (0.55, 0.15, 0.15, 0.15)
CLEAN_FRAME_STEP = 8
UNLABELLED_SCORE = 0.5
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """Pixels (n, 3, H, W) uint8 RGB and the targets of `stack_targets`."""

    pixels: Tensor
    target: tuple[Tensor, Tensor, Tensor, Tensor]


def load_material(
    data: Path, plates: int, seed: int, cornered: Part | Literal["none"], first: Detector | None, notes: Path
) -> Material:
    """Read all training photos and render `plates` plates.

    `cornered`: which part of the photos of PHOTO_SETS is used. `first`: a detector that looks for plates which the
    truth of a photo lacks; they are then neither plate nor background. `notes`: file that remembers what it found.
    """
    boxed = [scene for name in BOX_SETS for scene in load_photos(data, name)]
    real = [] if cornered == "none" else [s for name in PHOTO_SETS for s in load_photos(data, name, cornered)]
    # Street photos show cars beyond the labelled one; a photo of CCPD shows one car.
    crowded = [scene for scene in real if scene.name.startswith("photos/")]
    clean = list(load_clean_frames(data, "train", CLEAN_FRAME_STEP))
    return Material(
        boxed=[as_backdrop(scene) for scene in boxed],
        cornered=[as_backdrop(scene) for scene in real],
        clean=[as_backdrop(scene) for scene in clean],
        plates=render_pool(data / "glyphs", plates, seed),
        real_plates=_real_plates(data / "crops" / "easypr"),
        not_plates=load_not_plates(data, "train"),
        unlabelled=_all_unlabelled([*boxed, *crowded, *clean], first, notes) if first else {},
    )


def make_batch(material: Material, batch_pixels: int, seed: int, number: int) -> Batch:
    """Return batch `number` of a run: the same for the same seed and material, whatever was drawn before."""
    rng = np.random.default_rng((seed, number))
    height, width = VIEW_SIZES[rng.choice(len(VIEW_SIZES), p=SIZE_WEIGHTS)]
    views_per_batch = max(1, round(batch_pixels / (height * width)))
    views = [make_view(material, height, width, rng) for _ in range(views_per_batch)]
    pixels = np.stack([view.image[:, :, ::-1] for view in views]).transpose(0, 3, 1, 2)
    return Batch(from_numpy(np.ascontiguousarray(pixels)), stack_targets([make_target(view) for view in views]))


@contextmanager
def batches(material: Material, batch_pixels: int, seed: int, start: int) -> Iterator[Iterator[Batch]]:
    """Give an endless iterator of batches from number `start` on, the next few drawn ahead in a thread.

    A thread, not a process: OpenCV and PyTorch let go of the interpreter's lock, and a fork of either can hang.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        numbers = count(start)
        waiting = deque(pool.submit(make_batch, material, batch_pixels, seed, next(numbers)) for _ in range(AHEAD))

        def drawn() -> Iterator[Batch]:
            while True:
                waiting.append(pool.submit(make_batch, material, batch_pixels, seed, next(numbers)))
                yield waiting.popleft().result()

        yield drawn()
        pool.shutdown(cancel_futures=True)


def data_digest(data: Path, folders: tuple[str, ...]) -> str:
    """Return a short hash over the names and sizes of the files below some folders of the development data."""
    digest = hashlib.sha256()
    for path in sorted(p for folder in folders for p in (data / folder).rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(data).as_posix()}:{path.stat().st_size}\n".encode())
    return digest.hexdigest()[:16]


def _real_plates(folder: Path) -> list[BgrImage]:
    """Read rectified crops of real plates."""
    images = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in sorted(folder.glob("*.jpg")))
    return [np.asarray(image, np.uint8) for image in images if image is not None]


def _all_unlabelled(scenes: list[Scene], first: Detector, notes: Path) -> dict[str, NDArray[np.float32]]:
    """Look through the scenes that `notes` does not have yet, and add them to it."""
    known: dict[str, list[list[float]]] = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    new = {scene.name: _unlabelled(scene, first) for scene in scenes if scene.name not in known}
    known |= new
    notes.write_text(json.dumps(known), encoding="utf-8")
    return {name: np.array(boxes, np.float32).reshape(-1, 4) for name, boxes in known.items()}


def _unlabelled(scene: Scene, first: Detector) -> list[list[float]]:
    """Return boxes that look like plates to `first` and that the scene's truth does not have."""
    truth = [box_of(quad) for quad in scene.quads]
    found = [each.box for each in first.detect(scene.image, min_score=UNLABELLED_SCORE)]
    return [box.as_list() for box in found if all(box.iou(other) < 0.1 for other in truth)]
