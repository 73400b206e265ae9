"""Runs the real `kakou` command, as a child process or in this one."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from kakou.main import app

REPOSITORY = Path(__file__).parents[1]
SAMPLE_S = 0.02
PROGRAM = ("-m", "kakou.main")
ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "200"}


@dataclass(frozen=True, slots=True)
class Finished:
    exit_code: int
    stdout: str
    stderr: str
    peak_mb: float
    """Largest resident memory of the command; 0 where it had no process of its own."""


def run_kakou(
    *arguments: str | Path, folder: Path | None = None, timeout_s: float = 180.0, program: Sequence[str] = PROGRAM
) -> Finished:
    """Run `kakou ARGUMENTS` in `folder` (default: an empty one) and wait for its end."""
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start_kakou(
            *arguments, folder=folder or Path(empty), stdout=out.fileno(), stderr=err.fileno(), program=program
        )
        peak_mb = _wait(process, timeout_s)
        out.seek(0)
        err.seek(0)
        return Finished(process.returncode, out.read().decode(), err.read().decode(), peak_mb)


def call_kakou(*arguments: str | Path, folder: Path | None = None) -> Finished:
    """Do the same in this process, which has the libraries loaded: where a process of its own is not what is tested."""
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    umask = os.umask(0o022)
    with tempfile.TemporaryDirectory() as empty, contextlib.chdir(folder or empty):
        done = CliRunner().invoke(app, list(map(str, arguments)), env={**ENVIRONMENT, "REDIS_URL": None})
    os.umask(umask)
    for number, handler in handlers:
        signal.signal(number, handler)
    return Finished(done.exit_code, done.stdout, done.stderr, peak_mb=0.0)


def start_kakou(
    *arguments: str | Path,
    folder: Path,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    program: Sequence[str] = PROGRAM,
) -> "subprocess.Popen[bytes]":
    """Start `kakou ARGUMENTS` in `folder`, without REDIS_URL and without colours; `program` is what Python is given."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    environment |= ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def _wait(process: "subprocess.Popen[bytes]", timeout_s: float) -> float:
    """Wait for the end; return the peak of the resident memory in MB.

    Not from rusage: that starts with the peak of whoever started the process.
    """
    peak_mb = 0.0
    deadline = time.monotonic() + timeout_s
    while process.returncode is None:
        with contextlib.suppress(OSError, StopIteration):
            status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak_mb = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SAMPLE_S)
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
    return peak_mb
