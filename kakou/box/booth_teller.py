"""Tells the booth page what the cameras of one process see. The walk never waits for it."""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from alerts.booth_link import BoothMouth, BoothPassage, BoothWord
from alerts.box_status import BoxStatus
from kakou.wiring.box import Box
from ocr.types import BgrImage
from pipeline.types import Passage
from pipeline.walk.evidence import encode_jpeg, narrowed

WAITING = 50
KEPT = 10
"""So many vehicles are told again to a booth that was away."""
KEPT_S = 180.0
"""None of them longer than this: a vehicle that matched nothing leaves nothing behind."""
MOST_WIDTH = 800

log = logging.getLogger(__name__)


class Teller(Protocol):
    """Is told of passages and cameras, and never holds up who tells it."""

    def passed(self, passage: Passage) -> None: ...

    def in_view(self, passage: Passage) -> None:
        """Of a vehicle that is still in view, as far as it is known."""

    def report(self, status: BoxStatus) -> None: ...

    def close(self) -> None: ...


def booth_teller(box: Box) -> Teller:
    return BoothTeller(box.settings.state_dir) if box.has_booth else NoBooth()


class NoBooth:
    """A box without a booth page."""

    def passed(self, passage: Passage) -> None: ...

    def in_view(self, passage: Passage) -> None: ...

    def report(self, status: BoxStatus) -> None: ...

    def close(self) -> None: ...


class BoothTeller:
    """Takes passages from any camera's thread; says them in a thread of its own."""

    def __init__(self, state_dir: Path) -> None:
        self._mouth = BoothMouth(state_dir)
        self._waiting: queue.Queue[tuple[Passage | BoxStatus, bool] | None] = queue.Queue(WAITING)
        self._unheard: deque[tuple[float, BoothWord]] = deque(maxlen=KEPT)
        self._thread = threading.Thread(target=self._run, name="booth-teller", daemon=True)
        self._thread.start()

    def passed(self, passage: Passage) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((passage, True))

    def in_view(self, passage: Passage) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((passage, False))

    def report(self, status: BoxStatus) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((status, False))

    @property
    def is_behind(self) -> bool:
        """Whether something was not said yet, although somebody may listen."""
        return not self._waiting.empty()

    def close(self) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(timeout=2.0)
        self._mouth.close()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            given, has_left = item
            if isinstance(given, BoxStatus):
                self._say(BoothWord(status=given), is_kept=False)
            else:
                self._say(_word_of(given, has_left), is_kept=True)

    def _say(self, word: BoothWord, *, is_kept: bool) -> None:
        try:
            while self._unheard:
                at, earlier = self._unheard[0]
                if time.monotonic() - at < KEPT_S:
                    self._mouth.say(earlier)
                self._unheard.popleft()
            self._mouth.say(word)
        except OSError as error:  # it starts again, or was given up: then the log says so already
            log.debug("the booth page does not listen: %s", error)
            if is_kept:
                self._unheard.append((time.monotonic(), word))
        while self._unheard and time.monotonic() - self._unheard[0][0] >= KEPT_S:
            self._unheard.popleft()


def _word_of(passage: Passage, has_left: bool) -> BoothWord:
    evidence, match = passage.track.evidence, passage.match
    told = BoothPassage(
        camera_id=passage.camera_id,
        checkpoint=passage.checkpoint,
        started_at=passage.started_at,
        text=match.text if match else passage.best.text,
        plate_class=match.plate_class if match else passage.best.plate_class,
        outcome=passage.outcome,
        event=passage.event,
        decided_at=passage.decided_at,
        has_left=has_left and passage.track.is_final,
        permit=passage.permit,
    )
    return BoothWord(told, None, _jpeg(evidence.plate_picture), _jpeg(evidence.vehicle_picture))


def _jpeg(picture: BgrImage | None) -> bytes:
    try:
        return encode_jpeg(narrowed(picture, MOST_WIDTH)) if picture is not None else b""
    except OSError:
        return b""
