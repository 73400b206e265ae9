"""What the console's tests share: invented events, a clock that is set by hand, a console on a real server."""

import atexit
import contextlib
import functools
import hashlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyotp
import redis
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.flagged import EventAlternative, EventReason, FlaggedEvent
from alerts.proposal import ProposalEvent
from console.cases.desk import StepRequest
from console.cases.steps import Action, State
from console.lists.areas import AreaOffice
from console.lists.keeper_areas import KeeperAreas, KeeperVehicles
from console.lists.office import FeedOffice, FileReport, FormReport, ListOffice
from console.lists.vehicles import VehicleOffice
from console.parts import Console, build_console
from console.people.keys import load_keys
from console.settings import CheckpointPlace, ConsoleSettings
from console.store.database import Database
from console.store.people_tables import AccountRow
from console.store.tables import CaseRow
from console.types import SYSTEM, Actor, Role
from console.web.access import COOKIE
from console.web.app import create_app
from kakou.box.server import Server
from riskdb.feed.door import FeedDoor
from riskdb.keeper import RiskKeeper
from riskdb.types import RiskDBError

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
GRID_A = "9999010010010101"
GRID_B = "9999010020010101"
SECURE_ADDRESS = "https://testserver"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2 with the least work: tests log in often."""
GRIDS = Path(__file__).parents[1] / "console" / "samples" / "grids.geojson"


@dataclass
class Clock:
    """A clock that moves only when a test says so."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def no_record() -> AbstractContextManager[RiskKeeper]:
    raise RiskDBError("这张名单在纸上")


@dataclass
class PaperList:
    """A risk list on paper: notes what it was asked to remove."""

    report: FileReport = field(default_factory=lambda: FileReport(counts={"接受": 3}, new_rows=3, invalid_rows=0))
    areas: AreaOffice = field(default_factory=lambda: KeeperAreas(no_record))
    vehicles: VehicleOffice = field(default_factory=lambda: KeeperVehicles(no_record))
    feeds: FeedOffice = field(default_factory=lambda: FeedDoor((), no_record))
    removed: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)

    def try_file(self, path: Path, name: str, source: str = "") -> FileReport:
        assert path.is_file()
        assert name
        return self.report.model_copy(update={"source": source})

    def confirm_forms(self, forms: Sequence[FormReport]) -> None:
        assert forms

    def apply_file(self, path: Path, name: str, actor: str, source: str = "") -> FileReport:
        assert actor
        return self.try_file(path, name, source).model_copy(update={"is_applied": True})

    def faulty_rows(self, path: Path, name: str, source: str = "") -> bytes:
        assert self.try_file(path, name, source)
        return b""

    def take_back(self, import_number: int, actor: str, reason: str) -> int:
        assert actor
        assert reason
        return import_number

    def restore(self, plate: str, removed_since: datetime, actor: str, reason: str) -> int:
        assert actor
        assert reason
        assert removed_since.tzinfo is not None
        self.restored.append(plate)
        return 1

    def remove(self, plate: str, actor: str, reason: str) -> int:
        assert actor
        assert reason
        self.removed.append(plate)
        return 1


def settings_with(**changes: object) -> ConsoleSettings:
    places = (
        CheckpointPlace(name="一号卡口", grid_code=GRID_A),
        CheckpointPlace(name="二号卡口", grid_code=GRID_B),
    )
    return ConsoleSettings.model_validate(
        {"county_code": "999901", "checkpoint": places, "grids_path": GRIDS, "host": "127.0.0.1"} | changes
    )


def open_console(
    folder: Path,
    client: "redis.Redis",
    clock: Callable[[], datetime],
    office: ListOffice | None = None,
    settings: ConsoleSettings | None = None,
) -> Console:
    folder.mkdir(exist_ok=True)
    settings = settings or settings_with()
    if settings.database_url is None:
        migrated_copy(folder)
    return build_console(settings, folder, client, office or PaperList(), clock, QUICK_HASHER)


def migrated_copy(folder: Path) -> str:
    """Put a SQLite database with all tables into the folder, where there is none; returns its URL."""
    path = folder / "console.sqlite"
    if not path.exists():
        shutil.copy(_migrated_database(), path)
    return f"sqlite:///{path}"


@functools.cache
def _migrated_database() -> Path:
    """Migrating takes a moment; most tests start from a copy."""
    path = Path(tempfile.mkdtemp(prefix="kakou-test-")) / "console.sqlite"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


