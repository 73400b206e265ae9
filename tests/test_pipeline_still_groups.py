"""While nothing moves a live camera's pictures wait undecoded, and whoever drives by is seen all the same."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from bench.camera_clips import traffic, with_noise
from ocr.types import BgrImage
from pipeline.settings import PipelineSettings, SourceSettings
from pipeline.types import ScreeningCounts
from pipeline.video.disposable import begins_group
from pipeline.video.ffmpeg import VideoStream
from pipeline.video.live_decoding import FRESH_S
from pipeline.video.live_packets import LivePackets
from pipeline.video.packet_sizes import Foretelling, PacketSizes
from pipeline.video.sources import read_frames
from tests.pipeline_kit import nursery
from tests.rtsp_camera import free_port, require_gstreamer, rtsp_camera
from tests.still_groups_kit import FPS, HEIGHT, VISITS_S, WIDTH, Decoded, decode, road, with_apparition, write_stream
from tests.virtual_camera import NoPackets, screened_in_time

CHECK_S = 0.12
"""While nothing moves a picture is compared nine times a second."""


def assert_the_same_vehicles_are_looked_at(path: Path, visits_s: list[float]) -> Decoded:
    """Every look at something that moves has its like where packets were kept, as many of them and as early."""
    every, kept = decode(path, skip_still_groups=False), decode(path)
    assert kept.frames == every.frames
    for visit_s in visits_s:
        all_looks, looks = (
            [at_s for at_s in each.looks.seconds if visit_s <= at_s < visit_s + 1.5] for each in (every, kept)
        )
        assert looks[0] <= all_looks[0] + CHECK_S
        assert len(looks) >= len(all_looks) - 1
        assert max(np.diff(looks)) <= max(np.diff(all_looks)) + 0.001
    assert kept.looks.seconds == sorted(kept.looks.seconds)
    return kept


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {}),
        pytest.param("libx264", {"bf": "2", "b-adapt": "0"}, marks=pytest.mark.long),
        pytest.param(
            "libx265", {"x265-params": "open-gop=0:log-level=none:keyint=25:min-keyint=25"}, marks=pytest.mark.long
        ),
    ],
)
def test_who_drives_by_is_looked_at_as_if_every_picture_had_been_decoded(
    tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    visits_s = [*VISITS_S, 20.36, 26.04]
    path = write_stream(tmp_path / "a.ts", road(visits_s, 30.0), 1.0, codec, options)
    kept = assert_the_same_vehicles_are_looked_at(path, visits_s)
    assert kept.spared >= 2 * 24


@pytest.mark.long
@pytest.mark.parametrize("clip", ["day_gantry", "two_lanes", "dusk_booth", "rain_caption"])
def test_of_the_fixtures_traffic_no_look_is_lost(tmp_path: Path, clip: str) -> None:
    one = traffic(clip, WIDTH, HEIGHT)
    rests_s = (16.0, 6.0, 6.0, 9.4, 7.0, 8.2, 5.5)
    pictures = (each for rest_s in rests_s for each in [*[one.empty] * round(rest_s * FPS), *one.pictures])
    path = write_stream(tmp_path / "a.ts", with_noise(pictures), 2.0, options={"preset": "veryfast"})
    every, kept = decode(path, skip_still_groups=False), decode(path)
    seen_s, played_s, ended_s = np.array(kept.looks.seconds), len(one.pictures) / FPS, 0.0
    assert kept.spared > 0
    for rest_s in rests_s:
        began_s, ended_s = ended_s + rest_s, ended_s + rest_s + played_s
        looks_s = [at_s for at_s in every.looks.seconds if began_s <= at_s < ended_s]
        assert max(np.abs(seen_s - at_s).min() for at_s in looks_s) <= CHECK_S


def test_what_packets_do_not_tell_of_is_looked_at_from_its_beginning_and_they_are_believed_no_more(
    tmp_path: Path,
) -> None:
    """It fades in: no packet is larger for it, and the next picture that stands by itself shows it."""
    visits_s = [*VISITS_S, 24.0]

    path = write_stream(tmp_path / "a.ts", with_apparition(road(visits_s, 28.0), 19.2))
    every, kept = decode(path, skip_still_groups=False), decode(path)
    first, last = (next(at_s for at_s in each.looks.seconds if at_s > 19.2 and at_s % 1) for each in (every, kept))
    assert last <= first + CHECK_S
    assert kept.spared <= 24
    assert_the_same_vehicles_are_looked_at(path, visits_s)


@pytest.mark.parametrize(
    ("group_s", "codec", "options"),
    [
        pytest.param(
            1.0,
            "libx264",
            {"crf": "-1", "b": "400k", "nal-hrd": "cbr", "maxrate": "400k", "bufsize": "40k"},
            id="constant bit rate",
        ),
        pytest.param(3.0, "libx264", {}, id="long groups"),
        pytest.param(
            1.0, "libx264", {"flags": "+ildct+ilme", "x264-params": "tff=1"}, id="interlaced", marks=pytest.mark.long
        ),
        pytest.param(1.0, "mpeg2video", {}, id="MPEG-2", marks=pytest.mark.long),
        pytest.param(
            1.0,
            "libx265",
            {"x265-params": "open-gop=1:log-level=none:keyint=25:min-keyint=25:bframes=2"},
            id="open groups",
            marks=pytest.mark.long,
        ),
    ],
)
def test_where_packets_cannot_tell_every_picture_is_decoded(
    tmp_path: Path, group_s: float, codec: str, options: dict[str, str]
) -> None:
    path = write_stream(tmp_path / "a.ts", road([*VISITS_S, 20.36], 24.0, noise=12.0), group_s, codec, options)
    assert decode(path).spared == 0


def test_a_running_clock_is_still_known_after_a_long_rest(tmp_path: Path) -> None:
    def with_clock() -> Iterator[BgrImage]:
        for index, empty in enumerate(road([16.0, 20.0, 24.0, 46.0], 49.0)):
            picture = empty.copy()
            words = f"10:{index // FPS // 60:02d}:{index // FPS % 60:02d}"
            for ink, thickness in ((0, 4), (255, 2)):
                cv2.putText(picture, words, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (ink,) * 3, thickness)
            yield picture

    # Groups of 1.2 s: pictures that stand by themselves are compared at every phase of the clock's second.
    path = write_stream(tmp_path / "a.ts", with_clock(), group_s=1.2)
    kept = assert_the_same_vehicles_are_looked_at(path, [24.0, 46.0])
    assert kept.clock_box is not None
    assert kept.spared >= 12 * FPS
    resting = [at_s for at_s in kept.looks.seconds if 28 <= at_s < 46]
    assert 6 <= len(resting) <= 12


def test_what_is_kept_when_the_line_is_cut_is_decoded(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "a.ts", with_apparition(road(VISITS_S, 20.96), 20.1))
    every, kept = decode(path, skip_still_groups=False), decode(path)
    assert kept.spared == 24
    assert len(kept.looks.seconds) >= len(every.looks.seconds) - 1
    assert kept.looks.seconds[-1] > 20.8


@pytest.mark.long
def test_a_reader_that_takes_its_time_looks_at_all_that_was_kept_and_then_at_what_is_new(tmp_path: Path) -> None:
    """Over RTSP, in time: what fades in is seen when the next group begins, most of a group late."""
    require_gstreamer()
    pictures = list(with_apparition(road([10.0, 14.0, 18.0], 33.0), 26.1))
    every = decode(write_stream(tmp_path / "a.ts", iter(pictures), 2.0), skip_still_groups=False)
    expected = [at_s for at_s in every.looks.seconds if 26.3 < at_s < 28.4]
    counts, stop, seen_s, ages_s = ScreeningCounts(), threading.Event(), [], []
    first: datetime | None = None
    with rtsp_camera(write_stream(tmp_path / "a.mp4", iter(pictures), 2.0), free_port()) as uri:
        source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri=uri)
        for frame in read_frames(source, PipelineSettings(), counts, stop, nursery=nursery()):
            # Its beginning is over before the camera is open.
            first = first or frame.captured_at
            seen_s.append((frame.captured_at - first).total_seconds())
            ages_s.append((datetime.now(UTC) - frame.captured_at).total_seconds())
            stop.wait(0.04)
            if seen_s[-1] > 28.0:
                stop.set()
    fades_s = [at_s for at_s in seen_s if at_s > 24.0]
    steps_s = np.diff(fades_s)
    assert counts.spared >= 49
    assert (steps_s < 0.2).sum() >= len(expected) - 3
    assert max(ages_s[-len(fades_s) :]) > 0.5
    assert ages_s[-1] < 0.5


@pytest.mark.parametrize("look_s", [0.2, pytest.param(0.04, marks=pytest.mark.long)])
def test_pictures_of_who_drives_by_after_a_rest_are_fresh_however_busy_the_readers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look_s: float
) -> None:
    """In virtual time: 35 pictures wait when it comes, and what they take to be decoded is all that it may be late."""
    decode_s, visits_s = 0.004, [*VISITS_S, 21.7, 27.04]
    path = write_stream(tmp_path / "a.ts", road(visits_s, 30.0), 2.0)
    reader = screened_in_time(path, monkeypatch, decode_s, look_s)
    for visit_s in visits_s:
        looks = [(at_s, taken_s) for at_s, taken_s in reader.looks if visit_s <= at_s < visit_s + 1.5]
        ages_s = [taken_s - at_s for at_s, taken_s in looks]
        assert len(looks) >= 1.5 / max(look_s, 0.08) - 2
        assert max(ages_s) <= 36 * decode_s + look_s / 2
        assert max(ages_s[2:]) <= FRESH_S + look_s / 2 + 0.04
    told_s = [age_s for at_s, age_s in reader.told if at_s > VISITS_S[0]]
    assert max(told_s) <= 36 * decode_s
    assert np.quantile(told_s, 0.95) <= 0.05


def test_what_packets_did_not_tell_of_is_looked_at_late_and_pictures_are_fresh_within_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time: it is seen when the next group begins, more than a second after it had come."""
    path = write_stream(tmp_path / "a.ts", with_apparition(road(VISITS_S, 27.0), 22.5), 2.0)
    reader = screened_in_time(path, monkeypatch, 0.004, 0.1)
    ages_s = {at_s: taken_s - at_s for at_s, taken_s in reader.looks}
    late_s = max(ages_s.values())
    first_s = min(at_s for at_s, age_s in ages_s.items() if age_s > 1.0)
    assert first_s < 23.1
    assert late_s < 1.3
    assert max(age_s for at_s, age_s in ages_s.items() if at_s + age_s > first_s + 2 * late_s + 0.2) <= 0.3
    assert sum(22.5 < at_s < 24.9 for at_s in ages_s) >= 10


