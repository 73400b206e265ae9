import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alerts.channels.base import DeliveryError
from alerts.channels.lane import LaneChannel, LaneSettings
from alerts.delivery.lane_worker import POLL_S, TRY_AGAIN_S, LaneWorker
from alerts.delivery.metrics import DeliveryMetrics
from alerts.flagged import FlaggedEvent
from alerts.outbox import Outbox
from tests.alerts_kit import NOON, event


class Lane:
    """A lane alert on an outbox, with a clock; there is no Redis anywhere."""

    def __init__(self, folder: Path) -> None:
        self.heard, self.silence = folder / "heard", folder / "silence"
        script = (
            "import sys, pathlib; heard, silence = map(pathlib.Path, sys.argv[1:]); silence.exists() and sys.exit(1); "
            "open(heard, 'a').write(sys.stdin.read())"
        )
        self.settings = LaneSettings(
            name="lane", kind="lane", command=(sys.executable, "-c", script, str(self.heard), str(self.silence))
        )
        self.moment = NOON
        self.outbox = Outbox(folder / "outbox.sqlite", now=lambda: self.moment)
        self.worker = self.new_worker()

    def new_worker(self) -> LaneWorker:
        metrics = DeliveryMetrics(CollectorRegistry())
        return LaneWorker(self.outbox, LaneChannel(self.settings), self.settings, metrics, lambda: self.moment)

    def announced(self) -> int:
        return len(self.heard.read_text().splitlines()) if self.heard.exists() else 0


@pytest.fixture
def lane(tmp_path: Path):
    made = Lane(tmp_path)
    yield made
    made.outbox.close()


def test_the_lane_alert_sounds_without_any_redis(lane: Lane):
    lane.outbox.append(event())
    assert lane.worker.step() == 0.0
    assert lane.announced() == 1
    assert lane.worker.step() == POLL_S


def test_an_event_is_announced_once_over_a_restart(lane: Lane):
    lane.outbox.append(event())
    lane.worker.step()
    lane.worker = lane.new_worker()
    lane.worker.step()
    assert lane.announced() == 1


def test_a_command_that_fails_is_tried_again_while_the_car_is_there(lane: Lane):
    lane.silence.touch()
    lane.outbox.append(event())
    assert lane.worker.step() == TRY_AGAIN_S
    lane.silence.unlink()
    lane.worker.step()
    assert lane.announced() == 1


def test_an_event_whose_car_has_left_is_passed_over(lane: Lane):
    lane.outbox.append(event())
    lane.moment += timedelta(minutes=3)
    lane.worker.step()
    assert lane.announced() == 0
    assert lane.worker.step() == POLL_S


def test_a_replayed_event_is_not_announced(lane: Lane):
    lane.outbox.append(event().model_copy(update={"replayed": True}))
    lane.worker.step()
    assert lane.announced() == 0


def test_the_lane_alert_does_not_move_the_relays_place(lane: Lane):
    lane.outbox.append(event())
    lane.worker.step()
    assert lane.outbox.pending_count() == 1


@pytest.mark.parametrize("command", [("/nowhere/at/all",), ("tail", "-f", "/dev/null")])
def test_a_command_that_cannot_run_or_hangs_is_a_failure(command: Sequence[str]):
    settings = LaneSettings(name="lane", kind="lane", command=tuple(command), timeout_s=0.2)
    flagged: FlaggedEvent = event()
    with pytest.raises(DeliveryError, match="车道命令"):
        LaneChannel(settings).deliver([flagged])
