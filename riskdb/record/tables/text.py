"""Tables as text: CSV, TSV, what a spreadsheet calls Unicode text."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from riskdb.record.tables.sheets import Notice, NumberedRow, Sheet, SourceFile
from riskdb.types import RiskFileError

ENCODINGS = ("utf-8-sig", "gb18030")
DELIMITERS = ",\t;|，；"
_SAMPLE_LINES = 60
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_text(source: SourceFile, notice: Notice) -> Iterator[Sheet]:  # noqa: ARG001  a text has nothing hidden
    """Yield the one sheet. Raises RiskFileError."""
    encoding = encoding_of(source)
    with source.path.open(encoding=encoding, newline="") as file:
        sample = list(islice(file, _SAMPLE_LINES))
    skipped, delimiter = _announced(sample[0] if sample else "")
    delimiter = delimiter or _delimiter_of(sample)
    yield Sheet(source.name, "", _rows(source, encoding, delimiter, skipped), delimiter)


def encoding_of(source: SourceFile) -> str:
    """Return the encoding of a text. Raises RiskFileError."""
    with source.path.open("rb") as file:
        head = file.read(4096).rstrip(b"\0")  # a file that was never written to its end on the disk
    marked = [encoding for mark, encoding in _MARKS if head.startswith(mark)]
    for encoding in marked or _unmarked(head):
        try:
            _decode_all(source, encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise RiskFileError(f"{source.name}：文字编码既不是 UTF-8、UTF-16，也不是 GB18030，或文件已损坏；请另存后再导入")


def _unmarked(head: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark has a zero byte beside every Latin letter, comma and digit."""
    if head[1:200:2].count(0) > 20:
        return ("utf-16-le",)
    return ("utf-16-be",) if head[0:200:2].count(0) > 20 else ENCODINGS


def _decode_all(source: SourceFile, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    with source.path.open("rb") as file:
        while block := file.read(1 << 20):
            decoder.decode(block)
    decoder.decode(b"", final=True)


def _announced(first: str) -> tuple[int, str]:
    """Return how many lines to skip and the delimiter where the first line is Excel's `sep=;`."""
    line = first.strip("\ufeff\r\n").strip('"')
    if line.lower().startswith("sep=") and len(line) == 5:
        return 1, line[4]
    return 0, ""


def _delimiter_of(sample: list[str]) -> str:
    """Return the delimiter that cuts most lines into the same number of cells, more than one."""

    def score(delimiter: str) -> float:
        widths = Counter(line.count(delimiter) for line in sample if line.strip())
        width, lines = max(widths.items(), key=lambda item: (item[0] > 0) * item[1], default=(0, 0))
        return lines * min(width, 4) if width else 0

    return max(DELIMITERS, key=score)


def _rows(source: SourceFile, encoding: str, delimiter: str, skipped: int) -> Iterator[NumberedRow]:
    with source.path.open(encoding=encoding, newline="") as file:
        lines = islice(file, skipped, None)
        # Lenient, an open quotation mark swallows every row behind it.
        reader = csv.reader(_without_mark(lines), delimiter=delimiter, strict=True)
        try:
            yield from enumerate(reader, start=1 + skipped)
        except csv.Error as error:
            line = reader.line_num + skipped
            raise RiskFileError(
                f"{source.name}：第 {line} 行附近引号没有成对，或一格太长，不能读取；"
                "请改正这一行，或另存为 XLSX 后再导入"
            ) from error


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """A mark of the byte order before a quotation mark would be taken for text."""
    for line in lines:
        yield line.lstrip("\ufeff") if line.startswith("\ufeff") else line