def test_patience_with_what_was_kept_wears_off() -> None:
    now_s = [100.0]
    packets = LivePackets(cast(VideoStream, NoPackets()), lambda: now_s[0])
    packets.catch_up(2.0)
    for later_s, lateness_s in ((0.0, 2.0), (1.0, 1.0), (2.0, 0.0), (9.0, 0.0)):
        now_s[0] = 100.0 + later_s
        assert packets.lateness_s == pytest.approx(lateness_s)


def test_nothing_is_kept_where_a_setting_forbids_it(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "a.ts", road(VISITS_S, 22.0))
    assert decode(path).spared > 0
    assert decode(path, skip_still_groups=False).spared == 0


def learnt() -> PacketSizes:
    """Return the sizes of a camera whose packets are 900 to 1100 bytes, and 2000 where a clock steps."""
    sizes = PacketSizes()
    rng = np.random.default_rng(1)
    for _ in range(8):
        for index in range(24):
            sizes.level(2000 if index == 10 else int(rng.integers(900, 1100)), is_disposable=False)
        sizes.end_group(was_still=True)
    return sizes


def test_a_clocks_packet_is_usual_and_a_larger_one_is_not() -> None:
    sizes = learnt()
    assert sizes.are_known
    assert sizes.level(2000, is_disposable=False) < 1
    assert sizes.level(2800, is_disposable=False) > 1


