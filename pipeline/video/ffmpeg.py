"""Opening video with FFmpeg (PyAV) so that a file can reach neither another file nor the network."""

import contextlib
import math
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import av.container
import av.logging
import av.stream
import cv2

from pipeline.errors import SourceError
from pipeline.video.camera_tls import tls_options
from pipeline.video.capture_protocol import CaptureRequest, FrameMemory
from pipeline.video.deinterlace import Plane
from pipeline.video.pictures import luma_of, put_picture
from pipeline.video.reordering import own_decoder, without_restriction
from riskdb.system_words import system_words

FILE_OPTIONS = {
    "protocol_whitelist": "file",
    # Playlists (hls, dash, concat, image patterns, sdp) open what their text names: they are no video.
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,m4v,mjpeg,h264,hevc,mpegvideo,dhav,mxf,rm,ivf,dv",
}
LIVE_OPTIONS = {
    "protocol_whitelist": "rtsp,rtsps,rtp,udp,tcp,tls,http,https,crypto",
    # What a playlist or a redirection names, the settings do not; and of what it names, no certificate is checked.
    "format_whitelist": f"rtsp,rtp,sdp,mpjpeg,{FILE_OPTIONS['format_whitelist']}",
    "max_redirects": "0",
    "rtsp_transport": "tcp",
    # Long enough for a rate; the default of 5 s would leave a camera unseen for as long each time it is back.
    "analyzeduration": "1000000",
}
OPEN_TIMEOUT_S = 8.0
READ_TIMEOUT_S = 8.0
FALLBACK_FPS = 25.0
"""For streams that tell neither times nor a rate."""
NO_TIMESTAMPS = 0x0080
"""AVFMT_NOTIMESTAMPS of libavformat/avformat.h."""
VideoPacket: TypeAlias = "av.Packet[av.VideoStream]"


class VideoStream:
    """An open video with a clock that never runs backwards."""

    def __init__(self, container: av.container.InputContainer, decoder_threads: int, *, is_live: bool = False) -> None:
        self._container = container
        self._stream = _main_stream(container)
        self._threads = decoder_threads
        self._own_decoder = own_decoder(self._stream) if is_live else None
        self._decoder = self._with_threads(self._own_decoder or self._stream.codec_context)
        self.codec = self._stream.codec_context.name
        self._packets = self.packets()
        self._ready: deque[av.VideoFrame] = deque()
        self._frame: av.VideoFrame | None = None
        self.has_clock = not container.format.flags & NO_TIMESTAMPS
        """Whether the times are the camera's: motion JPEG has none, and FFmpeg counts its frames at 25 a second."""
        self.fps = _rate(self._stream.average_rate) or _rate(self._stream.guessed_rate)
        self.length_ms = _length_ms(container, self._stream)
        self.frame_count = self._stream.frames
        """As the container says; 0 when it does not."""
        if container.format.name == "avi" and self.frame_count and self._stream.time_base is not None:
            # It counts moments, those without a picture among them: what is missing, its length tells.
            self.length_ms, self.frame_count = float(1000 * self.frame_count * self._stream.time_base), 0
        self.frames = 0
        self.offset_ms = 0.0
        self.passed_over = 0
        """Frames before the place that was sought, by the stream's rate."""
        self.undecodable = 0
        """Packets that gave no picture."""
        self.has_times = False
        """Whether the frames carry presentation times; without them they run at the rate that was guessed."""
        self._first_ms: float | None = None
        self._shift_ms = 0.0

    def seek(self, from_ms: float) -> None:
        """Go to a presentation time; where the container cannot, `grab` starts earlier."""
        if not self.grab():
            return
        self._container.seek(int(((self._first_ms or 0.0) + from_ms) * 1000))
        self._packets = self.packets()
        self._ready.clear()
        self.offset_ms = -1.0
        while self.grab() and self.offset_ms < from_ms:
            pass
        self.passed_over = round(self.offset_ms * (self.fps or FALLBACK_FPS) / 1000.0)
        self.frames = 0

    def packets(self) -> Iterator[VideoPacket]:
        """Yield what the container holds of the video, up to its end or to where it cannot be read any further."""
        # Damage ends it, like the end does: what is missing shows in the count or the length.
        with contextlib.suppress(av.FFmpegError):
            yield from self._container.demux(self._stream)

    def presented_s(self, packet: VideoPacket) -> float | None:
        """Return the camera's time of this packet; None where there is none."""
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is None or not self.has_clock:
            return None
        return moment * packet.time_base.numerator / packet.time_base.denominator

    def decoded(self, packet: "VideoPacket | None") -> list[av.VideoFrame]:
        """Return the frames that this packet completes; with None, those that the decoder still holds at the end."""
        own = self._own_decoder
        if packet is not None and own is not None and self.codec == "h264":
            packet = without_restriction(packet)
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self.undecodable += packet is not None
            return []
        for frame in frames if own is not None else ():
            # Those that it still held know it of no packet.
            frame.time_base = self._stream.time_base
        return frames

    @property
    def can_be_rough(self) -> bool:
        return self._own_decoder is not None

    def begin_anew(self, *, roughly: bool) -> None:
        """Decode what follows with another decoder; the next packet must stand by itself, see `own_decoder`."""
        self._own_decoder = own_decoder(self._stream, is_rough=roughly)
        self._decoder = self._with_threads(self._own_decoder or self._stream.codec_context)

    def _with_threads(self, decoder: av.VideoCodecContext) -> av.VideoCodecContext:
        decoder.thread_count = self._threads
        decoder.thread_type = "SLICE" if self._threads == 1 else "AUTO"
        return decoder

    def finish(self) -> list[av.VideoFrame]:
        """Return the frames that the decoder still holds; it can begin again at one that stands by itself."""
        frames = self.decoded(None)
        self._decoder.flush_buffers()
        return frames

    def close(self) -> None:
        """End the connection."""
        self._container.close()

    def grab(self) -> bool:
        """Decode the next frame. False at the end of the stream, or where it cannot be read any further."""
        while not self._ready:
            packet = next(self._packets, None)
            self._ready.extend(self.decoded(packet))
            if packet is None and not self._ready:
                return False
        self.take(frame := self._ready.popleft())
        self._tell_time(frame.time if frame.pts is not None else None)
        return True

    def take(self, frame: av.VideoFrame) -> None:
        """Make this frame the one that `luma` and `retrieve_into` are about."""
        self._frame = frame
        self.frames += 1

    def exchange(self, frame: av.VideoFrame) -> None:
        """Put the same picture, decoded better, in the place of the one that was taken last."""
        self._frame = frame

    @property
    def frame(self) -> av.VideoFrame | None:
        """The grabbed frame as it was decoded; None before the first."""
        return self._frame

    @property
    def is_key(self) -> bool:
        """Whether the grabbed frame stands by itself."""
        return self._frame is not None and bool(self._frame.key_frame)

    def luma(self) -> Plane:
        """Return the brightness of the grabbed frame, rows by columns, valid until the next `grab`."""
        assert self._frame is not None
        return luma_of(self._frame)

    def retrieve_into(self, memory: FrameMemory, slot: int) -> tuple[int, int] | None:
        """Put the grabbed frame's picture into a slot; return its (height, width), None when there is no room."""
        assert self._frame is not None
        return put_picture(self._frame, memory, slot)

    def _tell_time(self, time_s: float | None) -> None:
        frame_ms = 1000.0 / (self.fps or FALLBACK_FPS)
        if time_s is None or not math.isfinite(time_s):
            self.offset_ms += frame_ms if self.frames > 1 else 0.0
            return
        self.has_times = True
        position = 1000.0 * time_s
        if self._first_ms is None:
            self._first_ms = position
        offset = position - self._first_ms + self._shift_ms
        if self.frames > 1 and offset <= self.offset_ms:
            # Times began anew on the way (two recordings in one file, a camera that restarted): go on from here.
            self._shift_ms += self.offset_ms + frame_ms - offset
            offset = self.offset_ms + frame_ms
        self.offset_ms = offset


