"""Who sees which case: the rule for one case at hand and the condition on the table are one, as written here."""

import itertools
from datetime import UTC, datetime

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from console.cases.rights import is_in_hand_of, may_see, visible_to
from console.cases.steps import State
from console.store import people_tables  # noqa: F401  the accounts that cases point at
from console.store.tables import Base, CaseRow
from console.types import Actor, Role

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HERE, ELSEWHERE, STREET = "370211001003", "370211002001", "370211001"
ME, COLLEAGUE = 1, 2
OUT = {State.ASSIGNED, State.ACCEPTED, State.VERIFYING, State.ESCALATED}


def cases() -> list[CaseRow]:
    """Return one case of every kind."""
    every = itertools.product((HERE, ELSEWHERE), (False, True), State, (None, ME, COLLEAGUE))
    return [
        CaseRow(
            case_id=number, state=state.value, is_confirmed=is_confirmed, level="hit", plate_text="测A12345",
            plate_class="02", door="", checkpoint="东门卡口", grid_code=grid, also_in="", owner_code=grid,
            assignee_id=assignee, opened_at=NOON, changed_at=NOON, last_seen_at=NOON, latest_event_id="e",
        )
        for number, (grid, is_confirmed, state, assignee) in enumerate(every, start=1)
    ]  # fmt: skip


def seen_by(actor: Actor, all_of_them: list[CaseRow]) -> set[int]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        session.add_all(all_of_them)
        session.flush()
        return set(session.scalars(select(CaseRow.case_id).where(visible_to(actor))))


def test_a_grid_worker_sees_what_was_confirmed_and_handed_out_in_the_grid_to_nobody_else():
    actor = Actor(ME, "网格员", Role.WORKER, STREET)
    for_worker = {
        case.case_id
        for case in cases()
        if case.grid_code == HERE and case.is_confirmed and State(case.state) in OUT and case.assignee_id != COLLEAGUE
    }
    assert {case.case_id for case in cases() if may_see(case, actor)} == for_worker
    assert seen_by(actor, cases()) == for_worker
    assert 0 < len(for_worker) < len(cases()) / 4


def test_a_desk_sees_its_street_whatever_the_state_and_others_see_no_case():
    for role, expected in ((Role.OFFICER, {HERE}), (Role.STEWARD, set()), (Role.ANALYST, set())):
        actor = Actor(ME, "一人", role, STREET)
        seen = {case.case_id for case in cases() if may_see(case, actor)}
        assert seen == seen_by(actor, cases()) == {case.case_id for case in cases() if case.grid_code in expected}


def test_plate_and_pictures_are_for_whoever_has_taken_the_case():
    actor = Actor(ME, "网格员", Role.WORKER, STREET)
    in_hand = {(State(case.state), case.assignee_id) for case in cases() if is_in_hand_of(case, actor)}
    assert in_hand == {(state, ME) for state in State if state is not State.ASSIGNED}
