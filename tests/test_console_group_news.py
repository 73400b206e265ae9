"""The micro-grid's group is told that a case is closed: when a person pressed 发送, once, and nothing of the case."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.redis_link import connect
from console.cases.group_news import GroupNews
from console.cases.steps import Action, Outcome
from console.parts import Console, build_console
from console.people.audit import AuditLog
from console.store.people_tables import AuditRow
from console.types import ConsoleError, NotFoundError, Role
from kakou.settings import Settings, SettingsError
from kakou.wiring.groups import group_voices
from tests.alerts_server import Answer, ScriptedServer, port_of, scripted_server, secret_file, sent_json
from tests.console_app import app_of
from tests.console_kit import (
    GRID_A,
    GRID_B,
    QUICK_HASHER,
    Clock,
    PaperList,
    act,
    client_of,
    event_of,
    make_account,
    migrated_copy,
    officer,
    settings_with,
)

PLATE = "测A12345"
GROUPS = [{"grid_code": GRID_A[:12], "channel": "community"}, {"grid_code": GRID_A, "channel": "micro"}]


def settings_of(folder: Path, server: ScriptedServer, **console: object) -> Settings:
    robot = {"kind": "wecom", "url": server.url, "token_file": secret_file(folder, "token-of-the-robot")}
    alerts = {
        "allowed_networks": ["127.0.0.0/8"], "allowed_ports": [port_of(server)],
        "channel": [{**robot, "name": name} for name in ("community", "micro")] + [
            {"kind": "file", "name": "log", "path": folder / "log"}],
    }  # fmt: skip
    return Settings.model_validate({"alerts": alerts, "console": {"group": GROUPS, **console}})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.answer = lambda _: Answer(body=b'{"errcode": 0}')
        yield server


@pytest.fixture
def console(tmp_path: Path, server: ScriptedServer) -> Iterator[Console]:
    clock, settings = Clock(), settings_with()
    migrated_copy(tmp_path)
    voices = group_voices(settings_of(tmp_path, server), clock)
    nowhere = connect("unix:///nowhere")
    console = build_console(settings, tmp_path, nowhere, PaperList(), clock, QUICK_HASHER, voices=voices)
    console.intake.take([event_of(PLATE), event_of("测B12345", checkpoint="二号卡口")], clock())
    yield console
    console.database.close()
    for voice in voices.values():
        voice.close()


def closed(console: Console, case_id: int = 1) -> None:
    act(console, officer(), Action.CONFIRM, case_id=case_id)
    act(console, officer(), Action.CLOSE, case_id=case_id, reason=Outcome.TRANSIT, note=f"{PLATE} 本人过境")


def audited(console: Console) -> list[str]:
    with console.database.reading() as session:
        actions = select(AuditRow.action).where(AuditRow.action.startswith("group."))
        assert AuditLog.is_begun(session)
        return list(session.scalars(actions.order_by(AuditRow.seq)))


def test_closing_tells_nobody_until_somebody_presses_send(console: Console, server: ScriptedServer):
    closed(console)
    assert server.received == []
    make_account(console, "officer", Role.OFFICER)
    desk = client_of(app_of(console), console, "officer")
    assert "群内答复" in desk.get("/screen/cases/1").text
    assert desk.post("/screen/cases/1/group", json={}).status_code == 200
    [sent] = server.received
    said = str(sent_json(sent)["markdown"])
    assert "核实办结" in said
    assert not any(word in said for word in (PLATE, PLATE[1:], "过境", "一号卡口"))
    assert "已发送" in desk.get("/screen/cases/1").text
    assert audited(console) == ["group.sent"]


def test_it_is_sent_once_whoever_presses_again_or_at_the_same_time(console: Console, server: ScriptedServer):
    closed(console)
    refused: list[str] = []

    def press(number: int) -> None:
        try:
            console.group_news.send(1, officer(account_id=number), console.now())
        except ConsoleError as error:
            refused.append(str(error))

    people = [threading.Thread(target=press, args=(number,)) for number in range(4)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    press(9)
    assert (len(server.received), len(refused)) == (1, 4)
    assert all("没有重复发送" in words for words in refused)


def test_a_robot_that_refuses_is_told_of_and_may_be_tried_again(console: Console, server: ScriptedServer):
    closed(console)
    server.answer = lambda _: Answer(body=b'{"errcode": 93000}')
    with pytest.raises(ConsoleError, match="93000"):
        console.group_news.send(1, officer(), console.now())
    offer = console.group_news.offer(1, console.now())
    assert offer is not None
    assert (offer.may_send, "93000" in offer.said) == (True, True)
    server.answer = lambda _: Answer(body=b'{"errcode": 0}')
    console.group_news.send(1, officer(), console.now())
    assert audited(console) == ["group.failed", "group.sent"]


def test_one_that_was_cut_short_says_that_nobody_knows_and_is_not_sent_again(console: Console):
    closed(console)

    class Cut:
        name = "cut"

        def say(self, _title: str, _text: str) -> None:
            raise KeyboardInterrupt

    cut = GroupNews(console.database, console.audit, {GRID_A: Cut()}, console.grids, console.settings)
    with pytest.raises(KeyboardInterrupt):
        cut.send(1, officer(), console.now())
    console.now.forward(120)  # type: ignore[attr-defined]  # the test's own clock
    with pytest.raises(ConsoleError, match="是否送达不明"):
        console.group_news.send(1, officer(), console.now())


def test_only_a_closed_case_of_an_area_with_a_group_and_only_by_who_may_see_it(console: Console):
    with pytest.raises(ConsoleError, match="办结之后"):
        console.group_news.send(1, officer(), console.now())
    assert console.group_news.offer(1, console.now()) is None
    closed(console)
    with pytest.raises(NotFoundError):
        console.group_news.send(1, officer(GRID_B), console.now())
    closed(console, 2)
    assert console.group_news.offer(2, console.now()) is None
    with pytest.raises(ConsoleError, match="没有配置群机器人"):
        console.group_news.send(2, officer(), console.now())


def test_the_smallest_area_with_a_group_is_told(console: Console):
    closed(console)
    offer = console.group_news.offer(1, console.now())
    assert offer is not None
    assert (offer.group, "{grid}" in offer.text) == (console.grids.name_of(GRID_A), False)


@pytest.mark.parametrize(("channel", "said"), [("nobody", "没有名为 nobody 的"), ("log", "no robot")])
def test_a_group_whose_channel_is_no_robot_is_refused_in_the_settings(
    tmp_path: Path, server: ScriptedServer, channel: str, said: str
):
    settings = settings_of(tmp_path, server, group=[{"grid_code": GRID_A, "channel": channel}])
    with pytest.raises(SettingsError, match=said):
        group_voices(settings, Clock())
