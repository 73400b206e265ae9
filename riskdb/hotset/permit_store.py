"""The writer's hands on the permits in Redis: risk:permit, built anew beside the old one and swapped.

risk:permit       HASH  digest -> the vehicle's permits as JSON; PERMIT_VERSION -> which change of the record it shows
risk:permit:next  HASH  the one under construction
risk:permit:old   HASH  the one before, unlinked at once
"""

from collections.abc import Iterable

from riskdb.hotset.keys import NEXT_PERMITS, OLD_PERMITS, PERMIT_VERSION, PERMITS
from riskdb.hotset.reason_store import CHUNK, chunks
from riskdb.hotset.redis_link import RedisLink, is_refusal
from riskdb.types import RiskDBError


class PermitStore:
    """Every method raises RiskDBError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def shown(self) -> str:
        """Return which change of the record is shown; empty for none."""
        try:
            (found,) = self._link.ask(("HGET", PERMITS, PERMIT_VERSION))
        except RiskDBError as error:
            if is_refusal(error):
                return ""
            raise
        return found.decode(errors="replace") if found else ""

    def show(self, change: str, permits: Iterable[tuple[bytes, bytes]]) -> int:
        """Put all permits in the place of those before; return of how many vehicles."""
        self._link.ask(("UNLINK", NEXT_PERMITS, OLD_PERMITS))
        count = 0
        for part in chunks(permits, CHUNK):
            count += len(part)
            self._link.ask(("HSET", NEXT_PERMITS, *(cell for entry in part for cell in entry)))
        _, has_old = self._link.ask(("HSET", NEXT_PERMITS, PERMIT_VERSION, change), ("EXISTS", PERMITS))
        aside = [("RENAME", PERMITS, OLD_PERMITS)] if has_old else []
        self._link.ask_atomically(*aside, ("RENAME", NEXT_PERMITS, PERMITS))
        self._link.ask(("UNLINK", OLD_PERMITS))
        return count
