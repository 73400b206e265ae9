"""`kakou events` and `kakou deliver` as a person types them."""

import json
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from alerts.delivery.channel_queue import ChannelQueue
from alerts.envelope import to_cloudevent
from alerts.stream import STREAM_KEY, FlaggedStream
from kakou.commands import deliver as deliver_cli
from kakou.commands import events as events_cli
from kakou.exit_codes import ExitCode
from kakou.main import app
from tests.alerts_kit import INVENTED_PLATE, event, events
from tests.alerts_server import secret_file


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> list[str]:
    return _config(tmp_path, f'redis_url = "{redis_url}"\n')


def _config(folder: Path, text: str) -> list[str]:
    path = folder / "kakou.toml"
    path.write_text(f'state_dir = "{folder}/var"\n{text}')
    return ["--config", str(path)]


def flag(client: "redis.Redis", count: int) -> None:
    for one in events(count):
        client.xadd(STREAM_KEY, {"event_id": one.event_id, "event": to_cloudevent(one)})


def bury_one(client: "redis.Redis") -> str:
    flag(client, 1)
    queue = ChannelQueue(client, "platform", "box-1")
    queue.take(1, 0, 0)
    [one] = queue.take(1, 0, 0)
    queue.bury(one, 0, "given up after 10 tries: HTTP 500")
    return FlaggedStream(client).dead()[0].dead_id


def test_events_show_what_a_person_needs(config: list[str], redis_client: "redis.Redis"):
    flag(redis_client, 2)
    shown = CliRunner().invoke(events_cli.app, config)
    assert shown.exit_code == ExitCode.OK
    lines = shown.stdout.splitlines()
    assert len(lines) == 2
    for part in ("东门卡口", INVENTED_PLATE, "小型汽车", "命中", "P=0.93", event().why):
        assert part in lines[0]


def test_events_as_json_are_one_object_a_line(config: list[str], redis_client: "redis.Redis"):
    flag(redis_client, 3)
    shown = CliRunner().invoke(events_cli.app, [*config, "--json", "-n", "2"])
    assert [json.loads(line)["event_id"] for line in shown.stdout.splitlines()] == [
        one.event_id for one in events(3)[1:]
    ]


def test_no_events_print_nothing(config: list[str]):
    shown = CliRunner().invoke(events_cli.app, config)
    assert (shown.exit_code, shown.stdout) == (ExitCode.OK, "")


def test_dead_letters_are_shown_and_are_a_finding(config: list[str], redis_client: "redis.Redis"):
    dead_id = bury_one(redis_client)
    shown = CliRunner().invoke(events_cli.app, ["dead", "--json", *config])
    assert shown.exit_code == ExitCode.FINDINGS
    row = json.loads(shown.stdout)
    assert (row["dead_id"], row["group"]) == (dead_id, "channel:platform")
    assert "HTTP 500" in row["reason"]


def test_no_dead_letters_are_no_finding(config: list[str]):
    assert CliRunner().invoke(events_cli.app, ["dead", *config]).exit_code == ExitCode.OK


def test_a_dead_letter_is_sent_again(config: list[str], redis_client: "redis.Redis"):
    dead_id = bury_one(redis_client)
    assert CliRunner().invoke(events_cli.app, ["retry", dead_id, *config]).exit_code == ExitCode.OK
    assert FlaggedStream(redis_client).dead() == []
    assert [one.entry.event for one in ChannelQueue(redis_client, "platform", "box-1").take(1, 0, 0)] == [event()]


@pytest.mark.parametrize("arguments", [[], ["1-1", "--all"]])
def test_retry_wants_ids_or_all(config: list[str], arguments: list[str]):
    assert CliRunner().invoke(events_cli.app, ["retry", *arguments, *config]).exit_code == ExitCode.USAGE


@pytest.mark.parametrize("dead_id", ["1-1", "nonsense"])
def test_an_unknown_dead_letter_is_named(config: list[str], dead_id: str):
    answer = CliRunner().invoke(events_cli.app, ["retry", dead_id, *config])
    assert answer.exit_code == ExitCode.UNREADABLE
    assert dead_id in answer.stderr


def test_a_redis_that_is_down_is_said_on_stderr(tmp_path: Path):
    config = _config(tmp_path, f'redis_url = "unix://{tmp_path}/nothing.sock"\n')
    answer = CliRunner().invoke(app, ["events", *config])
    assert answer.exit_code == ExitCode.UNAVAILABLE
    assert answer.stdout == ""
    assert "读取事件流不成" in answer.stderr


def test_deliver_status_shows_each_channel(config: list[str], redis_client: "redis.Redis"):
    bury_one(redis_client)
    shown = CliRunner().invoke(deliver_cli.app, ["status", "--json", *config])
    assert shown.exit_code == ExitCode.FINDINGS
    assert json.loads(shown.stdout)["name"] == "platform"
    assert json.loads(shown.stdout)["dead"] == 1


def test_a_disabled_channel_is_switched_on_again(config: list[str], redis_client: "redis.Redis"):
    queue = ChannelQueue(redis_client, "platform", "box-1")
    queue.disable("410")
    assert CliRunner().invoke(deliver_cli.app, ["enable", "platform", *config]).exit_code == ExitCode.OK
    assert queue.disabled() == ""


def test_a_forgotten_queue_is_gone(config: list[str], redis_client: "redis.Redis"):
    bury_one(redis_client)
    assert CliRunner().invoke(deliver_cli.app, ["forget", "platform", *config]).exit_code == ExitCode.OK
    assert FlaggedStream(redis_client).groups() == []


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('[alerts]\nallowed_hosts = ["10.0.0.1"]\n', "allowed_hosts"),
        ("[alerts]\nnonsense = 1\n", "nonsense"),
        ('[[alerts.channel]]\nname = "Über"\nkind = "file"\npath = "x"\n', "name"),
        ('[[alerts.channel]]\nname = "a"\nkind = "pigeon"\n', "channel"),
        (
            '[[alerts.channel]]\nname = "a"\nkind = "webhook"\nurl = "ftp://x/"\nsecret_files = ["SECRET"]\n',
            "https://",
        ),
        (
            '[[alerts.channel]]\nname = "a"\nkind = "webhook"\nurl = "https://x/"\nsecret_files = ["nowhere"]\n',
            "nowhere",
        ),
    ],
)
def test_settings_that_cannot_work_stop_deliver_with_their_name(
    tmp_path: Path, redis_url: str, settings: str, complaint: str
):
    text = settings.replace("SECRET", str(secret_file(tmp_path)))
    config = _config(tmp_path, f'redis_url = "{redis_url}"\n{text}')
    answer = CliRunner().invoke(app, ["deliver", *config])
    assert answer.exit_code == ExitCode.CONFIG
    assert complaint in answer.stderr
