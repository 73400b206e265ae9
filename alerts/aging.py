"""When what is kept may be deleted for its age: never by a clock that may be wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

DeletableAt: TypeAlias = Callable[[], datetime | None]
"""Returns the moment that the present has surely reached: what was due by then may be deleted. None: nothing may."""
FIRST_RIGHT_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""Nothing of ours is older: an earlier date was written by a clock that did not know the time yet."""


def nothing_is_deletable() -> None:
    """Stands where no clock that can be trusted was given."""
