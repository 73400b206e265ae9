"""Starts the network from an earlier recogniser's ONNX file, so that what it knows is not learnt again."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch

from training.quantising import float_tensors
from training.recognizer.network import PlateNetwork

_OWN = "network."


def start_from_model(network: PlateNetwork, model: Path) -> None:
    """Copy the weights of an exported recogniser.

    Blocks of which the file has nothing, because it is of an earlier network, stay as they are. Our exporter keeps the
    names, but for the matrices of linear layers: those are known by the bias added next.
    Raises ValueError where the file is not one of ours, a tensor does not fit or a block is there in part.
    """
    graph = onnx.load(model).graph
    stored = float_tensors(graph)
    found = {name.removeprefix(_OWN): tensor for name, tensor in stored.items() if name.startswith(_OWN)}
    if not found:
        raise ValueError(f"{model} is no recogniser of ours: no tensor is named {_OWN}...")
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
