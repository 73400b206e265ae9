"""What a wall shows of a case: where, which vehicle and why; of people and doors nothing, of what is over nothing."""

from collections.abc import Iterable

from console.cases.steps import CROSSING, DESK_OPEN
from console.cases.views import CaseView

_NOT_ON_A_WALL = {"assignee": "", "owner_name": "", "result": "", "previous_result": "", "desk_note": "", "stays": ()}
_DOORS = _NOT_ON_A_WALL | {"door": "", "meeting_url": "", "has_vehicle_picture": False}


def for_wall(views: Iterable[CaseView]) -> list[CaseView]:
    return [
        view.model_copy(update=_DOORS if view.level == CROSSING else _NOT_ON_A_WALL)
        for view in views
        if view.state in DESK_OPEN
    ]
