"""Parquet files."""

from collections.abc import Iterator

import polars as pl

from riskdb.record.tables.sheets import MAX_ROWS, Notice, NumberedRow, Sheet, SourceFile
from riskdb.types import RiskFileError


def read_parquet(source: SourceFile, notice: Notice) -> Iterator[Sheet]:  # noqa: ARG001  nothing in it is hidden
    """Yield the one sheet. Raises RiskFileError."""
    try:
        lazy = pl.scan_parquet(source.path)
        names = lazy.collect_schema().names()
        count = lazy.select(pl.len()).collect().item()
        if count > MAX_ROWS:
            raise RiskFileError(f"{source.name}：有 {count} 行，一次最多 {MAX_ROWS} 行；请拆分后再导入")
        frame = lazy.select(pl.all().cast(pl.String)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RiskFileError(f"{source.name}：不是可以读取的 Parquet 文件，可能已损坏；请重新导出") from error
    yield Sheet(source.name, "", _rows(names, frame))


def _rows(names: list[str], frame: pl.DataFrame) -> Iterator[NumberedRow]:
    yield 1, names
    for number, cells in enumerate(frame.iter_rows(), start=2):
        yield number, ["" if cell is None else cell.removesuffix(".000000") for cell in cells]
