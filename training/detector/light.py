"""What cameras and weather do to a whole view: night, glare, haze, blur, noise, compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage


def relit(view: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Return the view as another camera, hour and weather might have shown it."""
    if rng.random() < 0.15:
        view = _with_glare(view, rng)
    view = np.asarray(cv2.LUT(view, _curves(rng)), np.uint8)
    if rng.random() < 0.4:
        view = _resaturated(view, 0.0 if rng.random() < 0.2 else rng.uniform(0.3, 1.5))
    view = _blurred(view, rng)
    if rng.random() < 0.35:
        view = _noisy(view, rng)
    return _compressed(view, rng)


def _curves(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a tone curve per channel, shape (256, 1, 3): gamma, contrast, cast, now and then night or haze."""
    level = np.arange(256, dtype=np.float32)[:, None].repeat(3, axis=1)
    if rng.random() < 0.75:
        level = (level / 255) ** np.exp(rng.normal(0, 0.3)) * 255
        level = (level - 128) * rng.uniform(0.65, 1.35) + 128 + rng.normal(0, 18)
        level *= np.exp(rng.normal(0, 0.1, 3))
    if rng.random() < 0.13:
        level *= rng.uniform(0.12, 0.5)
    if rng.random() < 0.08:
        haze = rng.uniform(0.2, 0.65)
        level = level * (1 - haze) + haze * rng.uniform(120, 230)
    return np.clip(level, 0, 255).astype(np.uint8)[:, None, :]


def _with_glare(view: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Add one or two headlights."""
    height, width = view.shape[:2]
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    for _ in range(rng.integers(1, 3)):
        spread = 2 * (rng.uniform(0.03, 0.22) * width) ** 2
        bell_y = np.exp(-((y - rng.uniform(0, height)) ** 2) / spread)
        bell_x = np.exp(-((x - rng.uniform(0, width)) ** 2) / spread)
        glow = np.clip(bell_y * bell_x * rng.uniform(80, 330), 0, 255).astype(np.uint8)
        view = np.asarray(cv2.add(view, cv2.merge([glow, glow, glow])), np.uint8)
    return view


def _resaturated(view: BgrImage, saturation: float) -> BgrImage:
    grey = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(view, saturation, grey, 1 - saturation, 0), np.uint8)


def _blurred(view: BgrImage, rng: np.random.Generator) -> BgrImage:
    kind = rng.random()
    if kind < 0.2:
        return np.asarray(cv2.GaussianBlur(view, (0, 0), float(rng.uniform(0.4, 1.8))), np.uint8)
    if kind < 0.3:
        return np.asarray(cv2.filter2D(view, -1, _motion_kernel(rng)), np.uint8)
    if kind < 0.45:
        scale = rng.uniform(0.4, 0.9)
        small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, view.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return view


def _motion_kernel(rng: np.random.Generator) -> NDArray[np.float32]:
    length = int(rng.integers(3, 10))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    middle = length / 2 - 0.5
    turned = cv2.warpAffine(
        kernel, cv2.getRotationMatrix2D((middle, middle), float(rng.uniform(0, 180)), 1), kernel.shape
    )
    return np.asarray(turned / max(float(turned.sum()), 1e-3), np.float32)


def _noisy(view: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Add noise of 2 to 16 grey levels, of each channel on its own or the same in all."""
    shape = view.shape if rng.random() < 0.5 else (*view.shape[:2], 1)
    # The sum of two uniform bytes is near enough to normal and ten times faster to draw; its deviation is 104.
    pair = np.frombuffer(rng.bytes(2 * int(np.prod(shape))), np.uint8).reshape(2, *shape).astype(np.int16)
    grain = ((pair[0] + pair[1] - 255) * np.float32(rng.uniform(2, 16) / 104)).astype(np.int16)
    return np.asarray(np.clip(view + grain, 0, 255), np.uint8)


def _compressed(view: BgrImage, rng: np.random.Generator) -> BgrImage:
    if rng.random() >= 0.3:
        return view
    _, encoded = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
