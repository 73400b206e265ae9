"""What the detector should answer for a view, and how far its answer is from it."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.detector.net import STRIDE
from training.detector.views import View

MIN_CORNER_SHARE = 0.3
"""Corners are learnt at cells whose score target is at least this."""


@dataclass(frozen=True, slots=True)
class Target:
    """One view's targets; h and w are the view's sides over STRIDE."""

    score: NDArray[np.float32]
    """Shape (h, w): 1 at a plate's middle cell, falling off around it."""
    counted: NDArray[np.float32]
    """Shape (h, w): 0 where the score is not judged."""
    corners: NDArray[np.float32]
    """Shape (8, h, w): pixels from the cell's centre to the corners."""
    corner_weight: NDArray[np.float32]
    """Shape (h, w): weight over the plate's height, in 1 / pixels; a plate's weights sum to its own over its height."""


def make_target(view: View) -> Target:
    """Return what the network should answer for `view`."""
    h, w = view.image.shape[0] // STRIDE, view.image.shape[1] // STRIDE
    target = Target(*(np.zeros(shape, np.float32) for shape in ((h, w), (h, w), (8, h, w), (h, w))))
    target.counted[:] = 1
    for x0, y0, x1, y1 in np.round(view.ignored / STRIDE).astype(int):
        target.counted[max(0, y0) : max(0, y1) + 1, max(0, x0) : max(0, x1) + 1] = 0
    rows, columns = np.mgrid[0:h, 0:w]
    centres = (np.stack([columns, rows]) * STRIDE + STRIDE / 2).astype(np.float32)
    for quad, weight in zip(view.quads, view.corner_weights, strict=True):
        _put_plate(target, quad, float(weight), centres)
    return target


def detector_loss(out: Tensor, target: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the score loss and the corner loss of a batch; the second is in plate heights.

    Score: focal loss for heat maps (Law and Deng, CornerNet, 2018; alpha 2, beta 4), over the number of plates.
    """
    score, counted, corners, corner_weight = target
    logit, offsets = out[:, 0].float(), out[:, 1:].float()
    p = logit.sigmoid()
    is_peak = (score >= 1).float()
    at_peak = is_peak * (1 - p) ** 2 * functional.logsigmoid(logit)
    elsewhere = (1 - is_peak) * counted * (1 - score) ** 4 * p**2 * functional.logsigmoid(-logit)
    plates = is_peak.sum().clamp(min=1)
    error = functional.smooth_l1_loss(offsets, corners, beta=1.0, reduction="none").mean(dim=1)
    return -(at_peak + elsewhere).sum() / plates, (error * corner_weight).sum() / plates


def stack_targets(targets: list[Target]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return score, counted, corners and corner weight of a batch."""
    names = ("score", "counted", "corners", "corner_weight")
    score, counted, corners, weight = (
        torch.from_numpy(np.stack([getattr(target, name) for target in targets])) for name in names
    )
    return score, counted, corners, weight


def _put_plate(target: Target, quad: NDArray[np.float32], weight: float, centres: NDArray[np.float32]) -> None:
    middle = quad.mean(axis=0)
    across, down = (quad[1] - quad[0] + quad[2] - quad[3]) / 2, (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    width, height = (max(4.0, float(np.linalg.norm(side))) for side in (across, down))
    away = centres - middle[:, None, None]
    along_u = (away[0] * across[0] + away[1] * across[1]) / width / max(6.0, 0.10 * width)
    along_v = (away[0] * down[0] + away[1] * down[1]) / height / max(6.0, 0.16 * height)
    bell = np.exp(-(along_u**2 + along_v**2) / 2)
    h, w = bell.shape
    row = int(np.clip(middle[1] // STRIDE, 0, h - 1))
    column = int(np.clip(middle[0] // STRIDE, 0, w - 1))
    bell[row, column] = 1
    np.maximum(target.score, np.minimum(bell, 0.99), out=target.score)
    target.score[row, column] = target.counted[row, column] = 1
    share = np.where(bell >= MIN_CORNER_SHARE, bell, 0)
    share *= weight / height / share.sum()
    mine = share > target.corner_weight
    target.corner_weight[mine] = share[mine]
    target.corners[:, mine] = (quad.reshape(8, 1, 1) - np.tile(centres, (4, 1, 1)))[:, mine]
