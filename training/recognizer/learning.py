"""The training loop: schedule by the clock, moving average of the weights, checkpoints to go on from."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from training.recognizer.feeding import Batch
from training.recognizer.network import Outputs, PlateNetwork


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """One run."""

    checkpoint: Path
    minutes: float
    """Length of the whole schedule; a resumed run goes on where it stopped."""
    learning_rate: float = 8e-4
    weight_decay: float = 0.02
    average_decay: float = 0.999
    """Share that the moving average keeps at each step."""
    style_weight: float = 0.3
    device: str = "cpu"
    uses_bfloat16: bool = True
    """Half as fast again where the processor computes in bfloat16 (AMX, AVX512-BF16), ten times slower where not."""
    keeps_stem: bool = False
    """Leave the convolutions as they are: nearly twice as fast, and what they see of real plates is not forgotten."""
    compiles: bool = False
    """Compile the network with torch.compile: a quarter faster on two cores, needs a C++ compiler."""
    seed: int = 0
    checkpoint_every_s: float = 120.0
    longest_step_s: float = 10.0
    """What a single step counts for at most."""


def learn(
    network: PlateNetwork, batches: Iterator[Batch], settings: LearnSettings, report: Callable[[str], None]
) -> PlateNetwork:
    """Train until the schedule ends and return the averaged network."""
    torch.manual_seed(settings.seed)
    network = network.to(settings.device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]  # torch's stubs lack it
    network.stem.requires_grad_(not settings.keeps_stem)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    average = copy.deepcopy(network)
    elapsed, step = resume(settings.checkpoint, network, average, optimizer, settings.device)
    compiled = torch.compile(network) if settings.compiles else network
    before, saved, loss = time.monotonic(), elapsed, 0.0
    while elapsed < settings.minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule(elapsed / (settings.minutes * 60))
        loss += 0.02 * (_step(compiled, next(batches), optimizer, settings) - loss)
        step += 1
        _move_average(average, network, min(settings.average_decay, (1 + step) / (10 + step)))
        # A stopped or suspended process loses none of its schedule.
        before, taken_s = (now := time.monotonic()), now - before
        elapsed += min(taken_s, settings.longest_step_s)
        if step % 100 == 0:
            report(f"step {step} at {elapsed / 60:.1f} min: loss {loss:.4f}")
        if elapsed - saved > settings.checkpoint_every_s:
            saved = elapsed
            save(settings, network, average, optimizer, elapsed, step)
    save(settings, network, average, optimizer, elapsed, step)
    return average


def _schedule(progress: float) -> float:
    """Warm up over the first 3 %, then a cosine down to 1 %."""
    return min(1.0, progress / 0.03 + 0.02) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def _step(network: PlateNetwork, batch: Batch, optimizer: torch.optim.Optimizer, settings: LearnSettings) -> float:
    with torch.autocast(settings.device, torch.bfloat16, enabled=settings.uses_bfloat16):
        outputs = network(batch.crops.to(settings.device))
    loss = _loss(outputs, batch, settings)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimizer.step()
    return float(loss.detach())


def _loss(outputs: Outputs, batch: Batch, settings: LearnSettings) -> Tensor:
    """Cross entropy of each slot of the legible plates, and of the style."""
    device = settings.device
    slots = functional.cross_entropy(
        outputs.plate.float().flatten(0, 1), batch.classes.to(device).flatten(), reduction="none"
    )
    weight = batch.legible.to(device)
    text = (slots.reshape(batch.classes.shape).mean(dim=1) * weight).sum() / weight.sum().clamp(min=1)
    style = functional.cross_entropy(outputs.style.float(), batch.styles.to(device))
    total: Tensor = text + settings.style_weight * style
    return total


@torch.no_grad()
def _move_average(average: PlateNetwork, network: PlateNetwork, decay: float) -> None:
    for kept, new in zip(average.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)


def save(
    settings: LearnSettings,
    network: PlateNetwork,
    average: PlateNetwork,
    optimizer: torch.optim.Optimizer,
    elapsed: float,
    step: int,
) -> None:
    """Replace the checkpoint file; a reader sees the old or the new one, never a part."""
    stored = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "elapsed_s": elapsed,
        "step": step,
        "settings": {name: value for name, value in asdict(settings).items() if name != "checkpoint"},
    }
    settings.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    temporary = settings.checkpoint.with_suffix(".part")
    torch.save(stored, temporary)
    temporary.replace(settings.checkpoint)


def resume(
    checkpoint: Path, network: PlateNetwork, average: PlateNetwork, optimizer: torch.optim.Optimizer, device: str
) -> tuple[float, int]:
    """Load a checkpoint where there is one; return (seconds trained, steps)."""
    if not checkpoint.exists():
        return 0.0, 0
    stored = torch.load(checkpoint, map_location=device, weights_only=True)
    network.load_state_dict(stored["network"])
    average.load_state_dict(stored["average"])
    optimizer.load_state_dict(stored["optimizer"])
    return float(stored["elapsed_s"]), int(stored["step"])


def load_average(checkpoint: Path) -> PlateNetwork:
    """Return the averaged network of a checkpoint, ready to read."""
    network = PlateNetwork()
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])
    return network.eval()


def trained_with(checkpoint: Path) -> str:
    """Return one line for the model card: steps, minutes and settings of a checkpoint."""
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = stored["settings"]
    return (
        f"{stored['step']:,} steps in {float(stored['elapsed_s']) / 60:.0f} minutes on {settings['device']}, "
        f"peak learning rate {settings['learning_rate']}, seed {settings['seed']}, averaged weights"
    )
