"""Runs the real `kakou` command as a child process."""

import os
import resource
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str
    peak_mb: float
    """Largest resident memory of the command."""


def run_kakou(*arguments: str | Path, folder: Path | None = None, timeout_s: float = 60.0) -> Finished:
    """Run `kakou ARGUMENTS` in `folder` (default: an empty one) and wait for its end."""
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start_kakou(*arguments, folder=folder or Path(empty), stdout=out.fileno(), stderr=err.fileno())
        try:
            _, status, usage = _wait(process, timeout_s)
        finally:
            process.returncode = 0
        out.seek(0)
        err.seek(0)
        return Finished(
            os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode(), usage.ru_maxrss / 1024
        )


def start_kakou(
    *arguments: str | Path, folder: Path, stdout: int = subprocess.DEVNULL, stderr: int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    """Start `kakou ARGUMENTS` in `folder`, without REDIS_URL and without colours."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    environment |= {"NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-m", "kakou.main", *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def _wait(process: "subprocess.Popen[bytes]", timeout_s: float) -> tuple[int, int, "resource.struct_rusage"]:
    timer = threading.Timer(timeout_s, process.kill)
    timer.start()
    try:
        return os.wait4(process.pid, 0)
    finally:
        timer.cancel()
