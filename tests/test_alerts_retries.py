"""When a failed delivery is tried again, against a real Redis and a scripted clock."""

import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest
import redis

from alerts.channels.base import DeliveryError
from alerts.delivery.schedule import RETRY_DELAYS_S
from alerts.envelope import Event
from alerts.stream import FlaggedStream
from tests.alerts_kit import event, events
from tests.alerts_scene import Scene, accept, fail, ids


@pytest.fixture
def scene(redis_client: "redis.Redis") -> Scene:
    return Scene(redis_client)


def test_a_failed_event_is_tried_again_by_the_schedule_and_then_given_up_visibly(scene: Scene):
    scene.channel.script = fail
    scene.flag(event())
    tries: list[float] = []
    while not FlaggedStream(scene.client).dead():
        scene.worker.step()
        waiting = scene.queue.take_probe()
        if not waiting or waiting[0].failures > len(tries):
            tries.append(scene.moment.timestamp())
        scene.moment += timedelta(minutes=6)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(tries) == len(RETRY_DELAYS_S) + 1
    assert all(planned <= gap <= planned + 720 for planned, gap in zip(RETRY_DELAYS_S, gaps, strict=True))
    [letter] = FlaggedStream(scene.client).dead()
    assert (letter.group, letter.event_id) == ("channel:tested", event().event_id)
    assert "HTTP 500" in letter.reason
    assert scene.state().waiting == 0


def test_a_retried_dead_letter_is_delivered(scene: Scene):
    scene.channel.script = fail
    scene.flag(event())
    scene.step()
    [one] = scene.queue.take(1, 10**15, 0)
    scene.queue.bury(one, 0, "by hand")
    scene.channel.script = accept
    stream = FlaggedStream(scene.client)
    assert stream.revive(stream.dead()[0].dead_id)
    scene.moment += timedelta(minutes=1)
    scene.step()
    assert scene.channel.delivered == ids(event())


def test_ten_minutes_of_500_hammer_nothing_and_lose_nothing(scene: Scene):
    scene.channel.script = fail
    for number in range(600):
        scene.flag(event(number))
        scene.pass_time(1.0)
    assert len(scene.channel.tried) <= 25
    scene.channel.script = accept
    scene.moment += timedelta(seconds=80)
    scene.step(620)
    assert sorted(scene.channel.delivered) == sorted(ids(*events(600)))
    assert scene.state().waiting == 0
    assert FlaggedStream(scene.client).dead() == []


def test_what_failed_in_an_outage_is_not_kept_waiting_after_it(scene: Scene):
    scene.channel.script = fail
    scene.flag(*events(3))
    scene.pass_time(30.0)
    scene.channel.script = accept
    scene.pass_time(301.0, every_s=1.0)
    assert sorted(scene.channel.delivered) == sorted(ids(*events(3)))


def test_a_probe_that_fails_costs_the_event_no_try(scene: Scene):
    scene.channel.script = fail
    scene.flag(event())
    scene.pass_time(3 * 3600.0, every_s=20.0)
    [one] = scene.queue.take_probe()
    assert one.failures == 5
    assert 5 < len(scene.channel.tried) <= 3 * 12 + 5


def test_retry_after_is_honoured(scene: Scene):
    def slow_down(_: Sequence[Event]) -> None:
        raise DeliveryError("HTTP 429", retry_after_s=90.0)

    scene.channel.script = slow_down
    scene.flag(*events(2))
    scene.pass_time(89.0)
    assert len(scene.channel.tried) == 1
    scene.channel.script = accept
    scene.pass_time(5.0)
    assert len(scene.channel.delivered) == 2


def test_410_switches_the_channel_off_visibly_and_events_go_to_the_dead_letters(scene: Scene):
    def gone(_: Sequence[Event]) -> None:
        raise DeliveryError("HTTP 410", is_gone=True)

    scene.channel.script = gone
    scene.flag(*events(3))
    scene.pass_time(5.0)
    assert len(scene.channel.tried) == 1
    assert "410" in scene.state().disabled
    assert len(FlaggedStream(scene.client).dead()) == 3


def test_a_channel_that_was_switched_on_again_delivers(scene: Scene):
    scene.queue.disable("410")
    scene.flag(event(0))
    scene.step()
    scene.queue.enable()
    scene.flag(event(1))
    scene.step()
    assert scene.channel.delivered == ids(event(1))


def test_a_restart_keeps_the_schedule_of_what_waits(scene: Scene):
    scene.channel.script = fail
    scene.flag(event())
    scene.step()
    scene.queue.adopt(round(scene.moment.timestamp() * 1000), is_start=True)
    scene.channel.script = accept
    scene.worker = scene.new_worker()
    scene.step()
    assert scene.channel.delivered == []
    scene.moment += timedelta(seconds=6)
    scene.step()
    assert scene.channel.delivered == ids(event())


def test_an_event_that_always_fails_among_good_ones_is_given_up_by_the_schedule_and_no_sooner(scene: Scene):
    bad = event(5000)

    def refuse_one(batch: Sequence[Event]) -> None:
        if bad.event_id in ids(*batch):
            raise DeliveryError("HTTP 404")

    scene.channel.script = refuse_one
    scene.flag(bad)
    good = events(400)
    for one in good:
        scene.flag(one)
        scene.pass_time(5.0, every_s=1.0)
    assert sorted(scene.channel.delivered) == sorted(ids(*good))
    assert FlaggedStream(scene.client).dead() == []
    [waiting] = scene.queue.take_probe()
    assert waiting.failures == 3  # at once, after 5 s, after 5 min; the next one is due after 30 min
    assert len([one for one in scene.channel.tried if bad.event_id in one]) <= 2 * 3 + 1


def test_the_first_success_after_a_restart_brings_forward_what_waits(scene: Scene):
    scene.channel.script = fail
    scene.flag(event(0))
    scene.pass_time(600.0, every_s=1.0)
    scene.channel.script = accept
    scene.worker = scene.new_worker()
    scene.flag(event(1))
    scene.pass_time(2.0)
    assert sorted(scene.channel.delivered) == sorted(ids(event(0), event(1)))
