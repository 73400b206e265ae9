"""A plate that was not read surely is cut out again, a little wider and a little tighter, and the looks are averaged.

Corners are never exact, and what the recogniser takes for a stroke in one cut is paper in the next. Measured by
`python -m bench.accuracy` and `bench.special_plates`; the figures with and without it stand in bench/README.md.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocr.rectify import MARGIN
from ocr.types import PlateDistribution, Probabilities

WIDER, TIGHTER = (MARGIN[0] + 0.02, MARGIN[1] + 0.04), (MARGIN[0] - 0.02, MARGIN[1] - 0.04)
"""Margins of the further looks, in shares of the crop's width and height."""
TINY = 1e-9


def averaged(looks: Sequence[PlateDistribution]) -> PlateDistribution:
    """Return the normalised geometric mean of looks at one plate on one picture, all of one alphabet."""
    first = looks[0]
    return PlateDistribution(
        first.alphabet,
        _mean([look.char_probs for look in looks]),
        first.styles,
        _mean([look.style_probs for look in looks]),
    )


def _mean(probabilities: Sequence[Probabilities]) -> Probabilities:
    logs: NDArray[np.float32] = np.log(np.maximum(np.stack(probabilities), TINY)).mean(axis=0)
    powers = np.exp(logs)
    return np.asarray(powers / np.maximum(powers.sum(axis=-1, keepdims=True), TINY), np.float32)
