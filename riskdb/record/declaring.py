"""Area declarations as people write them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from riskdb.record.areas import default_area_name, normalise_area
from riskdb.record.judging import MAX_NAME_LENGTH, parse_moment
from riskdb.record.mapping.fields import AREA_TABLE, Field
from riskdb.record.mapping.forms import HEADER_WITHIN, Form, FormKind, find_form, require_clear
from riskdb.record.places.finding import find_areas
from riskdb.record.places.table import area_name
from riskdb.record.rows import AreaWindow
from riskdb.record.tables.opening import read_sheets
from riskdb.types import RiskFileError, RiskLevel

_FORM = FormKind(AREA_TABLE, Field.LEVEL, ((Field.CODE, Field.NAME), (Field.SOURCE,)))


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
            raise ValueError("来源：没有填写；每次公布都要写明依据")
        start = now - lookback_s if self.valid_from is None else int(self.valid_from.timestamp())
        end = None if self.valid_until is None else int(self.valid_until.timestamp())
        if end is not None and end <= start:
            raise ValueError("结束时间：早于开始时间")
        name = self.name.strip() or default_area_name(area)
        for what, text in (("名称", name), ("来源", source)):
            if len(text) > MAX_NAME_LENGTH:
                raise ValueError(f"{what}：有 {len(text)} 个字，最多 {MAX_NAME_LENGTH} 个")
        return AreaWindow(0, area, name, self.level, start, end, source, now, None)


def parse_level(text: str) -> RiskLevel:
    """Return the area level. Raises ValueError."""
    known: dict[str, RiskLevel] = {
        "high": "high",
        "medium": "medium",
        "高风险": "high",
        "中风险": "medium",
        "高": "high",
        "中": "medium",
        "高风险区": "high",
        "中风险区": "medium",
    }
    level = known.get(text.strip().lower())
    if level is None:
        raise ValueError(f"风险等级“{text}”：应为 高风险（high）或 中风险（medium）")
    return level


def read_declarations(path: Path, utc_offset_hours: float) -> list[Declared]:
    """Return the declarations of a file. Raises RiskFileError, naming every bad row."""
    declared, problems, found = [], [], False
    for sheet in read_sheets(path, path.name, lambda _: None):
        rows = iter(sheet.rows)
        top = list(islice(rows, HEADER_WITHIN))
        named = find_form(_FORM, top, {})
        if named is None:
            continue
        form, found = replace(named, file=sheet.file, sheet=sheet.name), True
        require_clear(_FORM, form)
        for number, cells in chain(top, rows):
            if number <= form.ends_at or not any(map(str.strip, cells)):
                continue
            try:
                declared.append(_declared(form, cells, utc_offset_hours))
            except ValueError as error:
                problems.append(f"第 {number} 行：{error}")
    if not found:
        raise RiskFileError(f"{path.name}：没有找到表头；要有地区编码（或名称）、风险等级、来源这几列的列名")
    if problems:
        raise RiskFileError(f"{path.name}：没有公布任何地区；" + "；".join(_first(problems)))
    return declared


def _declared(form: Form, cells: list[str], utc_offset_hours: float) -> Declared:
    return declared_from({field: _cell(form, cells, field) for field in Field}, utc_offset_hours)


def declared_from(texts: Mapping[Field, str], utc_offset_hours: float) -> Declared:
    """Return the declaration that people wrote; the area is a code or a name. Raises ValueError."""
    areas = find_areas(texts[Field.CODE] or texts[Field.NAME])
    if len(areas) > 1:
        raise ValueError(f"地区“{texts[Field.CODE]}”：有 {len(areas)} 个地区；请分成几行")
    start, end = texts[Field.FROM], texts[Field.TO]
    declared = Declared(
        code=areas[0].code,
        level=parse_level(texts[Field.LEVEL]),
        source=texts[Field.SOURCE],
        name=texts[Field.NAME] or area_name(areas[0].code),
        valid_from=parse_moment(start, utc_offset_hours) if start.strip() else None,
        valid_until=parse_moment(end, utc_offset_hours, is_end=True) if end.strip() else None,
    )
    declared.as_window(now=0, lookback_s=0)
    return declared


def _cell(form: Form, cells: list[str], field: Field) -> str:
    places = [place for place in form.columns(field) if place < len(cells)]
    return cells[places[0]].strip() if places else ""


def _first(problems: list[str], count: int = 20) -> Iterator[str]:
    yield from problems[:count]
    if len(problems) > count:
        yield f"还有 {len(problems) - count} 行"
