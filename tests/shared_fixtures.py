"""Real servers for the tests that need them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import redis
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser
from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import Pool

import ocr  # noqa: F401  before any test imports cv2: it sets the limit of pixels
from alerts.redis_link import connect
from console.parts import Console
from kakou.wiring.embedded_redis import embedded_redis
from tests.console_browser import open_browser
from tests.console_kit import Clock, PaperList, migrated_copy, open_console, settings_with
from tests.console_world import World, open_world
from tests.postgresql_server import emptied, migrated_template, postgresql_server


@event.listens_for(Pool, "checkout")
def wait_for_no_disk(connection: object, *_: object) -> None:
    """A test's console need not outlive a power cut: where others write, too, each commit would wait for seconds."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


class Compiled(dict[tuple[Any, ...], Any]):
    """What SQLAlchemy compiled, by kind of database: it would compile each statement anew for each engine,
    and nearly every test of the console opens one."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        dialect, *others = key
        return super().get((dialect.name, *others), default)

    def __setitem__(self, key: tuple[Any, ...], value: Any) -> None:
        dialect, *others = key
        super().__setitem__((dialect.name, *others), value)


_compiled = Compiled()


@event.listens_for(Engine, "engine_connect")
def compile_statements_once(connection: Connection) -> None:
    connection.engine.update_execution_options(compiled_cache=_compiled)


_open_model = onnxruntime.InferenceSession
_open_models: dict[object, onnxruntime.InferenceSession] = {}


def open_model_once(
    model: Path, sess_options: onnxruntime.SessionOptions, providers: list[str]
) -> onnxruntime.InferenceSession:
    """Opening takes as long as reading ten plates, and a session remembers nothing of what it read."""
    there = model.stat()
    threads = sess_options.intra_op_num_threads, sess_options.inter_op_num_threads
    known = (model.resolve(), there.st_size, there.st_mtime_ns, threads, tuple(providers))
    if known not in _open_models:
        _open_models[known] = _open_model(model, sess_options, providers=providers)
    return _open_models[known]


onnxruntime.InferenceSession = open_model_once

# How long an example takes says here how full the machine is.
settings.register_profile("beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
settings.register_profile("thorough", settings.get_profile("beside others"), max_examples=100)
settings.load_profile("beside others")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Redis server that lives as long as the test session."""
    with embedded_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of the session's Redis server, emptied."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def redis_client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Folder of the socket of a real PostgreSQL server; holds the migrated databases `template` and `shared`."""
    with postgresql_server() as folder:
        migrated_template(folder)
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh database of the console, its tables made; the test runs on each kind."""
    if request.param == "sqlite":
        return migrated_copy(tmp_path)
    return emptied(request.getfixturevalue("postgresql"))


@pytest.fixture
def clock() -> Clock:
    """The console's clock."""
    return Clock()


@pytest.fixture
def paper() -> PaperList:
    """The console's list."""
    return PaperList()


@pytest.fixture
def console(tmp_path: Path, clock: Clock, paper: PaperList) -> Iterator[Console]:
    """A console with nobody in it and without Redis."""
    console = open_console(tmp_path, connect("unix:///nowhere"), clock, paper)
    yield console
    console.database.close()


@pytest.fixture
def each_console(tmp_path: Path, database_url: str, clock: Clock, paper: PaperList) -> Iterator[Console]:
    """The same on each kind of database."""
    settings = settings_with(database_url=database_url)
    console = open_console(tmp_path, connect("unix:///nowhere"), clock, paper, settings)
    yield console
    console.database.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    """A console that runs, with people, for the tests of one file."""
    with open_world(redis_server, browser) as world:
        yield world


@pytest.fixture(scope="session")
def development_data() -> Path:
    """The folder of real development data; skips where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the development data folder ../shared/data is absent")
    return folder
