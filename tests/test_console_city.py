"""A city's cameras on one console: a turn costs what changed, and invented cameras cost next to nothing."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, event, select

from alerts.box_status import STATUS_KEY, BoxStatus, HourCount
from console.background import Background
from console.parts import Console
from console.settings import CheckpointPlace
from console.situation.hours import HourBook
from console.situation.roster import MAX_AT_ONE_PLACE, MAX_STRANGERS, STRANGERS_SHOWN
from console.situation.tile_changes import DETAILS_AT_ONCE, TileChanges
from console.situation.tiles import Health, Tile
from console.store.database import Database
from console.store.tables import HourRow
from tests.console_kit import GRID_A, START, Clock, open_console, settings_with

CHECKPOINTS = 100
INVENTED = 10_000


@pytest.fixture
def console(tmp_path: Path, redis_client: redis.Redis, clock: Clock) -> Iterator[Console]:
    console = city(tmp_path, redis_client, clock)
    yield console
    console.database.close()


def city(folder: Path, client: redis.Redis, clock: Clock) -> Console:
    places = tuple(CheckpointPlace(name=f"{number:03}号卡口", grid_code=GRID_A) for number in range(CHECKPOINTS))
    return open_console(folder, client, clock, settings=settings_with(checkpoint=places))


def status_of(number: int, clock: Clock, clear: int = 1, **changes: object) -> BoxStatus:
    fields = {
        "camera_id": f"cam-{number}", "checkpoint": f"{number % CHECKPOINTS:03}号卡口", "box": "盒", "fps": 25.0,
        "reported_at": clock(), "last_read_at": clock(), "list_version": 7, "list_age_s": 3.0, "unchecked_waiting": 0,
        "outbox_pending": 0, "redis_ok": True, "clock_offset_s": 0.1,
        "hours": [HourCount(hour=START - timedelta(hours=ago), clear=clear) for ago in range(3)],
    } | changes  # fmt: skip
    return BoxStatus.model_validate(fields)


class Spent:
    """What a console asks of its database and of Redis while it is watched."""

    def __init__(self, client: redis.Redis) -> None:
        self.statements = 0
        self.commands = 0
        self._client = client
        self._before = 0

    def __enter__(self) -> "Spent":
        event.listen(Engine, "before_cursor_execute", self._count)
        self._before = self._client.info("stats")["total_commands_processed"]
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._count)
        self.commands = self._client.info("stats")["total_commands_processed"] - self._before - 1

    def _count(self, *_: object) -> None:
        self.statements += 1


def turn_of(folder: Path, client: redis.Redis, cameras: int, changed: int) -> tuple[Spent, str]:
    """Let `changed` of `cameras` report something new; return what the turn cost, and what it told the screens."""
    client.flushdb()
    clock = Clock()
    console = city(folder, client, clock)
    background, told = Background(console), []
    for number in range(cameras):
        console.board.report(status_of(number, clock))
    for _ in range(cameras // 50 + 2):  # all are known, and the screens know them
        background._show_state()
    clock.forward(2)
    for number in range(changed):
        console.board.report(status_of(number, clock, clear=2, outbox_pending=500))
    console.hub.announce = lambda kind, payload, **_: told.append((kind, payload))  # type: ignore[method-assign]  # listens
    background._write_hours_at = 0.0
    with Spent(client) as spent:
        background._show_state()
    console.database.close()
    ((kind, payload),) = told
    assert kind == "tiles"
    return spent, payload


def test_ten_times_the_cameras_cost_a_turn_as_much_where_as_many_changed(tmp_path: Path, redis_client: redis.Redis):
    (few, of_few), (many, of_many) = (
        turn_of(tmp_path / str(cameras), redis_client, cameras, changed=30) for cameras in (40, 400)
    )
    assert (many.statements, many.commands) == (few.statements, few.commands)
    assert few.statements <= 3, "one upsert and its transaction, whatever 30 cameras counted in 3 hours each"
    assert few.commands <= 6
    assert len(json.loads(of_many)["changed"]) == len(json.loads(of_few)["changed"]) == 30


def test_a_turn_without_news_writes_nothing_and_tells_nobody(console: Console, clock: Clock, redis_client: redis.Redis):
    background = Background(console)
    for number in range(5):
        console.board.report(status_of(number, clock))
    background._show_state()
    background._write_hours_at = 0.0
    console.hub.announce = lambda *said, **_: pytest.fail(f"told {said}")  # type: ignore[method-assign]  # listens
    with Spent(redis_client) as spent:
        background._show_state()
    assert spent.statements == 0


def test_a_box_that_does_not_tell_of_its_reports_is_found_and_heard_again(
    console: Console, clock: Clock, redis_client: redis.Redis
):
    for queue in (1, 2):
        old = status_of(1, clock, outbox_pending=queue)
        redis_client.set(STATUS_KEY + old.camera_id, old.model_dump_json())  # as the first release wrote it
        assert [status.outbox_pending for status in console.boxes.refresh()] == [queue]
        clock.forward(2)


def test_reports_are_found_without_a_search_through_the_risk_list(
    console: Console, clock: Clock, redis_client: redis.Redis
):
    console.boxes.refresh()
    redis_client.config_resetstat()
    console.board.report(status_of(1, clock))
    assert len(console.boxes.refresh()) == 1
    assert {name for name in redis_client.info("commandstats") if "scan" in name or "keys" in name} == set()


def test_invented_cameras_are_counted_in_one_line_and_the_real_ones_stay(
    console: Console, clock: Clock, redis_client: redis.Redis
):
    invented = status_of(0, clock, checkpoint="没有的卡口").model_dump_json()
    with redis_client.pipeline(transaction=False) as line:
        for number in range(INVENTED):
            place = "没有的卡口" if number % 2 else f"卡口{number}"
            name = f"x{number}"
            line.set(STATUS_KEY + name, invented.replace("cam-0", name).replace("没有的卡口", place))
            line.xadd(f"{STATUS_KEY}:arrived", {"n": name})
        line.execute()
    for _ in range(INVENTED // 500 + 1):
        console.boxes.refresh()
    console.board.report(status_of(1, clock))
    console.boxes.refresh()
    shown = console.boxes.tiles(clock())
    strangers = [tile for tile in shown if tile.camera_id.startswith("x")]
    (crowd,) = [tile for tile in shown if tile.checkpoint == "未登记"]
    assert len(strangers) <= STRANGERS_SHOWN
    assert f"另有 {INVENTED - len(strangers)} 路" in crowd.problems[0]
    assert [tile.health for tile in shown if tile.camera_id == "cam-1"] == ["ok"]
    assert len(console.boxes._last) <= MAX_STRANGERS + 1


def test_a_checkpoint_of_hundreds_of_cameras_is_not_believed(console: Console, clock: Clock):
    for number in range(MAX_AT_ONE_PLACE + 5):
        console.board.report(status_of(number, clock, checkpoint="001号卡口"))
    console.boxes.refresh()
    shown = console.boxes.tiles(clock())
    assert sum(tile.checkpoint == "001号卡口" for tile in shown) == MAX_AT_ONE_PLACE
    assert "另有 5 路" in next(tile for tile in shown if tile.checkpoint == "未登记").problems[0]


def test_a_camera_that_was_silent_for_a_day_leaves_and_its_checkpoint_is_missed_again(console: Console, clock: Clock):
    console.board.report(status_of(1, clock))
    console.boxes.refresh()
    assert "001号卡口" in {tile.checkpoint for tile in console.boxes.tiles(clock()) if tile.camera_id}
    clock.forward(25 * 3600)
    change = console.boxes.changes(clock())
    assert change is not None
    tile = next(tile for tile in console.boxes.tiles(clock()) if tile.checkpoint == "001号卡口")
    assert (tile.camera_id, tile.problems) == ("", ("从未上报",))


def test_whoever_applies_the_changes_has_the_tiles():
    chance, changes = random.Random(7), TileChanges()
    known: dict[str, Tile] = {}
    tiles: dict[str, Tile] = {}
    for _ in range(60):
        for _ in range(chance.randrange(2 * DETAILS_AT_ONCE)):
            name = f"c{chance.randrange(300)}"
            if chance.random() < 0.1:
                changes.remove(name)
                tiles.pop(name, None)
                continue
            health: Health = "bad" if chance.random() < 0.2 else "ok"
            tiles[name] = Tile(checkpoint="a", camera_id=name, health=health, problems=(), queue=chance.randrange(3))
            changes.put(tiles[name])
        apply(known, changes)
        assert {name: tile.health for name, tile in known.items()} == {
            name: tile.health for name, tile in tiles.items()
        }
    while apply(known, changes):
        pass
    assert known == tiles


def apply(known: dict[str, Tile], changes: TileChanges) -> bool:
    change = changes.take()
    if change is None:
        return False
    for key in change.gone:
        del known[key]
    known |= {tile.key: tile for tile in change.tiles}
    return True


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def test_counters_only_grow_whoever_wrote_them_and_a_console_that_starts_knows_them(database: Database):
    clock = Clock()
    first, other = HourBook(database, 100), HourBook(database, 100)
    first.keep([status_of(1, clock, clear=9), status_of(2, clock, clear=9)])
    other.keep([status_of(1, clock, clear=12)])
    first.keep([status_of(1, clock, clear=10)])  # it read its own counters, and the other one wrote since
    with database.reading() as session:
        stored = session.scalars(select(HourRow.clear).order_by(HourRow.camera_id, HourRow.hour)).all()
    assert stored == [12, 12, 12, 9, 9, 9]
    again = HourBook(database, 100)
    again.note([status_of(1, clock, clear=12)])
    assert again.write() == 0, "nothing grew"


def test_what_passed_today_is_known_before_it_is_written(database: Database):
    clock = Clock()
    book = HourBook(database, 100)
    book.keep([status_of(1, clock, clear=5)])
    assert book.passed_since(START - timedelta(hours=1)) == (10, 0, 0)
    book.note([status_of(1, clock, clear=8), status_of(2, clock, clear=1)])
    assert book.passed_since(START - timedelta(hours=1)) == (18, 0, 0)
