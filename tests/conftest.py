"""How the tests are run; what they share is in tests/shared_fixtures.py."""

import contextlib
import fcntl
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The tests start hundreds of Python processes: without kept bytecode each would compile everything anew, for seconds.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

gc.disable()  # until all is collected: nothing of what is loaded meanwhile goes again

LONGEST = """pipeline_replay_cli kakou_run kakou_damage pipeline_sub_stream alerts_faults pipeline_still_groups
kakou_canary kakou_demo kakou_read console_booth_page console_web kakou_notices_cameras console_browser_desk
console_browser_phone console_browser_again kakou_state_files console_people alerts_retries kakou_backup
pipeline_replay riskdb_office_files console_browser console_desk console_browser_health console_browser_pages
riskdb_cli console_browser_list pipeline_reads_fresh_first console_browser_phone_still console_notices riskdb_chain
pipeline_sub_stream_trust"""
"""From the longest on, eight seconds at least: the shorter the files that come last, the sooner all end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none is alone at the end, and end with those that measure time.

    The others stay in random order. Hypothesis' tests are in the long run, too, where they try more examples.
    """
    if items and items[0].config.getoption("markexpr") == "long":
        for item in items:
            if hasattr(getattr(item, "obj", None), "hypothesis"):
                item.add_marker("long")
    measuring = {item.path for item in items if item.get_closest_marker("timing")}
    turns = {f"test_{name}": turn for turn, name in enumerate(LONGEST.split())}
    items.sort(key=lambda item: (item.path in measuring, turns.get(item.path.stem, len(turns))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test that measures time have the machine: it waits for those that other workers run, and they for it."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    turn = os.open(Path(__file__).parent, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX if item.get_closest_marker("timing") else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        fcntl.flock(turn, fcntl.LOCK_UN)  # a process that a test left behind may have inherited it
        os.close(turn)


def pytest_configure(config: pytest.Config) -> None:
    """Load what the tests share, but not into the process that only hands them out."""
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        config.pluginmanager.import_plugin("tests.shared_fixtures")
        from hypothesis import settings
        from hypothesis.internal.conjecture import providers

        if config.getoption("markexpr") == "long":
            settings.load_profile("thorough")
        else:  # reading all our source for values to try takes each worker up to 3 s
            providers._get_local_constants = lambda: providers._local_constants
    else:
        gc.enable()  # nothing is collected here


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """In a fresh checkout each worker begins at another file: together they compile all of them once, not each all."""
    work = getattr(session.config, "workerinput", None)
    if work is None or not all(map(os.path.isdir, session.config.args)):
        return
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    begin = int(work["workerid"].removeprefix("gw")) * len(names) // work["workercount"]
    for name in names[begin:] + names[:begin]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting it says what is wrong
            importlib.import_module(f"tests.{name}")


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not look at half a million objects each time."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    """A command that an earlier test called in this process may have left its private umask."""
    os.umask(0o022)
