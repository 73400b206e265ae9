"""Image files in, pictures out; whatever the file holds, a picture or a clear error.

Files that others made are decoded through `ocr.decoding`, in a process of its own.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ocr.folders import files_below
from ocr.types import BgrImage, DecodedPicture, OcrError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
"""ISO/IEC 23008-12; the brand of AVIF, which OpenCV knows, is another."""
ORIENTATION, NEW_SUBFILE_TYPE = 0x112, 0xFE
"""TIFF tags, which EXIF shares."""
TIFF_MARKS = (b"II*\0", b"MM\0*")
UNREADABLE_SUFFIXES = frozenset(
    {".jxl", ".jxr", ".psd", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"}
)
"""Pictures all the same: one that lies in a folder is named, not passed over."""
IMAGE_SUFFIXES = (
    frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".webp"})
    | frozenset({".tif", ".tiff", ".jp2", ".gif", ".avif"})
    | HEIF_SUFFIXES
    | UNREADABLE_SUFFIXES
)
MAX_PIXELS = 1 << 26
TOO_LARGE = "超过 6700 万像素：先缩小"
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""A JPEG is decoded at that size, others are scaled to it; see `cv::ImreadModes`."""
MAX_MISSING_SHARE = 0.05
"""A JPEG that lacks more of its rows than this is refused: a plate may stand in the missing part."""


def load_image(path: Path) -> BgrImage:
    """Return the picture in `path`, whole and in this process: for files of our own. Raises OcrError."""
    try:
        return picture_in(path, MAX_PIXELS).image
    except OcrError as error:
        raise OcrError(f"{path}：{error}") from error


def picture_in(source: Path | bytes, max_pixels: int) -> DecodedPicture:
    """Return a file's picture, or that of a file's content, turned as its orientation says.

    One of more than `max_pixels` comes at a half, a quarter or an eighth of its width and height.
    Raises OcrError, which doesn't name the file, and MemoryError.
    """
    head = _first_bytes(source)
    if isinstance(source, Path) and not is_utf8(source):
        source = source.read_bytes()
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
        return _load_heif(source, max_pixels)
    told = _told(source)
    shrink = _shrink_for(told.pixels, max_pixels)
    try:
        # A path not through imdecode: that refuses a slightly truncated JPEG which imread opens.
        if isinstance(source, bytes):
            image = cv2.imdecode(np.frombuffer(source, np.uint8), REDUCED[shrink])
        else:
            image = cv2.imread(str(source), REDUCED[shrink])
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise OcrError(_plain_reason(error)) from error
    if (image is None and head[:4] in TIFF_MARKS) or told.is_turned_avif:
        turned = _load_turned(source)
        image, shrink = (image, shrink) if turned is None else (turned, 1)
    if image is None:
        raise OcrError("不是能解码的图片：用 JPEG、PNG、BMP、WebP、TIFF、GIF、AVIF 或 HEIC")
    picture = np.asarray(image, np.uint8)
    missing = _missing_share(source, head, picture)
    if missing > MAX_MISSING_SHARE:
        raise OcrError(f"JPEG 不完整，画面下部缺 {missing:.0%}：重新拷贝")
    return _within(picture, shrink, max_pixels, told.count)


def find_images(path: Path) -> tuple[list[Path], list[OSError]]:
    """Return `path` itself, or what `files_below` finds of images when it is a folder. Raises OcrError."""
    if not path.is_dir():
        return [path], []
    images, errors = files_below(path, IMAGE_SUFFIXES)
    if not images and not errors:
        looked_for = ", ".join(sorted(IMAGE_SUFFIXES - UNREADABLE_SUFFIXES))
        raise OcrError(f"{path}：这个文件夹里没有图片（找的是 {looked_for}）")
    return images, errors


def is_utf8(path: Path) -> bool:
    """Whether a name can stand in records and be handed to OpenCV, which one in GBK ends: old recorders give such."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_name(path: Path) -> str:
    """Return a name as whoever gave it meant it."""
    return str(path) if is_utf8(path) else os.fsencode(path).decode("gb18030", "replace")


def _load_heif(source: Path | bytes, max_pixels: int) -> DecodedPicture:
    """Phones keep their photos as HEIC, which OpenCV does not know."""
    # Loaded when it is first needed: most boxes never see one, and need not have it.
    try:
        import pillow_heif
    except ModuleNotFoundError as error:
        raise OcrError("读 HEIC 要另装：pip install 'kakou[photos]'，或另存为 JPEG") from error
    try:
        image = pillow_heif.open_heif(source, convert_hdr_to_8bit=True, bgr_mode=True)
        count = len(image)
        if image.size[0] * image.size[1] > MAX_PIXELS:
            raise OcrError(TOO_LARGE)
        pixels = np.asarray(image)[:, :, :3]
    except (ValueError, OSError, RuntimeError, SyntaxError, EOFError) as error:
        raise OcrError(f"无法解码（{str(error).strip()[:120]}）") from error
    return _within(np.ascontiguousarray(pixels, np.uint8), 1, max_pixels, count)


def _load_turned(source: Path | bytes) -> BgrImage | None:
    """Return upright a TIFF that lies on its side (5 to 8), which OpenCV refuses, or an AVIF, which it does not turn.

    None if Pillow does not, either.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"):
                return None
            upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, EOFError, struct.error):
        return None
    return np.ascontiguousarray(upright[:, :, ::-1], np.uint8)


