"""What are foreign plates read as, and how surely? `python -m bench.foreign_plates [--data DIR]`

A foreign plate has no text of ours: whatever is read there counts against the class that it looks like. Of 100 of them
two may pass for a vehicle of some class (`FOREIGN_READ_AS` of pipeline.walk.deciding); rendered plates of the rarer
forms tell what that costs.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.report import Report, percentile
from bench.scoring import canonical
from bench.special_plates import parse
from ocr.hypotheses import PlateHypothesis, top_hypotheses
from ocr.images import load_image
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader, ReaderSettings
from ocr.types import OcrError
from pipeline.settings import TrackSettings
from pipeline.walk.deciding import PassageRule
from training.plates.glyphs import load_glyphs
from training.recognizer.measuring import RENDERED_HEIGHTS_PX, USUAL_STRENGTH, spec_of
from training.recognizer.samples import rendered_crop
from training.textures import load_textures

SETS = ("openlpr", "romania")
RARE = ("military", "WJ", "警", "港澳", "使", "领", "应急")
MAX_PASSING = 0.02
"""Of foreign plates, as any one class."""
MIN_KEPT = 0.95
"""Of rare plates that were read right on one single look; a vehicle has several."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(__doc__ or "", arguments, 120)
    rule = PassageRule.of(TrackSettings())
    report = Report("Foreign plates: what they are read as")
    reader = PlateReader.from_models(shipped_models(options.models), ReaderSettings(second_long_side_px=0))
    by_class: dict[str, list[PlateHypothesis]] = defaultdict(list)
    for best in foreign_reads(reader, options.data / "boxes"):
        by_class[best.plate_class].append(best)
    total = sum(map(len, by_class.values()))
    for code, bests in sorted(by_class.items()):
        probabilities = [best.probability for best in bests] + [0.0] * (total - len(bests))
        passing = sum(rule.is_readable(best) for best in bests)
        report.add_row(
            f"{total} foreign plates",
            read_as=code,
            reads=len(bests),
            p99_of_all=percentile(probabilities, 0.99),
            highest=max(probabilities),
            passing=passing,
        )
        report.add_bar(f"foreign plates that pass as class {code}, share", passing / total, MAX_PASSING, "at most")
    _measure_rare(report, rule, reader, options.data, options.count)
    report.finish(options)


def foreign_reads(reader: PlateReader, folder: Path) -> Iterator[PlateHypothesis]:
    """Yield the most probable text of everything that is read on photos of foreign vehicles."""
    for name in SETS:
        for entry in json.loads((folder / name / "truth.json").read_text(encoding="utf-8")):
            try:
                reads = reader.read(load_image(folder / name / entry["image"]))
            except OcrError:
                continue
            yield from (best for read in reads for best in top_hypotheses(read.distribution, 1))


def _measure_rare(report: Report, rule: PassageRule, reader: PlateReader, data: Path, count: int) -> None:
    rng = np.random.default_rng(43)
    glyphs, textures = load_glyphs(data / "glyphs"), load_textures(data, rng, 500, held_out=True)
    low, high = np.log(RENDERED_HEIGHTS_PX)
    for form in RARE:
        right: list[PlateHypothesis] = []
        for _ in range(count):
            spec = spec_of(form, rng)
            height_px = float(np.exp(rng.uniform(low, high)))
            read = reader.read_crop(rendered_crop(spec, glyphs, textures, rng, height_px, USUAL_STRENGTH))
            best = next(iter(top_hypotheses(read.distribution, 1)), None) if read is not None else None
            if best is not None and canonical(best.text) == canonical(spec.text):
                right.append(best)
        kept = sum(map(rule.is_readable, right)) / max(1, len(right))
        report.add_row("rare plates read right on one look", form=form, right=len(right), kept=kept)
        report.add_bar(f"{form}: read right and a passage, share", kept, MIN_KEPT, "at least")


if __name__ == "__main__":
    main()
