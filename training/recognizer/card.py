"""The model card: what the recogniser was made of and how well it reads, in numbers only."""

import hashlib
import os
import platform
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from training.plates.alphabet import SLOTS
from training.plates.specs import PLATE_STYLES
from training.recognizer.measuring import USUAL_STRENGTH, Measurement
from training.recognizer.scoring import SetScore

_HASHED = ("crops/lprnet", "crops/chenwj", "crops/easypr", "ccpd", "photos", "patches", "glyphs")
_TERMS = {
    "crops/lprnet": "Apache-2.0",
    "crops/chenwj": "Apache-2.0",
    "crops/easypr": "Apache-2.0",
    "ccpd": "MIT (CCPD)",
    "photos": "EasyPR GDSL: study and evaluation; models trained on them are free",
    "patches": "Apache-2.0",
    "glyphs": "MIT",
}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card needs beside the measurement."""

    development_data: Path
    parameters: int
    temperature: float
    is_eight_bit: bool
    cross_fitted_error: float
    """Calibration error with the temperature fitted on the other half of the held-out crops."""
    training: tuple[str, ...]
    """One line for each step of training that led to the model: start, minutes, seed, share of real crops."""
    measured_on: date
    machine: str


def machine_name() -> str:
    """Return the processor's name and its number of cores, as far as the system tells."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{os.cpu_count()}-core {found or platform.machine()}"


def write_card(path: Path, facts: CardFacts, measured: Measurement) -> None:
    """Write the Markdown card."""
    results = (_head(facts, measured), _scores(facts, measured), _special(measured))
    sections = (*results, _training(facts), _data(facts), _LIMITS)
    path.write_text("\n\n".join(sections) + "\n", "utf-8")


_EIGHT_BIT = """
Stem, encoder and the picture's side of the decoder's attention compute in 8 bits (weights in 7, so that processors
without VNNI do not overflow), the first convolution and the rest of the decoder in floating point."""


def _head(facts: CardFacts, measured: Measurement) -> str:
    eight_bit = _EIGHT_BIT if facts.is_eight_bit else ""
    size = f"{facts.parameters:,}"
    return f"""# Recogniser
Reads one plate crop. fast-plate-ocr's format: `recognizer.onnx` (opset 17, {size} parameters) and
`recognizer.yaml`; input `input` uint8 (N, 48, 144, 3) RGB; outputs `plate` (N, {SLOTS}, classes) and `region`
(N, {len(PLATE_STYLES)} styles), both probabilities. The logits of `plate` are divided by the temperature
{facts.temperature} in the graph.{eight_bit}

Crop: perspective warp of the plate's corners to 144 x 48 with a margin of 3 % left and right, 6 % top and bottom; a
bounding box of a tilted plate is read too. Two-line plates: the style says so, `ocr/two_line.py` stitches, read again.

Speed: {measured.ms_batch_1:.2f} ms a crop at batch 1, {measured.ms_batch_16:.2f} ms at batch 16 (one thread, median,
{facts.machine}, {facts.measured_on.isoformat()}, other work on the machine)."""


def _scores(facts: CardFacts, measured: Measurement) -> str:
    rows = "\n".join(_row(score) for score in measured.sets)
    exact, count = measured.green
    return f"""## Real plates, held out
One plate text in five (by hash, `training.real_crops.is_held_out`) was never trained on; only those are counted here.
A read is right when it equals the label with O = 0 and I = 1. `+raw` are axis-aligned boxes of the same photos' plates;
corners of `ccpd` and `photos` are the labelled ones. The temperature was fitted on the same held-out crops, and the
checkpoint was chosen with a look at them. Their labels are not free of errors (file names of easypr above all).

| set | plates | exact | without province | province right | style right |
|---|---|---|---|---|---|
{rows}

Green plates (ccpd): {exact} of {count}. Mean confidence (weakest character) {measured.mean_confidence:.3f},
expected calibration error {measured.calibration_error:.4f} over 10 bins ({facts.cross_fitted_error:.4f} where
the temperature is fitted on one half of the texts and measured on the other).
Things that are no plate and noise (1,000, held-out pictures): mean text confidence {measured.nothing_confidence:.3f},
{100 * measured.nothing_rejected:.1f} % called `not_plate`."""


