"""The worker against a real Redis; the clock and the channel's far end are scripted."""

import logging
from collections.abc import Sequence

import pytest
import redis
from prometheus_client import generate_latest

from alerts.channels.base import DeliveryError
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.metrics import QueueCollector
from alerts.envelope import Event
from alerts.stream import STREAM_KEY, FlaggedStream
from tests.alerts_kit import INVENTED_PLATE, event, events
from tests.alerts_scene import Scene, accept, fail, ids


@pytest.fixture
def scene(redis_client: "redis.Redis") -> Scene:
    return Scene(redis_client)


def test_events_are_delivered_in_order_and_done(scene: Scene):
    scene.flag(*events(3))
    scene.step(3)
    assert scene.channel.delivered == ids(*events(3))
    assert scene.state().waiting == 0
    assert scene.state().delivered == 3


@pytest.mark.parametrize("error", [ValueError, KeyError, OSError, RecursionError, ZeroDivisionError])
def test_whatever_a_channel_raises_is_a_failed_try_and_tells_no_plate(
    scene: Scene, error: type[Exception], caplog: pytest.LogCaptureFixture
):
    def break_down(batch: Sequence[Event]) -> None:
        raise error(batch[0].summary)

    scene.channel.script = break_down
    scene.flag(event())
    with caplog.at_level(logging.DEBUG):
        scene.step()
    assert error.__name__ in scene.state().last_error
    assert scene.state().retrying == 1
    assert INVENTED_PLATE not in caplog.text + scene.state().last_error


def test_one_bad_event_does_not_hold_up_the_others(scene: Scene):
    def refuse_first(batch: Sequence[Event]) -> None:
        if batch[0].event_id == event(0).event_id:
            raise DeliveryError("HTTP 400")

    scene.channel.script = refuse_first
    scene.flag(*events(5))
    scene.pass_time(4.0)
    assert scene.channel.delivered == ids(*events(5)[1:])
    assert scene.state().retrying == 1


def test_levels_that_a_channel_does_not_want_and_replays_are_passed_over(redis_client: "redis.Redis"):
    scene = Scene(redis_client, levels=("hit",))
    scene.flag(event(0, level="possible"), event(1), event(2).model_copy(update={"replayed": True}))
    scene.step(3)
    assert scene.channel.delivered == ids(event(1))
    assert scene.state().waiting == 0


def test_a_digest_is_one_delivery_of_many_events(scene: Scene):
    scene.channel.batch_limit = 200
    scene.flag(*events(30))
    scene.step()
    assert scene.channel.tried == [ids(*events(30))]
    assert scene.registry.get_sample_value("kakou_alerts_digested_total", {"channel": "tested"}) == 30


def test_a_channel_at_its_limit_is_left_alone_until_it_is_ready(scene: Scene):
    scene.channel.rest_s = 42.0
    scene.flag(event())
    assert scene.worker.step() == 42.0
    assert scene.channel.tried == []


def test_what_was_under_way_when_the_deliverer_died_is_delivered_after_its_restart(scene: Scene):
    scene.flag(*events(3))
    scene.queue.take(3, 0, 0)
    scene.queue.adopt(0, is_start=True)
    scene.worker = scene.new_worker()
    scene.step(3)
    assert scene.channel.delivered == ids(*events(3))


def test_what_another_box_died_with_is_claimed(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    scene.flag(event())
    ChannelQueue(scene.client, "tested", "box-that-died").take(1, 0, 0)
    monkeypatch.setattr("alerts.delivery.channel_queue.CLAIM_IDLE_MS", 0)
    assert scene.queue.adopt(0) == 1
    scene.step()
    assert scene.channel.delivered == ids(event())


def test_a_malformed_event_goes_to_the_dead_letters_and_the_next_one_is_delivered(scene: Scene):
    scene.client.xadd(STREAM_KEY, {"event": b"\x00nonsense"})
    scene.flag(event())
    scene.step(2)
    assert scene.channel.delivered == ids(event())
    assert len(FlaggedStream(scene.client).dead()) == 1


def test_an_entry_deleted_by_hand_does_not_stop_the_worker(scene: Scene):
    scene.channel.script = fail
    scene.flag(event(0))
    scene.step()
    scene.client.xtrim(STREAM_KEY, maxlen=0, approximate=False)
    scene.channel.script = accept
    scene.flag(event(1))
    scene.pass_time(20.0)
    assert scene.channel.delivered == ids(event(1))
    assert scene.state().waiting == 0


def test_a_wiped_redis_does_not_stop_the_worker(scene: Scene):
    scene.client.flushall()
    scene.flag(event())
    scene.step(2)
    assert scene.channel.delivered == ids(event())


def test_metrics_tell_the_queue_and_no_plate(scene: Scene):
    scene.registry.register(QueueCollector(scene.client, ["tested"], None))
    scene.flag(*events(2))
    scene.step()
    text = generate_latest(scene.registry).decode()
    assert 'kakou_alerts_waiting{channel="tested"} 1.0' in text
    assert 'kakou_alerts_deliveries_total{channel="tested",outcome="delivered"} 1.0' in text
    assert 'kakou_alerts_source_up{source="stream"} 1.0' in text
    assert INVENTED_PLATE not in text
    assert event().event_id not in text


def test_a_forgotten_channel_no_longer_holds_the_stream(scene: Scene):
    scene.flag(*events(2))
    scene.queue.forget()
    assert FlaggedStream(scene.client).groups() == []
