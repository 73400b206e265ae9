"""What a replay leaves: files for programs and people, and a summary on stderr."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from kakou.terminal import marked, stdout
from ocr.looks import class_name
from pipeline.replay.records import PassageRecord, ReplayResult, jsonl_lines
from pipeline.replay.report import links_to, render_report
from pipeline.replay.truth import Truth, judge, score
from riskdb.digest import load_or_create_key
from riskdb.whole_file import whole_file

OUTCOME_WORDS = {"clear": "无风险", "flagged": "预警", "unchecked": "未核对", "unread": "未识别"}
LEVEL_WORDS = {"hit": "命中", "possible": "疑似"}


@dataclass(frozen=True, slots=True)
class ReplayOutputs:
    """Which files were asked for."""

    jsonl: Path | None
    report: Path | None
    parquet: Path | None
    truth: Truth | None
    key_file: Path
    footage: Mapping[str, Path]
    """Where each video of the records lies, for links in the report."""

    @property
    def has_files(self) -> bool:
        return any((self.jsonl, self.report, self.parquet))

    def write(self, result: ReplayResult) -> None:
        """Write each file whole or not at all. Raises OSError."""
        if self.jsonl:
            _write(self.jsonl, "".join(line + "\n" for line in jsonl_lines(result.run, result.units)))
        if self.report:
            _write(self.report, render_report(result, self.truth, links_to(self.footage, self.report.parent)))
        if self.parquet:
            # Polars is slow to load, and few replays write a table.
            from pipeline.replay.table import write_table

            passages = [passage for unit in result.units for passage in unit.passages]
            write_table(self.parquet, passages, load_or_create_key(self.key_file), result.run.model_dump_json())


def require_writable(files: Mapping[str, Path | None]) -> None:
    """Raise BadParameter for a file, by its option, that cannot be written once hours of footage have been screened."""
    for option, path in files.items():
        if path is None:
            continue
        if path.is_dir() or not path.name:
            raise typer.BadParameter(f"{path}：是文件夹，应为文件名", param_hint=option)
        if not path.absolute().parent.is_dir():
            raise typer.BadParameter(f"{path.parent}：没有这个文件夹：先建好", param_hint=option)
        if not os.access(path.absolute().parent, os.W_OK):
            raise typer.BadParameter(f"{path.parent}：没有写权限", param_hint=option)


def print_summary(result: ReplayResult, truth: Truth | None, messages: Console, *, shows_passages: bool) -> None:
    """Print the passages on stdout where no file was asked for; the sums, the damage and the speed on stderr."""
    passages = [passage for unit in result.units for passage in unit.passages]
    if shows_passages:
        stdout().print(_passage_table(passages))
    videos = [unit.video for unit in result.units]
    for video in videos:
        if video.damage:
            messages.print(marked("red", video.video, video.damage), soft_wrap=True)
        if video.note:
            messages.print(marked("yellow", video.video, video.note), soft_wrap=True)
    counts = {name: sum(getattr(v, name) for v in videos) for name in ("clear", "flagged", "unchecked", "unread")}
    total = counts["clear"] + counts["flagged"] + counts["unchecked"]
    messages.print(
        f"过车 {total} = 无风险 {counts['clear']} + 预警 {counts['flagged']} + 未核对 {counts['unchecked']}"
        f"  (passages = clear + flagged + unchecked); 未识别 {counts['unread']}"
    )
    footage_s = sum(video.duration_ms for video in videos) / 1000
    work_s = sum(unit.timings.total_s for unit in result.units)
    messages.print(f"{len(videos)} 段录像, {footage_s:.0f} s, 每个进程 {footage_s / max(work_s, 1e-6):.1f}x 实时")
    if truth is not None:
        figures = score(judge(truth, passages))
        messages.print(
            f"对照 {figures.true_passages}: 找到 {figures.found}, 全对 {figures.exact}{_percent(figures.exact_rate)}, "
            f"字符 {figures.right_characters}/{figures.characters}{_percent(figures.character_rate)}, "
            f"多报 {figures.false_passages}, "
            f"漏警 {figures.missed_flags}, 误警 {figures.false_flags}"
        )


def _percent(rate: float | None) -> str:
    return "" if rate is None else f" ({rate:.1%})"


def _passage_table(passages: Sequence[PassageRecord]) -> Table:
    table = Table("录像", "时间 s", "结果", "号牌", "种类", "概率", "次数", "原因")
    for passage in passages:
        word = LEVEL_WORDS[passage.level] if passage.level else OUTCOME_WORDS[passage.outcome]
        table.add_row(
            passage.video,
            f"{passage.start_ms / 1000:.1f}-{passage.end_ms / 1000:.1f}",
            word,
            passage.text,
            class_name(passage.plate_class),
            f"{passage.probability:.2f}",
            str(passage.look_count),
            passage.why or "",
        )
    return table


def _write(path: Path, content: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(content, encoding="utf-8")
