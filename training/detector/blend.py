"""Averages the weights of two detectors of one lineage: what one forgot while it learnt something else comes back."""

from pathlib import Path

import torch
from torch import Tensor

from training.detector.export import folded
from training.detector.net import PlateNet
from training.detector.start import NEW_BLOCKS, start_from


def blend(first: Path, second: Path, share: float, sample: Tensor) -> PlateNet:
    """Return `1 - share` of the exported network `first` plus `share` of `second`, normalisation folded away.

    `sample`: as for `start_from`. Only networks of which one was trained from the other may be averaged
    (Wortsman et al., Robust fine-tuning of zero-shot models, 2022).
    """
    nets = [PlateNet(), PlateNet()]
    for net, path in zip(nets, (first, second), strict=True):
        start_from(net, path, sample)
    states = [folded(net).state_dict() for net in nets]
    _share_idle_layers(*states)
    result = folded(nets[1])
    result.load_state_dict({name: torch.lerp(states[0][name], states[1][name], share) for name in states[0]})
    return result.eval()


def _share_idle_layers(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    """Where a network's residual block does nothing yet, its first layer is random: take the other's."""
    blocks = [f"d32.{index}" for index in range(2, 2 + NEW_BLOCKS)]
    for mine, other in ((first, second), (second, first)):
        for block in blocks:
            if not mine[f"{block}.b.conv.weight"].any():
                for part in ("weight", "bias"):
                    mine[f"{block}.a.conv.{part}"] = other[f"{block}.a.conv.{part}"].clone()
