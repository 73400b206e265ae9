"""A still road is decoded without the loop filter, and whoever drives by is looked at as the camera encoded it."""

import gc
from pathlib import Path

import av
import numpy as np
import pytest

from bench.camera_clips import traffic, with_noise
from pipeline.settings import GateSettings
from pipeline.video.deinterlace import Plane
from pipeline.video.ffmpeg import VideoPacket, VideoStream
from pipeline.video.live_decoding import FRESH_S
from pipeline.video.motion import MotionGate
from tests.still_groups_kit import FPS, HEIGHT, WIDTH, Decoded, decode, road, write_stream
from tests.virtual_camera import pictures_of, screened_in_time

CONSTANT_RATE = {"crf": "-1", "b": "800k", "nal-hrd": "cbr", "maxrate": "800k", "bufsize": "80k", "preset": "veryfast"}
VISITS_S = [14.3, 29.9, 33.0, 47.04]
"""After rests of more than ten seconds, but for one."""
CHECK_S = 0.12


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what each new decoder of a connection is told: to be rough, or not."""
    told: list[bool] = []
    begin_anew = VideoStream.begin_anew

    def noting(stream: VideoStream, *, roughly: bool) -> None:
        told.append(roughly)
        begin_anew(stream, roughly=roughly)

    monkeypatch.setattr(VideoStream, "begin_anew", noting)
    return told


def looks_at(decoded: Decoded, visit_s: float) -> dict[int, Plane]:
    """Return the pictures that were looked at while it drove by, by their place in the stream."""
    looks = zip(decoded.looks.seconds, decoded.looks.pictures, strict=True)
    return {round(at_s * FPS): picture for at_s, picture in looks if visit_s <= at_s < visit_s + 1.3}


def assert_the_same_visits(path: Path, visits_s: list[float], threads: int = 1) -> None:
    """They are looked at as often and as soon as if all had been decoded as it is, and in these very pictures."""
    whole, watched = decode(path, threads, skip_still_groups=False), decode(path, threads)
    pictures = pictures_of(path)
    assert abs(watched.frames - whole.frames) <= 2
    for visit_s in visits_s:
        expected, seen = looks_at(whole, visit_s), looks_at(watched, visit_s)
        assert min(seen) <= min(expected) + CHECK_S * FPS
        assert len(seen) >= len(expected) - 1
        differing = [place for place, picture in seen.items() if not np.array_equal(picture, pictures[place][1])]
        assert not differing
    assert watched.looks.seconds == sorted(watched.looks.seconds)


@pytest.mark.parametrize(
    ("visit_s", "group_s", "threads"),
    [
        pytest.param(16.04, 2.0, 1, id="pictures that nothing refers to were left out"),
        pytest.param(16.16, 2.04, 2, id="the decoder holds several pictures when the group ends"),
    ],
)
def test_of_b_pictures_that_others_refer_to_none_is_shown_twice_or_roughly(
    tmp_path: Path, turns: list[bool], visit_s: float, group_s: float, threads: int
) -> None:
    options = {**CONSTANT_RATE, "bf": "3", "b-adapt": "0", "x264-params": "b-pyramid=normal"}
    path = write_stream(tmp_path / "a.ts", road([visit_s], 18.0, noise=8.0), group_s, options=options)
    assert_the_same_visits(path, [visit_s], threads)
    assert turns == [True, False]


H265_PARAMS = "keyint=50:min-keyint=50:open-gop=0:bframes=0:log-level=none:bitrate=800:vbv-maxrate=800:vbv-bufsize=80"


@pytest.mark.parametrize(("group_s", "b_frames"), [(2.0, 0), (4.0, 0), pytest.param(1.0, 2, marks=pytest.mark.long)])
def test_who_drives_by_after_a_long_rest_is_looked_at_as_soon_and_as_the_camera_encoded_it(
    tmp_path: Path, turns: list[bool], group_s: float, b_frames: int
) -> None:
    options = {**CONSTANT_RATE, "bf": str(b_frames), "b-adapt": "0"}
    path = write_stream(tmp_path / "a.ts", road(VISITS_S, 50.0, noise=8.0), group_s, options=options)
    assert_the_same_visits(path, VISITS_S)
    assert turns == [True, False] * 3


@pytest.mark.long
@pytest.mark.parametrize("clip", ["day_gantry", "two_lanes", "dusk_booth", "rain_caption"])
def test_of_the_fixtures_traffic_no_look_is_lost(tmp_path: Path, turns: list[bool], clip: str) -> None:
    one = traffic(clip, WIDTH, HEIGHT)
    rests_s = (16.0, 13.4, 11.0, 14.2)
    pictures = (each for rest_s in rests_s for each in [*[one.empty] * round(rest_s * FPS), *one.pictures])
    path = write_stream(tmp_path / "a.ts", with_noise(pictures), 2.0, options=CONSTANT_RATE)
    whole, watched = decode(path, skip_still_groups=False), decode(path)
    assert len(turns) >= 2 * 3
    seen_s, played_s, ended_s = np.array(watched.looks.seconds), len(one.pictures) / FPS, 0.0
    for rest_s in rests_s:
        began_s, ended_s = ended_s + rest_s, ended_s + rest_s + played_s
        looks_s = [at_s for at_s in whole.looks.seconds if began_s <= at_s < ended_s]
        assert max(np.abs(seen_s - at_s).min() for at_s in looks_s) <= CHECK_S


@pytest.mark.long
def test_of_an_hevc_camera_the_same(tmp_path: Path, turns: list[bool]) -> None:
    pictures = road(VISITS_S, 50.0, noise=8.0)
    path = write_stream(tmp_path / "a.ts", pictures, 2.0, "libx265", {"x265-params": H265_PARAMS})
    assert_the_same_visits(path, VISITS_S)
    assert turns == [True, False] * 3


def test_of_a_group_that_is_decoded_again_one_picture_at_a_time_is_held(
    tmp_path: Path, turns: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of 1080 rows takes 3 MB: a group of four seconds would take 300."""
    held: list[int] = []
    decoded = VideoStream.decoded

    def counting(stream: VideoStream, packet: "VideoPacket | None") -> list[av.VideoFrame]:
        frames = decoded(stream, packet)
        held.append(sum(isinstance(each, av.VideoFrame) for each in gc.get_objects()))
        return frames

    path = write_stream(tmp_path / "a.ts", road([15.8], 18.0, noise=8.0), 4.0, options=CONSTANT_RATE)
    gc.collect()
    monkeypatch.setattr(VideoStream, "decoded", counting)
    decode(path)
    assert turns == [True, False]
    assert max(held) - held[0] <= 8


