"""Starts the detector's network from an exported one instead of from random weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from training.detector.net import INPUT_SCALE, ConvBn, PlateNet
from training.quantising import float_tensors

NEW_BLOCKS = 2
"""Residual blocks at stride 32 that the first prototype lacked; they start as the identity."""


def start_from(net: PlateNet, path: Path, sample: Tensor) -> None:
    """Load an exported network (batch normalisation folded away; floating point or 8 bits) into `net`.

    `sample`: (n, 3, H, W), 0..255; the normalisation layers are set so that on it they change nothing.
    Raises ValueError when the convolutions of the file are not those of `net` or of the prototype.
    """
    graph = onnx.load(str(path)).graph
    stored = _stored(graph)
    new = set(_layers(nn.Sequential(*list(net.d32.children())[-NEW_BLOCKS:])))
    layers = [layer for layer in _layers(net) if len(stored) == len(_layers(net)) or layer not in new]
    shapes = [tuple(weight.shape) for weight, _ in stored]
    wanted = [tuple(_conv(layer).weight.shape) for layer in layers]
    if sorted(shapes) != sorted(wanted):
        raise ValueError(f"{path} is another network: its convolutions are {shapes}")
    # Score and corner branch are independent: a file may have them in either order, but each in its own.
    stored = [stored[index] for index in _in_order(shapes, wanted)]
    biases: dict[nn.Module, Tensor] = {}
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, stored, strict=True):
            _conv(layer).weight.copy_(weight)
            biases[layer] = bias
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias.copy_(bias)
        _keep_function(net, biases, sample)


def _in_order(shapes: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> Iterator[int]:
    """Yield for each wanted shape the index of the first one like it that is left."""
    left = list(range(len(shapes)))
    for shape in wanted:
        index = next(i for i in left if shapes[i] == shape)
        left.remove(index)
        yield index


def _stored(graph: onnx.GraphProto) -> list[tuple[Tensor, Tensor]]:
    """Return weight and bias of each convolution, the first one brought to pixels times INPUT_SCALE."""
    tensors = {name: torch.from_numpy(tensor) for name, tensor in float_tensors(graph).items()}
    convs = [(tensors[n.input[1]], tensors[n.input[2]]) for n in graph.node if n.op_type == "Conv"]
    weight, bias = convs[0]
    if any(node.op_type == "Sub" for node in graph.node):
        # The prototype computed (pixel - 127.5) / 64.
        convs[0] = (weight, bias - weight.sum(dim=(1, 2, 3)) * 127.5 / 64)
    else:
        convs[0] = (weight / INPUT_SCALE, bias)
    return convs


def _keep_function(net: PlateNet, biases: dict[nn.Module, Tensor], sample: Tensor) -> None:
    """Set each normalisation layer to the statistics of its input, and its output to input + bias."""
    hooks = [
        layer.conv.register_forward_hook(_measure(layer, biases.get(layer)))
        for layer in _layers(net)
        if isinstance(layer, ConvBn)
    ]
    was_training = net.training
    net.eval()(sample)
    net.train(was_training)
    for hook in hooks:
        hook.remove()


def _measure(layer: ConvBn, bias: Tensor | None) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    mean_kept, variance_kept = layer.bn.running_mean, layer.bn.running_var
    assert mean_kept is not None
    assert variance_kept is not None

    def hook(_conv: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        variance, mean = torch.var_mean(output, dim=(0, 2, 3), unbiased=False)
        mean_kept.copy_(mean)
        variance_kept.copy_(variance)
        if bias is not None:
            layer.bn.weight.copy_((variance + layer.bn.eps).sqrt())
            layer.bn.bias.copy_(mean + bias)

    return hook


def _layers(module: nn.Module) -> list[nn.Module]:
    """Return the convolutions in the order in which the graph has them: ConvBn as a whole, or a bare Conv2d."""
    found: list[nn.Module] = []
    for child in module.children():
        found.extend([child] if isinstance(child, ConvBn | nn.Conv2d) else _layers(child))
    return found


def _conv(layer: nn.Module) -> nn.Conv2d:
    conv = layer.conv if isinstance(layer, ConvBn) else layer
    assert isinstance(conv, nn.Conv2d)
    return conv
