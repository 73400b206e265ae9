"""Where people learn of a notice: a channel of the centre, the banner of its screen, and the page 异常提醒."""

import atexit
import functools
import html
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import redis
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.channels.file import FileChannel, FileSettings
from alerts.delivery.channel_queue import ChannelQueue
from alerts.delivery.metrics import DeliveryMetrics
from alerts.delivery.worker import ChannelWorker
from alerts.notice import NoticeEvent
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from console.parts import Console
from console.types import Role
from console.web.app import create_app
from tests.alerts_kit import NOON
from tests.console_kit import client_of, make_account, open_console

STEPS = 20
"""More than canaries and vehicles stand in the stream before a notice."""


class Onlookers:
    """A real relay, stream and channel, and the console that everybody of this process looks at."""

    def __init__(self, folder: Path, url: str, client: "redis.Redis", outbox: Outbox) -> None:
        self._told = folder / "told.jsonl"
        self._url = url
        self._relay = Relay(outbox, FlaggedStream(client))
        settings = FileSettings(kind="file", name="onlookers", kinds=("notice",), path=self._told)
        queue, metrics = ChannelQueue(client, settings.name, "a"), DeliveryMetrics(CollectorRegistry())
        self._worker = ChannelWorker(FileChannel(settings, ""), queue, settings, metrics, now=lambda: NOON)
        self._worker.step()

    def see(self, said: Sequence[NoticeEvent]) -> None:
        """Hold that the channel told each in its words, and that screen and page show it, or its end, now."""
        self._relay.step()
        for _ in range(STEPS):
            self._worker.step()
        lines = [json.loads(line) for line in self._told.read_text(encoding="utf-8").splitlines()]
        told = {line["event_id"]: (line["phase"], line["title"], line["to_do"]) for line in lines}
        banner, active, ended = looked_at(self._url)
        for one in said:
            assert told[one.event_id] == (one.phase, one.title, one.to_do)
            if one.phase == "begun":
                assert one.title in banner
                shown = (one.checkpoint, one.subject, one.title, one.detail, one.to_do)
                assert [word for word in shown if word not in active] == []
            else:
                assert one.title not in banner + active
                assert one.title in ended


def looked_at(url: str) -> tuple[str, str, str]:
    """Return the words of the banner, and of the page what is amiss and what is over."""
    console, officer = _office(url)
    page = officer.get("/notices")
    assert page.status_code == 200
    active, ended = html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split("近两天已恢复")
    return console.notices.banner().text, active, ended


@functools.cache
def _office(url: str) -> tuple[Console, TestClient]:
    folder = Path(tempfile.mkdtemp(prefix="kakou-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    console = open_console(folder, redis.Redis.from_url(url), lambda: datetime.now(UTC))
    make_account(console, "officer", Role.OFFICER)
    return console, client_of(create_app(console), console, "officer")
