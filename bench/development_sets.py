"""The real development data as sets of labelled pictures; nothing of it is ever copied into the repository."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.scoring import TruePlate
from ocr.types import BoundingBox

DEFAULT_FOLDER = Path(__file__).parents[2] / "shared" / "data"
CROP_SETS = ("lprnet", "chenwj", "easypr")


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    path: Path
    plates: tuple[TruePlate, ...]


@dataclass(frozen=True, slots=True)
class LabelledCrop:
    path: Path
    text: str


def load_photos(folder: Path, name: str) -> list[LabelledPhoto]:
    """Return the photos of the set `photos` or `ccpd`."""
    entries = json.loads((folder / name / "truth.json").read_text(encoding="utf-8"))
    return [
        LabelledPhoto(
            folder / name / entry["image"],
            tuple(
                TruePlate(plate["text"], BoundingBox(*map(float, plate["box"])))
                for plate in entry.get("plates", [entry])
            ),
        )
        for entry in entries
    ]


def load_crops(folder: Path, name: str) -> list[LabelledCrop]:
    """Return the crops of a set; the file name is the text, up to a hyphen or underscore that tells twins apart."""
    files = sorted(p for p in (folder / "crops" / name).iterdir() if p.suffix.lower() in (".jpg", ".png"))
    return [LabelledCrop(path, path.stem.split("_")[0].split("-")[0]) for path in files]


def held_out_crop() -> Callable[[str], bool]:
    """Return the test for plates that the shipped recogniser was not trained on."""
    from training.real_crops import is_held_out

    return is_held_out


def held_out_photo() -> Callable[[str], bool]:
    """Return the test for photos that the shipped detector was not trained on."""
    from training.detector.real_scenes import is_held_out_photo

    return is_held_out_photo
