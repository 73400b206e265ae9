"""A camera whose picture cannot be judged is told, late rather than wrong; a road in any weather never is."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from alerts.camera_quality import CameraQuality
from ocr.types import BgrImage, PlateRead
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.deinterlace import Plane
from pipeline.video.masks import Regions
from pipeline.video.picture_health import PictureHealth, quality_of
from pipeline.video.pictures import luma_of
from pipeline.video.sources import read_frames
from pipeline.walk.turned import TurnWatch
from tests.commands import REPOSITORY
from tests.live_kit import paced_camera
from tests.pipeline_kit import nursery
from tests.plates import make_read

CLIPS = ("day_gantry", "dusk_booth", "rain_caption", "parked_car", "two_lanes")
STEP_S = 0.5


def planes(clip: str, every: int = 1, count: int = 1) -> list[Plane]:
    with av.open(str(REPOSITORY / "fixtures" / "videos" / f"{clip}.mp4")) as container:
        frames = islice(container.decode(video=0), 0, every * count, every)
        return [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in frames]


@pytest.fixture(scope="module")
def road() -> Plane:
    return planes("day_gantry")[0]


@pytest.fixture(scope="module")
def small(road: Plane) -> Plane:
    return np.asarray(cv2.resize(road, (480, 270)), np.uint8)


def noisy(picture: Plane, seed: int, deviation: float = 2.0) -> Plane:
    return np.clip(picture + noise_like(picture.shape, seed % 5, deviation), 0, 255).astype(np.uint8)


@cache
def noise_like(shape: tuple[int, ...], seed: int, deviation: float) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0.0, deviation, shape)


def with_clock(picture: Plane, second: int) -> Plane:
    shown = picture.copy()
    cv2.putText(shown, f"2026-11-28 12:00:{second:02}", (40, 70), cv2.FONT_HERSHEY_SIMPLEX, 2, 255, 5)
    return shown


FAULTS: dict[CameraQuality, Callable[[Plane], Plane]] = {
    "black": lambda road: np.full_like(road, 16),
    "covered": lambda road: noisy(np.full_like(road, 90), 1),
    "out_of_focus": lambda road: np.asarray(cv2.GaussianBlur(road, (0, 0), 8), np.uint8),
}


@pytest.mark.parametrize("quality", FAULTS)
def test_a_picture_that_cannot_be_judged_is_told_by_its_kind_with_a_clock_in_it_too(
    road: Plane, quality: CameraQuality
) -> None:
    picture = FAULTS[quality](road)
    assert quality_of(picture) == quality
    assert quality_of(with_clock(picture, 1)) == quality


def in_fog(road: Plane) -> Plane:
    return np.asarray(np.clip(150 + (road - road.mean()) * 0.06, 0, 255), np.uint8)


def by_night(road: Plane) -> Plane:
    return np.clip(17 + (road.astype(np.float64) - 16) * 0.07, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("deviation", [6.0, 10.0])
def test_a_cover_is_told_through_a_noisy_sensor(deviation: float) -> None:
    assert quality_of(noisy(np.full((720, 1280), 90, np.uint8), 1, deviation)) == "covered"


def test_a_blur_is_told_through_a_noisy_sensor(road: Plane) -> None:
    assert quality_of(noisy(FAULTS["out_of_focus"](road), 1, 6.0)) == "out_of_focus"


def test_a_road_in_thick_fog_is_not_covered(road: Plane) -> None:
    assert quality_of(noisy(in_fog(road), 1, 1.0)) == "good"


def test_a_night_in_the_noise_is_told_from_a_black_picture_by_what_stays(small: Plane) -> None:
    assert quality_of(noisy(by_night(small), 0, 6.0)) == "black"
    shown = np.random.default_rng(3)

    def grainy(picture: Plane) -> Plane:
        return np.clip(picture + shown.normal(0.0, 6.0, picture.shape), 0, 255).astype(np.uint8)

    assert "black" not in judged(lambda _: grainy(by_night(small)), 90.0)
    assert judged(lambda _: grainy(np.full_like(small, 16)), 90.0)[-1] == "black"


def snow() -> Plane:
    return np.random.default_rng(1).integers(16, 236, (576, 704)).astype(np.uint8)


def bars() -> Plane:
    return np.repeat(np.linspace(180, 16, 8).astype(np.uint8), 88)[None, :].repeat(576, axis=0)


def video_loss() -> Plane:
    shown = np.full((576, 704), 41, np.uint8)
    cv2.putText(shown, "VIDEO LOSS", (120, 310), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 235, 6)
    return shown


@pytest.mark.parametrize("picture", [snow, bars, video_loss])
def test_what_a_recorder_shows_without_a_camera_is_no_signal(picture: Callable[[], Plane]) -> None:
    assert quality_of(picture()) == "no_signal"


@pytest.mark.parametrize("clip", [CLIPS[0], *(pytest.param(clip, marks=pytest.mark.long) for clip in CLIPS[1:])])
def test_a_road_by_day_at_dusk_and_in_rain_is_good(clip: str) -> None:
    assert {quality_of(plane) for plane in planes(clip, every=25, count=2)} == {"good"}


def test_a_masked_part_does_not_count(road: Plane) -> None:
    half = road.copy()
    half[:, 960:] = 16
    rest = Regions(mask=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
    assert quality_of(half) == "good"
    assert quality_of(half, rest) == "black"


def judged(pictures: Callable[[int], Plane], seconds: float, hold_s: float = 60.0) -> list[CameraQuality | None]:
    """Return what is said second by second of pictures that come twice a second, each fourth a key frame."""
    health = PictureHealth(hold_s)
    said = []
    for step in range(int(seconds / STEP_S)):
        health.look(pictures(step), step * STEP_S, is_key=step % 4 == 0)
        said.append(health.quality)
    return said[:: int(1 / STEP_S)]


def test_a_frozen_picture_is_told_after_a_minute_even_where_its_clock_runs(small: Plane) -> None:
    said = judged(lambda step: with_clock(small, step // 2 % 60), 70.0)
    assert "frozen" not in said[:60]
    assert said[-1] == "frozen"


def test_an_idle_road_is_never_frozen(small: Plane) -> None:
    assert set(judged(lambda step: noisy(small, step), 90.0)) == {None, "good"}


def encoded(path: Path, pictures: Callable[[int], Plane], seconds: int) -> list[tuple[Plane, bool]]:
    """Return what an H.264 encoder leaves of pictures, twelve a second, and which of them stand by themselves."""
    with av.open(str(path), "w") as written:
        stream = written.add_stream("libx264", rate=12, options={"preset": "veryfast", "crf": "26", "g": "11"})
        stream.width, stream.height, stream.pix_fmt = 480, 270, "yuv420p"
        for index in range(12 * seconds):
            written.mux(stream.encode(av.VideoFrame.from_ndarray(pictures(index), format="gray")))
        written.mux(stream.encode())
    with av.open(str(path)) as container:
        return [(luma_of(frame).copy(), bool(frame.key_frame)) for frame in container.decode(video=0)]


@pytest.mark.parametrize(("deviation", "says"), [(0.0, "frozen"), (0.4, "good")])
def test_a_sensor_that_hangs_behind_a_working_encoder_is_told_and_an_idle_road_is_not(
    tmp_path: Path, small: Plane, deviation: float, says: CameraQuality
) -> None:
    def picture(index: int) -> Plane:
        return with_clock(noisy(small, index, deviation) if deviation else small, index // 12)

    health, quality = PictureHealth(2.0), {}
    for index, (plane, is_key) in enumerate(encoded(tmp_path / "a.mp4", picture, 30)):
        health.look(plane, index / 12, is_key=is_key)
        quality[index // 12] = health.quality
    assert quality[15] == "good"  # a smooth camera's empty road may look as still for a while
    assert quality[29] == says


def test_a_lorry_that_fills_the_picture_for_a_while_is_no_fault(small: Plane) -> None:
    side = np.full_like(small, 120)
    said = judged(lambda step: noisy(side if 40 < step < 120 else small, step), 90.0)
    assert set(said) == {None, "good"}


def test_what_is_mended_is_good_again(small: Plane) -> None:
    said = judged(lambda step: noisy(np.full_like(small, 16), 1) if step < 140 else noisy(small, step), 90.0)
    assert said[69] == "black"
    assert said[-1] == "good"


def test_packets_that_give_no_picture_are_told_after_a_minute() -> None:
    health = PictureHealth(60.0)
    for second in range(59):
        health.undecodable(float(second))
    assert health.quality is None
    for second in range(59, 70):
        health.undecodable(float(second))
    assert health.quality == "undecodable"


class SidewaysReader:
    """Reads its plate only in pictures that are higher than wide."""

    def __init__(self, confidence: float = 0.95) -> None:
        self.confidence = confidence

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        is_upright = image.shape[0] > image.shape[1]
        return [make_read("京A12345", certainty=self.confidence)] if is_upright else []


def looked(reader: SidewaysReader, seconds: float, looks_per_s: float) -> ScreeningCounts:
    counts, clock = ScreeningCounts(), [0.0]
    watch = TurnWatch(reader, counts, 60.0, lambda: clock[0])
    for look in range(int(seconds * looks_per_s)):
        clock[0] = look / looks_per_s
        assert watch.read(np.zeros((9, 16, 3), np.uint8)) == []
    return counts


def test_a_camera_on_its_side_is_told_from_plates_that_are_readable_only_in_a_turned_picture() -> None:
    assert looked(SidewaysReader(), 80.0, 8.0).camera_quality == "turned"
    assert looked(SidewaysReader(), 59.0, 8.0).camera_quality == "good"
    assert looked(SidewaysReader(confidence=0.5), 80.0, 8.0).camera_quality == "good"


def test_an_idle_camera_is_not_tried_on_its_side() -> None:
    assert looked(SidewaysReader(), 300.0, 0.5).camera_quality == "good"


def black_stream(path: Path, seconds: int) -> bytes:
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 180, "yuv420p", 5
        for _ in range(25 * seconds):
            frame = av.VideoFrame.from_ndarray(np.zeros((180, 320, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def test_a_live_camera_that_comes_out_black_is_one_line_and_in_its_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="pipeline.video.camera_state")
    counts, stop = ScreeningCounts(), threading.Event()
    settings = PipelineSettings.model_validate({"quality_hold_s": 2.0, "gate": {"idle_look_s": 0.2}})
    with paced_camera(black_stream(tmp_path / "black.ts", 20), length_s=20.0, burst_s=0.2) as camera:
        source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=camera.url)
        first = None
        for frame in read_frames(source, settings, counts, stop, nursery=nursery()):
            first = first or frame.captured_at
            if counts.quality != "good" or frame.captured_at - first > timedelta(seconds=15):
                stop.set()
    assert counts.camera_quality == "black"
    assert ["全黑" in record.getMessage() for record in caplog.records].count(True) == 1
