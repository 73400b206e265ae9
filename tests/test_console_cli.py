"""`kakou console` and `kakou audit verify`."""

from pathlib import Path

import pytest
from sqlalchemy import update

from alerts.redis_link import connect
from console.settings import ConsoleSettings
from console.store.people_tables import AuditRow
from kakou.box.console import check_console
from kakou.exit_codes import ExitCode
from kakou.settings import SettingsError
from tests.commands import Finished, call_kakou
from tests.console_kit import START, Clock, officer, open_console


def verify(folder: Path) -> Finished:
    config = folder / "kakou.toml"
    config.write_text(f'state_dir = "{folder}"\n')
    return call_kakou("audit", "verify", "--config", config)


def test_audit_verify_says_whether_the_log_is_whole(tmp_path: Path):
    console = open_console(tmp_path, connect("unix:///nowhere"), Clock())
    with console.database.writing() as session:
        for _ in range(3):
            console.audit.append(session, officer(), "case.view", "case:1", START)
    assert verify(tmp_path).exit_code == ExitCode.OK
    with console.database.writing() as session:
        session.execute(update(AuditRow).where(AuditRow.seq == 2).values(reason="后来写的"))
    console.database.close()
    answer = verify(tmp_path)
    assert (answer.exit_code, "第 2 行被改动" in answer.stdout) == (ExitCode.INTEGRITY, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "console.example"])
def test_passwords_are_never_sent_in_the_clear(host: str, tmp_path: Path):
    with pytest.raises(SettingsError, match="TLS"):
        check_console(ConsoleSettings(host=host))
    check_console(ConsoleSettings(host=host, behind_tls_proxy=True))
    with pytest.raises(SettingsError, match="cannot be read"):
        check_console(ConsoleSettings(host=host, tls_certificate=tmp_path / "a", tls_key=tmp_path / "b"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_certificate(host: str):
    check_console(ConsoleSettings(host=host))
