"""What a process tells of itself: metrics of one table, health that comes from work, a watchdog fed by it."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from alerts.delivery.delivery import Delivery
from alerts.outbox import Outbox
from kakou.box.canary_result import CanaryResult, keep_result, result_path
from kakou.box.counts import counts_path, save_counts
from kakou.box.processes import groups
from kakou.settings import Settings
from kakou.watch.box import counts_of
from kakou.watch.collectors import BoxCollector, ConsoleCollector, ListCollector, NoticeCollector
from kakou.watch.endpoint import OwnCollector, answer, told
from kakou.watch.health import Health, Pulse, WalkHealth
from kakou.watch.metrics_files import DASHBOARD, PAGE, RULES, dashboard, page, rules
from kakou.watch.metrics_table import METRICS
from pipeline.types import ScreeningCounts
from tests.alerts_kit import INVENTED_PLATE, NOON, event
from tests.commands import REPOSITORY
from tests.riskdb_kit import risk_rig


def names_in(registry: CollectorRegistry) -> set[str]:
    """Return the metrics of an exposition as the table calls them."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


def test_every_metric_is_in_the_table_and_every_row_is_served(
    tmp_path: Path, redis_url: str, redis_client: "redis.Redis"
):
    registry = CollectorRegistry()
    source = {"camera_id": "lane1", "checkpoint": "东门卡口", "uri": "rtsp://10.0.0.1/1"}
    channel = {"name": "platform", "kind": "file", "path": str(tmp_path / "out")}
    settings = Settings.model_validate({"state_dir": tmp_path, "source": [source], "alerts": {"channel": [channel]}})
    save_counts(counts_path(tmp_path, groups(settings)[0]), {"lane1": ScreeningCounts(frames=7, flagged=1)})
    keep_result(result_path(tmp_path), CanaryResult(sent_at=NOON))
    (tmp_path / "run" / "notices-box.json").write_text("[]")
    with risk_rig(tmp_path, redis_url) as rig, Outbox(tmp_path / "outbox.sqlite") as outbox:
        rig.travelled("鲁B00001")
        rig.declared()
        outbox.append(event())
        delivery = Delivery(settings.alerts, redis_client, outbox, lambda: NOON)
        for collector in (
            OwnCollector(Health), ListCollector(rig.hot_set), NoticeCollector(tmp_path / "run" / "notices-box.json"),
            BoxCollector(lambda: counts_of(settings), outbox, tmp_path), ConsoleCollector(lambda: 2, lambda: ""),
        ):  # fmt: skip
            registry.register(collector)
        text = generate_latest(registry).decode()
        served = names_in(registry) | names_in(delivery.registry)
    assert served - {metric.name for metric in METRICS} == set()
    # Of a channel that has delivered nothing there is no time of its last success.
    assert {metric.name for metric in METRICS} - served <= {"kakou_alerts_last_success_timestamp_seconds"}
    assert 'kakou_passages_total{camera="lane1",outcome="flagged"} 1.0' in text
    assert INVENTED_PLATE not in text
    assert event().event_id not in text


def test_dashboard_rules_and_page_are_made_from_the_table():
    for path, text in ((DASHBOARD, dashboard()), (RULES, rules()), (PAGE, page())):
        assert (REPOSITORY / path).read_text(encoding="utf-8") == text, "python -m kakou.watch.metrics_files"
    panels = json.loads(dashboard())["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) == len(METRICS) - 1
    names = [rule["alert"] for rule in yaml.safe_load(rules())["groups"][0]["rules"]]
    assert len(names) == len(set(names)) == len([one for one in METRICS if one.alert])


def test_a_camera_that_sends_and_is_not_screened_is_dead_and_a_lost_one_is_not():
    seconds, counts = [0.0], {"lane1": ScreeningCounts(), "lane2": ScreeningCounts()}
    walk = WalkHealth(lambda: counts, ("lane1", "lane2"), lambda: seconds[0])
    for _ in range(30):
        seconds[0] += 5.0
        counts["lane1"].frames += 125
        counts["lane2"].damage = "401"
        assert walk.look() == ()
    counts["lane2"].damage = None
    for _ in range(14):
        seconds[0] += 5.0
        counts["lane1"].frames += 125
        stuck = walk.look()
    assert [one.split(":")[0] for one in stuck] == ["lane2"]
    counts["lane2"].frames += 1
    assert walk.look() == ()


def test_a_pulse_that_stops_is_named():
    seconds = [0.0]
    pulse = Pulse("名单维护", 60.0, lambda: seconds[0])
    assert pulse.fault() == ""
    seconds[0] = 61.0
    assert pulse.fault() == "名单维护: 61 s"
    pulse.beat()
    assert pulse.fault() == ""


@pytest.mark.parametrize(
    ("health", "healthz", "readyz"),
    [(Health(), 200, 200), (Health(unready=("名单",)), 200, 503), (Health(dead=("lane1",)), 503, 503)],
)
def test_healthz_is_about_the_work_and_readyz_about_all(health: Health, healthz: int, readyz: int):
    registry = CollectorRegistry()
    assert answer("/healthz", lambda: health, registry)[0] == healthz
    status, _, body = answer("/readyz", lambda: health, registry)
    assert (status, json.loads(body)["unready"]) == (readyz, list(health.unready))
    assert answer("/other", lambda: health, registry)[0] == 404


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_real_process_serves_it_on_this_machine_alone():
    port = free_port()
    with told(port, lambda: Health(dead=("lane1: 90 s",))):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as metrics:
            assert "kakou_alive 0.0" in metrics.read().decode()
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz")
        assert "lane1" in caught.value.read().decode()
        caught.value.close()


def heard_by_systemd(folder: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Health]) -> list[str]:
    """Return the first three messages that systemd gets."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "60000")
        with told(0, ask):
            return [systemd.recv(1000).decode() for _ in range(3)]


def test_the_watchdog_is_fed_by_work_and_not_by_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert heard_by_systemd(tmp_path, monkeypatch, Health) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    (tmp_path / "notify").unlink()
    heard = heard_by_systemd(tmp_path, monkeypatch, lambda: Health(dead=("lane1: 90 s",)))
    assert heard == ["READY=1", "STATUS=lane1: 90 s", "STATUS=lane1: 90 s"]
