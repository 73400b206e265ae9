"""A copy of the tree in which a test opens a door: it adds a toy as a contributor would, and uses it."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("alerts", "riskdb", "ocr", "console", "pipeline", "kakou")


def copy_of_the_packages(place: Path) -> Path:
    """Copy our packages' code, which a contributor changes; return the folder."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            place / package,
            ignore=lambda folder, names: [one for one in names if _is_left(folder, one)],
        )
    for name in ("tests/alerts_kit.py", "bench/fault_events.py", "bench/__init__.py", "tests/__init__.py"):
        if (ROOT / name).exists():
            (place / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place


def _is_left(folder: str, name: str) -> bool:
    return not (Path(folder, name).is_dir() or name.endswith(".py")) or name == "__pycache__"


def run_in(tree: Path, code: str) -> None:
    """Run a contributor's use of the copy; what it asserts must hold."""
    place = tree / "work"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env={"PYTHONPATH": str(tree), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def add_lines(path: Path, before: str, lines: str) -> int:
    """Put lines before the first place that says `before`; return how many they are."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, lines + before, 1), encoding="utf-8")
    return len([line for line in lines.splitlines() if line])
