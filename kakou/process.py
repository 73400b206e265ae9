"""What every long-running process of ours does: end in order when asked, and never outlive its parent."""

import contextlib
import gc
import getpass
import logging
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline import parent_death

BEHIND_OTHERS = 5
"""Priority (nice value) of what nobody waits for: the list's upkeep, deciding reads that were kept, reading plates."""
FAR_BEHIND = 10
ENOUGH_TO_GO, ENOUGH_TO_STAY = 0.4, 0.25
"""Shares of a core: who gets as much goes from BEHIND_OTHERS to FAR_BEHIND; who gets less there comes back."""
STAYS_S = 60.0
"""And stays so long: each try takes from the one that comes back what it needs."""
_SWITCH_INTERVAL_S = 0.0005


def stop_on_signals() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; a second signal ends the process at once."""
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop


@contextlib.contextmanager
def beside(work: Callable[[threading.Event], object], name: str, join_s: float | None = None) -> Iterator[None]:
    """Do `work` in a thread while the context is open; the event it is given tells it to end.

    `join_s`: how long its end is waited for at most; it ends with the process then.
    """
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(join_s)


def keep_private(state_dir: Path) -> None:
    """Make the state folder, for its owner alone, and so everything that is in it and that comes: it holds plates.

    Raises OSError.
    """
    os.umask(0o077)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if state_dir.resolve() in (Path.cwd(), Path.home(), Path("/")):
        return  # others' files are there too
    for path in (state_dir, *state_dir.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            is_ours = found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode)
            if is_ours and found.st_mode & 0o077:
                path.chmod(stat.S_IMODE(found.st_mode) & 0o700)


def this_user() -> str:
    """Return who runs this process, as the system names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"uid {os.getuid()}"


def die_with_parent(parent_id: int) -> None:
    """Ask Linux for SIGTERM when the parent ends, whatever ends it; exit at once if it has ended already."""
    parent_death.die_with_parent(signal.SIGTERM)
    if sys.platform == "linux" and os.getppid() != parent_id:
        raise SystemExit(0)


def give_way(process_id: int | None = None) -> None:
    """Put this thread behind the others: while a large list is rebuilt, lookups must not wait for a core.

    Child processes started later inherit it; start servers first. `process_id`: of one that was just started instead.
    """
    if sys.platform == "linux":
        whose = threading.get_native_id() if process_id is None else process_id
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, whose, max(BEHIND_OTHERS, os.getpriority(os.PRIO_PROCESS, whose)))
        if process_id is not None:
            put_session_behind(process_id)


def put_session_behind(process_id: int) -> None:
    """Put all of a process's own session behind the others: Linux shares its cores among sessions first (autogroups).

    The priority of a process then counts among those of its own session alone. Within a cgroup with a share of its own,
    and in systems without autogroups, it is the other way round.
    """
    autogroup = Path(f"/proc/{process_id}/autogroup")
    with contextlib.suppress(OSError, ValueError, IndexError):
        if os.getsid(process_id) == process_id:
            priority = int(autogroup.read_text().split()[-1])  # "/autogroup-123 nice 0"
            autogroup.write_text(str(max(BEHIND_OTHERS, priority)))


class Standing:
    """How far behind others the session of this process is that works without a break when there is too much to do.

    It goes farther back while it gets enough of a core all the same: then nobody who answers at once waits for it, and
    it loses little. Where others take what it needs it comes back, which anybody may. Only where there are autogroups.
    """

    def __init__(self, now_s: float, used_s: float) -> None:
        """`used_s`: of this process's time on the processor."""
        self._at_s, self._used_s = now_s, used_s
        self._priority = BEHIND_OTHERS
        self._stays_until_s = now_s

    def look(self, now_s: float, used_s: float, *, has_too_much: bool) -> None:
        """Be called every second or so."""
        share = (used_s - self._used_s) / max(now_s - self._at_s, 1e-3)
        self._at_s, self._used_s = now_s, used_s
        is_far = self._priority == FAR_BEHIND
        has_enough = share >= (ENOUGH_TO_STAY if is_far else ENOUGH_TO_GO)
        if is_far and has_too_much and not has_enough:
            self._stays_until_s = now_s + STAYS_S
        goes = has_too_much and has_enough and now_s >= self._stays_until_s
        wanted = FAR_BEHIND if goes else BEHIND_OTHERS
        if wanted != self._priority and _put_own_session(wanted):
            self._priority = wanted


def _put_own_session(priority: int) -> bool:
    try:
        Path("/proc/self/autogroup").write_text(str(priority))
    except OSError:  # no sessions here that cores are shared among, or it was moved a moment ago
        return False
    return True


def put_session_beside(tries: int = 20) -> None:
    """Put the session of this process beside the others again, which anybody may."""
    for _ in range(tries):
        try:
            Path("/proc/self/autogroup").write_text("0")
        except BlockingIOError:  # ten of these a second is all that Linux takes
            time.sleep(0.1)
        except OSError:  # there are no sessions here that cores are shared among
            return
        else:
            return


def answer_beside_work(interval_s: float = _SWITCH_INTERVAL_S) -> None:
    """Keep what is short from waiting for what is long, among the threads of a process that answers people.

    A thread that comes back from the database or a socket waits for the interpreter until a busy one has had its
    interval (5 ms as Python comes), dozens of times in one answer. And what is loaded by now stays: the garbage
    collector need not look at it again (200 ms a look, in which every thread waits). `interval_s`: shorter answers
    sooner, and costs more: every change of threads is a call of the system.
    """
    sys.setswitchinterval(interval_s)
    gc.collect()
    gc.freeze()


def leave_a_core(process_id: int = 0) -> None:
    """Keep a process that was just started off the first of its cores: that one is for those who answer at once.

    What it starts keeps off it, too. Without an id: this thread.
    """
    if hasattr(os, "sched_getaffinity"):
        with contextlib.suppress(OSError):  # it has ended, or this system lets nobody choose: then it runs anywhere
            if len(cores := sorted(os.sched_getaffinity(process_id))) > 1:
                os.sched_setaffinity(process_id, cores[1:])


def use_parents_cores() -> None:
    """Let this thread run wherever its parent may."""
    if hasattr(os, "sched_getaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, os.sched_getaffinity(os.getppid()))


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def log_to_stderr() -> None:
    """Log to the journal; a service that runs as root is told so."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "fast_plate_ocr"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if os.geteuid() == 0 and os.environ.get("INVOCATION_ID"):  # systemd started it
        logging.getLogger(__name__).warning(
            "服务以 root 运行：请用 kakou install 写的单元（User=kakou），并 chown -R kakou 状态目录"
        )
