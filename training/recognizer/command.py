"""Makes the recogniser: `python -m training.recognizer render | train | export | join | score`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.plates.specs import STYLE_WEIGHTS
from training.recognizer.calibrating import cross_fitted_error, fit_temperature
from training.recognizer.card import CardFacts, machine_name, write_card
from training.recognizer.exporting import export, open_model
from training.recognizer.feeding import FeedSettings, feed, typical_inputs
from training.recognizer.joining import join
from training.recognizer.learning import LearnSettings, learn, load_average, trained_with
from training.recognizer.measuring import held_out_crops, measure
from training.recognizer.network import PlateNetwork
from training.recognizer.shards import render_shards
from training.recognizer.starting import start_from_branch, start_from_model

DEVELOPMENT_DATA = Path("../shared/data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; returns the exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    steps = {"render": _render, "train": _train, "export": _export, "join": _join, "score": _score}
    steps[options.step](options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer", description=__doc__)
    parser.add_argument("--data", type=Path, default=DEVELOPMENT_DATA, help="development data folder (%(default)s)")
    parser.add_argument("--glyphs", type=Path, help="folder of plate glyphs (default: glyphs/ in --data)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (%(default)s)")
    steps = parser.add_subparsers(dest="step", required=True)
    render = steps.add_parser("render", help="render examples into shards; goes on where it stopped")
    render.add_argument("--out", type=Path, required=True, help="folder of the shards")
    render.add_argument("--count", type=int, default=240_000, help="number of examples (%(default)s)")
    render.add_argument("--style", choices=[*STYLE_WEIGHTS], help="more of this style (default: all in their shares)")
    render.add_argument("--mark", default="", help="with --style: only plates with this mark, as WJ or 挂")
    render.add_argument("--seed", type=int, default=20261124)
    render.add_argument("--worker", type=int, default=0, help="which of --workers processes this is")
    render.add_argument("--workers", type=int, default=1)
    _add_train(steps.add_parser("train", help="train by the clock; an existing checkpoint is gone on with"))
    finish = steps.add_parser(
        "export", help="calibrate, write ONNX (8 bits with --shards), YAML, checksums and the model card"
    )
    finish.add_argument("--checkpoint", type=Path, required=True)
    finish.add_argument("--out", type=Path, required=True, help="the .onnx file; YAML and card come beside it")
    finish.add_argument("--note", action="append", default=[], help="a line for the card's training section")
    both = steps.add_parser(
        "join", help="join a branch trained with --keep-stem to the recogniser it started from (8 bits with --shards)"
    )
    both.add_argument("--known", type=Path, required=True, help="the exported recogniser whose reads stay as they are")
    both.add_argument("--checkpoint", type=Path, required=True)
    both.add_argument("--out", type=Path, required=True, help="the .onnx file; the YAML comes beside it")
    score = steps.add_parser("score", help="measure an exported recogniser on held-out plates")
    score.add_argument("--model", type=Path, required=True)
    for each in (finish, both):
        each.add_argument("--shards", type=Path, help="rendered shards, to measure the value ranges of 8 bits on")
    for each in (finish, score):
        each.add_argument("--rendered", type=int, default=200, help="plates of each special form (%(default)s)")
    return parser


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("--shards", type=Path, required=True, help="folder of rendered shards; may still be growing")
    train.add_argument("--checkpoint", type=Path, required=True)
    train.add_argument("--minutes", type=float, default=80.0, help="length of the schedule (%(default)s)")
    train.add_argument(
        "--start", type=Path, help="weights: a checkpoint (.pt) or an exported recogniser (.onnx, YAML beside it)"
    )
    train.add_argument("--branch", action="store_true", help="begin with the branch of --start: with --keep-stem")
    train.add_argument("--real-share", type=float, default=0.5, help="share of real crops in a batch (%(default)s)")
    train.add_argument("--checker", type=Path, help="exported recogniser that finds mislabelled real crops")
    train.add_argument("--batch-size", type=int, default=128)
    train.add_argument("--learning-rate", type=float, default=8e-4)
    train.add_argument("--loaders", type=int, default=1, help="processes that prepare batches (%(default)s)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    train.add_argument("--float32", action="store_true", help="for a processor without bfloat16")
    train.add_argument("--keep-stem", action="store_true", help="train all but the convolutions: for new plate forms")
    train.add_argument("--compile", action="store_true", help="compile the network first: faster, needs g++")


def _render(options: argparse.Namespace) -> None:
    glyphs = options.glyphs or options.data / "glyphs"
    for path in render_shards(
        options.out,
        options.data,
        glyphs,
        options.count,
        options.seed,
        options.worker,
        options.workers,
        options.style,
        options.mark,
    ):
        _say(str(path))


def _train(options: argparse.Namespace) -> None:
    network = PlateNetwork()
    if options.start is not None:
        if options.start.suffix == ".onnx":
            (start_from_branch if options.branch else start_from_model)(network, options.start)
        else:
            network.load_state_dict(load_average(options.start).state_dict())
    mix = FeedSettings(
        options.shards, options.data, options.batch_size, options.real_share, options.seed, options.checker
    )
    batches = feed(mix, options.loaders)
    settings = LearnSettings(
        options.checkpoint,
        options.minutes,
        options.learning_rate,
        device=options.device,
        seed=options.seed,
        uses_bfloat16=not options.float32,
        keeps_stem=options.keep_stem,
        compiles=options.compile,
    )
    learn(network, batches, settings, _say)


def _export(options: argparse.Namespace) -> None:
    network = load_average(options.checkpoint)
    crops = held_out_crops(options.data)
    temperature = fit_temperature(network, crops)
    inputs = _inputs(options)
    export(network, temperature, options.out, inputs)
    measured = measure(
        open_model(options.out), options.data, options.glyphs or options.data / "glyphs", 1, options.rendered
    )
    facts = CardFacts(
        options.data,
        sum(parameter.numel() for parameter in network.parameters()),
        temperature,
        inputs is not None,
        cross_fitted_error(network, crops),
        (*options.note, trained_with(options.checkpoint)),
        datetime.now(UTC).date(),
        machine_name(),
    )
    write_card(options.out.with_suffix(".md"), facts, measured)
    _say(f"wrote {options.out}, temperature {temperature}")


def _join(options: argparse.Namespace) -> None:
    branch = load_average(options.checkpoint)
    temperature = fit_temperature(branch, held_out_crops(options.data))
    join(options.known, branch, temperature, options.out, _inputs(options))
    _say(f"wrote {options.out}, temperature of the branch {temperature}")


def _inputs(options: argparse.Namespace) -> Iterator[NDArray[np.uint8]] | None:
    """Return crops to measure value ranges on; None, where there are no shards, leaves all in floating point."""
    return None if options.shards is None else typical_inputs(FeedSettings(options.shards, options.data))


def _score(options: argparse.Namespace) -> None:
    glyphs = options.glyphs or options.data / "glyphs"
    measured = measure(open_model(options.model), options.data, glyphs, 1, options.rendered)
    for score in measured.sets:
        _say(f"{score.name}: {score.exact} of {score.count} exact, province {score.province}, style {score.style}")
    _say(f"green: {measured.green[0]} of {measured.green[1]}")
    for special in measured.special:
        _say(f"rendered {special.form}: {special.usual} and {special.full} of {special.count} (usual, full damage)")
    _say(f"calibration error {measured.calibration_error:.4f}, mean confidence {measured.mean_confidence:.4f}")
    _say(f"no plate: confidence {measured.nothing_confidence:.4f}, rejected {measured.nothing_rejected:.4f}")
    _say(f"ms a crop: {measured.ms_batch_1:.2f} at batch 1, {measured.ms_batch_16:.2f} at batch 16")


def _say(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
    sys.stdout.flush()
