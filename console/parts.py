"""The console's parts, put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import redis
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from alerts.box_status import StatusBoard
from alerts.canary_marks import CanaryMarks
from alerts.pictures import PictureShelf
from alerts.stream import FlaggedStream
from console.cases.booth import BoothWords
from console.cases.crossings import CrossingIntake
from console.cases.desk import CaseDesk
from console.cases.dispatch import Dispatch
from console.cases.group_news import GroupNews, GroupVoice
from console.cases.intake import CaseIntake
from console.cases.pictures import Pictures
from console.cases.reader import CaseReader
from console.cases.retention import Retention
from console.lists.areas import Areas
from console.lists.changes import ListChanges
from console.lists.corrections import Corrections
from console.lists.objections import Objections
from console.lists.office import FeedOffice, ListOffice
from console.lists.proposals import Proposals
from console.lists.vehicles import Vehicles
from console.people.accounts import Accounts
from console.people.audit import AuditLog
from console.people.grids import GridMap, load_grids
from console.people.keys import ConsoleKeys, load_keys
from console.people.messengers import build_messengers
from console.people.passwords import Passwords
from console.people.readings import ReadingLog
from console.people.second_factor import SecondFactor
from console.people.sessions import Sessions
from console.people.throttle import Throttle
from console.people.tokens import Tokens
from console.settings import ConsoleSettings
from console.situation.boxes import BoxWatch
from console.situation.event_readers import EventReaders, event_readers
from console.situation.feed import GROUP, EventFeed
from console.situation.hours import HourBook
from console.situation.live import LiveHub
from console.situation.notices import Notices
from console.situation.state import ScreenState
from console.situation.statistics import Statistics
from console.store.database import Database
from console.store.neighbours import Neighbours
from console.store.precedence import Precedence
from console.store.pulse import Pulse
from console.types import Actor, ConsoleError, Role
from riskdb.clock import Clock, WallClock

AUDIT_ANCHORS = "audit.anchors"


@dataclass(frozen=True, slots=True)
class ListDesks:
    """What stewards and machines do to the list beside files and corrections."""

    areas: Areas
    vehicles: Vehicles
    feeds: FeedOffice
    objections: Objections
    proposals: Proposals


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that pages, the API and the background work use."""

    settings: ConsoleSettings
    now: Callable[[], datetime]
    clock: Clock
    """What may be erased by now. For one thread: the housekeeper's."""
    database: Database
    audit: AuditLog
    readings: ReadingLog
    anchors: Path
    accounts: Accounts
    second_factor: SecondFactor
    sessions: Sessions
    tokens: Tokens
    intake: CaseIntake
    desk: CaseDesk
    cases: CaseReader
    grids: GridMap
    statistics: Statistics
    pictures: Pictures
    list_changes: ListChanges
    lists: ListDesks
    corrections: Corrections
    retention: Retention
    dispatch: Dispatch
    hub: LiveHub
    feed: EventFeed
    board: StatusBoard
    boxes: BoxWatch
    notices: Notices
    hours: HourBook
    """For one thread: the one that takes the boxes' reports."""
    state: ScreenState
    group_news: GroupNews
    precedence: Precedence
    """For one thread, but for `is_first`."""
    neighbours: Neighbours
    pulse: Pulse
    days_left: Callable[[], int | None] = lambda: None
    """Until matching ends and everything is destroyed; None where nobody has set a day."""


def build_console(
    settings: ConsoleSettings,
    state_dir: Path,
    client: "redis.Redis",
    office: ListOffice,
    now: Callable[[], datetime],
    hasher: PasswordHasher | None = None,
    consumer: str = "console-1",
    clock: Clock | None = None,
    voices: Mapping[str, GroupVoice] | None = None,
) -> Console:
    """Open the database and build the parts. Raises ConsoleError.

    `consumer` names this process in the stream's group: the same again finds what it left unfinished. `clock` says what
    may be erased by now; None believes `now`. `hasher` None: argon2's defaults. `voices`: the robots of groups, by
    grid code.
    """
    database, keys, audit = _open_store(settings, state_dir, now())
    passwords, throttle = Passwords(hasher or PasswordHasher()), Throttle(keys, settings)
    grids, board = load_grids(settings.grids_path), StatusBoard(client)
    cases, intake, desk = _case_parts(database, audit, grids, settings)
    neighbours = Neighbours(database)
    hub = LiveHub(lambda scope, ids: cases.some(_desk_of(scope), ids), now, neighbours.tell)
    pictures = Pictures(database, audit, state_dir, settings, PictureShelf(client))
    list_changes = ListChanges(database, audit, office, state_dir / "imports", settings)
    lists = _list_desks(database, audit, office, keys, list_changes, settings)
    readers = _readers(database, audit, client, intake, desk, lists, settings)
    pulse = Pulse(database)
    feed = _event_feed(client, consumer, readers, hub, settings, now, pulse)
    boxes, notices, hours, state = _situation_parts(database, client, board, hub, feed, settings, now)
    return Console(
        settings=settings, now=now, clock=clock or WallClock(lambda: now().timestamp()),
        database=database, audit=audit,
        readings=ReadingLog(database, audit, settings),
        anchors=state_dir / AUDIT_ANCHORS,
        accounts=Accounts(database, keys, passwords, audit, settings),
        second_factor=SecondFactor(database, keys, passwords, audit),
        sessions=Sessions(database, keys, passwords, throttle, audit, settings),
        tokens=Tokens(database, audit),
        intake=intake, desk=desk, cases=cases, grids=grids,
        statistics=Statistics(database),
        pictures=pictures, list_changes=list_changes, lists=lists,
        corrections=Corrections(database, audit, office, settings.correction_hours),
        retention=Retention(database, audit, pictures, settings),
        dispatch=Dispatch(database, audit, build_messengers(settings.messenger, now), settings),
        hub=hub, feed=feed, board=board, boxes=boxes, notices=notices, hours=hours, state=state,
        group_news=GroupNews(database, audit, voices or {}, grids, settings),
        precedence=Precedence(database), neighbours=neighbours, pulse=pulse,
    )  # fmt: skip


