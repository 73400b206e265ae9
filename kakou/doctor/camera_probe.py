"""The child process that opens one camera: whatever hangs or crashes in a decoder ends with it.

Takes a source as JSON on standard input (an address holds a password), tells on standard output what it saw.
"""

import sys
import time

from pydantic import BaseModel, ConfigDict

from alerts.camera_quality import CameraQuality
from ocr.models_folder import shipped_models
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from ocr.types import BgrImage
from pipeline.errors import SourceError
from pipeline.settings import GateSettings, SourceSettings
from pipeline.video.capture_protocol import CaptureRequest
from pipeline.video.ffmpeg import VideoStream, open_stream
from pipeline.video.motion import cell_brightness
from pipeline.video.picture_health import quality_of
from pipeline.video.pictures import picture_of
from pipeline.video.sub_stream import Scene, are_alike

WATCHED_S = 2.5


class StreamSeen(BaseModel):
    """What was seen of one stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0


class SubStreamSeen(StreamSeen):
    """What was seen of its sub-stream."""

    core_share: float = 0.0
    """Of the time that it was watched for, how much a core took to decode it."""
    is_same_scene: bool = True


class CameraSeen(StreamSeen):
    """What was seen of a camera."""

    is_interlaced: bool = False
    first_picture_s: float = 0.0
    quality: CameraQuality = "good"
    plate_heights_px: tuple[float, ...] = ()
    sub_stream: SubStreamSeen | None = None
    """None where the source names none."""


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
    stream = open_stream(_request(source, source.uri))
    if not stream.grab():
        raise SourceError("没有可解码的画面")
    first_s = time.monotonic() - started
    quality = quality_of(stream.luma(), source.regions)
    scene = cell_brightness(stream.luma())
    picture, is_interlaced, frames = _watch(stream)
    reader = PlateReader.from_models(shipped_models(), ReaderSettings(second_long_side_px=0))
    heights = tuple(round(read.box.y2 - read.box.y1, 1) for read in reader.read(picture))
    return CameraSeen(
        codec=stream.codec, width=picture.shape[1], height=picture.shape[0], fps=round(stream.fps or frames, 1),
        is_interlaced=is_interlaced, first_picture_s=round(first_s, 2), quality=quality, plate_heights_px=heights,
        sub_stream=None if source.sub_uri is None else _sub_stream(_request(source, source.sub_uri), scene),
    )  # fmt: skip


def _request(source: SourceSettings, uri: str) -> CaptureRequest:
    return CaptureRequest(
        uri=uri, is_live=source.is_live, gate=GateSettings(), decoder_threads=1,
        tls_verify=source.tls_verify, ca_file=source.ca_file,
    )  # fmt: skip


def _sub_stream(request: CaptureRequest, main_scene: Scene) -> SubStreamSeen:
    try:
        stream = open_stream(request)
        started_s, used_s = time.monotonic(), time.process_time()
        picture, _, fps = _watch(stream)
    except SourceError as error:
        return SubStreamSeen(fault=str(error))
    share = (time.process_time() - used_s) / max(time.monotonic() - started_s, 0.1)
    return SubStreamSeen(
        codec=stream.codec, width=picture.shape[1], height=picture.shape[0], fps=round(stream.fps or fps, 1),
        core_share=round(share, 3), is_same_scene=are_alike(cell_brightness(stream.luma()), main_scene),
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
