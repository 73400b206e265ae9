"""A folder that offices put files into: each is taken over by itself, and answered with a receipt beside it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

from riskdb.clock import Clock
from riskdb.keeper import RiskKeeper
from riskdb.record.importing import RowOutcome
from riskdb.record.judging import TravelRow
from riskdb.record.mapping.forms import Form
from riskdb.record.receipts import Receipt
from riskdb.record.travel import Reading, read_travel_rows
from riskdb.system_words import system_words
from riskdb.types import RiskFileError

DONE, REFUSED = "已导入", "被退回"
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download", ".filepart")
_CONFIRM = "请先在“名单导入”页面（或用 kakou risk import --map）确认每一列的含义，再把文件放进来"
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class FolderRule:
    """How a folder is watched."""

    source: str = ""
    """Who says so, where a form has no column for it."""
    most_rows: int = 10_000
    """A file with more is for a person to look at."""
    keep_days: float = 7.0
    """Files and receipts are deleted after this: they hold plates."""


class FolderWatch:
    """Call `look` every few seconds: a file is taken when it has not changed since the last look."""

    def __init__(
        self,
        folder: Path,
        open_keeper: Callable[[], AbstractContextManager[RiskKeeper]],
        rule: FolderRule,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._open_keeper = open_keeper
        self._rule = rule
        self._clock = clock
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self) -> Iterator[Receipt]:
        """Take the files that are complete; yield a receipt for each. Raises RiskDBError where the list is not there.

        A file that met that stays where it is and is tried again.
        """
        seen = {path.name: (found.st_size, found.st_mtime_ns) for path, found in self._files()}
        settled = [name for name, state in seen.items() if self._seen.get(name) == state]
        self._seen = seen
        for name in sorted(settled):
            yield self._take(self._folder / name)
        self._forget()

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        try:
            found = list(self._folder.iterdir())
        except OSError as error:
            raise RiskFileError(f"{self._folder}：文件夹打不开：{system_words(error)}") from error
        for path in found:
            is_ours = path.name.startswith((".", "~$")) or path.suffix.lower() in _UNFINISHED
            try:
                if not is_ours and path.is_file() and not path.is_symlink():
                    yield path, path.stat()
            except FileNotFoundError:
                continue  # the sender took it back

    def _take(self, path: Path) -> Receipt:
        receipt = Receipt(path.name, _digest_of(path), "")
        with self._open_keeper() as keeper:
            zone = timezone(timedelta(hours=keeper.utc_offset_hours))
            now = datetime.fromtimestamp(self._clock.wall(), UTC).astimezone(zone)
            receipt.at = f"{now:%Y-%m-%d %H:%M:%S}（{zone}）"
            try:
                self._bring_in(path, keeper, receipt)
            except RiskFileError as error:
                receipt.problem = f"{error}。"
        self._put_aside(path, receipt, now)
        return receipt

    def _bring_in(self, path: Path, keeper: RiskKeeper, receipt: Receipt) -> None:
        def require_known(form: Form) -> None:
            if not (form.is_documented or keeper.remembered_form(form.fingerprint) is not None):
                raise RiskFileError(f"{form.place}：第一次见到这种表；{_CONFIRM}")

        reading = Reading(self._rule.source, {}, keeper.remembered_form, receipt.notices.append, require_known)
        rows = self._counted(read_travel_rows(path, reading), path.name)
        receipt.result, _ = keeper.import_rows(rows, on_row=receipt.add, actor=f"文件夹 {self._folder.name}")
        if invalid := receipt.result.counts[RowOutcome.INVALID]:
            receipt.problem = f"有 {invalid} 行有误；请改正后重新放进来。"

    def _counted(self, rows: Iterator[TravelRow], name: str) -> Iterator[TravelRow]:
        for row in rows:
            if row.number > self._rule.most_rows:
                raise RiskFileError(f"{name}：超过 {self._rule.most_rows} 行；这么大的文件请由人在页面或用命令导入")
            yield row

    def _put_aside(self, path: Path, receipt: Receipt, now: datetime) -> None:
        """Move the file out of the way, its receipt beside it. The receipt is whole before the file goes."""
        target = self._folder / (REFUSED if receipt.problem else DONE)
        target.mkdir(exist_ok=True)
        stamp = f"{now:%Y%m%d-%H%M%S}"
        names = (f"{stamp}{f'-{number}' if number else ''} {path.name}" for number in count())
        kept = next(target / name for name in names if not (target / name).exists())
        kept.with_name(f"{kept.name}.回执.txt").write_text(receipt.text(), encoding="utf-8")
        if receipt.faulty.count:
            receipt.faulty.write(kept.with_name(f"{kept.name}.有误的行.xlsx"))
        path.rename(kept)

    def _forget(self) -> None:
        """Delete what is old enough, by trusted time."""
        oldest = self._clock.look().deletable - self._rule.keep_days * _DAY_S
        for folder in (self._folder / DONE, self._folder / REFUSED):
            for path in folder.glob("*") if folder.is_dir() else ():
                if path.stat().st_ctime < oldest:
                    path.unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
