import json
from datetime import timedelta, timezone

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from alerts.envelope import MAX_EVENT_BYTES, to_cloudevent
from alerts.errors import EventError
from alerts.flagged import FlaggedEvent, make_event_id
from alerts.kinds import from_cloudevent
from tests.alerts_kit import ID_KEY, INVENTED_PLATE, NOON, event


def test_an_event_comes_back_from_its_envelope_unchanged():
    assert from_cloudevent(to_cloudevent(event())) == event()


def test_the_envelope_is_read_by_the_cloudevents_package():
    message = HTTPMessage({"content-type": "application/cloudevents+json"}, to_cloudevent(event()))
    envelope = from_structured_event(message)
    assert envelope.get_type() == FlaggedEvent.event_type
    assert envelope.get_id() == event().event_id
    assert envelope.get_time() == event().decided_at
    assert envelope.get_source() == "/checkpoints/%E4%B8%9C%E9%97%A8%E5%8D%A1%E5%8F%A3/cameras/cam-1"


def test_the_same_passage_has_the_same_id_and_another_passage_another():
    assert event(1).event_id == event(1).event_id
    assert event(1).event_id != event(2).event_id
    assert event(1).event_id != event(1, camera_id="cam-2").event_id


def test_an_id_cannot_be_made_without_the_key():
    ours = make_event_id("cam-1", NOON, "02", INVENTED_PLATE, ID_KEY)
    assert ours != make_event_id("cam-1", NOON, "02", INVENTED_PLATE, b"some other key of 32 bytes long.")
    with pytest.raises(ValueError, match="16 or more"):
        make_event_id("cam-1", NOON, "02", INVENTED_PLATE, b"short")


def test_a_key_that_was_changed_many_times_still_makes_ids():
    ids = {make_event_id("cam-1", NOON, "02", INVENTED_PLATE, ID_KEY * parts) for parts in (1, 2, 3, 20)}
    assert len(ids) == 4
    assert all(len(one) == 32 for one in ids)


def test_times_travel_in_utc_whatever_offset_they_came_with():
    local = event().model_copy(update={"captured_at": NOON.astimezone(timezone(timedelta(hours=8)))})
    back = from_cloudevent(to_cloudevent(local))
    assert back.happened_at.utcoffset() == timedelta(0)
    assert back.happened_at == NOON


def _document(**changes: object) -> bytes:
    return json.dumps(json.loads(to_cloudevent(event())) | changes).encode()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "不是 JSON"),
        (b"\xff\xfe", "不是 JSON"),
        (b"[" * 20_000, "不是 JSON"),
        (b"null", "不是 CloudEvents 1.0 文档"),
        (_document(specversion="0.3"), "不是 CloudEvents 1.0 文档"),
        (_document(type="cn.kakou.vehicle.flagged.v2"), "没有这种事件"),
        (_document(id="0" * 32), "编号与信封的不同"),
        (_document(source=7), "信封不对"),
        (_document(data=None), "字段不对"),
        (_document(data={**json.loads(to_cloudevent(event()))["data"], "extra": 1}), "字段不对：extra"),
        (_document(data={**json.loads(to_cloudevent(event()))["data"], "probability": 1.5}), "字段不对：prob"),
        (b" " * (MAX_EVENT_BYTES + 1), "最多"),
    ],
)
def test_what_is_no_event_of_this_version_is_refused_with_a_reason(body: bytes, complaint: str):
    with pytest.raises(EventError, match=complaint):
        from_cloudevent(body)


def test_a_refusal_never_tells_the_plate():
    data = json.loads(to_cloudevent(event()))["data"] | {"level": INVENTED_PLATE, "confidence": INVENTED_PLATE}
    with pytest.raises(EventError) as refusal:
        from_cloudevent(_document(data=data))
    assert INVENTED_PLATE not in str(refusal.value)
