"""The writer's hands on what the numbers in reasons mean: risk:area and risk:source.

Numbers are never given twice, so names may be written at any time, and surplus ones may go.
"""

from collections.abc import Mapping

from riskdb.hotset import keys
from riskdb.hotset.reason_store import CHUNK, chunks
from riskdb.hotset.redis_link import RedisLink, is_refusal
from riskdb.types import RiskDBError


class NameStore:
    """The names as the list's one writer sees them. Every method raises RiskDBError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def write(self, declarations: Mapping[int, str], sources: Mapping[int, str]) -> bool:
        """Make the names what they should be, whatever stands there; return whether something was not so."""
        is_wrong = [self._write(keys.AREA, declarations), self._write(keys.SOURCE, sources)]
        return any(is_wrong)

    def _write(self, key: str, names: Mapping[int, str]) -> bool:
        right = {str(number).encode(): name.encode() for number, name in names.items()}
        held = self._held(key)
        missing = [(number, name) for number, name in right.items() if held.get(number) != name]
        surplus = list(held.keys() - right.keys())
        for items in chunks(missing, CHUNK):
            self._link.ask(("HSET", key, *(part for item in items for part in item)))
        for part in chunks(surplus, CHUNK):
            self._link.ask(("HDEL", key, *part))
        return bool(missing or surplus)

    def _held(self, key: str) -> dict[bytes, bytes]:
        try:
            (flat,) = self._link.ask(("HGETALL", key))
        except RiskDBError as error:
            if not is_refusal(error):
                raise
            self._link.ask(("UNLINK", key))  # it holds something else altogether
            return {}
        return dict(zip(flat[::2], flat[1::2], strict=True))
