"""The processes of a box: told once, told in private, given up out loud; adding one takes one row."""

import contextlib
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import redis

from alerts.box_status import StatusBoard
from console.settings import ConsoleSettings
from console.situation.tiles import Heard, tiles
from kakou.box import processes
from kakou.box.orders import Order
from kakou.box.processes import (
    HOPELESS_CODES,
    PROCESSES,
    BoxProcess,
    box_children,
    children_of,
    new_order,
    sources_by_group,
)
from kakou.box.run import run_box
from kakou.box.supervisor import ChildCommand, Supervisor
from kakou.exit_codes import ExitCode
from kakou.settings import Settings
from pipeline.settings import SourceSettings
from tests.alerts_kit import wait_until
from tests.box_kit import small_box
from tests.commands import REPOSITORY, start_kakou

PASSWORD = "hunter2-of-redis"
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


FULL = Settings.model_validate(
    {
        "state_dir": "/var/lib/kakou",
        "redis_url": f"redis://:{PASSWORD}@10.0.0.1/0",
        "pipeline": {"track": {"max_gap_s": 2.5}},
        "alerts": {
            "channel": [{"kind": "webhook", "name": "a", "url": "https://a.example/x", "secret_files": ["/etc/secret"]}]
        },
        "source": [
            {"camera_id": "a", "checkpoint": "东门", "uri": "rtsp://u:p@10.0.0.2/1", "group": "g", "start": NOON},
            {"camera_id": "b", "checkpoint": "东门", "uri": "0", "group": "g"},
            {"camera_id": "c", "checkpoint": "东门", "uri": "clip.mp4"},
        ],
        "console": {"checkpoint": [{"name": "东门", "grid_code": "9999010010010101"}]},
    }
)


def test_an_order_is_understood_as_it_was_given():
    order = new_order(FULL, "unix:///x", as_json=True).model_copy(update={"name": "g"})
    assert Order.model_validate_json(order.to_bytes()) == order


def test_cameras_of_one_group_share_a_process_and_the_others_have_their_own():
    assert [child.name for child in box_children(FULL, new_order(FULL, ""))] == ["g", "c", "canary"]


def test_no_process_has_a_secret_or_a_setting_among_its_arguments():
    order = new_order(FULL, FULL.redis_url or "")
    children = box_children(FULL, order) + children_of("console", order)
    assert children
    for child in children:
        assert list(child.command) == [sys.executable, "-m", child.command[2]]


def test_every_process_of_the_table_is_a_module_that_takes_its_order():
    for row in PROCESSES:
        spec = importlib.util.find_spec(row.module)
        assert spec is not None, row
        assert spec.origin is not None
        assert "\n    run_by_order(" in Path(spec.origin).read_text(encoding="utf-8"), row


def test_a_process_without_a_usable_order_says_so_and_repeats_no_secret():
    code = "from kakou.box.orders import run_by_order; run_by_order(lambda order: 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b'{"redis_url": "redis://:hunter2@x"}', capture_output=True,
        check=False, cwd=REPOSITORY,
    )  # fmt: skip
    assert done.returncode in HOPELESS_CODES
    assert "指令不对".encode() in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"hunter2" not in done.stderr


def test_a_new_process_of_the_box_costs_one_row(monkeypatch: pytest.MonkeyPatch):
    row = BoxProcess("booth", "kakou.box.booth", lambda settings: ["booth"] if settings.sources else [])
    monkeypatch.setattr(processes, "PROCESSES", (*PROCESSES, row))
    assert [child.name for child in box_children(FULL, new_order(FULL, ""))] == ["g", "c", "canary", "booth"]
    assert [child.name for child in box_children(Settings(), new_order(Settings(), ""))] == []


def test_every_start_of_a_child_finds_the_same_on_its_standard_input(tmp_path: Path):
    code = f"import sys; open({str(tmp_path / 'got')!r}, 'a').write(sys.stdin.read()); sys.exit(9)"
    child = ChildCommand("camera", (sys.executable, "-c", code), given=b"order;" * 20_000)
    stop = threading.Event()
    thread = threading.Thread(target=Supervisor([child], max_wait_s=0.1).run, args=(stop,))
    thread.start()
    with contextlib.suppress(FileNotFoundError):
        wait_until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").stat().st_size >= 240_000)
    stop.set()
    thread.join()
    assert (tmp_path / "got").read_bytes().startswith(b"order;" * 40_000)


