"""What a wall shows of a case: where, which vehicle and why; of people nothing, and of what is over nothing."""

from collections.abc import Iterable

from console.cases.steps import DESK_OPEN
from console.cases.views import CaseView

_NOT_ON_A_WALL = {"assignee": "", "owner_name": "", "result": "", "previous_result": "", "desk_note": "", "stays": ()}


def for_wall(views: Iterable[CaseView]) -> list[CaseView]:
    return [view.model_copy(update=_NOT_ON_A_WALL) for view in views if view.state in DESK_OPEN]