def test_a_road_at_rest_is_looked_at_as_often_as_else_and_only_in_pictures_that_stand_by_themselves(
    tmp_path: Path, turns: list[bool]
) -> None:
    path = write_stream(tmp_path / "a.ts", road([], 40.0, noise=8.0), 2.0, options=CONSTANT_RATE)
    resting = [at_s for at_s in decode(path).looks.seconds if at_s > 16]
    assert turns == [True]
    assert resting == pytest.approx(list(range(18, 40, 2)), abs=0.01)


def test_a_group_that_does_not_end_is_decoded_as_it_is_after_five_seconds(tmp_path: Path, turns: list[bool]) -> None:
    pictures = road([], 26.0, noise=8.0)
    path = write_stream(tmp_path / "a.ts", pictures, 2.0, options=CONSTANT_RATE, long_from=20 * FPS)
    watched, whole = decode(path), decode(path, skip_still_groups=False)
    assert turns == [True, False]
    assert len(watched.looks.seconds) >= len(whole.looks.seconds) - 1


def test_who_comes_in_the_very_picture_that_is_one_too_many_is_looked_at(
    tmp_path: Path, turns: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One in three pictures is compared; the limit is reached in one of them.
    monkeypatch.setattr("pipeline.video.still_groups.LATE_MS", 260.0)
    pictures = road([24.64], 26.0, noise=8.0)
    path = write_stream(tmp_path / "a.ts", pictures, 2.0, options=CONSTANT_RATE, long_from=20 * FPS)
    assert_the_same_visits(path, [24.64])
    assert turns == [True, False]


@pytest.mark.parametrize(("brighter", "is_seen"), [(0, False), (60, True)])
def test_what_rough_pictures_were_off_by_is_no_movement_when_the_next_group_begins(
    brighter: int, is_seen: bool
) -> None:
    gate, road = MotionGate(GateSettings()), np.full((180, 320), 100, np.uint8)
    gate.wants(road, 0.0)
    off = road.copy()
    off[60:80, 60:80] += 9
    for at_ms in range(20_000, 22_000, 120):
        assert not gate.glances(off, float(at_ms))
    off[60:80, 60:80] = 91 + brighter
    gate.wants(off, 22_000.0, rough_ms=2000.0)
    assert (gate.moved_ms == 22_000.0) == is_seen
    if not is_seen:
        assert not gate.glances(off, 22_120.0)


def test_where_rough_pictures_show_what_is_not_there_they_are_tried_again_after_twice_the_wait(
    tmp_path: Path, turns: list[bool]
) -> None:
    starved = {**CONSTANT_RATE, "b": "350k", "maxrate": "350k", "bufsize": "60k", "x264-params": "deblock=6,6"}
    decode(write_stream(tmp_path / "a.ts", road([], 46.0, noise=5.0), 2.0, options=starved))
    assert turns == [True, False] * 2


def test_what_rough_pictures_are_off_by_at_each_groups_end_is_taken_for_no_clock() -> None:
    gate, road = MotionGate(GateSettings()), np.full((180, 320), 100, np.uint8)
    off = road.copy()
    off[60:64, 60:64] += 9
    gate.wants(road, 0.0)
    for began_ms in range(20_000, 60_000, 2000):
        gate.wants(road, float(began_ms), rough_ms=2000.0)
        for at_ms in range(120, 2000, 120):
            rough = road + (off - road) * np.float32(at_ms / 2000)
            assert not gate.glances(rough.astype(np.uint8), float(began_ms + at_ms))
    assert gate.clock_box is None


@pytest.mark.parametrize(
    ("group_s", "codec", "options"),
    [
        pytest.param(5.0, "libx264", CONSTANT_RATE, id="groups too long to be decoded twice"),
        pytest.param(0.2, "libx264", CONSTANT_RATE, id="groups so short that most would be"),
        pytest.param(2.0, "mpeg2video", {"b": "400k"}, id="a codec without a loop filter", marks=pytest.mark.long),
    ],
)
def test_where_it_would_not_pay_nothing_is_decoded_roughly(
    tmp_path: Path, turns: list[bool], group_s: float, codec: str, options: dict[str, str]
) -> None:
    decode(write_stream(tmp_path / "a.ts", road([], 24.0, noise=8.0), group_s, codec, options))
    assert not turns


def test_pictures_of_who_drives_by_are_fresh_again_as_soon_as_the_group_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time: 49 pictures are decoded twice when it comes, and no look at what moves is given up for it."""
    decode_s, visit_s = 0.004, 25.96
    path = write_stream(tmp_path / "a.ts", road([visit_s], 29.0, noise=8.0), 2.0, options=CONSTANT_RATE)
    reader = screened_in_time(path, monkeypatch, decode_s, 0.1)
    ages_s = [taken_s - at_s for at_s, taken_s in reader.looks if visit_s <= at_s < visit_s + 1.5]
    assert 10 * decode_s < max(ages_s) <= 51 * decode_s + 0.05
    assert max(ages_s[3:]) <= FRESH_S + 0.05 + 0.04
    assert len(ages_s) >= 13