def open_stream(request: CaptureRequest) -> VideoStream:
    """Raises SourceError when nothing that can be decoded is there."""
    # OpenCV's own pool (FFmpeg's threads are others) would spin on the readers' cores for two small resizes a frame.
    cv2.setNumThreads(1)
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.ERROR)
    try:
        container = _open(request)
    except (av.FFmpegError, OSError, ValueError) as error:
        # Not all that it says: it ends with the address, where some cameras want their password.
        raise SourceError(f"打不开：{system_words(error, getattr(error, 'strerror', None))}") from error
    if not container.streams.video:
        raise SourceError("不是能解码的录像" if not request.is_live else "那里没有视频流")
    stream = VideoStream(container, request.decoder_threads, is_live=request.is_live)
    if request.from_ms:
        stream.seek(request.from_ms)
    return stream


def _open(request: CaptureRequest) -> av.container.InputContainer:
    timeout = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
    if request.uri.isdecimal():
        return av.open(f"/dev/video{request.uri}", format="v4l2", timeout=timeout)
    if "://" in request.uri:
        return av.open(request.uri, options={**LIVE_OPTIONS, **tls_options(request)}, timeout=timeout)
    # An absolute path: a name such as "concat:a" would otherwise be a protocol.
    return av.open(str(Path(request.uri).absolute()), options=FILE_OPTIONS)


def _main_stream(container: av.container.InputContainer) -> "av.VideoStream":
    """Return the video with the largest picture: recorders put a small copy beside it, and a cover is no video."""
    attached = av.stream.Disposition.attached_pic
    streams = [each for each in container.streams.video if attached not in each.disposition]
    return max(streams or container.streams.video, key=lambda each: each.width * each.height)


def _rate(rate: Fraction | None) -> float:
    return float(rate) if rate else 0.0


def _length_ms(container: av.container.InputContainer, stream: "av.VideoStream") -> float:
    """Return the length as the container says, 0.0 when it does not."""
    if stream.duration is not None and stream.time_base is not None:
        return max(0.0, float(stream.duration * stream.time_base) * 1000.0)
    # Matroska says where it ends ([RFC 9559] 5.1.2.10): a recorder's second file may begin where its first one ended.
    begin = max(0, container.start_time or 0) if "matroska" in container.format.name else 0
    length = container.duration or 0
    return max(0.0, (length - begin if length > begin else length) / 1000.0)
