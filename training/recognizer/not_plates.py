"""Things that a detector may take for a plate: the recogniser must say so and read nothing."""

from collections.abc import Callable

import cv2
import numpy as np

from ocr.types import BgrImage
from training.plates.damage import damage
from training.plates.draw import DIGITS, LETTERS, random_spec, render_plate
from training.plates.glyphs import GlyphSet
from training.textures import VIEW_HEIGHT, VIEW_WIDTH, Textures

_SIGN_WORDS = "出租消防救护工程抢险城市管理道路施工请保持距离严禁载客公司运输危险品核定载重停车场收费岗亭入口限速"


def random_not_plate(glyphs: GlyphSet, textures: Textures, rng: np.random.Generator) -> BgrImage:
    """Return a view (VIEW_HEIGHT x VIEW_WIDTH) that holds no whole plate."""
    choice = rng.random()
    if choice < 0.45:
        image = _stored(textures, rng)
    elif choice < 0.70:
        image = _lettering(textures, rng)
    elif choice < 0.82:
        image = _noise(rng)
    else:
        image = _part_of_plate(glyphs, rng)
    return damage(image, rng, 0.6)


def _stored(textures: Textures, rng: np.random.Generator) -> BgrImage:
    pool = textures.not_plates if rng.random() < 0.7 else textures.backgrounds
    image = pool[int(rng.integers(len(pool)))].copy()
    return np.ascontiguousarray(image[:, ::-1]) if rng.random() < 0.5 else image


def _lettering(textures: Textures, rng: np.random.Generator) -> BgrImage:
    """Time stamps, captions, signs and lettering on vehicles."""
    image = _backdrop(textures, rng)
    text = _caption(rng)
    ink = (245, 245, 245) if rng.random() < 0.6 else tuple(int(c) for c in rng.integers(0, 256, 3))
    size, start = int(rng.integers(14, 44)), int(rng.integers(-30, 40))
    base = int(rng.integers(size, max(size + 1, VIEW_HEIGHT)))
    if text.isascii() and rng.random() < 0.5:
        face = int(rng.choice((cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)))
        cv2.putText(image, text, (start, base), face, size / 26, ink, int(rng.integers(1, 3)), cv2.LINE_AA)
    else:
        cv2.putText(image, text, (start, base), ink, cv2.FontFace("uni"), size, int(rng.choice((400, 600, 800))))
    return image


def _caption(rng: np.random.Generator) -> str:
    def digits(count: int) -> str:
        return "".join(DIGITS[i] for i in rng.integers(10, size=count))

    forms: tuple[Callable[[], str], ...] = (
        lambda: f"20{digits(2)}-{digits(2)}-{digits(2)} {digits(2)}:{digits(2)}:{digits(2)}",
        lambda: f"{digits(2)}:{digits(2)}:{digits(2)}",
        lambda: "".join(_SIGN_WORDS[i] for i in rng.integers(len(_SIGN_WORDS), size=int(rng.integers(2, 7)))),
        lambda: f"Camera {digits(2)}",
        lambda: "".join(LETTERS[i] for i in rng.integers(len(LETTERS), size=int(rng.integers(3, 9)))),
        lambda: f"{digits(3)}-{digits(4)} {digits(4)}",
        lambda: f"{digits(1)}.{digits(1)}T",
    )
    return forms[int(rng.integers(len(forms)))]()


def _backdrop(textures: Textures, rng: np.random.Generator) -> BgrImage:
    if rng.random() < 0.5:
        place: BgrImage = textures.backgrounds[int(rng.integers(len(textures.backgrounds)))].copy()
        return place
    return np.full((VIEW_HEIGHT, VIEW_WIDTH, 3), rng.integers(0, 256, 3), np.uint8)


def _noise(rng: np.random.Generator) -> BgrImage:
    """Noise at a random scale, flat colour, stripes."""
    if rng.random() < 0.25:
        period = float(rng.uniform(3, 40))
        wave = np.sin(np.arange(VIEW_WIDTH) * 2 * np.pi / period + rng.uniform(0, 6.28)) * 100 + 128
        image = np.repeat(np.repeat(wave[None, :, None], VIEW_HEIGHT, 0), 3, 2)
        return np.asarray(image, np.uint8)
    scale = int(rng.choice((1, 2, 4, 8, 16, 56)))
    channels = 3 if rng.random() < 0.6 else 1
    shape = (max(1, VIEW_HEIGHT // scale), max(1, VIEW_WIDTH // scale), channels)
    if rng.random() < 0.5:
        seeds = rng.integers(0, 256, shape).astype(np.uint8)
    else:
        seeds = np.clip(rng.normal(rng.uniform(30, 220), rng.uniform(3, 60), shape), 0, 255).astype(np.uint8)
    grown = cv2.resize(seeds, (VIEW_WIDTH, VIEW_HEIGHT), interpolation=int(rng.choice((0, 1, 2)))).reshape(
        VIEW_HEIGHT, VIEW_WIDTH, channels
    )
    return np.ascontiguousarray(np.broadcast_to(grown, (VIEW_HEIGHT, VIEW_WIDTH, 3)), np.uint8)


def _part_of_plate(glyphs: GlyphSet, rng: np.random.Generator) -> BgrImage:
    """Less than 60 % of a plate's width, or a plate upside down, or without characters."""
    plate = render_plate(random_spec(rng), glyphs, rng)
    width = plate.shape[1]
    choice = rng.random()
    if choice < 0.6:
        part = round(width * float(rng.uniform(0.2, 0.6)))
        start = 0 if rng.random() < 0.5 else width - part
        plate = plate[:, start : start + part]
    elif choice < 0.8:
        plate = plate[::-1, ::-1]
    else:
        plate = plate[:: max(1, plate.shape[0] // 8)]
        plate = np.repeat(plate[:2], 40, axis=0)
    return np.asarray(
        cv2.resize(np.ascontiguousarray(plate), (VIEW_WIDTH, VIEW_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
    )
