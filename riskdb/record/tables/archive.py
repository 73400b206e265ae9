"""A ZIP archive of files: each is read as if it had come alone."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from riskdb.record.tables.sheets import MAX_UNPACKED_BYTES, Notice, Sheet, SourceFile
from riskdb.types import RiskFileError

MAX_FILES = 500
_PASSED_OVER = {".pdf", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".doc", ".docx",
                ".wps", ".ofd", ".ppt", ".pptx", ".md", ".ini", ".db"}  # fmt: skip

ReadSheets = Callable[[Path, str, Notice], Iterator[Sheet]]


def read_archive(source: SourceFile, notice: Notice, read_sheets: ReadSheets) -> Iterator[Sheet]:
    """Yield the sheets of all files in the archive. Raises RiskFileError."""
    with zipfile.ZipFile(source.path) as archive, tempfile.TemporaryDirectory(prefix="kakou-") as folder:
        entries = [entry for entry in archive.infolist() if not _is_clutter(entry)]
        _refuse_excess(source, entries)
        tables = [entry for entry in entries if _suffix(entry) not in _PASSED_OVER]
        for entry in entries:
            if entry not in tables:
                notice(f"{source.name}：包内的 {entry_name(entry)} 不是表格，没有读取")
        if not tables:
            raise RiskFileError(f"{source.name}：压缩包里没有表格文件；请放入 XLSX、XLS 或 CSV 文件")
        for number, entry in enumerate(tables):
            path = Path(folder) / f"{number}{_suffix(entry)}"
            name = f"{source.name}/{entry_name(entry)}"
            _unpack(archive, entry, path, name)
            if zipfile.is_zipfile(path) and _is_archive(path):
                raise RiskFileError(f"{name}：压缩包里还有压缩包；请先解开再导入")
            yield from read_sheets(path, name, notice)
            path.unlink()


def entry_name(entry: zipfile.ZipInfo) -> str:
    """Return the name as its maker wrote it: Chinese archivers without the UTF-8 flag write GBK."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    return entry.is_dir() or "__MACOSX" in path.parts or path.name.startswith((".", "~$"))


def _suffix(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename).suffix.lower()


def _is_archive(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return not any(name.startswith(("xl/", "word/", "ppt/")) or name == "mimetype" for name in archive.namelist())


def _refuse_excess(source: SourceFile, entries: list[zipfile.ZipInfo]) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise RiskFileError(f"{source.name}：压缩包有密码保护；请解除密码后再导入")
    if len(entries) > MAX_FILES:
        raise RiskFileError(f"{source.name}：压缩包里有 {len(entries)} 个文件，最多 {MAX_FILES} 个；请分成几包")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise RiskFileError(f"{source.name}：解开后超过 {MAX_UNPACKED_BYTES // 1_000_000} MB；请拆分后再导入")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, name: str) -> None:
    """Python stops at the size that the archive claims, and the checksum gives a lie away."""
    try:
        with archive.open(entry) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise RiskFileError(f"{name}：压缩包已损坏，不能解开；请重新打包") from error
