"""The recogniser's network: a small convolutional stem, self-attention over the picture, one query per text slot.

The slots look at the picture twice: first where GA 36 puts their character, then, knowing what kind of plate it is,
where this plate has it (the province of WJ stands elsewhere than the third character of a blue plate).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.plates.alphabet import ALPHABET, SLOTS
from training.plates.specs import PLATE_STYLES

WIDTH, HEADS, GRID = 128, 4, (6, 18)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Unnormalised log-probabilities."""

    plate: Tensor
    """Shape (N, SLOTS, len(ALPHABET))."""
    style: Tensor
    """Shape (N, len(PLATE_STYLES))."""


class Attention(nn.Module):
    """Multi-head attention of `queries` over `memory`, with an optional additive bias on the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Linear(WIDTH, WIDTH)
        self.kv = nn.Linear(WIDTH, 2 * WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, queries: Tensor, memory: Tensor, bias: Tensor | None = None) -> Tensor:
        size, length, reach = WIDTH // HEADS, queries.shape[1], memory.shape[1]
        # Constant shapes but for the batch: the exported graph then has no shape arithmetic in it.
        q = self.q(queries).reshape(-1, length, HEADS, size).transpose(1, 2) * size**-0.5
        both = self.kv(memory)
        key = both[..., :WIDTH].reshape(-1, reach, HEADS, size).permute(0, 2, 3, 1)
        value = both[..., WIDTH:].reshape(-1, reach, HEADS, size).transpose(1, 2)
        scores = q @ key
        if bias is not None:
            scores = scores + bias
        mixed = scores.softmax(dim=-1) @ value
        out: Tensor = self.o(mixed.transpose(1, 2).reshape(-1, length, WIDTH))
        return out


class Layer(nn.Module):
    """Pre-norm self-attention and a two-layer perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.a = Attention()
        self.m = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.n1(tokens)
        tokens = tokens + self.a(normed, normed)
        out: Tensor = tokens + self.m(self.n2(tokens))
        return out


class PlateNetwork(nn.Module):
    """Reads a batch of RGB crops, uint8, shape (N, 48, 144, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _convolution(3, 24, 5, (2, 2)),
            _convolution(24, 48, 3, (2, 2)),
            _convolution(48, 64, 3, (1, 1)),
            _convolution(64, 96, 3, (2, 1)),
            _convolution(96, WIDTH, 3, (1, 2)),
        )
        tokens = GRID[0] * GRID[1]
        self.pos = nn.Parameter(torch.zeros(1, tokens, WIDTH))
        self.enc = nn.ModuleList([Layer()])
        self.nf = nn.LayerNorm(WIDTH)
        self.qs = nn.Parameter(torch.randn(1, SLOTS, WIDTH) * 0.02)
        self.bias = nn.Parameter(_slot_bias())
        self.red = Attention()
        self.post = nn.ModuleList([Layer(), Layer()])
        self.again, self.na = Attention(), nn.LayerNorm(WIDTH)
        _start_silent(self.again.o, self.post[1].a.o, self.post[1].m[2])
        self.n = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(ALPHABET))
        self.typ = nn.Linear(WIDTH, len(PLATE_STYLES))

    def forward(self, crops: Tensor) -> Outputs:
        x = (crops.permute(0, 3, 1, 2).float() - 127.5) / 64.0
        return self.read(self.stem(x))

    def read(self, features: Tensor) -> Outputs:
        """Read what the convolutions made of the crops, shape (N, WIDTH, *GRID)."""
        tokens = features.reshape(-1, WIDTH, GRID[0] * GRID[1]).transpose(1, 2) + self.pos
        for layer in self.enc:
            tokens = layer(tokens)
        tokens = self.nf(tokens)
        slots = self.qs + self.red(self.qs, tokens, self.bias)
        slots = self.post[0](slots)
        slots = self.post[1](slots + self.again(self.na(slots), tokens))
        return Outputs(self.head(self.n(slots)), self.typ(tokens.mean(dim=1)))


def _convolution(before: int, after: int, kernel: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.ReLU())


def _start_silent(*layers: nn.Linear) -> None:
    """Let what is added here add nothing at first: an earlier network without it reads as before."""
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


def _slot_bias() -> Tensor:
    """Start each slot's attention where GA 36 puts its character: without it training sits on a plateau for long."""
    # The ninth is seldom in use: it starts where the eighth stands.
    centres = torch.linspace(0.09, 0.91, 8).repeat_interleave(torch.tensor([1] * 7 + [SLOTS - 7]))
    columns = (torch.arange(GRID[1]) + 0.5) / GRID[1]
    row = -((columns[None, :] - centres[:, None]) ** 2) / (2 * 0.08**2)
    return row.repeat(1, GRID[0])[None, None]
