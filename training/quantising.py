"""Writes an exported model in 8 bits, with value ranges measured on pictures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


def quantise(
    source: Path,
    target: Path,
    inputs: Iterable[Mapping[str, NDArray[Any]]],
    operators: Sequence[str],
    stays_in_float: Callable[[str], bool],
) -> None:
    """Write an 8-bit form of `source`, whole or not at all; its value ranges are those on `inputs`: batches by name.

    `stays_in_float` is asked for the name of each node; the first convolution, which sees the picture, always does.
    Weights get 7 bits: on processors without VNNI, 8-bit products overflow in pairs (onnxruntime, `reduce_range`).
    """
    prepared, temporary = target.with_suffix(".prepared"), target.with_suffix(".part")
    # Not optimised: it would fold weights together, and no training could start from the file.
    quant_pre_process(str(source), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
    nodes = onnx.load(str(prepared)).graph.node
    first = [node.name for node in nodes if node.op_type == "Conv"][:1]
    quantize_static(
        str(prepared),
        str(temporary),
        _Inputs(inputs),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(operators),
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[*first, *(node.name for node in nodes if stays_in_float(node.name))],
    )
    temporary.replace(target)
    prepared.unlink()


def float_tensors(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Return every stored tensor by its name, and what was stored in 8 bits by its original and its restored name."""
    stored = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            numbers, scale, *zero = (stored[name].astype(np.float32) for name in node.input)
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            shape = [-1 if i == axis and scale.ndim else 1 for i in range(numbers.ndim)]
            restored = (numbers - (zero[0].reshape(shape) if zero else 0)) * scale.reshape(shape)
            stored[node.input[0].removesuffix("_quantized")] = stored[node.output[0]] = restored
    return stored


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    def __init__(self, inputs: Iterable[Mapping[str, NDArray[Any]]]) -> None:
        self._inputs: Iterator[Mapping[str, NDArray[Any]]] = iter(inputs)

    def get_next(self) -> Mapping[str, NDArray[Any]] | None:
        return next(self._inputs, None)
