"""Starts the network from an earlier recogniser's ONNX file, so that what it knows is not learnt again."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from numpy.typing import NDArray
from onnx import numpy_helper

from training.plates.alphabet import ALPHABET
from training.plates.specs import PLATE_STYLES
from training.quantising import float_tensors
from training.recognizer.network import PlateNetwork

_OWN = "network."
_OLD_STYLES = {"yellow2": "yellow_two_line", "army": "white"}
_STEM = {390: "stem.0.0", 393: "stem.1.0", 396: "stem.2.0", 399: "stem.3.0", 402: "stem.4.0"}
"""Number of the constant that holds a convolution's kernel (its bias is the next) -> our layer."""
_LINEAR = {
    404: "enc.0.a.kv",
    407: "enc.0.a.q",
    409: "enc.0.a.o",
    410: "enc.0.m.0",
    411: "enc.0.m.2",
    414: "red.kv",
    417: "red.q",
    419: "red.o",
    420: "post.0.a.kv",
    423: "post.0.a.q",
    425: "post.0.a.o",
    426: "post.0.m.0",
    427: "post.0.m.2",
}


def start_from_model(network: PlateNetwork, model: Path) -> None:
    """Copy the weights of an exported recogniser, one of ours or the prototype.

    Blocks of which the file has nothing, because it is of an earlier network, stay as they are.
    Raises ValueError where a tensor does not fit or a block is there in part.
    """
    graph = onnx.load(model).graph
    if any(tensor.name.startswith(_OWN) for tensor in graph.initializer):
        _start_from_own(network, graph)
    else:
        start_from_prototype(network, model)


def _start_from_own(network: PlateNetwork, graph: onnx.GraphProto) -> None:
    """Our exporter keeps the names, but for the matrices of linear layers: those are known by the bias added next."""
    stored = float_tensors(graph)
    found = {name.removeprefix(_OWN): tensor for name, tensor in stored.items() if name.startswith(_OWN)}
    sums = [node for node in graph.node if node.op_type == "Add"]
    rounded = {n.output[0]: n.input[0] for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")}
    added = {_before_rounding(taken, rounded): name for node in sums for name, taken in _pairs(node)}
    for node in graph.node:
        bias = added.get(node.output[0], "") if node.op_type == "MatMul" else ""
        if bias.startswith(_OWN) and node.input[1] in stored:
            name = bias.removeprefix(_OWN).removesuffix("bias") + "weight"
            found[name] = np.ascontiguousarray(stored[node.input[1]].T)
    state = network.state_dict()
    missing = set(state) - set(found)
    if torn := {name for name in missing if _block(name) in map(_block, found)}:
        raise ValueError(f"the recogniser's file lacks {', '.join(sorted(torn))}")
    network.load_state_dict(state | {name: torch.from_numpy(found[name]) for name in set(state) - missing})


def _block(name: str) -> str:
    """Return the layer that a parameter belongs to: `post.1` of `post.1.a.q.weight`, `again` of `again.o.bias`."""
    first, second = name.split(".")[:2] if "." in name else (name, "")
    return f"{first}.{second}" if second.isdigit() else first


def _before_rounding(name: str, rounded: Mapping[str, str]) -> str:
    while name in rounded:
        name = rounded[name]
    return name


def _pairs(node: onnx.NodeProto) -> Iterator[tuple[str, str]]:
    """Yield (own parameter, other input) of an addition."""
    first, second = node.input
    for own, other in ((first, second), (second, first)):
        if own.startswith(_OWN):
            yield own, other


def start_from_prototype(network: PlateNetwork, model: Path) -> None:
    """Copy the prototype's weights (its YAML lies beside it); blocks it does not have stay as they are.

    Raises ValueError where a tensor does not fit.
    """
    stored = {t.name: np.array(numpy_helper.to_array(t)) for t in onnx.load(model).graph.initializer}
    plate = yaml.safe_load(model.with_suffix(".yaml").read_text("utf-8"))
    state = network.state_dict()
    for name, tensor in _renamed(stored).items():
        if tuple(state[name].shape) != tensor.shape:
            raise ValueError(f"{model.name}: {name} has shape {tensor.shape}, not {tuple(state[name].shape)}")
        state[name] = torch.from_numpy(tensor)
    rows = [(ALPHABET.index(c), i) for i, c in enumerate(plate["alphabet"])]
    _copy_rows(state, "head", stored["onnx::MatMul_428"].T, stored["m.head.bias"], rows)
    styles = [_OLD_STYLES.get(s, s) for s in plate["plate_regions"]]
    rows = [(PLATE_STYLES.index(s), i) for i, s in enumerate(styles)]
    _copy_rows(state, "typ", stored["m.typ.weight"], stored["m.typ.bias"], rows)
    network.load_state_dict(state)


def _renamed(stored: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Our names -> tensors, without the two heads; a linear layer's matrix is stored transposed."""
    skipped = ("m.head", "m.typ")
    found = {n[2:]: t for n, t in stored.items() if n.startswith("m.") and not n.startswith(skipped)}
    for number, name in _STEM.items():
        found[f"{name}.weight"] = stored[f"onnx::Conv_{number}"]
        found[f"{name}.bias"] = stored[f"onnx::Conv_{number + 1}"]
    for number, name in _LINEAR.items():
        found[f"{name}.weight"] = np.ascontiguousarray(stored[f"onnx::MatMul_{number}"].T)
    return found


def _copy_rows(
    state: dict[str, torch.Tensor],
    layer: str,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    rows: list[tuple[int, int]],
) -> None:
    """Copy the rows (ours, theirs) of a head; new classes start small and unlikely."""
    state[f"{layer}.weight"] *= 0.3
    state[f"{layer}.bias"] = torch.full_like(state[f"{layer}.bias"], float(np.min(bias)) - 1)
    for ours, theirs in rows:
        state[f"{layer}.weight"][ours] = torch.from_numpy(np.array(weight[theirs]))
        state[f"{layer}.bias"][ours] = float(bias[theirs])
