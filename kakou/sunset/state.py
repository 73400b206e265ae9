"""The day on which everything is destroyed: a file that says when, who put it off, and what became of it.

A mass screening begins in an emergency and has a habit of staying. So it ends by itself, unless somebody says in
writing, again and again, why it must go on.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from kakou.disk_words import disk_words
from riskdb.own_file import make_way, read_own
from riskdb.types import RiskDBError
from riskdb.whole_file import PRIVATE, whole_file

log = logging.getLogger(__name__)
FILE_NAME = "sunset.json"
REPORTS_FOLDER = "destruction"
WARN_DAYS = 14
"""With fewer days left the screen and the doctor turn yellow."""
_DAY = timedelta(days=1)


class DatabaseAwayError(Exception):
    """The console's database could not be asked; the message is the class of the error."""


class SunsetError(RiskDBError):
    """The authorised time is over, or its file cannot be read; nothing is matched any more."""


class Decision(BaseModel):
    """Somebody set the day: at the first start, by a renewal, by a new authorisation, or by ending it at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    what: str
    """install, renew, authorise or end."""
    by: str
    reason: str
    until: AwareDatetime


class SunsetState(BaseModel):
    """What `sunset.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ends_at: AwareDatetime
    decisions: tuple[Decision, ...]
    begun_at: AwareDatetime | None = None
    """When the destruction began; what is begun is finished at the next start."""
    destroyed_at: AwareDatetime | None = None
    report_sha256: str | None = None

    def is_over(self, now: datetime) -> bool:
        return self.begun_at is not None or now >= self.ends_at

    def days_left(self, now: datetime) -> int:
        """Return whole days, rounded up; 0 once it is over."""
        return max(0, -((now - self.ends_at) // _DAY)) if not self.is_over(now) else 0

    def decided(self, what: str, by: str, reason: str, until: datetime, now: datetime) -> "SunsetState":
        """Return the state after a decision; an authorisation also lifts what was destroyed before."""
        decision = Decision(at=now, what=what, by=by, reason=reason, until=until)
        change: dict[str, object] = {"ends_at": until, "decisions": (*self.decisions, decision)}
        if what == "authorise":
            change |= {"begun_at": None, "destroyed_at": None}
        return self.model_copy(update=change)


def first_state(days: int, now: datetime) -> SunsetState:
    until = now + timedelta(days=days)
    decision = Decision(at=now, what="install", by="系统", reason="首次启动", until=until)
    return SunsetState(ends_at=until, decisions=(decision,))


def sunset_words(state: SunsetState, now: datetime) -> str:
    """Return in a sentence how long it may go on."""
    if state.destroyed_at:
        return f"数据已于 {_local(state.destroyed_at)} 按日落规定销毁；重新启用须 kakou sunset --authorise"
    if state.is_over(now):
        return f"授权期已于 {_local(state.ends_at)} 到期（日落）：不再比对，等待销毁"
    return f"授权期到 {_local(state.ends_at)}，剩余 {state.days_left(now)} 天；届时停止比对并销毁数据"


def load_state(state_dir: Path) -> SunsetState | None:
    """Return what the file says; None before the first start. Raises SunsetError where it cannot be understood.

    A state folder that was put back from a backup still holds the report of its destruction: that one wins.
    """
    path = state_dir / FILE_NAME
    try:
        state = SunsetState.model_validate_json(read_own(path))
    except FileNotFoundError:
        state = None
    except (OSError, ValidationError) as error:
        why = f"（{disk_words(error)}）" if isinstance(error, OSError) else ""
        raise SunsetError(
            f"{path} 读不出{why}：授权期不明，不比对。请从备份放回，或执行 kakou sunset --authorise。"
        ) from error
    return _with_reports(state, state_dir / REPORTS_FOLDER)


def _with_reports(state: SunsetState | None, folder: Path) -> SunsetState | None:
    reports = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not reports or (state and (state.destroyed_at or state.report_sha256)):
        return state
    destroyed_at = datetime.fromtimestamp(reports[-1].stat().st_mtime, UTC)
    known = state or first_state(0, destroyed_at)
    return known.model_copy(update={"begun_at": destroyed_at, "destroyed_at": destroyed_at})


def save_state(state_dir: Path, state: SunsetState) -> None:
    """Write the file durably and at once. Raises OSError."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_way(state_dir / FILE_NAME)
    with whole_file(state_dir / FILE_NAME, mode=PRIVATE, is_durable=True) as partial:
        partial.write_text(state.model_dump_json(indent=1), encoding="utf-8")


def begin_if_new(state_dir: Path, days: int, now: datetime) -> SunsetState:
    """Return the state; the first start sets the day. Raises SunsetError, OSError."""
    state = load_state(state_dir)
    if state is None:
        state = first_state(days, now)
        save_state(state_dir, state)
    return state


def mark_begun(state_dir: Path, state: SunsetState, now: datetime) -> None:
    """From here on nothing is matched, and what is begun is finished. A full disk does not hold it up."""
    try:
        save_state(state_dir, state.model_copy(update={"begun_at": now}))
    except OSError as error:
        log.error("sunset.json cannot be written: %s", error)


class SunsetWatch:
    """Says whether the time is over, as often as one likes: the file is read again only when it has changed."""

    def __init__(self, state_dir: Path, now: Callable[[], datetime]) -> None:
        self._state_dir = state_dir
        self._now = now
        self._read: tuple[object, SunsetState | None] | None = None

    def state(self) -> SunsetState | None:
        """Raises SunsetError."""
        stamp = self._stamp()
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, load_state(self._state_dir))
        return self._read[1]

    def require_open(self) -> None:
        """Raises SunsetError when nothing may be matched any more."""
        state, now = self.state(), self._now()
        if state is None or not state.is_over(now):
            return
        if state.destroyed_at:
            raise SunsetError(
                f"数据已于 {_local(state.destroyed_at)} 按日落规定销毁。重新启用须有新的授权："
                "kakou sunset --authorise --by 姓名 --reason 批准文号"
            )
        raise SunsetError(
            f"授权期已于 {_local(state.ends_at)} 到期（日落）：不再比对，车辆记为未核对，数据即将销毁。"
            "须继续的，由管理员执行 kakou sunset --renew 天数 --by 姓名 --reason 理由。"
        )

    def _stamp(self) -> object:
        try:
            found = (self._state_dir / FILE_NAME).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size)


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
