"""What the capture child and its parent say to each other, and the memory that carries the pictures.

The child decodes (it may hang or crash on a hostile stream and be killed), the parent walks on. Messages are one JSON
object each; pictures never pass through the pipe.
"""

import contextlib
import mmap
import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from alerts.camera_quality import CameraQuality
from ocr.types import BgrImage
from pipeline.settings import GateSettings
from pipeline.sub_stream_state import SubStreamState
from pipeline.video.close_looks import Place
from pipeline.video.masks import Regions

MAX_FRAME_BYTES = 8192 * 4608 * 3
SLOTS = 4
"""One with the parent, one or two on the way, one being written."""


class CaptureMessage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaptureRequest(CaptureMessage):
    """First message to the child: what to open, and how."""

    uri: str
    is_live: bool
    """True keeps the newest frame and drops older ones; False delivers every wanted frame."""
    gate: GateSettings
    decoder_threads: int = 0
    """0 lets FFmpeg choose."""
    stops_at_damage: bool = False
    """True ends at the first decoder message: what several threads make of damage differs from run to run."""
    regions: Regions = Regions()
    quality_hold_s: float = 60.0
    from_ms: float = 0.0
    """Of a file: frames before this presentation time are passed over."""
    tls_verify: bool = True
    ca_file: Path | None = None
    sub_uri: str | None = None
    """Of a live source: its sub-stream, which is watched in its place while nothing moves."""


class Started(CaptureMessage):
    """The child runs and has loaded its libraries; only from now on can a source make it hang."""

    kind: Literal["started"] = "started"


class Opened(CaptureMessage):
    kind: Literal["opened"] = "opened"
    length_ms: float
    """As the container says; 0.0 when it does not."""


class FrameReady(CaptureMessage):
    """A picture lies in a slot; the child leaves it alone until the parent gives the slot back."""

    kind: Literal["frame"] = "frame"
    slot: int
    height: int
    width: int
    index: int
    offset_ms: float
    """Presentation time since the first frame; of a live source, that of the camera since it was opened."""
    captured_at: float
    """Of a live source: seconds since 1970, its presentation time on this machine's clock; of a file 0.0."""
    arrived_at: float
    """Seconds since 1970, when the picture was there."""
    frames: int
    dropped: int
    moved: tuple[Place, ...] | None = None
    """Where something moves that has to be searched closely; None for the whole picture."""


class Progress(CaptureMessage):
    """Sent about once a second, so that a silent child is a hung one."""

    kind: Literal["progress"] = "progress"
    frames: int
    offset_ms: float
    dropped: int
    undecoded: int = 0
    """Of those dropped, the ones that were not even decoded: this machine or its line cannot keep up."""
    late_s: float = 0.0
    """How old the newest frame was when it was decoded: the line's lateness and ours. Those that waited while nothing
    moved are not asked."""
    clock_offset_s: float | None = None
    """Camera's clock minus this machine's, where the camera tells its own (RTCP sender report)."""
    spared: int = 0
    """Frames that were not decoded because nothing refers to them and nobody would look at them."""
    quality: CameraQuality | None = None
    """None while it is not known yet."""
    sub_stream: SubStreamState | None = None
    """None where there is none, and until it is known."""
    sub_stream_reason: str | None = None
    """Why a sub-stream that is lost cannot be read, as far as it is known."""
    clock_box: tuple[float, float, float, float] | None = None
    """Where a running clock is written into the picture: left, top, right, bottom as shares of it."""


class Ended(CaptureMessage):
    kind: Literal["ended"] = "ended"
    frames: int
    offset_ms: float
    dropped: int
    was_opened: bool
    damage: str | None = None
    """What was wrong; None for a source that was whole."""
    stopped_at_damage: bool = False
    """The rest of the file was not looked at."""
    guessed_fps: float = 0.0
    """The rate that a file without presentation times was run at; 0.0 for one that has them."""


Notice: TypeAlias = Annotated[Started | Opened | FrameReady | Progress | Ended, Field(discriminator="kind")]
NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)


class FrameMemory:
    """Slots for pictures in memory that parent and child share; pages cost nothing until they are written."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, SLOTS * MAX_FRAME_BYTES)

    def close(self) -> None:
        """Give the memory back, unless somebody still looks at a picture in it: then it goes with the last one."""
        with contextlib.suppress(BufferError):
            self._map.close()

    def picture(self, slot: int, height: int, width: int) -> BgrImage:
        """Return the slot as a picture. Raises ValueError when it does not fit or the slot does not exist."""
        size = height * width * 3
        if not (0 <= slot < SLOTS and 0 < size <= MAX_FRAME_BYTES):
            raise ValueError(f"no room for a picture of {width} x {height} pixels in slot {slot}")
        flat = np.frombuffer(self._map, np.uint8, size, slot * MAX_FRAME_BYTES)
        return flat.reshape(height, width, 3)


def create_frame_memory() -> int:
    """Return a file descriptor of memory without a name: it goes with the last process that holds it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kakou-frames")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SLOTS * MAX_FRAME_BYTES)
    return descriptor
