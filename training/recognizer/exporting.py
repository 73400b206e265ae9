"""Writes the recogniser in fast-plate-ocr's format: ONNX and plate YAML, calibrated, put in place together."""

import re
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn

from training.checksums import refresh_checksums
from training.plates.alphabet import ALPHABET, PAD, SLOTS
from training.plates.specs import PLATE_STYLES
from training.quantising import quantise
from training.recognizer.network import PlateNetwork
from training.recognizer.scoring import Probabilities, Recognise
from training.textures import CROP_HEIGHT, CROP_WIDTH


class _Calibrated(nn.Module):
    """The network with softmax of logits / temperature as its outputs."""

    def __init__(self, network: PlateNetwork, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network(crops)
        return (outputs.plate / self.temperature).softmax(dim=-1), outputs.style.softmax(dim=-1)


def export(
    network: PlateNetwork, temperature: float, model: Path, inputs: Iterable[NDArray[np.uint8]] | None, opset: int = 17
) -> None:
    """Write `model` (.onnx) and the YAML beside it; both are complete before either is replaced.

    `inputs`: batches of RGB crops, shape (N, 48, 144, 3), on which the value ranges for 8 bits are measured; None
    leaves everything in floating point.
    """
    model.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model.parent) as folder:
        onnx_part, yaml_part = Path(folder) / "model.onnx", Path(folder) / "model.yaml"
        write_onnx(network, temperature, onnx_part, opset)
        if inputs is not None:
            quantise(onnx_part, onnx_part, ({"input": crops} for crops in inputs), ("Conv", "MatMul"), stays_in_float)
        yaml_part.write_text(plate_yaml(), "utf-8")
        yaml_part.replace(model.with_suffix(".yaml"))
        onnx_part.replace(model)
        refresh_checksums(model.parent)


def stays_in_float(node: str) -> bool:
    """In 8 bits is nearly all of the work: the stem, the encoder, and the picture's side of the decoder's attention."""
    of_all_tokens = r"/(enc\.\d+/.*/(q|kv|o|m\.\d)|red/kv|again/kv)/MatMul$"
    return "/stem/" not in node and not re.search(of_all_tokens, node)


def write_onnx(network: PlateNetwork, temperature: float, path: Path, opset: int = 17) -> None:
    """Trace, check and write the graph; the batch is dynamic."""
    wrapped = _Calibrated(network.eval().to("cpu"), temperature).eval()
    example = torch.zeros(2, CROP_HEIGHT, CROP_WIDTH, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated but is the one that keeps the graph small
        torch.onnx.export(
            wrapped,
            (example,),
            str(path),
            input_names=["input"],
            output_names=["plate", "region"],
            dynamic_axes={name: {0: "batch"} for name in ("input", "plate", "region")},
            opset_version=opset,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path))


def plate_yaml() -> str:
    """Return fast-plate-ocr's plate configuration."""
    settings = {
        "max_plate_slots": SLOTS,
        "alphabet": ALPHABET,
        "pad_char": PAD,
        "img_height": CROP_HEIGHT,
        "img_width": CROP_WIDTH,
        "keep_aspect_ratio": False,
        "interpolation": "linear",
        "image_color_mode": "rgb",
        "plate_regions": list(PLATE_STYLES),
    }
    return str(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=200))


def open_model(model: Path, threads: int = 1) -> Recognise:
    """Open an exported recogniser for measuring."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def recognise(crops: NDArray[np.uint8]) -> tuple[Probabilities, Probabilities]:
        plate, style = session.run(["plate", "region"], {"input": crops})
        return np.asarray(plate, np.float32), np.asarray(style, np.float32)

    return recognise