def _case_parts(
    database: Database, audit: AuditLog, grids: GridMap, settings: ConsoleSettings
) -> tuple[CaseReader, CaseIntake, CaseDesk]:
    return CaseReader(database, grids), CaseIntake(database, audit, settings), CaseDesk(database, audit, settings)


def _list_desks(
    database: Database,
    audit: AuditLog,
    office: ListOffice,
    keys: ConsoleKeys,
    list_changes: ListChanges,
    settings: ConsoleSettings,
) -> ListDesks:
    areas, vehicles = Areas(database, audit, office.areas), Vehicles(database, audit, office.vehicles)
    objections = Objections(database, audit, keys, settings)
    return ListDesks(areas, vehicles, office.feeds, objections, Proposals(database, audit, keys, list_changes))


def _readers(
    database: Database,
    audit: AuditLog,
    client: "redis.Redis",
    intake: CaseIntake,
    desk: CaseDesk,
    lists: ListDesks,
    settings: ConsoleSettings,
) -> EventReaders:
    doors = CrossingIntake(database, audit, settings, intake.grid_of)
    booths, marks = BoothWords(database, audit, desk), CanaryMarks(client)
    return event_readers(intake, booths, marks, doors, lists.proposals.take)


def _event_feed(
    client: "redis.Redis",
    consumer: str,
    readers: EventReaders,
    hub: LiveHub,
    settings: ConsoleSettings,
    now: Callable[[], datetime],
    pulse: Pulse,
) -> EventFeed:
    stream = FlaggedStream(client)
    return EventFeed(
        stream.group(GROUP, consumer), readers, hub.touch, now, settings.accept_replayed, stream.dead_count,
        lambda: pulse.is_silent,
    )  # fmt: skip


def _situation_parts(
    database: Database,
    client: "redis.Redis",
    board: StatusBoard,
    hub: LiveHub,
    feed: EventFeed,
    settings: ConsoleSettings,
    now: Callable[[], datetime],
) -> tuple[BoxWatch, Notices, HourBook, ScreenState]:
    boxes, notices = BoxWatch(board, settings, now), Notices(client)
    hours = HourBook(database, settings.max_cameras)
    state = ScreenState(database, boxes, hours, lambda: _said(feed, notices), hub.changes, now)
    return boxes, notices, hours, state


def _said(feed: EventFeed, notices: Notices) -> dict[str, object]:
    """Return what screens say in words."""
    return {"trouble": feed.said, "is_stale": bool(feed.trouble), "notices": notices.banner().model_dump()}


def _open_store(settings: ConsoleSettings, state_dir: Path, now: datetime) -> tuple[Database, ConsoleKeys, AuditLog]:
    """Raises ConsoleError, also where the database was written with a key that is gone: then it stays closed."""
    database = Database(database_url(settings, state_dir))
    try:
        database.migrate()
        keys = _keys_of(database, state_dir / "console.key")
        audit, anchors = AuditLog(keys), state_dir / AUDIT_ANCHORS
        with database.reading() as session:
            _require_whole(audit, session, anchors)
            audit.begin_anchors(session, anchors, now)
    except ConsoleError:
        database.close()
        raise
    return database, keys, audit


def _require_whole(audit: AuditLog, session: Session, anchors: Path) -> None:
    """Refuse to begin anew, silently, where there was a console. Raises ConsoleError."""
    if not audit.is_begun(session) and audit.is_anchored(anchors):
        raise ConsoleError(
            f"控制台数据库是空的，而 {anchors} 记着以前的审计日志：请从备份放回数据库；确要从头开始，先移走该锚点文件。"
        )
    if not audit.fits(session):
        raise ConsoleError(
            "console.key 与数据库不匹配，或审计日志的封签被改动：请从备份放回密钥，并执行 kakou audit verify。"
        )


def _keys_of(database: Database, path: Path) -> ConsoleKeys:
    with database.reading() as session:
        if not path.exists() and AuditLog.is_begun(session):
            raise ConsoleError(f"{path} 不在，数据库是用它写的：请从备份放回密钥；已按日落销毁的密钥无法恢复。")
    return load_keys(path)


def database_url(settings: ConsoleSettings, state_dir: Path) -> str:
    return settings.database_url or f"sqlite:///{state_dir / 'console.sqlite'}"


def _desk_of(scope: str) -> Actor:
    return Actor(account_id=None, name="", role=Role.OFFICER, scope=scope)
