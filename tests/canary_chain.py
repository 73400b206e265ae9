"""A box and a centre whose canary a test can break at any link; only time is made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alerts.canary import CanaryEvent
from alerts.canary_marks import CanaryMarks
from alerts.channels.base import DeliveryError
from alerts.errors import OutboxError
from alerts.notices.board import NoticeBoard
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from kakou.box.canary import send_canary
from kakou.box.canary_result import CanaryResult
from kakou.watch.canary_look import NOTICES, ArrivedCanaryLook, SentCanaryLook
from kakou.watch.checks import Check
from ocr.types import BgrImage, PlateRead
from pipeline.settings import TrackSettings
from pipeline.walk.canary import CANARY_TEXT, CanarySink, CanaryWalk
from riskdb.match import MatchRule
from riskdb.settings import RiskSettings
from riskdb.types import ListedReasons, RiskDBError
from tests.alerts_scene import Scene
from tests.notice_machine import Machine
from tests.plates import make_read

EVERY_S = 600.0
ORIGIN = "box:kk07"


class Eyes:
    """A reader that sees the canary, or nothing."""

    is_blind = False

    def read(self, image: BgrImage, moved: object = None, *, follows: bool = False) -> list[PlateRead]:  # noqa: ARG002  the reader's signature
        assert image.shape == (540, 960, 3)
        return [] if self.is_blind else [make_read(CANARY_TEXT)]


class PaperList:
    """A valid list without anybody, or one that cannot be asked."""

    is_down = False

    def reasons_of(self, plates: Sequence[tuple[str, str]], _now: datetime) -> ListedReasons:
        if self.is_down:
            raise RiskDBError("the list cannot be asked")
        return ListedReasons(7, ((),) * len(plates))


class Probed:
    """A channel's far end, for its test path."""

    is_broken = False

    def probe(self) -> None:
        if self.is_broken:
            raise DeliveryError("HTTP 500")


@dataclass
class Chain:
    """A box and a centre with a canary, on a real outbox and a real Redis; only time is made."""

    machine: Machine
    scene: Scene
    eyes: Eyes = field(default_factory=Eyes)
    listed: PaperList = field(default_factory=PaperList)
    probed: Probed = field(default_factory=Probed)
    last: CanaryResult | None = None
    due: float = 0.0
    is_outbox_broken: bool = False
    has_relay: bool = True
    has_process: bool = True

    def __post_init__(self) -> None:
        machine = self.machine
        self.scene.channel.probe = self.probed.probe  # type: ignore[method-assign]  # notes that it was asked
        self.relay = Relay(machine.outbox, FlaggedStream(machine.client))
        sent = SentCanaryLook(lambda: self.last, machine.outbox, EVERY_S, (), machine.monotonic)
        board = NoticeBoard(machine.client)
        arrived = ArrivedCanaryLook(board, CanaryMarks(machine.client), ("tested",), machine.monotonic)
        machine.checks[:] = [Check(NOTICES, sent.look)]
        self.centre = Machine(machine.folder, machine.url, machine.client, Outbox(machine.folder / "centre.sqlite"))
        self.centre.checks[:] = [Check(NOTICES, arrived.look)]
        self.centre.watch.keeper.origin = "centre:a"
        machine.watch.canary_every_s = EVERY_S

    def append(self, event: object) -> bool:
        if self.is_outbox_broken:
            raise OutboxError("disk full")
        assert isinstance(event, CanaryEvent)
        return self.machine.outbox.append(event)

    def tick(self) -> None:
        """Let 30 s go by for everybody."""
        machine = self.machine
        if self.has_process and machine.seconds >= self.due:
            self.due = machine.seconds + EVERY_S
            walk = CanaryWalk(
                lambda: self.eyes, self.listed, MatchRule.of(RiskSettings()), CanarySink(self.append, ORIGIN),
                TrackSettings(), "东门卡口",
            )  # fmt: skip
            self.last = send_canary(walk, machine.outbox, machine.now)
        if self.has_relay:
            self.relay.step()
        self.scene.moment = machine.now()
        self.scene.step(2)
        machine.watch.step()
        self.centre.watch.step()
        machine.seconds += 30.0
        self.centre.seconds = machine.seconds

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds / 30.0)):
            self.tick()

    def amiss(self) -> tuple[set[str], set[str]]:
        """Return what box and centre say."""
        box, centre = self.machine.watch.keeper.active, self.centre.watch.keeper.active
        return {one.subject for one in box}, {one.subject for one in centre}
