"""Image files in, pictures out; whatever the file holds, a picture or a clear error."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ocr.types import BgrImage, OcrError

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
UNREADABLE_SUFFIXES = frozenset(
    {".jxl", ".jxr", ".psd", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"}
)
"""Pictures all the same: one that lies in a folder is named, not passed over."""
IMAGE_SUFFIXES = (
    frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".jp2", ".gif", ".avif"})
    | HEIF_SUFFIXES
    | UNREADABLE_SUFFIXES
)
MAX_PIXELS = 1 << 26
MAX_MISSING_SHARE = 0.05
"""A JPEG that lacks more of its rows than this is refused: a plate may stand in the missing part."""


def load_image(path: Path) -> BgrImage:
    """Return the picture in `path`, turned as its EXIF orientation says. Raises OcrError."""
    _require_content(path)
    if path.suffix.lower() in HEIF_SUFFIXES:
        return _load_heif(path)
    try:
        # Not imdecode: that refuses a slightly truncated JPEG which imread opens.
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise OcrError(f"{path}: {_plain_reason(error)}") from error
    if image is None:
        raise OcrError(f"{path}: not an image that can be decoded; use JPEG, PNG, BMP, WebP, TIFF, GIF, AVIF or HEIC")
    picture = np.asarray(image, np.uint8)
    missing = _missing_share(path, picture)
    if missing > MAX_MISSING_SHARE:
        raise OcrError(f"{path}: truncated JPEG, the lower {missing:.0%} of the picture is missing; copy it again")
    return picture


def find_images(path: Path) -> Iterator[Path]:
    """Yield `path` itself, or every image below it in name order when it is a folder. Raises OcrError."""
    if not path.is_dir():
        yield path
        return
    images = sorted(p for p in path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not images:
        looked_for = ", ".join(sorted(IMAGE_SUFFIXES - UNREADABLE_SUFFIXES))
        raise OcrError(f"{path}: no image in this folder (looked for {looked_for})")
    yield from images


def _load_heif(path: Path) -> BgrImage:
    """Phones keep their photos as HEIC, which OpenCV does not know."""
    # Loaded when it is first needed: most boxes never see one.
    import pillow_heif

    try:
        image = pillow_heif.open_heif(path, convert_hdr_to_8bit=True, bgr_mode=True)
        if image.size[0] * image.size[1] > MAX_PIXELS:
            raise OcrError(f"{path}: more than 67 million pixels; scale it down first")
        pixels = np.asarray(image)[:, :, :3]
    except (ValueError, OSError, RuntimeError, SyntaxError, EOFError) as error:
        raise OcrError(f"{path}: cannot be decoded ({str(error).strip()[:120]})") from error
    return np.ascontiguousarray(pixels, np.uint8)


def _require_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise OcrError(f"{path}: the file is empty")
    except OSError as error:
        raise OcrError(f"{path}: {error.strerror or error}") from error


def _plain_reason(error: cv2.error) -> str:
    if "CV_IO_MAX_IMAGE" in str(error):
        return "more than 67 million pixels; scale it down first"
    return f"cannot be decoded ({str(error).strip().splitlines()[-1][:120]})"


def _missing_share(path: Path, image: BgrImage) -> float:
    """Return the share of rows at the bottom that the decoder had to invent, 0.0 for a whole file.

    libjpeg repeats its last value to the end of a truncated baseline file: rows without any change in them.
    """
    with path.open("rb") as file:
        is_jpeg = file.read(3) == b"\xff\xd8\xff"
        file.seek(max(0, path.stat().st_size - 4096))
        has_end = b"\xff\xd9" in file.read()
    if not is_jpeg or has_end:
        return 0.0
    spread = image.max(axis=(1, 2)).astype(np.int16) - image.min(axis=(1, 2))
    per_channel = np.ptp(image.astype(np.int16), axis=1).max(axis=1)
    flat = (per_channel <= 2) | (spread <= 2)
    varied = np.flatnonzero(~flat)
    last = int(varied[-1]) if varied.size else -1
    return 1.0 - (last + 1) / len(image)
