"""What a box tells the console about itself, and the passages at the barrier right now.

Redis keys (written here only):
  box:status:<camera_id>  STRING  BoxStatus as JSON; expires after STATUS_TTL_S
  box:status::arrived     STREAM  of which cameras (alerts.arrivals); no camera id begins with a colon
  lane:<camera_id>        channel LanePassage as JSON; published, never stored: who is not listening misses it
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import redis
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from alerts.arrivals import Arrivals, put
from alerts.camera_quality import CameraQuality
from alerts.envelope import UtcDatetime
from alerts.flagged import masked_plate
from riskdb.types import PermitStanding

STATUS_KEY = "box:status:"
LANE_CHANNEL = "lane:"
STATUS_TTL_S = 24 * 3600
"""A silent box stays known for a day, so that its tile turns red and does not vanish."""

_ASKED_AT_ONCE = 500
"""Statuses in one MGET: some 1.5 MB."""

Count = Annotated[int, Field(ge=0, lt=2**53)]


class HourCount(BaseModel):
    """Passages of one camera in one hour so far; passages == clear + flagged + unchecked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hour: UtcDatetime
    """Start of the hour, UTC."""
    clear: Count = 0
    flagged: Count = 0
    unchecked: Count = 0


class SendingDevice(BaseModel):
    """The state of a camera that reads plates itself and sends what it read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maker: str
    last_message_at: UtcDatetime | None = None
    """Anything with the right secret; None while it has never sent anything."""
    waiting: Count = 0
    """Reads of all devices of the box that are on disk and not decided yet."""
    resent: Count = 0
    refused: Count = 0
    refused_at: UtcDatetime | None = None
    why_refused: str = ""
    quarantined: Count = 0
    """Messages that could not be understood."""
    why_quarantined: str = ""
    broken_pictures: Count = 0
    """Pictures that came with a read and are none."""


class BoxStatus(BaseModel):
    """The state of one camera and the box it hangs on, sent every few seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str
    checkpoint: str
    box: str
    reported_at: UtcDatetime
    fps: FiniteFloat
    """Frames per second over the last few seconds; 0.0 when the camera is silent."""
    last_read_at: UtcDatetime | None
    list_version: int | None
    """None when the box cannot say which list it screens with."""
    list_age_s: FiniteFloat | None
    list_count: int | None = None
    """Vehicles on it; 0 is an empty list, which finds nobody. None when the box does not say."""
    unchecked_waiting: int
    """Passages in the spool that still wait for a check."""
    outbox_pending: int
    redis_ok: bool
    clock_offset_s: FiniteFloat | None
    """Camera clock minus box clock; None when unknown."""
    frame_age_s: FiniteFloat = 0.0
    """How old the newest picture was when it was decoded: seconds mean that this box or its line cannot keep up."""
    looks_per_s: FiniteFloat = 0.0
    """Frames a second that plates are looked for on; few while nothing moves."""
    camera_quality: CameraQuality = "good"
    """What is wrong with the picture although it comes; said only after it was so for a minute."""
    watched_since: UtcDatetime | None = None
    """When this box began to look at the camera."""
    hours: tuple[HourCount, ...] = ()
    """The last hours, oldest first; each number only grows within its hour."""
    losses: tuple[str, ...] = ()
    """What was lost with damaged files of the box, in Chinese, until somebody has dealt with it."""
    stopped: str | None = None
    """Why nobody screens this camera any more until a person has mended it; None while it is screened."""
    device: SendingDevice | None = None
    """Of a camera that sends reads; None where its video is looked at."""


class LanePassage(BaseModel):
    """One passage for the lane strip; shown for a few seconds and kept nowhere.

    Only a flagged vehicle has its plate in it: whatever is put in or comes in, the others are masked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera_id: str
    checkpoint: str
    text: str
    plate_class: str
    outcome: Literal["clear", "flagged", "unchecked"]
    passed_at: UtcDatetime
    permit: PermitStanding | None = None
    """What the vehicle's permits come to; neither their numbers nor their goods, by which it could be known."""

    @model_validator(mode="before")
    @classmethod
    def _mask(cls, given: object) -> object:
        if not isinstance(given, dict) or given.get("outcome") == "flagged":
            return given
        text = given.get("text")
        return given if not isinstance(text, str) or "*" in text else {**given, "text": masked_plate(text)}


class StatusBoard:
    """Writer and reader of what the boxes say."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def report(self, status: BoxStatus) -> None:
        put(self._client, STATUS_KEY, status.camera_id, status.model_dump_json(), STATUS_TTL_S)

    def announce(self, passage: LanePassage) -> None:
        # Without what is None: a console that is older than its boxes refuses fields that it does not know.
        self._client.publish(LANE_CHANNEL + passage.camera_id, passage.model_dump_json(exclude_none=True))

    def arrivals(self) -> Arrivals:
        """Return a reader of which cameras report, for who goes on asking."""
        return Arrivals(self._client, STATUS_KEY)

    def of(self, camera_ids: Sequence[str]) -> dict[str, BoxStatus | None]:
        """Return the latest report of these cameras; None for one that cannot be understood (an older or newer box).

        A camera whose report has expired is left out.
        """
        found: dict[str, BoxStatus | None] = {}
        for start in range(0, len(camera_ids), _ASKED_AT_ONCE):
            some = camera_ids[start : start + _ASKED_AT_ONCE]
            texts = self._client.mget([STATUS_KEY + camera_id for camera_id in some])
            found |= {name: _parse_status(text, name) for name, text in zip(some, texts, strict=True) if text}
        return found

    def statuses(self) -> list[BoxStatus]:
        """Return every camera's latest report, ordered by checkpoint and camera, by a search; to look once."""
        arrivals = self.arrivals()
        names = set(arrivals.names())
        while arrivals.is_searching:
            names.update(arrivals.names())
        reports = [status for status in self.of(list(names)).values() if status is not None]
        return sorted(reports, key=lambda status: (status.checkpoint, status.camera_id))

    def passages(self, timeout_s: float) -> Iterator[LanePassage | None]:
        """Yield passages as they happen, and None whenever `timeout_s` went by without one."""
        # redis-py leaves pubsub() without annotations.
        with self._client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            channel.psubscribe(LANE_CHANNEL + "*")
            while True:
                message = channel.get_message(timeout=timeout_s)
                yield _parse_passage(message["data"]) if message else None


def _parse_status(text: bytes | str, camera_id: str) -> BoxStatus | None:
    """A camera is told of under its own name; another one's says nothing."""
    try:
        status = BoxStatus.model_validate_json(text)
    except ValidationError:
        return None
    return status if status.camera_id == camera_id else None


def _parse_passage(text: bytes | str) -> LanePassage | None:
    try:
        return LanePassage.model_validate_json(text)
    except ValidationError:
        return None
