"""Training views of the detector: a piece of a photo, moved, scaled, turned, its plates replaced, relit, labelled."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage
from training.detector.clutter import add_clutter
from training.detector.light import relit
from training.detector.real_scenes import Quads, Scene
from training.detector.scenes import Backdrop, PastedPlate, light_factor, paste, pick_plate, quad_for_plate

MIN_PLATE_WIDTH, MAX_PLATE_WIDTH = 34.0, 350.0
MIN_PLATE_HEIGHT = 7.0
"""Pixels of a view; 350 is a little more than half a frame of 640."""
MIN_VISIBLE = 0.75
"""A plate cut by the edge of its panel is learnt while this share of its box is inside, and ignored below."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture to learn from."""

    image: BgrImage
    quads: Quads
    corner_weights: NDArray[np.float32]
    """Shape (plates,): 1 where the corners are exact, less where they come from an axis-aligned box."""
    ignored: NDArray[np.float32]
    """Shape (n, 4), x1 y1 x2 y2: neither plate nor background."""


@dataclass(frozen=True, slots=True)
class Material:
    """All that views are made from."""

    boxed: list[Backdrop]
    """Photos with boxes (foreign plates)."""
    cornered: list[Backdrop]
    """Photos with real corners (Chinese plates); may be empty."""
    clean: list[Backdrop]
    plates: list[BgrImage]
    """Rendered plates."""
    real_plates: list[BgrImage]
    """Rectified crops of real plates."""
    not_plates: NDArray[np.uint8]
    unlabelled: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """Scene name -> boxes (n, 4) of probable plates that the photo's truth lacks."""


@dataclass(frozen=True, slots=True)
class _Panel:
    image: BgrImage
    quads: Quads
    weights: NDArray[np.float32]
    ignored: NDArray[np.float32]


def make_view(material: Material, height: int, width: int, rng: np.random.Generator) -> View:
    """Return one view: a single photo or a mosaic of two to four, with negatives drawn in and relit."""
    image = np.empty((height, width, 3), np.uint8)
    parts: list[_Panel] = []
    for x0, y0, x1, y1 in _panels(height, width, rng):
        panel = _make_panel(material, y1 - y0, x1 - x0, rng)
        image[y0:y1, x0:x1] = panel.image
        shift = np.array([x0, y0], np.float32)
        parts.append(_Panel(panel.image, panel.quads + shift, panel.weights, panel.ignored + np.tile(shift, 2)))
    quads = np.concatenate([part.quads for part in parts])
    add_clutter(image, quads, material.not_plates, rng)
    weights, ignored = (np.concatenate([getattr(p, name) for p in parts]) for name in ("weights", "ignored"))
    return View(relit(image, rng), quads, weights, ignored)


