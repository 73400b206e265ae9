"""Composites for the detector: plates wiped from real photos and rendered Chinese plates put in their place."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage, Corners
from training.detector.real_scenes import Scene
from training.plates.draw import load_glyphs, random_spec, render_plate

POOL_HEIGHT = 84
"""Pixels of a single-line plate in the pool: 264 wide, enough for a plate of half a 640-pixel frame."""
TWO_LINE_MAX_RATIO = 2.6
"""A plate narrower than this times its height is replaced by a two-line plate when one is at hand."""


@dataclass(frozen=True, slots=True)
class PastedPlate:
    """A plate to put into a view: what it looks like, where, under which light."""

    image: BgrImage
    quad: Corners
    light: NDArray[np.float32]
    """Factor per channel (blue, green, red) that brings the plate to the light of its place."""
    blur_sigma: float
    """Pixels of the view."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A scene that can take new plates."""

    scene: Scene
    wiped: BgrImage
    """The scene's image with its plates painted over from their surroundings."""
    lights: NDArray[np.float32]
    """Shape (plates, 3): the light (blue, green, red) on each plate."""


def render_pool(glyph_folder: Path, count: int, seed: int) -> list[BgrImage]:
    """Render `count` clean plates of all styles, POOL_HEIGHT high (two-line ones higher by 220 / 140)."""
    glyphs = load_glyphs(glyph_folder)
    rng = np.random.default_rng(seed)
    scale = POOL_HEIGHT / 140
    plates = (render_plate(random_spec(rng), glyphs, rng) for _ in range(count))
    return [_shrunk(plate, scale) for plate in plates]


def as_backdrop(scene: Scene) -> Backdrop:
    """Wipe the scene's plates and measure their light: the 85th percentile of a plate's pixels."""
    wiped = scene.image.copy()
    for quad in scene.quads:
        _wipe(wiped, quad)
    lights = np.array([_light(scene.image, quad) for quad in scene.quads], np.float32).reshape(-1, 3)
    return Backdrop(scene, wiped, lights)


