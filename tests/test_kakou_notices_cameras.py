"""The notices of a camera, caused by what it films: judged and counted as its process does, looked at as a box does."""

# ruff: noqa: F811  fixtures of another file are used by their names

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from kakou.box.counts import counts_path, save_counts
from kakou.box.processes import groups
from kakou.box.reporter import STATUS_EVERY_S
from kakou.settings import Settings
from kakou.watch.box import CAMERA_NOTICES, STILL_S, CameraLook
from kakou.watch.checks import Check
from ocr.types import BgrImage, PlateRead
from pipeline.sub_stream_state import SubStreamState
from pipeline.types import ScreeningCounts
from pipeline.video.deinterlace import Plane
from pipeline.video.picture_health import SAMPLE_EVERY_S, PictureHealth
from pipeline.walk.turned import TurnWatch
from tests.notice_machine import LOOK_EVERY_S, Machine
from tests.plates import make_read
from tests.test_kakou_notices import machine  # noqa: F401  a fixture is used by its name

HOLD_S = 20.0
PATCHES = np.random.default_rng(7).integers(40, 220, (27, 48)).astype(np.uint8)
ROAD = np.asarray(cv2.resize(PATCHES, (480, 270), interpolation=cv2.INTER_NEAREST), np.uint8)
"""Edges everywhere, as on a road by day."""


def as_it_is(road: Plane) -> Plane:
    return road


@dataclass
class Lane:
    """Vehicles pass all the time; a camera on its side shows them in a picture that has to be turned first."""

    is_on_its_side: bool = False

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        return [make_read("京A12345")] if (image.shape[0] > image.shape[1]) == self.is_on_its_side else []


@dataclass
class Camera:
    """One camera as its process sees it. What is in front of the lens is the test's."""

    settings: Settings
    now_s: float = 0.0
    counts: ScreeningCounts = field(default_factory=ScreeningCounts)
    lane: Lane = field(default_factory=Lane)
    in_front: Callable[[Plane], Plane] = as_it_is
    is_still: bool = False
    is_garbled: bool = False
    stopped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.health = PictureHealth(HOLD_S)
        self.turning = TurnWatch(self.lane, self.counts, HOLD_S, lambda: self.now_s)

    def films(self) -> None:
        """Film until the box looks again."""
        for second in range(int(LOOK_EVERY_S)):
            self.now_s += 1.0
            if second % SAMPLE_EVERY_S == 0:
                self._judge()
            self.turning.read(np.zeros((9, 16, 3), np.uint8))
        self.counts.quality = self.health.quality or self.counts.quality
        self.counts.frames += 375
        self.says()

    def _judge(self) -> None:
        if self.is_garbled:
            self.health.undecodable(self.now_s)
            return
        noise = 0 if self.is_still else np.random.default_rng(int(self.now_s)).integers(0, 3, ROAD.shape)
        self.health.look((self.in_front(ROAD) + noise).astype(np.uint8), self.now_s, is_key=True)

    def says(self) -> None:
        save_counts(counts_path(self.settings.state_dir, groups(self.settings)[0]), {"lane1": self.counts})


@pytest.fixture
def camera(machine: Machine) -> Camera:
    source = {"camera_id": "lane1", "checkpoint": "西门卡口", "uri": "rtsp://10.0.0.1/1"}
    camera = Camera(Settings.model_validate({"state_dir": machine.folder, "source": [source]}))
    machine.checks.append(
        Check(CAMERA_NOTICES, CameraLook(camera.settings, lambda: camera.stopped, clock=machine.monotonic).look)
    )
    machine.wait(tick=camera.films)
    assert machine.watch.keeper.active == ()
    return camera


def test_a_camera_that_sends_nothing_is_lost_until_it_sends_again(machine: Machine, camera: Camera):
    lost = machine.begins("camera_lost", tick=camera.says)
    assert (lost.subject, lost.checkpoint, lost.severity) == ("lane1", "西门卡口", "critical")
    machine.ends("camera_lost", tick=camera.films)


def test_a_box_that_looks_more_often_than_counts_are_written_loses_no_camera(machine: Machine, camera: Camera):
    assert STILL_S == 2 * STATUS_EVERY_S
    looks = CameraLook(camera.settings, clock=machine.monotonic)
    for look in range(60):
        if look % 4 == 0:
            camera.counts.frames += 50
            camera.says()
        assert list(looks.look()) == []
        machine.seconds += 0.5


@pytest.mark.parametrize(
    ("in_front", "says"),
    [(lambda road: np.full_like(road, 90), "镜头遮挡"), (lambda road: np.full_like(road, 16), "画面全黑")],
)
def test_a_lens_that_is_covered_or_sees_black_is_blind(
    machine: Machine, camera: Camera, in_front: Callable[[Plane], Plane], says: str
):
    camera.in_front = in_front
    assert machine.begins("camera_blind", tick=camera.films).detail == says
    camera.in_front = as_it_is
    machine.ends("camera_blind", tick=camera.films)


@pytest.mark.parametrize(("fault", "says"), [("is_still", "画面静止"), ("is_garbled", "画面无法解码")])
def test_a_picture_that_stands_still_or_cannot_be_decoded_is_blind(
    machine: Machine, camera: Camera, fault: str, says: str
):
    setattr(camera, fault, True)
    assert machine.begins("camera_blind", tick=camera.films).detail == says
    setattr(camera, fault, False)
    machine.ends("camera_blind", tick=camera.films)


def test_a_lens_out_of_focus_is_dirty(machine: Machine, camera: Camera):
    camera.in_front = lambda road: np.asarray(cv2.GaussianBlur(road, (0, 0), 4), np.uint8)
    assert machine.begins("camera_dirty", tick=camera.films).detail == "画面失焦"
    camera.in_front = as_it_is
    machine.ends("camera_dirty", tick=camera.films)


def test_a_camera_that_hangs_on_its_side_is_turned(machine: Machine, camera: Camera):
    camera.lane.is_on_its_side = True
    machine.begins("camera_turned", tick=camera.films)
    camera.lane.is_on_its_side = False
    machine.ends("camera_turned", tick=camera.films)


def test_pictures_that_are_decoded_seconds_after_they_were_taken_are_late(machine: Machine, camera: Camera):
    camera.counts.age_s = 9.0
    machine.begins("pictures_late", tick=camera.films)
    camera.counts.age_s = 0.2
    machine.ends("pictures_late", tick=camera.films)


@pytest.mark.parametrize(("state", "says"), [("lost", "子码流没有画面"), ("frozen", "子码流画面静止")])
def test_a_sub_stream_that_is_no_help_is_said_until_it_is(
    machine: Machine, camera: Camera, state: SubStreamState, says: str
):
    camera.counts.sub_stream = state
    assert machine.begins("sub_stream_no_help", tick=camera.films).detail == says
    camera.counts.sub_stream = "there"
    machine.ends("sub_stream_no_help", tick=camera.films)


def test_a_camera_that_was_given_up_says_why(machine: Machine, camera: Camera):
    camera.stopped["lane1"] = "设置有误（退出码 5）"
    assert machine.begins("camera_stopped", tick=camera.films).detail == "设置有误（退出码 5）"
    camera.stopped.clear()
    machine.ends("camera_stopped", tick=camera.films)
