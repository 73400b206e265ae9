"""Joins a branch for further plate forms to a recogniser whose reads of all other plates must stay what they are.

The branch was trained from that recogniser with the convolutions kept, so both share them in one graph. It is asked
only about crops that the known recogniser does not read plainly, and its answer is taken where it sees one of the
further forms; everywhere else that of the known recogniser comes out, unchanged.
"""

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from numpy.typing import NDArray
from onnx import compose, helper
from torch import Tensor, nn

from training.checksums import refresh_checksums
from training.plates.alphabet import ALPHABET, PAD, SLOTS
from training.plates.specs import PLATE_STYLES
from training.quantising import quantise
from training.recognizer.exporting import plate_yaml, stays_in_float
from training.recognizer.network import GRID, WIDTH, PlateNetwork

FURTHER_STYLES = ("blue_two_line", "motorcycle_two_line", "green_two_line", "paper")
FURTHER_SLOT = 8
"""Only WJ until 2012 has a ninth character."""
SURE, SURE_OF_NINTH = 0.9, 0.5
"""At 0.5 for the styles, one in twenty plates of two lines with 挂 was taken for a motorcycle's."""
MARKS_OF_OTHERS = "学警挂港澳使领民航应急"
"""No plate of a further form carries one: yellow ones with 学 were taken for temporary ones."""
PLAINLY = 0.95
"""A plate whose weakest character is this probable, and whose style as below, is not shown to the branch: 93 in 100
real crops, and of the drawn ones of further forms hardly one that the known recogniser reads wrong."""
LEAST_OF_STYLE = {"blue": 0.95, "green": 0.95, "green_large": 0.95, "yellow": 0.99, "black": 0.95}
"""Temporary plates are printed on yellow paper too. Styles not named are always shown."""
FURTHER, _KNOWN, _GATE = "further/", "known/", "gate/"
"""Before the names of a joined file's parts."""
_BOTH = ("both_plate", "both_region")


def join(
    known: Path, network: PlateNetwork, temperature: float, model: Path, inputs: Iterable[NDArray[np.uint8]] | None
) -> None:
    """Write `model` (.onnx) and the YAML beside it: the recogniser `known` (.onnx, YAML beside it) and the branch.

    `inputs`: batches of RGB crops, as for `export`, on which the branch's value ranges for 8 bits are measured; None
    leaves it in floating point. Raises ValueError where `known` is no recogniser of ours, or has a branch already.
    """
    settings = yaml.safe_load(known.with_suffix(".yaml").read_text("utf-8"))
    alphabet, styles, slots = settings["alphabet"], settings["plate_regions"], settings["max_plate_slots"]
    convolved, file = _opened(known)
    with tempfile.TemporaryDirectory(dir=model.parent) as folder:
        part, gate, yaml_part = (Path(folder) / name for name in ("model.onnx", "gate.onnx", "model.yaml"))
        _write_gate(_Gate(alphabet, styles, slots), (slots, len(alphabet), len(styles)), gate)
        _write_branch(_Branch(network.eval(), temperature), part)
        if inputs is not None:
            quantise(part, part, _calibration(file, convolved, inputs), ("MatMul",), stays_in_float)
        both = _joined(file, convolved, onnx.load(gate), onnx.load(part))
        # What the known part's rows stand for: training can start from it.
        helper.set_model_props(both, {"alphabet": alphabet, "styles": " ".join(styles)})
        onnx.save(both, part)
        yaml_part.write_text(plate_yaml(), "utf-8")
        yaml_part.replace(model.with_suffix(".yaml"))
        part.replace(model)
        refresh_checksums(model.parent)


