"""`make mutants`: change one line, run the tests named for it, and count who noticed.

Each mutant is tried in a copy of the repository, by a fork of this process that has the libraries of others loaded and
none of ours. Exit code 1 where fewer than WANTED are noticed, or a table no longer fits the code.
"""

import argparse
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import alerts, console, riskdb
from tests.mutants.mutant import ROOT, Mutant

WANTED = 0.95
CPU_S = 240
"""A mutant that makes its tests work longer hangs, which is noticed too."""
LIBRARIES = (
    "pytest", "hypothesis", "numpy", "cv2", "av", "redis", "pydantic", "sqlalchemy", "alembic.command", "fastapi",
    "starlette.testclient", "httpx", "cryptography.fernet", "argon2", "playwright.sync_api", "polars", "typer", "rich",
)  # fmt: skip
LATE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Of plugins that are loaded already."""
MUTANTS: tuple[Mutant, ...] = (*riskdb.MUTANTS, *alerts.MUTANTS, *console.MUTANTS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose file or change holds this")
    parser.add_argument("--green", action="store_true", help="the tests are known to be green without any change")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    # As ocr sets them, which is not loaded here.
    os.environ |= {"OPENCV_IO_MAX_IMAGE_PIXELS": str(64 * 1024 * 1024), "ORT_DISABLE_TELEMETRY": "1"}
    for library in LIBRARIES:
        importlib.import_module(library)
    with tempfile.TemporaryDirectory(prefix="kakou-mutants-") as folder:
        copy = Path(folder) / "kakou"
        copy_tree(copy)
        tests_named = [] if options.green else sorted({mutant.tests for mutant in chosen})
        red = {tests for tests in tests_named if is_red_already(copy, tests)}
        judged = [mutant for mutant in chosen if mutant.tests not in red]
        survivors = [mutant for mutant in judged if not tried(mutant, copy)]
    killed = len(judged) - len(survivors)
    print(f"noticed: {killed} of {len(judged)} ({killed / max(1, len(judged)):.1%})")
    for mutant in survivors:
        print(f"not noticed: {mutant.name}")
    if red:
        print(f"not tried: {len(chosen) - len(judged)}, whose tests are red without any change")
    return 0 if not red and killed >= WANTED * len(judged) else 1


def copy_tree(copy: Path) -> None:
    """Copy what git knows of: no environment, no state."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


def is_red_already(copy: Path, tests: Sequence[str]) -> bool:
    """Return whether tests fail without any change, and say how."""
    is_red = is_noticed(copy, tests)
    if is_red:
        print(f"red without any change: {' '.join(tests)}")
        print("\n".join(log_of(copy).read_text(encoding="utf-8", errors="replace").splitlines()[-20:]), flush=True)
    return is_red


def log_of(copy: Path) -> Path:
    return copy.with_suffix(".log")


def tried(mutant: Mutant, copy: Path) -> bool:
    """Return whether the tests notice the mutant; the copy is whole again afterwards."""
    original = (copy / mutant.path).read_text(encoding="utf-8")
    started = time.monotonic()
    (copy / mutant.path).write_text(mutant.content(copy), encoding="utf-8")
    try:
        noticed = is_noticed(copy, mutant.tests)
    finally:
        (copy / mutant.path).write_text(original, encoding="utf-8")
    print(
        f"{'noticed' if noticed else 'NOT NOTICED':11} {time.monotonic() - started:5.0f} s  {mutant.name}", flush=True
    )
    return noticed


def is_noticed(copy: Path, tests: Sequence[str]) -> bool:
    """Run tests in the copy, in a fork; return whether one fails, or they never end."""
    child = os.fork()
    if child == 0:
        try:
            code = _run(copy, tests)
            sys.stdout.flush()
            os._exit(code)
        finally:
            os._exit(3)
    try:
        _, status = os.waitpid(child, 0)
    except KeyboardInterrupt:
        os.killpg(child, signal.SIGKILL)
        raise
    return status != 0


def _run(copy: Path, tests: Sequence[str]) -> int:
    import pytest

    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    log = os.open(log_of(copy), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(copy)
    # The copy's are to be loaded.
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    own = ["--basetemp", str(copy.with_suffix(".tmp"))]  # others' are nobody's to tidy up
    return int(pytest.main(["-q", "-x", "-n0", "-p", "no:randomly", "-p", "no:cacheprovider", *LATE, *own, *tests]))


if __name__ == "__main__":
    raise SystemExit(main())