def test_packets_that_are_each_usual_and_all_large_are_not_usual() -> None:
    sizes = learnt()
    levels = [sizes.level(1800, is_disposable=False) for _ in range(6)]
    assert max(levels[:5]) < 1 < levels[5]


def test_nothing_is_said_of_a_kind_of_packet_that_was_never_seen_while_nothing_moved() -> None:
    assert not PacketSizes().are_known
    assert learnt().level(50_000, is_disposable=True) == 0


def told(foretelling: Foretelling, at_ms: float, level: float) -> None:
    foretelling.packet(at_ms - 100, level)
    foretelling.movement(at_ms)
    foretelling.packet(at_ms + 400, 0.5)


def test_sizes_are_believed_after_three_movements_and_after_one_they_missed_not_before_six() -> None:
    foretelling = Foretelling()
    for count in range(3):
        assert not foretelling.is_proven
        told(foretelling, 10_000.0 * count, 1.6)
    assert foretelling.is_proven
    told(foretelling, 40_000.0, 0.9)
    for count in range(5, 11):
        assert not foretelling.is_proven
        told(foretelling, 10_000.0 * count, 1.6)
    assert foretelling.is_proven


@pytest.mark.parametrize("level", [0.9, 1.2])
def test_a_movement_that_sizes_told_of_faintly_does_not_count(level: float) -> None:
    foretelling = Foretelling()
    for count in range(5):
        told(foretelling, 10_000.0 * count, level)
    assert not foretelling.is_proven


@pytest.mark.parametrize(
    ("codec", "packet", "begins"),
    [
        ("h264", b"\0\0\0\1\x09\xf0\0\0\1\x67\x42\0\0\1\x68\xce\0\0\1\x65\x88", True),
        ("h264", b"\0\0\0\1\x09\xf0\0\0\1\x06\x06\x01\0\0\1\x41\x9a", False),
        ("hevc", b"\0\0\0\1\x40\x01\0\0\1\x42\x01\0\0\1\x26\x01\xaf", True),
        ("hevc", b"\0\0\0\1\x40\x01\0\0\1\x2a\x01\xaf", False),
        ("mpeg2video", b"\0\0\1\xb3\0\0\1\x00", False),
        ("h264", b"", False),
    ],
)
def test_a_picture_tells_whether_a_group_begins_that_stands_by_itself(codec: str, packet: bytes, begins: bool) -> None:
    assert begins_group(codec, packet) == begins
