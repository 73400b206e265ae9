"""Passages that could not be checked are checked once the list can be asked again."""

from dataclasses import dataclass

from ocr.wrong_length import match_hypotheses
from pipeline.walk.deciding import Match
from pipeline.walk.flagging import Flagging
from pipeline.walk.spool import Spool
from riskdb.types import RiskDBError

MOST_FAILURES = 3
"""So many passages that cannot be checked: it is the list. One alone may be a damaged entry, and holds up nobody."""


@dataclass(frozen=True, slots=True)
class RecheckCounts:
    """What one round did."""

    clear: int
    flagged: int
    expired: int
    """Deleted unread: they were older than allowed."""
    waiting: int


def recheck(spool: Spool, match: Match, flagging: Flagging, hypothesis_count: int = 32) -> RecheckCounts:
    """Check what waits in the spool, oldest first; stop where the list still cannot be asked.

    A passage is matched against today's list at the time it passed. Raises OutboxError when an event cannot be kept;
    its passage then stays in the spool.
    """
    expired = spool.purge()
    clear = flagged = failures = 0
    for path, record, pictures in spool.oldest_first():
        track = record.track(pictures)
        try:
            found = match(match_hypotheses(track.distribution, hypothesis_count), spool.passed_at(path, record))
        except RiskDBError:
            failures += 1
            if failures == MOST_FAILURES:
                break
            continue
        if found is None:
            clear += 1
        else:
            flagging.flag(track, found, record.checkpoint, record.arrived_at)
            flagged += 1
        spool.remove(path)
    return RecheckCounts(clear, flagged, expired, spool.waiting())
