"""Fits the temperature that makes the recogniser's probabilities honest on held-out real crops."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.alphabet import ALPHABET, encode
from training.network import PlateNetwork
from training.real_crops import RealCrop
from training.scoring import to_input

_LETTER_O, _ZERO = ALPHABET.index("O"), ALPHABET.index("0")


@torch.no_grad()
def fit_temperature(network: PlateNetwork, crops: Sequence[RealCrop]) -> float:
    """Return T that minimises the negative log-likelihood of softmax(logits / T) (Guo et al., 2017)."""
    if not crops:
        return 1.0
    inputs = torch.from_numpy(np.stack([to_input(crop.crop()) for crop in crops]))
    logits = torch.cat([network(part).plate for part in torch.split(inputs, 64)]).flatten(0, 1)
    # O and 0 are one character in scoring, and nothing on a plate tells them apart.
    logits[:, _ZERO] = torch.logaddexp(logits[:, _ZERO], logits[:, _LETTER_O])
    logits[:, _LETTER_O] = -math.inf
    texts = [encode(crop.text.replace("O", "0")) for crop in crops]
    classes = torch.from_numpy(np.concatenate(texts).astype(np.int64))
    candidates = torch.linspace(0.5, 3.0, 126)
    losses = [_loss(logits, classes, float(candidate)) for candidate in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 2)


def _loss(logits: Tensor, classes: Tensor, temperature: float) -> float:
    return float(functional.cross_entropy(logits / temperature, classes))
