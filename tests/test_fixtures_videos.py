"""The fixture clips are what their truth says, and stay small."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from fixtures.render.clips import CLIPS
from fixtures.truth import FIXTURE_VIDEOS, ClipTruth, PassageTruth, load_all_truths, load_truth
from ocr.grammar import plate_class_of
from ocr.types import BgrImage

MAX_BYTES = 6_000_000
TRUTHS = load_all_truths()
PASSAGES = [(truth, passage) for truth in TRUTHS for passage in truth.passages]
QUICK = ("rain_caption.mp4", "two_lanes.mp4")
"""Clips that are decoded in `make test`, too: between them plates of every colour."""
LEADING_CHANNEL = {"blue": 0, "green": 1, "yellow": 2, "yellow_two_line": 2}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of a clip."""

    fps: float
    frames: int
    pictures: dict[int, BgrImage]
    """The last frame and those at the middle of each passage, by index."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=() if one.clip in QUICK else pytest.mark.long, id=one.clip) for one in TRUTHS],
)
def clip(request: pytest.FixtureRequest) -> tuple[ClipTruth, Decoded]:
    """A clip's truth and the clip itself, decoded once."""
    truth: ClipTruth = request.param
    wanted = {round(passage.middle_s * truth.fps) for passage in truth.passages} | {truth.frames - 1}
    capture = cv2.VideoCapture(str(FIXTURE_VIDEOS / truth.clip))
    pictures: dict[int, BgrImage] = {}
    frames = 0
    while capture.grab():
        if frames in wanted:
            decoded, image = capture.retrieve()
            assert decoded
            pictures[frames] = np.asarray(image, np.uint8)
        frames += 1
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return truth, Decoded(fps, frames, pictures)


def test_every_clip_has_its_truth_and_every_truth_its_clip():
    assert {truth.clip for truth in TRUTHS} == {path.name for path in FIXTURE_VIDEOS.glob("*.mp4")}
    assert {truth.clip for truth in TRUTHS} == {f"{clip.name}.mp4" for clip in CLIPS}


def test_the_clips_are_small_enough_to_keep_in_the_repository():
    assert sum(path.stat().st_size for path in FIXTURE_VIDEOS.iterdir()) <= MAX_BYTES


def test_a_clip_decodes_to_the_last_frame_in_its_size(clip: tuple[ClipTruth, Decoded]):
    truth, decoded = clip
    assert decoded.fps == pytest.approx(truth.fps)
    assert decoded.frames == truth.frames
    assert {picture.shape for picture in decoded.pictures.values()} == {(truth.height, truth.width, 3)}
    assert 6 <= truth.seconds <= 14


def test_the_clips_cover_day_dusk_two_at_once_a_parked_car_and_full_size():
    assert len(TRUTHS) >= 4
    assert any((truth.width, truth.height) == (1920, 1080) for truth in TRUTHS)
    assert 14 <= len(PASSAGES) <= 20
    assert 5 <= sum(passage.is_listed for _, passage in PASSAGES) <= 6
    assert len({passage.text[0] for _, passage in PASSAGES}) >= 12, "provinces are diverse"
    assert {passage.style for _, passage in PASSAGES} == set(LEADING_CHANNEL)


def test_a_green_and_a_yellow_plate_are_in_view_at_once():
    truth = load_truth(FIXTURE_VIDEOS / "two_lanes.mp4")
    green = [passage for passage in truth.passages if passage.style == "green"]
    yellow = [passage for passage in truth.passages if passage.style.startswith("yellow")]
    assert all(len(passage.text) == 8 for passage in green)
    assert any(one.overlaps(other.start_s, other.end_s) for one in green for other in yellow)


def test_the_parked_car_is_there_all_the_time_while_others_pass():
    truth = load_truth(FIXTURE_VIDEOS / "parked_car.mp4")
    (parked,) = (passage for passage in truth.passages if passage.is_parked)
    assert parked.start_s == 0
    assert parked.end_s == pytest.approx(truth.seconds, abs=1.5 / truth.fps)
    assert sum(not passage.is_parked for passage in truth.passages) >= 3


@pytest.mark.parametrize(("truth", "passage"), PASSAGES, ids=[passage.text for _, passage in PASSAGES])
def test_a_passage_is_possible(truth: ClipTruth, passage: PassageTruth):
    left, top, right, bottom = passage.box
    assert 0 <= passage.start_s < passage.middle_s < passage.end_s <= truth.seconds
    assert 0 <= left < right <= truth.width
    assert 0 <= top < bottom <= truth.height
    assert passage.plate_class == plate_class_of(passage.text, passage.style) != "99"
    assert passage.widest_px >= 60
    assert passage.end_s - passage.start_s >= 1.0
    x, y = np.asarray(passage.corners).T
    assert x.min() == left
    assert y.max() == bottom
    assert x[0] < x[1]
    assert x[3] < x[2]
    assert y[0] < y[3]
    assert y[1] < y[2]


def test_the_box_at_mid_passage_holds_the_colour_of_the_plate(clip: tuple[ClipTruth, Decoded]):
    truth, decoded = clip
    for passage in truth.passages:
        left, top, right, bottom = (round(value) for value in passage.box)
        picture = decoded.pictures[round(passage.middle_s * truth.fps)]
        blue, green, red = picture[top:bottom, left:right].reshape(-1, 3).mean(axis=0)
        level = (blue, green, red)[LEADING_CHANNEL[passage.style]]
        others = {"blue": (green, red), "green": (blue, red)}.get(passage.style, (blue,))
        assert level > max(others), f"{passage.text}: {blue:.0f} {green:.0f} {red:.0f}"


def test_captions_are_told_and_hide_no_plate():
    truth = load_truth(FIXTURE_VIDEOS / "rain_caption.mp4")
    assert len(truth.not_plates) == 2
    for left, top, right, bottom in truth.not_plates:
        assert all(p.box[2] < left or p.box[0] > right or p.box[3] < top or p.box[1] > bottom for p in truth.passages)


def test_no_plate_occurs_in_two_passages():
    texts = [passage.text for _, passage in PASSAGES]
    assert len(set(texts)) == len(texts)


def test_a_truth_with_an_unknown_key_is_refused(tmp_path: Path):
    spoilt = tmp_path / "clip.json"
    spoilt.write_text(TRUTHS[0].model_dump_json().replace('"about"', '"abuot"'), encoding="utf-8")
    with pytest.raises(ValidationError, match="abuot"):
        load_truth(spoilt)
