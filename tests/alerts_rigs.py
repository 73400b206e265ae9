"""Each channel with a real far end, for the contract test and others."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pydantic import TypeAdapter

from alerts.channels.base import Channel, Surroundings
from alerts.channels.build import build_channel
from alerts.channels.egress import AllowList
from alerts.settings import AnyChannel
from tests.alerts_kit import NOON, wait_until
from tests.alerts_server import Answer, port_of, scripted_server, secret_file
from tests.feed_kit import MockCluster
from tests.mqtt_broker import mqtt_broker
from tests.viid_platform import USER, Platform

LINK_BASE = "https://console.example"
TOKEN = "token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Rig:
    """A channel, what arrived at its far end, and a way to break that end."""

    channel: Channel
    arrived: Callable[[], list[str]]
    break_it: Callable[[], None]


def built(allowed_ports: tuple[int, ...] = (443,), **settings: object) -> Channel:
    allow_list = AllowList([], ["127.0.0.1/32"], allowed_ports)
    parsed: AnyChannel = TypeAdapter(AnyChannel).validate_python({"name": "tested", "timeout_s": 2.0, **settings})
    return build_channel(parsed, Surroundings(LINK_BASE, allow_list, lambda: NOON))


@contextlib.contextmanager
def http_rig(**settings: object) -> Iterator[Rig]:
    with scripted_server() as server:
        channel = built((port_of(server),), url=server.url, **settings)

        def break_it() -> None:
            server.answer = lambda _: Answer(500)

        yield Rig(channel, lambda: [received.body.decode() for received in server.received], break_it)
        channel.close()


def webhook_rig(folder: Path, **more: object) -> contextlib.AbstractContextManager[Rig]:
    return http_rig(kind="webhook", secret_files=[secret_file(folder)], **more)


def bot_rig(kind: str, folder: Path) -> contextlib.AbstractContextManager[Rig]:
    return http_rig(kind=kind, token_file=secret_file(folder, TOKEN))


@contextlib.contextmanager
def file_rig(folder: Path) -> Iterator[Rig]:
    path = folder / "out" / "events.jsonl"
    channel = built(kind="file", path=path, full_payload=False)

    def break_it() -> None:
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)

    yield Rig(channel, lambda: path.read_text().splitlines(), break_it)


@contextlib.contextmanager
def lane_rig(folder: Path) -> Iterator[Rig]:
    heard, broken = folder / "heard", folder / "broken"
    script = (
        "import sys, pathlib; folder = pathlib.Path(sys.argv[1]); "
        "(folder / 'broken').exists() and sys.exit(3); open(folder / 'heard', 'a').write(sys.stdin.read())"
    )
    channel = built(kind="lane", command=[sys.executable, "-c", script, str(folder)])
    yield Rig(channel, lambda: heard.read_text().splitlines(), broken.touch)


@contextlib.contextmanager
def mqtt_rig(folder: Path) -> Iterator[Rig]:
    (folder / "password").write_text("p\n")
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(contextlib.ExitStack())
        port = broker.enter_context(mqtt_broker(folder))
        messages = stack.enter_context(subscriber(port))
        channel = built(
            (port,), kind="mqtt", host="127.0.0.1", port=port, tls=False, username="u",
            password_file=folder / "password",
        )  # fmt: skip
        stack.callback(channel.close)

        def arrived() -> list[str]:
            wait_until(lambda: bool(messages), what="a message from the broker")
            return messages

        yield Rig(channel, arrived, broker.close)


@contextlib.contextmanager
def subscriber(port: int) -> Iterator[list[str]]:
    messages: list[str] = []
    ready: list[object] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("u", "p")

    def subscribe(*_: object) -> None:
        client.subscribe("kakou/#", qos=1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.append(True)
    client.on_message = lambda _client, _userdata, message: messages.append(
        f"{message.topic} {message.payload.decode()}"
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(lambda: bool(ready), what="the subscription")
    yield messages
    client.disconnect()
    client.loop_stop()


@contextlib.contextmanager
def gat1400_rig(folder: Path) -> Iterator[Rig]:
    with scripted_server() as server:
        server.answer = Platform()
        channel = built(
            (port_of(server),), kind="gat1400", url=server.url, device_id="37021100002000000001", user=USER,
            secret_file=secret_file(folder, TOKEN),
        )  # fmt: skip

        def break_it() -> None:
            server.answer = lambda _: Answer(500)

        def arrived() -> list[str]:
            return [one.body.decode() for one in server.received if "/System/" not in one.path]

        yield Rig(channel, arrived, break_it)
        channel.close()


@contextlib.contextmanager
def kafka_rig(_folder: Path) -> Iterator[Rig]:
    cluster = MockCluster()
    port = int(cluster.address.rpartition(":")[2])
    channel = built((port,), kind="kafka", brokers=cluster.address, tls=False)

    def arrived() -> list[str]:
        return [value.decode() for value, _ in cluster.read("kakou.events", 1)]

    yield Rig(channel, arrived, cluster.stop)
    channel.close()


CHANNELS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Rig]]] = {
    "webhook": webhook_rig,
    "wecom": lambda folder: bot_rig("wecom", folder),
    "dingtalk": lambda folder: bot_rig("dingtalk", folder),
    "feishu": lambda folder: bot_rig("feishu", folder),
    "file": file_rig,
    "gat1400": gat1400_rig,
    "kafka": kafka_rig,
    "lane": lane_rig,
    "mqtt": mqtt_rig,
}
