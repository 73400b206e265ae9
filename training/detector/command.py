"""Make the plate detector: `python -m training.detector render|train|blend|export|score --help`.

render  draw a sheet of training views, to look at
train   learn; give the same --work again to go on after an interruption
blend   average the weights of two networks
export  write the ONNX file
score   recall, precision, corner error, false plates and speed on the development data
"""

import json
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import torch
import typer

from ocr.detector import PlateDetector
from training.checksums import CHECKSUMS, refresh_checksums
from training.detector.blend import blend
from training.detector.export import export_onnx, folded, padded, quantise_detector
from training.detector.material import batches, data_digest, load_material, make_batch
from training.detector.net import PlateNet
from training.detector.real_scenes import BOX_SETS, PHOTO_SETS, Part, load_clean_frames, load_photos, scaled
from training.detector.score import false_plates, milliseconds, score_scenes
from training.detector.start import start_from
from training.detector.train import TrainSettings, load_averaged, load_checkpoint, new_state, train
from training.detector.views import make_view

app = typer.Typer(add_completion=False, help=__doc__)
DataFolder = Annotated[Path, typer.Option("--data", help="development data folder")]
WorkFolder = Annotated[Path, typer.Option("--work", help="folder for checkpoints and logs, outside the repository")]
Cornered = Literal["none", "train", "all"]
DATA_DEFAULT, WORK_DEFAULT = Path("../shared/data"), Path("build/detector")
DATA_USED = ("boxes", "photos", "ccpd", "glyphs", "patches", "crops/easypr")
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)
CALIBRATION_STEP = 40


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="PNG to write; it shows real photos: keep it outside the repository")],
    data: DataFolder = DATA_DEFAULT,
    seed: int = 1,
    plates: Annotated[int, typer.Option(help="rendered plates to draw from")] = 200,
) -> None:
    """Draw 40 training views with their corners."""
    material = load_material(data, plates, seed, "train", None, out.with_suffix(".json"))
    rng = np.random.default_rng(seed)
    views = [make_view(material, 384, 384, rng) for _ in range(40)]
    for view in views:
        cv2.polylines(view.image, list(np.round(view.quads).astype(np.int32)), True, (0, 255, 0), 1)
    rows = [np.hstack([view.image for view in views[i : i + 8]]) for i in range(0, 40, 8)]
    cv2.imwrite(str(out), np.vstack(rows))


@app.command(name="train")
def train_command(
    data: DataFolder = DATA_DEFAULT,
    work: WorkFolder = WORK_DEFAULT,
    minutes: Annotated[float, typer.Option(help="training time in all, restarts included")] = 120,
    cornered: Annotated[Cornered, typer.Option(help="which part of the Chinese photos to learn from")] = "train",
    first_look: Annotated[
        Path | None, typer.Option(help="detector (.onnx) that finds plates which the truth of a photo lacks")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="exported network (.onnx) or checkpoint (.pt) to start from")
    ] = None,
    batch_pixels: Annotated[int, typer.Option(help="pixels of a batch of views")] = 16 * 384 * 384,
    rate: Annotated[float, typer.Option(help="highest learning rate")] = 1.5e-3,
    plates: Annotated[int, typer.Option(help="rendered plates to draw from")] = 4000,
    seed: int = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    frozen: Annotated[int, typer.Option(help="first layers, 0 to 4, that keep the weights of --start")] = 0,
    threads: Annotated[int, typer.Option(help="threads of the network; another one draws views")] = 1,
) -> None:
    """Learn, writing work/checkpoint.pt every three minutes."""
    work.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    torch.set_num_threads(threads)
    checkpoint = work / "checkpoint.pt"
    first = PlateDetector(first_look) if first_look else None
    material = load_material(data, plates, seed, cornered, first, work / "unlabelled.json")
    settings = TrainSettings(minutes=minutes, learning_rate=rate, frozen=frozen)
    net = PlateNet()
    if start and start.suffix == ".pt":
        net.load_state_dict(load_averaged(start).state_dict())
    elif start:
        start_from(net, start, make_batch(material, batch_pixels, seed + 1, 0).pixels.float())
    state = new_state(net, settings, torch.device(device))
    if checkpoint.exists():
        load_checkpoint(state, checkpoint)
    run = {
        "seed": seed,
        "minutes": minutes,
        "cornered": cornered,
        "data": data_digest(data, DATA_USED),
        "plates": plates,
    }
    (work / "run.json").write_text(json.dumps(run), encoding="utf-8")
    with batches(material, batch_pixels, seed, state.step) as stream:
        train(state, stream, settings, checkpoint, lambda line: typer.echo(line, err=True))


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a run")],
    out: Annotated[Path, typer.Argument(help="ONNX file to write")] = Path("ocr/models/detector.onnx"),
    eight_bit: Annotated[bool, typer.Option(help="quantise (less than half the time a frame)")] = True,
    data: DataFolder = DATA_DEFAULT,
) -> None:
    """Write the averaged network of a checkpoint as ONNX, and its sum where the folder keeps a list of sums."""
    full = checkpoint.with_suffix(".onnx") if eight_bit else out
    export_onnx(folded(load_averaged(checkpoint)), full)
    if eight_bit:
        photos = [s for name in BOX_SETS for s in list(load_photos(data, name))[::CALIBRATION_STEP]]
        photos += [s for name in PHOTO_SETS for s in list(load_photos(data, name, "train"))[::4]]
        quantise_detector(full, out, [*photos, *load_clean_frames(data, "train", CALIBRATION_STEP)])
    if (out.parent / CHECKSUMS).exists():
        refresh_checksums(out.parent)


