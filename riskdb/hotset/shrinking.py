"""No publication takes most of the list away unless the record explains it: a record that was lost, emptied or taken
from elsewhere must not clear everybody."""

from collections.abc import Iterator

from riskdb.hotset.compute import HotEntries
from riskdb.hotset.list_meta import ListMeta
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.reasons import last_expiry
from riskdb.record.record import RiskRecord
from riskdb.types import RiskIntegrityError

SMALL = 20
"""A list of at most this many vehicles may shrink to nothing."""
WHAT_TO_DO = (
    "从备份放回 risk.sqlite 后重新启动 kakou risk serve，或重新导入行程；"
    "确实要从头开始：kakou risk serve --accept-smaller"
)


def require_own_list(record: RiskRecord, held: int) -> None:
    """Refuse to replace a list of `held` vehicles by that of a record that has never published one.

    Raises RiskIntegrityError.
    """
    if held and record.state("version") == "0":
        raise RiskIntegrityError(
            f"Redis 中的名单有 {held} 辆车，而 {record.path} 是新的或空的，从未发布过；仍用原名单。{WHAT_TO_DO}"
        )


def require_explained(
    record: RiskRecord,
    store: ListStore,
    meta: ListMeta | None,
    wanted: HotEntries,
    alive_after: float,
    most_shrink: float,
) -> None:
    """Refuse a list from which too many vehicles are gone of which the record knows nothing.

    A vehicle whose entry has expired, or of which the record has a stay (removed or in an area that was lifted), is
    explained. `meta` None: the list in Redis is not whole. Raises RiskIntegrityError.
    """
    held = meta.count if meta else store.member_count()
    if held <= SMALL or len(wanted) >= (1 - most_shrink) * held:
        return
    gone = set(_still_valid(store, meta, alive_after)) - {digest for digest, _ in wanted}
    unexplained = len(gone) - record.count_known(gone)
    if unexplained > most_shrink * held:
        raise RiskIntegrityError(
            f"新名单只有 {len(wanted)} 辆车，原有 {held} 辆，其中 {unexplained} 辆在 {record.path} 里查不到去向；"
            f"仍用原名单。{WHAT_TO_DO}"
        )


def _still_valid(store: ListStore, meta: ListMeta | None, alive_after: float) -> Iterator[bytes]:
    if meta is None:
        return store.members()
    return (digest for digest, value in store.reasons.all(meta.buckets) if last_expiry(value) > alive_after)
