"""Things that fool plate detectors, drawn into views as negatives: captions, time stamps, lettering, signs, patches."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.types import BgrImage
from training.detector.real_scenes import Quads

_WORDS = "北门 入口 南门 出口 东路口 收费站 违章 小心 急转弯 停车场 超市 银行 饭店 专用 交警 高速公路 出租车 货运 物流"
_MORE_WORDS = (
    "幼儿园 校车 安全驾驶 保持车距 医院 中国移动 便民服务 平安 大众 东风 解放 江淮 本店 招租 批发 维修 洗车 轮胎"
)
_LATIN = (
    "TAXI TOYOTA JINBEI BMW SANTANA SUZUKI QUATTRO TURBO 4WD V6 2.0T POLICE BUS STOP CAM1 CH03 www.cars.com DHL FUSO"
)
_INKS = ((255, 255, 255), (0, 220, 255), (0, 0, 0), (0, 0, 220), (0, 200, 0), (200, 60, 0), (180, 180, 180))
_BOARDS = ((160, 70, 10), (20, 120, 20), (0, 190, 240), (235, 235, 235), (20, 20, 190), (30, 30, 30), (120, 120, 120))


def add_clutter(view: BgrImage, plates: Quads, not_plates: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw some negatives into `view` in place, never over one of `plates`.

    `not_plates`: (n, 36, 136, 3) pictures of plate-sized things that are no plate.
    """
    taken = _boxes(plates)
    for _ in range(rng.integers(1, 4) if rng.random() < 0.3 else 0):
        _put_caption(view, taken, rng)
    for _ in range(rng.integers(1, 3) if rng.random() < 0.2 else 0):
        _put_sign(view, taken, rng)
    for _ in range(rng.integers(1, 4) if rng.random() < 0.35 else 0):
        _put_patch(view, taken, not_plates[rng.integers(len(not_plates))], rng)


def random_words(rng: np.random.Generator) -> str:
    """Return what captions and signs say: dates, times, places, telephone numbers, names; never a plate."""
    kind = rng.integers(6)
    digits = "".join(str(d) for d in rng.integers(0, 10, 14))
    if kind == 0:
        joint = rng.choice(["-", "/", ".", ":"])
        return f"20{digits[:2]}{joint}{digits[2:4]}{joint}{digits[4:6]} {digits[6:8]}:{digits[8:10]}:{digits[10:12]}"
    if kind == 1:
        return f"{digits[:4]}-{digits[4:9]}" if rng.random() < 0.5 else f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}"
    if kind == 2:
        return digits[: int(rng.choice([3, 5, 8, 11]))]
    if kind == 3:
        return str(rng.choice(_LATIN.split()))
    return "".join(str(word) for word in rng.choice(f"{_WORDS} {_MORE_WORDS}".split(), size=int(rng.integers(1, 4))))


def _boxes(quads: Quads) -> NDArray[np.float32]:
    """Return x1, y1, x2, y2 of each quad, a little larger."""
    return np.concatenate([quads.min(axis=1) - 4, quads.max(axis=1) + 4], axis=1).reshape(-1, 4)


def _is_free(box: tuple[int, int, int, int], taken: NDArray[np.float32]) -> bool:
    x0, y0, x1, y1 = box
    apart = (taken[:, 0] >= x1) | (taken[:, 2] <= x0) | (taken[:, 1] >= y1) | (taken[:, 3] <= y0)
    return bool(apart.all())


