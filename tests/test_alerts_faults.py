"""The quick form of `python -m bench.faults`: real processes, real kills."""

from collections.abc import Iterator

import pytest

from alerts.stream import FlaggedStream
from bench.fault_rig import PARTS, FaultRig

WITHIN_S = 90.0
"""Starting a process takes two seconds, on a machine that is overloaded half a minute."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultRig]:
    with FaultRig(tmp_path_factory.mktemp("rig"), events_per_s=25) as made:
        made.start(*PARTS)
        made.wait_until(lambda: len(made.received()) > 5, WITHIN_S, "the first deliveries")
        yield made


@pytest.mark.parametrize(
    "part", [part if part == "deliverer" else pytest.param(part, marks=pytest.mark.long) for part in PARTS]
)
def test_killing_any_process_loses_no_event_and_applies_none_twice(rig: FaultRig, part: str):
    rig.kill(part)
    before = len(rig.acknowledged())
    rig.start(part)
    rig.wait_until(lambda: len(rig.acknowledged()) > before + 20, WITHIN_S, "more events")
    wanted = set(rig.acknowledged())
    rig.wait_until(lambda: wanted <= set(rig.received()), WITHIN_S, "every event at the receiver")
    assert rig.applied_twice() == []


def test_events_wait_while_redis_is_down_and_then_come_in_order(rig: FaultRig):
    rig.kill("redis")
    before = len(rig.acknowledged())
    rig.wait_until(lambda: len(rig.acknowledged()) > before + 100, WITHIN_S, "a backlog")
    backlog = rig.acknowledged()
    rig.start("redis")
    rig.wait_until(lambda: set(backlog) <= set(rig.received()), WITHIN_S, "the backlog at the receiver")
    with rig.client() as client:
        streamed = [entry.event.event_id for entry in FlaggedStream(client).recent(100_000)]
    assert streamed[: len(backlog)] == backlog


def test_a_deliverer_that_is_told_to_stop_ends_cleanly(rig: FaultRig):
    assert rig.stop("deliverer") == 0
    rig.start("deliverer")
