"""Passages as a Parquet table for analysts' tools: no plate in it but those of flagged vehicles."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import polars as pl

from pipeline.replay.records import PassageRecord
from riskdb.whole_file import whole_file

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "video": pl.String,
    "outcome": pl.String,
    "started_at": pl.Datetime("ms", "UTC"),
    "start_ms": pl.Float64,
    "end_ms": pl.Float64,
    "plate": pl.String,
    "is_pseudonym": pl.Boolean,
    "plate_class": pl.String,
    "probability": pl.Float64,
    "look_count": pl.Int64,
    "width_px": pl.Float64,
    "level": pl.String,
    "match_probability": pl.Float64,
    "event_id": pl.String,
}


def write_table(path: Path, passages: Sequence[PassageRecord], key: bytes, run_mark: str) -> None:
    """Write the table. A plate that was not flagged becomes a mark that is the same within this run only.

    `run_mark` names the run (`RunRecord`). Raises OSError.
    """
    rows = [_row(passage, key, run_mark) for passage in passages]
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    with whole_file(path) as partial:
        table.write_parquet(partial)


def pseudonym(text: str, key: bytes, run_mark: str) -> str:
    """Return a mark for a plate: the same all through one run; without the key nobody finds the plate."""
    salt = blake2b(run_mark.encode(), digest_size=16).digest()
    return blake2b(text.encode(), key=key[:64], salt=salt, digest_size=10, person=b"kakou-replay").hexdigest()


def _row(passage: PassageRecord, key: bytes, run_mark: str) -> tuple[object, ...]:
    is_flagged = passage.outcome == "flagged"
    return (
        passage.video,
        passage.outcome,
        passage.started_at,
        passage.start_ms,
        passage.end_ms,
        passage.text if is_flagged else pseudonym(passage.text, key, run_mark),
        not is_flagged,
        passage.plate_class,
        passage.probability,
        passage.look_count,
        round(passage.box[2] - passage.box[0], 1),
        passage.level,
        passage.match_probability,
        passage.event_id,
    )
