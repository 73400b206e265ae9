"""When a case is due, and what happens when nobody acted in time."""

from datetime import datetime, timedelta

from console.cases.steps import FINISHED, Action, Standing, State
from console.people.grids import next_level
from console.settings import ConsoleSettings


def due_at(
    standing: Standing, owner_code: str, seen_at: datetime, now: datetime, settings: ConsoleSettings
) -> datetime | None:
    """Return when the step that the case waits for is overdue; None for a finished case.

    `seen_at` is when the latest passage came in: with every passage the limits start anew.
    """
    if standing.state in FINISHED:
        return None
    closing = seen_at + timedelta(seconds=settings.close_timeout_s)
    if standing.state is State.VERIFYING and closing > now:
        return closing
    return now + timedelta(seconds=_wait_s(standing, owner_code, settings))


def due_after_passage(standing: Standing, owner_code: str, now: datetime, settings: ConsoleSettings) -> datetime | None:
    """As due_at; a vehicle that comes again is looked at as soon as a new one, however long nobody did before."""
    if not standing.is_confirmed:
        return now + timedelta(seconds=settings.confirm_timeout_s)
    return due_at(standing, owner_code, now, now, settings)


def overdue_step(standing: Standing, seen_at: datetime, now: datetime, settings: ConsoleSettings) -> Action:
    """Return what the clock does with an overdue case.

    A case that nobody confirmed within the closing time says nothing about the road any more: it expires.
    A confirmed one never does; it goes up level by level, and stays overdue at the county.
    """
    is_old = now - seen_at >= timedelta(seconds=settings.close_timeout_s)
    # One that was just reopened is looked at again first, however old it is.
    can_expire = standing.state in (State.NEW, State.ESCALATED)
    if standing.state is State.AT_BOOTH:
        return Action.HAND_UP
    return Action.EXPIRE if is_old and can_expire and not standing.is_confirmed else Action.ESCALATE


def owner_after_escalation(standing: Standing, owner_code: str) -> str:
    """An unconfirmed case stays with its duty desk, more loudly; a confirmed one goes one level up."""
    return (next_level(owner_code) or owner_code) if standing.is_confirmed else owner_code


def _wait_s(standing: Standing, owner_code: str, settings: ConsoleSettings) -> float:
    if standing.state is State.ESCALATED and (not standing.is_confirmed or next_level(owner_code) is None):
        return settings.contact_timeout_s  # there is nobody further up to ask every minute
    if standing.state in (State.ACCEPTED, State.VERIFYING):
        return settings.contact_timeout_s
    return settings.accept_timeout_s if standing.is_confirmed else settings.confirm_timeout_s
