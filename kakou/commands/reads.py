"""`kakou reads`: does what a camera sends arrive?"""

import http.client
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

import typer

from alerts.digest_answer import answer_to
from alerts.flagged import FlaggedEvent
from alerts.stream import FlaggedStream, connect
from kakou.exit_codes import ExitCode
from kakou.settings import Settings, SettingsError, load_settings
from kakou.wiring.reads import address_file, device_secret
from kakou.wiring.redis import open_redis
from pipeline.reads.endpoint import TEST_HEADER
from pipeline.reads.settings import FOLDER, DeviceSettings
from pipeline.reads.synthetic import SAMPLES, Said
from pipeline.reads.trial import TRIAL_PLATE
from riskdb.own_file import read_own_text
from riskdb.system_words import system_words

WAIT_S = 15.0
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the way, and whether the message came through it."""

    name: str
    is_ok: bool
    says: str


@app.callback()
def reads() -> None:
    """Plate reads that cameras send."""


@app.command("test")
def send_test(
    device: Annotated[str, typer.Option("--device", help="device_id of the [[reads.device]] to speak for.")],
    maker: Annotated[str | None, typer.Option("--maker", help="Must be the device's; checked when given.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="PEM of certificate and key, for auth = certificate.")
    ] = None,
) -> None:
    """Send a message as the device would, with an invented plate, and follow it to the event stream.

    The box must be running (`kakou run`). Nobody is sent out: the event is marked as a replay. Exit code 1 where the
    message gets stuck, 4 where the box cannot be reached.

    Examples:

    - `kakou reads test --maker hikvision --device K01`
    """
    settings = load_settings(config)
    chosen = _chosen(settings, device, maker)
    steps = list(_follow(settings, chosen, _trust(chosen, certificate)))
    for step in steps:
        typer.echo(f"{'✓' if step.is_ok else '✗'} {step.name}  {step.says}")
    if not all(step.is_ok for step in steps):
        raise typer.Exit(ExitCode.FINDINGS if len(steps) > 1 else ExitCode.UNAVAILABLE)


def _chosen(settings: Settings, device_id: str, maker: str | None) -> DeviceSettings:
    found = next((one for one in settings.reads.devices if one.device_id == device_id), None)
    if found is None:
        known = "、".join(one.device_id for one in settings.reads.devices) or "无"
        raise SettingsError(f"[[reads.device]] 中没有设备 {device_id}；已登记：{known}")
    if maker is not None and maker != found.maker:
        raise SettingsError(f"设备 {device_id} 登记的厂家是 {found.maker}，不是 {maker}")
    if found.pull is not None:
        raise SettingsError(f"设备 {device_id} 由本机去取（pull），不接受上报：请开一辆车通过，再看 kakou doctor")
    if found.maker not in SAMPLES and found.maker != FOLDER:
        raise SettingsError(f"设备 {device_id} 是看护相机，不报号牌：请走过那扇门，看控制台是否出现“有人出入”")
    if found.maker == FOLDER:
        raise SettingsError(f"设备 {device_id} 由文件夹上报：请把一张照片放入 {found.folder}")
    return found


def _trust(device: DeviceSettings, certificate: Path | None) -> ssl.SSLContext:
    """Return what the box is spoken to by over TLS, with the device's certificate where it needs one."""
    # The box speaks to itself: whose certificate it is does not matter here.
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    if device.auth == "certificate":
        if certificate is None:
            raise SettingsError(f"设备 {device.device_id} 凭客户端证书：请用 --certificate 给出它的证书和私钥（PEM）")
        try:
            trust.load_cert_chain(certificate)
        except OSError as error:  # of TLS, too
            raise SettingsError(
                f"--certificate {certificate} 不能用：应为 PEM，内有证书和私钥（{system_words(error)}）"
            ) from error
    return trust


def _follow(settings: Settings, device: DeviceSettings, trust: ssl.SSLContext) -> Iterator[Step]:
    """Yield each part of the way, up to the first one that fails."""
    address = _address(settings)
    if address is None:
        yield Step("上报口", False, "没有运行：请先启动 kakou run")
        return
    with open_redis(settings) as url:
        stream = FlaggedStream(client := connect(settings.alerts.stream_url or url))
        try:
            since = stream.last_id()
            began_s = time.monotonic()
            try:
                status = _send(address, device, trust)
            except (OSError, http.client.HTTPException) as error:
                yield Step("上报口", False, f"{address} 连不上：{system_words(error)}")
                return
            yield Step("上报口", status == 200, _says_status(status))
            if status == 200:
                yield _in_stream(stream, since, device, began_s)
        finally:
            client.close()


def _says_status(status: int) -> str:
    words = {200: "收下并已落盘", 401: "认证失败：用户名或密码不对", 403: "密钥或设备号不对", 503: "磁盘写不进"}
    return f"HTTP {status} {words.get(status, '被拒收')}"


def _address(settings: Settings) -> str | None:
    """Return where the endpoint listens; None where none was started."""
    try:
        return read_own_text(address_file(settings)).strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _in_stream(stream: FlaggedStream, since: str, device: DeviceSettings, began_s: float) -> Step:
    while time.monotonic() - began_s < WAIT_S:
        entries, since = stream.follow(since, block_ms=200)
        for event in (entry.event for entry in entries):
            if isinstance(event, FlaggedEvent) and event.camera_id == device.camera_id and event.replayed:
                return Step(
                    "事件流", True, f"{(time.monotonic() - began_s) * 1000:.0f} 毫秒后到达，识别为 {event.text}"
                )
    return Step("事件流", False, f"{WAIT_S:.0f} 秒内没有到达：请查看 kakou run 的输出和 kakou doctor")


def _send(address: str, device: DeviceSettings, trust: ssl.SSLContext) -> int:
    """Return the status that the endpoint answers with."""
    secret = device_secret(device)
    serial = next(iter(device.known_serials), "kakou-test")
    said = Said(TRIAL_PLATE, datetime.now(UTC), f"{uuid4().hex}{uuid4().hex}"[:48], serial=serial)
    wire = SAMPLES[device.maker](said)
    headers = {"content-type": wire.content_type, TEST_HEADER: "1"}
    path = f"/reads/{device.device_id}"
    if device.auth == "path":
        path += f"/{secret}"
    elif device.auth == "header":
        headers["x-kakou-key"] = secret
    path = f"{path}/{wire.path}".rstrip("/")
    if device.auth == "digest":
        challenge = _post(address, path, b"", headers, trust)[1]
        headers["authorization"] = answer_to(challenge, "POST", path, device.user, secret)
    return _post(address, path, wire.body, headers, trust)[0]


def _post(address: str, path: str, body: bytes, headers: dict[str, str], trust: ssl.SSLContext) -> tuple[int, str]:
    """Return the status, and a challenge where there is one."""
    link = urlsplit(address)
    host, port = link.hostname or "localhost", link.port
    if link.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=trust)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=WAIT_S)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("www-authenticate") or ""
    finally:
        connection.close()
