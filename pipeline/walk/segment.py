"""The looks at one vehicle without a gap: what its plate says so far, and the best look at it."""

from datetime import datetime

from ocr.types import PlateRead
from pipeline.types import Frame, Look
from pipeline.walk.evidence import best_evidence, evidence_score
from pipeline.walk.fusion import PlateFusion, slot_agreement

SURELY_OTHER_SLOTS = 3
"""This many slots against make it another vehicle, wherever it is. One or two can be a misread."""
FAR_WIDTH_PX = 50.0
"""Of a plate that is narrower, looks err together: of 72 in the fixture clips 30 gave a wrong text, of 269 wider ones
24 (2026-11-28). Its text does not part looks that follow at once, one of its slots does not part what comes nearer
after a gap, a near look that contradicts it overrules it, and looks from afar that are not sure settle nothing."""
SURE_FROM_AFAR = 0.9
"""A far look this confident tells as much as a near one: 0 of 264 such on drawn plates of 36 to 48 pixels were wrong,
and 0 of 14 in the fixture clips (2026-11-28)."""
TOGETHER_PX, TOGETHER_S = 60.0, 0.2
"""Sure looks at a narrower plate err together, too, when they follow each other sooner: one of the fixture clips was
read as another province's three times within 0.16 s, with 0.93 to 0.95, at 46 to 50 pixels. They count as one."""
APART_S = 0.3
"""Two looks that tell and lie so far apart err apart: they settle a text as three do that follow at once."""
ASKED_LOOKS, ASKED_S = 5, 0.4
"""So many looks over so long are enough to ask whether their vehicle is listed, wherever it is. Fewer are not: one of
the fixture clips' was read as another province's four times within 0.32 s, and together they gave it 0.92."""


class Segment:
    """Looks at one vehicle without a gap."""

    def __init__(self, frame: Frame, read: PlateRead, max_effective_looks: float, keep_looks: bool) -> None:
        self.fusion = PlateFusion(max_effective_looks)
        self.started_at = frame.captured_at
        self.ended_at = frame.captured_at
        self.first_box = self.last_box = read.box
        self.looks: list[Look] = []
        self._keep_looks = keep_looks
        self._score = -1.0
        self.best_confidence = 0.0
        self.widest_px = read.box.width
        self.telling_count = 0
        """Looks that may settle its text: from near, or sure, and far ones apart from each other."""
        self._told_at: datetime | None = None
        self.is_told_apart = False
        """Whether two of them lie apart."""
        self._said_count, self._said_since = 0, frame.captured_at
        self.add(frame, read)

    def add(self, frame: Frame, read: PlateRead) -> None:
        if self.is_overruled_by(read):
            self.fusion.forget()
            self.telling_count, self._told_at, self.is_told_apart = 0, None, False
            self._said_count, self._said_since = 0, frame.captured_at
        self.fusion.add(read)
        self._said_count += 1
        self.ended_at, self.last_box = frame.captured_at, read.box
        self.best_confidence = max(self.best_confidence, read.confidence)
        self.widest_px = max(self.widest_px, read.box.width)
        if self._is_telling(frame, read):
            self._tell(frame)
        score = evidence_score(read)
        if score > self._score:
            self._score = score
            self.evidence = best_evidence(frame, read)
            (x, y), (height, width) = read.box.center, frame.image.shape[:2]
            self.place = (x / width, y / height)
        if self._keep_looks:
            self.looks.append(Look(frame.captured_at, read.text, read.confidence, read.box))

    def _tell(self, frame: Frame) -> None:
        if self._told_at is not None:
            self.is_told_apart |= abs((frame.captured_at - self._told_at).total_seconds()) >= APART_S
        self.telling_count, self._told_at = self.telling_count + 1, frame.captured_at

    def _is_telling(self, frame: Frame, read: PlateRead) -> bool:
        if read.box.width < FAR_WIDTH_PX and read.confidence < SURE_FROM_AFAR:
            return False
        if read.box.width >= TOGETHER_PX or self._told_at is None:
            return True
        return abs((frame.captured_at - self._told_at).total_seconds()) >= TOGETHER_S

    def is_overruled_by(self, read: PlateRead) -> bool:
        """Return whether this look is the first from near, and shows that those from far have erred."""
        if not self.is_far or read.box.width < FAR_WIDTH_PX:
            return False
        return slot_agreement(self.fusion.distribution(), read.distribution).different >= SURELY_OTHER_SLOTS

    def contradicts(self, read: PlateRead) -> bool:
        return slot_agreement(self.fusion.distribution(), read.distribution).different > 0

    @property
    def may_be_asked_about(self) -> bool:
        """Whether its looks are many enough, and lie far enough apart, to ask about a text that has not settled yet."""
        return self._said_count >= ASKED_LOOKS and (self.ended_at - self._said_since).total_seconds() >= ASKED_S

    @property
    def is_far(self) -> bool:
        """Whether its plate was never seen near enough for looks to err apart."""
        return self.widest_px < FAR_WIDTH_PX

    def join(self, later: "Segment") -> None:
        self.fusion.join(later.fusion)
        self.ended_at, self.last_box = later.ended_at, later.last_box
        self.best_confidence = max(self.best_confidence, later.best_confidence)
        self.widest_px = max(self.widest_px, later.widest_px)
        self.telling_count += later.telling_count
        self.is_told_apart |= later.is_told_apart
        self._said_count += later._said_count
        self.looks += later.looks
        if later._score > self._score:
            self._score, self.evidence, self.place = later._score, later.evidence, later.place