def test_a_child_that_is_given_up_says_why(caplog: pytest.LogCaptureFixture):
    code = "import os, sys; from kakou.box.supervisor import Heartbeat; h = Heartbeat(os.environ); h.beat();"
    code += "h.say_why('the key is damaged'); sys.exit(6)"
    command = (sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}")
    heard: list[tuple[str, int, str]] = []
    supervisor = Supervisor(
        [ChildCommand("camera", command, hopeless_codes=frozenset({6}))],
        on_given_up=lambda *what: heard.append(what),
    )
    with caplog.at_level(logging.ERROR):
        assert supervisor.run(threading.Event()) == {"camera": 6}
    assert heard == [("camera", 6, "the key is damaged")]
    assert "camera ended with 6 and is not started again: the key is damaged" in caplog.text


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of grey pictures that takes a minute to screen."""
    import cv2
    import numpy as np

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3000):
        if number == 0:
            cv2.imwrite(str(folder / "0000.png"), np.full((120, 160, 3), 128, np.uint8))
        else:
            os.link(folder / "0000.png", folder / f"{number:04}.png")
    return folder


@contextlib.contextmanager
def running_box(config: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with start_kakou("run", "--config", config, folder=folder, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def camera_children(process_id: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process_id).children()
        return [child for child in children if "kakou.box.group" in child.cmdline()]
    return []


@pytest.mark.long
def test_a_camera_process_that_is_killed_comes_back_although_the_file_is_half_written_by_then(
    tmp_path: Path, pictures: Path, redis_url: str
):
    config = tmp_path / "kakou.toml"
    text = f'redis_url = "{redis_url}"\nstate_dir = "{tmp_path / "state"}"\n[[source]]\ncamera_id = "a"\n'
    config.write_text(f'{text}checkpoint = "x"\nuri = "{pictures}"\n', encoding="utf-8")
    counts = tmp_path / "state" / "run" / "a.json"
    with running_box(config, tmp_path) as box:
        wait_until(counts.exists, timeout_s=30)
        [first] = camera_children(box.pid)
        arguments = [" ".join(one.cmdline()) for one in psutil.Process(box.pid).children(recursive=True)]
        with config.open("a") as file:
            file.write('[[source]]\ncamera_id = "hal')
        counts.unlink()
        first.kill()
        wait_until(counts.exists, timeout_s=30, what="the camera to be screened again")
        [second] = camera_children(box.pid)
        assert second.pid != first.pid
        assert not any(redis_url in one or "hal" in one for one in arguments)


def test_a_camera_whose_process_is_given_up_is_told_on_its_tile_and_by_the_exit_code(tmp_path: Path, redis_url: str):
    camera = SourceSettings(camera_id="入口", checkpoint="东门", uri=str(tmp_path / "x.mp4"))
    settings = small_box(tmp_path, redis_url=redis_url, source=(camera,), ocr_model="no-such-model")
    result = run_box(settings, threading.Event(), as_json=True, show_clear_plates=False)
    assert result.given_up == {"入口": ExitCode.INTEGRITY}
    with redis.Redis.from_url(redis_url) as client:
        [status] = StatusBoard(client).statuses()
    assert status.stopped is not None
    assert "no-such-model" in status.stopped
    [tile] = tiles([Heard(status, status.reported_at)], ConsoleSettings(), status.reported_at)
    assert tile.health == "bad"
    assert tile.problems == (f"已停止，修复后须重新启动：{status.stopped}",)


def test_the_order_is_not_left_for_the_processes_that_a_child_starts():
    code = "from kakou.box.orders import run_by_order; import subprocess, sys;"
    code += "run_by_order(lambda order: print(subprocess.check_output(['cat'])) or 0)"
    order = new_order(FULL, "redis://x").to_bytes()
    done = subprocess.run([sys.executable, "-c", code], input=order, capture_output=True, check=True, cwd=REPOSITORY)
    assert done.stdout == b"b''\n"


def test_cameras_share_processes_and_footage_has_its_own():
    names = {name: [one.camera_id for one in sources] for name, sources in sources_by_group(FULL).items()}
    assert names == {"g": ["a", "b"], "c": ["c"]}
    cameras = [SourceSettings(camera_id=f"k{n}", checkpoint="x", uri=f"rtsp://camera-{n}/") for n in range(10)]
    alone = SourceSettings(camera_id="k", checkpoint="x", uri="rtsp://camera/", group="alone")
    settings = Settings(source=(*cameras, alone))
    sizes = {name: len(sources) for name, sources in sources_by_group(settings).items()}
    assert sizes == {"cameras-1": 8, "cameras-2": 2, "alone": 1}


def test_the_order_carries_the_group_of_each_source():
    assert json.loads(new_order(FULL, "").to_bytes())["settings"]["source"][0]["group"] == "g"
