"""Corrections of the risk list, and imports that wait for a second person."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from console.store.tables import Base


class CorrectionRow(Base):
    """An entry that a person on the spot found wrong; taken off the list everywhere, then answered by its owner."""

    __tablename__ = "corrections"

    correction_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.case_id"), index=True)
    plate_text: Mapped[str] = mapped_column(String(32))
    plate_class: Mapped[str] = mapped_column(String(8))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    removed_at: Mapped[datetime | None]
    removed_rows: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    restore_at: Mapped[datetime | None]
    """When the vehicle comes back to the list, unless the list's owner has confirmed the error by then."""
    restored_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]


class ObjectionRow(Base):
    """What a driver says against being stopped."""

    __tablename__ = "objections"

    objection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    receipt: Mapped[str] = mapped_column(String(16))
    """By which the driver asks for the answer."""
    reference: Mapped[str] = mapped_column(String(20))
    """The number of a case as the driver wrote it: there may be none."""
    told: Mapped[str] = mapped_column(Text)
    place: Mapped[str] = mapped_column(String(64))
    """Keyed digest of the address, to slow down floods."""
    created_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    is_granted: Mapped[bool] = mapped_column(default=False)


class ProposalRow(Base):
    """A vehicle that a higher platform wants watched, or no longer: for the data steward."""

    __tablename__ = "proposals"
    __table_args__ = (Index("ix_proposals_state", "state", "proposal_id"),)

    proposal_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    state: Mapped[str] = mapped_column(String(16))
    likeness: Mapped[str] = mapped_column(String(64), index=True)
    """Keyed digest of all that it says: what comes again is known by it, after its plate is gone too."""
    subject: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Keyed digest of what it is about: the platform's number and the vehicle, or the number alone."""
    overruled_at: Mapped[datetime | None]
    """Box time of the platform's word that took the place of this one."""
    platform: Mapped[str] = mapped_column(String(200))
    checkpoint: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(100))
    is_lift: Mapped[bool]
    plate_text: Mapped[str] = mapped_column(String(32))
    """Whole while it waits; afterwards masked."""
    plate_class: Mapped[str] = mapped_column(String(8))
    told: Mapped[str] = mapped_column(Text)
    """The platform's reason; "" once it is decided."""
    office: Mapped[str] = mapped_column(String(100))
    begins_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    change_id: Mapped[int | None] = mapped_column(ForeignKey("list_changes.change_id"))


class ListChangeRow(Base):
    """A file of travel records that was checked, and is applied by one person or by two."""

    __tablename__ = "list_changes"

    change_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    state: Mapped[str] = mapped_column(String(16))
    """waiting, applied, refused, failed"""
    file_name: Mapped[str]
    stored_name: Mapped[str]
    file_digest: Mapped[str] = mapped_column(String(64))
    accepted_rows: Mapped[int]
    report: Mapped[str] = mapped_column(Text)
    """The dry run's report as JSON; holds row numbers and causes, no plate text."""
    needs_approval: Mapped[bool]
    created_by: Mapped[int] = mapped_column(ForeignKey("accounts.account_id"))
    creator_name: Mapped[str]
    created_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")
