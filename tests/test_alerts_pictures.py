"""Pictures on their way from a box to the console of another machine, over a real Redis."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

import alerts.pictures
from alerts.pictures import PICTURE_KEY, WAITING_KEY, PictureMover, PictureShelf
from alerts.stream import StreamError, connect
from console.cases.retention import Retention
from console.parts import Console
from console.types import NotFoundError
from tests.console_kit import Clock, open_console
from tests.picture_kit import jpeg

NOW = datetime.now(UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def console(tmp_path: Path, redis_client: redis.Redis) -> Iterator[Console]:
    console = open_console(tmp_path / "centre", redis_client, Clock())
    yield console
    console.database.close()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "box" / "evidence"
    folder.mkdir(parents=True)
    return folder


def put(box: Path, name: str, content: bytes, age: timedelta = timedelta(0)) -> str:
    path = box / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    written = (NOW - age).timestamp()
    os.utime(path, (written, written))
    return name


def arrive(console: Console) -> int:
    count = 0
    while console.pictures.take_arrived():
        count += 1
    return count


def test_a_picture_moves_from_the_box_to_the_console_and_stays_nowhere_else(
    box: Path, console: Console, redis_client: redis.Redis, tmp_path: Path
):
    picture = jpeg(tmp_path)
    name = put(box, "2026-11-24/0a1b-plate.jpg", picture)
    with pytest.raises(NotFoundError, match="尚未送达"):
        console.pictures.evidence(name)
    mover = PictureMover(box, PictureShelf(redis_client), WEEK)
    assert mover.step(NOW) == 1
    assert mover.step(NOW) == 0
    assert list(box.rglob("*.jpg")) == []
    assert arrive(console) == 1
    assert console.pictures.evidence(name).read_bytes() == picture
    assert list(redis_client.scan_iter("events:picture*")) == []


def test_a_picture_that_somebody_waits_for_is_fetched_before_its_turn(
    box: Path, console: Console, redis_client: redis.Redis, tmp_path: Path
):
    name = put(box, "2026-11-24/0a1b-vehicle.jpg", jpeg(tmp_path))
    PictureMover(box, PictureShelf(redis_client), WEEK).step(NOW)
    assert console.pictures.evidence(name).is_file()
    assert arrive(console) == 1  # its name alone
    assert console.pictures.evidence(name).is_file()


def test_the_newest_picture_goes_first_and_a_full_shelf_leaves_the_rest_on_the_box(
    box: Path, console: Console, redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(alerts.pictures, "SHELF_SIZE", 2)
    picture = jpeg(tmp_path)
    names = [put(box, f"2026-11-2{day}/e{day}-plate.jpg", picture, timedelta(hours=9 - day)) for day in range(5)]
    mover = PictureMover(box, PictureShelf(redis_client), WEEK)
    assert mover.step(NOW) == 2
    assert sorted(path.name for path in box.rglob("*.jpg")) == [f"e{day}-plate.jpg" for day in range(3)]
    assert arrive(console) == 2
    while mover.step(NOW):
        arrive(console)
    assert all(console.pictures.evidence(name).is_file() for name in names)


def test_without_a_line_pictures_stay_and_are_deleted_when_their_time_is_over(box: Path, tmp_path: Path):
    fresh = put(box, "2026-11-24/e1-plate.jpg", jpeg(tmp_path))
    old = put(box, "2026-11-10/e2-plate.jpg", jpeg(tmp_path), timedelta(days=8))
    mover = PictureMover(box, PictureShelf(connect("redis://127.0.0.1:1")), WEEK)
    with pytest.raises(StreamError, match="发送图片"):
        mover.step(NOW)
    assert (box / fresh).is_file()
    assert not (box / old).exists()


def test_a_mover_that_is_killed_after_sending_sends_once_more_and_one_picture_comes(
    box: Path, console: Console, redis_client: redis.Redis, tmp_path: Path
):
    picture, shelf = jpeg(tmp_path), PictureShelf(redis_client)
    name = put(box, "2026-11-24/0a1b-plate.jpg", picture)
    shelf.put(name, picture)  # killed here, before it deleted its own
    PictureMover(box, shelf, WEEK).step(NOW)
    assert arrive(console) == 2
    assert console.pictures.evidence(name).read_bytes() == picture


@pytest.mark.parametrize("name", ["../../../escaped.jpg", "2026-11-24/../../x.jpg", "/etc/x.jpg", "2026-11-24/x.sh"])
def test_a_name_that_leads_elsewhere_is_left(name: str, console: Console, redis_client: redis.Redis, tmp_path: Path):
    redis_client.set(PICTURE_KEY + name, jpeg(tmp_path))
    redis_client.rpush(WAITING_KEY, name)
    before = set(tmp_path.rglob("*"))
    assert arrive(console) == 1
    assert set(tmp_path.rglob("*")) == before
    with pytest.raises(NotFoundError):
        console.pictures.evidence(name)


def test_what_is_no_picture_is_not_kept(console: Console, redis_client: redis.Redis):
    PictureShelf(redis_client).put("2026-11-24/e1-plate.jpg", b"<script>alert(1)</script>")
    assert arrive(console) == 1
    with pytest.raises(NotFoundError):
        console.pictures.evidence("2026-11-24/e1-plate.jpg")


def test_an_arrived_picture_is_erased_with_its_case_and_one_of_no_case_in_the_end(
    box: Path, console: Console, redis_client: redis.Redis, tmp_path: Path
):
    names = [put(box, f"2026-11-24/e{number}-plate.jpg", jpeg(tmp_path)) for number in range(2)]
    PictureMover(box, PictureShelf(redis_client), WEEK).step(NOW)
    arrive(console)
    console.pictures.erase([names[0]], [])
    with pytest.raises(NotFoundError):
        console.pictures.evidence(names[0])
    retention: Retention = console.retention
    retention.forget_stray_pictures(NOW + timedelta(days=89))
    assert console.pictures.evidence(names[1]).is_file()
    retention.forget_stray_pictures(NOW + timedelta(days=91))
    with pytest.raises(NotFoundError):
        console.pictures.evidence(names[1])
