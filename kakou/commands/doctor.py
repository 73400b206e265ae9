"""`kakou doctor`: is this box or centre fit to work?"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import redis
import typer
from rich.console import Console
from rich.table import Table

from alerts.channels.lane import LaneSettings
from alerts.delivery.channel_state import ChannelState, channel_states
from alerts.errors import AlertsError
from alerts.outbox import Outbox
from alerts.set_aside import losses
from alerts.stream import FlaggedStream, connect
from kakou.commands.doctor_cameras import examine_cameras
from kakou.commands.doctor_finding import Finding
from kakou.commands.doctor_reads import sending_devices
from kakou.exit_codes import ExitCode
from kakou.output import put_json
from kakou.settings import Settings, load_settings
from kakou.sunset.state import WARN_DAYS, SunsetError, load_state, sunset_words
from kakou.wiring.embedded_redis import MINIMUM_VERSION, RedisUnavailableError
from kakou.wiring.matching import key_path, open_hot_set
from kakou.wiring.redis import open_redis
from ocr.models_folder import shipped_models
from ocr.types import OcrError
from riskdb.types import RiskDBError

MIN_FREE_GB = 1.0
MAX_EVENT_AGE_S = 60.0
MAX_FSYNC_MS = 50.0

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a check on stdout.")] = False,
) -> None:
    """Check models, telemetry, Redis, risk list, outbox, channels, spool, cameras, key, disk. Exit code 1 on a finding.

    Examples:

    - `kakou doctor`
    - `kakou doctor --config /etc/kakou.toml --json`
    """
    settings = load_settings(config)
    findings = list(examine(settings))
    if as_json:
        for finding in findings:
            put_json(asdict(finding))
    else:
        Console(highlight=False).print(_table(findings))
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(ExitCode.FINDINGS)


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield one finding a check; a check that cannot be made is a finding too."""
    yield _guarded("模型 models", _check_models)
    yield _guarded("密钥 plate key", lambda: _check_key(settings))
    yield _sunset(settings)
    yield _guarded("外联 telemetry", check_telemetry)
    yield _cameras(settings)
    yield _damaged(settings)
    yield _guarded("磁盘 disk", lambda: _check_disk(settings))
    yield _guarded("发件箱 outbox", lambda: _check_outbox(settings))
    yield _guarded("待补查 spool", lambda: _check_spool(settings))
    yield from examine_cameras(settings)
    yield from sending_devices(settings)
    try:
        with open_redis(settings) as url:
            yield _guarded("Redis", lambda: _check_redis(url))
            yield _guarded("风险名单 risk list", lambda: _check_list(settings, url))
            yield _guarded("投递 delivery", lambda: _check_delivery(settings, settings.alerts.stream_url or url))
    except RedisUnavailableError as error:
        yield Finding("Redis", False, str(error))


