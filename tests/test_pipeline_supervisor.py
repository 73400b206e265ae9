"""A box's processes are kept alive, and end together."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kakou.box.started import start
from kakou.box.supervisor import ChildCommand, Supervisor, next_wait_s
from tests.alerts_kit import wait_until


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@contextmanager
def supervised(*children: ChildCommand) -> Iterator[Supervisor]:
    supervisor = Supervisor(children, max_wait_s=0.1)
    stop = threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(stop,))
    thread.start()
    yield supervisor
    stop.set()
    thread.join(timeout=15)
    assert not thread.is_alive()


def is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_is_done_is_not_started_again(tmp_path: Path) -> None:
    code = f"import sys; open({str(tmp_path / 'runs')!r}, 'a').write('x'); sys.exit(3)"
    child = ChildCommand("file", python(code), done_codes=frozenset({0, 3}))
    assert Supervisor([child]).run(threading.Event()) == {"file": 3}
    assert (tmp_path / "runs").read_text() == "x"


def test_a_child_that_is_killed_is_started_again() -> None:
    with supervised(ChildCommand("camera", python("import time; time.sleep(60)"))) as supervisor:
        wait_until(lambda: bool(supervisor.process_ids()))
        first = supervisor.process_ids()["camera"]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.process_ids().get("camera", first) != first)


def test_a_child_that_beats_and_falls_silent_is_killed_and_started_again() -> None:
    code = "import os, time; from kakou.box.supervisor import Heartbeat; Heartbeat(os.environ).beat(); time.sleep(60)"
    command = (sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}")
    with supervised(ChildCommand("camera", command, silence_timeout_s=0.3)) as supervisor:
        wait_until(lambda: bool(supervisor.process_ids()))
        first = supervisor.process_ids()["camera"]
        wait_until(lambda: supervisor.process_ids().get("camera", first) != first)


def test_stopping_leaves_no_child_behind() -> None:
    children = [ChildCommand(name, python("import time; time.sleep(60)")) for name in ("a", "b")]
    with supervised(*children) as supervisor:
        wait_until(lambda: len(supervisor.process_ids()) == 2)
        process_ids = list(supervisor.process_ids().values())
    assert not any(is_alive(process_id) for process_id in process_ids)


def test_a_child_that_worked_for_long_is_started_again_at_once_and_one_that_dies_soon_ever_later():
    waits = [0.0]
    for worked_s in (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 31.0, 6.0, 6.0, 0.1, 12.0, 6.0, 25.0):
        waits.append(next_wait_s(waits[-1], worked_s, 30.0))
    assert waits[1:] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.2, 0.2, 0.2, 1.0, 0.2, 0.2, 0.2]
    assert next_wait_s(4.0, 12.0, 30.0) == 8.0, "it is away for more than a tenth of the time"


def test_a_child_that_is_killed_after_work_comes_again_at_once_each_time(caplog: pytest.LogCaptureFixture):
    code = "from kakou.box.supervisor import Heartbeat; Heartbeat(os.environ).beat(); time.sleep(0.6); sys.exit(9)"
    command = python(f"import os, sys, time; sys.path[:0] = {sys.path!r}; {code}")
    stop = threading.Event()
    thread = threading.Thread(target=Supervisor([ChildCommand("reads", command)], max_wait_s=0.5).run, args=(stop,))
    thread.start()
    wait_until(lambda: caplog.text.count("starting it again") >= 2)
    stop.set()
    thread.join(timeout=15)
    assert re.findall(r"again in ([\d.]+) s", caplog.text)[:2] == ["0.2", "0.2"]


SPARE = """
import os, sys, time
sys.path[:0] = {path!r}
from kakou.box.started import await_turn
from kakou.box.supervisor import Heartbeat
told = open({told!r}, "a", buffering=1)
told.write(f"{{os.getpid()}} loaded\\n")
if await_turn():
    told.write(f"{{os.getpid()}} works\\n")
    Heartbeat(os.environ).beat()
    time.sleep(60)
