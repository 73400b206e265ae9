"""What leaves a box: no plate of a clear vehicle, and nothing in the clear to another machine."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from alerts.box_status import LanePassage, StatusBoard
from alerts.channels.base import ChannelSettings
from kakou.box.reporter import CameraReporter
from kakou.doctor.services import replication
from kakou.exit_codes import ExitCode
from kakou.links import open_links
from kakou.settings import Settings, SettingsError, load_settings
from kakou.wiring.box import Box
from kakou.wiring.embedded_redis import embedded_redis
from pipeline.settings import SourceSettings
from pipeline.types import ScreeningCounts
from riskdb.types import Permit
from tests.box_kit import small_box
from tests.commands import call_kakou
from tests.pipeline_kit import NOON, KeptEvents, ListedPlates, box_at, frames_of, make_screening, screened
from tests.plates import make_read

CHANNEL = '[[alerts.channel]]\nname = "a"\n'
OPEN_LINKS = {
    'redis_url = "redis://:secret@10.0.0.1:6379/0"': "10.0.0.1",
    'redis_url = "rediss://centre.example:6379?ssl_cert_reqs=none"': "centre.example",
    '[alerts]\nstream_url = "redis://kakou-box:secret@centre.example"': "centre.example",
    '[risk]\nlist_url = "redis://:secret@10.0.0.2:6379"': "10.0.0.2",
    CHANNEL + 'kind = "webhook"\nurl = "http://10.20.0.9/x"\nsecret_files = ["/etc/s"]': "10.20.0.9",
    CHANNEL + 'kind = "mqtt"\nhost = "broker.example"\ntls = false': "broker.example",
    '[console]\ndatabase_url = "postgresql+psycopg://u:secret@db.example/kakou"': "db.example",
    '[console]\ndatabase_url = "postgresql+psycopg://u:secret@/kakou?host=db.example&sslmode=prefer"': "db.example",
}
CLOSED_LINKS = [
    'redis_url = "rediss://:secret@10.0.0.1:6379/0"',
    'redis_url = "unix:///run/redis.sock"',
    'redis_url = "redis://localhost"',
    'redis_url = "redis://[::1]:6379"',
    '[alerts]\nstream_url = "redis://127.0.0.1:7000"',
    CHANNEL + 'kind = "webhook"\nurl = "https://a.example/x"\nsecret_files = ["/etc/s"]',
    CHANNEL + 'kind = "webhook"\nurl = "http://127.0.0.1:8080/x"\nsecret_files = ["/etc/s"]',
    CHANNEL + 'kind = "mqtt"\nhost = "broker.example"',
    '[console]\ndatabase_url = "postgresql+psycopg://u:secret@db.example/kakou?sslmode=verify-full"',
    '[console]\ndatabase_url = "postgresql+psycopg:///kakou?host=/run/postgresql"',
]


@pytest.fixture(autouse=True)
def _no_url_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("REDIS_URL", raising=False)


def config(folder: Path, text: str) -> Path:
    path = folder / "kakou.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", OPEN_LINKS)
def test_a_link_to_another_machine_without_tls_is_refused_unless_the_settings_allow_it_in_words(
    tmp_path: Path, text: str
):
    host = OPEN_LINKS[text]
    with pytest.raises(SettingsError, match="allow_unencrypted_links_to") as refused:
        load_settings(config(tmp_path, text))
    assert host in str(refused.value)
    assert "secret" not in str(refused.value)
    assert load_settings(config(tmp_path, f'allow_unencrypted_links_to = ["{host}"]\n{text}'))
    with pytest.raises(SettingsError):
        load_settings(config(tmp_path, f'allow_unencrypted_links_to = ["other.example"]\n{text}'))


@pytest.mark.parametrize("text", CLOSED_LINKS)
def test_a_link_that_is_protected_or_stays_on_this_machine_is_taken(tmp_path: Path, text: str):
    assert load_settings(config(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('redis_url = "redis://[x"', "redis_url"),
        ('redis_url = "rediss://centre.example:99999"', "redis_url"),
        ('[alerts]\nstream_url = "redis://:secret[@centre.example"', "stream_url"),
        ('[console]\ndatabase_url = "postgresql+psycopg://u:secret]@db.example/kakou"', "database_url"),
        (CHANNEL + 'kind = "webhook"\nurl = "https://[secret"\nsecret_files = ["/etc/s"]', "alerts.channel a: url"),
    ],
)
def test_an_address_that_is_none_is_named_and_not_printed(tmp_path: Path, text: str, named: str):
    with pytest.raises(SettingsError, match=f"{named}: 地址写得不对") as refused:
        load_settings(config(tmp_path, text))
    assert "secret" not in str(refused.value)


def test_a_channels_address_is_found_by_what_it_is_and_not_by_its_name():
    class Modem(ChannelSettings):
        gateway: str

    modem = Modem(name="m", gateway="http://10.0.0.7:80/sms")
    assert list(open_links(None, None, None, [modem])) == [("alerts.channel m: gateway", "10.0.0.7")]


def test_a_redis_of_the_environment_is_no_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDIS_URL", "redis://10.0.0.1")
    with pytest.raises(SettingsError, match=r"10\.0\.0\.1"):
        load_settings(config(tmp_path, ""))


def test_a_command_with_an_open_link_ends_with_the_exit_code_of_wrong_settings(tmp_path: Path):
    result = call_kakou("doctor", "--config", config(tmp_path, 'redis_url = "redis://10.0.0.1"'))
    assert result.exit_code == ExitCode.CONFIG
    assert "TLS" in result.stderr


def test_the_doctor_finds_a_list_that_comes_over_an_open_line(tmp_path: Path):
    settings = Settings(state_dir=tmp_path)
    with embedded_redis(tmp_path / "redis") as url, redis.Redis.from_url(url) as client:
        assert replication(settings, url)[0] == "ok"
        client.replicaof("192.0.2.7", "6379")
        verdict, says, to_do = replication(settings, url)
        assert (verdict, "192.0.2.7 复制名单没有 TLS" in says) == ("bad", True)
        assert "tls-replication" in to_do
        allowed = Settings(state_dir=tmp_path, allow_unencrypted_links_to=("192.0.2.7",))
        assert replication(allowed, url)[:2] == ("bad", "到中心 192.0.2.7 的复制尚未建立")
        client.replicaof("127.0.0.1", "6379")
        assert "没有 TLS" not in replication(settings, url)[1]
        client.replicaof("NO", "ONE")


@pytest.mark.parametrize(("is_down", "outcome"), [(False, "clear"), (True, "unchecked")])
def test_the_plate_of_a_vehicle_that_is_not_listed_never_leaves_the_box(
    tmp_path: Path, redis_url: str, is_down: bool, outcome: str
):
    box = Box.build(small_box(tmp_path, alerts={"stream_url": redis_url}), redis_url)
    source = SourceSettings(camera_id="cam-1", checkpoint="东门卡口", uri="x.mp4")
    reporter = CameraReporter(box, source, ScreeningCounts())
    scene = frames_of([[make_read("京A12345", box_at(200, 200))] for _ in range(8)])
    permit = Permit("370211000001", 0, 2_000_000_000, "", (), "蔬菜", "指挥部")
    screening = replace(make_screening(ListedPlates(is_down=is_down), KeptEvents()), permits=lambda: (permit,))
    [passage] = screened(scene, screening)
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as heard:
        heard.psubscribe("*")
        heard.get_message(timeout=5)
        reporter.passed(passage)
        while (message := heard.get_message(timeout=5)) and message["type"] != "pmessage":
            continue
    assert message is not None
    assert not any(word in message["data"].decode() for word in ("京A12345", "370211000001", "蔬菜"))
    lane = LanePassage.model_validate_json(message["data"])
    assert (lane.outcome, lane.text, lane.permit) == (outcome, "京A·1**45", None if is_down else "valid")
    reporter.close()


def test_a_console_shows_no_clear_plate_though_an_older_box_sends_it(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        passages = StatusBoard(client).passages(0.2)
        assert next(passages) is None
        text = f"""{{"camera_id":"a","checkpoint":"b","text":"京A12345","plate_class":"02","outcome":"clear",
            "passed_at":"{NOON.isoformat()}"}}"""
        sender = threading.Timer(0.05, lambda: client.publish("lane:a", text))
        sender.start()
        seen = next(each for each in passages if each is not None)
        sender.join()
    assert seen.text == "京A·1**45"
    flagged = seen.model_dump() | {"outcome": "flagged", "text": "京A12345"}
    assert LanePassage.model_validate(flagged).text == "京A12345"
