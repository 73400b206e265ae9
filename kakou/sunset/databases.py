"""The console's tables in a PostgreSQL, which a sunset destroys too."""

from datetime import datetime

from kakou.settings import Settings
from kakou.sunset.destroying import FAILED, Destroyed
from kakou.sunset.state import DatabaseAwayError


def survey_database(settings: Settings) -> Destroyed | None:
    """Return what the console's PostgreSQL holds; None where the console uses none."""
    return _with_database(settings, is_destroying=False)


def destroy_database(settings: Settings, now: datetime) -> Destroyed | None:
    found = _with_database(settings, is_destroying=True)
    return found.model_copy(update={"destroyed_at": now}) if found and not found.note else found


def _with_database(settings: Settings, *, is_destroying: bool) -> Destroyed | None:
    if (settings.console.database_url or "sqlite").startswith("sqlite"):
        return None
    from kakou.sunset.console_side import cases_in_database

    found = Destroyed(name="事件单与账号（PostgreSQL）", files=0, size_bytes=0, rows=None, sha256="", destroyed_at=None)
    try:
        count = cases_in_database(settings, is_destroying=is_destroying)
    except DatabaseAwayError as error:
        return found.model_copy(
            update={"note": f"{FAILED}，待数据库恢复后再执行 kakou sunset --now，或在其主机上删除：{error}"}
        )
    return found.model_copy(update={"rows": count})
