"""Synthetic passages: plates of one city drawn, damaged and read by the shipped recogniser, several looks each."""

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from ocr.models_folder import ModelFiles
from ocr.reader import PlateReader
from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from pipeline.fusion import PlateFusion
from pipeline.settings import TrackSettings
from training.glyphs import load_glyphs
from training.plates import PlateSpec, render_plate
from training.samples import camera_view
from training.textures import CROP_HEIGHT, CROP_WIDTH, VIEW_HEIGHT, VIEW_WIDTH, load_textures

Codes: TypeAlias = NDArray[np.int64]
"""Plates of the city, shape (n,): six slots in base 35, the last one empty on a small car."""

CITY = "粤B"
SLOT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
EMPTY, BASE = 34, 35
PLACE_VALUES = BASE ** np.arange(5, -1, -1)
LETTER_COUNT_SHARES = (0.014, 0.17, 0.816)
"""None, one and two letters: 7.06 million plates of five characters exist, and so are they shared."""
NEW_ENERGY_SHARE = 0.15
CODE_SPACE = 7_060_000
LOOKS = 5
HEIGHTS_PX = (16.0, 50.0)
"""Of the plate in the first look; it grows by half until the last."""
GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle passing once; None where the reader saw no plate."""

    text: str
    single: PlateDistribution | None
    """Of the look in the middle."""
    two: PlateDistribution | None
    """Of the first and farthest two looks."""
    fused: PlateDistribution | None
    """Of all looks."""


def load_passages(models: ModelFiles, data: Path, cache: Path, count: int) -> list[Passage]:
    """Return passages of `count` plates; they are drawn and read only once for each model, and kept in `cache`."""
    model = hashlib.sha256(models.recognizer.read_bytes()).hexdigest()[:12]
    path = cache / f"passages-{model}-{count}-{LOOKS}.pickle"
    if not path.is_file():
        rng = np.random.default_rng(17)
        texts = plate_texts(random_plates(rng, count))
        views = _views(texts, data, rng)
        reader = PlateReader.from_models(models)
        looks = [_look(reader, *view) for view in track(views, "reading plates", total=count * LOOKS)]
        cache.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps((texts, looks)))
    texts, looks = pickle.loads(path.read_bytes())
    return [_passage(text, looks[number * LOOKS : (number + 1) * LOOKS]) for number, text in enumerate(texts)]


def _views(texts: list[str], data: Path, rng: np.random.Generator) -> Iterator[tuple[BgrImage, float]]:
    """Yield what the recogniser gets and the plate's height in the camera's picture, look after look."""
    glyphs, textures = load_glyphs(data / "glyphs"), load_textures(data, rng, 2000, held_out=True)
    y, x = (VIEW_HEIGHT - CROP_HEIGHT) // 2, (VIEW_WIDTH - CROP_WIDTH) // 2
    for text in texts:
        style = "green" if len(text) == 8 else "blue"
        plate = render_plate(PlateSpec(text, style), glyphs, rng)
        height = float(np.exp(rng.uniform(*np.log(HEIGHTS_PX))))
        for height_px in np.geomspace(height, height * GROWTH, LOOKS):
            view = camera_view(plate, textures, rng, float(height_px))
            yield np.ascontiguousarray(view[y : y + CROP_HEIGHT, x : x + CROP_WIDTH]), float(height_px)


def _look(reader: PlateReader, crop: BgrImage, height_px: float) -> PlateRead | None:
    read = reader.read_crop(crop)
    return None if read is None else replace(read, box=BoundingBox(0, 0, 3 * height_px, height_px))


def _passage(text: str, looks: Sequence[PlateRead | None]) -> Passage:
    middle = looks[LOOKS // 2]
    return Passage(text, None if middle is None else middle.distribution, _fused(looks[:2]), _fused(looks))


def _fused(looks: Sequence[PlateRead | None]) -> PlateDistribution | None:
    fusion = PlateFusion(TrackSettings().max_effective_looks)
    for look in looks:
        if look is not None:
            fusion.add(look)
    return fusion.distribution() if fusion.look_count else None


def random_plates(rng: np.random.Generator, count: int) -> Codes:
    """Return plates of the city as they are issued: at most two letters in five, every seventh new energy."""
    slots = rng.integers(0, 10, (count, 6))
    slots[:, 5] = EMPTY
    letters = rng.choice(3, size=count, p=LETTER_COUNT_SHARES)
    places = np.argsort(rng.random((count, 5)), axis=1)
    for number in (1, 2):
        rows = np.flatnonzero(letters >= number)
        slots[rows, places[rows, number - 1]] = rng.integers(10, 34, len(rows))
    energy = np.flatnonzero(rng.random(count) < NEW_ENERGY_SHARE)
    slots[energy, 0] = rng.choice([SLOT_CHARACTERS.index("D"), SLOT_CHARACTERS.index("F")], len(energy))
    slots[energy, 1] = rng.integers(0, 34, len(energy))
    slots[energy, 2:] = rng.integers(0, 10, (len(energy), 4))
    return slots @ PLACE_VALUES


def plate_texts(codes: Codes) -> list[str]:
    rows = (codes[:, None] // PLACE_VALUES) % BASE
    return [CITY + "".join(SLOT_CHARACTERS[slot] for slot in row if slot != EMPTY) for row in rows.tolist()]


def plate_code(text: str) -> int:
    """Return a plate of the city as a number, or -1 for any other text."""
    serial = text.removeprefix(CITY)
    if len(serial) == len(text) or not set(serial) <= set(SLOT_CHARACTERS) or not 5 <= len(serial) <= 6:
        return -1
    slots = [SLOT_CHARACTERS.index(character) for character in serial] + [EMPTY] * (6 - len(serial))
    return int(np.array(slots) @ PLACE_VALUES)


def neighbours(code: int) -> Codes:
    """Return the plates that differ in one character of the serial."""
    slots = (code // PLACE_VALUES) % BASE
    found = [code + (np.arange(34) - slots[place]) * PLACE_VALUES[place] for place in range(6) if slots[place] != EMPTY]
    every: Codes = np.concatenate(found)
    return np.asarray(every[every != code], np.int64)
