"""A backup is made while everything runs, opens only with its key, and comes back whole or not at all."""

# ruff: noqa: F811  fixtures of another file are used by their names

import fcntl
import json
import shutil
import threading
from pathlib import Path

import pytest
import redis

from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.stream import FlaggedStream
from bench.fault_disk import can_mount, fill_up, mounted_tmpfs, wait_until_full
from kakou.backup.content import OWN_KEY, STAGE, keys_of, redis_linked
from kakou.backup.errors import NoRoomError
from kakou.backup.making import Backup
from kakou.backup.sealed import derived_key
from kakou.exit_codes import ExitCode
from kakou.state_format import FORMAT, RESTORING
from kakou.wiring.embedded_redis import embedded_redis
from tests.alerts_kit import event
from tests.backup_kit import NOW, backed_up, contents, place, put_back, rows, worked  # noqa: F401  a fixture is used by its name
from tests.commands import call_kakou
from tests.sunset_kit import PLATE, holding


def test_a_secret_gives_the_key_that_it_gave_when_earlier_backups_were_made():
    assert derived_key(b"correct horse battery", "9f" * 16).hex()[:16] == "be91b1623d48212d"


def test_everything_comes_back_and_neither_file_shows_a_plate_or_a_key(place: Path):
    done = call_kakou("backup", "backups", folder=place)
    assert (done.exit_code, "另存一份" in done.stderr) == (ExitCode.OK, True), "the new key is to be kept elsewhere"
    assert "另存一份" not in call_kakou("backup", "backups", "--json", folder=place).stderr
    backup = max((place / "backups").glob("*.backup"))
    assert holding(place / "backups", PLATE) == []
    secrets = [(place / "var" / name).read_bytes() for name in keys_of(place / "var")]
    assert not [path for path in (place / "backups").iterdir() for key in secrets if key in path.read_bytes()]
    assert not (place / "var" / STAGE).exists()
    before, events = contents(place / "var"), rows(place / "var" / "outbox.sqlite")
    shutil.copy(place / "var" / OWN_KEY, place / "kept.key")
    shutil.rmtree(place / "var")  # the machine is gone
    checked = call_kakou("restore", backup, "--check", "--key-file", "kept.key", folder=place)
    assert (checked.exit_code, (place / "var").exists()) == (ExitCode.OK, False)
    assert call_kakou("restore", backup, "--key-file", "kept.key", folder=place).exit_code == ExitCode.OK
    assert contents(place / "var") == before
    assert (rows(place / "var" / "outbox.sqlite"), len(events)) == (events, 20)
    assert (place / "var" / OWN_KEY).read_bytes() == (place / "kept.key").read_bytes(), "later backups open with it too"
    assert [path for path in (place / "var").rglob("*") if path.stat().st_mode & 0o077] == []
    audit = call_kakou("audit", "verify", folder=place)
    assert audit.exit_code == ExitCode.OK, audit.stderr


def test_events_that_are_written_meanwhile_are_whole_in_it_and_are_delivered_once(
    place: Path, redis_client: "redis.Redis"
):
    stop, written = threading.Event(), []
    with Outbox(place / "var" / "outbox.sqlite", reserve_bytes=2**20) as outbox:
        stream = FlaggedStream(redis_client)
        Relay(outbox, stream).step()

        def write() -> None:
            for number in range(20, 100_000):
                if stop.is_set():
                    break
                outbox.append(event(number))
                written.append(event(number).event_id)

        writer = threading.Thread(target=write)
        writer.start()
        while len(written) < 5:
            stop.wait(0.005)
        acknowledged = list(written)
        backup = backed_up(place)
        stop.set()
        writer.join()
        assert outbox.is_reserve_held()
    assert put_back(place, backup).exit_code == ExitCode.OK
    with Outbox(place / "new" / "outbox.sqlite", reserve_bytes=2**20) as outbox:
        kept = [row.event_id for row in outbox.after(0, 100_000)]
        assert Relay(outbox, stream).step() == len(kept) - 20, "what was sent before is not sent again"
    assert kept == [event(number).event_id for number in range(len(kept))]
    assert set(acknowledged) <= set(kept)
    assert [entry.event.event_id for entry in reversed(stream.recent(100_000))] in (kept, kept[::-1])


