"""What becomes of backups after the last day, and of what they leave lying."""

# ruff: noqa: F811  fixtures of another file are used by their names

import shutil
from pathlib import Path

from kakou.backup.content import OWN_KEY, STAGE
from kakou.backup.making import Backup
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from kakou.state_format import RESTORING
from kakou.sunset.carrying_out import carry_out
from kakou.sunset.destroying import TARGETS
from kakou.sunset.state import first_state, save_state
from tests.backup_kit import NOW, backed_up, place, worked  # noqa: F401  a fixture is used by its name
from tests.commands import call_kakou


def test_after_a_sunset_no_backup_can_be_read_or_put_back(place: Path):
    backup = backed_up(place)
    shutil.copy(place / "var" / OWN_KEY, place / "kept.key")  # against the rule
    carry_out(Settings(state_dir=place / "var"), first_state(90, NOW), lambda: NOW)
    assert not (place / "var" / OWN_KEY).exists()
    gone = call_kakou("restore", backup, "--config", "new.toml", "--key-file", "var/backup.key", folder=place)
    assert (gone.exit_code, "读不出" in gone.stderr) == (ExitCode.CONFIG, True)
    same = call_kakou("restore", backup, "--key-file", "kept.key", folder=place)
    assert (same.exit_code, "已按日落规定销毁" in same.stderr) == (ExitCode.CONFIG, True)
    assert call_kakou("backup", "backups", folder=place).exit_code == ExitCode.CONFIG


def test_a_backup_whose_day_is_over_is_refused_and_a_passphrase_goes_with_the_sunset(place: Path):
    (place / "pass").write_text("一句很长很长的口令\n")
    (place / "kakou.toml").write_text('[backup]\nkey_file = "pass"\n')
    save_state(place / "var", first_state(90, NOW))
    job = Backup(place / "var", place / "backups", place / "backups", "一句很长很长的口令".encode(), NOW, NOW)
    backup = job.make(lambda _: None).backup  # its last day is over when it is put back
    done = call_kakou("restore", backup, "--config", "new.toml", "--key-file", "pass", folder=place)
    assert (done.exit_code, "到期（日落）" in done.stderr) == (ExitCode.CONFIG, True)
    settings = Settings.model_validate({"state_dir": place / "var", "backup": {"key_file": place / "pass"}})
    carry_out(settings, first_state(90, NOW), lambda: NOW)
    assert not (place / "pass").exists()


def test_the_sunset_knows_what_a_backup_leaves_lying():
    patterns = {pattern for target in TARGETS for pattern in target.patterns}
    assert {STAGE, RESTORING, f"{OWN_KEY}*"} <= patterns
    assert f"{OWN_KEY}*" in TARGETS[0].patterns, "keys go first"