def _guarded(name: str, check: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        is_ok, says = check()
    except (OcrError, RiskDBError, AlertsError, redis.RedisError, OSError) as error:
        return Finding(name, False, str(error))
    return Finding(name, is_ok, says)


def _check_models() -> tuple[bool, str]:
    sums = shipped_models().sha256()
    return True, ", ".join(f"{name} {checksum[:12]}" for name, checksum in sums.items())


def _check_key(settings: Settings) -> tuple[bool, str]:
    path = key_path(settings)
    if not path.exists():
        return True, f"{path} 尚未建立，首次使用时生成"
    mode = path.stat().st_mode & 0o777
    return mode == 0o600, f"{path} 权限 {mode:o}" + ("" if mode == 0o600 else "，应为 600：chmod 600")


def _sunset(settings: Settings) -> Finding:
    name, now = "日落 sunset", datetime.now(UTC)
    try:
        state = load_state(settings.state_dir)
    except SunsetError as error:
        return Finding(name, False, str(error))
    if state is None:
        return Finding(name, True, f"尚未启动；首次启动后 {settings.sunset_days} 天到期")
    days = state.days_left(now)
    return Finding(name, days >= WARN_DAYS, sunset_words(state, now), is_soon=0 < days < WARN_DAYS)


def _cameras(settings: Settings) -> Finding:
    taken = [source.camera_id for source in settings.sources if not source.tls_verify]
    says = f"不核对证书（tls_verify = false）：{'、'.join(taken)}；画面可被冒充" if taken else "https、rtsps 均核对证书"
    return Finding("摄像机证书 camera certificates", True, says, is_soon=bool(taken))


def _damaged(settings: Settings) -> Finding:
    lost = losses(settings.state_dir)
    says = f"{'；'.join(lost)}（处理后删除 {settings.state_dir} 中的 *.damaged-*.txt）" if lost else "没有损坏"
    return Finding("文件 files", not lost, says)


def check_telemetry() -> tuple[bool, str]:
    """Return whether the libraries that would call their makers are kept from it, in this process and before."""
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        return False, "onnxruntime 遥测未关闭：环境变量 ORT_DISABLE_TELEMETRY 应为 1"
    left = Path.home() / ".cache" / "Microsoft" / "DeveloperTools" / ".onnxruntime"
    if (left / "deviceid").exists():
        return False, f"{left} 中有 onnxruntime 以前留下的设备号，请删除该文件夹"
    return True, "onnxruntime 遥测已关闭，Ray 使用统计已关闭"


def _check_disk(settings: Settings) -> tuple[bool, str]:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    free_gb = shutil.disk_usage(settings.state_dir).free / 1e9
    fsync_ms = _fsync_ms(settings.state_dir)
    is_ok = free_gb >= MIN_FREE_GB and fsync_ms <= MAX_FSYNC_MS
    return is_ok, f"剩余 {free_gb:.1f} GB，fsync {fsync_ms:.1f} ms"


def _fsync_ms(folder: Path) -> float:
    probe = folder / ".fsync"
    with probe.open("wb") as file:
        file.write(b"\0" * 4096)
        file.flush()
        started = time.perf_counter()
        os.fsync(file.fileno())
        elapsed = time.perf_counter() - started
    probe.unlink()
    return elapsed * 1000


def _check_outbox(settings: Settings) -> tuple[bool, str]:
    path = settings.state_dir / "outbox.sqlite"
    if not path.exists():
        return True, "尚无预警"
    with Outbox(path) as outbox:
        waiting, oldest_s = outbox.pending_count(), outbox.oldest_pending_s()
    return oldest_s <= MAX_EVENT_AGE_S, f"{waiting} 条待转发，最早 {oldest_s:.0f} 秒前"


def _check_spool(settings: Settings) -> tuple[bool, str]:
    folder = settings.state_dir / "spool"
    waiting = len(list(folder.glob("*.unchecked"))) if folder.is_dir() else 0
    return waiting == 0, f"{waiting} 辆未核对"


def _check_redis(url: str) -> tuple[bool, str]:
    with redis.Redis.from_url(url, socket_timeout=2.0, socket_connect_timeout=2.0) as client:
        server = client.info("server")
        persistence = client.info("persistence")
    version = str(server["redis_version"])
    is_new = tuple(int(part) for part in version.split(".")[:2]) >= MINIMUM_VERSION
    keeps = bool(persistence["aof_enabled"])
    says = f"{version}，AOF {'开' if keeps else '关：断电会丢名单和事件，请设 appendonly yes'}"
    return is_new and keeps, says if is_new else f"{says}，需要 ≥ 6.2"


def _check_list(settings: Settings, url: str) -> tuple[bool, str]:
    state = open_hot_set(settings, url).state()
    age_s = state.age_s(datetime.now(UTC).timestamp())
    says = f"版本 {state.version}，{state.count} 条，{age_s:.0f} 秒前更新"
    return state.count > 0, says if state.count else f"{says}：名单为空，查不出任何车辆；请导入行程记录并公布风险区"


def _check_delivery(settings: Settings, url: str) -> tuple[bool, str]:
    names = [channel.name for channel in settings.alerts.channels if not isinstance(channel, LaneSettings)]
    client = connect(url)
    try:
        dead = FlaggedStream(client).dead_count()
        states = channel_states(client, names)
    finally:
        client.close()
    is_ok = dead == 0 and not any(state.disabled for state in states)
    return is_ok, "；".join([f"死信 {dead} 条", *(_channel_text(state) for state in states)])


def _channel_text(state: ChannelState) -> str:
    now_ms = time.time() * 1000
    oldest = f"，最早 {(now_ms - state.oldest_ms) / 1000:.0f} 秒前" if state.oldest_ms else ""
    off = f"，已停用：{state.disabled}" if state.disabled else ""
    return f"{state.name} 排队 {state.waiting}{oldest}，成功 {state.delivered}，失败 {state.failed}{off}"


def _table(findings: list[Finding]) -> Table:
    table = Table("检查", "", "结果")
    for finding in findings:
        verdict = "[green]✓ 正常[/green]" if finding.is_ok else "[red]✗ 异常[/red]"
        if finding.is_soon:
            verdict = "[yellow]! 注意[/yellow]"
        table.add_row(finding.check, verdict, finding.says)
    return table
