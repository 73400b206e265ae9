"""What a replay writes: one run record, one record a video, one a passage. Equal input gives equal bytes.

Nothing here tells when or how fast the replay ran; that is in `UnitTimings`, which only the report shows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

FORMAT_VERSION = 1


class ReplayRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class ListRecord(ReplayRecord):
    """Which risk list was asked."""

    described: str
    """"now", the moment, or the file it came from."""
    entry_count: int
    digest: str
    """BLAKE2b over all entries."""


class RunRecord(ReplayRecord):
    """What a run depended on; two runs with the same record have the same passages."""

    kind: Literal["run"] = "run"
    format_version: int = FORMAT_VERSION
    models: dict[str, str]
    """File name -> SHA-256."""
    settings: str
    """SHA-256 of all settings that touch the result."""
    risk_list: ListRecord
    videos: int


class VideoRecord(ReplayRecord):
    """One file, or one folder of images, or a stretch of a long file."""

    kind: Literal["video"] = "video"
    video: str
    """Path as it was found, below the folder that was given."""
    sha256: str
    start: AwareDatetime | None
    """Capture time of the first frame; None when the file could not be opened."""
    start_from: Literal["given", "name", "container", "container local", "file time"] | None
    from_ms: float
    """Where a piece of a long file begins; 0.0 for a whole one. Only passages first seen in the piece are in it."""
    duration_ms: float
    """Of the file or piece."""
    frames: int
    """Decoded; those before and after a piece, needed to know which passages are its own, are among them."""
    looked_at: int
    passages: int
    clear: int
    flagged: int
    unchecked: int
    unread: int
    damage: str | None
    """What was wrong with it, or None. With 0 frames nothing could be read at all."""
    note: str | None = None
    """What is not sure about it although nothing is wrong, such as a rate that was guessed."""


class LookRecord(ReplayRecord):
    """One read of a passage."""

    offset_ms: float
    text: str
    confidence: float
    width_px: float


class AlternativeRecord(ReplayRecord):
    text: str
    plate_class: str
    probability: float
    is_listed: bool


class PassageRecord(ReplayRecord):
    """One vehicle that passed, or (outcome "unread") something plate-like that nobody could read."""

    kind: Literal["passage"] = "passage"
    video: str
    outcome: Literal["clear", "flagged", "unchecked", "unread"]
    start_ms: float
    """Presentation time of the first look."""
    end_ms: float
    best_ms: float
    """Presentation time of the frame the crop is from."""
    started_at: AwareDatetime
    text: str
    plate_class: str
    probability: float
    """Of `text`, given all looks."""
    char_probs: tuple[float, ...]
    look_count: int
    box: tuple[float, float, float, float]
    level: Literal["hit", "possible"] | None = None
    match_probability: float | None = None
    listed_text: str | None = None
    why: str | None = None
    event_id: str | None = None
    alternatives: tuple[AlternativeRecord, ...] = ()
    looks: tuple[LookRecord, ...] = ()


class UnitTimings(ReplayRecord):
    """How long a unit took, in seconds; never part of the answer."""

    total_s: float
    decode_wait_s: float
    """Waiting for the decoder; it works beside."""
    read_s: float
    track_s: float
    """Tracking, matching and cutting evidence."""
    frame_ms: tuple[float, ...]
    """Reading time of each frame looked at."""


class UnitResult(ReplayRecord):
    """All that came of one unit; kept until the run is complete, so that it can be resumed."""

    fingerprint: str
    """Of everything the result depends on, see `fingerprint_of`."""
    video: VideoRecord
    passages: tuple[PassageRecord, ...]
    plate_jpegs: tuple[bytes | None, ...] = ()
    """For the report: a crop for each passage, in order."""
    timings: UnitTimings


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A finished or interrupted replay."""

    run: RunRecord
    units: tuple[UnitResult, ...]
    """In the order of the footage; complete when `is_complete`."""
    is_complete: bool


def jsonl_lines(run: RunRecord, results: Iterable[UnitResult]) -> Iterator[str]:
    """Yield the run, then each video and its passages, one JSON object a line."""
    yield run.model_dump_json()
    for result in results:
        yield result.video.model_dump_json()
        for passage in result.passages:
            yield passage.model_dump_json(exclude_none=True)
