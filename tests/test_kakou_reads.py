"""A box that cameras send reads to, as a whole: from the camera's message to the stream, the tile and the doctor."""

import contextlib
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from alerts.box_status import BoxStatus, SendingDevice
from console.settings import ConsoleSettings
from console.situation.tiles import Heard, tiles
from kakou.doctor.sending_devices import sending_devices
from kakou.settings import Settings, SettingsError, load_settings
from kakou.watch.devices import DeviceLook
from kakou.wiring.reads import open_journal
from pipeline.reads.arrival import Arrival
from pipeline.reads.camera_read import CameraRead, SentRead
from pipeline.reads.synthetic import Said, hikvision
from tests.alerts_kit import wait_until
from tests.certificates import make_certificate
from tests.commands import call_kakou, start_kakou
from tests.reads_kit import SECRET, Box, reads_settings, serving

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
DEVICE = """
[[reads.device]]
device_id = "{name}"
maker = "{maker}"
checkpoint = "东门卡口"
secret_file = "secret"
{more}
"""


def config(folder: Path, port: int = 0, **makers: str) -> Path:
    (folder / "secret").write_text(SECRET)
    devices = "".join(
        DEVICE.format(name=name, maker=maker.split()[0], more=maker.partition(" ")[2]) for name, maker in makers.items()
    )
    path = folder / "kakou.toml"
    path.write_text(f'state_dir = "var"\n[reads]\nport = {port}\n{devices}')
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.long
def test_a_message_goes_from_the_camera_to_the_stream_also_after_its_processes_were_killed(tmp_path: Path):
    config(tmp_path, port := free_port(), K01="hikvision", K02='axis auth = "digest"', K03='dahua auth = "header"')
    before = call_kakou("reads", "test", "--device", "K01", folder=tmp_path)
    assert (before.exit_code, "kakou run" in before.stdout) == (4, True)
    process = start_kakou("run", folder=tmp_path)
    try:
        wait_until(lambda: (tmp_path / "var" / "run" / "reads.address").exists(), timeout_s=30)
        for device in ("K01", "K02", "K03"):
            done = call_kakou("reads", "test", "--device", device, folder=tmp_path)
            assert done.exit_code == 0, done.stdout + done.stderr
            assert done.stdout.count("✓") == 2
        box = Box(load_settings(tmp_path / "kakou.toml").model_copy(update={"state_dir": tmp_path / "var"}), port)
        assert box.send(hikvision(Said(at=datetime.now(UTC)))).status == 200
        assert_the_endpoint_has_a_core_to_itself(process.pid)
        for child in psutil.Process(process.pid).children():
            if any("kakou.box" in word for word in child.cmdline()):
                child.kill()
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "var" / "run" / "reads.address").unlink()
        wait_until(lambda: (tmp_path / "var" / "run" / "reads.address").exists(), timeout_s=30)
        assert box.send(hikvision(Said(at=datetime.now(UTC)))).status == 200
        assert call_kakou("reads", "test", "--device", "K01", folder=tmp_path).exit_code == 0
        wait_until(lambda: "识别结果" in call_kakou("doctor", folder=tmp_path).stdout, timeout_s=10)
    finally:
        process.terminate()
        assert process.wait(20) == 0


def assert_the_endpoint_has_a_core_to_itself(process_id: int) -> None:
    """Of what loads and what decides, which may take all of a core, none is on the first one."""
    of: dict[str, list[list[int]]] = {}
    for child in psutil.Process(process_id).children():
        with contextlib.suppress(psutil.Error):
            of.setdefault(child.cmdline()[-1], []).append(child.cpu_affinity())
    every = sorted(psutil.Process(process_id).cpu_affinity())
    assert every in of["kakou.box.reads"]
    assert of["kakou.box.arrivals"] == [every[1:] or every]
    assert all(cores == every[1:] for cores in of["kakou.box.reads"] if cores != every)


def status(**device: object) -> BoxStatus:
    sending = SendingDevice.model_validate({"maker": "hikvision", "last_message_at": NOON, **device})
    return BoxStatus(
        camera_id="K01", checkpoint="东门卡口", box="box", reported_at=NOON, fps=0.0, last_read_at=NOON, list_version=1,
        list_age_s=1.0, unchecked_waiting=0, outbox_pending=0, redis_ok=True, clock_offset_s=None, device=sending,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("device", "health", "problem"),
    [
        ({}, "ok", None),
        ({"last_message_at": None}, "bad", "从未上报"),
        ({"refused": 3, "refused_at": NOON, "why_refused": "密钥不对"}, "warn", "拒收 3 次：密钥不对"),
        ({"quarantined": 2, "why_quarantined": "不是 JSON"}, "warn", "看不懂的报文 2：不是 JSON"),
        ({"broken_pictures": 2}, "warn", "坏照片 2"),
        ({"waiting": 500}, "warn", "待判识别结果 500"),
    ],
)
def test_the_tile_of_a_camera_that_sends_reads_says_what_is_wrong(
    device: dict[str, object], health: str, problem: str | None
):
    [tile] = tiles([Heard(status(**device), NOON)], ConsoleSettings(), NOON)
    assert (tile.health, tile.problems) == (health, (problem,) if problem else ())
    assert tile.fps is None


def test_the_report_of_a_device_reaches_the_console_as_it_was():
    told = status(refused=3)
    assert BoxStatus.model_validate_json(told.model_dump_json()) == told


def test_a_device_that_never_sent_anything_is_found_by_the_doctor_with_what_to_check(tmp_path: Path):
    config(tmp_path, K01="hikvision")
    assert "上报口从未启动" in call_kakou("doctor", folder=tmp_path).stdout


