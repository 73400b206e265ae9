"""Did the canary come out? Asked from two sides: by the box that sent it, and by the centre that should have it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from alerts.canary_marks import CanaryMarks
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import Amiss
from alerts.outbox import Outbox
from kakou.box.canary_result import CanaryResult

OUT_WITHIN_S = 60.0
NOTICES = ("canary_missed",)
LOST_IN = {
    "reader": "识别：自检图片没有读出号牌，检查模型文件（kakou doctor）",
    "list": "名单：比对没有应答或名单无效",
    "outbox": "发件箱：预警无法存盘，检查磁盘",
}


@dataclass(slots=True)
class SentCanaryLook:
    """The box's side: it went into the outbox, and the stream and the lane alerts took it."""

    last: Callable[[], CanaryResult | None]
    outbox: Outbox
    every_s: float
    lanes: tuple[str, ...]
    """Names of lane channels, which read the outbox by themselves."""
    clock: Callable[[], float] = time.monotonic
    _seen: CanaryResult | None = None
    _seen_at: float | None = None
    _due_seq: int = 0
    """Row of the last canary that has had its time; a younger one ends nothing."""

    def look(self) -> Iterator[Amiss]:
        last, now = self.last(), self.clock()
        if self._seen_at is None or (last is not None and last != self._seen):
            self._seen, self._seen_at = last, now
        # Until the first one: as long as the process needs to start.
        silent_s = now - self._seen_at
        if silent_s > (self.every_s if self._seen else 0.0) + OUT_WITHIN_S:
            yield Amiss("canary_missed", "自检进程", "没有发出自检车，查看 kakou run 的日志")
        elif self._seen is not None:
            yield from self._missing(self._seen, silent_s)

    def _missing(self, last: CanaryResult, silent_s: float) -> Iterator[Amiss]:
        if last.lost_in:
            yield Amiss("canary_missed", last.lost_in, LOST_IN.get(last.lost_in, last.lost_in))
            return
        if silent_s > OUT_WITHIN_S:
            self._due_seq = last.seq
        if self.outbox.sent_seq() < self._due_seq:
            yield Amiss("canary_missed", "stream", "转发：预警没有进入事件流，检查到中心的线路")
        for lane in self.lanes:
            if self.outbox.place(f"lane:{lane}") < self._due_seq:
                yield Amiss("canary_missed", lane, "道口声光通道没有取走，检查本机 kakou deliver")


@dataclass(slots=True)
class ArrivedCanaryLook:
    """The centre's side: every box's canary comes in time, and every channel passes it on."""

    board: NoticeBoard
    marks: CanaryMarks
    channels: tuple[str, ...]
    clock: Callable[[], float] = time.monotonic
    _came: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Box -> when its last canary was sent by its own clock, and when it was found to have come by ours."""
    _due: dict[str, int] = field(default_factory=dict)
    """Box -> its last canary that has had its time on every link; a younger one ends nothing."""

    def look(self) -> Iterator[Amiss]:
        links = {f"channel:{name}": self.marks.last(f"channel:{name}") for name in self.channels}
        if at_console := self.marks.last("console"):  # a centre may do without one
            links["console"] = at_console
        boxes = [one for one in self.board.reports() if one.is_box and one.canary_every_s]
        for box in boxes:
            latest = max((sent.get(box.origin, 0) for sent in links.values()), default=0)
            known = self._came.get(box.origin)
            if known is None or latest > known[0]:
                self._came[box.origin] = (latest, self.clock())
            yield from self._missing(box, links)

    def _missing(self, box: NoticeReport, links: dict[str, dict[str, int]]) -> Iterator[Amiss]:
        latest, came_at = self._came[box.origin]
        silent_s, name = self.clock() - came_at, box.origin.removeprefix("box:")
        if silent_s > box.canary_every_s + OUT_WITHIN_S:
            yield Amiss("canary_missed", name, "没有到达中心", box.place)
            return
        if silent_s > OUT_WITHIN_S:
            self._due[box.origin] = latest
        for link, sent in links.items():
            if sent.get(box.origin, 0) < self._due.get(box.origin, 0):
                yield Amiss("canary_missed", f"{name} {link.removeprefix('channel:')}", "该通道未通过", box.place)
