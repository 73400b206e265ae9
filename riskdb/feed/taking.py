"""Records of a feed into the record: the good ones, the counts and the sender's mark in one transaction."""

import sqlite3
from collections.abc import Sequence
from typing import Protocol

from riskdb.digest import PlateDigester
from riskdb.feed.answers import FeedNotice, Refused, Taken
from riskdb.feed.shape import count_rows, standing_notices
from riskdb.hands import ListHands
from riskdb.record.coverage import Coverage
from riskdb.record.importing import BatchImporter, JudgedRow, RowOutcome
from riskdb.record.imports import day_import, grow_import
from riskdb.record.judging import RowJudge, TravelRow
from riskdb.record.record import RiskRecord
from riskdb.rule import ListRule
from riskdb.settings import FeedSettings, RiskSettings
from riskdb.types import PlateGrammar


class Mark(Protocol):
    """How a batch is known again. Both methods work inside the batch's transaction."""

    def unseen(self, connection: sqlite3.Connection, rows: Sequence[TravelRow]) -> Sequence[TravelRow]:
        """Return the rows that were not taken before."""
        ...

    def keep(self, connection: sqlite3.Connection, taken: Taken, now: int) -> None:
        """Keep that they are taken now; whatever fails here undoes the batch."""
        ...


class FeedKeeper:
    """Takes batches of feeds into a record."""

    def __init__(
        self,
        record: RiskRecord,
        digester: PlateDigester,
        grammar: PlateGrammar,
        settings: RiskSettings,
        hands: ListHands,
    ) -> None:
        self._record = record
        self._digester = digester
        self._grammar = grammar
        self._settings = settings
        self._hands = hands

    def next_offsets(self, topic: str) -> dict[int, int]:
        """Return where a Kafka topic goes on, by partition."""
        query = "SELECT part, next_offset FROM feed_offset WHERE topic = ?"
        return dict(self._record.connection.execute(query, (topic,)))

    def notices(self) -> list[FeedNotice]:
        """Return what looked unusual in the last day, the newest first."""
        return standing_notices(self._record.connection, int(self._hands.known_now()))

    def take(self, feed: FeedSettings, rows: Sequence[TravelRow], mark: Mark) -> Taken:
        """Take a batch and publish what it changes.

        Raises FeedQuotaError, RiskDBError; the batch may then be given again, whatever has become of it.
        """
        now, touched = self._hands.known_now(), list[bytes]()
        with self._record.quiet_writing():
            self._record.require_key(self._digester.key_id)
            unseen = mark.unseen(self._record.connection, rows)
            taken = self._take(feed, unseen, now, touched) if unseen else Taken(is_repeated=True)
            mark.keep(self._record.connection, taken, now)
            if touched:
                self._record.set_state("change", str(self._record.change() + 1))
        if touched:
            self._hands.publish(touched)
        else:
            self._hands.catch_up()
        return taken

    def _take(self, feed: FeedSettings, rows: Sequence[TravelRow], now: int, touched: list[bytes]) -> Taken:
        connection, rule = self._record.connection, ListRule.of(self._settings)
        number = day_import(connection, now, f"接口 {feed.name}")
        judge = RowJudge(self._grammar, rule, self._settings.utc_offset_hours, now, feed.areas)
        standing = [window for window in self._record.windows() if window.lifted_at is None]
        importer = BatchImporter(self._record, judge, self._digester, Coverage(standing, rule, now), number)
        judged = list(importer.take(rows, touched))
        refused = tuple(Refused(row.number, row.detail) for row in judged if row.outcome is RowOutcome.INVALID)
        notices = count_rows(connection, feed, now, _areas_of(judged), len(refused))
        grow_import(connection, number, len(touched))
        return Taken(len({row.number for row in judged}) - len(refused), refused, tuple(notices))


def _areas_of(judged: Sequence[JudgedRow]) -> list[str]:
    """Return the area of each record that was understood; one too old to count has none."""
    return [row.travel.area if row.travel else "" for row in judged if row.outcome is not RowOutcome.INVALID]


class KeyMark:
    """A batch over HTTP is known by the key that its sender gave it."""

    def __init__(self, feed: str, key: str) -> None:
        self._feed = feed
        self._key = key

    def unseen(self, connection: sqlite3.Connection, rows: Sequence[TravelRow]) -> Sequence[TravelRow]:
        query = "SELECT 1 FROM feed_key WHERE feed = ? AND key = ?"
        return [] if connection.execute(query, (self._feed, self._key)).fetchone() else rows

    def keep(self, connection: sqlite3.Connection, taken: Taken, now: int) -> None:
        if not taken.is_repeated:
            connection.execute("INSERT INTO feed_key VALUES (?, ?, ?)", (self._feed, self._key, now))
        connection.execute("DELETE FROM feed_key WHERE at < ?", (now - KEYS_KEPT_S,))


KEYS_KEPT_S = 3 * 86_400
"""A sender that tries again does so within minutes; its signature is good for five."""
