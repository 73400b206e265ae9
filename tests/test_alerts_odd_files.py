"""Whatever lies in the place of one of the outbox's files, events are taken, and nobody waits."""

from pathlib import Path

import pytest

from alerts.outbox import Outbox
from alerts.set_aside import losses
from riskdb.own_file import MARK
from tests.alerts_kit import NOON, event
from tests.odd_files import ODD_KINDS, OddKind, endless, pipe

RESERVE = 2**18
BESIDE = [".lock", ".reserve", ".spare", ".sqlite-wal", ".sqlite-shm"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a closed outbox of one event."""
    path = tmp_path / "outbox.sqlite"
    with Outbox(path, reserve_bytes=RESERVE, now=lambda: NOON) as outbox:
        outbox.append(event(0))
    return path


@pytest.mark.parametrize("kind", ODD_KINDS)
@pytest.mark.parametrize("beside", BESIDE)
def test_an_outbox_loses_no_event_to_what_lies_beside_it(path: Path, beside: str, kind: OddKind):
    kind(path.with_name(f"outbox{beside}"))
    with Outbox(path, reserve_bytes=RESERVE) as outbox:
        assert outbox.append(event(1))
        assert [row.event_id for row in outbox.after(0, 9)] == [event(0).event_id, event(1).event_id]
        assert outbox.is_reserve_held()
    assert len([*path.parent.glob(f"outbox{beside}{MARK}*")]) == (2 if beside == ".sqlite-wal" else 1)
    assert len(losses(path.parent)) == (beside == ".sqlite-wal"), "only with the log something may be lost"


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_something_else_in_the_place_of_the_outbox_is_kept_aside_and_said(path: Path, kind: OddKind):
    kind(path)
    for number in range(2):
        with Outbox(path, reserve_bytes=RESERVE) as outbox:
            assert outbox.append(event(number))
    assert len(losses(path.parent)) == 1


@pytest.mark.parametrize("beside", [".reserve", ".spare", ".lock"])
def test_a_file_of_twenty_gigabytes_without_blocks_costs_no_time_and_holds_room_afterwards(path: Path, beside: str):
    odd = path.with_name(f"outbox{beside}")
    odd.write_bytes(b"")
    endless(odd)
    with Outbox(path, reserve_bytes=RESERVE) as outbox:
        assert outbox.append(event(1))
        assert outbox.is_reserve_held()
        held = path.with_name("outbox.spare"), path.with_name("outbox.sqlite-wal")
        assert all(each.stat().st_blocks * 512 >= RESERVE // 2 for each in held)


def test_two_processes_that_find_a_pipe_for_a_lock_share_the_new_one(path: Path):
    pipe(path.with_suffix(".lock"))
    with Outbox(path, reserve_bytes=RESERVE) as first, Outbox(path) as second:
        assert first.append(event(1))
        assert second.append(event(2))
    assert len([*path.parent.glob(f"outbox.lock{MARK}*")]) == 1


def test_what_was_deleted_is_still_overwritten_in_the_reserve(path: Path):
    with Outbox(path, reserve_bytes=RESERVE) as outbox:
        outbox.append(event(1))
    assert not any(path.with_suffix(".reserve").read_bytes())