def _row(score: SetScore) -> str:
    def share(part: int) -> str:
        return f"{part} ({100 * part / score.count:.1f} %)"

    cells = (share(score.exact), share(score.without_province), share(score.province), share(score.style))
    return f"| {score.name} | {score.count} | " + " | ".join(cells) + " |"


def _special(measured: Measurement) -> str:
    rows = "\n".join(
        f"| {s.form} | {s.count} | {100 * s.usual / s.count:.1f} % | {100 * s.full / s.count:.1f} % |"
        for s in measured.special
    )
    count = sum(s.count for s in measured.special)
    usual, full = sum(s.usual for s in measured.special), sum(s.full for s in measured.special)
    return f"""## Rendered plates, seeds never trained on
The recogniser alone, without the reader's grammar and second look (`bench.special_plates` has those).
Crops 24 to 90 pixels high with imperfect corners. Usual damage: each effect of `training/plates/damage.py` in
{USUAL_STRENGTH} of its share in training; full damage as in training, where some plates are beyond reading.

| form | plates | exact, usual damage | exact, full damage |
|---|---|---|---|
{rows}
| all | {count} | {100 * usual / count:.1f} % | {100 * full / count:.1f} % |"""


def _training(facts: CardFacts) -> str:
    lines = "\n".join(f"- {line}" for line in facts.training)
    return f"""## Training
{lines}
- Temperature {facts.temperature} by negative log-likelihood on the held-out real crops.

To make it again (CPU or CUDA, resumable; the shards are rendered from seeds; `--start` may be left out, then train
several times longer):
```
pip install -e .[train]
python -m training.recognizer render --out shards --count 200000 --seed 20261125
python -m training.recognizer render --out shards --style white --count 64000 --seed 20261126
python -m training.recognizer render --out shards --style white_two_line --count 24000 --seed 20261127
python -m training.recognizer render --out shards --style white --mark WJ --count 48000 --seed 20261128
python -m training.recognizer render --out shards --style white_two_line --mark WJ --count 16000 --seed 20261129
python -m training.recognizer render --out shards --style yellow_two_line --mark 挂 --count 24000 --seed 20261130
python -m training.recognizer --threads 2 train --shards shards --checkpoint run.pt --seed 17 --minutes 100 --compile \\
    --start ocr/models/recognizer.onnx --checker ocr/models/recognizer.onnx --real-share 0.3
python -m training.recognizer export --checkpoint run.pt --shards shards --out ocr/models/recognizer.onnx
```"""


def _data(facts: CardFacts) -> str:
    rows = "\n".join(_data_row(facts.development_data, name) for name in _HASHED)
    return f"""## Data
The development data folder, not part of this repository. No plate text or picture of it is stored here.

| folder | files | terms | BLAKE2b of names and contents |
|---|---|---|---|
{rows}
| boxes | backgrounds only | Apache-2.0, MIT | |"""


def _data_row(development_data: Path, name: str) -> str:
    count, digest = folder_digest(development_data / name)
    return f"| {name} | {count} | {_TERMS[name]} | `{digest}` |"


def folder_digest(folder: Path) -> tuple[int, str]:
    """Return the number of files below `folder` and a digest of their names and contents."""
    digest = hashlib.blake2b(digest_size=16)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return len(paths), digest.hexdigest()


_LIMITS = """## Limits
- Real plates in the development data are blue, some single-line yellow, a few green. White, black, two-line, large
  new-energy, civil aviation and emergency plates are known from drawings only.
- 民航应急 are drawn with a common font, not with the plate's own shapes.
- lprnet is 95 % 皖, easypr 58 % 苏: their province figures say little about other provinces. Provinces were balanced in
  training with real province characters printed over real and rendered plates.
- Tractors, motorcycles, WJ until 2012 and temporary plates are known from drawings only; how the line of a temporary
  plate stands on its card of 220 x 140 mm is drawn in many ways, because no picture of one is at hand.
- Half plates, lettering and noise are trained to give `not_plate` and an empty text; other signs may still be read."""
