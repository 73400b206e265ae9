"""Builds what takes the reads that cameras send, from the settings."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from kakou.settings import Settings, SettingsError
from kakou.wiring.outbox import open_outbox
from pipeline.reads.cipher import Seal
from pipeline.reads.device_state import Device, by_id
from pipeline.reads.endpoint import Clocks, Endpoint
from pipeline.reads.folder import FolderWatch
from pipeline.reads.guarding import Guarding
from pipeline.reads.journal import Journal
from pipeline.reads.keeping import Keeping
from pipeline.reads.proposing import Proposing
from pipeline.reads.quarantine import Quarantine
from pipeline.reads.settings import FOLDER, DeviceSettings, SubscribeSettings
from riskdb.digest import load_or_create_key
from riskdb.system_words import system_words

MIN_SECRET = 16


def reads_folder(settings: Settings) -> Path:
    return settings.state_dir / "reads"


def address_file(settings: Settings) -> Path:
    """Return the file that says where the endpoint of this box listens while it does."""
    return settings.state_dir / "run" / "reads.address"


def reads_seal(settings: Settings) -> Seal:
    """Return the seal of this box's reads. Raises OSError."""
    return Seal.of_file(settings.state_dir / "reads.key")


def open_journal(settings: Settings) -> Journal:
    """Raises sqlite3.Error, OSError."""
    return Journal(reads_folder(settings), reads_seal(settings))


def open_quarantine(settings: Settings) -> Quarantine:
    """Raises OSError."""
    reads = settings.reads
    folder = reads_folder(settings) / "quarantine"
    kept = timedelta(hours=reads.quarantine_hours)
    return Quarantine(folder, reads_seal(settings), kept, reads.quarantine_max_mb << 20)


class Watch(Protocol):
    """Work beside the endpoint."""

    def run(self, stop: threading.Event) -> None:
        """Go on until `stop` is set."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes reads, not yet started."""

    endpoint: Endpoint
    keeping: Keeping
    """The thread that writes for all of them."""
    watches: tuple[Watch, ...]
    """What runs in a thread of its own: folders, subscriptions at brokers."""


def build_intake(settings: Settings) -> Intake:
    """Return what takes the reads of all devices. Raises SettingsError, sqlite3.Error, OSError."""
    journal = open_journal(settings)
    window = timedelta(hours=settings.reads.replay_window_h)
    said = journal.said_of_devices()
    devices = by_id(
        Device.of(device, device_secret(device), window, said.get(device.device_id))
        for device in settings.reads.devices
    )
    keeping = Keeping(journal, lambda: endpoint.states())
    clocks = Clocks(lambda: datetime.now(UTC), time.monotonic)
    quarantine = open_quarantine(settings)
    outbox = open_outbox(settings)
    evidence = settings.state_dir / "evidence"
    id_key = partial(load_or_create_key, settings.state_dir / "plate.key")
    guarding = Guarding(outbox.append, id_key, evidence)
    endpoint = Endpoint(
        devices, keeping, quarantine, settings.reads, clocks, guarding, Proposing(outbox.append, id_key)
    )
    most_bytes = int(settings.reads.max_body_mb * 2**20)
    watched = [device for device in devices.values() if device.settings.maker == FOLDER]
    folders = [FolderWatch(one, keeping, quarantine, most_bytes) for one in watched]
    pulls = [_pull(device, keeping, guarding) for device in devices.values() if device.settings.pull]
    platforms = [(device, device.settings.subscribe) for device in devices.values()]
    pulls += [_subscribing(device, platform) for device, platform in platforms if platform]
    return Intake(endpoint, keeping, (*folders, *pulls, *_subscriptions(devices.values(), guarding)))


def _pull(device: Device, keeping: Keeping, guarding: Guarding) -> Watch:
    """Raises SettingsError."""
    from pipeline.reads.dahua_pull import DahuaPull  # httpx takes a tenth of a second to load

    return DahuaPull(device, _password(device.settings, device.settings.secret_file), keeping, guarding)


def _subscribing(device: Device, platform: SubscribeSettings) -> Watch:
    """Raises SettingsError."""
    from pipeline.reads.subscribing import Subscribing

    return Subscribing(device, platform, _password(device.settings, platform.password_file))


def _subscriptions(devices: Iterable[Device], guarding: Guarding) -> list[Watch]:
    """Raises SettingsError."""
    wanted = [(device, device.settings.broker) for device in devices]
    if not any(broker for _, broker in wanted):
        return []
    try:
        from pipeline.reads.mqtt_doors import MqttDoors
    except ModuleNotFoundError as error:
        raise SettingsError("[reads.device.broker] 需要 paho-mqtt：执行 make setup (needs paho-mqtt)") from error
    return [MqttDoors(device, broker, guarding) for device, broker in wanted if broker]


def device_secret(device: DeviceSettings) -> str:
    """Return what a device shows when it posts; "" for one that posts nothing. Raises SettingsError."""
    if not device.posts or device.secret_file is None:
        return ""
    name = f"[[reads.device]] {device.device_id}"
    try:
        secret = device.secret_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{name}: 读不了密钥文件 {device.secret_file}（{system_words(error)}）：核对路径和权限"
        ) from error
    if len(secret) < MIN_SECRET or not secret.isalnum():
        raise SettingsError(
            f"{name}: {device.secret_file} 应为一行、至少 {MIN_SECRET} 个字母和数字：用 openssl rand -hex 16 生成"
            f" (must hold {MIN_SECRET} or more letters and digits on one line)"
        )
    return secret


def _password(device: DeviceSettings, file: Path | None) -> str:
    """Return the password of a camera that is asked. Raises SettingsError."""
    try:
        return file.read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"[[reads.device]] {device.device_id}: 读不了 {file}（{system_words(error)}）：核对路径和权限"
        ) from error
