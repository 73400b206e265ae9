"""Writes the detector as ONNX: normalisation folded away, then the convolutions in 8 bits."""

import copy
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ocr.detector import MULTIPLE, PAD_VALUE
from ocr.types import BgrImage
from training.detector.net import INPUT_SCALE, ConvBn, ExportNet, PlateNet
from training.detector.real_scenes import Scene, scaled
from training.quantising import quantise

OPSET = 17
LONGEST_SIDE = 640
KEPT_IN_FLOAT = ("heat", "reg1")
"""Parts of node names: the two answers; the first convolution stays in floating point too."""


def export_onnx(net: PlateNet, path: Path) -> None:
    """Write a network that `folded` returned in floating point, whole or not at all."""
    temporary = path.with_suffix(".part")
    image = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The newer exporter writes the two up-samplings with fixed sizes.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            ExportNet(net).eval(),
            (image,),
            str(temporary),
            input_names=["input"],
            output_names=["out"],
            dynamic_axes={"input": {1: "height", 2: "width"}, "out": {2: "rows", 3: "columns"}},
            opset_version=OPSET,
            dynamo=False,
        )
    temporary.replace(path)


def quantise_detector(source: Path, target: Path, scenes: Iterable[Scene]) -> None:
    """Write an 8-bit form of `source`; value ranges are measured on `scenes`."""
    pictures = ({"input": padded(scaled(scene.image, LONGEST_SIDE))} for scene in scenes)
    quantise(source, target, pictures, ("Conv", "Add", "Resize"), _stays_in_float)


def _stays_in_float(node: str) -> bool:
    return "Conv" in node and any(part in node for part in KEPT_IN_FLOAT)


def folded(net: PlateNet) -> PlateNet:
    """Return a copy in evaluation mode whose normalisation and input scale are part of the convolutions."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, ConvBn):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = nn.Identity()  # type: ignore[assignment]  # a module in another's place
    first = net.get_parameter("stem.0.conv.weight")
    with torch.no_grad():
        first.mul_(INPUT_SCALE)
    net.input_scale = 1.0
    return net


def padded(image: BgrImage) -> NDArray[np.uint8]:
    """Return (1, H, W, 3) RGB, padded right and below to multiples of 32 as the reader does."""
    height, width = (-(-side // MULTIPLE) * MULTIPLE for side in image.shape[:2])
    canvas = np.full((1, height, width, 3), PAD_VALUE, np.uint8)
    canvas[0, : image.shape[0], : image.shape[1]] = image[:, :, ::-1]
    return canvas
