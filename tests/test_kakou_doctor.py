"""`kakou doctor`: every line says what to do, and nothing is created."""

import contextlib
import io
import json
import os
import re
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest
import redis
from rich.console import Console

from kakou.commands.doctor import table_of
from kakou.disk_words import room_words
from kakou.doctor.camera_probe import CameraSeen, look_at
from kakou.doctor.cameras import camera_finding, probe
from kakou.doctor.fault_words import CAMERA, in_words
from kakou.doctor.finding import Finding
from kakou.doctor.machine import CAMERAS_A_SLOW_CORE, cores_told, disk_told, machine_findings
from kakou.doctor.services import channel_findings, service_findings
from kakou.settings import Settings, WatchSettings
from pipeline.errors import SourceError
from pipeline.settings import SourceSettings
from pipeline.walk.canary import CANARY_PICTURE
from tests.alerts_rigs import TOKEN
from tests.alerts_server import port_of, scripted_server, secret_file
from tests.commands import call_kakou
from tests.live_kit import paced_camera
from tests.pipeline_kit import write_video
from tests.riskdb_kit import risk_rig
from tests.still_groups_kit import road, write_stream


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {one.check.split(" ")[0]: one for one in findings}


def settings_in(folder: Path, **more: object) -> Settings:
    return Settings.model_validate({"state_dir": folder / "state", **more})


