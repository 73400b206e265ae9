"""The canary's walk (自检车): a picture of a plate that nobody has, through reader, tracking, fusion, match and outbox.

It asks the real list about a real read. That its own text is listed is added here, for a list may not hold an invented
vehicle; but the answer counts only where the list is valid and holds the member that names its version.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import cv2

from alerts.canary import CanaryEvent, canary_id
from alerts.envelope import Event
from alerts.flagged import FlaggedEvent
from ocr.types import BgrImage
from pipeline.errors import SourceError
from pipeline.settings import TrackSettings
from pipeline.types import Frame, Reader, ScreeningCounts
from pipeline.walk.deciding import NoSpool, Screening
from pipeline.walk.flagging import Flagging
from pipeline.walk.screening import screen
from riskdb.match import MatchRule, match_plate
from riskdb.types import Hypothesis, ListedReasons, RiskList, RiskMatch, RiskReason

CANARY_TEXT = "藏Z80808"
"""Nobody's: no city of 藏 has the letter Z."""
CANARY_PICTURE = Path(__file__).with_name("canary.jpg")
"""Made by `python -m fixtures.make_canary`."""
FRAMES = 6
STEP_S = 0.2


class CanaryMissedError(SourceError):
    """The canary did not come out of the walk; `link` says where it was lost."""

    def __init__(self, link: str) -> None:
        super().__init__(link)
        self.link = link


@dataclass(frozen=True, slots=True)
class CanaryList:
    """The risk list, and one vehicle more."""

    risk_list: RiskList

    def reasons_of(self, plates: Sequence[tuple[str, str]], now: datetime) -> ListedReasons:
        answer = self.risk_list.reasons_of(plates, now)
        reason = _reason(now)
        reasons = (
            (reason,) if text == CANARY_TEXT else own for (_, text), own in zip(plates, answer.reasons, strict=True)
        )
        return ListedReasons(answer.version, tuple(reasons))


@dataclass(frozen=True, slots=True)
class CanarySink:
    """Takes the flagged event for the outbox; what goes in there is a canary."""

    append_event: Callable[[Event], bool]
    origin: str

    def append(self, event: FlaggedEvent) -> bool:
        return self.append_event(
            CanaryEvent(
                event_id=canary_id(self.origin, event.started_at), origin=self.origin, checkpoint=event.checkpoint,
                sent_at=event.started_at, confidence=event.confidence, list_version=event.list_version,
            )
        )  # fmt: skip

    def has_room_for_pictures(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class CanaryWalk:
    """What one round needs."""

    build_reader: Callable[[], Reader]
    risk_list: RiskList
    rule: MatchRule
    sink: CanarySink
    track: TrackSettings
    checkpoint: str

    def send(self, now: datetime) -> datetime:
        """Send one canary through; it is in the outbox when this returns when it was sent.

        Raises CanaryMissedError, and what reader and outbox raise.
        """
        counts = ScreeningCounts()
        screening = Screening(
            match=self._match,
            flagging=Flagging(self.sink, None, lambda: b"canary, no secret", {}),
            spool=NoSpool(),  # one that could not be checked is missed
            now=lambda: now,
            checkpoint=self.checkpoint,
            counts=counts,
        )
        for passage in screen(_frames(now), self.build_reader(), self.track, screening):
            if passage.outcome == "flagged":
                return passage.started_at
        raise CanaryMissedError("list" if counts.unchecked else "reader")

    def _match(self, hypotheses: Sequence[Hypothesis], now: datetime) -> RiskMatch | None:
        return match_plate(hypotheses, CanaryList(self.risk_list), self.rule, now)


def _frames(now: datetime) -> Iterator[Frame]:
    picture = _picture()
    for index in range(FRAMES):
        moment = now + timedelta(seconds=index * STEP_S)
        yield Frame("canary", index, moment, moment, picture)


@cache
def _picture() -> BgrImage:
    """Raises SourceError where the installation is not whole."""
    picture = cv2.imread(str(CANARY_PICTURE))
    if picture is None:
        raise SourceError(f"{CANARY_PICTURE} 缺失或损坏：重新安装 kakou")
    return picture  # type: ignore[return-value]  # OpenCV types its pictures more widely


def _reason(now: datetime) -> RiskReason:
    day = timedelta(days=1)
    return RiskReason("canary", "自检", "high", now - day, now - day / 2, now - day, None, "canary", now + day)