told.write(f"{{os.getpid()}} ends\\n")
"""


def child_with_spare(told: Path) -> ChildCommand:
    told.touch()
    return ChildCommand("reads", python(SPARE.format(path=sys.path, told=str(told))), has_spare=True)


def who(told: Path, does: str) -> list[int]:
    """Return the ids of the processes that told so, in order."""
    lines = [line.split() for line in told.read_text().splitlines()]
    return [int(process_id) for process_id, what in lines if what == does]


def await_count(told: Path, does: str, count: int) -> None:
    wait_until(lambda: len(who(told, does)) == count)


def test_a_spare_that_is_loaded_beforehand_takes_over_from_a_child_that_is_killed(tmp_path: Path):
    told = tmp_path / "told"
    with supervised(child_with_spare(told)) as supervisor:
        for count in (1, 2, 3):
            await_count(told, "loaded", count + 1)
            assert who(told, "works") == who(told, "loaded")[:count], "only one of them works"
            os.kill(who(told, "works")[-1], signal.SIGKILL)
            await_count(told, "works", count + 1)
            assert supervisor.process_ids() == {"reads": who(told, "works")[-1]}
        assert who(told, "works") == who(told, "loaded")[:4]
    assert not any(is_alive(process_id) for process_id in who(told, "loaded"))


def test_a_spare_is_told_as_soon_as_its_child_has_ended_however_seldom_the_others_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with supervised(child_with_spare(told := tmp_path / "told")):
        await_count(told, "loaded", 2)
        monkeypatch.setattr("kakou.box.supervisor.TICK_S", 3.0)
        time.sleep(0.2)
        began = time.monotonic()
        os.kill(who(told, "works")[0], signal.SIGKILL)
        await_count(told, "works", 2)
        assert time.monotonic() - began < 1.0


def test_a_spare_is_made_ready_before_it_waits_and_who_works_at_once_is_not(tmp_path: Path):
    code = f"import sys; sys.path[:0] = {sys.path!r}; from kakou.box.started import await_turn;"
    code += f"told = open({str(tmp_path / 'told')!r}, 'a', buffering=1);"
    code += "await_turn(lambda: told.write('ready\\n')); told.write('works\\n')"
    for is_spare in (False, True):
        (told := tmp_path / "told").write_text("")
        child = start(python(code), b"", gives_way=False, is_spare=is_spare)
        if is_spare:
            wait_until(lambda: told.read_text() == "ready\n")
        child.begin()
        assert child.process.wait(10) == 0
        child.close()
        assert told.read_text() == ("ready\n" if is_spare else "") + "works\n"


def test_a_spare_that_is_killed_is_loaded_anew_and_one_that_dies_with_its_child_is_not_waited_for(tmp_path: Path):
    told = tmp_path / "told"
    with supervised(child_with_spare(told)):
        await_count(told, "loaded", 2)
        os.kill(who(told, "loaded")[1], signal.SIGKILL)
        await_count(told, "loaded", 3)
        assert len(who(told, "works")) == 1
        for process_id in who(told, "loaded")[2::-2]:
            os.kill(process_id, signal.SIGKILL)
        await_count(told, "works", 2)
        assert who(told, "works")[1] not in who(told, "loaded")[:3]


def test_a_spare_whose_supervisor_is_no_more_ends_without_having_worked(tmp_path: Path):
    child = child_with_spare(told := tmp_path / "told")
    spare = start(child.command, b"", gives_way=False, is_spare=True)
    await_count(told, "loaded", 1)
    spare.close()
    assert spare.process.wait(10) == 0
    assert (who(told, "works"), who(told, "ends")) == ([], [spare.process.pid])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="asked of Linux alone")
def test_a_spare_loads_on_another_core_than_the_first_and_works_on_all(tmp_path: Path):
    every = sorted(os.sched_getaffinity(0))
    spare = start(child_with_spare(told := tmp_path / "told").command, b"", gives_way=False, is_spare=True)
    await_count(told, "loaded", 1)
    assert sorted(os.sched_getaffinity(spare.process.pid)) == (every[1:] or every)
    spare.begin()
    await_count(told, "works", 1)
    assert sorted(os.sched_getaffinity(spare.process.pid)) == every
    spare.process.kill()
    spare.process.wait(10)
    spare.close()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system shares cores among processes alone")
def test_a_spare_loads_behind_other_sessions_and_works_beside_them(tmp_path: Path):
    code = f"import shutil, sys, time; sys.path[:0] = {sys.path!r}; from kakou.box.started import await_turn;"
    code += f"note = lambda name: shutil.copyfile('/proc/self/autogroup', {str(tmp_path)!r} + name);"
    code += "await_turn(lambda: (time.sleep(0.3), note('/loads'))); note('/works')"
    spare = start(python(code), b"", gives_way=False, is_spare=True)
    spare.begin()
    assert spare.process.wait(20) == 0
    spare.close()
    assert [(tmp_path / name).read_text().split()[-1] for name in ("loads", "works")] == ["5", "0"]


def test_a_child_that_gives_way_does_so_from_its_start_on(tmp_path: Path):
    written = tmp_path / "nice"
    code = f"import os, time; time.sleep(0.2); open({str(written)!r}, 'w').write(str(os.nice(0)))"
    child = ChildCommand("arrivals", python(code), gives_way=True)
    Supervisor([child]).run(threading.Event())
    assert int(written.read_text()) == max(5, os.nice(0))


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system shares cores among processes alone")
def test_a_child_that_gives_way_does_so_among_sessions_and_the_others_keep_their_place(tmp_path: Path):
    written = tmp_path / "way", tmp_path / "none"
    commands = [
        python(f"import shutil, time; time.sleep(0.2); shutil.copyfile('/proc/self/autogroup', {str(path)!r})")
        for path in written
    ]
    own = Path("/proc/self/autogroup").read_text()
    children = [ChildCommand("arrivals", commands[0], gives_way=True), ChildCommand("reads", commands[1])]
    Supervisor(children).run(threading.Event())
    assert [path.read_text().split()[-1] for path in written] == ["5", "0"]
    assert Path("/proc/self/autogroup").read_text() == own
