"""What long-running processes have in common."""

import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kakou.process import BEHIND_OTHERS, give_way, leave_a_core
from tests.commands import REPOSITORY


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_only_the_thread_that_gives_way_is_put_behind():
    def own_priority() -> int:
        give_way()
        give_way()  # a second time changes nothing
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(own_priority).result() == max(before, BEHIND_OTHERS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="asked of Linux alone")
@pytest.mark.parametrize("is_alone", [False, True])
def test_who_works_without_a_break_leaves_a_core_where_there_is_another(*, is_alone: bool):
    def left_from(cores: set[int]) -> set[int]:
        os.sched_setaffinity(0, cores)
        leave_a_core()
        return os.sched_getaffinity(0)

    before = os.sched_getaffinity(0)
    cores = {min(before)} if is_alone else before
    with ThreadPoolExecutor(max_workers=1) as pool:
        left = pool.submit(left_from, cores).result()
    assert left == (cores if len(cores) == 1 else cores - {min(cores)})
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes a user without a name")
def test_a_user_whom_the_machine_has_no_name_for_is_named_by_number():
    """A container may run with any number; the record still says who imported."""
    program = "import os; from kakou.process import this_user; os.setuid(54321); print(this_user())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "uid 54321\n", done.stderr
    asking = re.compile(r"getpass\.getuser\(")
    askers = [
        path.name for path in (REPOSITORY / "kakou").rglob("*.py") if asking.search(path.read_text(encoding="utf-8"))
    ]
    assert askers == ["process.py"], "everybody asks this one place"
