"""Is the list in Redis what the record says, and would it survive a restart?"""

from collections.abc import Iterator
from dataclasses import dataclass

from riskdb.hotset.keys import MOST_BUCKET_ENTRIES
from riskdb.hotset.list_store import ListStore
from riskdb.hotset.publish import Publisher, Standing
from riskdb.hotset.reasons import last_expiry
from riskdb.record.record import RiskRecord
from riskdb.settings import RiskSettings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    is_ok: bool
    detail: str
    """What was found; where it is not ok also what to do."""


SUBJECTS = {
    "version": "版本", "heartbeat": "心跳", "entries": "条目", "reasons": "原因",
    "persistence": "持久化", "memory": "内存", "eviction": "淘汰策略",
}  # fmt: skip
"""What people read; programs read the keys."""
_ANEW = "启动 kakou risk serve，重新发布"


@dataclass(frozen=True, slots=True)
class ListStats:
    """Counts of the record and of the list."""

    vehicles: int
    stays: int
    removed_stays: int
    declarations: int
    listed: int
    version: int
    heartbeat_age_s: float | None
    """None where the list has never been tended."""
    memory_bytes: int
    listed_by_area: dict[str, int]
    """Area name -> vehicles that the record lists for it."""


def check_list(publisher: Publisher, settings: RiskSettings, now: float) -> Iterator[Finding]:
    """Yield findings; `now` is epoch seconds. Raises RiskDBError when Redis does not answer."""
    store = publisher.store
    standing = publisher.standing()
    details = {
        Standing.CURRENT: "与记录一致",
        Standing.BEHIND: "Redis 里的名单落后于记录：启动 kakou risk serve",
        Standing.ABSENT: "Redis 里没有完整的名单：启动 kakou risk serve",
    }
    yield Finding("version", standing is Standing.CURRENT, details[standing])
    beat_at = store.heartbeat()
    is_tended = abs(now - beat_at) <= settings.stale_after_s
    said = f"{now - beat_at:.0f} 秒前" if beat_at else "从未"
    yield Finding("heartbeat", is_tended, said + ("" if is_tended else "：没有人维护名单，启动 kakou risk serve"))
    yield from _check_entries(publisher, store, now)
    yield from _check_server(store)


def _check_entries(publisher: Publisher, store: ListStore, now: float) -> Iterator[Finding]:
    wanted = dict(publisher.compute())
    held = set(store.members())
    why = dict(store.why())
    # Expired entries stay until the next sweep; readers do not take them.
    alive = {digest for digest in held if last_expiry(why.get(digest, b"")) > now}
    missing, surplus = wanted.keys() - held, alive - wanted.keys()
    is_same = not missing and not surplus
    detail = f"{len(held)} 条" if is_same else f"缺 {len(missing)} 条、多 {len(surplus)} 条：{_ANEW}"
    yield Finding("entries", is_same, detail)
    unexplained = held - why.keys()
    changed = [digest for digest, value in wanted.items() if digest in why and why[digest] != value]
    is_explained = not unexplained and not changed
    detail = "每一条都有原因" if is_explained else f"{len(unexplained) + len(changed)} 条的原因不对：{_ANEW}"
    yield Finding("reasons", is_explained, detail)


def _check_server(store: ListStore) -> Iterator[Finding]:
    is_kept = store.server_setting("appendonly") == "yes" or bool(store.server_setting("save"))
    advice = "" if is_kept else "中心重启后名单会丢，各卡口也跟着清空：设 appendonly yes"
    yield Finding("persistence", is_kept, advice or "重启后名单还在")
    # Redis 7 answers to this older name too.
    limit = store.server_setting("hash-max-ziplist-entries")
    is_compact = not limit or int(limit) >= MOST_BUCKET_ENTRIES
    advice = f"原因要占三倍内存：设 hash-max-listpack-entries {MOST_BUCKET_ENTRIES} 或更大"
    yield Finding("memory", is_compact, "存放紧凑" if is_compact else advice)
    policy = store.server_setting("maxmemory-policy")
    is_whole = policy in ("noeviction", "") or store.server_setting("maxmemory") == "0"
    yield Finding("eviction", is_whole, policy if is_whole else f"{policy} 会丢名单条目：设 noeviction")


def count_list(record: RiskRecord, publisher: Publisher, now: float) -> ListStats:
    """Return counts; `now` is epoch seconds. Raises RiskDBError."""
    meta = publisher.store.meta()
    names = {w.window_number: w.name for w in record.windows()}
    by_area: dict[str, int] = {}
    entries = publisher.compute()
    for window_number, count in entries.count_by_window().items():
        name = names[window_number]
        by_area[name] = by_area.get(name, 0) + count
    vehicles, stays, removed = record.count_visits()
    return ListStats(
        vehicles=vehicles,
        stays=stays,
        removed_stays=removed,
        declarations=sum(w.lifted_at is None for w in record.windows()),
        listed=meta.count if meta else 0,
        version=meta.version if meta else 0,
        heartbeat_age_s=now - beat_at if (beat_at := publisher.store.heartbeat()) else None,
        memory_bytes=publisher.store.memory_bytes(),
        listed_by_area=by_area,
    )