def _text_mask(words: str, height: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a line of text `height` pixels high, ink 255; OpenCV's own font has Latin and Chinese characters."""
    size = max(8, height)
    canvas = np.zeros((size * 2, size * (len(words) + 2) + 8, 3), np.uint8)
    font = cv2.FontFace("uni" if any(ord(c) > 127 for c in words) else str(rng.choice(["sans", "uni"])))
    cv2.putText(canvas, words, (4, round(size * 1.4)), (255, 255, 255), font, size, int(rng.choice([300, 500, 800])))
    x, y, width, text_height = cv2.boundingRect(canvas[:, :, 0])
    return np.ascontiguousarray(canvas[y : y + max(1, text_height), x : x + max(1, width), 0])


def _put_caption(view: BgrImage, taken: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A line of text straight on the picture, mostly near its upper or lower edge."""
    mask = _text_mask(random_words(rng), int(np.exp(rng.uniform(np.log(9), np.log(48)))), rng)
    height, width = view.shape[0] - mask.shape[0] - 2, view.shape[1] - mask.shape[1] - 2
    if height <= 0 or width <= 0:
        return
    y = int(
        rng.choice([rng.integers(0, 1 + height // 8), height - rng.integers(0, 1 + height // 8), rng.integers(height)])
    )
    x = int(rng.integers(0, width))
    if not _is_free((x, y, x + mask.shape[1], y + mask.shape[0]), taken):
        return
    place = view[y : y + mask.shape[0], x : x + mask.shape[1]]
    if rng.random() < 0.3:
        shadow = view[y + 1 : y + 1 + mask.shape[0], x + 1 : x + 1 + mask.shape[1]]
        shadow[mask > 127] = 0
    cover = mask[..., None].astype(np.float32) / 255 * rng.uniform(0.6, 1.0)
    place[:] = (np.array(_INKS[rng.integers(len(_INKS))]) * cover + place * (1 - cover)).astype(np.uint8)


def _put_sign(view: BgrImage, taken: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A board with lettering: shop signs, road signs, lettering on the side of a truck."""
    mask = _text_mask(random_words(rng), int(np.exp(rng.uniform(np.log(12), np.log(60)))), rng)
    edge = max(1, round(mask.shape[0] * rng.uniform(0.1, 0.7)))
    mask = np.asarray(cv2.copyMakeBorder(mask, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=0), np.uint8)
    paint = np.clip(np.array(_BOARDS[rng.integers(len(_BOARDS))]) + rng.normal(0, 25, 3), 0, 255)
    cover = mask[..., None].astype(np.float32) / 255
    board = paint * (1 - cover) + np.array(_INKS[rng.integers(len(_INKS))]) * cover
    _put_turned(view, np.clip(board * rng.uniform(0.4, 1.1), 0, 255).astype(np.uint8), taken, rng, feather=0.4)


def _put_patch(view: BgrImage, taken: NDArray[np.float32], patch: NDArray[np.uint8], rng: np.random.Generator) -> None:
    height = float(np.exp(rng.uniform(np.log(12), np.log(80))))
    scale = height / patch.shape[0]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    sized = cv2.resize(patch, None, fx=scale * rng.uniform(0.8, 1.2), fy=scale, interpolation=method)
    _put_turned(view, np.asarray(sized, np.uint8), taken, rng, feather=rng.uniform(0.5, 3.0))


def _put_turned(
    view: BgrImage, picture: BgrImage, taken: NDArray[np.float32], rng: np.random.Generator, feather: float
) -> None:
    """Put a picture at a random free place, turned a little, with soft edges of `feather` pixels."""
    height, width = picture.shape[:2]
    reach = int(np.hypot(height, width)) + 4
    if reach >= min(view.shape[:2]):
        return
    x, y = int(rng.integers(0, view.shape[1] - reach)), int(rng.integers(0, view.shape[0] - reach))
    if not _is_free((x, y, x + reach, y + reach), taken):
        return
    angle = rng.normal(0, 8) if rng.random() < 0.8 else rng.uniform(-40, 40)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(angle), 1.0)
    matrix[:, 2] += (reach - width) / 2, (reach - height) / 2
    moved = cv2.warpAffine(picture, matrix, (reach, reach)).astype(np.float32)
    inside = np.zeros((height, width), np.float32)
    inside[1:-1, 1:-1] = 1
    cover = cv2.GaussianBlur(cv2.warpAffine(inside, matrix, (reach, reach)), (0, 0), feather)[..., None]
    place = view[y : y + reach, x : x + reach]
    place[:] = (moved * cover + place * (1 - cover)).astype(np.uint8)
