"""How well are the rarer plates read, crop to text? `python -m bench.special_plates [--data DIR]`

Rendered plates (seeds never trained on), seen by a camera 24 to 90 pixels high with imperfect corners; no real picture
of most of these forms is at hand. Usual damage is that of most pictures, full damage that of training.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.development_sets import DEFAULT_FOLDER
from bench.report import Report, bench_options, require_data
from bench.scoring import canonical
from ocr.models_folder import MODELS_FOLDER, shipped_models
from ocr.reader import PlateReader
from training.plates.glyphs import GlyphSet, load_glyphs
from training.recognizer.measuring import FULL_STRENGTH, RENDERED_HEIGHTS_PX, SPECIAL_FORMS, USUAL_STRENGTH, spec_of
from training.recognizer.samples import rendered_crop
from training.textures import Textures, load_textures

MIN_EXACT = 95.0
"""Percent of each form under usual damage: the bar of the models issue."""
MIN_EXACT_FURTHER = 90.0
"""The same for the forms that the recogniser's second branch reads: the bar of the issue on reading."""
FURTHER_FORMS = frozenset(("tractor", "motorcycle", "light motorcycle", "WJ until 2012", "temporary"))


def parse(purpose: str, arguments: Sequence[str] | None, count: int) -> argparse.Namespace:
    """Return the options of a bench of rendered plates."""
    return ready(parser_of(purpose, count), arguments)


def parser_of(purpose: str, count: int) -> argparse.ArgumentParser:
    """Return a parser that knows the options of benches of rendered plates."""
    parser = bench_options(purpose)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="development data (default %(default)s)")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="model folder (default: the shipped one)")
    parser.add_argument("--count", type=int, default=count, help="plates of each form (default %(default)s)")
    return parser


def ready(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options when the data are here; one thread reads."""
    options = parser.parse_args(arguments)
    require_data(parser, options.data)
    cv2.setNumThreads(1)
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(__doc__ or "", arguments, 300)
    reader = PlateReader.from_models(shipped_models(options.models))
    rng = np.random.default_rng(41)
    glyphs, textures = load_glyphs(options.data / "glyphs"), load_textures(options.data, rng, 2000, held_out=True)
    report = Report("Rendered plates of the rarer forms, whole crops through the reader")
    for form in SPECIAL_FORMS:
        usual, full = (
            _exact_percent(reader, form, glyphs, textures, rng, options.count, strength)
            for strength in (USUAL_STRENGTH, FULL_STRENGTH)
        )
        report.add_row("exact, %", form=form, plates=options.count, usual_damage=usual, full_damage=full)
        least = MIN_EXACT_FURTHER if form in FURTHER_FORMS else MIN_EXACT
        report.add_bar(f"{form}: exact under usual damage, %", usual, least, "at least")
    report.finish(options)


def _exact_percent(
    reader: PlateReader,
    form: str,
    glyphs: GlyphSet,
    textures: Textures,
    rng: np.random.Generator,
    count: int,
    strength: float,
) -> float:
    low, high = np.log(RENDERED_HEIGHTS_PX)
    exact = 0
    for _ in range(count):
        spec = spec_of(form, rng)
        height_px = float(np.exp(rng.uniform(low, high)))
        read = reader.read_crop(rendered_crop(spec, glyphs, textures, rng, height_px, strength))
        exact += read is not None and canonical(read.text) == canonical(spec.text)
    return 100 * exact / count


if __name__ == "__main__":
    main()
