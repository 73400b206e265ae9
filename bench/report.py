"""What every bench prints: the machine, a table, and which bars are met."""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from ocr.processor import instructions

NO_DATA = 3
"""Exit code of a bench whose data are not here; `make bench` goes on with the next."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that must be reached."""

    name: str
    value: float
    limit: float
    direction: Literal["at least", "at most"]

    @property
    def is_met(self) -> bool:
        # A comparison of what NumPy computed is no bool, and JSON does not take it.
        return bool(self.value >= self.limit if self.direction == "at least" else self.value <= self.limit)


@dataclass(slots=True)
class Report:
    """The result of one bench: tables of rows, and bars."""

    title: str
    tables: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def add_row(self, table: str, **cells: Cell) -> None:
        self.tables.setdefault(table, []).append(cells)

    def add_bar(self, name: str, value: float, limit: float, direction: Literal["at least", "at most"]) -> None:
        self.bars.append(Bar(name, value, limit, direction))

    def finish(self, options: argparse.Namespace) -> None:
        """Print everything, write `--json FILE`, and with `--check` exit 1 where a bar is missed."""
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
        console.print(f"[bold]{self.title}[/bold]\n{machine_line()}")
        for name, rows in self.tables.items():
            console.print(_table(name, rows))
        for bar in self.bars:
            mark = "[green]met   [/green]" if bar.is_met else "[red]MISSED[/red]"
            console.print(f"{mark} {bar.name}: {_text(bar.value)} ({bar.direction} {_text(bar.limit)})")
        if options.json:
            _write_json(self, options.json)
        if options.check and not all(bar.is_met for bar in self.bars):
            raise SystemExit(1)


def bench_options(description: str) -> argparse.ArgumentParser:
    """Return a parser with the two options that every bench has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to FILE")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    return parser


def require_data(parser: argparse.ArgumentParser, folder: Path) -> None:
    """Leave with NO_DATA and a sentence where the development data are absent."""
    if not folder.is_dir():
        parser.exit(NO_DATA, f"{parser.prog}: skipped: the development data {folder} are not here; --data FOLDER\n")


def commit_name() -> str | None:
    """Return the commit that is measured, with "+changes" where files differ from it; None outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+changes"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def machine_line() -> str:
    """Return processor, its instructions for models, cores, Python and date in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    processor = f"{_processor()}, {instructions() or platform.machine()}"
    return f"{processor}, {cores} cores, Python {platform.python_version()}, {now}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; `share` from 0.0 to 1.0. Raises ValueError on no values."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _table(name: str, rows: list[dict[str, Cell]]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(*columns, title=name, title_justify="left")
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    return table


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _write_json(report: Report, path: Path) -> None:
    result = {
        "title": report.title,
        "machine": machine_line(),
        "commit": commit_name(),
        "tables": report.tables,
        "bars": [{**asdict(bar), "is_met": bar.is_met} for bar in report.bars],
    }
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
