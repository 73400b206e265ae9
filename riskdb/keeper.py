"""The steward's side of the risk list: what changes the record is published before the call returns."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from riskdb.area_keeper import AreaKeeper
from riskdb.clock import Clock, WallClock
from riskdb.digest import ANY_CLASS, PlateDigester
from riskdb.feed.taking import FeedKeeper
from riskdb.hands import Change, ListHands, Published
from riskdb.hotset.compute import HotEntries
from riskdb.hotset.listing import change_by_import, listed_entries, listed_vehicles, require_kept
from riskdb.hotset.past_list import PastList
from riskdb.hotset.publish import Publisher
from riskdb.hotset.reasons import spell_out_all, unpack_reasons
from riskdb.permit_keeper import PermitKeeper, take_back_permits
from riskdb.record.coverage import Coverage
from riskdb.record.declaring import Declared
from riskdb.record.importing import ImportResult, JudgedRow, ListingChange, import_rows
from riskdb.record.imports import ImportEntry, recent_imports, take_back
from riskdb.record.judging import RowJudge, TravelRow
from riskdb.record.mapping.fields import Field
from riskdb.record.mapping.forms import Form, column_keys
from riskdb.record.record import RiskRecord
from riskdb.record.removals import Removal, removals_of, remove_stays, restore_stays
from riskdb.record.rows import AreaWindow
from riskdb.rule import ListMoment, ListRule
from riskdb.settings import RiskSettings
from riskdb.types import Declaration, PlateGrammar, RiskDBError, RiskReason, RiskRequestError

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the record says of one vehicle."""

    reasons: tuple[RiskReason, ...]
    """Why it is listed, the one that lasts longest first; empty when it is not."""
    removals: tuple[Removal, ...]
    """Its corrections, the latest first; also those that were restored."""


