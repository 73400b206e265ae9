"""What the last day does to a Redis that others use and to a console in PostgreSQL."""

# ruff: noqa: F811  fixtures of another file are used by their names

import json
from pathlib import Path

import psycopg
import pytest
import redis

from alerts.redis_link import connect
from console.types import Role
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.sunset.carrying_out import carry_out, plan
from kakou.sunset.state import SunsetError, SunsetWatch, first_state
from kakou.wiring.embedded_redis import embedded_redis
from riskdb.digest import load_or_create_key
from tests.console_kit import Clock, event_of, make_account, open_console
from tests.postgresql_server import run_sql, url_of
from tests.sunset_kit import (
    PLATE,
    centre,  # noqa: F401  a fixture is used by its name
    now,
    state_made,
    sunset,
)


def test_our_keys_of_a_shared_redis_go_and_nobody_elses(centre: Path, redis_client: "redis.Redis", redis_url: str):
    keys = ["risk:hot", "risk:meta", "risk:why:1:0", "events:flagged", "events:picture:a", "box:status:x", "other"]
    for key in keys:
        redis_client.set(key, "1")
    settings = Settings(state_dir=centre / "var", redis_url=redis_url)
    carry_out(settings, first_state(90, now()), now)
    assert redis_client.keys() == [b"other"]


def test_the_list_goes_from_a_redis_of_its_own_too(
    centre: Path, redis_client: "redis.Redis", redis_url: str, tmp_path: Path
):
    with embedded_redis(tmp_path / "list") as list_url, redis.Redis.from_url(list_url) as listed:
        listed.set("risk:hot", "1")
        redis_client.set("events:flagged", "1")
        settings = Settings.model_validate(
            {"state_dir": centre / "var", "redis_url": redis_url, "risk": {"list_url": list_url}}
        )
        assert [(each.name, each.rows) for each in plan(settings) if "Redis" in each.name][-2:] == [
            ("名单与事件流（Redis）", 1),
            ("名单（list_url 的 Redis）", 1),
        ]
        carry_out(settings, first_state(90, now()), now)
        assert listed.keys() == redis_client.keys() == []


def test_a_box_leaves_the_centres_redis_alone(tmp_path: Path, redis_client: "redis.Redis", redis_url: str):
    redis_client.set("risk:hot", "1")
    settings = Settings(state_dir=state_made(tmp_path / "var"), redis_url=redis_url)
    load_or_create_key(settings.state_dir / "plate.key")
    carry_out(settings, first_state(90, now()), now)
    assert redis_client.keys() == [b"risk:hot"]
    assert not (settings.state_dir / "plate.key").exists()


def test_a_console_in_postgresql_is_destroyed_too_and_its_audit_log_kept(centre: Path, postgresql: str):
    run_sql(postgresql, "CREATE DATABASE ended TEMPLATE template")
    url = url_of(postgresql, "ended")
    settings = Settings.model_validate({"state_dir": centre / "var", "console": {"database_url": url}})
    console = open_console(settings.state_dir, connect("unix:///nowhere"), Clock(now()), settings=settings.console)
    make_account(console, "officer", Role.OFFICER)
    console.intake.take([event_of(PLATE), event_of("测B12345")], console.now())
    (planned,) = [each for each in plan(settings) if "PostgreSQL" in each.name]
    assert (planned.rows, planned.destroyed_at) == (2, None)
    carry_out(settings, first_state(90, now()), now)  # while the console's own connections are open
    console.database.close()
    with psycopg.connect(host=postgresql, user="kakou", dbname="ended") as connection:
        left = connection.execute("SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                                  "WHERE nspname = 'public'").fetchall()  # fmt: skip
    assert left == []
    report = json.loads(next((settings.state_dir / "destruction").glob("*.json")).read_text())
    (gone,) = [each for each in report["destroyed"] if "PostgreSQL" in each["name"]]
    assert (gone["rows"], bool(gone["destroyed_at"]), gone["note"]) == (2, True, "")
    assert report["audit"]["faults"] == []
    kept = next((settings.state_dir / "destruction").glob("*-audit.csv")).read_text(encoding="utf-8-sig")
    assert kept.count("case.open") == 2
    assert PLATE not in kept
    with pytest.raises(SunsetError, match="销毁"):
        SunsetWatch(settings.state_dir, now).require_open()


def test_what_cannot_be_reached_on_the_day_is_named_and_destroyed_by_asking_again(centre: Path, postgresql: str):
    run_sql(postgresql, "CREATE DATABASE away_then TEMPLATE template")
    url = url_of(postgresql, "away_then")
    (centre / "kakou.toml").write_text(f'[console]\nport = 0\ndatabase_url = "{url}"\n')
    run_sql(postgresql, "ALTER DATABASE away_then ALLOW_CONNECTIONS false")
    first = sunset(centre, "--now", "--by", "张三", "--reason", "解除管控")
    assert (first.exit_code, "未能销毁" in first.stdout) == (ExitCode.FINDINGS, True)
    assert not (centre / "var" / "plate.key").exists()
    run_sql(postgresql, "ALTER DATABASE away_then ALLOW_CONNECTIONS true")
    again = sunset(centre, "--now")
    assert again.exit_code == ExitCode.OK, again.stderr
    assert "未能销毁" not in again.stdout
    with psycopg.connect(host=postgresql, user="kakou", dbname="away_then") as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    assert len(list((centre / "var" / "destruction").glob("*.json"))) == 2
