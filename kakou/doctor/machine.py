"""The machine itself: models, FFmpeg, keys, folder, disk, clock, cores."""

import ctypes
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import av

from alerts.set_aside import losses
from kakou.disk_words import room_words
from kakou.doctor.finding import Finding, Told, checked, ok
from kakou.installing.services import secret_paths
from kakou.settings import Settings, WatchSettings
from kakou.sunset.state import WARN_DAYS, load_state, sunset_words
from kakou.watch.centre import certificate_days
from kakou.wiring.clock import trusted_clock
from kakou.wiring.matching import key_path
from ocr.images import load_image
from ocr.models_folder import shipped_models
from ocr.processor import CPUINFO, SUMS_OF_BYTES, instructions, sums_bytes
from ocr.reader import PlateReader
from ocr.reader_settings import ReaderSettings
from pipeline.walk.canary import CANARY_PICTURE, CANARY_TEXT
from riskdb.digest import read_key
from riskdb.types import RiskDBError

MAX_FSYNC_MS = 50.0
SLOW_READ_MS = 500.0
CAMERAS_A_CORE, CAMERAS_A_SLOW_CORE = 4, 2
"""The latter without the instructions that models in 8 bits are for (`ocr/processor.py`)."""
TIME_ERROR = 5
"""adjtimex: the kernel's clock is not synchronised."""


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what needs no server."""
    yield checked("系统 machine", _machine)
    yield checked("模型 models", _models, "模型文件损坏或缺失：重新安装")
    yield checked("首次识别 first read", _first_read, "重新安装；仍不正常时用 kakou read 试一张照片")
    yield checked("解码 FFmpeg", _ffmpeg)
    yield checked("密钥 plate key", lambda: _key(settings), "从备份放回 plate.key（权限 600）")
    yield checked("密文 secrets", lambda: _secrets(settings))
    yield checked("日落 sunset", lambda: _sunset(settings), "从备份放回 sunset.json")
    yield checked("外联 telemetry", _telemetry)
    yield checked("状态目录 state folder", lambda: _folder(settings.state_dir))
    yield checked("文件 files", lambda: _damaged(settings.state_dir))
    yield checked("磁盘 disk", lambda: disk_told(settings.state_dir, settings.watch))
    yield checked("待补查 spool", lambda: _spool(settings.state_dir))
    yield checked("时钟 clock", lambda: _clock(settings))
    if settings.console.tls_certificate:
        path, days = settings.console.tls_certificate, settings.watch.certificate_days
        yield checked(f"证书 {path.name}", lambda: certificate_told(certificate_days(path, datetime.now(UTC)), days))
    yield checked("核数 cores", lambda: cores_told(settings))


def _machine() -> Told:
    says = f"{platform.machine()}，Python {platform.python_version()}，{_user()}"
    if os.geteuid() == 0:
        return "warn", says, "不要以 root 运行服务：用 kakou install 建立的用户"
    return ok(says)


def _user() -> str:
    return f"用户 {os.geteuid()}"


def _models() -> Told:
    return ok(", ".join(f"{name} {checksum[:12]}" for name, checksum in shipped_models().sha256().items()))


def _first_read() -> Told:
    """Read the canary's picture as a box does after its start."""
    started = time.perf_counter()
    reader = PlateReader.from_models(shipped_models(), ReaderSettings(second_long_side_px=0))
    loaded = time.perf_counter()
    texts = [read.text for read in reader.read(load_image(CANARY_PICTURE))]
    read_ms, load_ms = (time.perf_counter() - loaded) * 1000, (loaded - started) * 1000
    says = f"装入模型 {load_ms:.0f} ms，识别一张 {read_ms:.0f} ms"
    if texts != [CANARY_TEXT]:
        return "bad", f"{says}；自检图片识别为 {texts}", "模型不能用：重新安装"
    if read_ms > SLOW_READ_MS:
        return "warn", says, "这台机器太慢或太忙：减少摄像机"
    return ok(says)


def _ffmpeg() -> Told:
    found = av.library_versions
    version = ".".join(map(str, found["libavcodec"]))
    return ok(f"PyAV {av.__version__}，libavcodec {version}")


def _key(settings: Settings) -> Told:
    path = key_path(settings)
    if not path.exists():
        return "warn", f"{path} 尚未建立，首次使用时生成", "卡口机：从中心复制 plate.key 并设权限 600"
    if not path.is_file():
        return "bad", f"{path} 不是文件", "移开它，从备份放回（kakou restore），或从中心复制 plate.key"
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode != 0o600:
        return "bad", f"{path} 权限 {mode:o}", f"chmod 600 {path}"
    try:
        read_key(path)
    except RiskDBError as error:
        return "bad", str(error), "从备份放回（kakou restore），或从中心复制 plate.key"
    return ok(f"{path} 权限 600")


def _secrets(settings: Settings) -> Told:
    """Look at the modes of all files of secrets that the settings name, and of our own keys."""
    named = {*secret_paths(settings), settings.state_dir / "spool.key", settings.state_dir / "console.key"}
    paths = [path for path in sorted(named) if path.exists()]
    if missing := [str(path) for path in sorted(set(secret_paths(settings))) if not path.exists()]:
        return "bad", f"不存在：{'，'.join(missing)}", "按 kakou.toml 放好密文文件"
    if odd := [str(path) for path in paths if not path.is_file()]:
        return (
            "bad",
            f"不是文件：{'，'.join(odd)}",
            "移开它，再按 kakou.toml 放好密文文件，或从备份放回（kakou restore）",
        )
    if open_ones := [str(path) for path in paths if path.stat().st_mode & 0o077]:
        return "bad", f"他人可读：{'，'.join(open_ones)}", f"chmod 600 {' '.join(open_ones)}"
    return ok(f"{len(paths)} 个文件，仅属主可读")


