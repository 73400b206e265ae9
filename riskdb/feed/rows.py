"""One travel record as a machine sends it, and the row that it is for the judge."""

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from riskdb.record.judging import TravelRow
from riskdb.record.mapping.fields import FIELD_NAMES
from riskdb.record.mapping.fields import Field as Column

MAX_RECORD_BYTES = 16_384
MAX_BATCH = 5_000
"""Records in one batch over HTTP."""


class FeedRecord(BaseModel):
    """One stay of one vehicle. What else a sender adds, such as names and phones, is not kept."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    plate: str = Field(max_length=40)
    plate_class: str = Field(default="", max_length=40)
    """A code, a colour or a kind; empty: every class of the plate."""
    area: str = Field(max_length=200)
    """A code, or the name down to the village."""
    begin: str = Field(alias="from", max_length=60)
    """With an offset, or in the settings' zone."""
    end: str = Field(default="", alias="to", max_length=60)
    """Empty: the vehicle was seen there at one moment."""
    source: str = Field(default="", max_length=200)
    """Who says so; empty: the feed's own name."""


class FeedBatch(BaseModel):
    """A batch over HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    records: tuple[object, ...] = Field(min_length=1, max_length=MAX_BATCH)


def row_of_bytes(value: bytes | None, feed: str, number: int) -> TravelRow:
    """Return the row in a message; what is none says why."""
    if not value:
        return _no_row(feed, number, "内容是空的")
    if len(value) > MAX_RECORD_BYTES:
        return _no_row(feed, number, f"有 {len(value)} 字节，最多 {MAX_RECORD_BYTES}")
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return _no_row(feed, number, "不是 JSON")
    return row_of(document, feed, number)


def row_of(document: object, feed: str, number: int) -> TravelRow:
    """Return the row that a JSON document is; what is none says why, and quotes nothing of it."""
    if not isinstance(document, Mapping):
        return _no_row(feed, number, "不是一条记录")
    try:
        record = FeedRecord.model_validate(document)
    except ValidationError as error:
        fields = sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False)})
        return _no_row(feed, number, f"缺少或写错：{'、'.join(map(_column_name, fields))}")
    source = record.source.strip() or feed
    end = record.end.strip() or record.begin
    return TravelRow(feed, number, record.plate, record.plate_class, record.area, record.begin, end, source)


def _no_row(feed: str, number: int, problem: str) -> TravelRow:
    return TravelRow(feed, number, "", "", "", "", "", "", problem)


def _column_name(field: str) -> str:
    return f"{FIELD_NAMES[Column(field)]}（{field}）"
