"""Tables in a web page, which many systems call an .xls, and in the XML of Excel 2003."""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from riskdb.record.tables.merged import MergedCells, filled
from riskdb.record.tables.sheets import MAX_COLUMNS, Notice, NumberedRow, Sheet, SourceFile
from riskdb.record.tables.text import ENCODINGS
from riskdb.types import RiskFileError

MAX_PAGE_BYTES = 100_000_000
_CHARSET = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_ROWS, _CELLS, _TABLES = {"tr", "row", "ss:row"}, {"td", "th", "cell", "ss:cell"}, {"table", "ss:table"}
_WHOLE = {"body", "html"}


def read_web_page(source: SourceFile, notice: Notice) -> Iterator[Sheet]:  # noqa: ARG001  nothing in it is hidden
    """Yield every table of the page. Raises RiskFileError."""
    if source.path.stat().st_size > MAX_PAGE_BYTES:
        raise RiskFileError(f"{source.name}：网页文件超过 {MAX_PAGE_BYTES // 1_000_000} MB；请另存为 XLSX 后再导入")
    page = _TablePage()
    page.feed(_decoded(source))
    page.close()
    if page.is_cut:
        raise RiskFileError(f"{source.name}：没有传完整（表格到中途就断了，后面的行不在文件里）；请让来文单位重新发送")
    tables = [table for table in page.tables if table.rows]
    if not tables:
        raise RiskFileError(f"{source.name}：这是网页文件，里面没有表格；请导出为 XLSX 或 CSV 后再导入")
    for number, table in enumerate(tables, start=1):
        name = table.name or (f"表 {number}" if len(tables) > 1 else "")
        yield Sheet(source.name, name, filled(_numbered(table), table.merges))


def _numbered(table: "_Table") -> Iterator[NumberedRow]:
    width = max(map(len, table.rows))
    for number, cells in enumerate(table.rows, start=1):
        yield number, cells + [""] * (width - len(cells))


def _decoded(source: SourceFile) -> str:
    content = source.path.read_bytes()
    if content[:12].lower().startswith(b"mime-version"):
        content = _page_of_archive(source, content)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    said = _CHARSET.search(content[:4096])
    names = [said[1].decode("ascii").lower()] if said else []
    # GB2312 as a page says it is GB18030 as it is written.
    for name in ("gb18030" if name.startswith("gb") else name for name in [*names, *ENCODINGS]):
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    raise RiskFileError(f"{source.name}：网页的文字编码无法识别；请另存为 XLSX 后再导入")


def _page_of_archive(source: SourceFile, content: bytes) -> bytes:
    """Return the page with the tables of a single-file web page (MHTML)."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    pages = [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == "text/html"]
    with_tables = [page for page in pages if isinstance(page, bytes) and b"<table" in page.lower()]
    if not with_tables:
        raise RiskFileError(f"{source.name}：这是网页文件，里面没有表格；请导出为 XLSX 或 CSV 后再导入")
    return with_tables[-1]


@dataclass(slots=True)
class _Table:
    name: str = ""
    rows: list[list[str]] = field(default_factory=list)
    merges: list[MergedCells] = field(default_factory=list)
    taken: dict[int, set[int]] = field(default_factory=dict)
    """Columns of rows to come that a cell above reaches into."""


class _TablePage(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[_Table] = []
        self._open: list[_Table] = []
        self._cell: list[str] | None = None
        self._span = (1, 1)
        self._sheet_name = ""

    @property
    def is_cut(self) -> bool:
        """Whether the page breaks off within a table: its last rows would be missing."""
        return any(table.rows for table in self._open)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attributes}
        if tag in {"worksheet", "ss:worksheet"}:
            self._sheet_name = known.get("ss:name", "")
        elif tag in _TABLES:
            self._end_cell()
            self._open.append(_Table(self._sheet_name))
            self.tables.append(self._open[-1])
        elif self._open and tag in _ROWS:
            self._end_cell()
            self._begin_row(known)
        elif self._open and tag in _CELLS:
            self._end_cell()
            self._begin_cell(known)
        elif tag == "br" and self._cell is not None:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _CELLS or tag in _ROWS:
            self._end_cell()
        elif tag in _TABLES and self._open:
            self._end_cell()
            self._open.pop()
        elif tag in _WHOLE:  # some programs leave out where a table ends
            self._end_cell()
            self._open.clear()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(_SPACES.sub(" ", data))

    def _begin_row(self, known: dict[str, str]) -> None:
        table = self._open[-1]
        index = _count(known.get("ss:index", ""), 0, 1_048_576)
        while index and len(table.rows) < index - 1 and len(table.rows) < 100_000:
            table.rows.append([])
        table.rows.append([])

    def _begin_cell(self, known: dict[str, str]) -> None:
        table = self._open[-1]
        if not table.rows:
            table.rows.append([])
        row, taken = table.rows[-1], table.taken.get(len(table.rows) - 1, set())
        while len(row) in taken or len(row) < _count(known.get("ss:index", ""), 1, MAX_COLUMNS) - 1:
            row.append("")
        down = _count(known.get("rowspan", ""), 1, 100_000) + _count(known.get("ss:mergedown", ""), 0, 100_000)
        right = _count(known.get("colspan", ""), 1, MAX_COLUMNS) + _count(
            known.get("ss:mergeacross", ""), 0, MAX_COLUMNS
        )
        self._cell, self._span = [], (down, right)

    def _end_cell(self) -> None:
        if self._cell is None or not self._open:
            return
        table, (down, right) = self._open[-1], self._span
        row, top = table.rows[-1], len(table.rows) - 1
        left = len(row)
        if left < MAX_COLUMNS:
            row.append("".join(self._cell).strip())
            row.extend([""] * min(right - 1, MAX_COLUMNS - left - 1))
            self._reach(table, MergedCells(top, left, top + down - 1, left + right - 1))
        self._cell = None

    def _reach(self, table: _Table, merge: MergedCells) -> None:
        if merge.bottom == merge.top and merge.right == merge.left:
            return
        table.merges.append(merge)
        for row in range(merge.top + 1, min(merge.bottom, merge.top + 5_000) + 1):
            table.taken.setdefault(row, set()).update(range(merge.left, min(merge.right, MAX_COLUMNS) + 1))


def _count(text: str, default: int, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 9 and int(text) else default