def _sunset(settings: Settings) -> Told:
    state, now = load_state(settings.state_dir), datetime.now(UTC)
    if state is None:
        return ok(f"尚未启动；首次启动后 {settings.sunset_days} 天到期")
    days = state.days_left(now)
    if days >= WARN_DAYS:
        return ok(sunset_words(state, now))
    return "warn" if days > 0 else "bad", sunset_words(state, now), "由管理员决定：kakou sunset --renew"


def check_telemetry() -> tuple[bool, str]:
    """Return whether the libraries that would call their makers are kept from it, in this process and before."""
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        return False, "onnxruntime 遥测未关闭：环境变量 ORT_DISABLE_TELEMETRY 应为 1"
    left = Path.home() / ".cache" / "Microsoft" / "DeveloperTools" / ".onnxruntime"
    if (left / "deviceid").exists():
        return False, f"{left} 中有 onnxruntime 以前留下的设备号，请删除该文件夹"
    return True, "onnxruntime 遥测已关闭，Ray 使用统计已关闭"


def _telemetry() -> Told:
    is_off, says = check_telemetry()
    return ok(says) if is_off else ("bad", says, "按左边所说关闭或删除")


def _folder(state_dir: Path) -> Told:
    if not state_dir.exists():
        parent = next(one for one in state_dir.absolute().parents if one.exists())
        if not os.access(parent, os.W_OK):
            return "bad", f"{state_dir} 尚未建立，{parent} 不可写", f"install -d -o kakou -m 0700 {state_dir}"
        return "warn", f"{state_dir} 尚未建立，首次启动时生成", "检查 kakou.toml 中的 state_dir 是否为绝对路径"
    if not os.access(state_dir, os.W_OK | os.X_OK):
        return "bad", f"{state_dir} 不可写", f"chown -R kakou {state_dir}；只读时检查磁盘"
    mode = stat.S_IMODE(state_dir.stat().st_mode)
    return ok(f"{state_dir} 权限 {mode:o}")


def _damaged(state_dir: Path) -> Told:
    lost = losses(state_dir)
    return ("bad", "；".join(lost), f"处理后删除 {state_dir} 中的 *.damaged-*.txt") if lost else ok("没有损坏")


def disk_told(state_dir: Path, limits: WatchSettings) -> Told:
    """By the same limits as the notices."""
    folder = next(one for one in (state_dir.absolute(), *state_dir.absolute().parents) if one.exists())
    free, fsync = shutil.disk_usage(folder).free, fsync_ms(folder)
    says = room_words(free) + (f"，fsync {fsync:.1f} ms" if fsync is not None else "")
    if free < limits.disk_full_mib * 2**20:
        return "bad", says, "清理磁盘或扩容"
    if fsync is not None and fsync > MAX_FSYNC_MS:
        return "warn", says, "磁盘太慢：换用固态盘；每条预警落盘才放行"
    return ("warn", says, "尽快清理磁盘") if free < limits.disk_low_gib * 2**30 else ok(says)


def fsync_ms(folder: Path) -> float | None:
    """Return how long a small write takes to be on the disk; in a file without a name. None where none can be made."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            return (time.perf_counter() - started) * 1000
    except OSError:
        return None


def _spool(state_dir: Path) -> Told:
    folder = state_dir / "spool"
    waiting = len(list(folder.glob("*.unchecked"))) if folder.is_dir() else 0
    if waiting:
        return "bad", f"{waiting} 辆未核对", "名单恢复后自动补查：先处理下面的名单一项"
    return ok("0 辆未核对")


def _clock(settings: Settings) -> Told:
    span = trusted_clock(settings, is_keeping=False).look()
    if not span.is_known:
        return "bad", "时钟早于已知时间", "校时（NTP）；此前车辆均为未核对"
    if not span.is_settled:
        return "warn", "时钟刚刚跳变，确认前不删除任何数据", "检查 NTP：chronyc tracking"
    is_synchronised = kernel_is_synchronised()
    if is_synchronised is False:
        return "warn", "未与时间服务器同步", "启用 NTP：timedatectl set-ntp true，或安装 chrony"
    return ok("已与时间服务器同步" if is_synchronised else "同步状态未知")


def kernel_is_synchronised() -> bool | None:
    """Return what the kernel says of its clock; None where it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))  # modes 0: only reads
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR


def certificate_told(days_left: int, warn_days: int) -> Told:
    if days_left < 0:
        return "bad", "已过期", "立即换上新证书"
    return ("warn", f"剩余 {days_left} 天", "尽快换上新证书") if days_left < warn_days else ok(f"剩余 {days_left} 天")


def cores_told(settings: Settings, cpuinfo: Path = CPUINFO) -> Told:
    cores, cameras = len(os.sched_getaffinity(0)), sum(source.is_live for source in settings.sources)
    name, is_slow = instructions(cpuinfo), sums_bytes(cpuinfo) is False
    says = f"{cores} 核{f'（{name}）' if name else ''}，{cameras} 路摄像机，负载 {os.getloadavg()[0]:.1f}"
    if cameras <= cores * (most := CAMERAS_A_SLOW_CORE if is_slow else CAMERAS_A_CORE):
        return ok(says)
    why = f"这种处理器没有 {'、'.join(SUMS_OF_BYTES.values())}，识别约慢 2.5 倍，" if is_slow else ""
    return "warn", says, f"{why}每核不超过 {most} 路：减少摄像机、加核或换处理器"
