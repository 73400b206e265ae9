"""The part of `kakou doctor` that looks at cameras which send plate reads."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from kakou.doctor.finding import Finding
from kakou.settings import Settings, SettingsError
from kakou.watch.devices import MAX_LAG, MAX_WAITING
from kakou.wiring.reads import device_secret, open_journal, open_quarantine, reads_folder
from pipeline.reads.device_state import STRANGERS, DeviceReport, report_from
from pipeline.reads.settings import FOLDER, DeviceSettings
from riskdb.system_words import system_words

MAX_OFFSET_S = 30.0
RECENT = timedelta(hours=1)
NEVER = {
    "hikvision": "请查相机 网络→高级配置→HTTP 监听：地址、端口、URL 是否为 /reads/{device}/密钥",
    "dahua": "请查相机 ITSAPI 平台接入：服务器地址、端口、URL 前缀 /reads/{device}/密钥，编码选 UTF-8",
    "gat1400": "请查相机 平台接入→GA/T 1400（视图库）：平台地址、端口、设备号、用户名和密码",
    "alarm_info_plate": "请查相机 HTTP 推送：推送地址应为 /reads/{device}/密钥",
    "axis": "请查 License Plate Verifier 的 Integration → HTTP POST：地址应为 /reads/{device}/密钥",
    "onvif": "请查相机或录像机的 ONVIF 事件推送（HTTP 通知）：地址应为 /reads/{device}/密钥",
    "frigate": "请查消息服务器地址、用户名、密码，Frigate 是否发布到该主题，门前区域是否命名为 door",
    FOLDER: "请查文件夹是否有照片写入，本机用户能否读取和删除",
}


def sending_devices(settings: Settings) -> Iterator[Finding]:
    """Yield a finding a device, and one for what waits and who was turned away."""
    if not settings.reads.devices:
        return
    if not (reads_folder(settings) / "reads.sqlite").exists():
        yield Finding("相机上报 reads", "bad", "上报口从未启动", "先运行 kakou run")
        return
    try:
        with contextlib.closing(open_journal(settings)) as journal:
            said, waiting, oldest = journal.said_of_devices(), journal.waiting_count(), journal.oldest_untaken()
        apart = open_quarantine(settings).count()
    except (sqlite3.Error, OSError) as error:
        yield Finding("相机上报 reads", "bad", system_words(error), "检查状态目录")
        return
    lag = datetime.now(UTC) - oldest if oldest is not None else timedelta(0)
    yield _whole(waiting, lag, apart, report_from(said.get(STRANGERS)))
    yield from _shared_secrets(settings.reads.devices)
    for device in settings.reads.devices:
        yield _device(device, report_from(said.get(device.device_id)))


def _whole(waiting: int, lag: timedelta, apart: int, strangers: DeviceReport) -> Finding:
    is_knocking = _is_recent(strangers.refused_at)
    is_behind = waiting > MAX_WAITING or lag > MAX_LAG
    says = f"{waiting} 条待判{f'（最早的已等 {lag.total_seconds():.0f} 秒）' if is_behind else ''}"
    says += f"，{apart} 条看不懂的报文（加密保存一天）"
    if strangers.refused:
        says += f"，拒收不明来源 {strangers.refused} 次，最近原因：{strangers.why_refused}"
    is_fine = not is_behind and not is_knocking
    return Finding("相机上报 reads", "ok" if is_fine else "bad", says, "" if is_fine else "kakou reads test 试发一条")


def _shared_secrets(devices: Sequence[DeviceSettings]) -> Iterator[Finding]:
    """Yield a finding where several devices show the same secret: each of them could pass for the others."""
    of_secret: dict[str, list[str]] = {}
    for device in devices:
        with contextlib.suppress(SettingsError):  # `kakou run` says so, and does not start
            of_secret.setdefault(device_secret(device), []).append(device.device_id)
    for secret, names in of_secret.items():
        if secret and len(names) > 1:
            says = f"{'、'.join(names)} 用同一个密钥：一台可以冒充另一台"
            yield Finding("相机密钥", "warn", says, "每台各生成一个：openssl rand -hex 16，改 secret_file 和相机设置")


def _device(device: DeviceSettings, report: DeviceReport) -> Finding:
    name = f"相机 {device.device_id}"
    if report.last_message_at is None:
        refused = f"；已拒收 {report.refused} 次：{report.why_refused}" if report.refused else ""
        hint = NEVER.get(device.maker, "请查设备的推送地址：/reads/{device}/密钥").format(device=device.device_id)
        return Finding(
            name, "bad", f"从未上报{refused}。{hint}", f"然后运行 kakou reads test --device {device.device_id}"
        )
    ago_s = (datetime.now(UTC) - report.last_message_at).total_seconds()
    offset = report.clock_offset_s or 0.0
    says = [f"{ago_s:.0f} 秒前来过报文，识别结果 {report.reads} 条，重发 {report.resent} 条"]
    if abs(offset) > MAX_OFFSET_S:
        says.append(f"时钟偏差 {offset:+.0f} 秒：请在相机中启用 NTP 校时")
    if _is_recent(report.refused_at):
        says.append(f"拒收 {report.refused} 次：{report.why_refused}")
    if report.quarantined:
        says.append(f"看不懂 {report.quarantined} 条：{report.why_quarantined}")
    if report.broken_pictures:
        says.append(f"随来的照片有 {report.broken_pictures} 张不是图片，只有文字可用：请查相机的图片上传设置")
    is_fine = len(says) == 1
    return Finding(name, "ok" if is_fine else "bad", "，".join(says), "" if is_fine else "按提示改正相机设置")


def _is_recent(moment: datetime | None) -> bool:
    return moment is not None and datetime.now(UTC) - moment < RECENT
