"""Risk areas on the page: what an act would list is said before it is done, and who did it is kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from console.lists.words import file_words
from console.people.audit import AuditLog
from console.reasons import says_nothing
from console.store.database import Database
from console.types import Actor, ConsoleError
from riskdb.types import RiskDBError


@dataclass(frozen=True, slots=True)
class StandingArea:
    """One declaration that stands."""

    code: str
    name: str
    level: str
    begins: datetime
    ends: datetime | None
    """Exclusive; None has no end."""
    source: str


@dataclass(frozen=True, slots=True)
class AreaWords:
    """A declaration as a steward writes it."""

    area: str
    """A code, or the name down to the village."""
    level: str
    source: str
    name: str = ""
    begin: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class AreaEffect:
    """What declaring or lifting an area would do, or did."""

    code: str
    name: str
    added: int
    """Vehicles that the list would gain."""
    removed: int
    unchanged: int


class AreaOffice(Protocol):
    """Every method raises RiskDBError, also where the words make no sense."""

    def standing(self) -> list[StandingArea]: ...
    def try_declare(self, words: AreaWords) -> AreaEffect: ...
    def declare(self, words: AreaWords) -> AreaEffect: ...
    def try_lift(self, code: str) -> AreaEffect: ...
    def lift(self, code: str) -> AreaEffect: ...


class Areas:
    """Every method raises ConsoleError where the record cannot do it."""

    def __init__(self, database: Database, audit: AuditLog, office: AreaOffice) -> None:
        self._database = database
        self._audit = audit
        self._office = office

    def standing(self) -> list[StandingArea]:
        try:
            return self._office.standing()
        except RiskDBError as error:
            raise _refused(error) from error

    def try_declare(self, words: AreaWords) -> AreaEffect:
        try:
            return self._office.try_declare(words)
        except RiskDBError as error:
            raise _refused(error) from error

    def try_lift(self, code: str) -> AreaEffect:
        try:
            return self._office.try_lift(code)
        except RiskDBError as error:
            raise _refused(error) from error

    def declare(self, words: AreaWords, actor: Actor, now: datetime) -> AreaEffect:
        try:
            effect = self._office.declare(words)
        except RiskDBError as error:
            raise _refused(error) from error
        self._keep("area.declare", effect, words.source, actor, now)
        return effect

    def lift(self, code: str, reason: str, actor: Actor, now: datetime) -> AreaEffect:
        if says_nothing(reason):
            raise ConsoleError("请写明解除的依据。")
        try:
            effect = self._office.lift(code)
        except RiskDBError as error:
            raise _refused(error) from error
        self._keep("area.lift", effect, reason, actor, now)
        return effect

    def _keep(self, action: str, effect: AreaEffect, reason: str, actor: Actor, now: datetime) -> None:
        told = f"{reason.strip()[:200]}；新增 {effect.added}，移除 {effect.removed}"
        with self._database.writing() as session:
            self._audit.append(session, actor, action, f"area:{effect.code}", now, told)


def _refused(error: RiskDBError) -> ConsoleError:
    return ConsoleError(f"风险区没有改变：{file_words(str(error))}。")
