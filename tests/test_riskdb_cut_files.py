"""Files that a bad line cut or left full of holes: refused as what they are, and no reader takes the machine down."""

import resource
import struct
from pathlib import Path

import pytest

from riskdb.record.tables import trial
from riskdb.record.tables.biff import is_cut
from riskdb.record.tables.opening import read_sheets
from riskdb.types import RiskFileError
from tests.office_habits import FIRST, FORM
from tests.office_kit import Cells, html, xls

SECTOR, FREE, HEADER_BYTES = 512, 0xFFFFFFFA, 76
DIMENSIONS = b"\x00\x02\x0e\x00"
"""Kind and length of the record that says how large a sheet is ([MS-XLS] 2.4.90)."""
ROWS: Cells = [FORM, *([f"豫C{number:05d}", *FIRST[1:]] for number in range(300))]


def rows_of(folder: Path, name: str, content: bytes) -> Cells:
    path = folder / name
    path.write_bytes(content)
    return [cells for sheet in read_sheets(path, name, print) for _, cells in sheet.rows]


def chains_first(book: bytes) -> bytes:
    """Return the same file with its table of sectors and its directory in front, as Excel writes it."""
    count = len(book) // SECTOR - 1
    header = bytearray(book[:SECTOR])
    sectors = [book[(number + 1) * SECTOR : (number + 2) * SECTOR] for number in range(count)]
    table = [number for number in struct.unpack_from("<109I", header, HEADER_BYTES) if number < FREE]
    links = struct.unpack(f"<{count}I", b"".join(sectors[number] for number in table)[: 4 * count])
    (directory,) = struct.unpack_from("<I", header, 48)
    front = [*table, directory]
    order = [*front, *(number for number in range(count) if number not in front)]
    place = {old: new for new, old in enumerate(order)}
    moved = [place.get(links[old], links[old]) for old in order]
    moved += [0xFFFFFFFF] * (len(table) * SECTOR // 4 - count)
    for number, old in enumerate(table):
        struct.pack_into("<I", header, HEADER_BYTES + 4 * number, place[old])
        sectors[old] = struct.pack("<128I", *moved[128 * number : 128 * number + 128])
    struct.pack_into("<I", header, 48, place[directory])
    entries = bytearray(sectors[directory])
    for start in range(116, SECTOR, 128):
        (first,) = struct.unpack_from("<I", entries, start)
        struct.pack_into("<I", entries, start, place.get(first, first))
    sectors[directory] = bytes(entries)
    return bytes(header) + b"".join(sectors[old] for old in order)


def with_hole(content: bytes, begin: int, end: int) -> bytes:
    return content[:begin] + bytes(end - begin) + content[end:]


def test_a_whole_old_workbook_is_read_however_its_sectors_lie(tmp_path: Path):
    for book in (xls(ROWS), chains_first(xls(ROWS)), xls(ROWS[:3])):
        assert not is_cut(book)
    assert rows_of(tmp_path, "whole.xls", chains_first(xls(ROWS))) == ROWS


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_an_old_workbook_that_ends_in_zeros_is_refused_as_not_complete(tmp_path: Path, share: float):
    book = chains_first(xls(ROWS))
    with pytest.raises(RiskFileError, match="没有传完整"):
        rows_of(tmp_path, "cut.xls", with_hole(book, int(len(book) * share), len(book)))


def test_a_hole_in_the_middle_of_the_cells_is_refused_as_well(tmp_path: Path):
    book = chains_first(xls(ROWS))
    middle = len(book) * 3 // 4
    with pytest.raises(RiskFileError, match="没有传完整"):
        rows_of(tmp_path, "hole.xls", with_hole(book, middle, middle + 1460))


def test_a_workbook_whose_sectors_go_round_in_circles_or_that_asks_for_terabytes_ends_no_process_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trial, "MEMORY_MIB", 400)
    book = xls(ROWS)
    circles = with_hole(book, len(book) // 2, len(book))
    asking = bytearray(book)
    struct.pack_into("<I", asking, book.index(DIMENSIONS) + 8, 0xFFFFFFFF)  # its last row
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, content in enumerate((circles, bytes(asking))):
        with pytest.raises(RiskFileError, match="可能已损坏"):
            rows_of(tmp_path, f"{number}.xls", content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_web_page_that_breaks_off_within_its_table_is_refused_as_not_complete(tmp_path: Path, share: float):
    page = html(ROWS)
    with pytest.raises(RiskFileError, match="没有传完整"):
        rows_of(tmp_path, "cut.xls", page[: int(len(page) * share)])
    assert rows_of(tmp_path, "without its end.xls", page.removesuffix(b"</body></html>")) == ROWS
    assert rows_of(tmp_path, "without its table's end.xls", page.replace(b"</table>", b"")) == ROWS