def quad_for_plate(old: Corners, plate: BgrImage, has_corners: bool, rng: np.random.Generator) -> Corners:
    """Return where a new plate goes that takes the place of `old`: same middle, its own proportions.

    Real corners keep their perspective; an axis-aligned box gets a little tilt and perspective of its own.
    """
    middle = old.mean(axis=0)
    across = (old[1] - old[0] + old[2] - old[3]) / 2
    down = (old[3] - old[0] + old[2] - old[1]) / 2
    ratio = plate.shape[1] / plate.shape[0]
    width, height = float(np.linalg.norm(across)), max(1.0, float(np.linalg.norm(down)))
    stretch = rng.uniform(0.9, 1.2) * (1.0 if width / height > TWO_LINE_MAX_RATIO or ratio < 2.2 else 1.35)
    taller = width * stretch / ratio / height * rng.uniform(0.92, 1.1)
    if has_corners:
        sideways, upward = ((old - middle) @ _inverse_axes(across, down)).T
        return np.asarray(middle + np.outer(sideways * stretch, across) + np.outer(upward * taller, down), np.float32)
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    angle = np.radians(rng.normal(0, 3.0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    flat = unit * [width * stretch, height * taller] + rng.normal(0, 0.05 * height, (4, 2))
    return np.asarray(middle + flat @ turn, np.float32)


def pick_plate(pool: list[BgrImage], old: Corners, rng: np.random.Generator) -> BgrImage:
    """Draw a plate from the pool; nearly square places mostly get two-line plates."""
    is_square = np.ptp(old[:, 0]) < TWO_LINE_MAX_RATIO * np.ptp(old[:, 1])
    for _ in range(8 if is_square and rng.random() < 0.7 else 1):
        plate = pool[rng.integers(len(pool))]
        if plate.shape[1] < 2.2 * plate.shape[0]:
            break
    return plate


def light_factor(plate: BgrImage, light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the factors that give a clean plate the brightness and part of the colour of the light at its place."""
    own = float(np.percentile(plate, 90))
    grey = float(light.mean())
    cast = (light / max(grey, 1.0)) ** 0.5
    gain = (max(grey, 12.0) / max(own, 40.0)) ** 0.85 * rng.uniform(0.75, 1.25)
    return np.asarray(np.clip(gain * cast, 0.08, 1.5), np.float32)


def paste(view: BgrImage, plate: PastedPlate, rng: np.random.Generator) -> None:
    """Draw a plate into `view` in place, anti-aliased, with its frame, shading and blur."""
    x0, y0, x1, y1 = _around(plate.quad, view.shape[:2], margin=0.15)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    quad = plate.quad - np.array([x0, y0], np.float32)
    texture = _shaded(_to_size(plate.image, plate.quad), plate.light, rng)
    if rng.random() < 0.35:
        texture, quad = _framed(texture, quad, rng)
    layers = _warped(texture, quad, (x1 - x0, y1 - y0))
    if plate.blur_sigma > 0.2:
        layers = np.asarray(cv2.GaussianBlur(layers, (0, 0), plate.blur_sigma), np.float32)
    place = view[y0:y1, x0:x1]
    place[:] = np.clip(layers[..., :3] + place * (1 - layers[..., 3:]), 0, 255).astype(np.uint8)


def _shrunk(plate: BgrImage, scale: float) -> BgrImage:
    return np.asarray(cv2.resize(plate, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _light(image: BgrImage, quad: Corners) -> NDArray[np.float32]:
    x0, y0, x1, y1 = _around(quad, image.shape[:2], margin=-0.1)
    if x1 <= x0 or y1 <= y0:
        return np.full(3, 128, np.float32)
    return np.percentile(image[y0:y1, x0:x1].reshape(-1, 3), 85, axis=0).astype(np.float32)


def _wipe(image: BgrImage, quad: Corners) -> None:
    x0, y0, x1, y1 = _around(quad, image.shape[:2], margin=0.6)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    place = image[y0:y1, x0:x1]
    middle = quad.mean(axis=0)
    mask = np.zeros(place.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round((quad - middle) * 1.12 + middle - [x0, y0]).astype(np.int32), 255)
    # Painting over at a quarter of the size is as good for a blurred patch and many times faster.
    small = cv2.resize(place, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    hole = cv2.dilate(cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.ones((3, 3), np.uint8))
    filled = cv2.resize(cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA), place.shape[1::-1])
    soft = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None].astype(np.float32) / 255
    place[:] = (filled * soft + place * (1 - soft)).astype(np.uint8)


def _around(quad: Corners, size: tuple[int, ...], margin: float) -> tuple[int, int, int, int]:
    """Return the box x0, y0, x1, y1 around the quad, `margin` of each side and 2 pixels larger, cut at the image."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    edge = (high - low) * margin + np.sign(margin) * 2
    x0, y0 = np.maximum(np.floor(low - edge), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high + edge), [size[1], size[0]]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _inverse_axes(across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float32]:
    axes = np.stack([across, down])
    return np.asarray(np.linalg.inv(axes + 1e-3 * np.eye(2)), np.float32)


def _to_size(image: BgrImage, quad: Corners) -> BgrImage:
    """Shrink with area averaging to about the size it will have, so that the warp does not alias."""
    scale = max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[3])) / image.shape[1]
    if scale >= 0.9:
        return image
    size = (max(8, round(image.shape[1] * scale)), max(4, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _shaded(texture: BgrImage, light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Apply the light, a gradient, sometimes the edge of a shadow or dirt."""
    height, width = texture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = rng.normal(0, 0.12, 2)
    shade = 1 + slope[0] * (x / width - 0.5) + slope[1] * (y / height - 0.5)
    if rng.random() < 0.15:
        edge = (x / width - rng.random()) * rng.normal() + (y / height - rng.random()) * rng.normal()
        shade *= np.where(edge > 0, rng.uniform(0.35, 0.8), 1.0)
    if rng.random() < 0.15:
        spots = cv2.resize(rng.random((4, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        shade *= 1 - 0.5 * np.clip(spots, 0, 1)
    lifted = texture.astype(np.float32) * light * shade[..., None] + rng.uniform(0, 14)
    return np.asarray(np.clip(lifted, 0, 255), np.float32)


def _framed(
    texture: NDArray[np.float32], quad: Corners, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Corners]:
    """Put a plate holder around the texture; `quad` grows with it, the plate's own corners stay where they were."""
    edge = max(1, round(texture.shape[0] * rng.uniform(0.04, 0.14)))
    height, width = texture.shape[:2]
    grey = float(rng.choice([15, 30, 120, 170])) * float(np.clip(texture.max() / 255, 0.2, 1))
    framed = cv2.copyMakeBorder(texture, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(grey, grey, grey))
    inner = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    outer = np.array([[-edge, -edge], [width + edge, -edge], [width + edge, height + edge], [-edge, height + edge]])
    matrix = cv2.getPerspectiveTransform(inner, quad.astype(np.float32))
    moved = cv2.perspectiveTransform(outer[None].astype(np.float32), matrix)[0]
    return np.asarray(framed, np.float32), np.asarray(moved, np.float32)


def _warped(texture: NDArray[np.float32], quad: Corners, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return four channels: the texture in its place, black outside of it, and its cover, 0..1."""
    height, width = texture.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, quad.astype(np.float32) - 0.5)
    layers = np.dstack([texture, np.ones((height, width), np.float32)])
    moved = cv2.warpPerspective(layers, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(moved, np.float32)