def _first_bytes(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        head = source[:12]
    else:
        try:
            with source.open("rb") as file:
                head = file.read(12)
        except OSError as error:
            why = "没有这个文件" if isinstance(error, FileNotFoundError) else "读不了"
            raise OcrError(f"{why}：核对路径、权限和磁盘") from error
    if not head:
        raise OcrError("文件是空的")
    return head


@dataclass(frozen=True, slots=True)
class _Told:
    """What a file's header tells; of one that nothing can be made out of, the first values."""

    pixels: int = 0
    count: int = 1
    is_turned_avif: bool = False


def _told(source: Path | bytes) -> _Told:
    """Raises OcrError where the picture is too large."""
    # Loaded with the first picture; it reads nothing but the header.
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            is_turned = image.format == "AVIF" and image.getexif().get(ORIENTATION, 1) != 1
            told = _Told(image.width * image.height, _count(image), is_turned)
    # What odd bytes make its parsers raise; OpenCV judges the picture.
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, EOFError, struct.error):
        return _Told()
    if told.pixels > MAX_PIXELS:
        raise OcrError(TOO_LARGE)
    return told


def _count(image: "ImageFile") -> int:
    """Return how many pictures the file holds that somebody may want read: pages, or what moves one after another."""
    # What a phone keeps beside a photo (depth, a preview) shows nothing else, nor does a TIFF's smaller copy.
    if image.format == "MPO":
        return 1
    count: int = getattr(image, "n_frames", 1)
    if image.format != "TIFF":
        return count
    return sum(not _is_smaller_copy(image, page) for page in range(count))


def _is_smaller_copy(image: "ImageFile", page: int) -> bool:
    image.seek(page)
    tags: Mapping[int, int] = getattr(image, "tag_v2", {})
    return bool(tags.get(NEW_SUBFILE_TYPE, 0) & 1)


def _shrink_for(pixels: int, max_pixels: int) -> int:
    return next((shrink for shrink in REDUCED if pixels <= max_pixels * shrink * shrink), max(REDUCED))


def _within(picture: BgrImage, shrunk_by: int, max_pixels: int, count: int = 1) -> DecodedPicture:
    """Shrink what the header had not told of; `count`: of the file's pictures."""
    unseen = f"里面有 {count} 张图片，只看了第一张：其余的另存为单张" if count > 1 else None
    further = _shrink_for(picture.shape[0] * picture.shape[1], max_pixels)
    if further == 1:
        return DecodedPicture(picture, shrunk_by, unseen)
    size = (max(1, picture.shape[1] // further), max(1, picture.shape[0] // further))
    smaller = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return DecodedPicture(smaller, shrunk_by * further, unseen)


def _plain_reason(error: cv2.error) -> str:
    if "CV_IO_MAX_IMAGE" in str(error):
        return TOO_LARGE
    return f"无法解码（{str(error).strip().splitlines()[-1][:120]}）"


def _missing_share(source: Path | bytes, head: bytes, image: BgrImage) -> float:
    """Return the share of rows at the bottom that the decoder had to invent, 0.0 for a whole file.

    libjpeg repeats its last value to the end of a truncated baseline file: rows without any change in them.
    """
    if not head.startswith(b"\xff\xd8\xff") or b"\xff\xd9" in _last_bytes(source):
        return 0.0
    spread = image.max(axis=(1, 2)) - image.min(axis=(1, 2))
    per_channel = (image.max(axis=1) - image.min(axis=1)).max(axis=1)
    flat = (per_channel <= 2) | (spread <= 2)
    varied = np.flatnonzero(~flat)
    last = int(varied[-1]) if varied.size else -1
    return 1.0 - (last + 1) / len(image)


def _last_bytes(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[-4096:]
    with source.open("rb") as file:
        file.seek(max(0, source.stat().st_size - 4096))
        return file.read()
