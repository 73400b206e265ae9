"""Rendered examples on disk: seeded shards, written once, read as memory maps while more are being made."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.plates.glyphs import load_glyphs
from training.plates.province_patches import load_province_patches
from training.recognizer.samples import SAMPLE, random_sample
from training.textures import load_textures

SHARD_SIZE = 2000


def render_shards(
    out: Path,
    development_data: Path,
    glyphs_folder: Path,
    count: int,
    seed: int,
    worker: int = 0,
    workers: int = 1,
    style: str | None = None,
    mark: str = "",
) -> Iterator[Path]:
    """Render `count` examples into shards below `out`, yielding each file when it is complete.

    `style`, and with it `mark`, gives more of one form, in files of its own beside the others; None draws all in
    their shares.
    Shard k depends on (seed, k) alone, so the work can be interrupted, gone on with, and split over `workers`.
    """
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    glyphs, provinces = load_glyphs(glyphs_folder), load_province_patches(development_data)
    textures = load_textures(development_data, np.random.default_rng(seed))
    for index in range(worker, -(-count // SHARD_SIZE), workers):
        path = out / f"shard-{style or 'all'}{mark}-{index:04d}.npy"
        if path.exists():
            continue
        rng = np.random.default_rng((seed, index))
        drawn = [random_sample(glyphs, provinces, textures, rng, style, mark) for _ in range(SHARD_SIZE)]
        samples = np.array(drawn, SAMPLE)
        temporary = path.with_suffix(f".part{worker}")
        with temporary.open("wb") as file:
            np.save(file, samples)
        temporary.replace(path)
        yield path


def open_shards(folder: Path) -> list[NDArray[np.void]]:
    """Return the complete shards so far, memory-mapped."""
    return [np.load(path, mmap_mode="r") for path in sorted(folder.glob("shard-*.npy"))]
