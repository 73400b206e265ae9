"""Areas and single vehicles where the record of the risk list lies on this machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

from console.lists.areas import AreaEffect, AreaWords, StandingArea
from console.lists.vehicles import ListedStay, ListedVehicle, PastCorrection
from riskdb.keeper import RiskKeeper
from riskdb.match import AREA_LEVEL_NAMES
from riskdb.record.declaring import Declared, declared_from
from riskdb.record.importing import ListingChange
from riskdb.record.mapping.fields import Field
from riskdb.record.removals import Removal
from riskdb.record.rows import AreaWindow
from riskdb.types import RiskDBError, RiskReason

OpenKeeper = Callable[[], AbstractContextManager[RiskKeeper]]


class KeeperAreas:
    def __init__(self, open_keeper: OpenKeeper) -> None:
        self._open_keeper = open_keeper

    def standing(self) -> list[StandingArea]:
        with self._open_keeper() as keeper:
            return [_standing(window) for window in keeper.windows()]

    def try_declare(self, words: AreaWords) -> AreaEffect:
        with self._open_keeper() as keeper, _words_said():
            declared = _declared(words, keeper)
            return _effect(declared, keeper.areas.try_declare([declared]))

    def declare(self, words: AreaWords) -> AreaEffect:
        with self._open_keeper() as keeper, _words_said():
            declared = _declared(words, keeper)
            effect = _effect(declared, keeper.areas.try_declare([declared]))
            keeper.declare([declared])
            return effect

    def try_lift(self, code: str) -> AreaEffect:
        with self._open_keeper() as keeper, _words_said():
            return _lift_effect(code, keeper.windows(), keeper.areas.try_lift(code))

    def lift(self, code: str) -> AreaEffect:
        with self._open_keeper() as keeper, _words_said():
            effect = _lift_effect(code, keeper.windows(), keeper.areas.try_lift(code))
            keeper.lift(code)
            return effect


class KeeperVehicles:
    def __init__(self, open_keeper: OpenKeeper) -> None:
        self._open_keeper = open_keeper

    def show(self, plate: str, actor: str, reason: str) -> ListedVehicle:
        with self._open_keeper() as keeper, _words_said():
            shown = keeper.show(plate, actor=actor, reason=reason)
        return ListedVehicle(tuple(map(_stay, shown.reasons)), tuple(map(_correction, shown.removals)))

    def remove(self, plate: str, actor: str, reason: str) -> int:
        with self._open_keeper() as keeper, _words_said():
            return keeper.remove(plate, actor=actor, reason=reason)[0]

    def restore(self, plate: str, actor: str, reason: str) -> int:
        with self._open_keeper() as keeper, _words_said():
            return keeper.restore(plate, actor=actor, reason=reason)[0]


@contextmanager
def _words_said() -> Iterator[None]:
    """What makes no sense is said as anything else that the list refuses."""
    try:
        yield
    except ValueError as error:
        raise RiskDBError(str(error)) from error


def _declared(words: AreaWords, keeper: RiskKeeper) -> Declared:
    texts = {
        Field.CODE: words.area, Field.LEVEL: words.level, Field.SOURCE: words.source, Field.NAME: words.name,
        Field.FROM: words.begin, Field.TO: words.end,
    }  # fmt: skip
    return declared_from(texts, keeper.utc_offset_hours)


def _effect(declared: Declared, change: ListingChange) -> AreaEffect:
    return AreaEffect(declared.code, declared.name, change.added, change.removed, change.unchanged)


def _lift_effect(code: str, windows: Sequence[AreaWindow], change: ListingChange) -> AreaEffect:
    name = next((window.name for window in windows if window.code == code.strip()), "")
    return AreaEffect(code.strip(), name, change.added, change.removed, change.unchanged)


def _standing(window: AreaWindow) -> StandingArea:
    ends = None if window.valid_until is None else _utc(window.valid_until)
    level = AREA_LEVEL_NAMES[window.level]
    return StandingArea(window.code, window.name, level, _utc(window.valid_from), ends, window.source)


def _stay(reason: RiskReason) -> ListedStay:
    return ListedStay(
        reason.area_name, AREA_LEVEL_NAMES[reason.level], reason.visited_from, reason.visited_until, reason.source,
        reason.expires_at,
    )  # fmt: skip


def _correction(removal: Removal) -> PastCorrection:
    restored_at = None if removal.restored_at is None else _utc(removal.restored_at)
    return PastCorrection(
        _utc(removal.removed_at), removal.removed_by, removal.removed_for, restored_at, removal.restored_by or "",
        removal.restored_for or "",
    )  # fmt: skip


def _utc(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)
