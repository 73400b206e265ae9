"""The two-person rule holds over a day, not over a file, and the second person sees what they approve."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from console.lists.keeper_office import KeeperOffice
from console.lists.office import FileReport
from console.parts import Console
from console.store.list_tables import ListChangeRow
from console.types import Actor, Role, StepRefusedError
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from tests.console_kit import Clock, PaperList, make_account, open_console, settings_with

ROWS = 40


@pytest.fixture
def console(tmp_path: Path, redis_server: str, clock: Clock) -> Iterator[Console]:
    report = FileReport(counts={"接受": ROWS}, new_rows=ROWS, invalid_rows=0)
    client = redis.Redis.from_url(redis_server)
    console = open_console(tmp_path, client, clock, PaperList(report), settings_with(approval_rows=100))
    yield console
    console.database.close()


def bring_in(console: Console, clock: Clock, who: Actor) -> int:
    change = console.list_changes.submit("行程.csv", b"plate", who, clock.moment)
    console.list_changes.apply(change.change_id, who, clock.moment)
    return change.change_id


def test_short_files_add_up_to_a_long_one_that_takes_a_second_person(console: Console, clock: Clock):
    steward, other = (make_account(console, name, Role.STEWARD) for name in ("steward", "other"))
    approver = make_account(console, "approver", Role.APPROVER)
    early = console.list_changes.submit("早.csv", b"plate", steward, clock.moment)
    assert not early.needs_approval
    for _ in range(2):
        bring_in(console, clock, steward)
    with pytest.raises(StepRefusedError, match="合计"):
        bring_in(console, clock, steward)
    with pytest.raises(StepRefusedError, match="合计"):  # handed in before the others, brought in after them
        console.list_changes.apply(early.change_id, steward, clock.moment)
    assert console.list_changes.find(early.change_id).needs_approval
    bring_in(console, clock, other)
    assert console.list_changes.apply(early.change_id, approver, clock.moment).decided_by == "approver"
    clock.forward(86400)
    bring_in(console, clock, steward)


def test_whoever_takes_files_back_has_not_brought_in_less(console: Console, clock: Clock):
    steward = make_account(console, "steward", Role.STEWARD)
    for _ in range(2):
        change = bring_in(console, clock, steward)
        with console.database.writing() as session:
            session.get_one(ListChangeRow, change).state = "taken_back"
    with pytest.raises(StepRefusedError, match="合计"):
        bring_in(console, clock, steward)


@pytest.mark.parametrize("count", [3, 300])
def test_the_second_person_sees_rows_with_masked_plates_against_the_list(tmp_path: Path, count: int):
    office = KeeperOffice(lambda: open_keeper(Settings(state_dir=tmp_path), publishes=False))
    head = "plate,plate_class,area,from,to,source\n"
    rows = [f"苏A{10000 + number},02,370211,2026-11-20,2026-11-21,流调" for number in range(count)]
    path = tmp_path / "行程.csv"
    path.write_text(head + "\n".join(rows), encoding="utf-8")
    report = office.try_file(path, "行程.csv")
    assert len(report.sample) == min(count, 100)
    assert not [row for row in report.sample if "*" not in row.plate]
    assert {row.outcome for row in report.sample} == {"接受"}
    numbers = [row.number for row in report.sample]
    assert numbers == sorted(set(numbers))
    assert count == 3 or max(numbers) > 110
