"""Fits the temperature that makes the recogniser's probabilities honest on held-out real crops."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.plates.alphabet import ALPHABET, encode, normalise
from training.real_crops import RealCrop
from training.recognizer.network import PlateNetwork
from training.recognizer.scoring import calibration_error, read_plate, to_input

_LETTER_O, _ZERO = ALPHABET.index("O"), ALPHABET.index("0")


def fit_temperature(network: PlateNetwork, crops: Sequence[RealCrop]) -> float:
    """Return T that minimises the negative log-likelihood of softmax(logits / T) (Guo et al., 2017)."""
    return _fit(_logits(network, crops), _classes(crops)) if crops else 1.0


def cross_fitted_error(network: PlateNetwork, crops: Sequence[RealCrop]) -> float:
    """Return the calibration error where each half's temperature is fitted on the other half of the texts."""
    if len(crops) < 2:
        return 0.0
    logits, classes = _logits(network, crops), _classes(crops)
    # By text: the same plate rectified and as a box must not be on both sides.
    half = np.array([sum(crop.text.encode()) % 2 for crop in crops])
    confidences, is_right = np.zeros(len(crops)), np.zeros(len(crops), np.bool_)
    for side in (0, 1):
        here, there = np.flatnonzero(half == side), np.flatnonzero(half != side)
        probabilities = (logits[here] / _fit(logits[there], classes[there])).softmax(dim=-1).numpy()
        reads = [read_plate(plate) for plate in probabilities]
        confidences[here] = [read.confidence for read in reads]
        is_right[here] = [normalise(crops[i].text) == read.text for i, read in zip(here.tolist(), reads, strict=True)]
    return calibration_error(confidences, is_right)


@torch.no_grad()
def _logits(network: PlateNetwork, crops: Sequence[RealCrop]) -> Tensor:
    """Return shape (N, SLOTS, alphabet), O and 0 as one: nothing on a plate tells them apart."""
    inputs = torch.from_numpy(np.stack([to_input(crop.crop()) for crop in crops]))
    logits = torch.cat([network(part).plate for part in torch.split(inputs, 64)])
    logits[..., _ZERO] = torch.logaddexp(logits[..., _ZERO], logits[..., _LETTER_O])
    logits[..., _LETTER_O] = -math.inf
    return logits


def _classes(crops: Sequence[RealCrop]) -> Tensor:
    return torch.from_numpy(np.stack([encode(crop.text.replace("O", "0")) for crop in crops]).astype(np.int64))


def _fit(logits: Tensor, classes: Tensor) -> float:
    candidates = torch.linspace(0.5, 3.0, 126)
    flat, wanted = logits.flatten(0, 1), classes.flatten()
    losses = [_loss(flat, wanted, float(candidate)) for candidate in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 2)


def _loss(logits: Tensor, classes: Tensor, temperature: float) -> float:
    return float(functional.cross_entropy(logits / temperature, classes))
