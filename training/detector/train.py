"""The detector's training loop: schedule by elapsed time, averaged weights, checkpoints, resumable."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

from training.detector.material import Batch
from training.detector.net import PlateNet
from training.detector.targets import detector_loss

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to learn."""

    minutes: float
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-4
    corner_weight: float = 3.0
    """Weight of the corner loss beside the score loss, which is about four times as large."""
    warm_up: float = 0.02
    """Share of the time in which the learning rate rises."""
    ema_decay: float = 0.998
    checkpoint_every_s: float = 180.0
    longest_step_s: float = 30.0
    """What a single step counts for at most."""
    max_norm: float = 5.0
    frozen: int = 0
    """First layers of the stem that stay as they are: two of them save a fifth of the time of a step."""


@dataclass(slots=True)
class TrainState:
    """Everything a checkpoint holds."""

    net: PlateNet
    averaged: PlateNet
    """Exponential moving average of `net`: what is exported."""
    optimizer: torch.optim.Optimizer
    step: int = 0
    elapsed_s: float = 0.0


class Checkpoint(TypedDict):
    """What is in a checkpoint's file: the state dicts of PyTorch's objects, and how far they came."""

    net: dict[str, Tensor]
    averaged: dict[str, Tensor]
    optimizer: dict[str, object]
    step: int
    elapsed_s: float


def new_state(net: PlateNet, settings: TrainSettings, device: torch.device) -> TrainState:
    """Return a state at step 0 around `net`."""
    net = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this form of `to`
    net.stem[: settings.frozen].requires_grad_(False)
    learnt = [p for p in net.parameters() if p.requires_grad]
    decayed, plain = ([p for p in learnt if (p.ndim > 1) is wanted] for wanted in (True, False))
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
    return TrainState(net, copy.deepcopy(net).eval().requires_grad_(False), optimizer)


def train(
    state: TrainState,
    batches: Iterator[Batch],
    settings: TrainSettings,
    checkpoint: Path,
    say: Callable[[str], None],
    now: Clock = time.monotonic,
) -> None:
    """Learn until `settings.minutes` of training are spent in all, counting those before a restart."""
    device = next(state.net.parameters()).device
    last = saved = now()
    losses: list[tuple[float, float]] = []
    state.net.train()
    state.net.stem[: settings.frozen].eval()
    while state.elapsed_s < settings.minutes * 60:
        rate = settings.learning_rate * learning_rate_factor(
            state.elapsed_s / (settings.minutes * 60), settings.warm_up
        )
        losses.append(train_step(state, next(batches), rate, settings, device))
        # A stopped or suspended process loses none of its schedule.
        state.elapsed_s += min((at := now()) - last, settings.longest_step_s)
        last = at
        if state.step % 50 == 0:
            score, corner = (sum(column) / len(losses) for column in zip(*losses, strict=True))
            spent = f"step {state.step} {state.elapsed_s / 60:.1f} min rate {rate:.2e}"
            say(f"{spent} score {score:.4f} corner {corner:.4f}")
            losses.clear()
        if now() - saved > settings.checkpoint_every_s:
            save_checkpoint(state, checkpoint)
            saved = now()
    save_checkpoint(state, checkpoint)


def train_step(
    state: TrainState, batch: Batch, rate: float, settings: TrainSettings, device: torch.device
) -> tuple[float, float]:
    """Take one step and return the score loss and the corner loss."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    pixels = batch.pixels.to(device).float().contiguous(memory_format=torch.channels_last)
    target: tuple[Tensor, ...] = tuple(part.to(device) for part in batch.target)
    with torch.autocast(device.type, torch.bfloat16):
        out = state.net(pixels)
    score_loss, corner_loss = detector_loss(out, target)  # type: ignore[arg-type]  # the wrapped network gives what ours gives
    state.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(score_loss + settings.corner_weight * corner_loss)
    torch.nn.utils.clip_grad_norm_(state.net.parameters(), settings.max_norm)
    state.optimizer.step()
    state.step += 1
    _average(state, min(settings.ema_decay, (1 + state.step) / (10 + state.step)))
    return float(score_loss.detach()), float(corner_loss.detach())


def learning_rate_factor(spent: float, warm_up: float) -> float:
    """Return the share of the learning rate after the share `spent` of the time: a short rise, then half a cosine."""
    if spent < warm_up:
        return max(0.02, spent / warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, (spent - warm_up) / (1 - warm_up)))) / 2


def save_checkpoint(state: TrainState, path: Path) -> None:
    """Write the whole state; an interrupted write leaves the old file."""
    content = Checkpoint(
        net=state.net.state_dict(),
        averaged=state.averaged.state_dict(),
        optimizer=state.optimizer.state_dict(),
        step=state.step,
        elapsed_s=state.elapsed_s,
    )
    temporary = path.with_suffix(".part")
    torch.save(content, temporary)
    temporary.replace(path)


def load_checkpoint(state: TrainState, path: Path) -> None:
    """Continue where `save_checkpoint` stopped."""
    content = _read(path)
    state.net.load_state_dict(content["net"])
    state.averaged.load_state_dict(content["averaged"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step, state.elapsed_s = content["step"], content["elapsed_s"]


def load_averaged(path: Path) -> PlateNet:
    """Return the averaged network of a checkpoint, ready for export."""
    net = PlateNet()
    net.load_state_dict(_read(path)["averaged"])
    return net.eval()


def _read(path: Path) -> Checkpoint:
    content: Checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    return content


@torch.no_grad()
def _average(state: TrainState, decay: float) -> None:
    pairs = zip(state.averaged.state_dict().values(), state.net.state_dict().values(), strict=True)
    for kept, new in pairs:
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
