"""What Redis holds follows the record, one whole version at a time.

A small change is one MULTI: readers see the version before or the one after. A large change builds a new list beside
the old one, checks it, and swaps the names inside one MULTI.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum
from itertools import islice

from riskdb.clock import Clock, WallClock
from riskdb.hands import Published
from riskdb.hotset.compute import HotEntries, xor_of
from riskdb.hotset.keys import ReasonBuckets
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.list_store import Difference, ListStore
from riskdb.hotset.listing import listed_entries
from riskdb.hotset.reason_store import PACKET, chunks
from riskdb.hotset.reconciling import wrong_digests
from riskdb.hotset.redis_link import is_refusal
from riskdb.hotset.shrinking import require_explained, require_own_list
from riskdb.record.record import RiskRecord
from riskdb.rule import ListMoment, ListRule
from riskdb.types import RiskDBError

MAX_DIFF = 20_000
"""Above this many changed plates the list is rebuilt and swapped; below, one MULTI takes 15 ms at most."""
PATCHED_SHARE = 5
"""When more than one in this many listed plates may have changed, everything is computed anew."""

OnProgress = Callable[[int, int], None]
"""Called with entries written and entries in all."""


class Standing(Enum):
    """How the list in Redis stands to the record."""

    CURRENT = "current"
    """It shows the record's last change, under this rule and key."""
    BEHIND = "behind"
    """It is a whole list, but of an earlier change, another rule or another key."""
    ABSENT = "absent"
    """There is none, or not a whole one."""


