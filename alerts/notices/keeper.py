"""From what is observed to beginnings and ends: each said once, what flickers is one, a restart begins nothing anew."""

import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from alerts.envelope import UtcDatetime
from alerts.errors import AlertsError
from alerts.notice import NoticeEvent, NoticeName, Severity, notice_id
from alerts.notices.table import BY_NAME
from riskdb.own_file import read_own

log = logging.getLogger(__name__)
Key: TypeAlias = tuple[str, str]
"""Name and subject."""


@dataclass(frozen=True, slots=True)
class Amiss:
    """Something that is not as it should be, at this moment."""

    notice: str
    subject: str = ""
    detail: str = ""
    checkpoint: str = ""
    """"" is the place of whoever observed it."""

    @property
    def key(self) -> Key:
        return self.notice, self.subject


class ActiveNotice(BaseModel):
    """A notice that has begun and not ended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    notice: NoticeName
    severity: Severity
    title: str
    to_do: str
    subject: str
    detail: str
    checkpoint: str
    origin: str
    began_at: UtcDatetime

    @property
    def key(self) -> Key:
        return self.notice, self.subject

    def event(self, ended_at: datetime | None = None) -> NoticeEvent:
        """Return its beginning, or its end."""
        phase = "ended" if ended_at else "begun"
        event_id = notice_id(self.origin, self.notice, self.subject, self.began_at, phase)
        return NoticeEvent.model_validate({**self.model_dump(), "event_id": event_id, "phase": phase,
                                           "ended_at": ended_at})  # fmt: skip


ACTIVE = TypeAdapter(tuple[ActiveNotice, ...])


@dataclass(frozen=True, slots=True)
class _Since:
    """Since when something has been so without a break."""

    monotonic: float
    at: datetime


@dataclass(slots=True)
class NoticeKeeper:
    """The notices of one machine. One thread only."""

    origin: str
    place: str
    emit: Callable[[NoticeEvent], object]
    """Keeps an event for good; raises AlertsError while it cannot, and is asked again then."""
    path: Path | None = None
    """What has begun, for the next start and for pages of this machine; None forgets."""
    clock: Callable[[], float] = time.monotonic
    begun_total: dict[str, int] = field(default_factory=dict)
    _seen: dict[Key, _Since] = field(default_factory=dict)
    _gone: dict[Key, _Since] = field(default_factory=dict)
    _active: dict[Key, ActiveNotice] = field(default_factory=dict)
    _unsent: list[NoticeEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._active = {one.key: one for one in kept_notices(self.path)}

    @property
    def active(self) -> tuple[ActiveNotice, ...]:
        return tuple(self._active.values())

    def observe(self, notices: Collection[str], found: Iterable[Amiss], now: datetime) -> None:
        """Take one look at everything that these notices are about: what is not in `found` is as it should be."""
        amiss = {one.key: one for one in found}
        before = self._active
        self._active = dict(before)
        for one in amiss.values():
            self._note_amiss(one, now)
        for key in {*self._seen, *before} - amiss.keys():
            if key[0] in notices:
                self._note_fine(key, now)
        if self._active != before:
            _keep(self.path, self.active)
        self._send()

    def _note_amiss(self, one: Amiss, now: datetime) -> None:
        self._gone.pop(one.key, None)
        since = self._seen.setdefault(one.key, _Since(self.clock(), now))
        begun = self._active.get(one.key)
        if begun is None and self.clock() - since.monotonic >= BY_NAME[one.notice].begins_after_s:
            self._begin(one, since.at)
        elif begun is not None and begun.detail != one.detail:
            self._active[one.key] = begun.model_copy(update={"detail": one.detail[:500]})

    def _begin(self, one: Amiss, began_at: datetime) -> None:
        kind = BY_NAME[one.notice]
        notice = ActiveNotice(
            notice=kind.name, severity=kind.severity, title=kind.title, to_do=kind.to_do, subject=one.subject[:200],
            detail=one.detail[:500], checkpoint=one.checkpoint or self.place, origin=self.origin, began_at=began_at,
        )  # fmt: skip
        self._active[one.key] = notice
        self.begun_total[kind.name] = self.begun_total.get(kind.name, 0) + 1
        log.log(logging.ERROR if kind.severity == "critical" else logging.WARNING, "%s", notice.event().summary)
        self._unsent.append(notice.event())

    def _note_fine(self, key: Key, now: datetime) -> None:
        self._seen.pop(key, None)
        if key not in self._active:
            return
        since = self._gone.setdefault(key, _Since(self.clock(), now))
        kind = BY_NAME.get(key[0])
        if kind is None or self.clock() - since.monotonic >= kind.ends_after_s:
            self._gone.pop(key)
            ended = self._active.pop(key).event(max(since.at, self._began(key, since.at)))
            log.info("%s", ended.summary)
            self._unsent.append(ended)

    def _began(self, key: Key, otherwise: datetime) -> datetime:
        notice = self._active.get(key)
        return notice.began_at if notice else otherwise

    def _send(self) -> None:
        try:
            while self._unsent:
                self.emit(self._unsent[0])
                self._unsent.pop(0)
        except AlertsError as error:  # a full disk: it stays first in the queue
            log.warning("%d notices wait for their place in the outbox: %s", len(self._unsent), error)


def notices_path(state_dir: Path, machine: Literal["box", "centre"]) -> Path:
    """Return where a machine's notices are kept."""
    return state_dir / "run" / f"notices-{machine}.json"


def kept_notices(path: Path | None) -> tuple[ActiveNotice, ...]:
    """Return what had begun when this machine's last process ended; nothing where that cannot be read."""
    try:
        return ACTIVE.validate_json(read_own(path)) if path else ()
    except (OSError, ValidationError):
        return ()


def _keep(path: Path | None, active: tuple[ActiveNotice, ...]) -> None:
    if path is None:
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.write_text(json.dumps(ACTIVE.dump_python(active, mode="json"), ensure_ascii=False), encoding="utf-8")
        partial.replace(path)
    except OSError as error:  # what has begun is said all the same; only a restart would say it again
        log.warning("the notices cannot be kept in %s: %s", path, error.strerror)
