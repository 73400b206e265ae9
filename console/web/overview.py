"""Statistics."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.situation.statistics import HeatCell, local_day
from console.types import Role
from console.web.access import Session, TheConsole, allow
from console.web.rendering import page
from riskdb.types import BEIJING

router = APIRouter(tags=["pages"])
_ALL_TIME = timedelta(days=3650)
_HEAT_STEPS = 9


@router.get("/statistics", **allow(Role.OFFICER, Role.ADMIN, Role.ANALYST, Role.AUDITOR))
def statistics_page(request: Request, session: Session, console: TheConsole) -> Response:
    now = console.now()
    until = now + timedelta(hours=1)
    scope = session.actor.scope
    context = {
        "spans": (
            ("今日", console.statistics.counts(local_day(now), until, scope)),
            ("近 7 天", console.statistics.counts(local_day(now) - timedelta(days=6), until, scope)),
            ("累计", console.statistics.counts(now - _ALL_TIME, until, scope)),
        ),
        "heat": _heat_rows(console.statistics.heat(local_day(now), until)),
    }
    return page(request, "statistics.html", context, session)


def _heat_rows(cells: list[HeatCell]) -> dict[str, list[tuple[int, int, int]]]:
    """Return 24 (passages, flagged, step of colour 0 to 9) for each checkpoint, by hour of the day."""
    most = max((cell.passages for cell in cells), default=0)
    rows: dict[str, list[tuple[int, int, int]]] = {}
    for cell in cells:
        row = rows.setdefault(cell.checkpoint, [(0, 0, 0)] * 24)
        step = -(-cell.passages * _HEAT_STEPS // most) if most else 0
        row[cell.hour.astimezone(BEIJING).hour] = (cell.passages, cell.flagged, step)
    return rows
