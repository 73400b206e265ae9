"""Permits (通行证) of vehicles that carry important goods: read from the offices' forms, kept as keyed digests."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from riskdb.digest import PlateDigester
from riskdb.permits import PERMIT_CLASS
from riskdb.record.areas import normalise_area
from riskdb.record.judging import MAX_NAME_LENGTH, RowOrigin, parse_moment
from riskdb.record.mapping.body import EXAMPLE, RowsBelow, fault_of, records
from riskdb.record.mapping.fields import PERMIT_TABLE, Field
from riskdb.record.mapping.forms import HEADER_WITHIN, Form, FormKind, find_form, require_clear
from riskdb.record.mapping.plate_like import PLATE_LIKE
from riskdb.record.tables.opening import read_sheets
from riskdb.record.tables.sheets import NumberedRow, Sheet
from riskdb.record.values.plates import read_plates
from riskdb.record.values.problem import CellProblem
from riskdb.types import Permit, PlateGrammar, RiskFileError

_FORM = FormKind(PERMIT_TABLE, Field.SERIAL, ((Field.PLATE,), (Field.TO, Field.STAY), (Field.ISSUER,)))
_SERIAL = re.compile(r"\d{12}")
_PARTED = re.compile(r"\s*(?:至|到|~|～|—|–|--|-(?=20))\s*")
_STOPS = re.compile(r"[、，,；;/\n]+|(?:-|—|→|>)+")
SAID_FOR_S = 7 * 86_400
"""A permit that has ended is still said to be so for this long."""


@dataclass(frozen=True, slots=True)
class PermitRow:
    """One row of a form as text."""

    number: int
    plate: str
    trailer: str
    serial: str
    begin: str
    end: str
    route: str
    stops: str
    goods: str
    issuer: str
    origin: RowOrigin


@dataclass(frozen=True, slots=True)
class GrantedPermit:
    """A permit and the plates that it is for."""

    plate: str
    trailer: str
    """Empty where there is none."""
    permit: Permit


def read_permit_rows(path: Path, name: str = "") -> Iterator[PermitRow]:
    """Yield the permits of a file. Raises RiskFileError where it is no form of permits."""
    found = False
    for sheet in read_sheets(path, name or path.name, lambda _: None):
        rows = iter(sheet.rows)
        top = list(islice(rows, HEADER_WITHIN + 2))
        named = find_form(_FORM, top, {})
        if named is None:
            _refuse_plates(sheet, chain(top, rows))
            continue
        form, found = replace(named, file=sheet.file, sheet=sheet.name, delimiter=sheet.delimiter), True
        require_clear(_FORM, form)
        below = RowsBelow(row for row in chain(top, rows) if row[0] > form.ends_at)
        keys = form.columns(Field.PLATE, Field.SERIAL)
        for number, cells in records(form, below, keys, lambda _: None, begins_table=lambda _: False):
            yield _row(form, number, cells)
    if not found:
        raise RiskFileError(
            f"{name or path.name}：没有找到通行证的表头；要有车牌号、通行证编号、有效期、发证单位这几列"
        )


def _refuse_plates(sheet: Sheet, rows: Iterable[NumberedRow]) -> None:
    """Refuse a sheet that holds plates under no header of permits, beside one that does: none must be lost."""
    for number, cells in rows:
        if any(PLATE_LIKE.search(cell) for cell in cells) and not any(map(EXAMPLE.match, cells)):
            raise RiskFileError(
                f"{sheet.file} 工作表“{sheet.name}”：第 {number} 行有号牌，但没有能认出的通行证表头；"
                "请在第一行写上列名（车牌号、通行证编号、有效期、发证单位），或删去这张表"
            )


def is_permit_file(path: Path, name: str) -> bool:
    """Whether a file holds permits, and no travel records."""
    try:
        return next(read_permit_rows(path, name), None) is not None
    except RiskFileError:
        return False


def _row(form: Form, number: int, cells: Sequence[str]) -> PermitRow:
    texts = {field: _cell(form, cells, field) for field in Field}
    begin, end = texts[Field.FROM], texts[Field.TO]
    if parts := _PARTED.split(texts[Field.STAY], maxsplit=1):
        begin, end = begin or (parts[0] if len(parts) > 1 else ""), end or parts[-1]
    return PermitRow(
        number, texts[Field.PLATE], texts[Field.TRAILER], texts[Field.SERIAL], begin, end, texts[Field.ROUTE],
        texts[Field.CHECKPOINTS], texts[Field.GOODS], texts[Field.ISSUER], RowOrigin(form, cells),
    )  # fmt: skip


def _cell(form: Form, cells: Sequence[str], field: Field) -> str:
    return "".join(cells[place].strip() for place in form.columns(field)[:1] if place < len(cells))


def judge_permit(row: PermitRow, grammar: PlateGrammar, utc_offset_hours: float, now: int) -> GrantedPermit:
    """Return what a row grants. Raises ValueError, saying in Chinese what is wrong."""
    if problem := fault_of(row.origin.form, row.origin.cells, "".join(row.origin.cells)):
        raise ValueError(problem)
    plates = [plate.text for cell in (row.plate, row.trailer) if cell for plate in read_plates(cell, grammar, ())]
    if not 1 <= len(plates) <= 2:
        raise CellProblem("号牌", "", f"有 {len(plates)} 个号牌", "一张通行证写一辆车（牵引车和挂车）")
    begin = int(parse_moment(row.begin, utc_offset_hours).timestamp()) if row.begin else now
    end = int(parse_moment(row.end, utc_offset_hours, is_end=True).timestamp()) if row.end else begin
    if end <= begin:
        raise CellProblem("有效期", row.end, "早于开始或没有填写", "请写明起止日期")
    for name, text in (("路线", row.route), ("货物", row.goods), ("发证单位", row.issuer), ("卡口", row.stops)):
        if len(text) > MAX_NAME_LENGTH:
            raise CellProblem(name, "", f"有 {len(text)} 个字，最多 {MAX_NAME_LENGTH} 个", "请写短一些")
    if not row.issuer:
        raise CellProblem("发证单位", "", "没有填写", "请写明是谁发的")
    stops = tuple(stop.strip() for stop in _STOPS.split(row.stops) if stop.strip())
    permit = Permit(_serial(row.serial), begin, end, row.route, stops, row.goods, row.issuer)
    return GrantedPermit(plates[0], plates[1] if len(plates) > 1 else "", permit)


def _serial(text: str) -> str:
    digits = re.sub(r"[\s第号No.№:：-]", "", text)
    if not _SERIAL.fullmatch(digits):
        raise CellProblem("通行证编号", text, "应为 12 位数字（6 位区划编码和 6 位序号）", "请核对")
    normalise_area(digits[:6])
    return digits


def keep_permit(
    connection: sqlite3.Connection, granted: GrantedPermit, digester: PlateDigester, now: int, number: int
) -> bool:
    """Keep a permit, inside a transaction; return whether something changed.

    Raises ValueError where its serial belongs to another vehicle.
    """
    permit, digest = granted.permit, digester.digest(PERMIT_CLASS, granted.plate)
    query = "SELECT 1 FROM permit WHERE serial = ? AND is_trailer = 0 AND digest <> ? AND valid_until > ?"
    if connection.execute(query, (permit.serial, digest, permit.valid_from)).fetchone():
        raise CellProblem("通行证编号", permit.serial, "已发给另一辆车", "一张通行证只给一辆车；请核对")
    changed = _keep(connection, permit, digest, False, now, number)
    if granted.trailer:
        changed |= _keep(connection, permit, digester.digest(PERMIT_CLASS, granted.trailer), True, now, number)
    return changed


def _keep(
    connection: sqlite3.Connection, permit: Permit, digest: bytes, is_trailer: bool, now: int, number: int
) -> bool:
    values = (permit.valid_from, permit.valid_until, permit.as_json())
    held = connection.execute(
        "SELECT valid_from, valid_until, permit FROM permit WHERE digest = ? AND serial = ?", (digest, permit.serial)
    ).fetchone()
    if held == values:
        return False
    connection.execute(
        "INSERT INTO permit VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest, serial) DO UPDATE SET"
        " valid_from = excluded.valid_from, valid_until = excluded.valid_until, permit = excluded.permit,"
        " received_at = excluded.received_at, import_number = excluded.import_number",
        (digest, permit.serial, is_trailer, *values, now, number),
    )
    return True


def permits_to_show(connection: sqlite3.Connection, now: float) -> Iterator[tuple[bytes, bytes]]:
    """Yield each digest and its permits as JSON: those that count, will count, or have ended not long ago."""
    query = "SELECT digest, permit FROM permit WHERE valid_until > ? ORDER BY digest, serial"
    yield from _together(connection.execute(query, (int(now) - SAID_FOR_S,)))


def _together(rows: Iterable[tuple[bytes, str]]) -> Iterator[tuple[bytes, bytes]]:
    last, permits = b"", list[str]()
    for digest, permit in chain(rows, [(b"", "")]):
        if digest != last and permits:
            yield last, f"[{','.join(permits)}]".encode()
            permits = []
        last = digest
        permits.append(permit)


def purge_permits(connection: sqlite3.Connection, before: int) -> int:
    return connection.execute("DELETE FROM permit WHERE valid_until < ?", (before,)).rowcount