class _Gate(nn.Module):
    """From the known recogniser's answers: which crops the branch must see, whether any, and the answers re-placed."""

    def __init__(self, alphabet: str, styles: Sequence[str], slots: int) -> None:
        super().__init__()
        self.register_buffer("columns", _placed(alphabet, ALPHABET))
        self.register_buffer("rows", _placed(styles, PLATE_STYLES))
        self.register_buffer("slots", torch.eye(SLOTS, slots))
        is_new = (torch.arange(SLOTS) >= slots).float()
        self.register_buffer("nothing", is_new[:, None] * _placed(PAD, ALPHABET))
        self.register_buffer("least", torch.tensor([LEAST_OF_STYLE.get(style, 2.0) for style in styles]))

    def forward(self, plate: Tensor, region: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        is_plain = ((region - self.least).amax(dim=1) > 0) & (plate.amax(dim=2).amin(dim=1) > PLAINLY)
        placed = self.slots @ (plate @ self.columns) + self.nothing
        return ~is_plain, (~is_plain).any(), placed, region @ self.rows


class _Branch(nn.Module):
    """From the convolutions' output and the known recogniser's re-placed answers to the answers of both.

    At least one crop must be among those that it is asked about.
    """

    def __init__(self, network: PlateNetwork, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature
        self.register_buffer("further", _placed(FURTHER_STYLES, PLATE_STYLES).sum(dim=0)[:, None])
        self.register_buffer("marks", _placed(MARKS_OF_OTHERS, ALPHABET).sum(dim=0)[:, None])

    def forward(self, features: Tensor, plate: Tensor, region: Tensor, is_asked: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network.read(features[is_asked.nonzero()[:, 0]])
        own, style = (outputs.plate / self.temperature).softmax(dim=-1), outputs.style.softmax(dim=-1)
        has_ninth = 1 - own[:, FURTHER_SLOT, -1:]
        is_other = (own @ self.marks).amax(dim=1) > 0.5
        takes_own = ((style @ self.further > SURE) & ~is_other) | (has_ninth > SURE_OF_NINTH)
        # Each crop's row among those that were asked about; of the others any, for it is not taken.
        row = (is_asked.long().cumsum(dim=0) - 1).clamp(min=0)
        takes_own = takes_own[row] & is_asked[:, None]
        return torch.where(takes_own[:, :, None], own[row], plate), torch.where(takes_own, style[row], region)


def _placed(before: Sequence[str], now: Sequence[str]) -> Tensor:
    """Return the matrix that carries a row over `before` to one over `now`."""
    return torch.tensor([[float(one == other) for other in now] for one in before])


def _opened(known: Path) -> tuple[str, onnx.ModelProto]:
    """Return the name of the convolutions' output, and the recogniser with its outputs renamed."""
    file = onnx.load(known)
    if any(node.name.startswith(FURTHER) for node in file.graph.node):
        raise ValueError("the known recogniser has a branch already: take the one that it was joined to")
    convolved = [node.output[0] for node in file.graph.node if node.op_type == "Relu" and "/stem/" in node.name]
    if not convolved:
        raise ValueError("the known recogniser has no convolutions of ours")
    _rename(file, {"plate": _KNOWN + "plate", "region": _KNOWN + "region"})
    return convolved[-1], file


def _write_gate(gate: _Gate, sizes: tuple[int, int, int], path: Path) -> None:
    slots, letters, styles = sizes
    inputs = {"plate": torch.zeros(2, slots, letters), "region": torch.zeros(2, styles)}
    _write(gate, inputs, ("is_asked", "is_any", "placed_plate", "placed_region"), path)


def _write_branch(branch: _Branch, path: Path) -> None:
    inputs = {
        "features": torch.zeros(2, WIDTH, *GRID),
        "plate": torch.zeros(2, SLOTS, len(ALPHABET)),
        "region": torch.zeros(2, len(PLATE_STYLES)),
        "is_asked": torch.ones(2, dtype=torch.bool),
    }
    _write(branch, inputs, _BOTH, path)


def _write(module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str], path: Path, opset: int = 17) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `training.recognizer.exporting`
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs) if name != "is_any"},
            opset_version=opset,
            dynamo=False,
        )


def _calibration(
    known: onnx.ModelProto, convolved: str, inputs: Iterable[NDArray[np.uint8]]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield what the branch gets for batches of crops, all of them asked about."""
    convolving = onnx.ModelProto()
    convolving.CopyFrom(known)
    convolving.graph.output.append(helper.make_empty_tensor_value_info(convolved))
    session = onnxruntime.InferenceSession(convolving.SerializeToString(), providers=["CPUExecutionProvider"])
    nothing = {"plate": (SLOTS, len(ALPHABET)), "region": (len(PLATE_STYLES),)}
    for crops in inputs:
        answers: dict[str, NDArray[Any]] = {
            name: np.zeros((len(crops), *shape), np.float32) for name, shape in nothing.items()
        }
        features = np.asarray(session.run([convolved], {"input": crops})[0])
        yield answers | {"features": features, "is_asked": np.ones(len(crops), np.bool_)}


def _joined(known: onnx.ModelProto, convolved: str, gate: onnx.ModelProto, branch: onnx.ModelProto) -> onnx.ModelProto:
    gate, branch = compose.add_prefix(gate, _GATE), compose.add_prefix(branch, FURTHER)
    gate.ir_version = known.ir_version
    taken = [(_KNOWN + name, _GATE + name) for name in ("plate", "region")]
    both = compose.merge_models(known, gate, io_map=taken)
    outer = {"features": convolved, "is_asked": _GATE + "is_asked"}
    outer |= {name: f"{_GATE}placed_{name}" for name in ("plate", "region")}
    _rename(branch, {FURTHER + name: of_outer for name, of_outer in outer.items()})
    names = ("plate", "region")
    stays = [helper.make_node("Identity", [outer[name]], [f"{FURTHER}as_before/{name}"]) for name in names]
    choice = helper.make_node(
        "If",
        [_GATE + "is_any"],
        list(names),
        name=FURTHER + "if",
        then_branch=_inner("then", branch.graph.node, [FURTHER + name for name in _BOTH], branch.graph.initializer),
        else_branch=_inner("else", stays, [node.output[0] for node in stays]),
    )
    both.graph.node.append(choice)
    del both.graph.output[:]
    both.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *shape])
        for name, shape in (("plate", [SLOTS, len(ALPHABET)]), ("region", [len(PLATE_STYLES)]))
    )
    onnx.checker.check_model(both)
    return both


def _inner(
    name: str, nodes: Sequence[onnx.NodeProto], outputs: Sequence[str], stored: Sequence[onnx.TensorProto] = ()
) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [helper.make_empty_tensor_value_info(one) for one in outputs], stored)


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Give values of the graph, its outputs too, other names."""
    for node in model.graph.node:
        for names_of in (node.input, node.output):
            for index, name in enumerate(names_of):
                names_of[index] = names.get(name, name)
    for output in model.graph.output:
        output.name = names.get(output.name, output.name)
