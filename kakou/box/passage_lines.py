"""One line for each passage, for people or for programs."""

import json
from datetime import datetime

from alerts.flagged import LEVEL_WORDS, masked_plate
from ocr.looks import class_name
from pipeline.types import Passage

OUTCOME_WORDS = {"clear": "无风险", "unchecked": "未核对", "flagged": "预警"}


def passage_line(passage: Passage, *, shows_clear_plates: bool) -> str:
    """Return time, checkpoint, plate, class, outcome with probability, and why it was flagged.

    The plate of a vehicle that is not listed stays masked unless `shows_clear_plates`: lines end up in logs.
    """
    best = passage.best
    text = best.text if passage.outcome == "flagged" or shows_clear_plates else masked_plate(best.text)
    head = f"{_local(passage.started_at)}  {passage.checkpoint}  {text}  {class_name(best.plate_class)}"
    permit = f"  {passage.permit}" if passage.permit else ""
    if passage.match is None:
        word = OUTCOME_WORDS[passage.outcome]
        return f"{head}  {word}  识别 {best.probability:.2f}{permit}"
    match = passage.match
    plate = f"{_local(passage.started_at)}  {passage.checkpoint}  {match.text}  {class_name(match.plate_class)}"
    return f"{plate}  {LEVEL_WORDS[match.level]}  P={match.probability:.2f}  {match.why}{permit}"


def passage_json(passage: Passage, *, shows_clear_plates: bool) -> str:
    """Return the passage as one JSON object."""
    best, match = passage.best, passage.match
    shown = passage.outcome == "flagged" or shows_clear_plates
    record = {
        "camera_id": passage.camera_id,
        "checkpoint": passage.checkpoint,
        "started_at": passage.started_at.isoformat(),
        "ended_at": passage.ended_at.isoformat(),
        "decided_at": passage.decided_at.isoformat(),
        "outcome": passage.outcome,
        "text": best.text if shown else None,
        "plate_class": best.plate_class,
        "text_probability": round(best.probability, 4),
        "looks": passage.track.look_count,
        "lane": passage.event.lane if passage.event else None,
        "direction": passage.track.direction,
        "level": match.level if match else None,
        "probability": round(match.probability, 4) if match else None,
        "listed_text": match.text if match else None,
        "why": match.why if match else None,
        "permit": passage.permit or None,
        "event_id": passage.event.event_id if passage.event else None,
    }
    return json.dumps(record, ensure_ascii=False)


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")
