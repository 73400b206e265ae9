"""One vehicle of the list: looked up with a reason, taken off, put back. Every look is kept, the plate nowhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from console.lists.words import file_words
from console.people.audit import AuditLog
from console.reasons import says_nothing
from console.store.database import Database
from console.types import Actor, ConsoleError
from riskdb.types import RiskDBError


@dataclass(frozen=True, slots=True)
class ListedStay:
    """Why a vehicle is listed."""

    area_name: str
    level: str
    visited_from: datetime
    visited_until: datetime
    """Exclusive."""
    source: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PastCorrection:
    removed_at: datetime
    removed_by: str
    removed_for: str
    restored_at: datetime | None
    restored_by: str
    restored_for: str


@dataclass(frozen=True, slots=True)
class ListedVehicle:
    stays: tuple[ListedStay, ...]
    """Empty where the vehicle is not listed."""
    corrections: tuple[PastCorrection, ...]

    @property
    def is_out(self) -> bool:
        """Whether some of its stays are taken out now."""
        return any(correction.restored_at is None for correction in self.corrections)


class VehicleOffice(Protocol):
    """Every method raises RiskDBError, also where the text is no plate."""

    def show(self, plate: str, actor: str, reason: str) -> ListedVehicle: ...
    def remove(self, plate: str, actor: str, reason: str) -> int: ...
    def restore(self, plate: str, actor: str, reason: str) -> int: ...


class Vehicles:
    """Every method raises ConsoleError: without a reason, for what is no plate, where the record cannot be asked."""

    def __init__(self, database: Database, audit: AuditLog, office: VehicleOffice) -> None:
        self._database = database
        self._audit = audit
        self._office = office

    def show(self, plate: str, reason: str, actor: Actor, now: datetime) -> ListedVehicle:
        self._keep("vehicle.show", plate, reason, "", actor, now)
        try:
            return self._office.show(plate, actor.name, reason.strip())
        except RiskDBError as error:
            raise _refused(error) from error

    def remove(self, plate: str, reason: str, actor: Actor, now: datetime) -> int:
        """Take the vehicle's stays off the list; return how many."""
        _require(reason)
        try:
            stays = self._office.remove(plate, actor.name, reason.strip())
        except RiskDBError as error:
            raise _refused(error) from error
        self._keep("vehicle.remove", plate, reason, f"，移出 {stays} 条行程", actor, now)
        return stays

    def restore(self, plate: str, reason: str, actor: Actor, now: datetime) -> int:
        """Put back what was taken off; return how many stays."""
        _require(reason)
        try:
            stays = self._office.restore(plate, actor.name, reason.strip())
        except RiskDBError as error:
            raise _refused(error) from error
        self._keep("vehicle.restore", plate, reason, f"，恢复 {stays} 条行程", actor, now)
        return stays

    def _keep(self, action: str, plate: str, reason: str, done: str, actor: Actor, now: datetime) -> None:
        _require(reason)
        told = reason.strip()[:300].replace(plate.strip(), "（号牌）") if plate.strip() else reason.strip()[:300]
        with self._database.writing() as session:
            self._audit.append(session, actor, action, "vehicle", now, told + done)


def _require(reason: str) -> None:
    if len(reason.strip()) < 2 or says_nothing(reason):
        raise ConsoleError("请写明原因：每次查询和更正都会记录。")


def _refused(error: RiskDBError) -> ConsoleError:
    return ConsoleError(f"没有办成：{file_words(str(error))}。")
