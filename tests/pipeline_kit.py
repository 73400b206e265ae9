"""Scripted scenes for the pipeline's tests: invented plates that move through a camera's picture."""

import atexit
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from alerts.flagged import FlaggedEvent
from ocr.search import NEAR_PLATE
from ocr.types import BgrImage, BoundingBox, PlateRead
from pipeline.settings import PipelineSettings, TrackSettings
from pipeline.types import Frame, FrameReads, InView, Passage, PlateTrack, ScreeningCounts, Sighting, SightLost
from pipeline.video.nursery import Nursery
from pipeline.walk.deciding import Match, Screening
from pipeline.walk.flagging import Flagging
from pipeline.walk.screening import screen
from pipeline.walk.spool import Spool
from pipeline.walk.tracking import PlateTracker, track_plates
from riskdb.clock import WallClock
from riskdb.types import Alternative, Hypothesis, RiskDBError, RiskMatch, RiskReason
from tests.plates import make_read

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ID_KEY = b"invented key of the tests, 32 b."
STEP_S = 0.08
PICTURE = np.full((360, 640, 3), 90, np.uint8)
EVERY_LOOK = TrackSettings(calm_look_s=0)
Scene = Sequence[Sequence[PlateRead]]
"""The reads of each frame, frames STEP_S apart."""


@functools.cache
def nursery() -> Nursery:
    """Where decoders are forked whose start is not what is tested; ask from the main thread, with whose end it ends."""
    one = Nursery()
    atexit.register(one.__exit__)
    return one


def make_frame(index: int, image: BgrImage = PICTURE) -> Frame:
    moment = NOON + timedelta(seconds=index * STEP_S)
    return Frame("cam-1", index, moment, moment, image)


def box_at(x: float, y: float, width: float = 100.0) -> BoundingBox:
    return BoundingBox(x, y, x + width, y + width / 3)


def frames_of(scene: Scene) -> Iterator[FrameReads]:
    for index, reads in enumerate(scene):
        yield FrameReads(make_frame(index), tuple(reads))


def tracks_of(scene: Scene, settings: TrackSettings | None = None) -> list[PlateTrack]:
    """Return the finished tracks of a scene."""
    tracker = PlateTracker(settings or TrackSettings())
    return [track for track in track_plates(frames_of(scene), tracker, InView()) if track.is_final]


class ScriptedReads:
    """The frames of a script, and the reader that reads on each what the script says."""

    def __init__(self, script: Iterable[FrameReads | SightLost]) -> None:
        self._script = script
        self._reads: tuple[PlateRead, ...] = ()

    def frames(self) -> Iterator[Sighting]:
        for item in self._script:
            if isinstance(item, SightLost):
                yield item
            else:
                self._reads = item.reads
                yield item.frame

    def read(
        self,
        image: BgrImage,  # noqa: ARG002  the reader's signature
        moved: Sequence[BoundingBox] | None = None,
        *,
        follows: bool = False,
    ) -> list[PlateRead]:
        return [one for one in self._reads if not follows or any(_is_near(one.box, box) for box in moved or ())]


def _is_near(plate: BoundingBox, followed: BoundingBox) -> bool:
    return all(
        abs(here - there) + size / 2 <= NEAR_PLATE * followed.width
        for here, there, size in zip(plate.center, followed.center, (plate.width, plate.height), strict=True)
    )


def screened(
    script: Iterable[FrameReads | SightLost], screening: Screening, settings: TrackSettings = EVERY_LOOK
) -> Iterator[Passage]:
    """Send what a script reads through the walk."""
    reads = ScriptedReads(script)
    return screen(reads.frames(), reads, settings, screening)


def passing(text: str, looks: int = 8, x: float = 200) -> list[list[PlateRead]]:
    """Return the scene of a vehicle that comes nearer."""
    return [[make_read(text, box_at(x, 40 + 18 * i, 60 + 3 * i))] for i in range(looks)]


def passages_of(scene: Scene, screening: Screening) -> list[Passage]:
    """Send a scene through the walk."""
    return list(screened(frames_of(scene), screening))


