"""How much one sender may ask for: a bucket that fills with time."""

from collections import OrderedDict

BURST = 5.0


class Bucket:
    """So many messages a second, five times as many at once. `now_s` is monotonic."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, BURST * per_s)
        self._left = self._most
        self._at_s: float | None = None

    def takes(self, now_s: float) -> bool:
        if self._at_s is not None:
            self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Strangers:
    """Who has been refused often of late, by address: they are answered briefly."""

    def __init__(self, per_s: float = 0.5, most: int = 1024) -> None:
        self._per_s = per_s
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def may_try(self, address: str, now_s: float) -> bool:
        """Count a refusal; return whether the address may go on trying."""
        bucket = self._buckets.setdefault(address, Bucket(self._per_s * 20))
        self._buckets.move_to_end(address)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket.takes(now_s)