def test_a_backup_leaves_the_outboxs_reserve_whole(place: Path):
    held = {name: (place / "var" / name).stat().st_size for name in ("outbox.reserve", "outbox.spare")}
    backed_up(place)
    assert {name: (place / "var" / name).stat().st_size for name in held} == held
    assert not (place / "var" / "outbox.sqlite-wal").exists()


def test_a_flipped_byte_is_found_and_named_and_nothing_is_put_back(place: Path):
    backup = backed_up(place)
    whole = backup.read_bytes()
    for share in (0.0, 0.001, 0.3, 0.7, 0.9999):
        content = bytearray(whole)
        content[int(share * len(content))] ^= 1
        backup.write_bytes(content)
        done = put_back(place, backup)
        assert (done.exit_code, (place / "new").exists()) == (ExitCode.INTEGRITY, False)
        assert backup.name in done.stderr
        names = ("evidence/", ".sqlite", "spool/", "reads/", "state.json", "文件头", "第一个文件", "manifest")
        assert any(name in done.stderr for name in names), done.stderr


def test_a_half_written_backup_is_told_from_a_whole_one(place: Path):
    backup = backed_up(place)
    whole = backup.read_bytes()
    front = int.from_bytes(whole[8:12]) + 12 + 32
    at_the_end_of_a_piece = front + 2 * (64 * 1024 + 16)
    for length in (0, 10, 100, len(whole) // 2, at_the_end_of_a_piece, len(whole) - 1):
        backup.write_bytes(whole[:length])
        done = put_back(place, backup)
        assert (done.exit_code, (place / "new").exists()) == (ExitCode.INTEGRITY, False)
        assert "不完整" in done.stderr or length == 0


def test_a_wrong_key_a_missing_one_and_files_that_do_not_belong_together_are_each_said(place: Path):
    backup, other = backed_up(place), backed_up(place)
    (place / "wrong.key").write_text("0" * 64)
    (place / "short.key").write_text("0" * 8)
    keys = backup.with_suffix(".keys")
    for more, words in (
        (["--key-file", "wrong.key"], "密钥不对"),
        (["--key-file", "short.key"], "太短"),
        (["--key-file", "nowhere.key"], "读不出"),
        (["--keys", other.with_suffix(".keys")], "另一份备份"),
        (["--keys", backup], "写反"),
        (["--keys", place / "nowhere.keys"], "没有"),
    ):
        done = put_back(place, backup, *more)
        assert (done.exit_code, words in done.stderr) == (ExitCode.CONFIG, True), done.stderr
    damaged = bytearray(keys.read_bytes())
    damaged[-40] ^= 1
    keys.write_bytes(damaged)
    assert put_back(place, backup).exit_code == ExitCode.INTEGRITY
    keys.write_text("text")
    assert put_back(place, backup).exit_code == ExitCode.INTEGRITY
    assert not (place / "new").exists()


@pytest.mark.parametrize("name", ["nowhere.backup", ".", "state/backup.key/x.backup"])
def test_a_backup_that_is_not_there_or_a_folder_is_a_sentence(place: Path, name: str):
    backed_up(place)
    done = put_back(place, place / name)
    assert (done.exit_code, "读不出" in done.stderr) == (ExitCode.CONFIG, True), done.stderr
    assert not (place / "new").exists()


def test_a_passphrase_of_the_settings_seals_and_opens_and_lies_in_no_backup(place: Path):
    (place / "pass").write_text("一句很长很长的口令\n")
    for name in ("kakou.toml", "new.toml"):
        state = "var" if name == "kakou.toml" else "new"
        (place / name).write_text(f'state_dir = "{state}"\n[backup]\nkey_file = "pass"\n')
    backup = backed_up(place)
    assert not (place / "var" / OWN_KEY).exists()
    assert call_kakou("restore", backup, "--config", "new.toml", folder=place).exit_code == ExitCode.OK
    assert contents(place / "new") == contents(place / "var")


def test_only_an_empty_folder_that_nobody_uses_takes_a_backup(place: Path):
    backup = backed_up(place)
    target = place / "new"
    target.mkdir()
    (target / "risk.sqlite").write_text("somebody's")
    full = put_back(place, backup)
    assert (full.exit_code, "不是空的（risk.sqlite）" in full.stderr) == (ExitCode.CONFIG, True)
    assert (target / "risk.sqlite").read_text() == "somebody's"
    (target / "risk.sqlite").unlink()
    with (target / "sunset.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # as every process of ours does
        busy = put_back(place, backup)
    assert (busy.exit_code, "正在运行" in busy.stderr or "在运行" in busy.stderr) == (ExitCode.CONFIG, True)
    assert put_back(place, backup).exit_code == ExitCode.OK
    assert put_back(place, backup).exit_code == ExitCode.CONFIG, "a second time it is not empty"


def test_a_folder_that_was_put_back_halfway_is_not_worked_on(place: Path):
    (place / "new" / RESTORING).mkdir(parents=True)
    done = call_kakou("backup", "backups", "--config", "new.toml", folder=place)
    assert (done.exit_code, "没有放回完" in done.stderr) == (ExitCode.CONFIG, True)


def test_a_newer_state_is_refused_before_anything_is_written(place: Path):
    job = Backup(place / "var", place / "backups", place / "backups", b"0" * 64, None, NOW, FORMAT + 1)
    (place / "var" / OWN_KEY).write_text("0" * 64)
    done = put_back(place, job.make(lambda _: None).backup)
    assert (done.exit_code, f"格式 {FORMAT + 1}" in done.stderr) == (ExitCode.CONFIG, True)
    assert not (place / "new").exists()


def test_a_database_that_cannot_be_read_is_left_out_and_said(place: Path):
    (place / "var" / "booth.sqlite").write_bytes(b"no database" * 1000)
    done = call_kakou("backup", "backups", "--json", folder=place)
    assert (done.exit_code, "booth.sqlite" in done.stderr) == (ExitCode.UNREADABLE, True)
    answer = json.loads(done.stdout)
    assert (len(answer["left_out"]), "outbox.sqlite" in answer["rows"]) == (1, True)


def test_where_a_backup_cannot_go_is_a_sentence(place: Path):
    (place / "empty.toml").write_text('state_dir = "nothing"\n')
    for arguments in (["nowhere"], ["var"], ["var/evidence"], ["backups", "--config", "empty.toml"]):
        done = call_kakou("backup", *arguments, folder=place)
        assert (done.exit_code, done.stderr.startswith("错误")) == (ExitCode.CONFIG, True), arguments
    assert list((place / "backups").iterdir()) == []


@pytest.mark.skipif(not can_mount(), reason="mounting needs root: run the tests with sudo")
def test_without_room_nothing_is_written_and_what_fails_halfway_leaves_nothing(place: Path):
    backup = backed_up(place)
    with mounted_tmpfs(place / "small", 8) as small:
        done = call_kakou("backup", small, folder=place)
        assert (done.exit_code, "空间不足" in done.stderr) == (ExitCode.UNAVAILABLE, True)
        (place / "new.toml").write_text(f'state_dir = "{small}/new"\n')
        done = put_back(place, backup)
        assert (done.exit_code, "空间不足" in done.stderr) == (ExitCode.UNAVAILABLE, True)
        job = Backup(place / "var", small, small, b"0" * 64, None, NOW)
        stop = threading.Event()
        filler = threading.Thread(target=fill_up, args=(small / "pictures", stop))
        filler.start()
        wait_until_full(small)
        with pytest.raises((OSError, NoRoomError)):  # somebody took the room after it was asked for
            job.make(lambda _: None)
        stop.set()
        filler.join()
        assert [path.name for path in small.iterdir()] == ["pictures"]


def test_a_manifest_that_is_gone_before_it_is_read_is_no_fault(tmp_path: Path):
    log, stage = tmp_path / "redis" / "appendonlydir", tmp_path / STAGE
    log.mkdir(parents=True)
    stage.mkdir()
    (log / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    (log / "temp-appendonly.aof.manifest").symlink_to("gone")
    assert redis_linked(tmp_path / "redis", stage) == ["redis/appendonlydir/appendonly.aof.manifest"]


def test_a_redis_of_our_own_is_copied_while_it_writes(tmp_path: Path):
    state, stage = tmp_path / "var", tmp_path / "var" / STAGE
    stage.mkdir(parents=True)
    with embedded_redis(state / "redis") as url, redis.Redis.from_url(url) as client:
        for number in range(50):
            client.xadd("events:flagged", {"number": number})
        client.bgrewriteaof()
        names = redis_linked(state / "redis", stage)
        kept = {name: (stage / name).read_bytes() for name in names}
        client.xadd("events:flagged", {"number": 50})
    for name, content in kept.items():
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "new" / name).write_bytes(content)
    with embedded_redis(tmp_path / "new" / "redis") as url, redis.Redis.from_url(url) as client:
        assert client.xlen("events:flagged") == 50