def test_a_machine_that_was_never_started_is_examined_and_nothing_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))  # where another program may have left a device number
    (tmp_path / "kakou.toml").write_text("")
    done = call_kakou("doctor", "--json", folder=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0, [line for line in lines if not line["is_ok"]]
    assert [path.name for path in tmp_path.iterdir()] == ["kakou.toml"]
    assert {"check", "verdict", "says", "to_do", "is_ok"} == set(lines[0])
    assert [line for line in lines if line["verdict"] != "ok" and not line["to_do"]] == []
    checks = " ".join(line["check"] for line in lines)
    for word in ("模型", "首次识别", "FFmpeg", "密钥", "外联", "磁盘", "时钟", "核数", "Redis", "发件箱"):
        assert word in checks


def test_a_processor_that_is_slow_with_these_models_carries_fewer_cameras(tmp_path: Path):
    (slow := tmp_path / "slow").write_text("model name\t: EPYC\nflags\t\t: avx avx2\n")
    (fast := tmp_path / "fast").write_text("model name\t: EPYC\nflags\t\t: avx2 avx512f avx512_vnni\n")
    more = CAMERAS_A_SLOW_CORE * len(os.sched_getaffinity(0)) + 1
    cameras = [{"camera_id": f"c{n}", "uri": f"rtsp://192.0.2.1/{n}", "checkpoint": "东门"} for n in range(more)]
    settings = settings_in(tmp_path, source=cameras)
    assert cores_told(settings, fast)[0] == "ok"
    verdict, says, to_do = cores_told(settings, slow)
    assert (verdict, "AVX2" in says, "VNNI" in to_do) == ("warn", True, True)
    assert cores_told(settings_in(tmp_path, source=cameras[:-1]), slow)[0] == "ok"


def test_keys_that_others_can_read_and_secrets_that_are_missing_are_found(tmp_path: Path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "plate.key").write_text("x")
    (state / "plate.key").chmod(0o644)
    (state / "counters.sqlite.damaged-1.txt").write_text("计数已丢失")
    robot = {"name": "duty", "kind": "wecom", "token_file": str(tmp_path / "absent")}
    found = by_name(list(machine_findings(settings_in(tmp_path, alerts={"channel": [robot]}))))
    assert (found["密钥"].verdict, found["密钥"].to_do) == ("bad", f"chmod 600 {state / 'plate.key'}")
    assert (found["密文"].verdict, str(tmp_path / "absent") in found["密文"].says) == ("bad", True)
    assert (found["文件"].verdict, found["文件"].says) == ("bad", "计数已丢失")
    assert found["首次识别"].verdict in ("ok", "warn")


def test_a_key_that_is_none_is_found(tmp_path: Path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "plate.key").write_text("00112233445566")
    (state / "plate.key").chmod(0o600)
    (state / "console.key").mkdir(0o700)
    found = by_name(list(machine_findings(settings_in(tmp_path))))
    assert (found["密钥"].verdict, "不是号牌密钥" in found["密钥"].says) == ("bad", True)
    assert (found["密文"].verdict, found["密文"].says) == ("bad", f"不是文件：{state / 'console.key'}")
    (state / "plate.key").unlink()
    (state / "plate.key").mkdir()
    found = by_name(list(machine_findings(settings_in(tmp_path))))
    assert (found["密钥"].verdict, found["密钥"].says) == ("bad", f"{state / 'plate.key'} 不是文件")


def test_redis_and_list_are_looked_at_as_a_reader_does(tmp_path: Path, redis_url: str):
    settings = settings_in(tmp_path, redis_url=redis_url)
    settings.state_dir.mkdir()
    assert by_name(list(service_findings(settings)))["风险名单"].says == "没有密钥，无法查看名单"
    assert list(settings.state_dir.iterdir()) == []
    with risk_rig(settings.state_dir, redis_url) as rig:
        rig.clock.now = datetime.now(UTC)
        rig.travelled("鲁B00001")
        rig.declared()
        found = by_name(list(service_findings(settings)))
        assert (found["风险名单"].verdict, "1 条" in found["风险名单"].says) == ("ok", True)
        assert found["名单复制"].says.startswith("本机为主")
        rig.keeper.lift("370211")
        assert "名单为空" in by_name(list(service_findings(settings)))["风险名单"].says


def test_a_redis_that_is_away_is_one_line_and_not_a_crash(tmp_path: Path):
    settings = settings_in(tmp_path, redis_url="redis://127.0.0.1:1")
    found = by_name(list(service_findings(settings)))
    assert (found["Redis"].verdict, "redis_url" in found["Redis"].to_do) == ("bad", True)


def test_what_a_redis_refuses_is_said_in_words_with_what_to_do(
    tmp_path: Path, redis_url: str, redis_client: "redis.Redis"
):
    redis_client.acl_setuser(
        "poor", enabled=True, passwords=["+word"], commands=["+ping", "+hello", "+select", "+client"]
    )
    try:
        for user, says, to_do in (
            ("poor:word", "用户权限不够", "docs/replica.md"),
            ("poor:wrong", "用户名或密码不对", "%40"),
        ):
            settings = settings_in(tmp_path, redis_url=redis_url.replace("://", f"://{user}@"))
            found = by_name(list(service_findings(settings)))["Redis"]
            assert (found.verdict, says in found.says, to_do in found.to_do) == ("bad", True, True), found
    finally:
        redis_client.acl_deluser("poor")


def test_what_to_do_is_whole_in_a_narrow_window_too():
    to_do = "核对主机名（能否解析）、路径和端口；在摄像机里启用视频服务之后用ffprobe试连"
    window = Console(width=60, file=io.StringIO())
    window.print(table_of([Finding("摄像机 kk07-lane1", "bad", "x" * 90, to_do)]))
    shown = window.file.getvalue()  # type: ignore[attr-defined]  # the file of two lines above
    columns = [re.split("[│┃]", line) for line in shown.splitlines() if "│" in line]
    assert "".join(line[4].strip() for line in columns) == to_do
    assert "".join(line[3].strip() for line in columns) == "x" * 90


def test_a_channel_is_probed_without_a_message_and_told_only_on_request(tmp_path: Path):
    with scripted_server() as server:
        robot = {"name": "duty", "kind": "wecom", "url": server.url, "token_file": str(secret_file(tmp_path, TOKEN))}
        alerts = {"channel": [robot], "allowed_networks": ["127.0.0.1/32"], "allowed_ports": [port_of(server)]}
        settings = settings_in(tmp_path, alerts=alerts)
        [found] = channel_findings(settings, sends_test=False)
        assert found.verdict == "ok"
        assert [received.body for received in server.received] == [b""]
        assert TOKEN not in server.received[0].path
        [found] = channel_findings(settings, sends_test=True)
        assert found.says == "测试消息已送达"
        assert "测试消息" in server.received[-1].body.decode()
    [found] = channel_findings(settings, sends_test=False)
    assert (found.verdict, bool(found.to_do)) == ("bad", True)


def source(uri: str) -> SourceSettings:
    return SourceSettings(camera_id="lane1", checkpoint="东门卡口", uri=uri)


def test_a_camera_is_opened_and_its_plates_are_measured(tmp_path: Path):
    picture = cv2.imread(str(CANARY_PICTURE))
    assert picture is not None
    clip = write_video(tmp_path / "clip.mp4", [picture] * 5)  # type: ignore[list-item]  # OpenCV types its pictures more widely
    found = camera_finding(source(str(clip)))
    assert (found.verdict, "960×540" in found.says) == ("ok", True)
    assert "车牌高 3" in found.says


@pytest.mark.parametrize(
    ("command", "says"),
    [("import sys; sys.exit(9)", "解码进程异常结束"), ("print('{}')", ""), ("print('nonsense')", "解码进程异常结束")],
)
def test_a_probe_that_dies_is_a_line(command: str, says: str):
    assert probe(source("rtsp://user:secret@10.0.0.1/1"), [sys.executable, "-c", command]) == CameraSeen(fault=says)


def test_a_fault_of_a_camera_is_said_in_words_with_what_to_do_about_it():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        faults = [fault_of(f"http://127.0.0.1:{server.server_port}/{code}") for code in (401, 404, 403)]
        server.shutdown()
    faults += [fault_of(uri) for uri in ("rtsp://127.0.0.1:1/x", "/nowhere/clip.mp4", str(Path(__file__)))]
    words = [in_words(fault, CAMERA, "?") for fault in faults]
    expected = ("账号或密码不对", "没有这个路径", "没有看画面的权限", "连接被拒绝", "没有这个文件", "不是能解码的画面")
    assert [one in said.says for one, said in zip(expected, words, strict=True)] == [True] * 6, words
    assert "?" not in {said.to_do for said in words}


class _Refusing(BaseHTTPRequestHandler):
    """A camera that answers with the code of its path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def fault_of(uri: str) -> str:
    with pytest.raises(SourceError) as caught:
        look_at(source(uri))
    return str(caught.value)


def test_a_camera_that_cannot_be_opened_says_what_to_do_and_no_password():
    found = camera_finding(source("rtsp://user:secret@127.0.0.1:1/1"))
    assert (found.verdict, "uri" in found.to_do) == ("bad", True)
    assert "secret" not in found.says


@pytest.mark.long
def test_a_sub_stream_is_opened_too_and_one_of_another_scene_or_none_is_told(tmp_path: Path):
    clips = [
        write_stream(tmp_path / f"{seed}.ts", road([], 6.0, stone=10, seed=seed)).read_bytes() for seed in (4, 4, 5)
    ]
    with contextlib.ExitStack() as closing:
        main, same, other = (closing.enter_context(paced_camera(clip, 6.0, 0.2)).url for clip in clips)
        gone = "rtsp://user:secret@127.0.0.1:1/2"
        found = [
            camera_finding(source(main).model_copy(update={"sub_uri": sub_uri})) for sub_uri in (same, other, gone)
        ]
    assert [one.verdict for one in found] == ["ok", "warn", "warn"]
    assert "子码流 h264 320×180，25 帧/秒，解码约占一核的" in found[0].says
    assert "子码流与主码流画面不同" in found[1].says
    assert "子码流不能用：打不开：连接被拒绝" in found[2].says
    assert ["sub_uri" in one.to_do for one in found] == [False, True, True]
    assert "secret" not in found[2].says


def test_a_clock_that_differs_from_the_centres_is_found(tmp_path: Path, redis_url: str, redis_client: "redis.Redis"):
    settings = settings_in(tmp_path, redis_url=redis_url, alerts={"stream_url": redis_url})
    assert by_name(list(service_findings(settings)))["中心"].verdict == "ok"
    assert redis_client.keys() == []


def test_the_disk_is_judged_by_the_limits_of_its_notices(tmp_path: Path):
    for limits, verdict in (
        ({"disk_full_mib": 1, "disk_low_gib": 1e-6}, "ok"),
        ({"disk_full_mib": 1, "disk_low_gib": 1e6}, "warn"),
        ({"disk_full_mib": 10**9}, "bad"),
    ):
        found, says, _ = disk_told(tmp_path, WatchSettings.model_validate(limits))
        assert found == verdict or (verdict == "ok" and "fsync" in says and found == "warn")  # the disk may be slow
        assert re.match(r"剩余 [\d.]+ (GiB|MiB)", says)
    assert room_words(41 * 2**20) == "剩余 41 MiB"
