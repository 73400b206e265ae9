"""A centre whose boxes copy the list keeps it in a Redis of its own: what they copy holds nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from kakou.commands.match import CertainPlate
from kakou.settings import Settings
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.matching import make_matcher
from kakou.wiring.risk import open_keeper, tended_list
from riskdb.record.declaring import Declared
from riskdb.record.judging import TravelRow
from tests.commands import call_kakou

PLATE, AREA = "粤B82500", "370211"


@pytest.fixture
def list_url(tmp_path: Path) -> Iterator[str]:
    with embedded_redis(tmp_path / "list") as url:
        yield url


def listed(settings: Settings) -> None:
    until = datetime.now(UTC) - timedelta(days=1)
    row = TravelRow("a.csv", 2, PLATE, "", AREA, (until - timedelta(hours=2)).isoformat(), until.isoformat(), "流调")
    with open_keeper(settings, settings.redis_url) as keeper:
        keeper.declare([Declared(AREA, "high", source="通告")])
        keeper.import_rows([row])


def test_what_boxes_copy_holds_the_list_and_nothing_else(tmp_path: Path, redis_url: str, list_url: str):
    settings = Settings.model_validate(
        {"state_dir": tmp_path / "var", "redis_url": redis_url, "risk": {"list_url": list_url}}
    )
    listed(settings)
    with tended_list(settings, redis_url, lambda _: None):
        match = make_matcher(settings, redis_url)
        assert match([CertainPlate(PLATE, "02", 1.0)], datetime.now(UTC)) is not None
        assert match([CertainPlate("粤B82501", "02", 1.0)], datetime.now(UTC)) is None
    with redis.Redis.from_url(list_url) as client:
        assert {key.partition(b":")[0] for key in client.scan_iter()} == {b"risk"}
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys("risk:*") == []


def test_commands_find_the_list_where_it_is(tmp_path: Path, redis_url: str, list_url: str):
    config = tmp_path / "kakou.toml"
    config.write_text(
        f'state_dir = "{tmp_path}/var"\nredis_url = "{redis_url}"\n[risk]\nlist_url = "{list_url}"\n', encoding="utf-8"
    )
    listed(
        Settings.model_validate({"state_dir": tmp_path / "var", "redis_url": redis_url, "risk": {"list_url": list_url}})
    )
    with redis.Redis.from_url(list_url) as client:
        assert client.scard("risk:hot") == 2, "the vehicle, and what names the version"
    checked = call_kakou("risk", "check", "--config", str(config))
    assert checked.exit_code == 0, checked.stdout + checked.stderr
