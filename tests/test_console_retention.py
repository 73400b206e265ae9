"""What identifies a vehicle is gone after its time wherever it stood: pictures, photos, words, corrections."""

from pathlib import Path

import pytest
from sqlalchemy import select

from console.cases.steps import Action
from console.parts import Console
from console.store.list_tables import CorrectionRow
from console.store.tables import CaseRow, EventRow, PhotoRow, StepRow
from tests.console_kit import Clock, act, event_of, officer
from tests.picture_kit import jpeg, write_pictures

PLATE = "测A12345"


@pytest.fixture
def console(console: Console, tmp_path: Path, clock: Clock) -> Console:
    """A console with one case."""
    console.intake.take([event_of(PLATE, **write_pictures(tmp_path, PLATE))], clock())
    return console


def finish(console: Console, tmp_path: Path) -> Path:
    """Close the case with a photo, a note and a correction; returns the folder of the photos."""
    console.pictures.add_photo(officer(), 1, "a.jpg", jpeg(tmp_path), console.now())
    act(console, officer(), Action.REJECT, reason="list_error", note=f"{PLATE} 本人未离开")
    with console.database.writing() as session:
        correction = session.scalars(select(CorrectionRow)).one()
        correction.answer = f"{PLATE} 已更正"
        case = session.get_one(CaseRow, 1)
        case.previous_checkpoint, case.previous_at, case.door = "西门卡口", console.now(), "1号楼2单元"
    return tmp_path / "photos"


def test_photos_corrections_notes_and_evidence_go_with_their_case(console: Console, clock: Clock, tmp_path: Path):
    photos = finish(console, tmp_path)
    evidence = [tmp_path / "evidence" / name for name in write_pictures(tmp_path, PLATE).values()]
    assert [path.exists() for path in (*evidence, *photos.iterdir())] == [True] * 3
    clock.forward(31 * 86400)
    assert console.retention.step(clock()) == 1
    assert [path.exists() for path in evidence] == [False, False]
    assert list(photos.iterdir()) == []
    with console.database.reading() as session:
        assert session.scalars(select(PhotoRow)).all() == []
        correction = session.scalars(select(CorrectionRow)).one()
        texts = [*session.scalars(select(EventRow.body)), *session.scalars(select(StepRow.note))]
        case = session.get_one(CaseRow, 1)
    assert (case.plate_text, case.door, case.erased_at) == ("", "", clock())
    assert (case.previous_checkpoint, case.previous_at) == (None, None), "where it was before is nobody's business"
    assert not any(PLATE in text for text in (*texts, correction.plate_text, correction.answer))


def test_an_open_case_and_a_young_one_keep_everything(console: Console, clock: Clock, tmp_path: Path):
    clock.forward(90 * 86400)
    assert console.retention.step(clock()) == 0, "open for long is still open"
    photos = finish(console, tmp_path)
    clock.forward(29 * 86400)
    assert console.retention.step(clock()) == 0
    assert console.cases.detail(officer(), 1).view.plate_text == PLATE
    assert len(list(photos.iterdir())) == 1


def test_a_case_that_is_open_is_kept_whatever_its_end_says(console: Console, clock: Clock):
    with console.database.writing() as session:
        session.get_one(CaseRow, 1).finished_at = clock()
    clock.forward(90 * 86400)
    assert console.retention.step(clock()) == 0
