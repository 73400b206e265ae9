"""A box's processes are kept alive, and end together."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kakou.box.supervisor import ChildCommand, Supervisor
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
