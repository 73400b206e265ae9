"""Synthetic passages: plates of one city drawn, damaged and read by the shipped recogniser, look after look.

A passage is one vehicle coming nearer. Print, dirt, light, weather, lens, compression, tilt and background are drawn
once for it (`SharedDraws`); sensor noise, a part of where the corners are found, and the distance are new at each look.
Speed is constant, so the plate's height grows as 1 / distance. Number and sizes of looks are the fixture clips' own.
"""

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

import training.plates
from ocr.hypotheses import top_hypotheses
from ocr.models_folder import ModelFiles
from ocr.reader import PlateReader
from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from pipeline.settings import TrackSettings
from pipeline.walk.fusion import PlateFusion
from training.plates.draw import PlateSpec, render_plate
from training.plates.glyphs import load_glyphs
from training.recognizer import samples
from training.recognizer.samples import camera_view, middle
from training.textures import load_textures

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
LOOKS = 16
"""Median over the fixture clips' passages that are seen whole, at 25 frames a second and the walk's pace: 8 to 36."""
FIRST_HEIGHTS_PX = (11.0, 22.0)
"""Of the plate's crop at the first look; the fixture clips' are 11 to 20 with a median of 15."""
GROWTH = 2.4
"""Height at the last look over that at the first one."""
STRENGTHS = {"damage as real": 0.3, "damage as trained on": 1.0}
"""How often the effects of `training.plates.damage` occur; training exaggerates. At 0.3 a single look of 30 pixels and
more is read exactly as often as the held-out real crops are (97.0 % and 97.2 %, `bench.accuracy`); without any it is
98 %."""
NEAR_PX = 30.0
OWN_SHARE = 0.36
"""Share of the variance of a found corner that is new at every look."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle passing once."""

    text: str
    looks: tuple[PlateRead | None, ...]
    """Farthest first; None where the reader saw no plate."""

    def fused(self, count: int) -> PlateDistribution | None:
        """Return what `count` looks in a row around the middle say together; None where they show no plate."""
        start = (len(self.looks) - count) // 2
        return fuse(self.looks[start : start + count])

    def settled(self) -> PlateDistribution | None:
        """Return what the walk decides by before the end; None where it waits for the end."""
        settings = TrackSettings()
        for count in range(settings.settled_looks, len(self.looks)):
            distribution = fuse(self.looks[:count])
            best = top_hypotheses(distribution, 1) if distribution else []
            if best and best[0].probability >= settings.settled_probability:
                return distribution
        return None


def near_looks_exact(passages: Sequence[Passage]) -> float:
    """Return which share of the single looks of NEAR_PX and more is read exactly."""
    near = [(passage.text, look) for passage in passages for look in passage.looks if look is not None]
    right = [_text_of(look) == text for text, look in near if look.box.height >= NEAR_PX]
    return sum(right) / len(right)


def _text_of(look: PlateRead) -> str:
    best = top_hypotheses(look.distribution, 1)
    return best[0].text if best else ""


class SharedDraws(np.random.Generator):
    """Draws the same for every look at one vehicle, but what is new in every frame.

    New are normal arrays of an image's size (sensor noise) and OWN_SHARE of the four corners. Random fields of another
    size (dirt) show the same places.
    """

    def __init__(self, vehicle: int, look: int) -> None:
        super().__init__(np.random.PCG64([vehicle, 0]))
        self._own = np.random.default_rng([vehicle, 1, look])
        self._field = np.random.default_rng([vehicle, 2]).random((4, 12))

    def standard_normal(self, *arguments: Any, **options: Any) -> Any:
        return self._own.standard_normal(*arguments, **options)

    def random(self, size: Any = None, *arguments: Any, **options: Any) -> Any:
        if not isinstance(size, tuple):
            return super().random(size, *arguments, **options)
        rows, columns = size
        return cv2.resize(self._field, (columns, rows), interpolation=cv2.INTER_LINEAR)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        shared = super().normal(loc, scale, size)
        if size != (4, 2):
            return shared
        return np.sqrt(1 - OWN_SHARE) * shared + np.sqrt(OWN_SHARE) * self._own.normal(loc, scale, size)


def load_passages(models: ModelFiles, data: Path, cache: Path, count: int, strength: float) -> list[Passage]:
    """Return passages of `count` plates; drawn and read once for each model and way to draw, and kept in `cache`."""
    made_by = hashlib.sha256(models.recognizer.read_bytes())
    for source in (*sorted(Path(training.plates.__file__).parent.glob("*.py")), Path(samples.__file__)):
        made_by.update(source.read_bytes())
    path = cache / f"approaches-{made_by.hexdigest()[:12]}-{count}-{LOOKS}-{strength}.pickle"
    if not path.is_file():
        rng = np.random.default_rng(17)
        texts = plate_texts(random_plates(rng, count))
        views = _views(texts, data, rng, strength)
        reader = PlateReader.from_models(models)
        looks = [_look(reader, *view) for view in track(views, "reading plates", total=count * LOOKS)]
        cache.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps((texts, looks)))
    texts, looks = pickle.loads(path.read_bytes())
    return [Passage(text, tuple(looks[number * LOOKS : (number + 1) * LOOKS])) for number, text in enumerate(texts)]


def _views(texts: list[str], data: Path, rng: np.random.Generator, strength: float) -> Iterator[tuple[BgrImage, float]]:
    """Yield what the recogniser gets and the plate's height in the camera's picture, look after look."""
    glyphs, textures = load_glyphs(data / "glyphs"), load_textures(data, rng, 2000, held_out=True)
    for vehicle, text in enumerate(texts):
        plate = render_plate(PlateSpec(text, "green" if len(text) == 8 else "blue"), glyphs, rng)
        first_px = float(np.exp(rng.uniform(*np.log(FIRST_HEIGHTS_PX))))
        for look, distance in enumerate(np.linspace(1.0, 1.0 / GROWTH, LOOKS).tolist()):
            height_px = first_px / distance
            view = camera_view(plate, textures, SharedDraws(vehicle, look), height_px, strength)
            yield middle(view), height_px


def _look(reader: PlateReader, crop: BgrImage, height_px: float) -> PlateRead | None:
    read = reader.read_crop(crop)
    return None if read is None else replace(read, box=BoundingBox(0, 0, 3 * height_px, height_px))


def fuse(looks: Sequence[PlateRead | None]) -> PlateDistribution | None:
    """Return what the looks say together; None where none of them shows a plate."""
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
