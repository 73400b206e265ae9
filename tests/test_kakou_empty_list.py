"""An empty list finds nobody, and that is said wherever somebody looks."""

from datetime import UTC, datetime
from pathlib import Path

from alerts.box_status import BoxStatus
from console.settings import ConsoleSettings
from console.situation.tiles import Heard, tiles
from tests.commands import call_kakou


def _tile_of_a_list_with(count: int | None) -> tuple[str, tuple[str, ...]]:
    now = datetime.now(UTC)
    status = BoxStatus(
        camera_id="kk07-1", checkpoint="滨海大道", box="box", reported_at=now, fps=25.0, last_read_at=now,
        list_version=3, list_age_s=2.0, list_count=count, unchecked_waiting=0, outbox_pending=0, redis_ok=True,
        clock_offset_s=None,
    )  # fmt: skip
    (tile,) = tiles([Heard(status, now)], ConsoleSettings(), now)
    return tile.health, tile.problems


def test_the_tile_of_a_box_with_an_empty_list_is_yellow():
    assert _tile_of_a_list_with(0) == ("warn", ("名单为空",))
    assert _tile_of_a_list_with(35) == _tile_of_a_list_with(None) == ("ok", ())


def test_the_doctor_finds_an_empty_list(tmp_path: Path):
    assert call_kakou("risk", "area", "declare", "370211", "--level=high", "--source=x", folder=tmp_path).exit_code == 0
    done = call_kakou("doctor", folder=tmp_path)
    assert done.exit_code == 1
    assert "名单为空" in done.stdout
