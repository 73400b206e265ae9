"""Permits brought in and shown at the boxes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from riskdb.digest import PlateDigester
from riskdb.hotset.permit_store import PermitStore
from riskdb.permits import PERMIT_CLASS
from riskdb.record.imports import begin_import, end_import
from riskdb.record.permits import (
    PermitRow,
    judge_permit,
    keep_permit,
    permits_to_show,
    purge_permits,
)
from riskdb.record.record import RiskRecord
from riskdb.types import Permit, PlateGrammar

KEPT_S = 35 * 86_400
"""A permit is deleted this long after it ended."""


@dataclass(slots=True)
class PermitResult:
    """What became of a file of permits."""

    new: int = 0
    known: int = 0
    """Said before, in the same words."""
    invalid: list[tuple[PermitRow, str]] = field(default_factory=list)
    is_applied: bool = False
    import_number: int | None = None


class _Undone(Exception):
    """Ends a transaction that is not meant to count."""


class PermitKeeper:
    """Keeps the permits of a record and shows them; `store` None keeps them only."""

    def __init__(
        self,
        record: RiskRecord,
        digester: PlateDigester,
        grammar: PlateGrammar,
        utc_offset_hours: float,
        store: PermitStore | None,
        known_now: Callable[[], int],
    ) -> None:
        self._record = record
        self._digester = digester
        self._grammar = grammar
        self._offset = utc_offset_hours
        self._store = store
        self._known_now = known_now

    def import_rows(
        self, rows: Iterable[PermitRow], *, is_dry_run: bool = False, actor: str = "", name: str = ""
    ) -> PermitResult:
        """Bring permits in, all or none. Raises RiskDBError."""
        result = PermitResult()
        with self._undone(), self._record.quiet_writing():
            self._record.require_key(self._digester.key_id)
            now = self._known_now()
            number = begin_import(self._record.connection, now, actor)
            for row in rows:
                self._take(row, result, now, number)
            if is_dry_run or result.invalid or not result.new:
                raise _Undone
            end_import(self._record.connection, number, [name], result.new)
            note_change(self._record)
            result.is_applied, result.import_number = True, number
        self.show()
        return result

    def show(self) -> bool:
        """Bring Redis up to date where it is not; return whether something was written. Raises RiskDBError."""
        if self._store is None:
            return False
        return show_permits(self._record, self._store, self._known_now())

    def of(self, plate: str) -> tuple[Permit, ...]:
        """Return a vehicle's permits, as they would be shown. Raises ValueError for no plate."""
        digest = self._digester.digest(PERMIT_CLASS, self._grammar.normalise(plate))
        found = dict(permits_to_show(self._record.connection, self._known_now()))
        return Permit.all_of_json(found[digest]) if digest in found else ()

    def _take(self, row: PermitRow, result: PermitResult, now: int, number: int) -> None:
        try:
            granted = judge_permit(row, self._grammar, self._offset, now)
            is_new = keep_permit(self._record.connection, granted, self._digester, now, number)
        except ValueError as error:
            result.invalid.append((row, str(error)))
            return
        result.new += is_new
        result.known += not is_new

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            yield
        except _Undone:
            return


def note_change(record: RiskRecord) -> None:
    """Say that the permits are others than those shown."""
    record.set_state("permit_change", str(int(record.state("permit_change")) + 1))


def take_back_permits(record: RiskRecord, number: int) -> None:
    """Delete the permits that an import brought, inside a transaction."""
    if record.connection.execute("DELETE FROM permit WHERE import_number = ?", (number,)).rowcount:
        note_change(record)


def show_permits(record: RiskRecord, store: PermitStore, now: float) -> bool:
    """Bring Redis up to date where it is not; return whether something was written. Raises RiskDBError."""
    day = int(now) // 86_400  # those that ended are taken out once a day
    change = f"{record.state('key_id', '')}:{record.state('permit_change')}:{day}"
    if store.shown() == change:
        return False
    store.show(change, permits_to_show(record.connection, now))
    return True


def forget_permits(record: RiskRecord, deletable: float) -> None:
    """Delete what ended long ago, by trusted time."""
    with record.quiet_writing():
        purge_permits(record.connection, int(deletable) - KEPT_S)
