"""What it takes to add a channel or a kind of event: a toy of each, in a copy of the packages."""

from pathlib import Path

import pytest

from tests.doors import copy_of_the_packages, run_in

TOY_CHANNEL = '''\
"""A text message by a modem: a toy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alerts.channels.base import Channel, ChannelKind, ChannelSettings, DeliveryError, Surroundings
from alerts.channels.payload import chat_line
from alerts.envelope import Event


class SmsSettings(ChannelSettings):
    kind: Literal["sms"]
    """A modem of the box."""
    outgoing: Path
    """The modem's folder of messages to send."""


class SmsChannel:
    parallel = 1
    batch_limit = 1

    def __init__(self, settings: SmsSettings, link_base: str) -> None:
        self.name, self._outgoing, self._link_base = settings.name, settings.outgoing, link_base

    def ready_in_s(self) -> float:
        return 0.0

    def deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            (self._outgoing / event.event_id).write_text(chat_line(event, self._link_base))

    def probe(self) -> None:
        if not self._outgoing.is_dir():
            raise DeliveryError("the modem's folder is missing")

    def close(self) -> None:
        pass


def _build(settings: SmsSettings, around: Surroundings) -> Channel:
    return SmsChannel(settings, around.link_base)


CHANNEL = ChannelKind("Text message", SmsSettings, _build)
'''

TOY_KIND = '''\
"""A barrier that stays open: a toy."""

from datetime import datetime

from alerts.envelope import Event, EventId, Name, Payload, UtcDatetime


class BarrierNotice(Payload):
    event_type = "cn.kakou.barrier.open.notice.v1"
    schema_uri = "urn:kakou:barrier-notice:1"

    event_id: EventId
    link: str


class BarrierEvent(Event):
    """A barrier that stays open."""

    event_type = "cn.kakou.barrier.open.v1"
    schema_uri = "urn:kakou:barrier:1"
    kind = "barrier"
    thin_model = BarrierNotice

    checkpoint: Name
    opened_at: UtcDatetime
    source = property(lambda self: f"/checkpoints/{self.checkpoint}")
    made_at = property(lambda self: self.opened_at)
    happened_at = property(lambda self: self.opened_at)
    place = property(lambda self: self.checkpoint)
    word = property(lambda self: "道闸未落")
    masked = property(lambda self: "")
    summary = property(lambda self: "道闸未落")

    def thin(self, link: str) -> BarrierNotice:
        return BarrierNotice(event_id=self.event_id, link=link)
'''

USE_CHANNEL = """
from datetime import UTC, datetime
from pathlib import Path
from alerts.channels.build import build_channels
from alerts.channels.finding import channel_kinds
from kakou.settings import load_settings
from kakou.settings_doc import render
from tests.alerts_kit import INVENTED_PLATE, event

assert '[[alerts.channel]] kind = "sms"' in render() and "folder of messages to send" in render()
assert "sms" in channel_kinds()
config = Path("kakou.toml")
config.write_text('[[alerts.channel]]\\nname = "modem"\\nkind = "sms"\\noutgoing = "."\\n')
settings = load_settings(config)
assert type(settings).model_validate_json(settings.model_dump_json(by_alias=True)) == settings
[channel] = build_channels(settings.alerts, lambda: datetime.now(UTC))
channel.deliver([event()])
said = Path(event().event_id).read_text()
assert "东门卡口" in said and INVENTED_PLATE not in said
config.write_text('[[alerts.channel]]\\nname = "modem"\\nkind = "sms"\\noutgoing = "."\\ncolour = 1\\n')
try:
    load_settings(config)
except Exception as error:
    assert "kakou.toml:5: alerts.channel.0.colour: 没有这个设置" in str(error), error
else:
    raise AssertionError("an unknown key was taken")
"""

USE_KIND = """
import json
from datetime import UTC, datetime
from pathlib import Path
from alerts.barrier import BarrierEvent
from alerts.entries import StreamEntry
from alerts.channels.base import ChannelSettings
from alerts.channels.bot import message_of
from alerts.channels.payload import envelope_of
from alerts.envelope import deterministic_id, to_cloudevent
from alerts.kinds import from_cloudevent
from alerts.outbox import Outbox
from alerts.schema import schema_text
from console.situation.feed import EventFeed
from kakou.commands.events import event_row

now = datetime(2026, 11, 24, 4, tzinfo=UTC)
event_id = deterministic_id(["barrier", "东门卡口"], b"k" * 16)
opened = BarrierEvent(event_id=event_id, checkpoint="东门卡口", opened_at=now)
with Outbox(Path("outbox.sqlite")) as outbox:
    assert outbox.append(opened) and not outbox.append(opened)
    assert from_cloudevent(outbox.after(0, 1)[0].body) == opened
assert BarrierEvent.event_type in json.loads(schema_text())
assert "东门卡口  道闸未落" in event_row(opened)
assert "道闸未落 2" in message_of([opened, opened], "")[1]
thin = json.loads(envelope_of(opened, full_payload=False, link_base="https://console.example"))
assert thin["data"] == {"event_id": opened.event_id, "link": f"https://console.example/events/{opened.event_id}"}
assert not ChannelSettings(name="a").wants(opened)
assert ChannelSettings(name="a", kinds=("barrier",)).wants(opened)


class Entries:
    def __init__(self):
        self.waiting, self.acked = [StreamEntry("1-0", opened)], []

    def unacked(self, count):
        return self.waiting

    def ack(self, *entries):
        self.acked += entries
        self.waiting = []


for readers, stored in (({"barrier": lambda events, now: [len(events)]}, [1]), ({}, [])):
    touched, entries = [], Entries()
    EventFeed(entries, readers, touched.extend, lambda: now, False, lambda: 0).step()
    assert (touched, len(entries.acked)) == (stored, 1), "a kind that the console does not know is passed over"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of_the_packages(tmp_path)


def test_a_channel_is_one_file_and_no_other_line(tree: Path):
    (tree / "alerts" / "channels" / "sms.py").write_text(TOY_CHANNEL, encoding="utf-8")
    run_in(tree, USE_CHANNEL)
    assert len(TOY_CHANNEL.splitlines()) < 50


def test_a_kind_of_event_is_one_file_and_one_row(tree: Path):
    (tree / "alerts" / "barrier.py").write_text(TOY_KIND, encoding="utf-8")
    table = tree / "alerts" / "kinds.py"
    before = table.read_text(encoding="utf-8")
    row = before.replace("(FlaggedEvent,", "(FlaggedEvent, BarrierEvent,")
    table.write_text(
        row.replace("from alerts.envelope", "from alerts.barrier import BarrierEvent\nfrom alerts.envelope", 1)
    )
    assert row != before
    run_in(tree, USE_KIND)
    assert len(TOY_KIND.splitlines()) < 50