def text_of(track: PlateTrack) -> str:
    columns = track.distribution.char_probs.argmax(axis=1)
    return "".join(track.distribution.alphabet[column] for column in columns).rstrip("_")


def make_match(text: str) -> RiskMatch:
    """Return the match of an invented listed plate."""
    reason = RiskReason(
        area="370211-001",
        area_name="某街道",
        level="high",
        visited_from=NOON - timedelta(days=3),
        visited_until=NOON - timedelta(days=2),
        declared_from=NOON - timedelta(days=5),
        declared_until=None,
        source="test",
        expires_at=NOON + timedelta(days=9),
    )
    return RiskMatch("hit", 0.93, text, "02", (reason,), (Alternative(text, "02", 0.9, True),), "识别与名单一致", 7)


class ListedPlates:
    """A risk list of a few texts: lists what it holds, or cannot be asked."""

    def __init__(self, *texts: str, is_down: bool = False) -> None:
        self.texts = set(texts)
        self.is_down = is_down
        self.asked = 0

    def __call__(self, hypotheses: Sequence[Hypothesis], _now: datetime) -> RiskMatch | None:
        self.asked += 1
        if self.is_down:
            raise RiskDBError("the list cannot be asked")
        listed = sum(h.probability for h in hypotheses if h.text in self.texts)
        best = next((h for h in hypotheses if h.text in self.texts), None)
        return make_match(best.text) if best is not None and listed > 0.5 else None


class KeptEvents:
    """An outbox in memory."""

    def __init__(self) -> None:
        self.events: list[FlaggedEvent] = []

    def append(self, event: FlaggedEvent) -> bool:
        self.events.append(event)
        return True

    def has_room_for_pictures(self) -> bool:
        return True


class KeptPassages:
    """A spool in memory."""

    def __init__(self) -> None:
        self._kept: dict[Path, Passage] = {}
        self.kept_count = 0

    @property
    def passages(self) -> list[Passage]:
        return list(self._kept.values())

    def keep(self, passage: Passage) -> Path:
        self.kept_count += 1
        path = Path(f"{self.kept_count}.unchecked")
        self._kept[path] = passage
        return path

    def remove(self, path: Path) -> None:
        del self._kept[path]


def make_spool(folder: Path, now: Callable[[], datetime] = lambda: NOON) -> Spool:
    return Spool(
        folder / "spool", folder / "spool.key", WallClock(lambda: now().timestamp()), timedelta(hours=24), 1 << 20
    )


def make_screening(
    risk_list: Match, outbox: KeptEvents, spool: KeptPassages | Spool | None = None, evidence: Path | None = None
) -> Screening:
    return Screening(
        match=risk_list,
        flagging=Flagging(outbox, evidence, lambda: ID_KEY, {"recogniser": "0" * 64}),
        spool=spool or KeptPassages(),
        now=lambda: NOON,
        checkpoint="东门卡口",
        counts=ScreeningCounts(),
    )


def write_video(path: Path, pictures: Iterable[BgrImage], fps: float = 25.0) -> Path:
    codec = {".avi": "MJPG"}.get(path.suffix, "mp4v")
    writer: cv2.VideoWriter | None = None
    for picture in pictures:
        if writer is None:
            size = (picture.shape[1], picture.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        writer.write(picture)
    if writer is not None:
        writer.release()
    return path


def moving_block(count: int = 50, still: int = 0) -> Iterator[BgrImage]:
    """Yield pictures of a block that crosses a noisy street, after `still` pictures of the street alone."""
    for index in range(count):
        picture = _noisy_streets()[index % 8].copy()
        if index >= still:
            x = 10 * (index - still) % 560
            picture[100:180, x : x + 80] = (0, 200, 255)
        yield picture


@functools.cache
def _noisy_streets() -> NDArray[np.uint8]:
    """Drawing the noise takes longer than most of what is tested with it."""
    rng = np.random.default_rng(7)
    return np.clip(rng.normal(90, 4, (8, 360, 640, 3)), 0, 255).astype(np.uint8)


def fast_settings(**changes: float) -> PipelineSettings:
    return PipelineSettings.model_validate({"reopen_min_s": 0.05, "reopen_max_s": 0.1, **changes})
