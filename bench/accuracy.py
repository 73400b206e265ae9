"""How well are real plates found and read? `python -m bench.accuracy [--data DIR] [--sheet FILE]`.

Scores every development set, all of it and the part that the shipped models were never trained on.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.contact_sheet import WorstRead, write_sheet
from bench.development_sets import (
    CROP_SETS,
    DEFAULT_FOLDER,
    LabelledCrop,
    LabelledPhoto,
    held_out_crop,
    held_out_photo,
    load_crops,
    load_photos,
)
from bench.report import Report, bench_options, require_data
from bench.scoring import (
    PhotoResult,
    PlateResult,
    TruePlate,
    reliability,
    score_photo,
    share,
)
from ocr.images import load_image
from ocr.models_folder import MODELS_FOLDER, shipped_models
from ocr.reader import PlateReader
from ocr.rectify import sharpness
from ocr.types import BoundingBox
from training.real_crops import colour_style
from training.recognizer.scoring import calibration_error

WIDTHS_PX = (45, 60, 80, 120, 200)
VEHICLE_PLATES = 4
"""A vehicle that moves is this many plates wide."""
EXACT_BARS = {"photos": 93.0, "ccpd": 93.0, "lprnet": 92.0, "chenwj": 93.0, "easypr": 93.0}
"""Percent; bars of the models issue."""
MIN_PROVINCE_CASES = 20


@dataclass(frozen=True, slots=True)
class CropScore:
    """One plate crop as read."""

    crop: LabelledCrop
    style: str
    result: PlateResult
    size_px: int
    sharpness: float
    elapsed_ms: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = bench_options(__doc__ or "")
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="development data (default %(default)s)")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="model folder (default: the shipped one)")
    parser.add_argument("--sheet", type=Path, help="write a picture of the worst reads here, outside the repository")
    options = parser.parse_args(arguments)
    require_data(parser, options.data)
    report, worst = measure(PlateReader.from_models(shipped_models(options.models)), options.data)
    if options.sheet:
        write_sheet(worst, options.sheet)
    report.finish(options)


def measure(reader: PlateReader, folder: Path) -> tuple[Report, list[WorstRead]]:
    """Return the report over all sets and the worst reads."""
    report = Report("Accuracy on the development sets, one thread, batch 1")
    cv2.setNumThreads(1)
    for name in ("photos", "ccpd"):
        _score_photo_set(reader, name, load_photos(folder, name), report)
    plates: list[CropScore] = []
    for name in CROP_SETS:
        plates += _score_crop_set(reader, name, load_crops(folder, name), report)
    is_held_out = held_out_crop()
    unseen = [plate for plate in plates if is_held_out(plate.crop.text)]
    _add_provinces(report, unseen)
    _add_buckets(report, "held-out crops by style", unseen, lambda plate: plate.style)
    _add_buckets(report, "held-out crops by height, px", unseen, lambda plate: _bucket(plate.size_px, (32, 48, 64, 96)))
    _add_buckets(
        report, "held-out crops by sharpness", unseen, lambda plate: _bucket(plate.sharpness, (100, 400, 1600))
    )
    _add_reliability(report, unseen)
    size_mb = sum(path.stat().st_size for path in MODELS_FOLDER.glob("*.onnx")) / 1e6
    report.add_bar("shipped size of both models, MB", size_mb, 12, "at most")
    return report, [WorstRead(p.crop.path, p.crop.text, p.result.read) for p in unseen if not p.result.is_exact]


def _score_photo_set(reader: PlateReader, name: str, photos: list[LabelledPhoto], report: Report) -> None:
    is_held_out = held_out_photo()
    results = [(photo, _score_one_photo(reader, photo)) for photo in photos]
    unseen = [result for photo, result in results if is_held_out(photo.path.name)]
    _add_photo_row(report, name, "all", [result for _, result in results])
    _add_live_and_photo(reader, name, results, report)
    _add_photo_row(report, name, "held out", unseen)
    green = [p for _, r in results for p in r.plates if len(p.truth.text) == 8]
    if green:
        report.add_row("green plates", set=name, exact=share(sum(p.is_exact for p in green), len(green)))
        report.add_bar(f"{name}: green plates exact of {len(green)}", sum(p.is_exact for p in green), 14, "at least")
    total = len(unseen)
    report.add_bar(
        f"{name}, held out: photo exact, %", 100 * sum(r.is_exact for r in unseen) / total, EXACT_BARS[name], "at least"
    )
    plates = [plate for result in unseen for plate in result.plates]
    found = sum(plate.read is not None for plate in plates)
    report.add_bar(f"{name}, held out: detection recall, %", 100 * found / len(plates), 98, "at least")
    detections = sum(result.detections for result in unseen)
    report.add_bar(f"{name}, held out: precision bound, %", 100 * found / max(1, detections), 90, "at least")


def _add_live_and_photo(
    reader: PlateReader, name: str, results: list[tuple[LabelledPhoto, PhotoResult]], report: Report
) -> None:
    """Compare what is read of a picture with what is read of a frame on which the labelled vehicles move, by width."""
    buckets: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for photo, result in results:
        reads = reader.read(load_image(photo.path), [_vehicle(plate.box) for plate in photo.plates])
        live = score_photo(photo.plates, reads, 0.0)
        for on_frame, in_photo in zip(live.plates, result.plates, strict=True):
            bucket = _bucket(on_frame.truth.box.width, WIDTHS_PX)
            buckets[bucket].append((on_frame.is_exact, in_photo.is_exact))
    for bucket, exact in sorted(buckets.items()):
        shares = (share(sum(column), len(exact)) for column in zip(*exact, strict=True))
        report.add_row(
            "plates by width, px", set=name, width=bucket, **dict(zip(("live", "photo"), shares, strict=True))
        )


def _vehicle(plate: BoundingBox) -> BoundingBox:
    x, y = plate.center
    half = VEHICLE_PLATES / 2 * plate.width
    return BoundingBox(x - half, y - half, x + half, y + half / 2)


def _score_one_photo(reader: PlateReader, photo: LabelledPhoto) -> PhotoResult:
    image = load_image(photo.path)
    started = time.perf_counter()
    reads = reader.read(image)
    return score_photo(photo.plates, reads, (time.perf_counter() - started) * 1000)


def _add_photo_row(report: Report, name: str, part: str, results: list[PhotoResult]) -> None:
    plates = [plate for result in results for plate in result.plates]
    found = [plate for plate in plates if plate.read is not None]
    detections = sum(result.detections for result in results)
    report.add_row(
        "photos",
        set=name,
        part=part,
        photo_exact=share(sum(r.is_exact for r in results), len(results)),
        without_province=share(sum(r.is_exact_without_province for r in results), len(results)),
        plate_exact=share(sum(p.is_exact for p in plates), len(plates)),
        province=share(sum(p.has_right_province for p in found), len(found)),
        recall=share(len(found), len(plates)),
        precision=share(len(found), detections),
        ms=sum(r.elapsed_ms for r in results) / max(1, len(results)),
    )


def _score_crop_set(reader: PlateReader, name: str, crops: list[LabelledCrop], report: Report) -> list[CropScore]:
    scores = [_score_one_crop(reader, crop) for crop in crops]
    is_held_out = held_out_crop()
    unseen = [score for score in scores if is_held_out(score.crop.text)]
    for part, chosen in (("all", scores), ("held out", unseen)):
        results = [score.result for score in chosen]
        report.add_row(
            "crops",
            set=name,
            part=part,
            exact=share(sum(r.is_exact for r in results), len(results)),
            without_province=share(sum(r.is_exact_without_province for r in results), len(results)),
            province=share(sum(r.has_right_province for r in results), len(results)),
            ms=sum(s.elapsed_ms for s in chosen) / max(1, len(chosen)),
        )
    exact = 100 * sum(score.result.is_exact for score in unseen) / len(unseen)
    report.add_bar(f"{name}, held out: exact, %", exact, EXACT_BARS[name], "at least")
    province = 100 * sum(score.result.has_right_province for score in unseen) / len(unseen)
    report.add_bar(f"{name}, held out: province right, %", province, 95, "at least")
    return scores


def _score_one_crop(reader: PlateReader, crop: LabelledCrop) -> CropScore:
    image = load_image(crop.path)
    started = time.perf_counter()
    read = reader.read_crop(image)
    elapsed_ms = (time.perf_counter() - started) * 1000
    height, width = image.shape[:2]
    truth = TruePlate(crop.text, BoundingBox(0, 0, width, height))
    style = colour_style(image) if crop.path.parent.name == "easypr" else "blue"
    return CropScore(crop, style, PlateResult(truth, read), image.shape[0], sharpness(image), elapsed_ms)


def _add_provinces(report: Report, plates: list[CropScore]) -> None:
    by_province: dict[str, list[PlateResult]] = defaultdict(list)
    for plate in plates:
        by_province[plate.crop.text[0]].append(plate.result)
    for province, results in sorted(by_province.items(), key=lambda item: -len(item[1])):
        right = sum(result.has_right_province for result in results)
        report.add_row("province of held-out crops", province=province, right=share(right, len(results)))
        if len(results) >= MIN_PROVINCE_CASES:
            report.add_bar(f"province {province}, held-out crops, %", 100 * right / len(results), 85, "at least")


def _add_buckets(report: Report, table: str, plates: list[CropScore], key: Callable[[CropScore], str]) -> None:
    buckets: dict[str, list[bool]] = defaultdict(list)
    for plate in plates:
        buckets[key(plate)].append(plate.result.is_exact)
    for bucket, exact in sorted(buckets.items()):
        report.add_row(table, bucket=bucket, exact=share(sum(exact), len(exact)))


def _bucket(value: float, edges: Iterable[float]) -> str:
    low = 0.0
    for edge in edges:
        if value < edge:
            return f"{low:05.0f} to {edge:.0f}"
        low = edge
    return f"{low:05.0f} and more"


def _add_reliability(report: Report, plates: list[CropScore]) -> None:
    """Compare the text's confidence with how often the text is right."""
    read = [plate for plate in plates if plate.result.read is not None]
    confidences = [plate.result.read.confidence for plate in read if plate.result.read is not None]
    is_exact = [plate.result.is_exact for plate in read]
    for row in reliability(confidences, is_exact):
        report.add_row(
            "reliability, held-out crops",
            confidence=f"{row.low:.1f} to {row.low + 0.1:.1f}",
            reads=row.count,
            mean_confidence=row.mean_confidence,
            exact_share=row.exact_share,
        )
    error = calibration_error(np.array(confidences), np.array(is_exact))
    report.add_bar("expected calibration error, held-out crops", error, 0.03, "at most")


if __name__ == "__main__":
    main()