def test_the_doctor_says_how_long_a_read_has_waited_that_nobody_looks_at(tmp_path: Path):
    settings = reads_settings(tmp_path)
    moment = datetime.now(UTC) - timedelta(minutes=5)
    sent = SentRead(CameraRead(text="测A12345", raw_text="测A12345", captured_at=moment), b"", b"")
    with contextlib.closing(open_journal(settings)) as journal:
        journal.keep(journal.sealed([Arrival("K01", moment, moment, False, sent)]), 0.0)
        waits = next(sending_devices(settings))
        journal.note_taken(1)
        goes_on = next(sending_devices(settings))
    assert (waits.verdict, "1 条待判（最早的已等 30" in waits.says, goes_on.verdict) == ("bad", True, "ok")


def test_a_test_for_a_device_with_a_certificate_asks_for_it(tmp_path: Path):
    own = make_certificate(tmp_path, "box", "127.0.0.1")
    path = config(tmp_path, K01='hikvision auth = "certificate"')
    path.write_text(
        path.read_text().replace(
            "[reads]",
            "[reads]\n" + "".join(f'{name} = "{own}"\n' for name in ("tls_certificate", "tls_key", "client_ca")),
        )
    )
    for more, says in (((), "--certificate"), (("--certificate", str(tmp_path / "secret")), "PEM")):
        done = call_kakou("reads", "test", "--device", "K01", *more, folder=tmp_path)
        assert (done.exit_code, says in done.stderr) == (5, True)


def test_the_doctor_names_devices_that_share_a_secret(tmp_path: Path):
    own = tmp_path / "own"
    own.write_text("fedcba9876543210fedc")
    settings = reads_settings(tmp_path, {}, {"device_id": "K02"}, {"device_id": "K03", "secret_file": own})
    open_journal(settings).close()
    found = [each for each in sending_devices(settings) if each.check == "相机密钥"]
    assert [(each.verdict, each.says) for each in found] == [("warn", "K01、K02 用同一个密钥：一台可以冒充另一台")]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('maker = "nobody"\nsecret_file = "s"', "known: alarm_info_plate"),
        ('maker = "axis"', "secret_file is required"),
        ('maker = "folder"', "folder is required"),
        ('maker = "axis"\nsecret_file = "s"\ncamera = "cam-1"', "cam-1 stands twice"),
    ],
)
def test_a_device_that_cannot_work_is_refused_with_a_reason(tmp_path: Path, lines: str, says: str):
    source = '[[source]]\ncamera_id = "cam-1"\ncheckpoint = "a"\nuri = "0"\n'
    device = f'[[reads.device]]\ndevice_id = "K01"\ncheckpoint = "a"\n{lines}\n'
    (tmp_path / "kakou.toml").write_text(source + device)
    with pytest.raises(SettingsError, match=says):
        load_settings(tmp_path / "kakou.toml")


def test_a_device_that_is_silent_refused_or_not_understood_is_a_notice(tmp_path: Path):
    config(tmp_path, K01="hikvision", K02="axis")
    settings = load_settings(tmp_path / "kakou.toml").model_copy(update={"state_dir": tmp_path / "var"})
    settings = settings.model_validate({**settings.model_dump(by_alias=True), "reads": reads_at(tmp_path, settings)})
    with serving(settings) as box:
        box.send(hikvision(Said(at=datetime.now(UTC) + timedelta(days=900))))
        box.send(hikvision(Said()), secret="wrong")
        box.post(f"/reads/K01/{SECRET}", b"?")
        box.post("/reads/nobody/x", b"?")
    found = {(one.notice, one.subject) for one in DeviceLook(settings, lambda: datetime.now(UTC)).look()}
    assert found == {
        ("device_silent", "K02"), ("device_refused", "K01"), ("device_refused", ""), ("reads_unreadable", "K01"),
        ("device_clock", "K01"),
    }  # fmt: skip
    later = {one.notice for one in DeviceLook(settings, lambda: datetime.now(UTC) + timedelta(days=1)).look()}
    assert later == {"device_silent", "device_clock", "reads_waiting"}


def test_a_read_that_was_taken_and_is_lost_is_a_notice_for_an_hour(tmp_path: Path):
    config(tmp_path, K01="axis")
    settings = load_settings(tmp_path / "kakou.toml").model_copy(update={"state_dir": tmp_path / "var"})
    moment = datetime.now(UTC)
    with contextlib.closing(open_journal(settings)) as journal:
        sent = SentRead(CameraRead(text="测A12345", raw_text="测A12345", captured_at=moment, style="blue"), b"", b"")
        arrivals = [Arrival(device, moment, moment, False, sent) for device in ("K01", "K99")]
        journal.keep(journal.sealed(arrivals), 0.0)
        [segment] = (tmp_path / "var" / "reads").glob("*.reads")
        segment.write_bytes(bytes(segment.stat().st_size))
        for waiting in journal.waiting(0, 9):
            assert waiting.arrival is None
            journal.lost(waiting.seq, moment)
    told = {("K01", "1 条"), ("", "K99（已不在配置中）：1 条")}
    assert lost_at(settings, moment + timedelta(minutes=50)) == told
    assert lost_at(settings, moment + timedelta(minutes=70)) == set()


def lost_at(settings: Settings, now: datetime) -> set[tuple[str, str]]:
    looks = DeviceLook(settings, lambda: now).look()
    return {(one.subject, one.detail) for one in looks if one.notice == "reads_lost"}


def reads_at(folder: Path, settings: Settings) -> dict[str, object]:
    """Return the devices with the path of their secret made whole."""
    reads = settings.reads.model_dump(by_alias=True)
    return {**reads, "device": [{**device, "secret_file": folder / "secret"} for device in reads["device"]]}
