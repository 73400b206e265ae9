"""What a camera does to a plate: light, weather, optics, sensor and compression, on small images."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage

Light = NDArray[np.float32]
"""An image as light: float, shape (height, width, 3), 0 to 255 but not yet clipped."""
Effect = Callable[[Light, np.random.Generator], Light]


def damage(image: BgrImage, rng: np.random.Generator, strength: float = 1.0) -> BgrImage:
    """Return `image` as a checkpoint camera might have delivered it; `strength` scales how often effects occur."""
    light = np.asarray(image, np.float32)
    for probability, effect in _EFFECTS:
        if rng.random() < probability * strength:
            light = effect(light, rng)
    result = np.clip(light, 0, 255).astype(np.uint8)
    compression = rng.random()
    if compression < 0.4 * strength:
        return _jpeg(result, rng)
    return _video(result, rng) if compression < 0.7 * strength else result


def _jpeg(image: BgrImage, rng: np.random.Generator) -> BgrImage:
    quality = int(rng.integers(15, 90))
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _video(image: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Code as a camera's H.264 stream does: half the colour resolution, blocks of 8 x 8 with one step for all
    frequencies, QP 24 to 42 (ITU-T H.264, 8.5: the step doubles every 6), block edges smoothed a little.
    """
    step = 0.625 * 2 ** (float(rng.uniform(24, 42)) / 6)
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb), np.uint8)
    height, width = planes.shape[:2]
    parts = [block_coded(planes[:, :, 0], step, rng)]
    for chroma in (planes[:, :, 1], planes[:, :, 2]):
        size = (max(1, width // 2), max(1, height // 2))
        half = np.asarray(cv2.resize(chroma, size, interpolation=cv2.INTER_AREA), np.uint8)
        parts.append(np.asarray(cv2.resize(block_coded(half, step, rng), (width, height)), np.uint8))
    return np.asarray(cv2.cvtColor(cv2.merge(parts), cv2.COLOR_YCrCb2BGR), np.uint8)


def block_coded(plane: NDArray[np.uint8], step: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Quantise the 8 x 8 blocks of a plane; the grid lies anywhere, for the plate is a part of a picture."""
    height, width = plane.shape
    top, left = int(rng.integers(8)), int(rng.integers(8))
    padded = cv2.copyMakeBorder(plane, top, -(height + top) % 8, left, -(width + left) % 8, cv2.BORDER_REPLICATE)
    rows, columns = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = padded.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).astype(np.float32) - 128
    # Coders round towards zero: a third of a step instead of a half (the reference encoder's intra offset).
    levels = _DCT @ blocks @ _DCT.T / step
    rounded = np.sign(levels) * np.floor(np.abs(levels) + 1 / 3) * step
    restored = (_DCT.T @ rounded @ _DCT + 128).transpose(0, 2, 1, 3).reshape(padded.shape)
    smooth = cv2.GaussianBlur(restored, (3, 3), 0)
    edge = np.zeros(padded.shape, np.bool_)
    for offset in (0, 7):
        edge[offset::8], edge[:, offset::8] = True, True
    # The deblocking filter leaves real edges, which are higher than the step.
    soft = edge & (np.abs(restored - smooth) < step / 4)
    result = np.clip(np.where(soft, smooth, restored), 0, 255).astype(np.uint8)
    return result[top : top + height, left : left + width]


_DCT = np.asarray(cv2.dct(np.eye(8, dtype=np.float32), flags=cv2.DCT_ROWS), np.float32).T
"""Orthonormal 8-point transform: _DCT @ block @ _DCT.T is cv2.dct(block)."""


def _exposure(light: Light, rng: np.random.Generator) -> Light:
    contrast, brightness = float(rng.uniform(0.55, 1.3)), float(rng.uniform(-30, 30))
    mean = float(light.mean())
    return np.asarray((light - mean) * contrast + mean + brightness, np.float32)


def _cast(light: Light, rng: np.random.Generator) -> Light:
    return light * np.exp(rng.normal(0, 0.22, 3)).astype(np.float32)


def _saturation(light: Light, rng: np.random.Generator) -> Light:
    grey = light.mean(axis=2, keepdims=True)
    return np.asarray(grey + (light - grey) * float(rng.uniform(0.2, 1.8)), np.float32)


def _gradient(light: Light, rng: np.random.Generator) -> Light:
    return light * (1 + float(rng.uniform(0.15, 0.6)) * (_ramp(light.shape, rng) - 0.5))[:, :, None]


def _shadow(light: Light, rng: np.random.Generator) -> Light:
    """A soft-edged shadow over one side."""
    edge = 1 / (1 + np.exp(-(_ramp(light.shape, rng) - rng.uniform(0.2, 0.8)) * rng.uniform(8, 50)))
    depth = float(rng.uniform(0.35, 0.75))
    return np.asarray(light * (1 - depth * edge)[:, :, None], np.float32)


def _ramp(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """0 to 1 across the image in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] * np.float32(np.cos(angle))
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    return np.asarray((x + y) / 2.83 + 0.5, np.float32)


def _glare(light: Light, rng: np.random.Generator) -> Light:
    """Headlight or sun: a bright blob that bleeds over the characters."""
    height, width = light.shape[:2]
    cx, cy = rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.2, 1.2) * height
    radius = float(rng.uniform(0.08, 0.4)) * width
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2))
    return np.asarray(light + float(rng.uniform(60, 200)) * blob[:, :, None], np.float32)