class RiskKeeper:
    """Keeps the record and publishes it. `publisher` None keeps the record only (a dry run needs no Redis)."""

    def __init__(
        self,
        record: RiskRecord,
        key: bytes,
        grammar: PlateGrammar,
        settings: RiskSettings,
        publisher: Publisher | None,
        clock: Clock | None = None,
    ) -> None:
        self._record = record
        self._digester = PlateDigester(key)
        self._grammar = grammar
        self._settings = settings
        self._publisher = publisher
        self._clock = clock or WallClock()
        self.rule = ListRule.of(settings)
        hands = ListHands(self._publish, self._catch_up, self._listed_of, self._known_now)
        self.areas = AreaKeeper(record, self.rule, self._clock, hands)
        permits = publisher.store.permits if publisher else None
        self.permits = PermitKeeper(
            record, self._digester, grammar, settings.utc_offset_hours, permits, self._known_now
        )
        self.feeds = FeedKeeper(record, self._digester, grammar, settings, hands)
        self._require_own_key()

    def import_rows(
        self,
        rows: Iterable[TravelRow],
        *,
        is_dry_run: bool = False,
        skip_invalid: bool = False,
        on_row: Callable[[JudgedRow], None] | None = None,
        on_progress: OnProgress | None = None,
        actor: str = "",
    ) -> tuple[ImportResult, Published | None]:
        """Bring travel records in, and publish what they change. Raises RiskDBError."""
        now = self._known_now()
        judge = RowJudge(self._grammar, self.rule, self._settings.utc_offset_hours, now)
        result = import_rows(
            self._record,
            rows,
            judge,
            self._digester,
            Coverage(self.windows(), self.rule, now),
            is_dry_run=is_dry_run,
            skip_invalid=skip_invalid,
            on_row=on_row,
            actor=actor,
            change_of=self._change_by_import,
        )
        if is_dry_run:
            return result, None
        if not result.is_applied:
            return result, self._catch_up(on_progress)
        return result, self._publish(result.touched, on_progress)

    def imports(self) -> list[ImportEntry]:
        """Return what was brought in lately, the newest first."""
        return recent_imports(self._record.connection)

    def take_back(self, number: int, *, actor: str, reason: str) -> Change:
        """Take back a whole import, as if it had not been; what other imports said as well stays.

        Raises RiskRequestError when there is none to take back, or without a reason.
        """
        if not reason.strip():
            raise RiskRequestError("请写明撤回的原因（--reason）")
        with self._record.writing():
            self._record.require_key(self._digester.key_id)
            now = self._known_now()
            touched = take_back(self._record.connection, number, now, actor, reason.strip())
            take_back_permits(self._record, number)
        self.permits.show()
        return Change(len(touched), self._publish(touched, None))

    @property
    def utc_offset_hours(self) -> float:
        """The zone of times that people write without one."""
        return self._settings.utc_offset_hours

    def remembered_form(self, fingerprint: str) -> dict[str, Field | None] | None:
        """Return what a steward once said that the columns of a form mean."""
        kept = self._record.state(f"form:{fingerprint}", "")
        return {key: Field(name) if name else None for key, name in json.loads(kept).items()} if kept else None

    def remember_forms(self, forms: Iterable[Form]) -> None:
        """Keep what the columns of some forms mean: the next file of this form needs no word. Raises RiskDBError."""
        for form in forms:
            pairs = zip(column_keys(form.headers), form.fields, strict=True)
            said = {key: field.value if field else "" for key, field in pairs}
            self._record.set_state(f"form:{form.fingerprint}", json.dumps(said, ensure_ascii=False))

    def declare(self, declared: Sequence[Declared]) -> tuple[list[AreaWindow], Change]:
        """See `AreaKeeper.declare`."""
        return self.areas.declare(declared)

    def lift(self, code: str) -> tuple[list[AreaWindow], Change]:
        """See `AreaKeeper.lift`."""
        return self.areas.lift(code)

    def windows(self) -> list[AreaWindow]:
        """Return the standing declarations, oldest first."""
        return self.areas.standing()

    def remove(self, plate: str, *, actor: str, reason: str) -> tuple[int, Change]:
        """Correct an error: the vehicle's stays known so far list it no more. Returns how many stays.

        Raises ValueError when `plate` is none or the reason is missing, RiskDBError.
        """
        digests = self._logged_digests(plate, actor, "remove", reason)
        with self._record.writing():
            self._record.require_key(self._digester.key_id)
            now = int(self._clock.wall())
            removed = remove_stays(self._record.connection, digests, now, actor, reason.strip())
        return removed, Change(len(digests), self._publish(digests, None))

    def restore(self, plate: str, removed_since: float = 0.0, *, actor: str, reason: str) -> tuple[int, Change]:
        """Undo `remove`: stays taken out at or after a time (epoch seconds) list the vehicle again. Returns how many.

        Raises as `remove` does.
        """
        digests = self._logged_digests(plate, actor, "restore", reason)
        with self._record.writing():
            self._record.require_key(self._digester.key_id)
            now = int(self._clock.wall())
            restored = restore_stays(self._record.connection, digests, int(removed_since), now, actor, reason.strip())
        return restored, Change(len(digests), self._publish(digests, None))

    def show(self, plate: str, *, actor: str, reason: str) -> Shown:
        """Return why a plate is listed by the record, of whatever class, and its corrections. The look is logged.

        Raises ValueError when `plate` is none or the reason is missing, RiskDBError.
        """
        digests = self._logged_digests(plate, actor, "show", reason)
        reasons = (
            reason for digest, value in self._entries_now(digests) for reason in self._spelled_out(digest, value)
        )
        by_end = tuple(sorted(reasons, key=lambda r: r.expires_at, reverse=True))
        return Shown(by_end, tuple(removals_of(self._record.connection, digests)))

    def listed(self) -> Iterator[tuple[bytes, tuple[RiskReason, ...]]]:
        """Yield the digest and the reasons of every vehicle that the record lists now."""
        for digest, value in self._entries_now():
            if reasons := self._spelled_out(digest, value):
                yield digest, reasons

    def entries_at(self, moment: float) -> HotEntries:
        """Return who is, was or will be listed at a moment, by what was known then (epoch seconds).

        Raises RiskRequestError when stays that counted then have been deleted since.
        """
        require_kept(self._record, self.rule, moment)
        return listed_entries(self._record, self.rule, ListMoment.past(moment))

    def list_at(self, moment: datetime) -> PastList:
        """Return the list as it stood at a moment, for replays. Raises RiskDBError, as `entries_at` does."""
        entries = self.entries_at(moment.timestamp())
        return PastList(dict(entries), self._digester, self._declarations(), self._record.sources())

    def _listed_of(self, digests: Iterable[bytes]) -> set[bytes]:
        return listed_vehicles(self._record, self.rule, ListMoment.present(self._clock.look()), digests)

    def _change_by_import(self, digests: Collection[bytes], number: int) -> ListingChange:
        return change_by_import(self._record, self.rule, ListMoment.present(self._clock.look()), digests, number)

    def _publish(self, touched: Iterable[bytes], on_progress: OnProgress | None = None) -> Published | None:
        if self._publisher is None:
            return None
        return self._publisher.publish(touched, on_progress)

    def _catch_up(self, on_progress: OnProgress | None = None) -> Published | None:
        """Publish what an act that died has left, where this one itself changes nothing."""
        return None if self._publisher is None else self._publisher.catch_up(on_progress)

    def _logged_digests(self, plate: str, actor: str, action: str, reason: str) -> list[bytes]:
        if not reason.strip():
            raise ValueError("请写明查看原因（--reason）：每次查看都有记录")
        self._record.require_key(self._digester.key_id)
        text = self._grammar.normalise(plate)
        digests = [self._digester.digest(c, text) for c in (ANY_CLASS, *self._grammar.classes_of(text))]
        self._record.log_access(int(self._clock.wall()), actor, action, reason.strip(), digests[0])
        return digests

    def _entries_now(self, digests: Iterable[bytes] | None = None) -> HotEntries:
        return listed_entries(self._record, self.rule, ListMoment.present(self._clock.look()), digests)

    def _spelled_out(self, digest: bytes, value: bytes) -> tuple[RiskReason, ...]:
        """Return the reasons that have not surely expired."""
        earliest = self._clock.look().earliest
        alive = (reason for reason in unpack_reasons(digest, value) if reason.expires_at > earliest)
        return spell_out_all(alive, self._declarations(), self._record.sources())

    def _known_now(self) -> int:
        """Return the time to write into the record. Raises RiskDBError when nobody knows it."""
        if not self._clock.look().is_known:
            raise RiskDBError("本机时钟比以前显示过的还早：先校准（NTP），再改名单")
        return int(self._clock.wall())

    def _declarations(self) -> dict[int, Declaration]:
        return {w.window_number: w.as_declaration() for w in self._record.windows()}

    def _require_own_key(self) -> None:
        if not self._record.state("key_id", ""):
            self._record.set_state("key_id", self._digester.key_id)
        self._record.require_key(self._digester.key_id)