@app.command(name="blend")
def blend_command(
    first: Annotated[Path, typer.Argument(help="exported network (.onnx, not in 8 bits)")],
    second: Annotated[Path, typer.Argument(help="another one, trained from it")],
    out: Annotated[Path, typer.Argument(help="ONNX file to write, in floating point")],
    share: Annotated[float, typer.Option(help="share of the second network")] = 0.5,
    data: DataFolder = DATA_DEFAULT,
) -> None:
    """Average the weights of two networks."""
    scenes = list(load_photos(data, BOX_SETS[0]))[:8]
    sample = torch.stack([torch.from_numpy(padded(scaled(s.image, 384))[0, :256, :256]) for s in scenes])
    export_onnx(blend(first, second, share, sample.permute(0, 3, 1, 2).float()), out)


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="ONNX file")] = Path("ocr/models/detector.onnx"),
    data: DataFolder = DATA_DEFAULT,
    part: Annotated[
        Literal["train", "held_out", "all"], typer.Option(help="which part of the Chinese photos")
    ] = "held_out",
    boxes: Annotated[bool, typer.Option(help="also the foreign photos, every 10th (they were trained on)")] = False,
) -> None:
    """Print recall, precision (a lower bound), corner error in plate heights, false plates and milliseconds."""
    detector = PlateDetector(model)
    for name in PHOTO_SETS:
        _print_scores(detector, data, name, part, 1)
    for name in BOX_SETS if boxes else ():
        _print_scores(detector, data, name, "all", 10)
    for patches in (False, True):
        counts, frames = false_plates(detector, data, THRESHOLDS, patches)
        what = "clean frames with not-plates, captions and signs" if patches else "clean frames"
        for threshold, count in zip(THRESHOLDS, counts, strict=True):
            typer.echo(f"{what} at {threshold}: {count} false on {frames} ({100 * count / max(1, frames):.1f} per 100)")
    typer.echo(f"640 x 384: {milliseconds(model, 384, 640):.1f} ms")


def _print_scores(detector: PlateDetector, data: Path, name: str, part: Part, step: int) -> None:
    scenes = list(load_photos(data, name, part))[::step]
    for threshold, s in zip(THRESHOLDS, score_scenes(detector, scenes, THRESHOLDS), strict=True):
        recall, precision = (
            f"{s.recall:.1%} ({s.found}/{s.plates})",
            f"{s.precision:.1%} ({s.found}/{s.found + s.false})",
        )
        typer.echo(
            f"{name} {part} at {threshold}: recall {recall}, precision {precision}, corners {s.corner_error:.3f}"
        )
