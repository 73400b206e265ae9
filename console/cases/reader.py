"""Reads cases within a person's rights."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from alerts.crossing import CrossingEvent
from alerts.flagged import FlaggedEvent
from console.cases.filtering import CaseFilter, Group, conditions_of, in_group
from console.cases.kinds import CaseEvent, kept_event
from console.cases.rights import standing_of, visible_to
from console.cases.steps import Action, allowed_actions
from console.cases.views import CaseDetail, CaseView, case_view, clock_skew_s, timeline_step
from console.cases.wall import for_wall
from console.people.grids import GridMap
from console.store.database import Database
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow, EventRow, PhotoRow, StepRow
from console.types import Actor, NotFoundError, Role

_CaseQuery: TypeAlias = Select[CaseRow, EventRow, str | None]


class CaseReader:
    """Reads cases within a person's rights."""

    def __init__(self, database: Database, grids: GridMap) -> None:
        self._database = database
        self._grids = grids

    def newest(self, actor: Actor, group: Group, limit: int, before: int | None = None) -> list[CaseView]:
        """Return cases as they were opened, newest first; `before` is a case id to page on from."""
        query = _cases_of(actor).where(in_group(group))
        if before is not None:
            query = query.where(CaseRow.case_id < before)
        with self._database.reading() as session:
            return self._views(session, query.order_by(CaseRow.case_id.desc()).limit(limit), actor)

    def found(self, actor: Actor, wanted: CaseFilter, limit: int) -> list[CaseView]:
        """Return what a filter lets through, the latest passage first."""
        query = _cases_of(actor).where(*conditions_of(wanted))
        newest_first = (CaseRow.last_seen_at.desc(), CaseRow.case_id.desc())
        with self._database.reading() as session:
            return self._views(session, query.order_by(*newest_first).limit(limit), actor)

    def tasks(self, actor: Actor, limit: int = 100) -> list[CaseView]:
        """Return what waits for a grid worker, the longest waiting first."""
        with self._database.reading() as session:
            return self._views(session, _cases_of(actor).order_by(CaseRow.opened_at).limit(limit), actor)

    def some(self, actor: Actor, case_ids: Sequence[int]) -> list[CaseView]:
        with self._database.reading() as session:
            return self._views(session, _cases_of(actor).where(CaseRow.case_id.in_(case_ids)), actor)

    def detail(self, actor: Actor, case_id: int) -> CaseDetail:
        """Raises NotFoundError, also for a case outside the actor's rights."""
        with self._database.reading() as session:
            found = session.execute(_cases_of(actor).where(CaseRow.case_id == case_id)).first()
            if found is None:
                raise NotFoundError("没有这个事件单，或不在您的辖区。")
            case, latest, assignee = found
            bodies = session.scalars(
                select(EventRow.body).where(EventRow.case_id == case_id).order_by(EventRow.received_at.desc()).limit(20)
            )
            kept = tuple(event for body in bodies if (event := kept_event(case.level, body)))
            steps = session.scalars(select(StepRow).where(StepRow.case_id == case_id).order_by(StepRow.step_id)).all()
            photos = session.scalars(select(PhotoRow).where(PhotoRow.case_id == case_id)).all()
        events = tuple(event for event in kept if isinstance(event, FlaggedEvent))
        return CaseDetail(
            view=case_view(case, latest, assignee, actor, self._grids),
            reasons=events[0].reasons if events else (),
            alternatives=events[0].alternatives if events else (),
            events=events,
            steps=tuple(timeline_step(step, self._grids) for step in steps),
            photos=tuple(photo.photo_id for photo in photos),
            late_photos=frozenset(photo.photo_id for photo in photos if photo.is_late),
            actions=tuple(allowed_actions(standing_of(case), actor)),
            list_version=events[0].list_version if events else None,
            permit=events[0].permit if events else "",
            clock_skew_s=clock_skew_s(kept[0], latest.received_at) if kept else 0.0,
            crossings=tuple(event for event in kept if isinstance(event, CrossingEvent)),
        )

    def event_of(self, actor: Actor, case_id: int, event_id: str) -> CaseEvent:
        """Return one event of a case that the actor may see. Raises NotFoundError."""
        query = _cases_of(actor).where(CaseRow.case_id == case_id).with_only_columns(CaseRow.level)
        with self._database.reading() as session:
            row = session.get(EventRow, event_id)
            level = session.scalar(query)
            event = kept_event(level, row.body) if row and row.case_id == case_id and level is not None else None
            if event is None:
                raise NotFoundError("没有这张图片，或已按规定删除。")
            return event

    def case_of(self, event_id: str) -> int | None:
        """Return the number of an event's case, whoever may see it; None where the event is not known."""
        with self._database.reading() as session:
            return session.scalar(select(EventRow.case_id).where(EventRow.event_id == event_id))

    def _views(self, session: Session, query: _CaseQuery, actor: Actor) -> list[CaseView]:
        found = session.execute(query).all()
        notes = _desk_notes(session, [case.case_id for case, _, _ in found]) if actor.role is Role.WORKER else {}
        views = [
            case_view(case, event, assignee, actor, self._grids, notes.get(case.case_id, ""))
            for case, event, assignee in found
        ]
        return for_wall(views) if actor.role is Role.WALL else views


def _desk_notes(session: Session, case_ids: Sequence[int]) -> dict[int, str]:
    """Return what was written with the latest dispatch of each case."""
    query = select(StepRow.case_id, StepRow.note).where(
        StepRow.case_id.in_(case_ids), StepRow.action == Action.ASSIGN.value
    )
    return {case_id: note for case_id, note in session.execute(query.order_by(StepRow.step_id))}  # noqa: C416  Row is no pair to mypy


def _cases_of(actor: Actor) -> _CaseQuery:
    return (
        select(CaseRow, EventRow, AccountRow.display_name)
        .join(EventRow, EventRow.event_id == CaseRow.latest_event_id)
        .outerjoin(AccountRow, AccountRow.account_id == CaseRow.assignee_id)
        .where(visible_to(actor))
    )
