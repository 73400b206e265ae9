"""What travels along the walk: frames, the reads on them, tracks and screened passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from alerts.camera_quality import CameraQuality
from alerts.flagged import Direction, FlaggedEvent
from ocr.hypotheses import PlateHypothesis
from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from pipeline.sub_stream_state import SubStreamState
from riskdb.types import PermitStanding, RiskMatch

Outcome: TypeAlias = Literal["clear", "flagged", "unchecked"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera."""

    camera_id: str
    index: int
    """Position in the source, counted from 0; frames that were skipped or dropped leave gaps."""
    captured_at: datetime
    """Aware UTC: a file's start plus presentation time; of a live frame its presentation time on this box's clock."""
    arrived_at: datetime
    """When the frame was here, aware UTC; over a bursty line up to seconds later."""
    image: BgrImage
    """May lie in memory that the next frame overwrites: copy what has to outlive this one."""
    moved: tuple[BoundingBox, ...] | None = None
    """Where something moves that is to be searched closely for far plates; None is everywhere."""


@dataclass(frozen=True, slots=True)
class SightLost:
    """Stands among the frames where a camera has been away so long that what it sees when it is back is others."""

    camera_id: str
    told_at: datetime
    """Aware UTC, box time: when the loss was taken for one."""
    reason: str | None
    """What was wrong with the source, as far as it is known."""


Sighting: TypeAlias = Frame | SightLost
"""What a source gives."""


@dataclass(frozen=True, slots=True)
class FrameReads:
    """A frame and the plates that were read on it."""

    frame: Frame
    reads: tuple[PlateRead, ...]
    is_partial: bool = False
    """Only vehicles that are not decided yet were looked for: who was not seen may still be there."""
    shift: tuple[float, float] = (0.0, 0.0)
    """By how much all that stands has moved in the picture since the last look, to the right and down, in pixels: the
    camera shakes."""
    scale: tuple[float, float] = (1.0, 1.0)
    """By how much the picture itself has grown since the last look, in width and height: its size was set anew."""


@dataclass
class InView:
    """What the track stage last told of the vehicles in view, for stages before it that choose among the frames.

    One camera's frames are walked one after the other: whoever is asked for the next one finds here what all the
    earlier ones showed.
    """

    is_settled: bool = True
    """No vehicle is in view, or each has been decided: more looks soon would tell nothing new."""
    since: datetime | None = None
    """First look at the vehicle that has been in view longest; None when none is."""
    undecided: tuple[BoundingBox, ...] = ()
    """Where the plates of vehicles that are not decided yet were last seen."""
    followed: tuple[BoundingBox, ...] = ()
    """Where those plates will be on the next look, if all of them were seen on the last one and their way is known."""

    def shift(self, x: float, y: float) -> None:
        """Take over that the picture itself has moved since the last look."""
        self.undecided = tuple(box.moved(x, y) for box in self.undecided)
        self.followed = tuple(box.moved(x, y) for box in self.followed)

    def scale(self, x: float, y: float) -> None:
        """Take over that the picture's size has changed since the last look."""
        self.undecided = tuple(box.scaled(x, y) for box in self.undecided)
        self.followed = tuple(box.scaled(x, y) for box in self.followed)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best look at a vehicle."""

    plate_picture: BgrImage | None
    """None when there was no room to keep it."""
    vehicle_picture: BgrImage | None
    """The vehicle's front, its windscreen blurred beyond recovery."""
    box: BoundingBox
    """The plate on that frame."""
    confidence: float
    """Of that look alone."""
    captured_at: datetime
    arrived_at: datetime
    frame_index: int


@dataclass(frozen=True, slots=True)
class Look:
    """One read of a track, for the report of a replay."""

    captured_at: datetime
    text: str
    confidence: float
    box: BoundingBox


@dataclass(frozen=True, slots=True)
class Reading:
    """What one of several readers said of a plate."""

    by: Literal["camera", "kakou"]
    source: str
    """Device that sent it, or whose picture was read."""
    text: str
    """As it was said, UNKNOWN characters included; "" for no plate."""
    score: float | None
    """How sure it was, 0.0 to 1.0; None where it did not say."""


