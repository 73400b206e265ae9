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
        Standing.CURRENT: "Redis shows the record's last change",
        Standing.BEHIND: "Redis is behind the record; run `kakou risk serve`",
        Standing.ABSENT: "there is no whole list in Redis; run `kakou risk serve`",
    }
    yield Finding("version", standing is Standing.CURRENT, details[standing])
    age_s = now - store.heartbeat()
    is_tended = abs(age_s) <= settings.stale_after_s
    yield Finding("heartbeat", is_tended, f"{age_s:.0f} s ago" + ("" if is_tended else "; run `kakou risk serve`"))
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
    detail = f"{len(held)} listed" if is_same else f"{len(missing)} missing, {len(surplus)} too many; publish anew"
    yield Finding("entries", is_same, detail)
    unexplained = held - why.keys()
    changed = [digest for digest, value in wanted.items() if digest in why and why[digest] != value]
    is_explained = not unexplained and not changed
    detail = "every entry has its reasons" if is_explained else f"{len(unexplained) + len(changed)} wrong; publish anew"
    yield Finding("reasons", is_explained, detail)


def _check_server(store: ListStore) -> Iterator[Finding]:
    is_kept = store.server_setting("appendonly") == "yes" or bool(store.server_setting("save"))
    advice = "" if is_kept else "an emptied centre empties its replicas; set `appendonly yes`"
    yield Finding("persistence", is_kept, advice or "the list survives a restart")
    # Redis 7 answers to this older name too.
    limit = store.server_setting("hash-max-ziplist-entries")
    is_compact = not limit or int(limit) >= MOST_BUCKET_ENTRIES
    advice = f"reasons take three times the memory; set `hash-max-listpack-entries {MOST_BUCKET_ENTRIES}` or more"
    yield Finding("memory", is_compact, "reasons are kept compactly" if is_compact else advice)
    policy = store.server_setting("maxmemory-policy")
    is_whole = policy in ("noeviction", "") or store.server_setting("maxmemory") == "0"
    yield Finding("eviction", is_whole, policy if is_whole else f"{policy} drops entries; set `noeviction`")


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
