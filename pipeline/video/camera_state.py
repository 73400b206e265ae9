"""What a camera's log says: one line for each change of its state, however often it is tried again."""

import logging
import re
import time

from alerts.camera_quality import QUALITY_WORDS, CameraQuality
from pipeline.sub_stream_state import SUB_STREAM_WORDS, SubStreamState

log = logging.getLogger(__name__)
STEADY_S = 2.0
"""A camera is there when it has sent pictures for this long: one that hangs up at once, again and again, stays lost."""
CAUGHT_UP_S = 60.0
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def without_credentials(text: str) -> str:
    """Return the text with what stands before the @ of an address taken out."""
    return _CREDENTIALS.sub("//", text)


class CameraState:
    """Tells lost from there, and behind from in time. One camera each; `now_s` is monotonic."""

    def __init__(self, camera_id: str) -> None:
        self._camera_id = camera_id
        self._is_there: bool | None = None
        self._lost_s = 0.0
        self._pictures_since_s: float | None = None
        self._undecoded = 0
        self._behind_s: float | None = None
        self._quality: CameraQuality = "good"
        self._sub_stream: SubStreamState | None = None
        self._sub_stream_seen: SubStreamState | None = None
        self._sub_stream_since_s = 0.0

    def sends(self, frames: int, undecoded: int, now_s: float | None = None) -> None:
        """Note how many frames came from this connection so far, and how many of them nobody had time to decode."""
        now_s = time.monotonic() if now_s is None else now_s
        if frames:
            self._pictures_since_s = now_s if self._pictures_since_s is None else self._pictures_since_s
            if not self._is_there and now_s - self._pictures_since_s >= STEADY_S:
                away = "" if self._is_there is None else f" again, after {now_s - self._lost_s:.0f} s"
                log.info("%s: 摄像机有画面 the camera is there%s", self._camera_id, away)
                self._is_there = True
        self._note_backlog(undecoded, now_s)

    def judged(self, quality: CameraQuality) -> None:
        """Note what is wrong with its picture."""
        if quality != self._quality:
            level = logging.INFO if quality == "good" else logging.WARNING
            log.log(level, "%s: %s the picture is %s", self._camera_id, QUALITY_WORDS[quality], quality)
            self._quality = quality

    def sub_stream(self, state: SubStreamState | None, reason: str | None, now_s: float | None = None) -> None:
        """Note what is wrong with its sub-stream; what flickers is not said."""
        now_s = time.monotonic() if now_s is None else now_s
        if state != self._sub_stream_seen:
            self._sub_stream_seen, self._sub_stream_since_s = state, now_s
        if state in (None, self._sub_stream) or now_s - self._sub_stream_since_s < STEADY_S:
            return
        self._sub_stream = state
        says = (self._camera_id, SUB_STREAM_WORDS[state])
        if state == "there":
            log.info("%s: %s the sub-stream is there: the main stream waits while nothing moves in it", *says)
            return
        why = f" ({without_credentials(reason)})" if reason else ""
        log.warning("%s: %s%s the sub-stream is no help: the main stream is decoded all the time", *says, why)

    def ended(self, reason: str | None, now_s: float | None = None) -> None:
        """Note that the connection has ended or never came about."""
        self._pictures_since_s, self._undecoded = None, 0
        if self._is_there is not False:
            self._lost_s = time.monotonic() if now_s is None else now_s
            why = without_credentials(reason or "no reason given")
            log.warning("%s: 摄像机无画面 the camera is lost: %s; it is tried again and again", self._camera_id, why)
            self._is_there = False

    def _note_backlog(self, undecoded: int, now_s: float) -> None:
        if undecoded > self._undecoded:
            if self._behind_s is None:
                log.warning(
                    "%s: 来不及处理 this box or its line cannot keep up: frames are dropped undecoded", self._camera_id
                )
            self._behind_s = now_s
        elif self._behind_s is not None and now_s - self._behind_s > CAUGHT_UP_S:
            log.info("%s: 已跟上 frames are in time again", self._camera_id)
            self._behind_s = None
        self._undecoded = undecoded