@dataclass(frozen=True, slots=True)
class PlateTrack:
    """One vehicle passing once, as far as it has been seen."""

    camera_id: str
    number: int
    """Counts the tracks of one camera from 1."""
    started_at: datetime
    ended_at: datetime
    """Time of the latest look."""
    look_count: int
    distribution: PlateDistribution
    """Fused over all looks and tempered, so that its probabilities hold."""
    evidence: Evidence
    is_final: bool
    """False while the vehicle is still in view: then more looks may follow."""
    looks: tuple[Look, ...] = ()
    """Only kept when the tracker is told to."""
    readings: tuple[Reading, ...] = ()
    """What each reader said, where there were several: cameras that send reads, and our own reading of a picture."""
    is_late: bool = False
    """It was sent after an outage: the vehicle has long gone."""
    place: tuple[float, float] | None = None
    """Where the plate was at the best look, as shares of the picture's width and height."""
    direction: Direction | None = None
    lane: str | None = None
    """As the camera itself said it."""
    is_doubted: bool = False
    """A single look after a gap that says otherwise than its vehicle's others: a misread, or another vehicle. It is
    asked about, and told of only where it is listed or could not be checked."""
    is_tentative: bool = False
    """In view, its text likely and not settled: it is told of only where its best reading is listed, and a sure hit."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle that passed, and what came of it."""

    camera_id: str
    checkpoint: str
    track: PlateTrack
    outcome: Outcome
    best: PlateHypothesis
    """The most probable reading."""
    match: RiskMatch | None
    """Only of a flagged passage."""
    event: FlaggedEvent | None
    """What went to the outbox; only of a flagged passage."""
    decided_at: datetime
    """Aware UTC, box time."""
    permit: str = ""
    """What people should know of the vehicle's permits (通行证); it changes nothing about the outcome."""
    permit_standing: PermitStanding | None = None
    """The same without the permit's particulars, for those who may not learn which vehicle it is."""

    @property
    def started_at(self) -> datetime:
        return self.track.started_at

    @property
    def ended_at(self) -> datetime:
        return self.track.ended_at


@dataclass
class ScreeningCounts:
    """What one camera's walk did so far; passages == clear + flagged + unchecked, always."""

    frames: int = 0
    """Frames that the source delivered, whether looked at or not."""
    looked_at: int = 0
    length_ms: float = 0.0
    """Length of a file as its container says; 0.0 when unknown."""
    dropped: int = 0
    """Live frames that a newer one replaced before they could be looked at."""
    clear: int = 0
    flagged: int = 0
    unchecked: int = 0
    unread: int = 0
    """Tracks that were not passages: no plate, or one that nobody could read and that is not listed as far as it was
    read. While the list cannot be asked such a track counts as unchecked."""
    damage: str | None = None
    """What was wrong with the source, or None."""
    age_s: float = 0.0
    """Of a live source: how old the newest picture was when it was decoded, by its presentation time."""
    undecoded: int = 0
    """Of the dropped frames, those that were not even decoded: the box or the line cannot keep up."""
    clock_offset_s: float | None = None
    """Camera's clock minus this box's, where the camera tells its own."""
    spared: int = 0
    """Live frames since the camera was opened that were not decoded: nobody would have looked at them."""
    quality: CameraQuality = "good"
    """Of a live source's picture, by itself."""
    clock_box: tuple[float, float, float, float] | None = None
    """Of a live source: where its own clock runs in the picture (left, top, right, bottom, shares of it), as far as it
    was found."""
    sub_stream: SubStreamState | None = None
    """Of a live source with a sub-stream, once it is known."""
    is_turned: bool = False
    """Of a live source: plates are read only in its picture turned by 90°."""
    reads_poorly: bool = False
    """Of a live source: most of its last plates were hardly read."""
    note: str | None = None
    """What is not sure about it although nothing is wrong, or None."""

    @property
    def skipped(self) -> int:
        """Frames that the motion gate kept from the detector, and those between two looks."""
        return max(0, self.frames - self.looked_at - self.dropped)

    @property
    def camera_quality(self) -> CameraQuality:
        if self.quality == "good" and self.is_turned:
            return "turned"
        return "poor_reads" if self.quality == "good" and self.reads_poorly else self.quality

    @property
    def passages(self) -> int:
        return self.clear + self.flagged + self.unchecked


class Reader(Protocol):
    """What `ocr.reader.PlateReader` does.

    A camera's walk calls it from one thread. Whoever hands one reader to several cameras hands them one that takes
    calls from several threads; the walk does not notice.
    """

    def read(
        self, image: BgrImage, moved: Sequence[BoundingBox] | None = None, *, follows: bool = False
    ) -> list[PlateRead]: ...
