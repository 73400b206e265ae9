"""From tracks to decided passages, wherever the tracks come from: a camera's pictures, or the reads that it sends."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self, TypeAlias

from alerts.flagged import FlaggedEvent
from ocr.hypotheses import PlateHypothesis
from ocr.types import PlateDistribution
from ocr.wrong_length import match_hypotheses
from pipeline.settings import TrackSettings
from pipeline.types import Outcome, Passage, PlateTrack, ScreeningCounts
from pipeline.walk.flagging import Flagging
from pipeline.walk.fusion import style_probability
from riskdb.permits import permit_standing, permit_words
from riskdb.types import Hypothesis, Permit, RiskDBError, RiskMatch

NOT_PLATE = "not_plate"
MAX_NOT_PLATE = 0.5
"""What is more likely no plate than one is no vehicle."""
FOREIGN_READ_AS = {"31": 0.68, "32": 0.66}
"""By class: what a text without a Chinese character must reach, for foreign plates are read as such by chance.

Of 100 of them two are read as military with more than this (`bench.foreign_plates`), hardly one as WJ headquarters; of
24 tracks in real clips the surest were 0.62 and 0.671. No other form goes without a Chinese character.
"""
Match: TypeAlias = Callable[[Sequence[Hypothesis], datetime], RiskMatch | None]
"""Is one of these plates listed at this time? Raises RiskDBError when the list could not be asked."""

log = logging.getLogger(__name__)


class UncheckedSpool(Protocol):
    """Where passages wait that could not be checked (`pipeline.walk.spool.Spool`)."""

    def keep(self, passage: Passage) -> Path | None:
        """Return the file in which it waits. Raises OSError."""
        ...

    def remove(self, path: Path) -> None: ...


class NoSpool:
    """Keeps nothing: for those who tell of what could not be checked otherwise."""

    def keep(self, passage: Passage) -> Path | None: ...

    def remove(self, path: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Screening:
    """What the decision needs from outside; one for each camera."""

    match: Match
    flagging: Flagging
    spool: UncheckedSpool
    now: Callable[[], datetime]
    """Box time, aware UTC; a replay gives the moment whose list it asks."""
    checkpoint: str
    counts: ScreeningCounts
    hypothesis_count: int = 32
    permits: Callable[[], Sequence[Permit]] = tuple
    """The permits that came with the answer to the last question, of its most probable reading."""
    show: Callable[[Passage], None] = lambda _: None
    """Is told what is known of a vehicle that is still in view, for people who stand beside it; nothing is counted."""


@dataclass(frozen=True, slots=True)
class PassageRule:
    """When a track is a passage; the settings of these names say why."""

    min_looks: int
    sure_confidence: float
    min_probability: float

    @classmethod
    def of(cls, settings: TrackSettings) -> Self:
        return cls(settings.min_looks, settings.sure_confidence, settings.min_probability)

    def is_vehicle(self, track: PlateTrack) -> bool:
        """Return whether a track is more than a thing that looked like a plate for a moment."""
        if style_probability(track.distribution, NOT_PLATE) > MAX_NOT_PLATE:
            return False
        return track.look_count >= self.min_looks or track.evidence.confidence >= self.sure_confidence

    def is_readable(self, best: PlateHypothesis) -> bool:
        """Return whether the text is surer than what foreign plates are read as."""
        least = FOREIGN_READ_AS.get(best.plate_class, 0.0) if best.text.isascii() else 0.0
        return best.probability >= max(self.min_probability, least)


class Decider:
    """Decides the tracks of one camera, one after the other."""

    def __init__(self, rule: PassageRule, screening: Screening) -> None:
        self._rule = rule
        self._screening = screening
        self._flagged: set[int] = set()
        self._waiting: dict[int, Path] = {}
        """Tracks in view that could not be checked: a box that is killed before they leave asks about them again."""
        self._read: dict[int | None, tuple[PlateDistribution, list[PlateHypothesis]]] = {}
        """By track number; None for what was asked for last and is no track yet."""
        self._unlisted: Sequence[Hypothesis] | None = None
        """What the list was just asked about, and has nothing of."""

    def is_surely_unlisted(self, distribution: PlateDistribution, least: float) -> bool:
        """Return whether this is one plate with so much probability, and the list has nothing that it may be."""
        hypotheses = self._hypotheses(distribution, None)
        if not hypotheses or hypotheses[0].probability < least:
            return False
        try:
            is_unlisted = self._screening.match(hypotheses, self._screening.now()) is None
        except RiskDBError:
            return False
        self._unlisted = hypotheses if is_unlisted else None
        return is_unlisted

    def decide(self, track: PlateTrack) -> Passage | None:
        """Return what is to be told of a vehicle now: a flag at once, all else when it has left; once each."""
        if track.number in self._flagged:
            # Decided while it was in view; more looks change nothing, people have been told.
            if track.is_final:
                self._flagged.discard(track.number)
            return None
        hypotheses = self._hypotheses(track.distribution, track.number)
        passage = _decide(track, hypotheses, self._rule, self._screening, is_unlisted=hypotheses is self._unlisted)
        self._unlisted = None
        if track.is_final:
            self._read.pop(track.number, None)
        self._let_wait(track, passage)
        if passage is None:
            self._screening.counts.unread += track.is_final and not track.is_doubted
            return None
        if passage.outcome != "flagged" and not track.is_final:
            self._screening.show(passage)
            return None
        _count(self._screening.counts, passage.outcome)
        if not track.is_final:
            self._read.pop(track.number, None)
            self._flagged.add(track.number)
        return passage

    def _hypotheses(self, distribution: PlateDistribution, number: int | None) -> list[PlateHypothesis]:
        """Return what a distribution may mean; one that was not changed since it was last asked for costs nothing."""
        known = (self._read.get(number), self._read.get(None))
        found = next((each for each in known if each is not None and each[0] is distribution), None)
        if found is None:
            found = distribution, match_hypotheses(distribution, self._screening.hypothesis_count)
        self._read[number] = found
        return found[1]

    def _let_wait(self, track: PlateTrack, passage: Passage | None) -> None:
        """Keep what could not be checked until the list can be asked, whole; once for each vehicle."""
        if passage is None and not track.is_final:
            return
        before, kept = self._waiting.pop(track.number, None), None
        if passage is not None and passage.outcome == "unchecked":
            kept = _keep_unchecked(self._screening, passage) or before  # fewer looks at it are better than none
            if not track.is_final and kept is not None:
                self._waiting[track.number] = kept
        if before not in (None, kept):
            _remove(self._screening, before)


def match_risk(tracks: Iterable[PlateTrack], rule: PassageRule, screening: Screening) -> Iterator[Passage]:
    """Yield one passage for each vehicle; what is no passage is counted as unread."""
    decider = Decider(rule, screening)
    for track in tracks:
        if (passage := decider.decide(track)) is not None:
            yield passage


def _decide(
    track: PlateTrack,
    hypotheses: Sequence[PlateHypothesis],
    rule: PassageRule,
    screening: Screening,
    *,
    is_unlisted: bool = False,
) -> Passage | None:
    """Match a track, readable or not; return None for what is no passage. `is_unlisted`: the list was just asked.

    A track that could not be checked is a passage, unchecked, however weakly it was read: it may be a listed vehicle,
    and nobody has asked yet. One whose text has not settled is a passage only where it is a sure hit: it is asked
    about again.
    """
    if not hypotheses or not rule.is_vehicle(track):
        return None
    now = screening.now()
    outcome: Outcome = "clear"
    match: RiskMatch | None = None
    event: FlaggedEvent | None = None
    try:
        match = None if is_unlisted else screening.match(hypotheses, now)
        if match is not None and (not track.is_tentative or _is_sure_hit(match, hypotheses[0])):
            outcome, event = "flagged", screening.flagging.flag(track, match, screening.checkpoint, now)
    except RiskDBError:
        outcome = "unchecked"
    if track.is_tentative and outcome != "flagged":
        return None
    if outcome == "clear" and (track.is_doubted or not rule.is_readable(hypotheses[0])):
        return None
    permits = screening.permits() if outcome != "unchecked" else ()
    place, now_s = screening.checkpoint, now.timestamp()
    return Passage(
        track.camera_id, place, track, outcome, hypotheses[0], match, event, now,
        permit_words(permits, place, now_s), permit_standing(permits, place, now_s),
    )  # fmt: skip


def _is_sure_hit(match: RiskMatch, best: PlateHypothesis) -> bool:
    """Return whether the best reading itself is listed, and surely enough to stop a vehicle."""
    return match.level == "hit" and match.text == best.text


def _keep_unchecked(screening: Screening, passage: Passage) -> Path | None:
    try:
        return screening.spool.keep(passage)
    except OSError as error:  # the next vehicles matter, too; this one stays counted as unchecked
        log.error("an unchecked passage cannot be kept for its check: %s", error.strerror)
        return None


def _remove(screening: Screening, path: Path) -> None:
    try:
        screening.spool.remove(path)
    except OSError as error:  # it is asked about once more, and is the same event if it is one
        log.error("an unchecked passage cannot be deleted: %s", error.strerror)


def _count(counts: ScreeningCounts, outcome: Outcome) -> None:
    if outcome == "flagged":
        counts.flagged += 1
    elif outcome == "unchecked":
        counts.unchecked += 1
    else:
        counts.clear += 1
