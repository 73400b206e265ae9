"""Opening video with OpenCV's FFmpeg so that a file can reach neither another file nor the network."""

import math
import os
import re
import threading
from pathlib import Path
from types import TracebackType

# Read by OpenCV when its library is loaded; decoder messages at error level tell damage.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2

from pipeline.errors import SourceError
from pipeline.video.capture_protocol import CaptureRequest, FrameMemory

FILE_OPTIONS = (
    "protocol_whitelist;file"
    # Playlists (hls, dash, concat, image patterns, sdp) open what their text names: they are no video.
    "|format_whitelist;mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,m4v,mjpeg,h264,hevc,mpegvideo"
)
LIVE_OPTIONS = "protocol_whitelist;rtsp,rtsps,rtp,udp,tcp,tls,http,https,crypto|rtsp_transport;tcp"
OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 8000
FINISH_TIMEOUT_S = 5.0
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
"""FFmpeg names a decoder by its place in memory, which is another one each time."""
FALLBACK_FPS = 25.0
"""For streams that tell neither times nor a rate."""


class VideoStream:
    """An open capture with a clock that never runs backwards."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self.fps = _positive_or_zero(capture.get(cv2.CAP_PROP_FPS))
        self.frame_count = int(_positive_or_zero(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self.frames = 0
        self.offset_ms = 0.0
        self.passed_over = 0
        """Frames before the place that was sought, by the stream's rate."""
        self._first_ms: float | None = None

    def seek(self, from_ms: float) -> None:
        """Go to a presentation time; where the container cannot, `grab` starts earlier."""
        if not self.grab():
            return
        self._capture.set(cv2.CAP_PROP_POS_MSEC, (self._first_ms or 0.0) + from_ms)
        while self.grab() and self.offset_ms < from_ms:
            pass
        self.passed_over = round(self.offset_ms * (self.fps or FALLBACK_FPS) / 1000.0)
        self.frames = 0

    def grab(self) -> bool:
        """Move to the next frame. False at the end of the stream, or where it cannot be read any further."""
        if not self._capture.grab():
            return False
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        if self._first_ms is None:
            self._first_ms = position if math.isfinite(position) else 0.0
        elif math.isfinite(position) and position - self._first_ms > self.offset_ms:
            self.offset_ms = position - self._first_ms
        else:
            self.offset_ms += 1000.0 / (self.fps or FALLBACK_FPS)
        self.frames += 1
        return True

    def retrieve_into(self, memory: FrameMemory, slot: int) -> tuple[int, int] | None:
        """Decode the grabbed frame into a slot; return its (height, width), None when it cannot be decoded."""
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        try:
            target = memory.picture(slot, height, width)
            is_decoded, picture = self._capture.retrieve(target)
            if not is_decoded or picture is None:
                return None
            if picture is not target:
                # The stream turned, or changed its size on the way: OpenCV made a picture of its own.
                target = memory.picture(slot, *picture.shape[:2])
                target[:] = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        except (cv2.error, ValueError):
            return None
        return target.shape[0], target.shape[1]


class ErrorLines:
    """Counts what decoders print to the process's stderr meanwhile, and keeps the first line."""

    def __init__(self) -> None:
        self.first = ""
        self.count = 0

    def __enter__(self) -> "ErrorLines":
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._reading = threading.Thread(target=self._count, args=(reading,), daemon=True)
        self._reading.start()
        return self

    def finish(self) -> None:
        """Wait for what is still on its way, so that the count is the same every time; later lines are lost."""
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        self._reading.join(FINISH_TIMEOUT_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: the process ends with its decoder."""

    def _count(self, reading: int) -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                self.count += 1
                self.first = self.first or _ADDRESS.sub("", line.strip())[:200]


def open_stream(request: CaptureRequest) -> VideoStream:
    """Raises SourceError when nothing that can be decoded is there."""
    # OpenCV's own pool (FFmpeg's threads are others) would spin on the readers' cores for two small resizes a frame.
    cv2.setNumThreads(1)
    threads = [cv2.CAP_PROP_N_THREADS, request.decoder_threads] if request.decoder_threads else []
    if request.uri.isdecimal():
        capture = cv2.VideoCapture(int(request.uri))
    elif "://" in request.uri:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = LIVE_OPTIONS
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        capture = cv2.VideoCapture(request.uri, cv2.CAP_FFMPEG, [*timeouts, *threads])
    else:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = FILE_OPTIONS
        # An absolute path: a name such as "concat:a" would otherwise be a protocol.
        capture = cv2.VideoCapture(str(Path(request.uri).absolute()), cv2.CAP_FFMPEG, threads)
    if not capture.isOpened():
        raise SourceError("not a video that can be decoded" if not request.is_live else "no video stream there")
    stream = VideoStream(capture)
    if request.from_ms:
        stream.seek(request.from_ms)
    return stream


def _positive_or_zero(number: float) -> float:
    return number if math.isfinite(number) and number > 0 else 0.0
