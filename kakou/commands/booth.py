"""`kakou booth`: pairs the tablets that show a checkpoint's booth page."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import segno
import typer

from console.booth.devices import Device
from kakou.box.booth import address_of, certificate_of, open_devices
from kakou.process import keep_private
from kakou.settings import Settings, SettingsError, load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")
Config = Annotated[Path | None, typer.Option("--config", help="Settings file; ./kakou.toml when left out.")]


@app.callback()
def booth() -> None:
    """卡口岗: the booth page of a box, on tablets beside the barrier."""


@app.command()
def pair(
    name: Annotated[str, typer.Argument(help="What the device is called in records, such as 一号平板.")],
    config: Config = None,
    checkpoint: Annotated[str, typer.Option(help="Which checkpoint; not needed where the box has one.")] = "",
    camera: Annotated[str, typer.Option(help="Only this camera's lane; all of the checkpoint's when left out.")] = "",
) -> None:
    """Print a QR code; the tablet that scans it first shows this checkpoint's booth page from then on.

    Example: `kakou booth pair 一号平板 --checkpoint 滨海大道卡口`
    """
    settings = load_settings(config)
    place = _place(settings, checkpoint, camera)
    keep_private(settings.state_dir)
    valid_for = timedelta(minutes=settings.booth.pairing_minutes)
    with closing(open_devices(settings.state_dir)) as devices:
        token = devices.invite(_name(name), place, camera, valid_for)
    link = f"{address_of(settings.booth)}/pair/{token}"
    segno.make(link, error="l").terminal(compact=True)
    minutes = f"{settings.booth.pairing_minutes:g}"
    typer.echo(f"{f'{place} {camera}'.strip()}：用“{name}”扫描，{minutes} 分钟内有效，只能用一次")
    typer.echo(link)
    typer.echo(f"证书指纹（SHA-256），浏览器提示不受信任时请逐字核对：\n{certificate_of(settings).fingerprint}")


@app.command("list")
def list_devices(config: Config = None) -> None:
    """List the devices."""
    with closing(open_devices(load_settings(config).state_dir)) as devices:
        for device in devices.all():
            typer.echo(f"{device.device_id}\t{device.name}\t{device.checkpoint} {device.camera_id}\t{_state(device)}")


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="The device's number in `kakou booth list`.")], config: Config = None
) -> None:
    """Take a device off: its page ends within two seconds."""
    with closing(open_devices(load_settings(config).state_dir)) as devices:
        devices.revoke(number)
    typer.echo(f"设备 {number} 已停用")


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 40:
        raise SettingsError("名称应为 1 到 40 个字，如 一号平板")
    return name.strip()


def _place(settings: Settings, checkpoint: str, camera: str) -> str:
    """Return the checkpoint. Raises SettingsError where it is not this box's, or not clear which."""
    if settings.booth.port is None:
        raise SettingsError("没有设 [booth] port：本机不提供卡口岗页面，见 docs/kakou.toml.md (port is not set)")
    places = list(dict.fromkeys(place for _, place in settings.cameras))
    if not checkpoint and len(places) == 1:
        checkpoint = places[0]
    if checkpoint not in places:
        raise SettingsError(f"--checkpoint：从中选一个：{'、'.join(places)}")
    cameras = [camera_id for camera_id, place in settings.cameras if place == checkpoint]
    if camera and camera not in cameras:
        raise SettingsError(f"--camera：从中选一个：{'、'.join(cameras)}")
    return checkpoint


def _state(device: Device) -> str:
    if device.revoked_at:
        return "已停用"
    return "已配对" if device.paired_at else "等待配对"
