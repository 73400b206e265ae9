"""Where the list in Redis is not what it should be. Read in small parts: a list may have millions of entries."""

from collections.abc import Iterator

import numpy as np

from riskdb.hotset.compute import HotEntries
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.reason_store import chunks

_BUCKETS_AT_A_TIME = 100


def wrong_digests(store: ListStore, meta: ListMeta, wanted: HotEntries) -> Iterator[bytes]:
    """Yield digests whose reasons or listing are not as wanted; some may be yielded twice. Raises RiskDBError.

    A member that has neither a reason nor a right to be there is not found so: the number of members tells.
    """
    for digest, held, right in _pairs_of_reasons(store, meta, wanted):
        if held != right:
            yield digest
    for start in range(0, len(wanted), 5_000):
        digests = [digest for digest, _ in wanted.rows(start, min(start + 5_000, len(wanted)))]
        listed = set(store.listed(digests))
        yield from (digest for digest in digests if digest not in listed)


def _pairs_of_reasons(
    store: ListStore, meta: ListMeta, wanted: HotEntries
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Yield each digest that Redis or the record has reasons for, with the two."""
    bits = meta.buckets.bits
    # Both are in the order of the digests' first bits, so that each bucket stands beside its part of the entries.
    first = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits) if bits else np.zeros(1, dtype=np.uint64)
    starts = [*np.searchsorted(wanted.digests[:, 0], first).tolist(), len(wanted)]
    for numbers in chunks(range(1 << bits), _BUCKETS_AT_A_TIME):
        held = dict(store.reasons.some(meta.buckets, numbers))
        right = dict(wanted.rows(starts[numbers[0]], starts[numbers[-1] + 1]))
        if held != right:
            for digest in held.keys() | right.keys():
                yield digest, held.get(digest), right.get(digest)
