"""Everything that the model card says about a recogniser, measured on plates it was never trained on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.plates.alphabet import normalise
from training.plates.glyphs import GlyphSet, load_glyphs
from training.plates.specs import PLATE_STYLES, TWO_LINE_STYLES, PlateSpec, random_spec
from training.real_crops import RealCrop, is_held_out, load_real_crops
from training.recognizer.not_plates import random_not_plate
from training.recognizer.samples import middle, rendered_view
from training.recognizer.scoring import Read, Recognise, SetScore, calibration_error, read_crops, score_set
from training.textures import CROP_HEIGHT, CROP_WIDTH, Textures, load_textures

SPECIAL_FORMS = {
    "yellow, two lines": ("yellow_two_line", ""),
    "挂": ("yellow_two_line", "挂"),
    "学": ("yellow", "学"),
    "警": ("white", "警"),
    "WJ": ("white", "WJ"),
    "military": ("white", ""),
    "应急": ("white", "应急"),
    "white, two lines": ("white_two_line", ""),
    "港澳": ("black", "港澳"),
    "使": ("black", "使"),
    "领": ("black", "领"),
    "民航": ("civil_aviation", ""),
    "green": ("green", ""),
    "green, large": ("green_large", ""),
    "tractor": ("green_two_line", ""),
    "motorcycle": ("motorcycle_two_line", ""),
    "light motorcycle": ("blue_two_line", ""),
    "WJ until 2012": ("white", "WJ"),
    "temporary": ("paper", ""),
}
"""Row of the table -> style and a mark that the text carries: WJ at its head, or any one of the characters."""
LENGTHS = {"WJ": 8, "WJ until 2012": 9}
"""Characters of a form that shares style and mark with another."""
RENDERED_HEIGHTS_PX = (24.0, 90.0)


USUAL_STRENGTH, FULL_STRENGTH = 0.4, 1.0
"""Damage as in most pictures (each effect occurs in 0.4 of the training's share), and as in training."""


@dataclass(frozen=True, slots=True)
class SpecialScore:
    """Exact reads of rendered plates of one form."""

    form: str
    count: int
    usual: int
    full: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """Results on held-out plates; two-line plates of photos are left out of the crop sets (they are stitched first)."""

    sets: tuple[SetScore, ...]
    green: tuple[int, int]
    """Exact and count, over the rectified green plates."""
    calibration_error: float
    mean_confidence: float
    special: tuple["SpecialScore", ...]
    nothing_confidence: float
    """Mean text confidence on held-out things that are no plate and on noise; an empty text counts as 0."""
    nothing_rejected: float
    """Share of those that the style output calls not_plate."""
    ms_batch_1: float
    ms_batch_16: float
    """Milliseconds a crop, median, one thread."""


def held_out_crops(development_data: Path) -> list[RealCrop]:
    """Return the real plates kept for measuring, single-line ones."""
    crops = load_real_crops(development_data)
    return [crop for crop in crops if is_held_out(crop.text) and crop.style not in TWO_LINE_STYLES]


def measure(recognise: Recognise, development_data: Path, glyphs_folder: Path, seed: int, count: int) -> Measurement:
    """Measure on all held-out real crops, `count` rendered plates of each special form and 1,000 other things."""
    crops = held_out_crops(development_data)
    reads = read_crops(recognise, [crop.crop() for crop in crops])
    confidences, is_right = outcomes(crops, reads)
    rng = np.random.default_rng((seed, 99))
    glyphs, textures = load_glyphs(glyphs_folder), load_textures(development_data, rng, 2000, held_out=True)
    nothing = read_crops(recognise, [middle(random_not_plate(glyphs, textures, rng)) for _ in range(1000)])
    return Measurement(
        tuple(_score(name, crops, reads) for name in dict.fromkeys(crop.source for crop in crops)),
        _green(crops, reads),
        calibration_error(confidences, is_right),
        float(confidences.mean()),
        tuple(_special(recognise, form, glyphs, textures, rng, count) for form in SPECIAL_FORMS),
        float(np.mean([read.confidence if read.text else 0.0 for read in nothing])),
        float(np.mean([PLATE_STYLES[read.style] == "not_plate" for read in nothing])),
        _milliseconds(recognise, 1, 300),
        _milliseconds(recognise, 16, 30),
    )


def outcomes(crops: Sequence[RealCrop], reads: Sequence[Read]) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidences and whether each read is right."""
    is_right = np.array([normalise(crop.text) == read.text for crop, read in zip(crops, reads, strict=True)])
    return np.array([read.confidence for read in reads]), is_right


def _score(name: str, crops: Sequence[RealCrop], reads: Sequence[Read]) -> SetScore:
    chosen = [i for i, crop in enumerate(crops) if crop.source == name]
    return score_set(name, [crops[i] for i in chosen], [reads[i] for i in chosen], PLATE_STYLES)


def _green(crops: Sequence[RealCrop], reads: Sequence[Read]) -> tuple[int, int]:
    pairs = [(c, r) for c, r in zip(crops, reads, strict=True) if c.style == "green" and "+" not in c.source]
    return sum(normalise(crop.text) == read.text for crop, read in pairs), len(pairs)


def _special(
    recognise: Recognise, form: str, glyphs: GlyphSet, textures: Textures, rng: np.random.Generator, count: int
) -> SpecialScore:
    specs = [spec_of(form, rng) for _ in range(count)]
    low, high = np.log(RENDERED_HEIGHTS_PX)

    def exact(strength: float) -> int:
        heights = np.exp(rng.uniform(low, high, count))
        views = [
            rendered_view(s, glyphs, textures, rng, float(h), strength) for s, h in zip(specs, heights, strict=True)
        ]
        reads = read_crops(recognise, [middle(view) for view in views])
        return sum(normalise(spec.text) == read.text for spec, read in zip(specs, reads, strict=True))

    return SpecialScore(form, count, exact(USUAL_STRENGTH), exact(FULL_STRENGTH))


def spec_of(form: str, rng: np.random.Generator) -> PlateSpec:
    """Return a random plate of a form of SPECIAL_FORMS."""
    style, mark = SPECIAL_FORMS[form]
    while True:
        spec = random_spec(rng, style, mark)
        if len(spec.text) == LENGTHS.get(form, len(spec.text)):
            return spec


def _milliseconds(recognise: Recognise, batch: int, runs: int) -> float:
    crops = np.random.default_rng(0).integers(0, 256, (batch, CROP_HEIGHT, CROP_WIDTH, 3)).astype(np.uint8)
    times = []
    for _ in range(runs + 10):
        started = time.perf_counter()
        recognise(crops)
        times.append(time.perf_counter() - started)
    return float(np.median(times[10:])) * 1000 / batch
