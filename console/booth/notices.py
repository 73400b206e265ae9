"""What is amiss at a booth's checkpoint, in words for whoever stands there. The box's own file: no uplink is needed."""

from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from alerts.notices.keeper import ActiveNotice, kept_notices
from alerts.notices.table import BY_NAME
from console.booth.devices import Device


class BoothNotice(BaseModel):
    """One line of the page's banner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_grave: bool
    camera_id: str
    """"" for the box as a whole."""
    title: str
    detail: str
    to_do: str
    """What whoever stands at the barrier does; the engineer's part stands on the command screen."""


class BoothNotices:
    def __init__(self, path: Path, camera_ids: Collection[str]) -> None:
        """`path` is where the box's watch keeps what has begun; `camera_ids` are all of the box."""
        self._path = path
        self._camera_ids = frozenset(camera_ids)

    def at(self, device: Device) -> list[BoothNotice]:
        """Return what concerns this device's place, the gravest first, then the latest."""
        mine = [one for one in kept_notices(self._path) if self._concerns(one, device)]
        mine.sort(key=lambda one: (one.severity != "critical", -one.began_at.timestamp()))
        return [self._told(one) for one in mine]

    def _concerns(self, notice: ActiveNotice, device: Device) -> bool:
        kind = BY_NAME.get(notice.notice)
        if kind is None or not kind.at_booth:
            return False
        return notice.subject not in self._camera_ids or device.shows(notice.checkpoint, notice.subject)

    def _told(self, notice: ActiveNotice) -> BoothNotice:
        camera_id = notice.subject if notice.subject in self._camera_ids else ""
        return BoothNotice(
            is_grave=notice.severity == "critical", camera_id=camera_id, title=notice.title, detail=notice.detail,
            to_do=BY_NAME[notice.notice].at_booth,
        )  # fmt: skip
