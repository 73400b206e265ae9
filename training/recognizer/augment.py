"""Cheap variation at training time: every view is seen a little differently each time, real ones most of all."""

import cv2
import numpy as np

from ocr.types import BgrImage
from training.plates.damage import damage
from training.plates.province_patches import ProvincePatches
from training.plates.viewpoint import CONTEXT, Quad, image_quad, random_quad, warp_to
from training.real_crops import RealCrop
from training.textures import CROP_HEIGHT, CROP_WIDTH, Textures

_PROVINCE_BOX = np.array([[12, 22], [64, 22], [64, 118], [12, 118]], np.float32) / np.array([440, 140], np.float32)
"""The province's place on a single-line plate, in shares of its size (GA 36: 45 x 90 mm at 15.5, 25)."""


def vary_view(view: BgrImage, rng: np.random.Generator, strength: float = 0.25) -> BgrImage:
    """Return a crop (CROP_HEIGHT x CROP_WIDTH) of a stored view with small jitter and `strength` of more damage."""
    spread = (0.012, 0.03) if rng.random() < 0.8 else (0.025, 0.06)
    seen = _tilted(_crop_quad(view), rng) if rng.random() < 0.3 else _crop_quad(view)
    source = seen + rng.normal(0, 1, (4, 2)) * spread * (view.shape[1], view.shape[0])
    crop = _warp(view, source.astype(np.float32), image_quad(CROP_WIDTH, CROP_HEIGHT))
    crop = damage(crop, rng, strength)
    return _cut_out(crop, rng) if rng.random() < 0.06 else crop


def vary_real(
    real: RealCrop, provinces: ProvincePatches, textures: Textures, rng: np.random.Generator
) -> tuple[BgrImage, str, str]:
    """Return a crop of a real plate with its text and style, strongly varied.

    Some get another province, another colour, another viewpoint, a lower resolution: all keep real characters.
    """
    view, text, style = real.view, real.text, real.style
    is_plain = real.plate is not None and style in ("blue", "yellow", "green")
    if is_plain and real.plate is not None and rng.random() < 0.45:
        text = str(rng.choice(list(provinces.masks))) + text[1:]
        view = _swap_province(view, real.plate, provinces.random_mask(text[0], rng), rng)
    if style == "blue" and rng.random() < 0.08:
        view, style = _recolour(view, rng)
    if real.plate is not None and rng.random() < 0.4:
        crop = _another_viewpoint(view, real.plate, textures, rng)
    else:
        tilt = _tilted(_crop_quad(view), rng) if rng.random() < 0.5 else _crop_quad(view)
        source = tilt + rng.normal(0, 1, (4, 2)) * (0.012, 0.03) * (view.shape[1], view.shape[0])
        crop = _warp(view, source.astype(np.float32), image_quad(CROP_WIDTH, CROP_HEIGHT))
    if rng.random() < 0.2:
        crop = _low_resolution(crop, rng)
    crop = damage(crop, rng, float(rng.choice((0.15, 0.4, 0.7))))
    return (_cut_out(crop, rng) if rng.random() < 0.08 else crop), text, style


def _crop_quad(view: BgrImage) -> Quad:
    height, width = view.shape[:2]
    inset = np.array([width, height], np.float32) * (CONTEXT / (1 + 2 * CONTEXT))
    return np.asarray(image_quad(width - 2 * float(inset[0]), height - 2 * float(inset[1])) + inset, np.float32)


