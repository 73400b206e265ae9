"""How many milliseconds do the models take on one core? `python -m bench.model_speed`

Next to a fixed NumPy matrix product in the same run, so that a noisy machine shows.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from bench.camera_clips import traffic
from bench.report import Report, bench_options, percentile
from ocr.detector import PlateDetector
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.recognizer import PlateRecognizer

RUNS = 60
WARM_UP = 10
LARGE_PHOTOS = ((1920, 1080), (4000, 3000))
MOST_LARGE_MS = (60, 90)
"""Bars of the issue on reading, at full quality."""
VEHICLES_STEP = 20
"""Of a fixture clip, one in so many pictures is such a photo."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = bench_options(__doc__ or "").parse_args(arguments)
    cv2.setNumThreads(1)
    models = shipped_models()
    detector = PlateDetector(models.detector)
    recognizer = PlateRecognizer.from_files(models.recognizer, models.recognizer_config)
    reader = PlateReader.from_models(models)
    rng = np.random.default_rng(11)
    frame = rng.integers(0, 255, (384, 640, 3), np.uint8)
    photo = cv2.GaussianBlur(rng.integers(0, 255, (576, 800, 3), np.uint8), (0, 0), 9).astype(np.uint8)
    crops = [rng.integers(0, 255, (48, 144, 3), np.uint8) for _ in range(16)]
    square = rng.normal(size=(512, 512)).astype(np.float32)

    report = Report("Model speed, one thread")
    reference = _measure(report, "reference: 512 x 512 float32 product", lambda: square @ square)
    at_640 = _measure(report, "detector, 640 x 384", lambda: detector.detect(frame))
    photo_ms = _measure(report, "photo 800 x 576 end to end, no plate found", lambda: reader.read(photo))
    large = [np.asarray(cv2.resize(photo, size), np.uint8) for size in LARGE_PHOTOS]
    large_ms = [
        _measure(
            report, f"photo {each.shape[1]} x {each.shape[0]}, no plate found", partial(reader.read, each), runs=20
        )
        for each in large
    ]
    vehicles = itertools.cycle(traffic("two_lanes", *LARGE_PHOTOS[0]).pictures[::VEHICLES_STEP])
    vehicles_ms = _measure(report, "photos 1920 x 1080 of vehicles", lambda: reader.read(next(vehicles)))
    one = _measure(report, "recogniser, batch 1", lambda: recognizer.recognize(crops[:1]))
    many = _measure(report, "recogniser, batch 16, per crop", lambda: recognizer.recognize(crops), per=16)
    crop_ms = _measure(report, "crop end to end with grammar", lambda: reader.read_crop(crops[0]))
    report.add_row("p50 against the reference", detector=at_640 / reference, recogniser=one / reference)
    report.add_bar("detector at 640 x 384, ms", at_640, 20, "at most")
    report.add_bar("photo of 800 x 576 end to end, ms", photo_ms, 28, "at most")
    report.add_bar("photos of 1920 x 1080 of vehicles end to end, ms", vehicles_ms, MOST_LARGE_MS[0], "at most")
    for (width, height), ms, most in zip(LARGE_PHOTOS, large_ms, MOST_LARGE_MS, strict=True):
        report.add_bar(f"photo of {width} x {height} without plates end to end, ms", ms, most, "at most")
    report.add_bar("recogniser, batch 1, ms", one, 3, "at most")
    report.add_bar("recogniser, batch 16, ms a crop", many, 1.5, "at most")
    report.add_bar("crop end to end, ms", crop_ms, 3, "at most")
    report.finish(options)


def _measure(report: Report, name: str, work: Callable[[], object], per: int = 1, runs: int = RUNS) -> float:
    """Return the median in ms for each of `per` items."""
    for _ in range(WARM_UP):
        work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000 / per)
    shown = {f"p{share}": percentile(times, share / 100) for share in (50, 95, 99)}
    report.add_row("milliseconds", what=name, runs=runs, **shown)
    return percentile(times, 0.5)


if __name__ == "__main__":
    main()
