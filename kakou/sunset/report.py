"""The destruction report: what was destroyed, when, by whom, and what people have to do by hand.

In Chinese, to be printed and signed.
"""

import hashlib
import html
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kakou.sunset.audit_kept import AuditKept
from kakou.sunset.destroying import Destroyed
from kakou.sunset.state import Decision

_WHAT = {"install": "首次启用", "renew": "延期", "authorise": "重新授权", "end": "提前终止"}
_PAGE = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>数据销毁报告</title><style>'
    "body{font-family:serif;max-width:48rem;margin:2rem auto;line-height:1.6}"
    "p{overflow-wrap:anywhere;margin:.2rem 0}</style>"
)
_BY_HAND = (
    "另存的密钥副本（backup.key 或备份口令、plate.key、console.key）须由保管人销毁；密钥不销毁，备份仍可读出。",
    "kakou backup 以外的副本（直接拷贝的 console.sqlite、outbox.sqlite 和图片）含有明文号牌：其介质须一并清理。",
    "PostgreSQL 的备份（pg_dump）和预写日志归档含有明文号牌：由数据库管理员清理。",
    "导出的报表、打印件、消息群中的图片，按本单位规定清理。",
    "固态硬盘上被覆盖的内容可能仍有残留：设备退役时对整盘做安全擦除。",
)


class DestructionReport(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    begun_at: AwareDatetime
    ended_at: AwareDatetime
    by: str
    reason: str
    decisions: tuple[Decision, ...]
    destroyed: tuple[Destroyed, ...]
    audit: AuditKept | None
    untouched: tuple[str, ...]


def write_report(report: DestructionReport, folder: Path, stamp: str) -> str:
    """Write the report as JSON, text and HTML; returns the SHA-256 of the JSON, which the other two show."""
    body = report.model_dump_json(indent=1).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    sections = _sections(report, sha256)
    for suffix, content in (
        ("json", body),
        ("txt", _as_text(sections).encode()),
        ("html", _as_html(sections).encode()),
    ):
        path = folder / f"{stamp}.{suffix}"
        path.touch(mode=0o600)
        path.write_bytes(content)
    return sha256


def report_text(path: Path) -> str:
    """Return the text beside a report's JSON."""
    return path.with_suffix(".txt").read_text(encoding="utf-8")


def plan_lines(found: "list[Destroyed]") -> list[str]:
    return [_line(each) for each in found]


def _sections(report: DestructionReport, sha256: str) -> list[tuple[str, list[str]]]:
    audit = report.audit
    kept = ["本机没有控制台的审计日志。"]
    if audit:
        state = "链条完整" if not audit.faults else "核对发现：" + "；".join(audit.faults)
        kept = [f"{audit.file or '未能保留'}，{audit.rows} 行，SHA-256 {audit.sha256 or '无'}，{state}"]
    return [
        ("数据销毁报告", [
            f"开始 {_local(report.begun_at)}，完成 {_local(report.ended_at)}",
            f"执行人 {report.by}，事由 {report.reason}",
        ]),
        ("授权经过", [
            f"{_local(each.at)} {_WHAT.get(each.what, each.what)}，至 {_local(each.until)}，{each.by}：{each.reason}"
            for each in report.decisions
        ]),
        ("已销毁（密钥在先）", [_line(each) for each in report.destroyed]),
        ("保留的审计日志", kept),
        ("状态文件夹中不属于本系统、未触动的文件", list(report.untouched) or ["没有"]),
        ("须由人完成", list(_BY_HAND)),
        ("校验", [f"本报告 JSON 文件的 SHA-256：{sha256}", "执行人签字：____________  监督人签字：____________"]),
    ]  # fmt: skip


def _line(each: Destroyed) -> str:
    parts = [f"{each.name}：{each.files} 个文件，{each.size_bytes:,} 字节"]
    parts += [f"{each.rows} 条"] if each.rows is not None else []
    parts += [f"SHA-256 {each.sha256}"] if each.sha256 else []
    parts += [f"{_local(each.destroyed_at)} 销毁"] if each.destroyed_at else []
    parts += [f"注意：{each.note}"] if each.note else []
    return "，".join(parts)


def _as_text(sections: list[tuple[str, list[str]]]) -> str:
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections) + "\n"


def _as_html(sections: list[tuple[str, list[str]]]) -> str:
    body = "".join(
        f"<h{1 if number == 0 else 2}>{html.escape(title)}</h{1 if number == 0 else 2}>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        for number, (title, lines) in enumerate(sections)
    )
    return f"{_PAGE}{body}"


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
