"""Endless batches for training: rendered shards and varied real crops, mixed."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from ocr.recognizer import PlateRecognizer
from ocr.types import BgrImage
from training.plates.alphabet import encode, normalise
from training.plates.province_patches import ProvincePatches, load_province_patches
from training.plates.specs import PLATE_STYLES, TWO_LINE_STYLES
from training.real_crops import RealCrop, is_held_out, load_real_crops, without_doubtful
from training.recognizer.augment import vary_real, vary_view
from training.recognizer.shards import open_shards
from training.textures import Textures, load_textures


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What a batch is made of."""

    shards: Path
    development_data: Path
    batch_size: int = 128
    real_share: float = 0.45
    """Share of real crops in a batch; 0 trains on rendered plates alone."""
    seed: int = 0
    checker: Path | None = None
    """An exported recogniser that finds mislabelled real crops, which are then left out; None trusts all labels."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One training batch."""

    crops: Tensor
    """uint8, shape (N, 48, 144, 3), RGB."""
    classes: Tensor
    """int64, shape (N, SLOTS)."""
    styles: Tensor
    """int64, shape (N,)."""
    legible: Tensor
    """float32, shape (N,): 0 where the text is not to be learnt."""


def typical_inputs(settings: FeedSettings, batches: int = 25, size: int = 16) -> Iterator[NDArray[np.uint8]]:
    """Yield batches of RGB crops, shape (size, 48, 144, 3), as the reader gets them: never held-out ones."""
    mix = replace(settings, batch_size=size, real_share=0.5)
    for batch in itertools.islice(_Feed(mix), batches):
        yield batch.crops.numpy()


@dataclass(frozen=True, slots=True)
class _Example:
    crop: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    style: int
    is_legible: bool


def feed(settings: FeedSettings, workers: int = 1) -> Iterator[Batch]:
    """Yield batches for ever, made in `workers` background processes (0: in this one)."""
    loader: DataLoader[Batch] = DataLoader(_Feed(settings), batch_size=None, num_workers=workers, prefetch_factor=None)
    if workers:
        loader = DataLoader(_Feed(settings), batch_size=None, num_workers=workers, prefetch_factor=6)
    return iter(loader)


class _Feed(IterableDataset[Batch]):
    def __init__(self, settings: FeedSettings) -> None:
        self.settings = settings

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self.settings.seed, worker.id if worker else 0, 7))
        textures = load_textures(self.settings.development_data, rng, 2000)
        provinces = load_province_patches(self.settings.development_data)
        reals = _training_crops(self.settings)
        weights = _weights(reals)
        for shards in iter(lambda: open_shards(self.settings.shards), None):
            for _ in range(200):
                yield self._batch(shards, reals, weights, provinces, textures, rng)

    def _batch(
        self,
        shards: list[NDArray[np.void]],
        reals: list[RealCrop],
        weights: NDArray[np.float64],
        provinces: ProvincePatches,
        textures: Textures,
        rng: np.random.Generator,
    ) -> Batch:
        real_count = round(self.settings.real_share * self.settings.batch_size) if reals else 0
        examples = [
            _real_example(reals[int(index)], provinces, textures, rng)
            for index in rng.choice(len(reals), real_count, p=weights)
        ]
        while len(examples) < self.settings.batch_size:
            shard = shards[int(rng.integers(len(shards)))]
            sample = shard[int(rng.integers(len(shard)))]
            examples.append(_rendered_example(sample, rng))
        return _collate(examples)


_SOURCE_WEIGHTS = {"ccpd": 1.5, "ccpd+raw": 1.0, "photos": 2.0, "photos+raw": 0.7, "lprnet": 1.5}


def _training_crops(settings: FeedSettings) -> list[RealCrop]:
    crops = [crop for crop in load_real_crops(settings.development_data) if not is_held_out(crop.text)]
    if settings.checker is None:
        return crops
    checker = PlateRecognizer.from_files(settings.checker, settings.checker.with_suffix(".yaml"))
    return without_doubtful(crops, [_plainly_read(checker, crop.crop()) for crop in crops])


def _plainly_read(recognizer: PlateRecognizer, crop: BgrImage) -> tuple[str, float]:
    """Return the normalised text and the probability of its weakest character, without any grammar."""
    distribution = recognizer.recognize([crop])[0]
    best = distribution.char_probs.argmax(axis=1)
    text = "".join(distribution.alphabet[column] for column in best).rstrip(distribution.alphabet[-1])
    weakest = distribution.char_probs.max(axis=1)[: len(text)]
    return normalise(text), float(weakest.min()) if text else 0.0


def _weights(reals: list[RealCrop]) -> NDArray[np.float64]:
    """Small sets count more than their size; green ones most, because there are so few."""
    raw = [_SOURCE_WEIGHTS.get(crop.source, 1.0) * (4.0 if crop.style == "green" else 1.0) for crop in reals]
    return np.array(raw) / max(sum(raw), 1e-9)


def _real_example(real: RealCrop, provinces: ProvincePatches, textures: Textures, rng: np.random.Generator) -> _Example:
    crop, text, style = vary_real(real, provinces, textures, rng)
    return _Example(crop, encode(text), PLATE_STYLES.index(style), style not in TWO_LINE_STYLES)


def _rendered_example(sample: np.void, rng: np.random.Generator) -> _Example:
    return _Example(vary_view(sample["view"], rng), sample["classes"], int(sample["style"]), bool(sample["is_legible"]))


def _collate(examples: list[_Example]) -> Batch:
    crops = np.stack([example.crop for example in examples])[:, :, :, ::-1]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(crops)),
        torch.from_numpy(np.stack([example.classes for example in examples]).astype(np.int64)),
        torch.tensor([example.style for example in examples]),
        torch.tensor([float(example.is_legible) for example in examples]),
    )