def _warp(image: BgrImage, source: Quad, target: Quad) -> BgrImage:
    size = (CROP_WIDTH, CROP_HEIGHT)
    if image.shape[1] > 1.6 * CROP_WIDTH:
        image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        source = np.asarray(source / 2, np.float32)
    matrix = warp_to(source, target)
    return np.asarray(cv2.warpPerspective(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _tilted(quad: Quad, rng: np.random.Generator) -> Quad:
    """Rotate, shear and foreshorten around the middle, as a camera beside the lane does."""
    centre = quad.mean(axis=0)
    # One in six as steep as a camera on a pole beside the lane sees a plate that nobody rectified.
    steep = 2.5 if rng.random() < 0.16 else 1.0
    angle, shear = np.deg2rad(rng.normal(0, 3.5 * steep)), float(rng.normal(0, 0.16 * min(steep, 1.8)))
    turn = np.array([[np.cos(angle), -np.sin(angle) + shear], [np.sin(angle), np.cos(angle)]])
    moved = (quad - centre) @ turn.T
    moved[:, 1] *= 1 + float(rng.normal(0, 0.08)) * np.sign(moved[:, 0])
    return np.asarray(moved + centre, np.float32)


def _another_viewpoint(view: BgrImage, plate: Quad, textures: Textures, rng: np.random.Generator) -> BgrImage:
    """Project the plate onto a random quad; half of the time on another background."""
    target = random_quad(440 / 140, rng) * np.array([CROP_WIDTH, CROP_HEIGHT], np.float32)
    crop = _warp(view, plate, target.astype(np.float32))
    if rng.random() < 0.5:
        return crop
    chosen = int(rng.integers(len(textures.backgrounds)))
    background: BgrImage = textures.backgrounds[chosen][:CROP_HEIGHT, :CROP_WIDTH].copy()
    cover = np.zeros((CROP_HEIGHT, CROP_WIDTH), np.uint8)
    cv2.fillConvexPoly(cover, np.round(target).astype(np.int32), 255)
    np.copyto(background, crop, where=cover[:, :, None] > 0)
    return background


def _swap_province(view: BgrImage, plate: Quad, ink: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Print a real character of another province over the province of a single-line plate."""
    height, width = view.shape[:2]
    box = _PROVINCE_BOX + rng.normal(0, 0.006, (1, 2)) * (1, 3)
    to_view = warp_to(image_quad(1, 1), plate)
    target = cv2.perspectiveTransform(box[None].astype(np.float32), to_view)[0]
    cover = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(cover, np.round(target * 8).astype(np.int32), 1.0, cv2.LINE_AA, 3)
    inside = view[cover > 0.5]
    if len(inside) < 12:
        return view
    paper, print_ = _two_colours(inside)
    pad = np.zeros((200, 104), np.uint8)
    pad[10:190, 7:97] = ink
    small = cv2.GaussianBlur(pad, (0, 0), float(rng.uniform(0.5, 5)))
    matrix = warp_to(image_quad(104, 200), target.astype(np.float32))
    share = cv2.warpPerspective(small, matrix, (width, height), flags=cv2.INTER_AREA)[:, :, None] / np.float32(255)
    patch = paper * (1 - share) + print_ * share
    feathered = cv2.GaussianBlur(cover, (0, 0), 0.8)[:, :, None]
    return np.asarray(view * (1 - feathered) + patch * feathered, np.uint8)


def _two_colours(pixels: BgrImage) -> tuple[np.ndarray, np.ndarray]:
    """Return paper and ink: ink is the rarer end of the brightness, which is the brighter one on blue."""
    grey = pixels.sum(axis=1)
    order = pixels[np.argsort(grey)].astype(np.float32)
    dark, light = order[: len(order) // 3].mean(axis=0), order[-max(1, len(order) // 6) :].mean(axis=0)
    if np.median(grey) > 0.55 * (light.sum() + dark.sum()):
        return order[-len(order) // 3 :].mean(axis=0), order[: max(1, len(order) // 6)].mean(axis=0)
    return dark, light


def _recolour(view: BgrImage, rng: np.random.Generator) -> tuple[BgrImage, str]:
    """Turn a blue plate yellow or black, keeping its light and its wear."""
    paper, print_ = _two_colours(view[view.shape[0] // 4 : -view.shape[0] // 4].reshape(-1, 3))
    axis = print_ - paper
    length = float(axis @ axis)
    if length < 900:
        return view, "blue"
    share = np.clip(((view - paper) @ axis) / length, -0.3, 1.3)[:, :, None].astype(np.float32)
    if rng.random() < 0.7:
        new_paper, new_ink, style = np.array([30, 160, 220]) * rng.uniform(0.5, 1.1), np.array([35, 30, 30]), "yellow"
    else:
        new_paper, new_ink, style = np.array([30, 30, 30]), np.array([220, 220, 220]) * rng.uniform(0.6, 1.1), "black"
    return np.clip(new_paper * (1 - share) + new_ink * share, 0, 255).astype(np.uint8), style


def _low_resolution(crop: BgrImage, rng: np.random.Generator) -> BgrImage:
    share = float(rng.uniform(0.3, 0.8))
    small = cv2.resize(crop, None, fx=share * float(rng.uniform(0.8, 1.1)), fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (CROP_WIDTH, CROP_HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def _cut_out(crop: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Cover a small spot, as a bolt, a leaf or a drop does."""
    x, y = int(rng.integers(CROP_WIDTH)), int(rng.integers(CROP_HEIGHT))
    size = (int(rng.integers(2, 8)), int(rng.integers(2, 12)))
    colour = tuple(float(c) for c in crop[y, x] * rng.uniform(0.4, 1.4))
    cv2.ellipse(crop, (x, y), size, 0, 0, 360, colour, -1)
    return crop
