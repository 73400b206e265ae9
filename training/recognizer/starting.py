"""Starts the network from an earlier recogniser's ONNX file, so that what it knows is not learnt again."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from training.plates.alphabet import ALPHABET
from training.plates.specs import PLATE_STYLES
from training.quantising import float_tensors
from training.recognizer.joining import FURTHER
from training.recognizer.network import PlateNetwork

_OWN = "network."


def start_from_model(network: PlateNetwork, model: Path) -> None:
    """Copy the weights of an exported recogniser.

    Blocks of which the file has nothing, because it is of an earlier network, stay as they are. Our exporter keeps the
    names, but for the matrices of linear layers: those are known by the bias added next.
    Raises ValueError where the file is not one of ours, a tensor does not fit or a block is there in part.
    """
    file = onnx.load(model)
    found = _weights_of(file.graph)
    if not found:
        raise ValueError(f"{model} is no recogniser of ours: no tensor is named {_OWN}...")
    state = network.state_dict()
    missing = set(state) - set(found)
    if torn := {name for name in missing if _block(name) in map(_block, found)}:
        raise ValueError(f"the recogniser's file lacks {', '.join(sorted(torn))}")
    settings = _rows_of(file, model.with_suffix(".yaml"))
    fitted = {name: grown(name, state[name], torch.from_numpy(found[name]), settings) for name in set(state) - missing}
    network.load_state_dict(state | fitted)


def start_from_branch(network: PlateNetwork, model: Path) -> None:
    """Copy the weights of a joined recogniser's branch, and those of the convolutions that both share.

    Raises ValueError where the file has no branch, or it is of another network.
    """
    start_from_model(network, model)
    branches = [node for node in onnx.load(model).graph.node if node.op_type == "If"]
    if not branches:
        raise ValueError(f"{model} has no branch for further plate forms")
    branch = next(attribute.g for attribute in branches[0].attribute if attribute.name == "then_branch")
    for tensor in branch.initializer:
        tensor.name = tensor.name.removeprefix(FURTHER)
    for node in branch.node:
        for names in (node.input, node.output):
            names[:] = [name.removeprefix(FURTHER) for name in names]
    found = {name: torch.from_numpy(tensor) for name, tensor in _weights_of(branch).items()}
    state = network.state_dict()
    lacking = {name for name in state if name not in found and not name.startswith("stem.")}
    if lacking or any(name not in state or state[name].shape != tensor.shape for name, tensor in found.items()):
        raise ValueError(f"the branch of {model} is of another network")
    network.load_state_dict(state | found)


def _weights_of(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
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
    return found


def _rows_of(file: onnx.ModelProto, settings: Path) -> Mapping[str, Sequence[str]]:
    """Return what the rows of the last layers stand for: the YAML says it, but of a joined file the file itself."""
    said = {one.key: one.value for one in file.metadata_props}
    if "alphabet" in said:
        return {"alphabet": said["alphabet"], "plate_regions": said["styles"].split()}
    return dict(yaml.safe_load(settings.read_text("utf-8"))) if settings.exists() else {}


_ROWS = {"head.weight": "alphabet", "head.bias": "alphabet", "typ.weight": "plate_regions", "typ.bias": "plate_regions"}
_SLOTS = {"qs": 1, "bias": 2}
"""Parameters by slot, and the axis that counts the slots."""


def grown(name: str, new: Tensor, old: Tensor, settings: Mapping[str, Sequence[str]]) -> Tensor:
    """Return `old` in the shape of `new`: characters and styles keep their rows, further slots start as the last."""
    if old.shape == new.shape:
        return old
    if name in _SLOTS and old.shape[_SLOTS[name]] < new.shape[_SLOTS[name]]:
        axis = _SLOTS[name]
        last = old.narrow(axis, old.shape[axis] - 1, 1)
        return torch.cat([old, *[last] * (new.shape[axis] - old.shape[axis])], dim=axis)
    if name not in _ROWS or len(settings.get(_ROWS[name], ())) != len(old):
        raise ValueError(f"{name} of the recogniser's file has another shape")
    now: Sequence[str] = ALPHABET if _ROWS[name] == "alphabet" else PLATE_STYLES
    before = list(settings[_ROWS[name]])
    rows = new.clone()
    for row, one in enumerate(now):
        if one in before:
            rows[row] = old[before.index(one)]
    return rows


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
