"""The book of one unit's replay: every track that ended, and what became of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ocr.hypotheses import top_hypotheses
from pipeline.evidence import encode_jpeg
from pipeline.flagging import probabilities_of
from pipeline.replay_records import AlternativeRecord, LookRecord, PassageRecord
from pipeline.types import Passage, PlateTrack

ALTERNATIVES_KEPT = 5


class ReplayBook:
    """Keeps records and crops, not pictures: hours of footage fit."""

    def __init__(self, video: str, start: datetime) -> None:
        self._video = video
        self._start = start
        self._ended: dict[int, tuple[PassageRecord, bytes | None]] = {}
        self._passages: dict[int, PassageRecord] = {}

    def noting_ends(self, tracks: Iterable[PlateTrack]) -> Iterator[PlateTrack]:
        """Pass the tracks on; those that end are written down, as unread until a passage says otherwise."""
        for track in tracks:
            if track.is_final:
                picture = track.evidence.plate_picture
                jpeg = None if picture is None else encode_jpeg(picture)
                self._ended[track.number] = (self._track_record(track), jpeg)
            yield track

    def note_passage(self, passage: Passage) -> None:
        """A flagged passage comes before its track has ended; the track's record is filled in later."""
        self._passages[passage.track.number] = self._decided(passage)

    def finished(self) -> tuple[tuple[PassageRecord, ...], tuple[bytes | None, ...]]:
        """Return the records in order of their first look, and the crop of each."""
        merged = [(self._merge(number, record), jpeg) for number, (record, jpeg) in self._ended.items()]
        merged.sort(key=lambda pair: (pair[0].start_ms, pair[0].box))
        return tuple(record for record, _ in merged), tuple(jpeg for _, jpeg in merged)

    def _merge(self, number: int, ended: PassageRecord) -> PassageRecord:
        decided = self._passages.get(number)
        if decided is None:
            return ended
        outcome = {name: getattr(decided, name) for name in _DECIDED_FIELDS}
        return ended.model_copy(update=outcome)

    def _decided(self, passage: Passage) -> PassageRecord:
        record = self._track_record(passage.track)
        match = passage.match
        if match is None:
            return record.model_copy(update={"outcome": passage.outcome})
        alternatives = tuple(
            AlternativeRecord(
                text=other.text,
                plate_class=other.plate_class,
                probability=round(other.probability, 4),
                is_listed=other.is_listed,
            )
            for other in match.alternatives
        )
        return record.model_copy(
            update={
                "outcome": passage.outcome,
                "level": match.level,
                "match_probability": round(match.probability, 4),
                "listed_text": match.text,
                "why": match.why,
                "event_id": passage.event.event_id if passage.event else None,
                "alternatives": alternatives,
            }
        )

    def _track_record(self, track: PlateTrack) -> PassageRecord:
        hypotheses = top_hypotheses(track.distribution, ALTERNATIVES_KEPT)
        best = hypotheses[0] if hypotheses else None
        box = track.evidence.box
        return PassageRecord(
            video=self._video,
            outcome="unread",
            start_ms=self._offset_ms(track.started_at),
            end_ms=self._offset_ms(track.ended_at),
            best_ms=self._offset_ms(track.evidence.captured_at),
            started_at=track.started_at,
            text=best.text if best else "",
            plate_class=best.plate_class if best else "",
            probability=round(best.probability, 4) if best else 0.0,
            char_probs=tuple(round(p, 4) for p in probabilities_of(track, best.text)) if best else (),
            look_count=track.look_count,
            box=(round(box.x1, 1), round(box.y1, 1), round(box.x2, 1), round(box.y2, 1)),
            alternatives=tuple(
                AlternativeRecord(
                    text=h.text, plate_class=h.plate_class, probability=round(h.probability, 4), is_listed=False
                )
                for h in hypotheses
            ),
            looks=tuple(
                LookRecord(
                    offset_ms=self._offset_ms(look.captured_at),
                    text=look.text,
                    confidence=round(look.confidence, 3),
                    width_px=round(look.box.width, 1),
                )
                for look in track.looks
            ),
        )

    def _offset_ms(self, moment: datetime) -> float:
        return round((moment - self._start) / timedelta(milliseconds=1), 1)


_DECIDED_FIELDS = ("outcome", "level", "match_probability", "listed_text", "why", "event_id", "alternatives")