def _panels(height: int, width: int, rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """Split the view at a random cross: one panel in 70 %, two or four otherwise."""
    if rng.random() < 0.7:
        return [(0, 0, width, height)]
    x, y = int(rng.uniform(0.35, 0.65) * width), int(rng.uniform(0.35, 0.65) * height)
    if rng.random() < 0.4:
        return [(0, 0, x, height), (x, 0, width, height)]
    return [(0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height)]


def _make_panel(material: Material, height: int, width: int, rng: np.random.Generator) -> _Panel:
    backdrop = _draw_backdrop(material, rng)
    scene = backdrop.scene
    replaced = len(scene.quads) > 0 and rng.random() < (0.45 if scene.has_corners else 0.75)
    matrix, scale = _placement(scene, height, width, rng)
    view = _moved(backdrop.wiped if replaced else scene.image, matrix, scale, (width, height), rng)
    if replaced and rng.random() < 0.08:
        quads, weights = np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    elif replaced:
        quads, weights = _put_plates(view, backdrop, matrix, scale, material, rng)
    else:
        quads = _projected(scene.quads, matrix)
        weights = np.full(len(quads), 1.0 if scene.has_corners else 0.25, np.float32)
    missing = material.unlabelled.get(scene.name, np.zeros((0, 4), np.float32))
    return _labelled(view, quads, weights, _boxes_of(_projected(_as_quads(missing), matrix)))


def _draw_backdrop(material: Material, rng: np.random.Generator) -> Backdrop:
    kind = rng.random()
    if kind < 0.08:
        return material.clean[rng.integers(len(material.clean))]
    if kind < 0.36 and material.cornered:
        return material.cornered[rng.integers(len(material.cornered))]
    return material.boxed[rng.integers(len(material.boxed))]


def _placement(scene: Scene, height: int, width: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Return a 3 x 3 matrix from photo to view pixels, and its scale.

    One plate is brought to a width drawn evenly on a logarithmic scale, in 40 % to about the width that it has
    when the whole photo is 640 pixels wide, and to a random place of the view.
    """
    photo_h, photo_w = scene.image.shape[:2]
    natural = 640 / max(photo_h, photo_w) * rng.uniform(0.8, 1.2)
    centre = np.array([rng.uniform(0, photo_w), rng.uniform(0, photo_h)])
    scale = natural
    if len(scene.quads):
        quad = scene.quads[rng.integers(len(scene.quads))]
        centre = quad.mean(axis=0).astype(np.float64)
        if rng.random() < 0.6:
            widest = max(MIN_PLATE_WIDTH + 1, min(MAX_PLATE_WIDTH, 0.85 * width))
            wanted = np.exp(rng.uniform(np.log(MIN_PLATE_WIDTH), np.log(widest)))
            scale = float(wanted / max(8.0, np.linalg.norm(quad[1] - quad[0])))
    angle = np.radians(rng.normal(0, 5) if rng.random() < 0.75 else rng.uniform(-40, 40))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([mirror * rng.uniform(0.9, 1.1), 1.0]) @ [[1, rng.normal(0, 0.05)], [0, 1]]
    target = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height])
    shift = target - linear @ centre
    if rng.random() < 0.8:
        shift = _covering(
            shift, linear @ [photo_w / 2, photo_h / 2], scale * np.array([photo_w, photo_h]), (width, height)
        )
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = shift
    slant = np.eye(3)
    slant[2, :2] = rng.normal(0, 0.08, 2) / max(height, width)
    return slant @ matrix, scale


def _covering(
    shift: NDArray[np.float64], middle: NDArray[np.float64], photo: NDArray[np.float64], view: tuple[int, int]
) -> NDArray[np.float64]:
    """Move the photo (its middle at middle + shift) so that it covers the view, or lies within it when smaller."""
    size = np.array(view, np.float64)
    slack = np.abs(photo - size) / 2
    return np.asarray(np.clip(shift + middle, size / 2 - slack, size / 2 + slack) - middle, np.float64)


def _moved(
    image: BgrImage, matrix: NDArray[np.float64], scale: float, size: tuple[int, int], rng: np.random.Generator
) -> BgrImage:
    if scale < 0.6:
        small = cv2.resize(image, None, fx=scale * 1.2, fy=scale * 1.2, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0], 1.0])
        image = np.asarray(small, np.uint8)
    grey = 114 if rng.random() < 0.5 else int(rng.integers(0, 256))
    moved = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(grey, grey, grey))
    return np.asarray(moved, np.uint8)


def _put_plates(
    view: BgrImage,
    backdrop: Backdrop,
    matrix: NDArray[np.float64],
    scale: float,
    material: Material,
    rng: np.random.Generator,
) -> tuple[Quads, NDArray[np.float32]]:
    """Put a new plate at the place of each of the scene's; a few are real crops, whose corners are less exact."""
    quads, weights = [], []
    mirrored = np.linalg.det(matrix[:2, :2]) < 0
    for old, light in zip(backdrop.scene.quads, backdrop.lights, strict=True):
        is_real = bool(material.real_plates) and rng.random() < 0.15
        plate = pick_plate(material.real_plates if is_real else material.plates, old, rng)
        quad = _projected(quad_for_plate(old, plate, backdrop.scene.has_corners, rng)[None], matrix)[0]
        if mirrored:
            quad = quad[[1, 0, 3, 2]]
        blur = rng.uniform(0, 0.9) * max(0.5, min(scale, 3.0)) if rng.random() < 0.7 else 0.0
        gain = light_factor(plate, light, rng) if not is_real else np.full(3, rng.uniform(0.6, 1.2), np.float32)
        paste(view, PastedPlate(plate, quad, gain, float(blur)), rng)
        quads.append(quad)
        weights.append(0.5 if is_real else 1.0)
    return np.asarray(quads, np.float32).reshape(-1, 4, 2), np.asarray(weights, np.float32)


def _labelled(view: BgrImage, quads: Quads, weights: NDArray[np.float32], ignored: NDArray[np.float32]) -> _Panel:
    """Keep plates that can be seen; those cut by the edge or too small to learn are ignored, those outside dropped."""
    size = np.array(view.shape[1::-1], np.float32)
    boxes = _boxes_of(_upright(quads))
    inside = np.concatenate([np.clip(boxes[:, :2], 0, size), np.clip(boxes[:, 2:], 0, size)], axis=1)
    visible = _areas(inside) / np.maximum(_areas(boxes), 1e-6)
    heights = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1) if len(quads) else np.zeros(0)
    keep = (visible >= MIN_VISIBLE) & (heights >= MIN_PLATE_HEIGHT)
    unsure = ~keep & (visible > 0.05)
    return _Panel(view, _upright(quads)[keep], weights[keep], np.concatenate([ignored, boxes[unsure]]))


def _upright(quads: Quads) -> Quads:
    """Order mirrored quads again as top-left, top-right, bottom-right, bottom-left."""
    if not len(quads):
        return quads
    across, down = quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    mirrored = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0] < 0
    return np.where(mirrored[:, None, None], quads[:, [1, 0, 3, 2]], quads)


def _projected(quads: Quads, matrix: NDArray[np.float64]) -> Quads:
    if not len(quads):
        return quads
    moved = cv2.perspectiveTransform(quads.reshape(1, -1, 2).astype(np.float64), matrix)
    return np.asarray(moved.reshape(-1, 4, 2), np.float32)


def _as_quads(boxes: NDArray[np.float32]) -> Quads:
    return np.asarray(boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]], np.float32)


def _boxes_of(quads: Quads) -> NDArray[np.float32]:
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1).reshape(-1, 4)


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1), np.float32)
