"""Area declarations as people write them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from riskdb.record.areas import default_area_name, normalise_area
from riskdb.record.judging import MAX_NAME_LENGTH, parse_moment
from riskdb.record.rows import AreaWindow
from riskdb.record.tables import TableRow, read_table
from riskdb.types import RiskFileError, RiskLevel

AREA_COLUMNS = {"code": True, "level": True, "source": True, "name": False, "from": False, "to": False}


@dataclass(frozen=True, slots=True)
class Declared:
    """One declaration to make. `valid_until` is exclusive."""

    code: str
    level: RiskLevel
    source: str
    name: str = ""
    valid_from: datetime | None = None
    """None reaches back over the look-back."""
    valid_until: datetime | None = None
    """None has no end."""

    def as_window(self, now: int, lookback_s: int) -> AreaWindow:
        """Return the declaration as the record keeps it. Raises ValueError, saying what makes no sense."""
        area = normalise_area(self.code)
        source = self.source.strip()
        if not source:
            raise ValueError("source: is missing; every declaration says where it comes from")
        start = now - lookback_s if self.valid_from is None else int(self.valid_from.timestamp())
        end = None if self.valid_until is None else int(self.valid_until.timestamp())
        if end is not None and end <= start:
            raise ValueError("to: the declaration ends before it begins")
        name = self.name.strip() or default_area_name(area)
        for what, text in (("name", name), ("source", source)):
            if len(text) > MAX_NAME_LENGTH:
                raise ValueError(f"{what}: has {len(text)} characters, at most {MAX_NAME_LENGTH} are kept")
        return AreaWindow(0, area, name, self.level, start, end, source, now, None)


def parse_level(text: str) -> RiskLevel:
    """Return the area level. Raises ValueError."""
    known: dict[str, RiskLevel] = {"high": "high", "medium": "medium", "高风险": "high", "中风险": "medium"}
    level = known.get(text.strip().lower())
    if level is None:
        raise ValueError(f"level: {text!r} is neither high nor medium")
    return level


def read_declarations(path: Path, utc_offset_hours: float) -> list[Declared]:
    """Return the declarations of a file. Raises RiskFileError, naming every bad row."""
    declared, problems = [], []
    for row in read_table(path, AREA_COLUMNS):
        try:
            declared.append(_declared(row, utc_offset_hours))
        except ValueError as error:
            problems.append(f"row {row.number}: {error}")
    if problems:
        raise RiskFileError(f"{path}: nothing declared; " + "; ".join(_first(problems)))
    return declared


def _declared(row: TableRow, utc_offset_hours: float) -> Declared:
    if row.problem:
        raise ValueError(row.problem)
    code, level, source, name, start, end = row.cells
    declared = Declared(
        code=normalise_area(code),
        level=parse_level(level),
        source=source,
        name=name,
        valid_from=parse_moment(start, utc_offset_hours) if start.strip() else None,
        valid_until=parse_moment(end, utc_offset_hours, is_end=True) if end.strip() else None,
    )
    declared.as_window(now=0, lookback_s=0)
    return declared


def _first(problems: list[str], count: int = 20) -> Iterator[str]:
    yield from problems[:count]
    if len(problems) > count:
        yield f"and {len(problems) - count} more"
