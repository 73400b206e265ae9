"""Risk areas declared and lifted: the list changes at once; what an act would do to it can be asked first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from riskdb.clock import Clock
from riskdb.hands import Change, ListHands
from riskdb.record.areas import normalise_area
from riskdb.record.declaring import Declared
from riskdb.record.importing import ListingChange
from riskdb.record.record import RiskRecord
from riskdb.record.rows import AreaWindow
from riskdb.rule import ListRule


class _Undone(Exception):
    """Ends a transaction that is not meant to count."""


class AreaKeeper:
    """Keeps the declarations of a record."""

    def __init__(self, record: RiskRecord, rule: ListRule, clock: Clock, hands: ListHands) -> None:
        self._record = record
        self._rule = rule
        self._clock = clock
        self._hands = hands

    def standing(self) -> list[AreaWindow]:
        """Return the standing declarations, oldest first."""
        return [w for w in self._record.windows() if w.lifted_at is None]

    def declare(self, declared: Sequence[Declared]) -> tuple[list[AreaWindow], Change]:
        """Declare areas, all or none; one that stands already just so is left out.

        Raises ValueError when an area or its times make no sense, RiskDBError.
        """
        fresh = self._fresh(declared)
        if not fresh:
            return [], Change(0, self._hands.catch_up())
        with self._record.writing():
            fresh = [self._record.add_window(window) for window in fresh]
        return fresh, self._published(fresh)

    def lift(self, code: str) -> tuple[list[AreaWindow], Change]:
        """Take back every standing declaration of exactly this area.

        Raises ValueError when the code is none or there is no such declaration; RiskDBError.
        """
        now, windows = self._hands.known_now(), self._standing_of(code)
        with self._record.writing():
            self._lift(windows, now)
        return windows, self._published(windows)

    def try_declare(self, declared: Sequence[Declared]) -> ListingChange:
        """Return what declaring would do to the list. Raises as `declare`."""
        fresh = self._fresh(declared)
        return self._tried(fresh, lambda: [self._record.add_window(window) for window in fresh])

    def try_lift(self, code: str) -> ListingChange:
        """Return what lifting would do to the list. Raises as `lift`."""
        now, windows = self._hands.known_now(), self._standing_of(code)
        return self._tried(windows, lambda: self._lift(windows, now))

    def _fresh(self, declared: Sequence[Declared]) -> list[AreaWindow]:
        now = self._hands.known_now()
        # Where the time is in doubt, what has no beginning reaches back from the earliest moment that it may be.
        reach_s = self._rule.lookback_s + now - int(self._clock.look().earliest)
        windows = [one.as_window(now, reach_s) for one in declared]
        standing = self.standing()
        return [w for w in windows if not any(w.says_the_same_as(other) for other in standing)]

    def _standing_of(self, code: str) -> list[AreaWindow]:
        area = normalise_area(code)
        windows = [w for w in self.standing() if w.code == area]
        if not windows:
            self._hands.catch_up()
            raise ValueError(f"{area} 没有公布为风险区；用 kakou risk area list 查看")
        return windows

    def _lift(self, windows: Iterable[AreaWindow], now: int) -> None:
        for window in windows:
            self._record.lift_window(window.window_number, now)

    def _tried(self, windows: Sequence[AreaWindow], act: Callable[[], object]) -> ListingChange:
        touched = self._touched(windows)
        before = self._hands.listed_of(touched)
        with self._undone():
            act()
            after = self._hands.listed_of(touched)
        return ListingChange(len(after - before), len(before - after), len(before & after))

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            with self._record.quiet_writing():
                yield
                raise _Undone
        except _Undone:
            return

    def _published(self, windows: Iterable[AreaWindow]) -> Change:
        touched = self._touched(windows)
        return Change(len(touched), self._hands.publish(touched))

    def _touched(self, windows: Iterable[AreaWindow]) -> dict[bytes, None]:
        oldest = int(self._clock.look().earliest) - self._rule.lookback_s
        codes = dict.fromkeys(window.code for window in windows)
        return dict.fromkeys(digest for code in codes for digest in self._record.digests_in_area(code, oldest))
