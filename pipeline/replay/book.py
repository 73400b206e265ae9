"""The book of one unit's replay: every track that ended, and what became of it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryFile

from ocr.hypotheses import top_hypotheses
from pipeline.replay.records import AlternativeRecord, LookRecord, PassageRecord
from pipeline.types import Passage, PlateTrack
from pipeline.walk.evidence import encode_jpeg
from pipeline.walk.flagging import probabilities_of

ALTERNATIVES_KEPT = 5


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """Where a track's record and crop lie in the book's file; sorts by the first look."""

    start_ms: float
    box: tuple[float, float, float, float]
    number: int
    offset: int
    record_size: int
    jpeg_size: int


class ReplayBook:
    """Keeps records and crops in a file without a name: memory stays flat however many vehicles pass.

    A context manager; the file goes with it.
    """

    def __init__(self, video: str, start: datetime) -> None:
        self._video = video
        self._start = start
        self._file = TemporaryFile()  # noqa: SIM115  closed with the book
        self._ended: list[_Entry] = []
        self._decisions: dict[int, dict[str, object]] = {}
        """Track number -> the fields of its record that only the match knows."""
        self._doubted: set[int] = set()

    def __enter__(self) -> "ReplayBook":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def noting_ends(self, tracks: Iterable[PlateTrack]) -> Iterator[PlateTrack]:
        """Pass the tracks on; those that end are written down, as unread until a passage says otherwise."""
        for track in tracks:
            if track.is_doubted:
                self._doubted.add(track.number)
            if track.is_final:
                picture = track.evidence.plate_picture
                jpeg = None if picture is None else encode_jpeg(picture)
                self._keep(track.number, self._track_record(track), jpeg or b"")
            yield track

    def note_passage(self, passage: Passage) -> None:
        """A flagged passage comes before its track has ended; the track's record is filled in later."""
        self._decisions[passage.track.number] = self._decided(passage)

    def finished(self) -> tuple[tuple[PassageRecord, ...], tuple[bytes | None, ...]]:
        """Return the records in order of their first look, and the crop of each."""
        told = [entry for entry in self._ended if entry.number not in self._doubted - self._decisions.keys()]
        read = [self._read(entry) for entry in sorted(told)]
        return tuple(record for record, _ in read), tuple(jpeg for _, jpeg in read)

    def _keep(self, number: int, record: PassageRecord, jpeg: bytes) -> None:
        content = record.model_dump_json().encode()
        offset = self._file.seek(0, os.SEEK_END)
        self._file.write(content + jpeg)
        self._ended.append(_Entry(record.start_ms, record.box, number, offset, len(content), len(jpeg)))

    def _read(self, entry: _Entry) -> tuple[PassageRecord, bytes | None]:
        self._file.seek(entry.offset)
        record = PassageRecord.model_validate_json(self._file.read(entry.record_size))
        jpeg = self._file.read(entry.jpeg_size)
        return record.model_copy(update=self._decisions.get(entry.number, {})), jpeg or None

    def _decided(self, passage: Passage) -> dict[str, object]:
        match = passage.match
        if match is None:
            return {"outcome": passage.outcome}
        alternatives = tuple(
            AlternativeRecord(
                text=other.text,
                plate_class=other.plate_class,
                probability=round(other.probability, 4),
                is_listed=other.is_listed,
            )
            for other in match.alternatives
        )
        return {
            "outcome": passage.outcome,
            "level": match.level,
            "match_probability": round(match.probability, 4),
            "listed_text": match.text,
            "why": match.why,
            "event_id": passage.event.event_id if passage.event else None,
            "alternatives": alternatives,
        }

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
