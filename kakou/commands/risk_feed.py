"""`kakou risk feed`: travel records from Kafka topics, as they come."""

import threading
from functools import partial
from typing import TYPE_CHECKING

import typer

from kakou.commands.risk_output import Config, messages
from kakou.process import stop_on_signals
from kakou.settings import Settings, SettingsError, load_settings
from kakou.sunset.guard import until_sunset
from kakou.wiring.redis import open_redis
from kakou.wiring.risk import open_keeper
from riskdb.settings import KafkaSettings
from riskdb.types import RiskDBError

if TYPE_CHECKING:
    from riskdb.feed.kafka import KafkaBridge


def add_feed_command(app: typer.Typer) -> None:
    app.command("feed")(feed)


def feed(config: Config = None) -> None:
    """Carry the topics of `[[risk.kafka]]` into the list until stopped; a record counts at the boxes within seconds.

    What was taken is noted in the record together with the rows: after a crash nothing is lost and nothing counts
    twice. Records that cannot be read go to the dead-letter topic. Needs the extra `kafka`.

    Example: `kakou risk feed --config kakou.toml`
    """
    settings, stop = load_settings(config), stop_on_signals()
    if not settings.risk.kafka:
        raise SettingsError("[[risk.kafka]] 没有设置：写明 brokers、topic 和 feed，见 docs/risk.md")
    failures: list[RiskDBError] = []
    with until_sunset(settings, stop), open_redis(settings) as url:
        work = [partial(_carry, _bridge(settings, url, topic), stop, failures) for topic in settings.risk.kafka]
        threads = [threading.Thread(target=each, name=f"feed-{number}") for number, each in enumerate(work)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _bridge(settings: Settings, url: str, topic: KafkaSettings) -> "KafkaBridge":
    # An extra: only who reads topics needs it.
    try:
        from riskdb.feed.kafka import KafkaBridge, KeeperStore
    except ImportError as error:
        raise SettingsError("[[risk.kafka]] 缺少 Kafka 客户端：pip install 'kakou[kafka]'") from error
    source = next(one for one in settings.risk.feed if one.name == topic.feed)
    store = KeeperStore(lambda: open_keeper(settings, url))
    told = messages()
    told.print(f"正在读取 Kafka 主题 {topic.topic}（{topic.brokers}），Ctrl-C 停止", markup=False)
    return KafkaBridge(topic, source, store, lambda text: told.print(text, soft_wrap=True, markup=False))


def _carry(bridge: "KafkaBridge", stop: threading.Event, failures: list[RiskDBError]) -> None:
    try:
        bridge.run(stop)
    except RiskDBError as error:
        failures.append(error)
        stop.set()
