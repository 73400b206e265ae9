"""A box of a history: `python -m bench.history_box FOLDER SEED`. Its walk, outbox, relay, spool and re-check are those
of `kakou run`, in one process; in place of cameras and models it has a script of vehicles.

It notes what it saw in FOLDER/seen, a line when a vehicle comes into view and one when its passage is decided. That
file lies outside the state folder: neither a full disk nor a scan for traces touches it.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from alerts.flagged import make_event_id
from kakou.box.run import background
from kakou.process import log_to_stderr
from kakou.settings import load_settings
from kakou.utc import utc_now
from kakou.wiring.box import Box
from kakou.wiring.matching import key_path
from ocr.grammar import CITY_LETTERS, DIGITS, PROVINCES, STYLES, plate_class_of
from ocr.types import BgrImage, BoundingBox, PlateDistribution, PlateRead
from pipeline.settings import SourceSettings
from pipeline.types import Frame, Passage, ScreeningCounts
from pipeline.walk.screening import screen
from riskdb.digest import read_key

ALPHABET = DIGITS + CITY_LETTERS + PROVINCES + "学警挂港澳使领民航应急_"
CERTAINTY = 0.995
LOOKS = 5
LOOK_S = 0.06
AGAIN_S = 15.0
"""A vehicle that comes again sooner may still be the same passage."""
PLACES = tuple((20 + 100 * column, 30 + 80 * row) for row in range(4) for column in range(6))
"""Where vehicles stand, each far from the one before; a place is taken again only when nobody expects its last one
back."""
SOURCE = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="rtsp://127.0.0.1/script")
PICTURE: BgrImage = np.full((360, 640, 3), 90, np.uint8)


class Script:
    """Vehicles of a list of plates, in random order, and the reader that reads them."""

    def __init__(self, texts: list[str], quiet: Path, seed: int, noted: "Notes") -> None:
        """No vehicle comes any more once there is a file `quiet`."""
        self._texts, self._quiet = texts, quiet
        self._dice = random.Random(f"{seed} {time.monotonic()}")
        self._noted = noted
        self._read: PlateRead | None = None
        self._index = 0
        self._pause = threading.Event()  # time.sleep does not work under libfaketime

    def frames(self) -> Iterator[Frame]:
        for number in range(sys.maxsize):
            text = self._dice.choice(self._texts)
            if self._quiet.exists():
                self._read = None
                yield self._frame()
                self._pause.wait(LOOK_S)
                continue
            if time.monotonic() - self._noted.begun_s.get(text, 0.0) < AGAIN_S:
                continue
            for look in range(LOOKS):
                self._read = read_of(text, PLACES[11 * number % len(PLACES)])
                frame = self._frame()
                if look == 0:
                    self._noted.begins(text, frame.captured_at)
                yield frame
                self._pause.wait(LOOK_S)

    def _frame(self) -> Frame:
        self._index += 1
        now = utc_now()
        return Frame(SOURCE.camera_id, self._index, now, now, PICTURE)

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        return [self._read] if self._read else []


class Notes:
    """The file of what was seen."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self.begun_s: dict[str, float] = {}
        self._begun_at: dict[tuple[str, datetime], float] = {}

    def begins(self, text: str, captured_at: datetime) -> None:
        self.begun_s[text] = self._begun_at[text, captured_at] = time.monotonic()
        self._write({"text": text, "begun_s": self.begun_s[text]})

    def ends(self, passage: Passage, event_id: str) -> None:
        """A passage is told of when the same vehicle may be in view again: its first look says whose it is."""
        text = passage.best.text
        begun_s = self._begun_at.get((text, passage.track.started_at), self.begun_s.get(text, 0.0))
        self._write(
            {"text": passage.best.text, "begun_s": begun_s, "ended_s": time.monotonic(), "outcome": passage.outcome,
             "event_id": event_id}
        )  # fmt: skip

    def close(self) -> None:
        self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read_of(text: str, place: tuple[int, int]) -> PlateRead:
    probs = np.full((8, len(ALPHABET)), (1 - CERTAINTY) / (len(ALPHABET) - 1), np.float32)
    for slot in range(8):
        probs[slot, ALPHABET.index(text[slot] if slot < len(text) else "_")] = CERTAINTY
    styles = np.full(len(STYLES), 0.01 / (len(STYLES) - 1), np.float32)
    styles[STYLES.index("blue")] = 0.99
    box = BoundingBox(place[0], place[1], place[0] + 60, place[1] + 20)
    corners = np.array([[box.x1, box.y1], [box.x2, box.y1], [box.x2, box.y2], [box.x1, box.y2]], np.float32)
    distribution = PlateDistribution(ALPHABET, probs, STYLES, styles)
    certain = (CERTAINTY,) * len(text)
    return PlateRead(text, plate_class_of(text, "blue"), box, corners, distribution, certain, CERTAINTY, 0.9, 500.0)


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    log_to_stderr()
    settings = load_settings(folder / "box.toml")
    assert settings.redis_url is not None
    box, noted = Box.build(settings, settings.redis_url), Notes(folder / "seen")
    script = Script((folder / "plates").read_text(encoding="utf-8").split(), folder / "quiet", seed, noted)
    id_key = read_key(key_path(settings))
    with background(box), box.outbox() as outbox:
        parts = box.camera_parts(SOURCE, script, outbox, ScreeningCounts())
        for passage in screen(script.frames(), script, settings.pipeline.track, parts.screening):
            best, started_at = passage.best, passage.track.started_at
            noted.ends(passage, make_event_id(SOURCE.camera_id, started_at, best.plate_class, best.text, id_key))


if __name__ == "__main__":
    main()