def event_of(
    text: str = "测A12345", at: datetime = START, checkpoint: str = "一号卡口", level: str = "hit", **changes: object
) -> FlaggedEvent:
    """Return an event of an invented plate (测 is no province)."""
    event_id = hashlib.md5(f"{text} {at.isoformat()} {checkpoint}".encode(), usedforsecurity=False).hexdigest()
    reason = EventReason(
        area="999902", area_name="示例高风险区", level="high", visited_from=at - timedelta(days=3),
        visited_until=at - timedelta(days=2), declared_from=at - timedelta(days=4), declared_until=None,
        source="示例来源", expires_at=at + timedelta(days=10),
    )  # fmt: skip
    fields = {
        "event_id": event_id, "camera_id": f"{checkpoint}-入", "checkpoint": checkpoint, "level": level, "text": text,
        "plate_class": "02", "confidence": 0.62, "char_probs": tuple([0.99] * (len(text) - 1) + [0.62]),
        "probability": 0.93, "why": f"读作 {text}，名单中有 {text}", "reasons": (reason,),
        "alternatives": (
            EventAlternative(text=text, plate_class="02", probability=0.62, is_listed=True),
            EventAlternative(text=f"{text[:-1]}8", plate_class="02", probability=0.31, is_listed=False),
        ),
        "list_version": 7, "models": {"reader": "0" * 64}, "captured_at": at, "started_at": at, "arrived_at": at,
        "decided_at": at,
    } | changes  # fmt: skip
    return FlaggedEvent.model_validate(fields)


def proposal_of(number: int = 1, at: datetime = START, **changes: object) -> ProposalEvent:
    """Return what a higher platform asks, told to the box at `at`."""
    fields = {
        "event_id": f"{number:032x}", "platform": "上级平台", "checkpoint": "一号卡口", "reference": f"D{number}",
        "text": f"测A1234{number}", "reason": "涉疫车辆", "office": "示例指挥部", "arrived_at": at,
    }  # fmt: skip
    return ProposalEvent.model_validate(fields | changes)


def officer(scope: str = "", account_id: int = 101) -> Actor:
    return Actor(account_id, f"值班员{account_id}", Role.OFFICER, scope)


def act(console: Console, actor: Actor, action: Action, case_id: int = 1, **fields) -> None:
    console.desk.act(StepRequest(case_id, action, **fields), actor, console.now())


def take_case(console: Console, worker: Actor) -> None:
    """Open a case, confirm it and hand it out; this worker takes it."""
    console.intake.take([event_of()], console.now())
    for actor, action in ((officer(), Action.CONFIRM), (officer(), Action.ASSIGN), (worker, Action.ACCEPT)):
        act(console, actor, action)


def state_of(console: Console, case_id: int = 1) -> State:
    with console.database.reading() as session:
        return State(session.get_one(CaseRow, case_id).state)


def make_account(console: Console, username: str, role: Role, scope: str = "") -> Actor:
    """Add an account with PASSWORD, the way people get theirs: by a one-time link."""
    now = console.now()
    token = console.accounts.create(username, username, role, scope, SYSTEM, now)
    secret = console.accounts.invitation(token, now).totp_secret
    console.accounts.redeem(token, "", PASSWORD, code_for(secret, now), now)
    account = next(account for account in console.accounts.all() if account.username == username)
    return Actor(account.account_id, account.display_name, role, scope)


def code_for(secret: str | None, now: datetime) -> str:
    return pyotp.TOTP(secret).at(now) if secret else ""


def session_token(console: Console, username: str) -> str:
    """Log in without the network. An administrator's code works once: twice in a minute is once too often."""
    with console.database.reading() as session:
        row = session.scalars(select(AccountRow).where(AccountRow.username == username)).one()
    code = ""
    if row.totp_sealed is not None:
        secret = load_keys(console.anchors.parent / "console.key").open(row.totp_sealed)
        code = pyotp.HOTP(secret).at(max(row.totp_counter + 1, int(console.now().timestamp()) // 30))
    return console.sessions.log_in(username, PASSWORD, code, "test", console.now())


def cookie_for(console: Console, username: str) -> dict[str, str]:
    return {COOKIE: session_token(console, username)}


@contextlib.contextmanager
def served(console: Console) -> Iterator[str]:
    """Serve the console on a free port of a real server; yields its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(console), proxy_headers=False, log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = Server(config, console.hub)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    address = f"http://localhost:{listener.getsockname()[1]}"
    with httpx.Client(transport=httpx.HTTPTransport(verify=False, retries=20)) as client:
        client.get(f"{address}/healthz").raise_for_status()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        console.database.close()
        listener.close()


def client_of(app: FastAPI, console: Console, username: str | None = None, **headers: str) -> TestClient:
    client = TestClient(app, base_url=SECURE_ADDRESS, follow_redirects=False, headers=headers)
    if username:
        token = session_token(console, username)
        client.cookies.set(COOKIE, token)
        session = console.sessions.find(token, console.now())
        assert session is not None
        client.headers["x-csrf-token"] = session.csrf_token
    return client
