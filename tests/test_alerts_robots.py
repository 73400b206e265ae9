"""The robots in group chats: what they are sent, how it is signed, and what their answers mean."""

from pathlib import Path
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest

from alerts.channels.base import DeliveryError
from alerts.channels.bot import RateWindow, message_of
from alerts.channels.dingtalk import sign as dingtalk_sign
from alerts.channels.feishu import sign as feishu_sign
from alerts.flagged import masked_plate
from tests.alerts_kit import NOON, event, events
from tests.alerts_rigs import LINK_BASE, TOKEN, built
from tests.alerts_server import Answer, ScriptedServer, port_of, scripted_server, secret_file, sent_json


@pytest.mark.parametrize(
    ("kind", "answer", "rest_s"),
    [
        ("wecom", b'{"errcode": 93000, "errmsg": "invalid webhook url"}', None),
        ("wecom", b'{"errcode": 45009, "errmsg": "api freq out of limit"}', 60.0),
        ("dingtalk", b'{"errcode": 310000, "errmsg": "sign not match"}', None),
        ("dingtalk", b'{"errcode": 660026, "errmsg": "send too fast"}', 600.0),
        ("feishu", b'{"code": 19021, "msg": "sign match fail"}', None),
        ("feishu", b'{"code": 9499, "msg": "too many request"}', 60.0),
        ("wecom", b"<html>not json</html>", None),
        ("wecom", b"{}", None),
    ],
)
def test_a_robot_that_says_200_and_means_no_is_a_failure(
    tmp_path: Path, kind: str, answer: bytes, rest_s: float | None
):
    with scripted_server() as server:
        server.answer = lambda _: Answer(body=answer)
        channel = built((port_of(server),), kind=kind, url=server.url, token_file=secret_file(tmp_path, TOKEN))
        with pytest.raises(DeliveryError, match="拒收") as failure:
            channel.deliver([event()])
        channel.close()
        assert failure.value.retry_after_s == rest_s


def bot_request(kind: str, folder: Path, server: ScriptedServer) -> dict[str, object]:
    (folder / "sign").write_text("SECinvented\n")
    more = {} if kind == "wecom" else {"secret_file": folder / "sign"}
    channel = built((port_of(server),), kind=kind, url=server.url, token_file=secret_file(folder, TOKEN), **more)
    channel.deliver([event()])
    channel.close()
    return sent_json(server.received[0])


def test_wecom_gets_markdown_with_the_masked_plate(tmp_path: Path):
    with scripted_server() as server:
        body = bot_request("wecom", tmp_path, server)
        assert server.received[0].path == f"/?key={TOKEN}"
    assert body["msgtype"] == "markdown"
    line = body["markdown"]["content"]  # type: ignore[index]  # JSON is an object here
    assert "鲁B·1**W3" in line
    assert f"{LINK_BASE}/events/{event().event_id}" in line
    assert "待核实" in line


def test_dingtalk_is_signed_in_the_address(tmp_path: Path):
    with scripted_server() as server:
        bot_request("dingtalk", tmp_path, server)
        query = urlsplit(server.received[0].path).query
    timestamp_ms = int(NOON.timestamp() * 1000)
    assert parse_qs(query)["timestamp"] == [str(timestamp_ms)]
    assert unquote_plus(query.rpartition("sign=")[2]) == dingtalk_sign("SECinvented", timestamp_ms)


def test_feishu_is_signed_in_the_body(tmp_path: Path):
    with scripted_server() as server:
        body = bot_request("feishu", tmp_path, server)
        assert server.received[0].path == f"/{TOKEN}"
    assert body["sign"] == feishu_sign("SECinvented", int(NOON.timestamp()))


@pytest.mark.parametrize(
    ("text", "masked"), [("鲁B12345", "鲁B·1**45"), ("鲁BD12345", "鲁B·D***45"), ("鲁B1", "鲁**"), ("", "")]
)
def test_a_group_chat_sees_a_masked_plate(text: str, masked: str):
    assert masked_plate(text) == masked


def test_a_digest_lists_the_first_and_counts_the_rest():
    title, markdown = message_of(events(7), "")
    assert title == "7 条卡口预警"
    assert "命中 7" in markdown
    assert markdown.count("鲁B·1**W3") == 5
    assert "另有 2 条" in markdown


def test_a_robot_near_its_limit_takes_a_digest_and_at_its_limit_rests():
    moment = [0.0]
    window = RateWindow(20, clock=lambda: moment[0])
    for _ in range(14):
        window.note_sent()
    assert not window.is_near()
    for _ in range(6):
        window.note_sent()
    assert window.is_near()
    assert window.ready_in_s() == 60.0
    moment[0] = 60.0
    assert window.ready_in_s() == 0.0


def test_a_robot_keeps_the_gap_between_two_messages():
    window = RateWindow(100, 0.2, clock=lambda: 0.0)
    assert window.ready_in_s() == 0.0
    window.note_sent()
    assert window.ready_in_s() == pytest.approx(0.2)
