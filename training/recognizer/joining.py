"""Joins a branch for further plate forms to a recogniser whose reads of all other plates must stay what they are.

The branch was trained from that recogniser with the convolutions kept, so both share them in one graph. Its answer is
taken where it sees one of the further forms; everywhere else that of the known recogniser comes out, unchanged.
"""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
import yaml
from onnx import compose
from torch import Tensor, nn

from training.checksums import refresh_checksums
from training.plates.alphabet import ALPHABET, PAD, SLOTS
from training.plates.specs import PLATE_STYLES
from training.recognizer.exporting import plate_yaml
from training.recognizer.network import GRID, WIDTH, PlateNetwork

FURTHER_STYLES = ("blue_two_line", "motorcycle_two_line", "green_two_line", "paper")
FURTHER_SLOT = 8
"""Only WJ until 2012 has a ninth character."""
SURE, SURE_OF_NINTH = 0.9, 0.5
"""At 0.5 for the styles, one in twenty plates of two lines with 挂 was taken for a motorcycle's."""
_PREFIX, _KNOWN = "further/", "known/"


def join(known: Path, network: PlateNetwork, temperature: float, model: Path) -> None:
    """Write `model` (.onnx) and the YAML beside it: the recogniser `known` (.onnx, YAML beside it) and the branch.

    Raises ValueError where `known` is no recogniser of ours, or has a branch already.
    """
    settings = yaml.safe_load(known.with_suffix(".yaml").read_text("utf-8"))
    branch = _Branch(network.eval(), temperature, settings["alphabet"], settings["plate_regions"])
    with tempfile.TemporaryDirectory(dir=model.parent) as folder:
        part, yaml_part = Path(folder) / "model.onnx", Path(folder) / "model.yaml"
        _write(branch, settings["max_plate_slots"], part)
        both = _joined(onnx.load(known), onnx.load(part))
        # What the known part's rows stand for: training can start from it.
        onnx.helper.set_model_props(
            both, {"alphabet": settings["alphabet"], "styles": " ".join(settings["plate_regions"])}
        )
        onnx.save(both, part)
        yaml_part.write_text(plate_yaml(), "utf-8")
        yaml_part.replace(model.with_suffix(".yaml"))
        part.replace(model)
        refresh_checksums(model.parent)


class _Branch(nn.Module):
    """From the convolutions' output and the known recogniser's answers to the answers of both."""

    def __init__(self, network: PlateNetwork, temperature: float, alphabet: str, styles: Sequence[str]) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature
        self.register_buffer("columns", _placed(alphabet, ALPHABET))
        self.register_buffer("rows", _placed(styles, PLATE_STYLES))
        self.register_buffer("nothing", _placed(PAD, ALPHABET)[None])
        self.register_buffer("further", _placed(FURTHER_STYLES, PLATE_STYLES).sum(dim=0)[:, None])

    def forward(self, features: Tensor, plate: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network.read(features)
        own, style = (outputs.plate / self.temperature).softmax(dim=-1), outputs.style.softmax(dim=-1)
        has_ninth = 1 - own[:, FURTHER_SLOT, -1:]
        takes_own = (style @ self.further > SURE) | (has_ninth > SURE_OF_NINTH)
        missing = SLOTS - plate.shape[1]
        nothing = self.nothing + torch.zeros_like(plate[:, :1, :1])
        padded = torch.cat([plate @ self.columns, *[nothing] * missing], dim=1)
        return torch.where(takes_own[:, :, None], own, padded), torch.where(takes_own, style, region @ self.rows)


def _placed(before: Sequence[str], now: Sequence[str]) -> Tensor:
    """Return the matrix that carries a row over `before` to one over `now`."""
    return torch.tensor([[float(one == other) for other in now] for one in before])


def _write(branch: _Branch, slots: int, path: Path, opset: int = 17) -> None:
    sizes = ((WIDTH, *GRID), (slots, len(branch.columns)), (len(branch.rows),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `training.recognizer.exporting`
        torch.onnx.export(
            branch.eval(),
            tuple(torch.zeros(2, *size) for size in sizes),
            str(path),
            input_names=["features", "plate", "region"],
            output_names=["both_plate", "both_region"],
            dynamic_axes={name: {0: "batch"} for name in ("features", "plate", "region", "both_plate", "both_region")},
            opset_version=opset,
            dynamo=False,
        )


def _joined(known: onnx.ModelProto, branch: onnx.ModelProto) -> onnx.ModelProto:
    convolved = [node.output[0] for node in known.graph.node if node.op_type == "Relu" and "/stem/" in node.name]
    if not convolved:
        raise ValueError("the known recogniser has no convolutions of ours")
    if any(tensor.name.startswith(_PREFIX) for tensor in known.graph.initializer):
        raise ValueError("the known recogniser has a branch already: take the one that it was joined to")
    _rename(known, {"plate": _KNOWN + "plate", "region": _KNOWN + "region"})
    known.graph.output.append(onnx.helper.make_empty_tensor_value_info(convolved[-1]))
    branch = compose.add_prefix(branch, _PREFIX)
    branch.ir_version = known.ir_version
    taken = ((convolved[-1], "features"), (_KNOWN + "plate", "plate"), (_KNOWN + "region", "region"))
    both = compose.merge_models(known, branch, io_map=[(ours, _PREFIX + theirs) for ours, theirs in taken])
    _rename(both, {_PREFIX + "both_plate": "plate", _PREFIX + "both_region": "region"})
    onnx.checker.check_model(both)
    return both


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Give the graph's outputs other names."""
    for node in model.graph.node:
        for names_of in (node.input, node.output):
            for index, name in enumerate(names_of):
                names_of[index] = names.get(name, name)
    for output in model.graph.output:
        output.name = names.get(output.name, output.name)
