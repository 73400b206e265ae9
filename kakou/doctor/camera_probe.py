"""The child process that opens one camera: whatever hangs or crashes in a decoder ends with it.

Takes a source as JSON on standard input (an address holds a password), tells on standard output what it saw.
"""

import sys
import time

from pydantic import BaseModel, ConfigDict

from alerts.camera_quality import CameraQuality
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader, ReaderSettings
from ocr.types import BgrImage
from pipeline.errors import SourceError
from pipeline.settings import GateSettings, SourceSettings
from pipeline.video.capture_protocol import CaptureRequest
from pipeline.video.ffmpeg import VideoStream, open_stream
from pipeline.video.picture_health import quality_of
from pipeline.video.pictures import picture_of

WATCHED_S = 2.5


class CameraSeen(BaseModel):
    """What was seen of a camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    is_interlaced: bool = False
    first_picture_s: float = 0.0
    quality: CameraQuality = "good"
    plate_heights_px: tuple[float, ...] = ()


def main() -> int:
    source = SourceSettings.model_validate_json(sys.stdin.buffer.read())
    try:
        seen = look_at(source)
    except SourceError as error:
        seen = CameraSeen(fault=str(error))
    sys.stdout.write(seen.model_dump_json())
    return 0


def look_at(source: SourceSettings) -> CameraSeen:
    """Open it, and look for a moment. Raises SourceError."""
    started = time.monotonic()
    request = CaptureRequest(
        uri=source.uri, is_live=source.is_live, gate=GateSettings(), decoder_threads=1,
        tls_verify=source.tls_verify, ca_file=source.ca_file,
    )  # fmt: skip
    stream = open_stream(request)
    if not stream.grab():
        raise SourceError("没有可解码的画面")
    first_s = time.monotonic() - started
    quality = quality_of(stream.luma(), source.regions)
    picture, is_interlaced, frames = _watch(stream)
    reader = PlateReader.from_models(shipped_models(), ReaderSettings(second_long_side_px=0))
    heights = tuple(round(read.box.y2 - read.box.y1, 1) for read in reader.read(picture))
    return CameraSeen(
        codec=stream.codec, width=picture.shape[1], height=picture.shape[0], fps=round(stream.fps or frames, 1),
        is_interlaced=is_interlaced, first_picture_s=round(first_s, 2), quality=quality, plate_heights_px=heights,
    )  # fmt: skip


def _watch(stream: VideoStream) -> tuple[BgrImage, bool, float]:
    """Return the last picture, whether it is interlaced, and frames a second."""
    deadline, frames, last_ms = time.monotonic() + WATCHED_S, 1, 0.0
    while time.monotonic() < deadline and last_ms < WATCHED_S * 1000 and stream.grab():
        frames, last_ms = frames + 1, stream.offset_ms
    frame = stream.frame
    if frame is None:
        raise SourceError("没有可解码的画面")
    return picture_of(frame), bool(frame.interlaced_frame), frames / max(last_ms / 1000, 0.1)


if __name__ == "__main__":
    sys.exit(main())
