"""One training example: a rendered plate seen by a camera, or something that is no plate."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.two_line import stitch_two_lines
from ocr.types import BgrImage
from training.plates.alphabet import SLOTS, encode
from training.plates.damage import damage
from training.plates.draw import PLATE_STYLES, TWO_LINE_STYLES, PlateSpec, random_spec, render_plate
from training.plates.foreign import render_foreign
from training.plates.glyphs import NEW_ENERGY, SINGLE_LINE, GlyphSet, InkMask
from training.plates.province_patches import ProvincePatches
from training.plates.viewpoint import CONTEXT, image_quad, random_quad, warp_to, with_context
from training.recognizer.not_plates import random_not_plate
from training.textures import CROP_HEIGHT, CROP_WIDTH, VIEW_HEIGHT, VIEW_WIDTH, Textures

SAMPLE = np.dtype(
    [
        ("view", np.uint8, (VIEW_HEIGHT, VIEW_WIDTH, 3)),
        ("classes", np.uint8, (SLOTS,)),
        ("style", np.uint8),
        ("is_legible", np.bool_),
    ]
)
"""view: BGR, the crop with CONTEXT around it; is_legible: False for a two-line plate before it is stitched."""

NOT_PLATE_SHARE, FOREIGN_SHARE = 0.08, 0.09
STITCHED_SHARE = 0.75
"""Of the two-line plates, the rest stays whole and teaches the style only."""


def random_sample(
    glyphs: GlyphSet,
    provinces: ProvincePatches,
    textures: Textures,
    rng: np.random.Generator,
    style: str | None = None,
    mark: str = "",
) -> np.void:
    """Return one SAMPLE; `style` None draws plates and other things in the shares used for training.

    `mark` is that of `random_spec`.
    """
    if style == "not_plate" or (style is None and rng.random() < NOT_PLATE_SHARE):
        return _sample(random_not_plate(glyphs, textures, rng), "", "not_plate", True)
    if style == "foreign" or (style is None and rng.random() < FOREIGN_SHARE):
        return _sample(foreign_view(textures, rng), "", "foreign", True)
    spec = random_spec(rng, style, mark)
    province = spec.text[2] if spec.text.startswith("WJ") else spec.text[0]
    if province in provinces.masks and spec.style not in TWO_LINE_STYLES and rng.random() < 0.5:
        glyphs = _with_province(glyphs, province, provinces.random_mask(province, rng))
    plate = render_plate(spec, glyphs, rng)
    is_stitched = spec.style in TWO_LINE_STYLES and rng.random() < STITCHED_SHARE
    view = _stitched_view(plate, spec.style, textures, rng) if is_stitched else camera_view(plate, textures, rng)
    return _sample(view, spec.text, spec.style, is_stitched or spec.style not in TWO_LINE_STYLES)


def foreign_view(
    textures: Textures, rng: np.random.Generator, height_px: float | None = None, strength: float = 1.0
) -> BgrImage:
    """Return a plate of another country: a real one in half of the cases, where there are any."""
    if len(textures.foreign) and height_px is None and rng.random() < 0.5:
        return damage(textures.foreign[int(rng.integers(len(textures.foreign)))].copy(), rng, 0.5 * strength)
    plate = render_foreign(rng)
    view = camera_view(plate, textures, rng, height_px, strength)
    if plate.shape[1] < 2.2 * plate.shape[0] and rng.random() < 0.5:
        # The reader parts what it takes for two lines.
        stitched = _resize(stitch_two_lines(middle(view), str(rng.choice(TWO_LINE_STYLES))), (CROP_WIDTH, CROP_HEIGHT))
        x, y = (VIEW_WIDTH - CROP_WIDTH) // 2, (VIEW_HEIGHT - CROP_HEIGHT) // 2
        return np.asarray(cv2.copyMakeBorder(stitched, y, y, x, x, cv2.BORDER_REPLICATE), np.uint8)
    return view


def _sample(view: BgrImage, text: str, style: str, is_legible: bool) -> np.void:
    stored: NDArray[np.void] = np.zeros(1, SAMPLE)
    stored["view"], stored["classes"] = view, encode(text)
    stored["style"], stored["is_legible"] = PLATE_STYLES.index(style), is_legible
    sample: np.void = stored[0]
    return sample


def _with_province(glyphs: GlyphSet, province: str, mask: InkMask) -> GlyphSet:
    masks = dict(glyphs.masks)
    masks[(SINGLE_LINE, province)] = masks[(NEW_ENERGY, province)] = mask
    return replace(glyphs, masks=masks)


def camera_view(
    plate: BgrImage, textures: Textures, rng: np.random.Generator, height_px: float | None = None, strength: float = 1.0
) -> BgrImage:
    """Return the plate as the recogniser gets it, with context: VIEW_HEIGHT x VIEW_WIDTH.

    `height_px` is the height of the crop in the camera's picture; None draws 13 to 90.
    """
    width, height = _camera_size(rng, height_px)
    quad = with_context(random_quad(plate.shape[1] / plate.shape[0], rng, strength))
    image = _photograph(plate, quad * np.array([width, height], np.float32), (width, height), textures, rng)
    return _resize(damage(image, rng, strength), (VIEW_WIDTH, VIEW_HEIGHT))


def _camera_size(rng: np.random.Generator, height_px: float | None) -> tuple[int, int]:
    if height_px is None and rng.random() < 0.1:
        return round(94 * (1 + 2 * CONTEXT)), round(24 * (1 + 2 * CONTEXT))
    height = float(np.exp(rng.uniform(np.log(13), np.log(90)))) if height_px is None else height_px
    # A plate seen from far aside is narrow.
    narrow = height_px is None and rng.random() < 0.15
    width = height * float(rng.uniform(1.2, 2.3) if narrow else rng.uniform(2.3, 3.6))
    return round(width * (1 + 2 * CONTEXT)), round(height * (1 + 2 * CONTEXT))


def _photograph(
    plate: BgrImage, quad: np.ndarray, size: tuple[int, int], textures: Textures, rng: np.random.Generator
) -> BgrImage:
    """Put the plate's corners on `quad` (pixels) of a background of `size` (width, height)."""
    image = _resize(textures.backgrounds[int(rng.integers(len(textures.backgrounds)))], size)
    ratio = float(np.ptp(quad[:, 0])) * 1.4 / plate.shape[1]
    if ratio < 1:
        plate = np.asarray(cv2.resize(plate, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = plate.shape[:2]
    matrix = warp_to(image_quad(width, height), quad)
    if rng.random() < 0.35:
        _put_frame(image, quad, rng)
    cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size)
    warped = cv2.warpPerspective(plate, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    np.copyto(image, warped, where=(cover > 127)[:, :, None])
    return image


def _put_frame(image: BgrImage, quad: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a plate holder around the corners."""
    centre = quad.mean(axis=0)
    grown = centre + (quad - centre) * (1 + rng.uniform(0.01, 0.05), 1 + rng.uniform(0.03, 0.2))
    grey = float(rng.choice((15, 40, 120, 190))) + rng.normal(0, 8, 3)
    cv2.fillPoly(image, [np.round(grown).astype(np.int32)], tuple(float(c) for c in np.clip(grey, 0, 255)))


def _stitched_view(
    plate: BgrImage,
    style: str,
    textures: Textures,
    rng: np.random.Generator,
    height_px: float | None = None,
    strength: float = 1.0,
) -> BgrImage:
    """Rectify a two-line plate with imperfect corners, stitch its lines, and add the context that a view has."""
    whole = two_line_crop(plate, textures, rng, height_px, strength)
    stitched = _resize(stitch_two_lines(whole, style), (CROP_WIDTH, CROP_HEIGHT))
    x, y = (VIEW_WIDTH - CROP_WIDTH) // 2, (VIEW_HEIGHT - CROP_HEIGHT) // 2
    return np.asarray(cv2.copyMakeBorder(stitched, y, y, x, x, cv2.BORDER_REPLICATE), np.uint8)


def two_line_crop(
    plate: BgrImage, textures: Textures, rng: np.random.Generator, height_px: float | None, strength: float
) -> BgrImage:
    height = float(np.exp(rng.uniform(np.log(20), np.log(130)))) if height_px is None else height_px
    narrow = height_px is None and rng.random() < 0.12
    size = (round(height * (rng.uniform(0.9, 1.6) if narrow else rng.uniform(1.4, 2.2))), round(height))
    margin = np.array([0.03, 0.06], np.float32)
    unit = image_quad(1, 1) * (1 - 2 * margin) + margin + rng.normal(0, 1, (4, 2)) * (0.010, 0.018)
    return damage(_photograph(plate, (unit * size).astype(np.float32), size, textures, rng), rng, strength)


def _resize(image: BgrImage, size: tuple[int, int]) -> BgrImage:
    shrinks = image.shape[1] > size[0]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8)


def rendered_view(
    spec: PlateSpec, glyphs: GlyphSet, textures: Textures, rng: np.random.Generator, height_px: float, strength: float
) -> BgrImage:
    """Return a given plate as seen at `height_px`, stitched where it has two lines: for measuring.

    `strength` is that of the camera's damage.
    """
    plate = render_plate(spec, glyphs, rng)
    if spec.style in TWO_LINE_STYLES:
        return _stitched_view(plate, spec.style, textures, rng, height_px, strength)
    return camera_view(plate, textures, rng, height_px, strength)


def rendered_crop(
    spec: PlateSpec, glyphs: GlyphSet, textures: Textures, rng: np.random.Generator, height_px: float, strength: float
) -> BgrImage:
    """Return a given plate as a whole reader gets it: two lines are not stitched yet."""
    plate = render_plate(spec, glyphs, rng)
    if spec.style in TWO_LINE_STYLES:
        return two_line_crop(plate, textures, rng, height_px, strength)
    return middle(camera_view(plate, textures, rng, height_px, strength))


def middle(view: BgrImage) -> BgrImage:
    """Return the crop in the middle of a view, without the context around it."""
    y, x = (VIEW_HEIGHT - CROP_HEIGHT) // 2, (VIEW_WIDTH - CROP_WIDTH) // 2
    return np.ascontiguousarray(view[y : y + CROP_HEIGHT, x : x + CROP_WIDTH])
