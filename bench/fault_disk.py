"""The outbox on a disk that fills up, and on one whose power is cut. Both need root, for mounting.

The power cut: an ext4 in an image file, mounted through a loop device. What the file system has not written to its
device yet is not in the image, so a copy of the image is the disk as it would be found after the cut. The same trial
with synchronous=NORMAL shows that the method does lose what was not synced.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.outbox import Outbox, OutboxError
from bench.fault_events import event
from bench.fault_rig import append_noting

MIB = 1024**2
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class PowerCut:
    acknowledged: int
    lost: int
    """Acknowledged events that are not in the outbox after the cut."""


@dataclass(frozen=True, slots=True)
class FullDisk:
    kept: int
    """Events that the outbox took with the disk full and every freed byte taken by others at once."""
    kept_after_reopening: int
    pictures_refused: bool
    recovered: bool
    """The reserve was set aside again once the disk had room."""


def cut_power(folder: Path, *, run_s: float, synchronous: str = "FULL") -> PowerCut:
    """Write events until the power is cut after `run_s`; then open what is on the disk."""

    def command(disk: Path) -> list[str | Path]:
        files: list[str | Path] = [disk / "outbox.sqlite", folder / "acknowledged"]
        return [sys.executable, "-m", "bench.fault_disk", *files, synchronous]

    with power_cut(folder, command, run_s) as (disk, said), Outbox(disk / "outbox.sqlite") as outbox:
        acknowledged = [line for line in said if len(line) == 32]
        kept = {row.event_id for row in outbox.after(0, 10**9)}
    return PowerCut(len(acknowledged), len(set(acknowledged) - kept))


@contextlib.contextmanager
def power_cut(
    folder: Path, command: Callable[[Path], Sequence[str | Path]], run_s: float, disk_mib: int = 96
) -> Iterator[tuple[Path, list[str]]]:
    """Let a process write on a disk, and note in `folder`/acknowledged what is there, until the power is cut.

    Yields the disk as it is found then, and the lines that were noted.
    """
    image, copy, acknowledged = folder / "disk.img", folder / "after.img", folder / "acknowledged"
    with image.open("wb") as file:
        file.truncate(disk_mib * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    with _mounted(image, folder / "before") as disk:
        writer = subprocess.Popen(command(disk), cwd=ROOT)
        _wait_for_lines(acknowledged)
        threading.Event().wait(run_s)
        writer.send_signal(signal.SIGSTOP)
        said = acknowledged.read_text().splitlines()
        shutil.copyfile(image, copy)
        writer.kill()
        writer.wait()
    with _mounted(copy, folder / "after") as disk:
        yield disk, said


def fill_disk(folder: Path, *, disk_mib: int, reserve_mib: int, wanted: int) -> FullDisk:
    """Append `wanted` events on a full tmpfs, half of them after closing and opening the outbox."""
    with mounted_tmpfs(folder / "small", disk_mib) as disk:
        path, stop = disk / "outbox.sqlite", threading.Event()
        outbox = Outbox(path, reserve_bytes=reserve_mib * MIB)
        filler = threading.Thread(target=fill_up, args=(disk / "pictures", stop))
        filler.start()
        wait_until_full(disk)
        kept = _append(outbox, 0, wanted // 2)
        pictures_refused = not outbox.has_room_for_pictures()
        outbox.close()
        outbox = Outbox(path, reserve_bytes=reserve_mib * MIB)
        kept_after = _append(outbox, wanted // 2, wanted)
        stop.set()
        filler.join()
        (disk / "pictures").unlink()
        recovered = outbox.restore_reserve() and outbox.is_reserve_held()
        outbox.close()
    return FullDisk(kept, kept_after, pictures_refused, recovered)


def write_unpaced(path: Path, acknowledged: Path, synchronous: str) -> None:
    """Append as fast as it goes, noting each acknowledged id on another disk."""
    with Outbox(path, reserve_bytes=4 * MIB) as outbox, acknowledged.open("a") as noted:
        outbox._file.connection.execute(f"PRAGMA synchronous={synchronous}")
        number = 0
        while True:
            append_noting(outbox, number, noted)
            number += 1


def _append(outbox: Outbox, first: int, end: int) -> int:
    kept = 0
    for number in range(first, end):
        with contextlib.suppress(OutboxError):
            kept += outbox.append(event(number))
    return kept


def fill_up(path: Path, stop: threading.Event) -> None:
    """Take every byte that is to be had, again and again, as a picture writer gone wild would."""
    with path.open("ab", buffering=0) as file:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                file.write(b"x" * 65536)
            with contextlib.suppress(OSError):
                file.write(b"x" * 512)
            stop.wait(0.0002)


def wait_until_full(disk: Path) -> None:
    pause = threading.Event()
    while shutil.disk_usage(disk).free > 4096:
        pause.wait(0.005)


def _wait_for_lines(path: Path, timeout_s: float = 60.0) -> None:
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not (path.exists() and path.stat().st_size > 0):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing was acknowledged within {timeout_s:g} s")
        pause.wait(0.01)


@contextlib.contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def mounted_tmpfs(place: Path, size_mib: int) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def can_mount() -> bool:
    """Return whether this user may mount a tmpfs here (root in a locked-down container may not)."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            with mounted_tmpfs(Path(folder), 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def random_moment_s() -> float:
    return random.uniform(0.3, 2.0)


if __name__ == "__main__":
    write_unpaced(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