class Publisher:
    """Brings the list in Redis in line with the record. One thread only; processes take turns by a file lock."""

    def __init__(
        self,
        record: RiskRecord,
        store: ListStore,
        rule: ListRule,
        clock: Clock | None = None,
        most_shrink: float = 1.0,
    ) -> None:
        """`most_shrink`: the share of the list that may go without an explanation; 1 accepts anything."""
        self._record = record
        self.store = store
        self._rule = rule
        self._clock = clock or WallClock()
        self._most_shrink = most_shrink

    def require_own_list(self) -> None:
        """Refuse to look after a list that a record published which is not this one. Raises RiskIntegrityError."""
        if self._most_shrink < 1:
            meta = self.store.meta()
            require_own_list(self._record, meta.count if meta else self.store.member_count())

    def publish(self, touched: Iterable[bytes] | None = None, on_progress: OnProgress | None = None) -> Published:
        """Bring the list up to date and return what changed.

        `touched` are the digests that the record's last change touched; None means that it may have been any. When
        Redis does not show the change just before, everything is looked at. Raises RiskDBError.
        """
        started = time.monotonic()
        digests = None if touched is None else list(dict.fromkeys(touched))
        with self._record.turn():
            self.require_own_list()
            meta = self.store.meta()
            change = self._record.change()
            if meta is None or digests is None or not self._may_patch(meta, change, len(digests)):
                published = self._rebuild(meta, on_progress)
            else:
                published = self._patch(meta, change, digests, on_progress)
        return replace(published, elapsed_s=time.monotonic() - started)

    def catch_up(self, on_progress: OnProgress | None = None) -> Published:
        """Publish what an earlier act has left unpublished when it died. Raises RiskDBError."""
        meta = self.store.meta()
        if meta is None or self.standing() is not Standing.CURRENT:
            return self.publish(None, on_progress)
        self.beat()
        return Published(meta.version, meta.count, 0, 0, False)

    def reconcile(self) -> Published:
        """Make the list what the record says, whatever has become of it; take expired entries out. Raises RiskDBError.

        A list that is not this record's last one is left to `publish`.
        """
        started = time.monotonic()
        with self._record.turn():
            meta = self.store.meta()
            if meta is None:
                raise RiskDBError("Redis 中没有完整的名单：kakou risk serve 会重新发布")
            if not self._is_own(meta):  # about to be rebuilt; patching would label it with our key and rule
                return Published(meta.version, meta.count, 0, 0, False)
            published = self._reconciled(meta)
        return replace(published, elapsed_s=time.monotonic() - started)

    def _reconciled(self, meta: ListMeta) -> Published:
        self._write_names()
        entries = self.compute()
        try:
            wrong = set(islice(wrong_digests(self.store, meta, entries), MAX_DIFF + 1))
        except RiskDBError as error:
            if not is_refusal(error):
                raise
            return self._rebuild(meta, None)  # a key of the list holds something else altogether
        if len(wrong) > MAX_DIFF:
            return self._rebuild(meta, None)
        wanted = {digest: value for digest, value in entries if digest in wrong} if wrong else {}
        difference = self.store.difference(meta, list(wrong), wanted)
        count = meta.count + len(difference.added) - len(difference.removed)
        checksum = xor_of([meta.checksum, difference.moved()])
        if count != len(entries) or checksum != entries.checksum():  # also for members that have no reasons
            return self._rebuild(meta, None)
        self._require_explained(meta, entries)
        after = self._apply(meta, difference)
        self.store.reasons.remove(after.buckets, [digest for digest in wrong if digest not in wanted])
        added, removed, changed = len(difference.added), len(difference.removed), len(difference.changed)
        return Published(after.version, after.count, added, removed, False, changed=changed)

    def standing(self) -> Standing:
        """Return how the list in Redis stands to the record. Raises RiskDBError."""
        meta = self.store.meta()
        if meta is None:
            return Standing.ABSENT
        is_current = self._is_own(meta) and int(self._record.state("published", "-1")) == self._record.change()
        return Standing.CURRENT if is_current else Standing.BEHIND

    def beat(self) -> None:
        """Say that the list is tended. Raises RiskDBError when there is none."""
        self.store.beat(self._clock.wall())

    def compute(self, digests: Iterable[bytes] | None = None) -> HotEntries:
        """Return what the list should hold now: all of it, or of some digests."""
        return listed_entries(self._record, self._rule, ListMoment.present(self._clock.look()), digests)

    def _patch(self, meta: ListMeta, change: int, digests: list[bytes], on_progress: OnProgress | None) -> Published:
        difference = self.store.difference(meta, digests, dict(self.compute(digests)))
        if len(difference) > MAX_DIFF or meta.buckets.is_outgrown(meta.count + len(difference.added)):
            return self._rebuild(meta, on_progress)
        self._write_names()
        after = self._apply(meta, difference)
        self._record.set_state("published", str(change))
        return Published(after.version, after.count, len(difference.added), len(difference.removed), False)

    def _apply(self, before: ListMeta, difference: Difference) -> ListMeta:
        if not difference:
            self.beat()
            return before
        count = before.count + len(difference.added) - len(difference.removed)
        checksum = xor_of([before.checksum, difference.moved()])
        after = self._new_meta(before, count, checksum, before.buckets)
        self.store.apply(before, after, difference, self._clock.wall())
        return after

    def _rebuild(self, before: ListMeta | None, on_progress: OnProgress | None) -> Published:
        change = self._record.change()
        entries = self.compute()
        self._require_explained(before, entries)
        after = self._new_meta(before, len(entries), entries.checksum())
        self.store.begin_next(before)
        self._write_names()
        for number, part in enumerate(chunks(entries, PACKET), start=1):
            self.store.add_to_next(after.buckets, part)
            if on_progress is not None:
                on_progress(min(number * PACKET, len(entries)), len(entries))
        self.store.verify_next(after)
        self.store.swap(after, self._clock.wall())
        self._record.set_state("published", str(change))
        grown = after.count - (before.count if before else 0)
        return Published(after.version, after.count, max(0, grown), max(0, -grown), True)

    def _new_meta(
        self, before: ListMeta | None, count: int, checksum: bytes, buckets: ReasonBuckets | None = None
    ) -> ListMeta:
        """Return the next version's meta; its number is above every one ever shown, and kept before it is shown.

        Without `buckets` it gets its own.
        """
        version = max(int(self._record.state("version")), before.version if before else 0) + 1
        self._record.set_state("version", str(version))
        own = buckets or ReasonBuckets.for_count(version, count)
        return ListMeta(version, count, checksum, self._rule.fingerprint(), self._key_id(), own)

    def _write_names(self) -> None:
        declarations = {w.window_number: w.as_declaration().model_dump_json() for w in self._record.windows()}
        self.store.names.write(declarations, self._record.sources())

    def _require_explained(self, before: ListMeta | None, entries: HotEntries) -> None:
        is_own = before is not None and before.version == int(self._record.state("version"))
        # An act that this record has not published yet (a lifting, an import taken back, a new key) explains itself.
        is_explained = is_own and int(self._record.state("published", "-1")) != self._record.change()
        if self._most_shrink < 1 and not is_explained:
            alive_after = ListMoment.present(self._clock.look()).alive_after
            require_explained(self._record, self.store, before, entries, alive_after, self._most_shrink)

    def _may_patch(self, meta: ListMeta, change: int, touched: int) -> bool:
        is_just_before = int(self._record.state("published", "-1")) >= change - 1
        return self._is_own(meta) and is_just_before and touched <= max(MAX_DIFF, meta.count // PATCHED_SHARE)

    def _is_own(self, meta: ListMeta) -> bool:
        is_same_rule = meta.rule == self._rule.fingerprint() and meta.key_id == self._key_id()
        return is_same_rule and meta.version == int(self._record.state("version"))

    def _key_id(self) -> str:
        """Return the name of the key that the record's digests were made with, whatever key file lies here."""
        return self._record.state("key_id", "")
