"""The tables of cases; people are in `people_tables`, the risk list's in `list_tables`.

Times are aware UTC. Plate text lives in `cases` and `flagged_events` only, until `console.cases.retention` erases it.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, MetaData, String, Text, TypeDecorator, false, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcTime, str: String(200)}  # noqa: RUF012  SQLAlchemy reads it so


_IS_OPEN = text("finished_at IS NULL")


class CaseRow(Base):
    """One vehicle that was flagged, or one guarded door that was used, and what people did about it."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_open", "state", "due_at"),
        Index("ix_cases_vehicle", "plate_text", "plate_class", "last_seen_at"),
        Index("ix_cases_opened", "opened_at"),
        Index("ix_cases_grid", "grid_code", "state"),
        Index("ix_cases_seen", "last_seen_at", "case_id"),
        Index("ix_cases_open_seen", "last_seen_at", "case_id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    )

    case_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every step; a step on an older version is refused."""
    state: Mapped[str] = mapped_column(String(16))
    is_confirmed: Mapped[bool] = mapped_column(default=False)
    """A person has looked at the pictures and said yes; a crossing begins so: the household agreed beforehand."""
    level: Mapped[str] = mapped_column(String(16))
    """hit or possible; crossing for a case that is about a door."""
    plate_text: Mapped[str] = mapped_column(String(32))
    plate_class: Mapped[str] = mapped_column(String(8))
    door: Mapped[str] = mapped_column(default="", server_default="")
    """Of a crossing; "" for vehicles, and once erased."""
    checkpoint: Mapped[str]
    grid_code: Mapped[str] = mapped_column(String(16))
    """Where the case belongs; who may see it follows from this and `also_in`."""
    also_in: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Other places where the vehicle passed while the case was open: grid codes, a space before each."""
    owner_code: Mapped[str] = mapped_column(String(16))
    """Who has to act now: a prefix of `grid_code`, or the area it was handed to."""
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.account_id"))
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    last_seen_at: Mapped[datetime]
    """When its latest passage came in; opened_at where it passed once."""
    passed_at: Mapped[datetime | None]
    """When the vehicle passed, the latest time, by the box's clock; None for cases of the first release."""
    previous_checkpoint: Mapped[str | None]
    """Where it passed the time before, in this case or the one before; None: nowhere that is known."""
    previous_at: Mapped[datetime | None]
    previous_result: Mapped[str | None] = mapped_column(String(16))
    """The Rejection or Outcome of the case before, where there was one and it had ended."""
    due_at: Mapped[datetime | None]
    overdue_since: Mapped[datetime | None]
    """When the limit ran out that nobody has kept yet; None once somebody acted."""
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    """None while the case is open, whatever its state; the index of open cases goes by it."""
    done_at: Mapped[datetime | None]
    """When what finished it was done, for it may have waited on a phone; None as finished_at, and of earlier builds."""
    rejection: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    booth_result: Mapped[str | None] = mapped_column(String(16))
    """What the people at the checkpoint did, where they closed it."""
    passages: Mapped[int] = mapped_column(default=1)
    latest_event_id: Mapped[str] = mapped_column(String(64))
    escalations: Mapped[int] = mapped_column(default=0)
    erased_at: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy reads it so


class EventRow(Base):
    """One flagged event or crossing as it came, attached to its case."""

    __tablename__ = "flagged_events"
    __table_args__ = (Index("ix_flagged_events_received", "received_at", "case_id"),)

    event_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)
    captured_at: Mapped[datetime]
    received_at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text)
    """The event as JSON; "" once erased."""


class StepRow(Base):
    """One step of a case: its timeline."""

    __tablename__ = "case_steps"

    step_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)
    at: Mapped[datetime]
    """When it came to us."""
    done_at: Mapped[datetime | None]
    """When the person did it, by our clock; None where no phone said so."""
    phone_at: Mapped[datetime | None]
    """What the phone's own clock said then."""
    account_id: Mapped[int | None]
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    target: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    """A Rejection, an Outcome, or the grid code it went to."""
    channel: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text, default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(64), unique=True)


class MessageRow(Base):
    """That a dispatch is told to a grid worker; kept as proof that it was, and when."""

    __tablename__ = "messages"

    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None] = mapped_column(index=True)
    """None once it arrived, or nobody tries any more."""
    sent_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")


class GroupMessageRow(Base):
    """That a micro-grid's group was told of a closed case; nothing of the case is in the text."""

    __tablename__ = "group_messages"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(Text, default="")
    """Why it did not arrive; "" with sent_at None while it is under way, or was cut short."""


class PhotoRow(Base):
    """A worker's photo of a verification, re-encoded, without its metadata."""

    __tablename__ = "photos"

    photo_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)
    file_name: Mapped[str]
    original_name: Mapped[str]
    added_by: Mapped[str]
    added_at: Mapped[datetime]
    is_late: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It came when the case was no longer the worker's."""


class HourRow(Base):
    """Passages of one camera in one hour; all that is kept of vehicles that matched nothing."""

    __tablename__ = "passage_hours"
    __table_args__ = (Index("ix_passage_hours_hour", "hour"),)

    camera_id: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    checkpoint: Mapped[str]
    clear: Mapped[int] = mapped_column(default=0)
    flagged: Mapped[int] = mapped_column(default=0)
    unchecked: Mapped[int] = mapped_column(default=0)
