"""The table of a box's processes. A new one is a module that ends in `run_by_order(work)`, and a row here."""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kakou.box.orders import Order
from kakou.box.supervisor import ChildCommand
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from pipeline.settings import SourceSettings

DONE_CODES = frozenset({int(ExitCode.OK), int(ExitCode.UNREADABLE)})
"""A child that ends with one of these has done its work; footage may have been damaged."""
CAMERAS_A_PROCESS = 8
"""As many as one interpreter serves beside its models: of a look's 13 ms, those outside them run one at a time."""
HOPELESS_CODES = frozenset({int(ExitCode.CONFIG), int(ExitCode.INTEGRITY)})
"""A child that ends with one of these would end the same way again."""

READS, ARRIVALS = "reads", "arrivals"
"""Names of the processes that take what cameras send, and decide it."""
FOR_DEVICES = (READS, ARRIVALS)
"""All devices that send reads need both."""


@dataclass(frozen=True, slots=True)
class BoxProcess:
    """One kind of process, run as `python -m MODULE` with its order on standard input."""

    kind: str
    module: str
    names: Callable[[Settings], Iterable[str]]
    """Which of them these settings want: one process a name, none when empty."""
    is_attendant: bool = False
    """It works for the others; when they are done, the box is."""
    gives_way: bool = False
    """Others come first, and have a core to themselves: a camera that waits for an answer sends all its reads again."""
    has_spare: bool = False
    """A second one stands by, with all loaded: cameras wait while it is away."""
    runs_with_box: bool = True
    """False: `kakou run` doesn't start it; `kakou demo` does."""


def groups(settings: Settings) -> list[str]:
    """Return the groups of cameras, in the order of the settings."""
    return list(sources_by_group(settings))


def sources_by_group(settings: Settings) -> dict[str, list[SourceSettings]]:
    """Return the sources of each process.

    Cameras without a group share processes, CAMERAS_A_PROCESS in each; a file or folder without one has its own.
    """
    found: dict[str, list[SourceSettings]] = {}
    shared = 0
    for source in settings.sources:
        name = source.group or source.camera_id
        if source.group is None and source.is_live:
            name = f"cameras-{shared // CAMERAS_A_PROCESS + 1}"
            shared += 1
        found.setdefault(name, []).append(source)
    return found


def canary(settings: Settings) -> list[str]:
    """Return the canary of a box with cameras; footage ends by itself and needs none."""
    has_cameras = any(source.is_live for source in settings.sources) or bool(settings.reads.devices)
    return ["canary"] if has_cameras and settings.watch.canary_minutes else []


def counted(settings: Settings) -> list[str]:
    """Return the names of the processes that count passages."""
    return groups(settings) + if_cameras_send(ARRIVALS)(settings)


def always(_: Settings) -> list[str]:
    return ["console"]


def booth(settings: Settings) -> list[str]:
    return ["booth"] if settings.booth.port is not None and settings.cameras else []


def if_cameras_send(name: str) -> Callable[[Settings], list[str]]:
    """Return what wants one process of that name where devices send reads."""
    return lambda settings: [name] if settings.reads.devices else []


PROCESSES = (
    BoxProcess("cameras", "kakou.box.group", groups),
    BoxProcess("reads", "kakou.box.reads", if_cameras_send(READS), has_spare=True),
    BoxProcess("arrivals", "kakou.box.arrivals", if_cameras_send(ARRIVALS), gives_way=True),
    BoxProcess("canary", "kakou.box.canary", canary, is_attendant=True),
    BoxProcess("booth", "kakou.box.booth", booth, is_attendant=True),
    BoxProcess("console", "kakou.box.console", always, runs_with_box=False),
)


def box_children(settings: Settings, order: Order) -> list[ChildCommand]:
    """Return the processes that `kakou run` keeps alive; each gets `order` under its own name."""
    return [child for row in PROCESSES if row.runs_with_box for child in _children(row, settings, order)]


def children_of(kind: str, order: Order) -> list[ChildCommand]:
    """Return the processes of one kind. Raises StopIteration for an unknown one."""
    return _children(next(row for row in PROCESSES if row.kind == kind), order.settings, order)


def new_order(settings: Settings, redis_url: str, *, as_json: bool = False, show_clear_plates: bool = False) -> Order:
    """Return the order of this process's children."""
    return Order(
        name="", settings=settings, redis_url=redis_url, parent_id=os.getpid(), as_json=as_json,
        show_clear_plates=show_clear_plates,
    )  # fmt: skip


def _children(row: BoxProcess, settings: Settings, order: Order) -> list[ChildCommand]:
    return [
        ChildCommand(
            name,
            (sys.executable, "-m", row.module),
            done_codes=DONE_CODES,
            hopeless_codes=HOPELESS_CODES,
            is_attendant=row.is_attendant,
            gives_way=row.gives_way,
            has_spare=row.has_spare,
            given=order.model_copy(update={"name": name}).to_bytes(),
        )
        for name in row.names(settings)
    ]
