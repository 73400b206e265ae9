"""Real province characters as ink, so that a province is not only known from its drawing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from training.plates.glyphs import InkMask


@dataclass(frozen=True, slots=True)
class ProvincePatches:
    """Cut from real plates: province -> ink masks, shape (count, 180, 90)."""

    masks: Mapping[str, InkMask]

    def random_mask(self, province: str, rng: np.random.Generator) -> InkMask:
        """Return one of the province's masks, at the size of a single-line glyph."""
        found = self.masks[province]
        patch = found[int(rng.integers(len(found)))]
        return np.asarray(cv2.resize(patch, (90, 180), interpolation=cv2.INTER_CUBIC), np.uint8)


def load_province_patches(folder: Path, min_contrast: float = 45.0) -> ProvincePatches:
    """Read patches/province_characters.npz of the development data folder; faint ones are left out.

    `min_contrast` is the distance of the 8th and the 92nd percentile in grey levels.
    """
    with np.load(folder / "patches" / "province_characters.npz") as stored:
        grey, names = stored["x"], stored["y"]
    low, high = (np.percentile(grey, q, axis=(1, 2), keepdims=True).astype(np.float32) for q in (25, 94))
    contrast = np.percentile(grey, 92, axis=(1, 2)) - np.percentile(grey, 8, axis=(1, 2))
    ink = np.clip((grey - low) / np.maximum(high - low, 1) * 255, 0, 255).astype(np.uint8)
    # White ink on a dark plate is the rule; where the border is the brighter part the patch is the other way round.
    border = np.concatenate([grey[:, 0], grey[:, -1]], axis=1).mean(axis=1)
    usable = (contrast >= min_contrast) & (border < grey.mean(axis=(1, 2)) * 1.1)
    return ProvincePatches({str(name): ink[usable & (names == name)] for name in np.unique(names)})