def _haze(light: Light, rng: np.random.Generator) -> Light:
    share = float(rng.uniform(0.2, 0.65))
    return light * (1 - share) + share * float(rng.uniform(90, 235))


def _night(light: Light, rng: np.random.Generator) -> Light:
    return light * float(rng.uniform(0.12, 0.45)) + float(rng.uniform(0, 12))


def _infrared(light: Light, rng: np.random.Generator) -> Light:
    """Grey, as at night under an IR lamp; blue paper turns dark or light with the lamp."""
    weights = rng.dirichlet((1.5, 2.0, 2.0)).astype(np.float32)
    grey = (light * weights).sum(axis=2, keepdims=True)
    return np.repeat(grey, 3, axis=2) + rng.normal(0, 3, 3).astype(np.float32)


def _over_exposure(light: Light, rng: np.random.Generator) -> Light:
    return light * float(rng.uniform(1.3, 2.4)) + float(rng.uniform(0, 40))


def _dirt(light: Light, rng: np.random.Generator) -> Light:
    """Smooth blobs of mud or snow."""
    height, width = light.shape[:2]
    seeds = rng.random((max(2, height // 8), max(4, width // 8))).astype(np.float32)
    field = cv2.resize(seeds, (width, height), interpolation=cv2.INTER_CUBIC)
    cover = np.clip((field - rng.uniform(0.55, 0.85)) * 4, 0, rng.uniform(0.3, 0.9))[:, :, None]
    colour = np.array(((60, 80, 100), (215, 215, 215))[int(rng.random() < 0.25)], np.float32)
    return np.asarray(light * (1 - cover) + colour * cover, np.float32)


def _rain(light: Light, rng: np.random.Generator) -> Light:
    streaks = np.zeros(light.shape[:2], np.float32)
    height, width = light.shape[:2]
    for _ in range(int(rng.integers(4, 14))):
        x, y, length = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.15, 0.6) * height
        start, end = (round(x), round(y)), (round(x + rng.normal(0, 2)), round(y + length))
        cv2.line(streaks, start, end, float(rng.uniform(20, 70)), 1)
    return light + streaks[:, :, None]


def _defocus(light: Light, rng: np.random.Generator) -> Light:
    sigma = float(rng.uniform(0.3, 0.035 * light.shape[0] + 0.35))
    return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), np.float32)


def _motion(light: Light, rng: np.random.Generator) -> Light:
    length = int(rng.integers(2, max(3, round(0.035 * light.shape[1])) + 1))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(-40, 40)), 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32) + 1e-6
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32)


def _sharpen(light: Light, rng: np.random.Generator) -> Light:
    soft = cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.8, 2)))
    return np.asarray(light + float(rng.uniform(0.4, 1.8)) * (light - soft), np.float32)


def _noise(light: Light, rng: np.random.Generator) -> Light:
    sigma = float(rng.exponential(5.0))
    channels = 3 if rng.random() < 0.5 else 1
    shape = (*light.shape[:2], channels)
    return light + rng.standard_normal(shape, dtype=np.float32) * sigma


_EFFECTS: tuple[tuple[float, Effect], ...] = (
    (0.07, _dirt),
    (0.6, _exposure),
    (0.4, _cast),
    (0.35, _saturation),
    (0.3, _gradient),
    (0.15, _shadow),
    (0.08, _glare),
    (0.1, _haze),
    (0.12, _over_exposure),
    (0.13, _night),
    (0.06, _infrared),
    (0.03, _rain),
    (0.45, _defocus),
    (0.25, _motion),
    (0.55, _noise),
    (0.2, _sharpen),
)
"""In the order in which they happen: on the plate, in the light, in the lens, on the sensor."""
