"""What a feed sends in an hour, held against its quota and against what it usually sends."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from riskdb.feed.answers import FeedNotice, FeedQuotaError
from riskdb.settings import FeedSettings

HOUR_S = 3600
USUAL_HOURS = 24
"""An hour is held against the mean of so many before it."""
LEARNT_HOURS = 6
"""A feed that has sent in fewer hours has no usual shape yet."""
ENOUGH_ROWS = 200
"""In fewer rows a share says nothing."""
NEW_SHARE, BAD_SHARE = 0.2, 0.2
KEPT_HOURS = 28 * 24
COUNTY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _Hour:
    rows: int
    bad: int
    new_area_rows: int


def count_rows(
    connection: sqlite3.Connection, feed: FeedSettings, now: int, areas: Collection[str], bad: int
) -> list[FeedNotice]:
    """Add a batch to the feed's hour, inside the batch's own transaction; return the notices that begin with it.

    `areas` are those of the rows that were understood, one a row. Raises FeedQuotaError.
    """
    hour = now // HOUR_S
    counties = [area[:COUNTY_DIGITS] for area in areas]
    new = _new_counties(connection, feed.name, hour, set(counties))
    fresh = sum(county in new for county in counties)
    connection.execute(
        "INSERT INTO feed_hour VALUES (?, ?, ?, ?, ?) ON CONFLICT (feed, hour) DO UPDATE SET rows = rows"
        " + excluded.rows, bad = bad + excluded.bad, new_area_rows = new_area_rows + excluded.new_area_rows",
        (feed.name, hour, len(areas) + bad, bad, fresh),
    )
    found = _hours(connection, feed.name, hour, hour + 1)[0]
    if found.rows > feed.rows_per_hour:
        raise FeedQuotaError(
            f"“{feed.name}”这一小时已超过 {feed.rows_per_hour} 条，这一批没有收；请下一小时再送，或调高 rows_per_hour"
        )
    connection.execute("DELETE FROM feed_hour WHERE hour < ?", (hour - KEPT_HOURS,))
    before = _hours(connection, feed.name, hour - USUAL_HOURS, hour)
    return [notice for kind, told in _odd(found, before, feed) if (notice := _begun(connection, feed, now, kind, told))]


def standing_notices(connection: sqlite3.Connection, now: int) -> list[FeedNotice]:
    """Return the notices of the last day, the newest first."""
    rows = connection.execute(
        "SELECT feed, kind, begun_at, told FROM feed_notice WHERE begun_at > ? ORDER BY begun_at DESC",
        (now - USUAL_HOURS * HOUR_S,),
    )
    return [FeedNotice(*row) for row in rows]


def _new_counties(connection: sqlite3.Connection, feed: str, hour: int, counties: set[str]) -> set[str]:
    """Return the counties that the feed reports for the first time in this hour."""
    known = dict(connection.execute("SELECT county, first_hour FROM feed_county WHERE feed = ?", (feed,)))
    missing = [(feed, county, hour) for county in counties if county not in known]
    connection.executemany("INSERT INTO feed_county VALUES (?, ?, ?)", missing)
    return {county for county in counties if known.get(county, hour) == hour}


def _odd(hour: _Hour, before: list[_Hour], feed: FeedSettings) -> list[tuple[str, str]]:
    odd = []
    if hour.rows >= ENOUGH_ROWS and hour.bad > BAD_SHARE * hour.rows:
        odd.append(("bad", f"“{feed.name}”这一小时 {hour.rows} 条里有 {hour.bad} 条读不懂；请联系来源单位"))
    if len(before) < LEARNT_HOURS or hour.rows < ENOUGH_ROWS:
        return odd
    usual = sum(one.rows for one in before) / len(before)
    if hour.rows > feed.most_times_usual * usual:
        odd.append(("rate", f"“{feed.name}”这一小时已有 {hour.rows} 条，平时每小时约 {usual:.0f} 条；请核实"))
    if hour.new_area_rows > NEW_SHARE * hour.rows:
        share = hour.new_area_rows / hour.rows
        odd.append(("areas", f"“{feed.name}”这一小时 {share:.0%} 的记录来自它从未报过的区县；请核实"))
    return odd


def _hours(connection: sqlite3.Connection, feed: str, since: int, until: int) -> list[_Hour]:
    rows = connection.execute(
        "SELECT rows, bad, new_area_rows FROM feed_hour WHERE feed = ? AND hour >= ? AND hour < ?", (feed, since, until)
    )
    return [_Hour(*row) for row in rows]


def _begun(connection: sqlite3.Connection, feed: FeedSettings, now: int, kind: str, told: str) -> FeedNotice | None:
    """Keep a notice; None where this hour has it already."""
    kept = connection.execute(
        "INSERT OR IGNORE INTO feed_notice VALUES (?, ?, ?, ?, ?)", (feed.name, kind, now // HOUR_S, now, told)
    )
    return FeedNotice(feed.name, kind, now, told) if kept.rowcount else None
