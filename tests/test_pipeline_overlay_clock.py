"""A clock in the picture wakes nobody, and hides nobody."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from kakou.box.counts import counts_path, save_counts
from kakou.doctor.watched_cameras import examine_cameras, mask_of
from kakou.settings import Settings
from ocr.types import BgrImage
from pipeline.settings import GateSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.motion import MotionGate

FPS = 12.5
HEIGHT, WIDTH = 540, 960
TEXT_AT = (20, 36)
LEARNT = round(25 * FPS)


def road_with_clock(seconds: float, car_from: float = 1e9, beat_s: float = 1.0) -> Iterator[BgrImage]:
    """A noisy road; from `car_from` on something the size of a plate creeps along under the clock's digits."""
    rng = np.random.default_rng(3)
    road = rng.uniform(60, 140, (HEIGHT, WIDTH)).astype(np.float32)
    grain = [rng.normal(0, 3, road.shape).astype(np.float32) for _ in range(6)]
    for index in range(round(seconds * FPS)):
        picture = np.clip(road + grain[index % 6], 0, 255).astype(np.uint8)
        at_s = index / FPS
        if at_s >= car_from:
            x = 40 + round((at_s - car_from) * 60)
            picture[24:44, x : x + 60] = 235
        words = f"2026-03-01 10:{int(at_s / beat_s) // 60 % 60:02d}:{int(at_s / beat_s) % 60:02d}"
        for ink, thickness in ((0, 5), (255, 2)):
            cv2.putText(picture, words, TEXT_AT, cv2.FONT_HERSHEY_SIMPLEX, 0.9, ink, thickness)
        yield picture


def looks_at(pictures: Iterator[BgrImage]) -> tuple[list[int], MotionGate]:
    gate = MotionGate(GateSettings())
    looks = [
        index
        for index, picture in enumerate(pictures)
        if gate.is_due(1000 * index / FPS) and gate.wants(picture, 1000 * index / FPS)
    ]
    return looks, gate


def test_a_running_clock_is_found_and_wakes_nobody_any_more() -> None:
    looks, gate = looks_at(road_with_clock(75))
    assert len([index for index in looks if index >= LEARNT]) <= 50 / GateSettings().idle_look_s + 3
    assert gate.clock_box is not None
    left, top, right, bottom = gate.clock_box
    (text_width, text_height), _ = cv2.getTextSize("2026-03-01 10:00:00", cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)
    assert left * WIDTH > TEXT_AT[0] + text_width / 2
    assert right * WIDTH == pytest.approx(TEXT_AT[0] + text_width, abs=24)
    assert top * HEIGHT <= TEXT_AT[1] - text_height / 2 <= bottom * HEIGHT


def test_what_creeps_under_the_clock_is_looked_at_all_the_way() -> None:
    looks, _ = looks_at(road_with_clock(40, car_from=32.0))
    on_the_way = [index for index in looks if index >= 32 * FPS]
    assert on_the_way[0] <= 32 * FPS + 2
    assert max(np.diff(on_the_way)) <= 2


def test_what_changes_without_a_beat_of_a_second_is_no_clock() -> None:
    looks, gate = looks_at(road_with_clock(40, beat_s=0.73))
    assert gate.clock_box is None
    assert len([index for index in looks if index >= LEARNT]) > 60


def test_doctor_offers_the_mask_of_a_clock_that_was_found(tmp_path: Path) -> None:
    source = SourceSettings(camera_id="东门-入", checkpoint="东门", uri="rtsp://camera/1", group="g")
    settings = Settings(state_dir=tmp_path, source=(source,))
    assert list(examine_cameras(settings)) == []
    box = (0.62, 0.01, 0.85, 0.06)
    save_counts(counts_path(tmp_path, "g"), {"东门-入": ScreeningCounts(clock_box=box)})
    [finding] = examine_cameras(settings)
    assert finding.is_ok
    assert f"mask = {mask_of(box)}" in finding.says
    mask = SourceSettings.model_validate({**source.model_dump(), "mask": json.loads(mask_of(box))}).mask
    assert mask[0][0] == (0.615, 0.005)
    save_counts(counts_path(tmp_path, "g"), {"东门-入": ScreeningCounts(quality="covered", damage="401")})
    [finding] = examine_cameras(settings)
    assert not finding.is_ok
    assert "镜头遮挡" in finding.says
    assert "401" in finding.says
