"""Real plates of the development data folder, and the one split that says which of them are never trained on."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ocr.types import BgrImage
from training.plates.alphabet import normalise
from training.plates.viewpoint import CONTEXT, RECTIFIED_MARGIN, Quad, image_quad, warp_to, with_context

CROP_SETS = ("lprnet", "chenwj", "easypr")
PHOTO_SETS = ("ccpd", "photos")
_MAX_VIEW_WIDTH = 336
_HELD_OUT_SHARE = 5


def is_held_out(text: str) -> bool:
    """Return whether plates with this text are kept for measuring (one in five) and never trained on.

    By text, because one plate can be in several sets; O and 0, I and 1 count as equal, as in scoring.
    """
    digest = hashlib.blake2b(normalise(text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _HELD_OUT_SHARE == 0


@dataclass(frozen=True, slots=True)
class RealCrop:
    """One real plate with the context around its crop."""

    source: str
    """The folder it comes from; "+raw" marks a bounding box where the same plate is also there rectified."""
    text: str
    style: str
    view: BgrImage
    """The crop and CONTEXT of its size on every side (repeated border pixels where the source has no more)."""
    plate: Quad | None
    """The plate's corners in `view`, pixels; None where nobody knows them."""

    def crop(self) -> BgrImage:
        """Return the crop alone, as a reader would get it."""
        height, width = self.view.shape[:2]
        x, y = round(width * CONTEXT / (1 + 2 * CONTEXT)), round(height * CONTEXT / (1 + 2 * CONTEXT))
        return self.view[y : height - y, x : width - x]


def load_real_crops(folder: Path) -> list[RealCrop]:
    """Read every labelled plate of the development data folder, held out or not; an absent set is skipped."""
    crops = [crop for name in CROP_SETS for crop in _from_files(folder / "crops" / name)]
    for name in PHOTO_SETS:
        if (folder / name / "truth.json").exists():
            crops += _from_photos(folder / name)
    return crops


def _from_files(folder: Path) -> Iterator[RealCrop]:
    """Crops whose file name is the text; rectified ones fill their picture."""
    for path in sorted(folder.glob("*.jpg")):
        image = _read(path)
        height, width = image.shape[:2]
        x, y = round(width * CONTEXT), round(height * CONTEXT)
        view = cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_REPLICATE)
        plate = None if folder.name == "chenwj" else image_quad(width, height) + np.array([x, y], np.float32)
        # Only the easypr set holds yellow plates; the others are blue under lamps of any colour.
        style = colour_style(image) if folder.name == "easypr" else "blue"
        yield RealCrop(folder.name, path.stem, style, np.asarray(view, np.uint8), plate)


def _from_photos(folder: Path) -> Iterator[RealCrop]:
    photos = json.loads((folder / "truth.json").read_text("utf-8"))
    for photo in photos:
        image = _read(folder / photo["image"])
        for plate in photo.get("plates", [photo]):
            # CCPD lists bottom-right, bottom-left, top-left, top-right.
            corners = plate["quad"] if "quad" in plate else [plate["corners"][i] for i in (2, 3, 0, 1)]
            quad = np.array(corners, np.float32)
            style = _labelled_style(plate["text"], plate.get("color", ""), quad)
            for kind, view, at in (("", *_rectified(image, quad)), ("+raw", *_boxed(image, quad))):
                yield RealCrop(folder.name + kind, plate["text"], style, view, at)


def _labelled_style(text: str, colour: str, quad: Quad) -> str:
    """Style from a photo's label; a yellow plate nearly as high as wide has two lines."""
    if len(text) == 8:
        return "green"
    if not colour.startswith("黄"):
        return "blue"
    top, right, bottom, left = (float(np.linalg.norm(quad[i] - quad[(i + 1) % 4])) for i in range(4))
    return "yellow_two_line" if (top + bottom) < 2.4 * (right + left) else "yellow"


def _rectified(image: BgrImage, quad: Quad) -> tuple[BgrImage, Quad]:
    """Warp the corners to where the reader puts them."""
    width = min(_MAX_VIEW_WIDTH, round(float(np.linalg.norm(quad[1] - quad[0])) * 1.25) + 1)
    height = max(8, width // 3)
    margin = np.array(RECTIFIED_MARGIN, np.float32)
    unit = with_context(image_quad(1, 1) * (1 - 2 * margin) + margin)
    target = unit * np.array([width, height], np.float32)
    matrix = warp_to(quad, target)
    view = cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8), target


def _boxed(image: BgrImage, quad: Quad) -> tuple[BgrImage, Quad]:
    """Cut the axis-aligned bounding box with its context."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    size = high - low
    start, stop = low - CONTEXT * size, high + CONTEXT * size
    x1, y1 = np.maximum(np.floor(start), 0).astype(int)
    x2, y2 = np.minimum(np.ceil(stop), (image.shape[1], image.shape[0])).astype(int)
    before, after = np.array([x1, y1]) - start, stop - (x2, y2)
    top, bottom, left, right = (max(0, round(float(v))) for v in (before[1], after[1], before[0], after[0]))
    view = cv2.copyMakeBorder(image[y1:y2, x1:x2], top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8), np.asarray(quad - start, np.float32)


def without_doubtful(
    crops: Sequence[RealCrop], reads: Sequence[tuple[str, float]], sure: float = 0.9
) -> list[RealCrop]:
    """Leave out crops that a recogniser reads with at least `sure` confidence as something else: mislabelled ones.

    `reads` are (normalised text, confidence). Of 699 easypr training crops 12 were found so, each one rightly.
    """
    pairs = zip(crops, reads, strict=True)
    return [crop for crop, (text, confidence) in pairs if confidence < sure or text == normalise(crop.text)]


def colour_style(image: BgrImage) -> str:
    """Tell blue from yellow by the mean colour of the middle; the crop sets hold no other styles."""
    height, width = image.shape[:2]
    blue, _, red = image[height // 4 : height * 3 // 4, width // 8 : width * 7 // 8].reshape(-1, 3).mean(axis=0)
    return "yellow" if red > 1.25 * blue + 5 else "blue"


def _read(path: Path) -> BgrImage:
    """Read any picture; imread does not take all file names, imdecode not all damaged files."""
    image = cv2.imread(str(path))
    if image is None:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"cannot read the picture {path.parent}")
    return np.asarray(image, np.uint8)
