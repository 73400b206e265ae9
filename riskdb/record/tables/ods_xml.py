"""What an ODS file's own XML says before a reader opens it: how far its cells reach, hidden rows, merged cells."""

import zipfile
import zlib
from xml.parsers import expat

from riskdb.record.tables.book_xml import BookXml
from riskdb.record.tables.merged import MergedCells
from riskdb.record.tables.sheets import MAX_UNPACKED_BYTES, SourceFile
from riskdb.types import RiskFileError

MIMETYPE = b"application/vnd.oasis.opendocument.spreadsheet"
MAX_ODS_CELLS = 6_000_000
"""The reader holds them all, 125 bytes each; repeated ones, which a file writes once, too."""
MAX_MERGES = 100_000
_CHUNK = 1 << 20
_DAMAGED = "不是可以读取的 ODS 文件，可能已损坏；请重新导出，或另存为 XLSX 后再导入"


def is_ods(archive: zipfile.ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    with archive.open("mimetype") as part:
        return part.read(100).strip().startswith(MIMETYPE)


def look_into_ods(source: SourceFile) -> BookXml:
    """Raises RiskFileError."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise RiskFileError(f"{source.name}：解开后超过 {MAX_UNPACKED_BYTES // 1_000_000} MB；请拆分后再导入")
            if b"encryption-data" in archive.read("META-INF/manifest.xml"):
                raise RiskFileError(f"{source.name}：有密码保护；请在表格软件中解除打开密码后再导入")
            look = _Look(source)
            with archive.open("content.xml") as part:
                while chunk := part.read(_CHUNK):
                    look.feed(chunk)
            return BookXml(look.hidden, merges=look.merges)
    except (
        OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, KeyError, ValueError,
        expat.ExpatError,
    ) as error:  # fmt: skip
        raise RiskFileError(f"{source.name}：{_DAMAGED}") from error


class _Look:
    """Goes through the elements once."""

    def __init__(self, source: SourceFile) -> None:
        self.hidden: dict[str, int] = {}
        self.merges: dict[str, list[MergedCells]] = {}
        self._source = source
        self._sheet = ""
        self._row, self._column, self._repeated = 0, 0, 1
        self._height, self._width = 0, 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = _refuse_entities

    def feed(self, chunk: bytes) -> None:
        self._parser.Parse(chunk, False)

    def _begin(self, name: str, said: dict[str, str]) -> None:
        if name in ("table:table-cell", "table:covered-table-cell"):
            self._cell(said)
        elif name == "table:table-row":
            self._repeated, self._column = int(said.get("table:number-rows-repeated", 1)), 0
            if said.get("table:visibility") in ("collapse", "filter"):
                self._hide()
        elif name == "table:table":
            self._sheet = said.get("table:name", "")
            self._row = self._height = self._width = 0

    def _end(self, name: str) -> None:
        if name == "table:table-row":
            self._row += self._repeated

    def _cell(self, said: dict[str, str]) -> None:
        columns = int(said.get("table:number-columns-repeated", 1))
        right, down = (int(said.get(f"table:number-{kind}-spanned", 1)) for kind in ("columns", "rows"))
        if right > 1 or down > 1:
            merges = self.merges.setdefault(self._sheet, [])
            merges.append(MergedCells(self._row, self._column, self._row + down - 1, self._column + right - 1))
        self._column += columns
        if "office:value-type" in said or "office:string-value" in said:
            self._height = max(self._height, self._row + self._repeated)
            self._width = max(self._width, self._column)
            self._refuse_excess()

    def _hide(self) -> None:
        # The empty rows to the sheet's end are hidden, too, where a filter is set.
        if self._repeated < 1_000_000:
            self.hidden[self._sheet] = self.hidden.get(self._sheet, 0) + self._repeated

    def _refuse_excess(self) -> None:
        if self._height * self._width > MAX_ODS_CELLS or sum(map(len, self.merges.values())) > MAX_MERGES:
            raise RiskFileError(
                f"{self._source.name}：工作表的单元格一直到第 {self._height} 行、第 {self._width} 列，"
                "超出 ODS 能读的范围；请另存为 XLSX 后再导入"
            )


def _refuse_entities(*_: object) -> None:
    raise ValueError("an entity in a spreadsheet")
